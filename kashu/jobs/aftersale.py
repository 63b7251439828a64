"""What comes after a sale, by the clock: terms that were missed are told, persons are forgotten in time (C-13, C-39, C-72)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from kashu import aftersale
from kashu.jobs.rounds import in_rounds
from kashu.kernel import clock
from kashu.kernel.events import Fact, tell
from kashu.wire import metrics
from kashu.wire.context import Context

log = logging.getLogger(__name__)
RECALL_AGAIN_DAYS = (1, 3, 7)  # what was being delivered when an authorisation fell is recalled as well


def watch_clocks(ctx: Context) -> int:
    """Tell each missed term once: the trail, the metrics and the log; how many. The board counts them as they stand."""
    total = 0
    while True:
        with ctx.pool.transaction() as db:
            found = aftersale.tell_overdue(db, clock.now())
        for one in found:
            metrics.BREACHES.labels(one.name).inc()
            log.warning("term.missed", extra={"clock": one.name, "thing": one.thing, "id": str(one.id)})
        total += len(found)
        if not found:
            return total


def forget_persons(ctx: Context) -> int:
    """Erase who complained and who claimed, three years after the end (C-54); files go with the next sweep."""
    return in_rounds(ctx, aftersale.erase_due)


def recall_cards(ctx: Context, body: Mapping[str, Any]) -> None:
    """An authorisation was revoked: what was bought when it held no more is recalled (§2.3), each order by itself."""
    turn, made, looked = int(body["turn"]), 0, 0
    place: tuple[int, UUID] | None = aftersale.FIRST
    while place is not None:
        with ctx.pool.transaction() as db:
            keys, place = aftersale.recallable(db, int(body["authorisation"]), place)
        looked += len(keys)
        for key in keys:
            with ctx.pool.transaction() as db:
                made += aftersale.recall(db, key, clock.now())
    if made:
        log.warning("cards.recalled", extra={"authorisation": body["authorisation"], "orders": made})
    if looked and turn < len(RECALL_AGAIN_DAYS):
        due_at = clock.now() + timedelta(days=RECALL_AGAIN_DAYS[turn])
        with ctx.pool.transaction() as db:
            tell(db, [Fact("authorisation.revoked", {**body, "turn": turn + 1}, due_at=due_at)], clock.now())


def pay_compensation(ctx: Context, body: Mapping[str, Any]) -> None:
    """Two persons have approved it: paid once, however often this is told."""
    with ctx.pool.transaction() as db:
        aftersale.pay(db, UUID(body["compensation_id"]), clock.now())
