"""Refunds that a claim leads to: in part or whole, by two persons, cards void first, never more than was paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import audit, cards, ledger, payments, sales
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.kernel.ids import pool_of
from kashu.payments import Refund
from kashu.sales import Credit, RefundRefusal, rules, store
from kashu.server import invariants
from tests import make
from tests.race.at_once import at_once
from tests.sales.test_rules import LINE


@pytest.fixture
def sold(db, ring):
    """`sold(quantity)`: a delivered order whose cards were seen: the order and its cards."""

    def sell(quantity=3, **told):
        who = make.buyer()
        placed = make.order(db, ring, make.stocked(db, ring, quantity + 1, **told), quantity, who)
        sales.settle(db, [make.notice(placed)], clock.now())
        sales.reveal(db, ring, placed.token, who, clock.now())
        return placed, cards_of(db, placed), who

    return sell


def cards_of(db, placed):
    lines = sales.lines_of(db, [placed.id])[placed.id]
    found = cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])
    return [(one.pool_id, one.id) for one in found if one.state == "sold"]


def ask(db, placed, fen, voided, who=make.STAFF):
    told = (fen, voided)
    return sales.ask_claim_refund(
        db, who, (placed.pool_id, placed.id), told, "失效", solo_wait_seconds=None, at=clock.now()
    )


def grant(db, placed, asked, who=make.SECOND):
    return sales.grant_claim_refund(db, who, (placed.pool_id, placed.id), asked.id, clock.now(), is_alone=False)


def test_part_of_an_order_goes_back_and_its_card_is_void(db, ring, sold):
    placed, [bad, *good], who = sold(3)
    asked = ask(db, placed, 3_990, [bad])
    assert isinstance(asked, Approval)
    assert cards_of(db, placed) == [bad, *good]  # nothing moves before the second person
    refund = grant(db, placed, asked)
    assert isinstance(refund, Refund)
    assert cards_of(db, placed) == good
    assert len(sales.reveal(db, ring, placed.token, who, clock.now())) == 2
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "delivered"
    assert sales.refunded(db, refund.pool_id, refund.id, clock.now())
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "delivered"
    assert ledger.check(db) == []
    assert invariants.check(db) == []


def test_the_rest_goes_back_only_with_all_cards_that_are_left(db, sold):
    placed, [bad, *good], _who = sold(3)
    grant(db, placed, ask(db, placed, 3_990, [bad]))
    assert ask(db, placed, 7_981, good) is RefundRefusal.TOO_MUCH
    assert ask(db, placed, 7_980, good[:1]) is RefundRefusal.CARDS_LEFT
    refund = grant(db, placed, ask(db, placed, 7_980, good))
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "refunding"
    sales.refunded(db, refund.pool_id, refund.id, clock.now())
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "refunded"
    assert value(
        db, "SELECT refunded_fen = amount_fen FROM payments_transaction WHERE payment_id = %s", [placed.payment_id]
    )
    assert invariants.check(db) == []


@pytest.mark.parametrize("fen", [0, -1, 11_971])
def test_an_amount_that_was_not_paid_is_refused(db, sold, fen):
    placed, _cards, _who = sold(3)
    assert ask(db, placed, fen, []) is RefundRefusal.TOO_MUCH


def test_cards_of_another_order_or_twice_are_refused(db, sold):
    placed, [one, *_], _ = sold(2)
    _other, [theirs, *_], _ = sold(2)
    assert ask(db, placed, 100, [theirs]) is RefundRefusal.TOO_MUCH
    assert ask(db, placed, 100, [one, one]) is RefundRefusal.TOO_MUCH


def test_goodwill_without_a_card_leaves_every_card_good(db, sold):
    placed, good, _who = sold(2)
    assert isinstance(grant(db, placed, ask(db, placed, 500, [])), Refund)
    assert cards_of(db, placed) == good


def test_one_person_alone_grants_nothing(db, sold):
    placed, [bad, *_], _who = sold(2)
    asked = ask(db, placed, 100, [bad])
    assert grant(db, placed, asked, make.STAFF) is ApprovalRefusal.SAME_PERSON
    assert ask(db, placed, 100, [bad]) is ApprovalRefusal.ALREADY_ASKED
    assert bad in cards_of(db, placed)
    assert payments.refunds_of(db, placed.pool_id, placed.id) == []


def test_granting_twice_or_for_another_order_changes_nothing(db, sold):
    placed, [bad, *_], _who = sold(2)
    other, _cards, _ = sold(1)
    asked = ask(db, placed, 100, [bad])
    assert grant(db, other, asked) is ApprovalRefusal.GONE
    assert isinstance(grant(db, placed, asked), Refund)
    assert isinstance(grant(db, placed, asked), RefundRefusal | ApprovalRefusal)
    assert len(payments.refunds_of(db, placed.pool_id, placed.id)) == 1


def test_what_went_back_in_part_does_not_go_back_whole_by_the_quick_way(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2), 2)
    sales.settle(db, [make.notice(placed)], clock.now())
    grant(db, placed, ask(db, placed, 500, []))
    assert sales.refund(db, make.STAFF, placed.token, None, "r", clock.now()) is RefundRefusal.UNDER_WAY


def test_an_order_that_is_not_delivered_has_no_claim(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2), 1)
    assert ask(db, placed, 100, []) is RefundRefusal.NOT_PAID
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.refund(db, make.STAFF, placed.token, None, "r", clock.now())
    assert ask(db, placed, 100, []) is RefundRefusal.UNDER_WAY


def test_third_party_goods_give_back_the_suppliers_part_and_our_commission(db, ring):
    placed = make.order(db, ring, make.stocked(db, ring, 2, seller=make.supplier(db)), 1)
    sales.settle(db, [make.notice(placed)], clock.now())
    refund = grant(db, placed, ask(db, placed, 1_000, []))
    entries = ledger.postings_of(db, [placed.pool_id], [refund.id])
    assert sum(one.amount_fen for one in entries) == 0
    assert any(one.code.startswith("payable:") and one.amount_fen < 0 for one in entries)


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.integers(0, 3_000), st.booleans()), min_size=1, max_size=5), st.data()
)
def test_shares_add_up_to_the_fen(told, data):
    lines = [
        replace(
            LINE,
            id=UUID(int=n),
            pool_id=n,
            total_fen=total,
            commission_fen=min(total, part),
            is_third_party=third,
            seller_id=n,
        )
        for n, (total, part, third) in enumerate(told)
    ]
    fen = data.draw(st.integers(1, sum(line.total_fen for line in lines)))
    at = datetime(2026, 11, 23, tzinfo=UTC)
    refund = Refund(1, UUID(int=9), UUID(int=8), UUID(int=7), "g", fen, "r", "requested", 0, at, None, "")
    postings = rules.granted_postings(refund, lines, {n: 1_000 + n for n in range(len(lines))})
    assert sum(one.amount_fen for one in postings) == 0
    assert sum(one.amount_fen for one in postings if one.account_id == ledger.REFUND_CLEARING) == fen
    for line in lines:
        assert sum(one.amount_fen for one in postings if one.pool_id == line.pool_id) == 0


def test_control_two_refunds_of_all_both_look_possible(dsn, ring):
    """The race: each of two transactions sees the whole amount left until one has written."""
    with connect(dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1), 1)
        sales.settle(db, [make.notice(placed)], clock.now())
        paid = payments.payment(db, placed.pool_id, placed.payment_id)
    seen = at_once(dsn, 2, lambda db, _n: payments.left_of(db, paid))
    assert seen == [3_990, 3_990]


def test_refunds_at_once_never_exceed_what_was_paid(dsn, ring):
    """Σ refund ≤ paid in one statement, whoever asks: here without the order's lock that usually stands before it."""
    from kashu.kernel.ids import new_id

    with connect(dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1), 1)
        sales.settle(db, [make.notice(placed)], clock.now())
        paid = payments.payment(db, placed.pool_id, placed.payment_id)

    def refund(db, _n):
        told = Refund(
            paid.pool_id, new_id(), paid.id, paid.order_id, paid.gateway_no, 1_500, "race", "requested", 0, clock.now(), None, ""
        )  # fmt: skip
        payments.request_refunds(db, [told], {paid.id: paid})

    answers = at_once(dsn, 8, refund)
    assert sum(answer is None for answer in answers) == 2
    with connect(dsn) as db:
        assert payments.left_of(db, paid) == 990
        assert value(db, "SELECT sum(amount_fen) FROM payments_refund WHERE payment_id = %s", [paid.id]) == 3_000


