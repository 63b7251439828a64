"""One sale, from the placed order to the revealed card, and each way it can be turned down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import cards, ledger, payments, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.payments import Verdict
from kashu.sales import Earlier, Placed, RefundRefusal, Refusal, RevealRefusal
from tests import make


def test_a_paid_order_gives_its_buyer_the_card(db, ring):
    sku = make.stocked(db, ring, 3)
    who = make.buyer()
    placed = make.order(db, ring, sku, 2, who)

    assert sales.settle(db, [make.notice(placed)], clock.now()) == [Verdict.PAID]
    opened = sales.reveal(db, ring, placed.token, who, clock.now())

    assert [card.secret[:5] for card in opened] == ["KZ7F-", "KZ7F-"]
    assert len({card.secret for card in opened}) == 2
    assert ledger.check(db) == []


def test_a_sale_line_remembers_what_it_must(db, ring):
    sku = make.stocked(db, ring, 3, tiers=[{"from": 2, "price_fen": 3_500}])
    placed = make.order(db, ring, sku, 2)
    sales.settle(db, [make.notice(placed)], clock.now())

    [line] = sales.lines_of(db, [placed.id])[placed.id]

    assert (line.quantity, line.price_fen, line.total_fen, line.cost_fen) == (2, 3_500, 7_000, 6_000)
    assert [step["what"] for step in line.price_steps] == ["base", "tier"]
    assert line.page_hash == placed.checkout.page_hash
    assert line.risk_hold == "clear"
    assert line.warranty_ends_on is not None


@pytest.fixture(autouse=True)
def one_channel(dsn, db):
    """Other tests' channels are shut for the length of a test: what is compared here goes through one."""
    with connect(dsn) as other, other.transaction():
        make.channel(other)  # committed, so that a test of two connections does not wait for this one
    db.execute("UPDATE payments_channel SET is_open = false WHERE id <> %s", [make.CHANNEL])


def test_self_operated_money_is_income_and_cost(db, ring):
    sku = make.stocked(db, ring, 1)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())

    assert booked(db, placed) == {
        ("order_paid", f"psp:{make.CHANNEL}"): -3_990,
        ("order_paid", "order_liability"): 3_990,
        ("line_delivered", "order_liability"): -3_990,
        ("line_delivered", "sales"): 3_990,
        ("line_delivered", "cogs"): -3_000,
        ("line_delivered", "inventory"): 3_000,
    }


def test_third_party_money_is_the_suppliers_less_six_percent(db, ring):
    seller = make.supplier(db)
    sku = make.stocked(db, ring, 1, seller=seller)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())

    delivered = {code: fen for (recipe, code), fen in booked(db, placed).items() if recipe == "line_delivered"}
    assert delivered == {"order_liability": -3_990, f"payable:{seller}": 3_751, "commission_income": 239}


def test_the_same_key_leads_to_the_same_order(db, ring):
    sku = make.stocked(db, ring, 3)
    asked = make.checkout(db, sku)

    [first] = sales.place(db, ring, [asked], clock.now())
    [again] = sales.place(db, ring, [asked], clock.now())
    [other] = sales.place(db, ring, [replace(asked, quantity=2)], clock.now())

    assert isinstance(first, Placed)
    assert isinstance(again, Earlier)
    assert again.token == first.token
    assert other is Refusal.KEY_REUSED
    assert stock(db, sku).held == 1


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"quantity": 4}, Refusal.OUT_OF_STOCK),
        ({"quantity": 0}, Refusal.OVER_LIMIT),
        ({"quantity": 101}, Refusal.OVER_LIMIT),
        ({"code": "NO-SUCH"}, Refusal.NOT_FOR_SALE),
        ({"page_hash": b"\0" * 32}, Refusal.PAGE_CHANGED),
        ({"consent_hash": ""}, Refusal.NO_CONSENT),
        ({"pay": "closed"}, Refusal.CHANNEL_CLOSED),
        ({"method": ""}, Refusal.CHANNEL_CLOSED),
    ],
)
def test_a_refused_checkout_leaves_no_trace(db, ring, change, refusal):
    sku = make.stocked(db, ring, 3)
    asked = replace(make.checkout(db, sku), **change)

    assert sales.place(db, ring, [asked], clock.now()) == [refusal]
    assert stock(db, sku).on_shelf == 3
    assert value(db, "SELECT count(*) FROM sales_key WHERE scope = %s", [asked.buyer.device]) == 0


def test_unpaid_orders_are_bounded_per_browser(db, ring):
    sku = make.stocked(db, ring, 10)
    who = make.buyer()
    answers = [sales.place(db, ring, [make.checkout(db, sku, who=who)], clock.now())[0] for _ in range(4)]

    assert [type(answer) for answer in answers[:3]] == [Placed] * 3
    assert answers[3] is Refusal.TOO_MANY_UNPAID


