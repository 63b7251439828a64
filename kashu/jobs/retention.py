"""Nightly: secrets whose purpose has ended are erased, buyers of old orders forgotten, and who asked for it (C-20, C-54, S-08)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu import aftersale, cards, sales
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.wire.context import Context

log = logging.getLogger(__name__)
Key = tuple[int, UUID]
Place = tuple[date | datetime, Key]
Next = Callable[[Db, Place | None, datetime], list[Place]]
Step = Callable[[Db, Sequence[Key], datetime], object]


def retain(ctx: Context) -> None:
    """Go through what is due, some orders in a transaction."""
    _go_through(ctx, sales.to_erase, lambda db, keys, at: sales.erase_secrets(db, ctx.ring, keys, ctx.secret_days, at))
    _go_through(
        ctx, sales.to_forget, lambda db, keys, at: sales.forget_rest(db, keys, at, aftersale.contested(db, keys))
    )
    _go_through(
        ctx, sales.to_purge, lambda db, keys, at: sales.purge(db, ctx.ring, keys, at, aftersale.contested(db, keys))
    )
    _shred(ctx)


def _go_through(ctx: Context, find: Next, step: Step) -> None:
    after = None
    while True:
        with ctx.pool.transaction() as db:
            found = find(db, after, clock.now())
        if not found:
            return
        after = found[-1]
        _do(ctx, step, [key for _due, key in found])


def _shred(ctx: Context) -> None:
    after = 0
    while True:
        with ctx.pool.transaction() as db:
            shredded = cards.shred(db, after, ctx.secret_days, clock.now())
        if not shredded:
            return
        after = shredded[-1]


def _do(ctx: Context, step: Step, keys: Sequence[Key]) -> None:
    """All at once, or one by one where that fails: an order that cannot be done keeps no other from it."""
    for some in (keys, *([key] for key in keys)):
        try:
            with ctx.pool.transaction() as db:
                step(db, some, clock.now())
        except Exception:
            log.exception("retention.failed", extra={"orders": [str(order_id) for _pool, order_id in some]})
            continue
        if some is keys:
            return
