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
from kashu.cards.types import Checked, Step
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db, assert_in_transaction

POOLS_AT_ONCE = 200
EVENTS_AT_ONCE = 100_000
NIGHTS = 30  # within which every chain has its turn
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

    It reads every card of the pool that was sold, so it is asked at night, or for one batch by somebody.
    """
    for told in rules.stretches(rules.tallies(steps), EVENTS_AT_ONCE):
        begin, end = rules.window(told[0])[0], rules.window(told[-1])[1]
        wrong = rules.mistold(told, store.events(db, told[0].pool_id, begin, end))
        if wrong is not None:
            return wrong
    return None


def check_chain(db: Db, pool_id: int, at: datetime) -> Checked:
    """Look whether a pool's chain and each of its tallies are as they were written, and keep what was found.

    A chain goes on from where it was last time: one whose end is gone, or that somebody wrote anew from some step on with
    hashes that fit, has no broken link. What is wrong stays so until the chain is again what it was.
    """
    assert_in_transaction(db)
    found = _found(db, pool_id, at)
    store.keep_checked(db, found)
    return found


def to_check(db: Db, after: int) -> list[int]:
    """The next pools, after one, whose chain grew since it was looked at, or was found wrong."""
    return store.to_check(db, after, POOLS_AT_ONCE)


def longest_unchecked(db: Db, before: datetime) -> list[int]:
    """The thirtieth of all pools that were looked at longest ago, so that each has its turn within a month."""
    return store.longest_unchecked(db, before, NIGHTS)


def unsound(db: Db, at: datetime, most: int) -> list[Checked]:
    """Pools that were found wrong, and those that a look at what grew since shows to be: a look at so many, kept nowhere."""
    known = store.wrong_chains(db, most)
    new = [_found(db, pool_id, at) for pool_id in store.to_check(db, 0, most)]
    return list({one.pool_id: one for one in [*known, *new] if one.is_wrong}.values())


def _found(db: Db, pool_id: int, at: datetime) -> Checked:
    steps, before = store.steps(db, pool_id), store.checked(db, pool_id)
    broken = rules.broken(steps)
    if broken is None and before is not None and not rules.goes_on(steps, before):
        broken = before.seq
    if broken is None:
        seq, head = (steps[-1].seq, steps[-1].hash) if steps else (0, b"")
    else:
        seq, head = (0, b"") if before is None else (before.seq, before.head)
    batch = store.batch(db, pool_id)
    assert batch is not None
    wrong = mistold(db, steps) if broken is None else None
    return Checked(pool_id, batch.code, at, seq, head, broken, wrong)