def test_the_trail_names_both_persons(db, sold):
    placed, [bad, *_], _who = sold(2)
    grant(db, placed, ask(db, placed, 100, [bad]))
    verbs = [(one.verb, one.actor) for one in audit.entries_of(db, placed.pool_id, "order", str(placed.id))]
    assert ("order.claim_refunded", make.SECOND.name) in verbs


@pytest.fixture
def bought(db, ring):
    """`bought(quantity)`: a purchase from an account: the order, its cards, the account."""

    def buy(quantity=3, kind="single_use", **told):
        sku, account = make.sku(db, kind=kind), make.account(db, **told)
        make.batch(db, ring, sku, quantity + 1)
        [receipt] = sales.sell(db, ring, [make.purchase(sku, account, quantity)], clock.now())
        order = sales.by_number(db, pool_of(receipt.number), receipt.number)
        return order, cards_of(db, order), account

    return buy


def balance(db, account):
    return sales.accounts(db, [account.id])[account.id].balance_fen


def test_part_of_a_purchase_is_its_accounts_again(db, bought):
    """An organisation's claim: cards void, money on the account that paid; in the books, on the statement, off the invoice."""
    order, [bad, *good], account = bought(3, day_max_fen=100_000)
    before = balance(db, account)
    asked = ask(db, order, 3_990, [bad])
    assert balance(db, account) == before  # nothing moves before the second person
    given = grant(db, order, asked)
    assert isinstance(given, Credit)
    assert balance(db, account) == before + 3_990
    assert cards_of(db, order) == good
    assert sales.orders(db, [(order.pool_id, order.id)])[order.id].state == "delivered"
    assert sales.left_fen(db, order) == 7_980
    assert sales.accounts(db, [account.id])[account.id].spent_fen == 7_980
    assert sales.credits_of(db, order.pool_id, order.id) == [given]
    today = biz_date(clock.now())
    assert store.bought_in(db, account.id, today, today + timedelta(1)) == 7_980
    assert ledger.check(db) == []
    assert invariants.check(db) == []


