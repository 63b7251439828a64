"""Orders and redemptions tied to the chain of their batch: once a day a step tells what became of its cards, as one hash.

A step for each sale would lock one row of the pool for all of its buyers. A day's events are facts by then, and a change of
one of them is found out as a change of the step itself would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from kashu.audit import SYSTEM
from kashu.cards import rules, store
from kashu.cards.service import provenance
from kashu.cards.types import Step
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db, assert_in_transaction

POOLS_AT_ONCE = 200
SETTLED_SECONDS = 3_600  # transactions of the day before are over: none will still write into what was counted


def to_tally(db: Db, after: int) -> list[int]:
    """The next pools whose cards may have been seen or redeemed, after one."""
    return store.to_tally(db, after, POOLS_AT_ONCE)


def tally(db: Db, pool_id: int, at: datetime) -> Step | None:
    """Tell by a step what became of a pool's cards since its last tally, up to the end of the last day; None for nothing."""
    assert_in_transaction(db)
    store.last_step(db, pool_id)  # holds the pool: of two at once, the second one sees the tally of the first
    since = store.tallied_until(db, pool_id) or rules.BEGINNING_AT
    until = day_start(biz_date(at - timedelta(seconds=SETTLED_SECONDS)))
    found = store.events(db, pool_id, since, until)
    if not found:
        return None
    counts = Counter(event.what for event in found)
    body = {"since": since.isoformat(), "until": until.isoformat(), **dict(sorted(counts.items()))}
    body["root"] = rules.root([event.leaf for event in found]).hex()
    return provenance.note(db, SYSTEM, pool_id, "tallied", body, at)


def mistold(db: Db, steps: Sequence[Step]) -> int | None:
    """The number of the first tally, among these steps of one pool, that its cards and redemptions do not bear out.

    It reads every card of the pool that was sold, so it is asked for one batch, by somebody.
    """
    told = rules.tallies(steps)
    if not told:
        return None
    begin, end = rules.window(told[0])[0], rules.window(told[-1])[1]
    return rules.mistold(told, store.events(db, told[0].pool_id, begin, end))
