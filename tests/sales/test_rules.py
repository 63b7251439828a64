"""The decisions of selling hold whatever comes: together as one at a time, never more than there is, always in balance."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashu import catalog
from kashu.cards import Card
from kashu.catalog import Deal, Offer
from kashu.ledger.rules import unbalanced, without_zeros
from kashu.payments import Notice, Payment, Refund, Route, Verdict
from kashu.payments.rules import KINDS, PAYMENT, SYSTEMS, Entry, is_ailing, route, way
from kashu.payments.rules import judge as judge_notice
from kashu.payments.types import Standing
from kashu.sales import Buyer, Checkout, Placed, Refusal, SaleLine, rules
from kashu.sales.types import Usage

AT = datetime(2026, 11, 22, tzinfo=UTC)
OFFER = Offer(
    7, "SKU", "slug", "t", "b", "h", "年卡", "single_use", 3_990, None, [{"from": 3, "price_fen": 3_500}], 5, 6, "", [], [], "", 30,
    None, 1, 2, "seller", "", False, AT - timedelta(days=1), 1, 600, 1,
)  # fmt: skip
PAGE = catalog.page_hash(catalog.page_body(OFFER, None))
BUYERS = [Buyer(bytes([n]) * 16, bytes([n % 2]) * 16) for n in range(3)]
checkouts = st.lists(
    st.builds(
        Checkout,
        code=st.sampled_from(["SKU", "SKU", "SKU", "OTHER"]),
        quantity=st.integers(-1, 7),
        buyer=st.sampled_from(BUYERS),
        key=st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"]),
        pay=st.sampled_from(["pay", "pay", "closed"]),
        method=st.just("h5"),
        page_hash=st.sampled_from([PAGE, PAGE, b"old"]),
        consent_hash=st.sampled_from(["yes", "yes", ""]),
    ),
    max_size=14,
)


def world(stock):
    usage = {bucket: Usage(0, {}, {}) for buyer in BUYERS for bucket in buyer.buckets}
    shelf = {(7, "", 0): deque(Card(1 + n % 3, n, 7, 5, 3_000) for n in range(stock))}
    return rules.World(
        {"SKU": OFFER},
        [],
        usage,
        shelf,
        {7: stock},
        {},
        [Route("pay-1", "pay", ["h5"], 1, 1, 10**9, None, 0, 0, 0)],
        "yes",
        AT,
        600,
    )


def mint():
    return (UUID(int=n) for n in count(1)).__next__


def orders(outcomes):
    """The orders among outcomes; twins are one order."""
    return list({one.id: one for one in outcomes if isinstance(one, Placed)}.values())


@settings(max_examples=300)
@given(checkouts, st.integers(0, 30))
def test_a_batch_is_the_same_as_one_at_a_time(asked, stock):
    """The promise that lets a till batch: nobody can tell whether they were batched."""
    together = rules.decide(asked, world(stock), mint())
    one_world, mints = world(stock), mint()
    alone, done = [], {}
    for checkout in asked:  # an order under the same key is found, as it would be in the database
        outcome = done.get(checkout.identity) or rules.decide([checkout], one_world, mints)[0]
        if isinstance(outcome, Placed):
            done[checkout.identity] = outcome
        alone.append(outcome)

    def plain(outcome):
        return replace(outcome, number="", token="") if isinstance(outcome, Placed) else outcome

    assert [plain(one) for one in together] == [plain(one) for one in alone]


@given(checkouts, st.integers(0, 30))
def test_what_is_placed_is_there_once_and_within_every_limit(asked, stock):
    placed = orders(rules.decide(asked, world(stock), mint()))
    taken = [card.id for one in placed for line in one.lines for card in line.cards]

    assert len(taken) == len(set(taken)) == sum(one.checkout.quantity for one in placed) <= stock
    for one in placed:
        assert sum(line.quantity for line in one.lines) == one.checkout.quantity
        assert one.total_fen == one.price_fen * one.checkout.quantity
        assert one.price_fen == (3_500 if one.checkout.quantity >= 3 else 3_990)
        assert all(card.pool_id == line.pool_id for line in one.lines for card in line.cards)
    for buyer in BUYERS:
        mine = [one for one in placed if one.checkout.buyer == buyer]
        assert len(mine) <= 3
        assert sum(one.checkout.quantity for one in mine) <= 6


@given(checkouts, st.integers(0, 30))
def test_demand_is_enough_and_junk_asks_for_nothing(asked, stock):
    wanted = rules.demand(asked, world(stock), {}).get((7, "", 0), 0)
    placed = orders(rules.decide(asked, world(stock), mint()))
    assert sum(one.checkout.quantity for one in placed) <= wanted
    junk = [replace(one, consent_hash="") for one in asked]
    assert rules.demand(junk, world(stock), {}) == {}


money = st.integers(1, 10**9)


@given(money, st.integers(1, 50), st.integers(0, 10**9), st.booleans(), st.integers(0, 10_000))
def test_every_recipe_balances_and_a_return_undoes_it(price, quantity, cost, third, rate):
    total = price * quantity
    line = SaleLine(
        1, UUID(int=1), 1, UUID(int=2), 7, 2, 5, quantity, price, None, [], total, cost, third, 1, total * rate // 10_000 if third else 0,
        b"", 1, "clear", "unknown", date(2026, 11, 22), None, None, None,
    )  # fmt: skip
    there, back = rules.delivered_postings(line, 99), rules.delivered_postings(line, 99, back=True)
    refund = Refund(1, UUID(int=3), UUID(int=4), UUID(int=2), "g", total, "r", "requested", 0, AT, None, "")

    for booking in (there, back, rules.refund_postings(refund, 1), rules.refunded_postings(refund, 98)):
        assert unbalanced(booking) == {}
    sums: dict[int, int] = {}
    for posting in [*there, *back]:
        sums[posting.account_id] = sums.get(posting.account_id, 0) + posting.amount_fen
    assert set(sums.values()) == {0}
    assert all(posting.amount_fen for posting in without_zeros(there))
    assert unbalanced([*there, there[0]]) != {}


@given(
    st.integers(1, 100),
    st.sampled_from(["CNY", "USD"]),
    st.sampled_from(["m-1", "m-2"]),
    st.sampled_from(["created", "paying", "unknown", "closed", "paid"]),
    st.booleans(),
    st.sampled_from(["a-1", "a-1", "a-2"]),
    st.sampled_from([None, 50, 51]),
)
def test_only_a_true_notice_pays(amount, currency, merchant, state, same_number, app_id, confirm_fen):
    standing = Standing("m-1", "a-1", confirm_fen, is_seen=False, owner=None, payment=None)
    payment = Payment(
        1, UUID(int=1), UUID(int=2), "pay", "t", 50, "CNY", state, "h5", "redirect", "", "g" if state == "paid" else None, AT,
        AT, None,
    )  # fmt: skip
    notice = Notice("pay", "e", "t", "g" if same_number else "h", amount, currency, merchant, AT, b"", app_id=app_id)
    verdict, _why = judge_notice(notice, replace(standing, payment=payment))
    is_true = (amount, currency, merchant, app_id) == (50, "CNY", "m-1", "a-1")

    assert (verdict is Verdict.QUARANTINED) == (not is_true)
    if is_true and state == "paid":
        assert verdict is (Verdict.REPEATED if same_number else Verdict.PAID_TWICE)
    elif is_true and confirm_fen == 50:
        assert verdict is Verdict.TO_CONFIRM
        assert judge_notice(replace(notice, source="query"), replace(standing, payment=payment))[0] is Verdict.PAID
    elif is_true:
        assert verdict is Verdict.PAID
    assert judge_notice(notice, standing)[0] is Verdict.QUARANTINED


routes = st.lists(
    st.builds(
        Route,
        st.sampled_from(["one", "two", "three", "four"]),
        st.sampled_from(["alipay", "wechat"]),
        st.sampled_from([["h5"], ["h5", "native"]]),
        st.integers(1, 5),
        st.integers(1, 60),
        st.integers(60, 200),
        st.sampled_from([None, 100, 1_000]),
        st.integers(0, 100),
        st.integers(0, 6),
        st.integers(0, 10),
    ),
    max_size=4,
    unique_by=lambda one: one.channel_id,
)


@given(routes, st.sampled_from(["h5", "native"]), st.integers(1, 250), st.integers(0, 10**9))
def test_a_route_may_take_what_it_is_given_and_the_sick_are_spared(told, method, amount, chance):
    chosen = route(told, "alipay", method, amount, chance)
    able = [
        one for one in told
        if one.kind == "alipay" and method in one.methods and one.amount_fen_min <= amount <= one.amount_fen_max
        and (one.day_fen_max is None or one.taken_fen + amount <= one.day_fen_max)
    ]  # fmt: skip
    assert (chosen is None) == (not able)
    if chosen is not None:
        [one] = [one for one in able if one.channel_id == chosen]
        assert not is_ailing(one) or all(is_ailing(other) for other in able)
        assert route(told, "alipay", method, amount, chance) == chosen


def test_weights_are_shares():
    told = [Route(name, "a", ["h5"], weight, 1, 100, None, 0, 0, 0) for name, weight in (("one", 1), ("two", 3))]
    chosen = [route(told, "a", "h5", 50, chance) for chance in range(400)]
    assert (chosen.count("one"), chosen.count("two")) == (100, 300)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("entry", list(Entry))
@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_matrix_says_who_says_so(entry, system, kind):
    cell = way(entry, system, kind)
    assert cell.ground
    assert cell.can in ("yes", "no", "unknown")
    assert (cell.method is not None) == (cell.can == "yes")


LINE = SaleLine(
    1, UUID(int=1), 1, UUID(int=2), 7, 2, 5, 1, 100, None, [], 100, 50, False, 1, 0, b"", 1, "clear", "unknown",
    date(2026, 11, 22), None, None, None,
)  # fmt: skip
deals = st.lists(
    st.builds(
        Deal,
        st.just(7),
        st.integers(-20, 3).map(lambda back: date(2026, 11, 22) + timedelta(days=back)),
        st.integers(1, 9_999),
        st.integers(1, 9_999),
    ),
    max_size=12,
    unique_by=lambda deal: deal.day,
)


@given(deals, st.integers(1, 9_999))
def test_a_struck_price_is_never_above_what_it_was_sold_for(told, list_price):
    """C-35: at most the lowest deal of the seven days before, else the last deal; with none, none."""
    told = [replace(deal, lowest_fen=min(deal.lowest_fen, deal.last_fen)) for deal in told]
    before = [deal for deal in told if deal.day < date(2026, 11, 22)]
    week = [deal for deal in before if deal.day >= date(2026, 11, 15)]
    shown = catalog.has_struck_price(list_price, told, datetime(2026, 11, 22, 4, tzinfo=UTC))

    if week:
        assert shown == (list_price <= min(deal.lowest_fen for deal in week))
    elif before:
        assert shown == (list_price <= max(before, key=lambda deal: deal.day).last_fen)
    else:
        assert not shown


@given(
    st.integers(2, 10_000),
    st.lists(st.tuples(st.integers(2, 50), st.integers(1, 9_999)), max_size=5),
    st.integers(1, 60),
)
def test_more_pieces_never_cost_more_each(price, raw, quantity):
    from kashu.catalog.rules import tiers_fit, tiers_of

    tiers = [{"from": least, "price_fen": fen} for least, fen in raw]
    if tiers_fit(price, tiers_of(tiers)):
        assert (
            catalog.quote(price, tiers, quantity + 1).price_fen
            <= catalog.quote(price, tiers, quantity).price_fen
            <= price
        )


@given(st.integers(30, 3_600), st.integers(0, 200))
def test_holds_get_shorter_as_the_shelf_empties_and_never_longer(longest, on_shelf):
    held = rules.hold_seconds(longest, on_shelf)
    assert min(longest, 180) <= held <= longest
    assert rules.hold_seconds(longest, on_shelf + 1) >= held
    assert rules.hold_seconds(longest, 50) == longest


def test_no_move_leads_out_of_the_end_and_every_state_can_be_reached():
    for moves in (rules.ORDER, PAYMENT):
        reached, edge = set(), {next(iter(moves.table))}
        while edge:
            reached |= edge
            edge = {after for state in edge for after in moves.table[state]} - reached
        assert reached == set(moves.table)
    assert not any(rules.ORDER.allows("refunded", after) for after in rules.ORDER.table)
    assert Refusal.OUT_OF_STOCK