def test_all_of_a_purchase_ends_it(db, ring, bought):
    order, told, account = bought(2)
    before = balance(db, account)
    assert ask(db, order, 7_980, told[:1]) is RefundRefusal.CARDS_LEFT
    assert isinstance(grant(db, order, ask(db, order, 7_980, told)), Credit)
    assert balance(db, account) == before + 7_980
    assert sales.orders(db, [(order.pool_id, order.id)])[order.id].state == "refunded"
    [receipt] = sales.receipts(db, ring, [(order.pool_id, order.id)])
    assert (receipt.state, receipt.cards) == ("refunded", ())
    assert (
        value(
            db,
            "SELECT count(*) FROM outbox WHERE topic = 'purchase.refunded' AND body->>'order_id' = %s",
            [str(order.id)],
        )
        == 1
    )
    assert ask(db, order, 1, []) is RefundRefusal.UNDER_WAY
    assert invariants.check(db) == []


def test_no_more_goes_back_to_an_account_than_it_paid(db, bought):
    order, told, _account = bought(2)
    assert ask(db, order, 7_981, told) is RefundRefusal.TOO_MUCH
    assert isinstance(grant(db, order, ask(db, order, 500, [])), Credit)
    assert ask(db, order, 7_980, told) is RefundRefusal.TOO_MUCH
    assert sales.left_fen(db, order) == 7_480


