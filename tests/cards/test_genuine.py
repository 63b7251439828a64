"""A batch that fails too often stops by itself; a good one never does (simulated)."""

from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from kashu import cards, sales
from kashu.cards.rules import chance_of_bad, is_bad
from kashu.kernel import clock
from kashu.kernel.db import value
from tests import make


def sold_until_stopped(chance, rate, most):
    failed = 0
    for sold in range(1, most + 1):
        failed += chance.random() < rate
        if is_bad(sold, failed):
            return sold
    return None


def test_one_in_twenty_stops_within_sixty():
    """The median of 300 simulated batches, a twentieth of whose cards are bad; all of them have stopped by 400."""
    chance = random.Random(7)
    stops = [sold_until_stopped(chance, 0.05, 400) for _ in range(300)]
    assert None not in stops
    assert statistics.median(stops) <= 60


def test_three_in_a_thousand_never_stop():
    """A hundred simulated batches of two thousand cards."""
    chance = random.Random(11)
    assert [sold_until_stopped(chance, 0.003, 2_000) for _ in range(100)] == [None] * 100


@given(st.integers(0, 400), st.integers(0, 40))
def test_more_failures_never_look_better_and_more_good_ones_never_worse(sold, failed):
    failed = min(sold, failed)
    here = chance_of_bad(sold, failed)
    assert 0 <= here <= 1 + 1e-9
    assert chance_of_bad(sold + 1, failed + 1) >= here - 1e-9
    assert chance_of_bad(sold + 1, failed) <= here + 1e-9


def test_claims_stop_a_batch_and_a_person_starts_it_again(db, ring):
    """Cards that are void by claims count; the rest of the batch is not for sale until somebody has looked."""
    sku = make.sku(db)
    pool = make.batch(db, ring, sku, 20).pool_id
    orders = [make.order(db, ring, sku) for _ in range(4)]
    sales.settle(db, [make.notice(one) for one in orders], clock.now())
    sold = db.execute(
        "SELECT id, sale_line_id FROM cards_card WHERE pool_id = %s AND state = 'sold' ORDER BY id", [pool]
    ).fetchall()
    for turn, (card, line) in enumerate(sold):
        assert value(db, "SELECT sellable FROM cards_pool WHERE id = %s", [pool]) is (turn < 2)
        cards.void(db, [(pool, card)], [line], "bad_card", clock.now())
    assert value(db, "SELECT reason FROM cards_pool WHERE id = %s", [pool]) == "risk"
    assert [step.event for step in cards.steps(db, pool)][-1] == "frozen"
    assert isinstance(cards.withdraw(db, make.STAFF, pool, "查看", clock.now()), cards.Batch)
    assert cards.put_on_sale(db, make.STAFF, pool, clock.now()) is cards.Refusal.FROZEN
    assert cards.clear(db, make.STAFF, pool, "已向供应商核实", clock.now()) is cards.Refusal.SAME_PERSON
    assert cards.clear(db, make.REVIEWER, pool, " ", clock.now()) is cards.Refusal.NO_REASON
    assert isinstance(cards.clear(db, make.REVIEWER, pool, "已向供应商核实", clock.now()), cards.Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, pool, clock.now()), cards.Batch)
    assert value(db, "SELECT sellable FROM cards_pool WHERE id = %s", [pool]) is True
