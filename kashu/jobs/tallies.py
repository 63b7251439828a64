"""Tying what became of cards to the chains of their batches, at night, and looking whether the chains bear it out (§2.1)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from kashu import cards
from kashu.cards import Checked
from kashu.kernel import clock
from kashu.wire import metrics
from kashu.wire.context import Context

log = logging.getLogger(__name__)
LOOK_SECONDS_MAX = 3_600  # what is not reached in a night is the first of the next one


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


def check_chains(ctx: Context) -> tuple[int, int]:
    """Look at every chain that grew since it was last looked at or was wrong then, and at a thirtieth of the others.

    How many, and how many are wrong: each of them is an error in the log, all of them a figure and a line of the board.
    """
    begun, until = clock.now(), time.monotonic() + LOOK_SECONDS_MAX
    after = many = 0
    while True:
        with ctx.pool.transaction() as db:
            pools = cards.to_check(db, after)
        many += _look(ctx, pools, until)
        if not pools:
            break
        after = pools[-1]
    with ctx.pool.transaction() as db:
        turn = cards.longest_unchecked(db, begun)
    many += _look(ctx, turn, until)
    return many, watch_chains(ctx)


def watch_chains(ctx: Context) -> int:
    """Tell whoever watches the figures how many batches are wrong, whichever worker found it."""
    with ctx.pool.transaction() as db:
        wrong = cards.count_wrong_chains(db)
    metrics.CHAINS_WRONG.set(wrong)
    return wrong


def _look(ctx: Context, pools: Sequence[int], until: float) -> int:
    """Look at these until the time is over, each by itself: one that fails stops no other. How many."""
    many = 0
    for pool_id in pools:
        if time.monotonic() > until:
            log.warning("chain.not_reached", extra={"pools": len(pools) - many})
            break
        try:
            with ctx.pool.transaction() as db:
                _tell(cards.check_chain(db, pool_id, clock.now()))
        except Exception:
            log.exception("chain.not_read", extra={"pool": pool_id})
        many += 1
    return many


def _tell(found: Checked) -> None:
    if found.is_wrong:
        told = {"batch": found.code, "broken": found.broken, "mistold": found.mistold}
        log.error("chain.wrong", extra=told)