def test_a_limit_per_buyer_counts_what_was_bought(db, ring):
    sku = make.stocked(db, ring, 10, buyer_max=2)
    who = make.buyer()
    placed = make.order(db, ring, sku, 2, who)
    sales.settle(db, [make.notice(placed)], clock.now())

    assert sales.place(db, ring, [make.checkout(db, sku, who=who)], clock.now()) == [Refusal.BUYER_LIMIT]


def test_one_address_cannot_hold_the_whole_shelf(db, ring):
    sku = make.stocked(db, ring, 150, order_max=10)
    address = make.name("school")
    held = [
        sales.place(db, ring, [make.checkout(db, sku, 10, make.buyer(address=address))], clock.now())[0]
        for _ in range(3)
    ]

    assert [isinstance(answer, Placed) for answer in held] == [True, True, False]
    assert held[2] is Refusal.TOO_MANY_UNPAID
    make.order(db, ring, sku, 10, make.buyer(address=make.name("elsewhere")))


def test_a_repeated_notice_changes_nothing(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2))
    notice = make.notice(placed)

    assert sales.settle(db, [notice, notice], clock.now()) == [Verdict.PAID, Verdict.REPEATED]
    before = booked(db, placed)
    assert sales.settle(db, [notice], clock.now()) == [Verdict.REPEATED]
    assert sales.settle(db, [replace(notice, event_id="another")], clock.now()) == [Verdict.REPEATED]
    assert booked(db, placed) == before


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": 3_989},
        {"currency": "USD"},
        {"merchant": "m-2"},
        {"trade_no": "1A-NOSUCHONE1"},
        {"trade_no": "?"},
    ],
)
def test_a_notice_that_is_not_true_to_the_order_is_quarantined(db, ring, change):
    placed = make.order(db, ring, make.stocked(db, ring, 2))

    assert sales.settle(db, [make.notice(placed, **change)], clock.now()) == [Verdict.QUARANTINED]
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "placed"


def test_a_notice_through_another_channel_pays_nothing(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2))
    other = make.channel(db, "other-pay", is_open=False)

    assert sales.settle(db, [make.notice(placed, channel_id=other)], clock.now()) == [Verdict.QUARANTINED]


def test_one_gateway_number_pays_one_order(db, ring):
    sku = make.stocked(db, ring, 2)
    first, second = make.order(db, ring, sku), make.order(db, ring, sku)
    sales.settle(db, [make.notice(first, gateway_no="G1-" + make.SEED)], clock.now())

    told = sales.settle(db, [make.notice(second, gateway_no="G1-" + make.SEED)], clock.now())

    assert told == [Verdict.QUARANTINED]


def test_an_order_paid_twice_gets_its_second_payment_back(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2))
    sales.settle(db, [make.notice(placed)], clock.now())

    assert sales.settle(db, [make.notice(placed)], clock.now()) == [Verdict.PAID_TWICE]
    [refund] = payments.refunds_of(db, placed.pool_id, placed.id)
    assert (refund.amount_fen, refund.reason) == (3_990, "paid_twice")
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "delivered"
    assert ledger.check(db) == []


def test_the_same_second_payment_told_again_changes_nothing(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2))
    sales.settle(db, [make.notice(placed)], clock.now())
    twice = make.notice(placed)
    assert sales.settle(db, [twice], clock.now()) == [Verdict.PAID_TWICE]
    told_again = replace(twice, event_id=make.name("e"))
    assert (
        sales.settle(db, [told_again, replace(told_again, event_id=make.name("e"))], clock.now())
        == [Verdict.REPEATED] * 2
    )
    assert len(payments.refunds_of(db, placed.pool_id, placed.id)) == 1


def test_a_second_payment_under_anothers_number_is_quarantined(db, ring):
    sku = make.stocked(db, ring, 2)
    one, other = make.order(db, ring, sku), make.order(db, ring, sku)
    first = make.notice(one)
    sales.settle(db, [first, make.notice(other)], clock.now())
    assert sales.settle(db, [make.notice(other, gateway_no=first.gateway_no)], clock.now()) == [Verdict.QUARANTINED]
    assert payments.refunds_of(db, other.pool_id, other.id) == []


def test_what_was_quarantined_by_our_fault_is_judged_again(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 1))
    told = make.notice(placed)
    assert sales.settle(db, [replace(told, merchant="typo")], clock.now()) == [Verdict.QUARANTINED]
    assert sales.settle(db, [replace(told, merchant="typo")], clock.now()) == [Verdict.QUARANTINED]
    assert sales.settle(db, [replace(told, source="query")], clock.now()) == [Verdict.PAID]
    assert sales.settle(db, [told], clock.now()) == [Verdict.REPEATED]


