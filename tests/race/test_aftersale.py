"""Complaints and claims at the same moment. Each race has a control that shows it is one."""

from __future__ import annotations

import threading

import pytest

from kashu import aftersale, audit, payments, sales
from kashu.aftersale import Claim, ClaimRefusal, Complaint, ComplaintRefusal
from kashu.audit import ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.party import ChangeRefusal, NewChange
from kashu.sales import RefundRefusal
from kashu.server import invariants
from tests.aftersale import world
from tests.aftersale.world import AT, BUYER, CLERK, OTHER, WHY
from tests.race.at_once import at_once


@pytest.fixture
def order(dsn, ring):
    with connect(dsn) as db, db.transaction():
        return world.bought(db, ring)


@pytest.fixture
def claimed(dsn, ring, order):
    """An order with a claim whose grant waits for its second person."""
    with connect(dsn) as db, db.transaction():
        told = world.claim(db, ring, *order)
        return order, told, world.ask(db, told)


def test_control_without_a_lock_many_see_that_no_complaint_is_open(dsn, order):
    placed, _who = order
    barrier = threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        many = value(db, "SELECT count(*)::int FROM aftersale_complaint WHERE order_id = %s", [placed.id])
        barrier.wait()
        return many

    assert at_once(dsn, 4, look) == [0] * 4


def test_of_many_complaints_at_once_one_is_opened(dsn, order):
    """C-39: one open complaint of an order."""
    placed, who = order
    answers = at_once(dsn, 6, lambda db, _n: world.complain(db, placed, who))
    assert sum(isinstance(one, Complaint) for one in answers) == 1
    assert [one for one in answers if not isinstance(one, Complaint)] == [ComplaintRefusal.OPEN_ALREADY] * 5


def test_a_complaint_is_decided_once_however_many_decide(dsn, order):
    placed, who = order
    with connect(dsn) as db, db.transaction():
        told = world.complain(db, placed, who)
        aftersale.take_up(db, CLERK, told.id, AT)
    outcomes = ("upheld", "rejected", "partly", "upheld")
    answers = at_once(dsn, 4, lambda db, n: aftersale.decide(db, CLERK, told.id, outcomes[n], WHY, AT))
    [won] = [one for one in answers if isinstance(one, Complaint)]
    assert [one for one in answers if one is not won] == [ComplaintRefusal.WRONG_STATE] * 3
    with connect(dsn) as db, db.transaction():
        assert aftersale.complaint(db, told.id).outcome == won.outcome
        trail = audit.entries_of(db, told.pool_id, "complaint", str(told.id))
        assert [one.verb for one in trail].count("complaint.decide") == 1


def test_an_objection_against_a_new_complaint_leaves_one_open(dsn, order):
    placed, who = order
    with connect(dsn) as db, db.transaction():
        told = world.decided(db, placed, who)
    words = (told.id, "不同意")

    def either(db, n):
        if n % 2:
            return world.complain(db, placed, who)
        return aftersale.object_to(db, BUYER, placed.token, who.device, words, AT)

    answers = at_once(dsn, 4, either)
    assert sum(isinstance(one, Complaint) for one in answers) == 1, answers
    with connect(dsn) as db, db.transaction():
        assert sum(one.is_open for one in aftersale.complaints_of_order(db, placed.pool_id, placed.id)) == 1


def test_of_many_claims_at_once_one_is_taken(dsn, ring, order):
    placed, who = order
    answers = at_once(dsn, 4, lambda db, _n: world.claim(db, ring, placed, who))
    assert sum(isinstance(one, Claim) for one in answers) == 1
    assert [one for one in answers if not isinstance(one, Claim)] == [ClaimRefusal.OPEN_ALREADY] * 3


def test_a_grant_confirmed_by_many_pays_once(dsn, claimed):
    """C-72."""
    (placed, _who), told, asked = claimed
    answers = at_once(dsn, 4, lambda db, _n: world.grant(db, told, asked))
    assert sum(isinstance(one, Claim) for one in answers) == 1
    assert {one for one in answers if not isinstance(one, Claim)} <= {ClaimRefusal.GONE, ApprovalRefusal.GONE}
    with connect(dsn) as db, db.transaction():
        assert [one.amount_fen for one in payments.refunds_of(db, placed.pool_id, placed.id)] == [3_990]


def test_a_grant_against_the_buyers_own_refund_and_a_reveal_pays_once(dsn, ring, claimed):
    (placed, who), told, asked = claimed

    def any_of(db, n):
        if n == 0:
            return world.grant(db, told, asked)
        if n == 1:
            return sales.refund(db, BUYER, placed.token, who.device, "by the buyer", clock.now())
        return sales.reveal(db, ring, placed.token, who, clock.now())

    granted, refunded, _revealed = at_once(dsn, 3, any_of)
    with connect(dsn) as db, db.transaction():
        paid = payments.refunds_of(db, placed.pool_id, placed.id)
        assert [one.amount_fen for one in paid] == [3_990], (granted, refunded)
        state = aftersale.claim(db, told.id).state
        assert (state == "granted") == isinstance(granted, Claim)
        if state == "open":  # the buyer was first: the claim waits for a decision, and its yes was not used up
            assert granted is RefundRefusal.UNDER_WAY
            assert audit.approval(db, asked.id).state == "waiting"
        assert invariants.check(db) == []


def test_a_grant_against_a_rejection_ends_one_way(dsn, claimed):
    (placed, _who), told, asked = claimed

    def either(db, n):
        return world.grant(db, told, asked) if n else aftersale.reject(db, OTHER, told.id, WHY, AT)

    answers = at_once(dsn, 2, either)
    [won] = [one for one in answers if isinstance(one, Claim)]
    with connect(dsn) as db, db.transaction():
        paid = payments.refunds_of(db, placed.pool_id, placed.id)
        assert len(paid) == (1 if won.state == "granted" else 0)
        assert audit.approval(db, asked.id).state == ("done" if won.state == "granted" else "cancelled")


def test_a_missed_term_is_told_once_by_however_many_look(dsn, order):
    placed, who = order
    with connect(dsn) as db, db.transaction():
        told = world.complain(db, placed, who)
    late = told.decide_by
    answers = at_once(dsn, 3, lambda db, _n: [one for one in aftersale.tell_overdue(db, late) if one.id == told.id])
    assert sorted(one.name for some in answers for one in some) == ["answer", "decide", "take_up"]
    with connect(dsn) as db, db.transaction():
        aftersale.withdraw(db, BUYER, placed.token, who.device, told.id, AT)


def test_one_change_of_public_data_waits_however_many_declare(dsn, ring):
    """C-13."""
    from kashu import party
    from tests.party import world as suppliers

    with connect(dsn) as db, db.transaction():
        seller = suppliers.active(db, ring, AT)
    new = NewChange("", "别处 3 号", "", clock.biz_date(AT))
    answers = at_once(dsn, 4, lambda db, _n: party.declare_change(db, suppliers.APPLICANT, seller, new, AT))
    assert sorted(type(one).__name__ for one in answers) == [
        "Change",
        "ChangeRefusal",
        "ChangeRefusal",
        "ChangeRefusal",
    ]
    assert answers.count(ChangeRefusal.OPEN_ALREADY) == 3
