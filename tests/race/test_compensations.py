"""Compensations at the same moment: owed once, paid once, never beside a refund of the same money."""

from __future__ import annotations

import threading

import pytest

from kashu import aftersale, cards, payments, sales
from kashu.aftersale import Compensation, CompensationRefusal
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.sales import RefundRefusal
from kashu.server import invariants
from tests import make
from tests.aftersale.test_compensations import YESTERDAY, Batch, ask, bar, confirm, demand, of_order, refunds
from tests.aftersale.world import BUYER, CLERK, OTHER
from tests.compliance.test_provenance import verified
from tests.race.at_once import at_once


@pytest.fixture
def barred(dsn, ring):
    with connect(dsn) as db, db.transaction():
        shop = Batch(db, ring)
        placed, who = shop.sell()
        bar(db, shop.owner)
        return shop, placed, who


@pytest.fixture
def approved(dsn, barred):
    with connect(dsn) as db, db.transaction():
        told = demand(db, *barred[1:])
        confirm(db, ask(db, told))
        return told


def test_control_without_a_lock_many_see_that_nothing_is_owed_yet(dsn, barred):
    _shop, placed, _who = barred
    barrier = threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        many = value(db, "SELECT count(*)::int FROM aftersale_compensation WHERE order_id = %s", [placed.id])
        barrier.wait()
        return many

    assert at_once(dsn, 4, look) == [0] * 4


def test_of_many_demands_at_once_one_is_owed(dsn, barred):
    _shop, placed, who = barred
    answers = at_once(dsn, 5, lambda db, _n: demand(db, placed, who))
    assert sum(isinstance(one, Compensation) for one in answers) == 1
    assert [one for one in answers if not isinstance(one, Compensation)] == [CompensationRefusal.OPEN_ALREADY] * 4


def test_of_many_wishes_for_the_same_one_waits(dsn, barred):
    with connect(dsn) as db, db.transaction():
        told = demand(db, *barred[1:])
    answers = at_once(dsn, 4, lambda db, _n: ask(db, told))
    assert sum(isinstance(one, Approval) for one in answers) == 1
    assert [one for one in answers if not isinstance(one, Approval)] == [CompensationRefusal.WRONG_STATE] * 3


def test_of_many_second_persons_and_one_who_takes_it_back_one_is_heard(dsn, barred):
    with connect(dsn) as db, db.transaction():
        told = demand(db, *barred[1:])
        asked = ask(db, told)

    def any_of(db, n):
        return confirm(db, asked) if n else aftersale.cancel_payment(db, CLERK, asked.id, clock.now())

    answers = at_once(dsn, 4, any_of)
    with connect(dsn) as db:
        state = aftersale.compensation(db, told.id).state
    assert [one for one in answers[1:] if one == 1] == ([1] if state == "approved" else [])
    assert (answers[0] is None) == (state == "owed")
    assert set(answers) <= {None, 1, ApprovalRefusal.GONE}


def test_it_is_paid_once_however_often_the_job_runs(dsn, barred, approved):
    answers = at_once(dsn, 4, lambda db, _n: aftersale.pay(db, approved.id, clock.now()))
    assert sorted(one.state for one in answers if one is not None) == ["paid"]
    with connect(dsn) as db, db.transaction():
        assert refunds(db, barred[1]) == [3_990]
        assert invariants.check(db) == []


@pytest.mark.parametrize("turn", range(3))
def test_beside_a_refund_by_claim_no_fen_goes_back_twice(dsn, barred, approved, turn):
    _shop, placed, _who = barred
    key = (placed.pool_id, placed.id)
    with connect(dsn) as db, db.transaction():
        [line] = sales.lines_of(db, [placed.id])[placed.id]
        [card] = cards.masked(db, [line.pool_id], [line.id])
        part = (3_990, [(card.pool_id, card.id)])
        wish = sales.ask_claim_refund(db, CLERK, key, part, "失效", solo_wait_seconds=None, at=clock.now())

    def either(db, n):
        if n == turn % 2:
            return aftersale.pay(db, approved.id, clock.now())
        return sales.grant_claim_refund(db, OTHER, key, wish.id, clock.now(), is_alone=False)

    answers = at_once(dsn, 2, either)
    paid, granted = answers[turn % 2], answers[1 - turn % 2]
    with connect(dsn) as db, db.transaction():
        assert refunds(db, placed) == [3_990]
        assert (paid.state == "paid") != isinstance(granted, payments.Refund)
        assert isinstance(granted, payments.Refund) or granted is RefundRefusal.UNDER_WAY
        assert invariants.check(db) == []


def test_a_demand_beside_the_buyers_own_refund_of_unseen_cards_pays_once(dsn, ring):
    with connect(dsn) as db, db.transaction():
        shop = Batch(db, ring)
        placed, who = shop.sell(seen=False)
        bar(db, shop.owner)

    def either(db, n):
        if n:
            return sales.refund(db, BUYER, placed.token, who.device, "by the buyer", clock.now())
        return demand(db, placed, who)

    at_once(dsn, 2, either)
    with connect(dsn) as db, db.transaction():
        assert refunds(db, placed) == [3_990]
        for told in of_order(db, placed):
            confirm(db, ask(db, told))
            assert aftersale.pay(db, told.id, clock.now()).state == "lapsed"
        assert refunds(db, placed) == [3_990]
        assert invariants.check(db) == []


@pytest.mark.parametrize("turn", range(4))
def test_a_renewal_and_a_revocation_to_an_earlier_day_leave_nothing_on_sale(dsn, ring, turn):
    """Whichever is first, what was bought when the authorisation held no more is under what fell."""
    with connect(dsn) as db, db.transaction():
        shop = Batch(db, ring)
        over = "UPDATE compliance_authorisation SET valid_to = valid_to - 9 WHERE id = %s"
        db.execute(over, [shop.leaf.id])
        new = verified(db, ring, shop.owner, verified(db, ring, shop.root.grantee_id, is_issuer=True))

    def race(db, n):
        if n == turn % 2:
            return cards.renew(db, make.STAFF, shop.leaf.id, new.id, clock.now())
        return cards.revoke(db, make.STAFF, shop.root.id, "从未授权", clock.now(), YESTERDAY)

    at_once(dsn, 2, race)
    with connect(dsn) as db, db.transaction():
        assert cards.authorisation_of(db, shop.pool_id) == shop.leaf.id
        assert cards.broken(cards.steps(db, shop.pool_id)) is None


def test_a_recall_beside_purchases_of_the_same_account_locks_nobody_out(dsn, ring):
    """Each order is recalled by itself, in the order of locks of a purchase: order, account, cards."""
    with connect(dsn) as db, db.transaction():
        shop, other, buyers = Batch(db, ring), make.stocked(db, ring, 40), [make.account(db) for _ in range(2)]
        for one in buyers:
            sales.sell(db, ring, [make.purchase(shop.sku, one)], clock.now())
        shop.revoke(YESTERDAY)
        keys, _end = aftersale.recallable(db, shop.root.id, aftersale.FIRST)
    assert len(keys) == 2

    def either(db, n):
        if n < 2:
            return aftersale.recall(db, keys[n], clock.now())
        told = [make.purchase(other, one) for one in (buyers if n % 2 else buyers[::-1])]
        return sales.sell(db, ring, told, clock.now())

    answers = at_once(dsn, 6, either)
    assert answers[:2] == [True, True]
    assert not [one for one in answers if isinstance(one, Exception)]
    with connect(dsn) as db, db.transaction():
        assert invariants.check(db) == []
