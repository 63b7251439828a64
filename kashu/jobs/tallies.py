"""Tying what became of cards to the chains of their batches, at night (§2.1)."""

from __future__ import annotations

import logging

from kashu import cards
from kashu.kernel import clock
from kashu.wire.context import Context

log = logging.getLogger(__name__)


def tally(ctx: Context) -> int:
    """A step for every batch of which cards were seen or redeemed, each by itself: one that fails stops no other. How many."""
    after = many = 0
    while True:
        with ctx.pool.transaction() as db:
            pools = cards.to_tally(db, after)
        for pool_id in pools:
            after = pool_id
            try:
                with ctx.pool.transaction() as db:
                    many += cards.tally(db, pool_id, clock.now()) is not None
            except Exception:
                log.exception("tally.failed", extra={"pool": pool_id})
        if not pools:
            return many