def test_bad_cards_sold_in_bulk_stop_their_batch(db, ring):
    """The trade with organisations: their claims count like a guest's (§5.1)."""
    sku, account = make.sku(db), make.account(db)
    pool = make.batch(db, ring, sku, 30).pool_id
    orders = []
    for _ in range(3):
        [receipt] = sales.sell(db, ring, [make.purchase(sku, account, 5)], clock.now())
        orders.append(sales.by_number(db, pool_of(receipt.number), receipt.number))
    for turn, order in enumerate(orders):
        assert value(db, "SELECT sellable FROM cards_pool WHERE id = %s", [pool]) is True
        assert isinstance(grant(db, order, ask(db, order, 3_990, cards_of(db, order)[:1])), Credit), turn
    assert value(db, "SELECT reason FROM cards_pool WHERE id = %s", [pool]) == "risk"


def test_goodwill_voids_a_card_and_speaks_against_no_batch(db, sold):
    placed, [good, *_], _who = sold(3)
    key = (placed.pool_id, placed.id)
    asked = sales.ask_claim_refund(
        db, make.STAFF, key, (3_990, [good]), "协商", solo_wait_seconds=None, at=clock.now(), cause="goodwill"
    )
    assert isinstance(grant(db, placed, asked), Refund)
    assert value(db, "SELECT void_cause FROM cards_card WHERE pool_id = %s AND id = %s", list(good)) == "goodwill"
    assert cards.failure_rate(db, good[0]).failed == 0


def test_an_accounts_claim_granted_twice_at_once_pays_once(dsn, ring):
    """Control: both persons see the claim open and the card good."""
    with connect(dsn) as db, db.transaction():
        sku, account = make.sku(db), make.account(db)
        make.batch(db, ring, sku, 3)
        [receipt] = sales.sell(db, ring, [make.purchase(sku, account, 2)], clock.now())
        order = sales.by_number(db, pool_of(receipt.number), receipt.number)
        asked = ask(db, order, 3_990, cards_of(db, order)[:1])
        before = balance(db, account)
        assert asked in audit.open_approvals(db)

    def race(db, n):
        if n == 2:  # and the account is spent from meanwhile
            return sales.sell(db, ring, [make.purchase(sku, account, 1)], clock.now())[0]
        return grant(db, order, asked)

    answers = at_once(dsn, 3, race)
    assert not [one for one in answers if isinstance(one, Exception)]
    assert sum(isinstance(one, Credit) for one in answers) == 1
    with connect(dsn) as db:
        assert balance(db, account) == before + 3_990 - 3_990
        assert sales.left_fen(db, order) == 3_990
        assert ledger.check(db) == []


@given(st.integers(1, 10_000), st.lists(st.integers(1, 5_000), min_size=1, max_size=4))
def test_a_credit_is_shared_out_to_the_fen(fen, totals):
    lines = [replace(LINE, pool_id=at + 1, total_fen=told, is_third_party=False) for at, told in enumerate(totals)]
    given_back = Credit(
        1, UUID(int=1), UUID(int=2), 7, min(fen, sum(totals)), 1, "", "", datetime(2026, 1, 1, tzinfo=UTC)
    )
    told = rules.credited_postings(given_back, "N", lines)
    assert sum(one.amount_fen for one in told) == 0
    assert [one.amount_fen for one in told if one.account_id == 7] == [given_back.amount_fen]
    assert all(one.amount_fen <= 0 for one in told[1:])
