"""A batch that fails too often stops by itself; a good one never does (simulated)."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

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
    """The median of 300 simulated batches, a twentieth of whose cards are bad; all of them have stopped by 400.

    Sixty is the median and no bound: more than four in ten sell more. Nine in ten have stopped by 150.
    """
    chance = random.Random(7)
    stops = [sold_until_stopped(chance, 0.05, 400) for _ in range(300)]
    assert None not in stops
    assert statistics.median(stops) <= 60
    assert 150 <= sum(stop <= 60 for stop in stops) < 180
    assert sum(stop <= 150 for stop in stops) >= 270


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


def test_a_cause_that_says_nothing_of_the_batch_stops_nothing(db, ring):
    """A minor's refund (C-72) and goodwill void good cards: however many, the batch goes on."""
    pool, sold = sold_of(db, ring, 8)
    for turn, (card, line) in enumerate(sold):
        cards.void(db, [(pool, card)], [line], ("minor", "goodwill")[turn % 2], clock.now())
    assert value(db, "SELECT sellable FROM cards_pool WHERE id = %s", [pool]) is True
    rate = cards.failure_rate(db, pool)
    assert (rate.sold, rate.failed) == (8, 0)


def test_what_was_void_before_causes_were_kept_counts_as_it_did(db, ring):
    pool, sold = sold_of(db, ring, 3)
    cards.void(db, [(pool, sold[0][0])], [sold[0][1]], "minor", clock.now())
    db.execute("UPDATE cards_card SET void_cause = NULL WHERE pool_id = %s", [pool])
    assert cards.failure_rate(db, pool).failed == 1


def test_what_its_supplier_calls_invalid_counts_and_is_noted_with_the_sale(db, ring):
    """A disputed card is asked about; only `invalid` speaks against the batch, and each card once."""
    source = make.source(db, ring)
    cards.set_source(db, ring, make.STAFF, replace(source, checks_cards=True), "", clock.now())
    sku = make.sku(db)
    pool = make.batch(db, ring, sku, 9, on_sale=False, by=source.supplier_id).pool_id
    sample = cards.open_sample(db, ring, pool, 1, clock.now())
    sales.checked(db, sample, {card: "unused" for card, *_ in sample.cards}, clock.now())
    make.put_on_sale(db, ring, pool)
    orders = [shown(db, ring, sku) for _ in range(4)]
    for turn, (order, answer) in enumerate(zip(orders, ("used", "unknown", "invalid", "invalid"), strict=True)):
        assert value(db, "SELECT sellable FROM cards_pool WHERE id = %s", [pool]) is True
        assert sales.dispute(db, make.STAFF, (order.pool_id, order.id), clock.now()) == 1
        told = cards.open_sample(db, ring, pool, turn + 2, clock.now())
        assert told.is_disputed
        assert sales.checked(db, told, {told.cards[0][0]: answer}, clock.now()) is (turn == 3)
    assert [line.redemption for order in orders for line in sales.lines_of(db, [order.id])[order.id]] == [
        "unknown", "unknown", "invalid", "invalid",
    ]  # fmt: skip
    [(card, line)] = db.execute(
        "SELECT id, sale_line_id FROM cards_card WHERE order_id = %s", [orders[2].id]
    ).fetchall()
    cards.void(db, [(pool, card)], [line], "bad_card", clock.now())
    assert cards.failure_rate(db, pool).failed == 2
    steps = cards.steps(db, pool)
    assert [step.event for step in steps][-6:] == ["on_sale", *["checked"] * 4, "frozen"]
    assert cards.sample_of(steps).body["unused"] == 9, "a dispute is no sample"


def test_who_answers_for_no_cards_is_not_asked(db, ring):
    sku = make.stocked(db, ring, 2)
    order = shown(db, ring, sku)
    assert sales.dispute(db, make.STAFF, (order.pool_id, order.id), clock.now()) == 0
    assert sales.dispute(db, make.STAFF, (1, make.ids(1)[0]), clock.now()) is sales.RefundRefusal.NO_SUCH_ORDER


def shown(db, ring, sku):
    who = make.buyer()
    placed = make.order(db, ring, sku, 1, who)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.reveal(db, ring, placed.token, who, clock.now())
    return placed


def sold_of(db, ring, many):
    """A batch of which so many were sold: its pool, and card and line of each."""
    sku = make.sku(db)
    pool = make.batch(db, ring, sku, 20).pool_id
    sales.settle(db, [make.notice(make.order(db, ring, sku)) for _ in range(many)], clock.now())
    sql = "SELECT id, sale_line_id FROM cards_card WHERE pool_id = %s AND state = 'sold' ORDER BY id"
    return pool, db.execute(sql, [pool]).fetchall()


def test_claims_stop_a_batch_and_a_person_starts_it_again(db, ring):
    """Cards that are void by claims count; the rest of the batch is not for sale until somebody has looked."""
    pool, sold = sold_of(db, ring, 4)
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