def test_giving_up_and_paying_late_does_not_evade_the_limit(db, ring):
    sku, who = make.stocked(db, ring, 5, buyer_max=1), make.buyer()
    one = make.order(db, ring, sku, 1, who)
    assert sales.cancel(db, make.STAFF, one.token, who.device, clock.now()) is None
    two = make.order(db, ring, sku, 1, who)
    sales.settle(db, [make.notice(two)], clock.now())

    assert sales.settle(db, [make.notice(one)], clock.now()) == [Verdict.LATE]
    assert sales.orders(db, [(one.pool_id, one.id)])[one.id].state == "refunding"
    assert stock(db, sku).sold == 1


def test_a_late_card_counts_against_the_limit(db, ring):
    sku, who = make.stocked(db, ring, 5, buyer_max=1), make.buyer()
    one = make.order(db, ring, sku, 1, who)
    sales.cancel(db, make.STAFF, one.token, who.device, clock.now())
    sales.settle(db, [make.notice(one)], clock.now())
    assert sales.place(db, ring, [make.checkout(db, sku, who=who)], clock.now()) == [Refusal.BUYER_LIMIT]


def test_late_money_takes_a_lapsed_hold(db, ring):
    sku = make.stocked(db, ring, 1)
    late = make.order(db, ring, sku, hold_seconds=30)
    later = clock.now() + timedelta(seconds=31)
    sales.expire(db, later, pools(db, sku))
    [idle] = sales.place(db, ring, [make.checkout(db, sku)], later, 30)
    assert isinstance(idle, Placed)

    assert sales.settle(db, [make.notice(late)], later + timedelta(seconds=31)) == [Verdict.LATE]
    assert sales.orders(db, [(late.pool_id, late.id)])[late.id].state == "delivered"


def test_a_refused_order_locks_no_card(dsn, db, ring):
    with connect(dsn) as setup, setup.transaction():
        sku = make.stocked(setup, ring, 1)
        junk = replace(make.checkout(setup, sku), consent_hash="")
        honest = make.checkout(setup, sku)
    assert sales.place(db, ring, [junk], clock.now()) == [Refusal.NO_CONSENT]
    with connect(dsn) as other, other.transaction():
        assert isinstance(sales.place(other, ring, [honest], clock.now())[0], Placed)


def test_a_lapsed_hold_goes_back_to_the_shelf(db, ring):
    sku = make.stocked(db, ring, 1)
    make.order(db, ring, sku, hold_seconds=30)

    assert sales.expire(db, clock.now() + timedelta(seconds=29), pools(db, sku)) == 0
    assert sales.expire(db, clock.now() + timedelta(seconds=31), pools(db, sku)) == 1
    assert stock(db, sku).on_shelf == 1


def test_a_short_shelf_releases_lapsed_holds_at_once(db, ring):
    sku = make.stocked(db, ring, 1)
    make.order(db, ring, sku, hold_seconds=30)
    later = clock.now() + timedelta(seconds=31)

    [placed] = sales.place(db, ring, [make.checkout(db, sku)], later)

    assert isinstance(placed, Placed)


def test_late_money_takes_a_card_again(db, ring):
    sku = make.stocked(db, ring, 2)
    who = make.buyer()
    placed = make.order(db, ring, sku, 1, who, hold_seconds=30)
    later = clock.now() + timedelta(seconds=31)
    sales.expire(db, later, pools(db, sku))

    assert sales.settle(db, [make.notice(placed)], later) == [Verdict.LATE]

    order = sales.orders(db, [(placed.pool_id, placed.id)])[placed.id]
    assert (order.state, order.paid_late) == ("delivered", True)
    assert len(sales.reveal(db, ring, placed.token, who, later)) == 1
    assert values(db, "SELECT kind FROM sales_incident WHERE order_id = %s", [placed.id]) == ["paid_late_delivered"]
    assert ledger.check(db) == []


def test_late_money_without_cards_goes_back_in_full(db, ring):
    sku = make.stocked(db, ring, 1)
    placed = make.order(db, ring, sku, hold_seconds=30)
    later = clock.now() + timedelta(seconds=31)
    sales.expire(db, later, pools(db, sku))
    [other] = sales.place(db, ring, [make.checkout(db, sku)], later)
    assert isinstance(other, Placed)

    assert sales.settle(db, [make.notice(placed)], later) == [Verdict.LATE]

    [refund] = payments.refunds_of(db, placed.pool_id, placed.id)
    assert (refund.amount_fen, refund.reason, refund.state) == (3_990, "paid_late", "requested")
    assert sales.refunded(db, refund.pool_id, refund.id, later)
    assert not sales.refunded(db, refund.pool_id, refund.id, later)
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "refunded"
    assert ledger.check(db) == []


def test_an_unseen_card_can_be_refunded_and_sold_again(db, ring):
    sku = make.stocked(db, ring, 1)
    who = make.buyer()
    placed = make.order(db, ring, sku, 1, who)
    sales.settle(db, [make.notice(placed)], clock.now())

    asked = sales.refund(db, make.STAFF, placed.token, who.device, "不想要了", clock.now())

    assert asked.amount_fen == 3_990
    assert stock(db, sku).on_shelf == 1
    assert sales.reveal(db, ring, placed.token, who, clock.now()) is RevealRefusal.NOT_DELIVERED
    assert sales.refund(db, make.STAFF, placed.token, who.device, "again", clock.now()) is RefundRefusal.UNDER_WAY
    sales.refunded(db, asked.pool_id, asked.id, clock.now())
    assert sum(booked(db, placed).values()) == 0
    assert balance(db, placed) == {}
    make.order(db, ring, sku)


def test_a_seen_card_is_not_refunded_on_demand(db, ring):
    who = make.buyer()
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.reveal(db, ring, placed.token, who, clock.now())

    assert sales.refund(db, make.STAFF, placed.token, who.device, "", clock.now()) is RefundRefusal.ALREADY_SEEN


def test_a_link_alone_reveals_nothing(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 1))
    sales.settle(db, [make.notice(placed)], clock.now())

    assert sales.reveal(db, ring, placed.token, make.buyer(), clock.now()) is RevealRefusal.NOT_YOURS
    assert sales.reveal(db, ring, "1A-nonsense", make.buyer(), clock.now()) is RevealRefusal.NO_SUCH_ORDER


def test_reveals_are_bounded_per_device_and_per_address(db, ring):
    """S-03: a new cookie for each try does not lift the bound of the address."""
    who, at = make.buyer(), clock.now().replace(second=0)
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    sales.settle(db, [make.notice(placed)], at)
    strangers = [replace(make.buyer(), address=who.address) for _ in range(299)]

    assert {sales.reveal(db, ring, placed.token, one, at) for one in strangers} == {RevealRefusal.NOT_YOURS}
    assert len(sales.reveal(db, ring, placed.token, who, at)) == 1
    assert sales.reveal(db, ring, placed.token, who, at) is RevealRefusal.TOO_OFTEN
    elsewhere = [sales.reveal(db, ring, placed.token, replace(who, address=b"e"), at) for _ in range(29)]
    assert elsewhere[27] != RevealRefusal.TOO_OFTEN
    assert elsewhere[28] is RevealRefusal.TOO_OFTEN
    assert len(sales.reveal(db, ring, placed.token, who, at + timedelta(minutes=1))) == 1


def test_the_first_reveal_sets_the_time_and_later_ones_keep_it(db, ring):
    who = make.buyer()
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    sales.settle(db, [make.notice(placed)], clock.now())
    first = clock.now()
    one = sales.reveal(db, ring, placed.token, who, first)
    two = sales.reveal(db, ring, placed.token, who, first + timedelta(minutes=5))

    assert one == two
    assert sales.lines_of(db, [placed.id])[placed.id][0].revealed_at == first


def test_an_order_may_take_from_two_pools(db, ring):
    sku = make.sku(db)
    make.batch(db, ring, sku, 2, cost_fen=2_000)
    make.batch(db, ring, sku, 2, cost_fen=2_500)
    who = make.buyer()
    placed = make.order(db, ring, sku, 3, who)
    sales.settle(db, [make.notice(placed)], clock.now())

    assert [line.cost_fen for line in sorted(sales.lines_of(db, [placed.id])[placed.id], key=lambda x: x.pool_id)] == [
        4_000,
        2_500,
    ]
    assert len(sales.reveal(db, ring, placed.token, who, clock.now())) == 3
    assert ledger.check(db) == []


def pools(db, sku):
    return cards.pools_of(db, [sku.id])


def stock(db, sku):
    [found] = cards.stock(db, pools(db, sku)).values()
    return found


def booked(db, placed):
    lines = sales.lines_of(db, [placed.id])[placed.id]
    refunds = payments.refunds_of(db, placed.pool_id, placed.id)
    reasons = [placed.id, *(line.id for line in lines), *(refund.id for refund in refunds)]
    pools_ = [placed.pool_id, *(line.pool_id for line in lines)]
    return {(one.recipe, one.code): one.amount_fen for one in ledger.postings_of(db, pools_, reasons)}


def balance(db, placed):
    sums = {}
    for (_, code), fen in booked(db, placed).items():
        sums[code] = sums.get(code, 0) + fen
    return {code: fen for code, fen in sums.items() if fen}
