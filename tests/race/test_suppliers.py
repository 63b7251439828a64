"""Deposits, names and memberships of suppliers at the same moment. Each race has a control that shows it is one."""

from __future__ import annotations

import threading

import pytest

from kashu import ledger, party
from kashu.audit import Actor, ApprovalRefusal
from kashu.kernel.db import connect, value
from kashu.party import SupplierRefusal
from tests import make
from tests.party import world
from tests.party.world import APPLICANT, AT, REVIEWER
from tests.race.at_once import at_once

FLOWS = "SELECT count(*) FROM party_deposit WHERE party_id = %s"


@pytest.fixture
def noted(dsn, ring):
    """A supplier whose deposit waits for its second person."""
    with connect(dsn) as db, db.transaction():
        party_id = world.signed(db, ring)
        told = ("in", 1_000_000, make.name("bank"))
        return party_id, party.ask_deposit(db, REVIEWER, party_id, told, solo_wait_seconds=None, at=AT)


def test_control_without_a_lock_many_see_that_nothing_is_booked(dsn, noted):
    barrier = threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        many = value(db, FLOWS, [noted[0]])
        barrier.wait()
        return many

    assert at_once(dsn, 4, look) == [0] * 4


def test_a_deposit_is_booked_once_however_many_confirm_it(dsn, noted):
    party_id, asked = noted

    def confirm(db, n):
        return party.confirm_deposit(db, Actor("person", f"finance-{n}@kashu.example"), asked.id, AT, is_alone=False)

    answers = at_once(dsn, 6, confirm)

    assert sorted(map(str, answers)) == ["None", *[str(ApprovalRefusal.GONE)] * 5]
    with connect(dsn) as db:
        assert (value(db, FLOWS, [party_id]), party.deposit(db, party_id).held_fen) == (1, 1_000_000)
        assert [fault for fault in ledger.check(db) if str(party_id) in fault.where] == []


def test_a_deposit_is_confirmed_or_taken_back_and_never_both(dsn, noted):
    party_id, asked = noted

    def decide(db, n):
        who = Actor("person", f"finance-{n}@kashu.example")
        if n % 2:
            return party.cancel_deposit(db, who, asked.id, AT)
        return party.confirm_deposit(db, who, asked.id, AT, is_alone=False)

    answers = at_once(dsn, 4, decide)

    assert answers.count(None) == 1, answers
    is_booked = None in (answers[0], answers[2])
    with connect(dsn) as db:
        assert value(db, FLOWS, [party_id]) == (1 if is_booked else 0)


def test_control_many_see_that_a_name_is_free(dsn):
    name, barrier = make.name("知微"), threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        is_taken = party.is_name_taken(db, name)
        barrier.wait()
        return is_taken

    assert at_once(dsn, 4, look) == [False] * 4


def test_a_name_is_one_applicants_however_many_apply_at_once(dsn, ring):
    name = make.name("知微")
    told = [world.application(name=name) for _ in range(6)]
    answers = at_once(dsn, 6, lambda db, n: party.apply(db, ring, APPLICANT, told[n], AT))
    assert sum(isinstance(one, party.Supplier) for one in answers) == 1, answers
    assert [one for one in answers if not isinstance(one, party.Supplier)] == [SupplierRefusal.NAME_TAKEN] * 5
    with connect(dsn) as db:
        assert len(party.named(db, name)) == 1


@pytest.fixture(params=["supplier", "buyer"])
def owners(dsn, ring, site, request):
    """An organisation with two owners."""
    from kashu.party.models import Person

    people = [
        Person.objects.create_user(f"{make.name('owner')}@supplier.example", "correct horse", name="x", role="member")
        for _ in range(2)
    ]
    with connect(dsn) as db, db.transaction():
        party_id = world.applied(db, ring) if request.param == "supplier" else make.organisation(db)
        for one in people:
            party.add_member(db, REVIEWER, party_id, one.pk, AT)
        first = Actor("person", people[0].email)
        assert party.make_owner(db, first, party_id, people[1].pk, AT) is None
    return party_id, [(Actor("person", one.email), one.pk) for one in people]


def test_control_both_owners_see_that_there_are_two(dsn, owners):
    barrier = threading.Barrier(2)

    def look(db, _n):
        barrier.wait()
        found = sum(one.is_owner for one in party.people(db, owners[0], (AT, 0), 9))
        barrier.wait()
        return found

    assert at_once(dsn, 2, look) == [2, 2]


@pytest.mark.parametrize("is_removed", [True, False])
def test_of_two_owners_who_go_at_once_one_stays(dsn, owners, is_removed):
    party_id, people = owners

    def go(db, n):
        if is_removed:
            return party.remove_member(db, people[n][0], party_id, people[1 - n][1], AT)
        return party.leave_organisation(db, people[n][0], party_id, AT)

    answers = at_once(dsn, 2, go)

    assert sorted(map(str, answers)) == ["None", "not_owner" if is_removed else "last_owner"]
    with connect(dsn) as db:
        assert [one.is_owner for one in party.people(db, party_id, (AT, 0), 9)] == [True]


@pytest.fixture
def changing(dsn, ring):
    """A supplier with a proven account, and the question about another that is to take its place."""
    with connect(dsn) as db, db.transaction():
        party_id = world.active(db, ring)
        old = party.bank_account(db, party_id)
        told = (party.party(db, party_id).name, "工商银行", f"6222{next(world.serial):011d}")
        party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)
        party.ask_verifications(db, APPLICANT, party_id, AT)
        [asked] = [
            one for one in party.verifications(db, party_id) if one.kind == "bank_account" and one.state == "asked"
        ]
        return party_id, old, asked


def test_control_without_a_lock_the_account_that_is_answered_for_is_not_there_any_more(dsn, ring, changing):
    party_id, _old, asked = changing
    with connect(dsn, autocommit=False) as looking, connect(dsn) as db:
        seen = party.bank_account(looking, party_id)
        with db.transaction():
            told = (party.party(db, party_id).name, "工商银行", f"6222{next(world.serial):011d}")
            party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)
        assert str(seen.id) == asked.subject != str(party.bank_account(looking, party_id).id)


@pytest.mark.parametrize("state", ["matched", "mismatched"])
@pytest.mark.parametrize("turn", range(3))
def test_an_account_is_answered_for_or_changed_and_one_of_them_is_always_there(dsn, ring, changing, state, turn):
    """Whichever comes first: the last account that was proven is kept, or proven, and the newest one is to be proven."""
    party_id, old, asked = changing

    def race(db, n):
        if n == turn % 3:
            return party.answered(db, REVIEWER, asked.id, state, ("", world.HASH), AT)
        told = (party.party(db, party_id).name, "工商银行", f"6222{next(world.serial):011d}")
        return party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)

    answers = at_once(dsn, 3, race)
    assert not [one for one in answers if isinstance(one, Exception)], answers
    with connect(dsn) as db:
        held, kept = party.bank_account(db, party_id), party.kept_bank_account(db, party_id)
        assert held.state == "unproven", "two changes and one answer: the newest is not proven"
        assert kept.state == "kept"
        assert str(kept.id) in {str(old.id)} | ({asked.subject} if state == "matched" else set())
        many = value(db, "SELECT count(*) FROM party_bank_account WHERE party_id = %s AND state <> 'ended'", [party_id])
        assert many == 2


def test_control_many_see_that_a_link_is_unused(dsn, ring, site):
    token, _person = invited(dsn, ring)
    barrier = threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        found = party.invitation(db, ring, token, AT)
        barrier.wait()
        return isinstance(found, SupplierRefusal)

    assert at_once(dsn, 4, look) == [False] * 4


def test_a_link_lets_its_person_in_once_however_often_they_follow_it(dsn, ring, site):
    token, person = invited(dsn, ring)
    answers = at_once(dsn, 4, lambda db, _n: party.accept_invitation(db, ring, token, person, AT))
    assert sum(isinstance(one, int) for one in answers) == 1, answers
    assert answers.count(SupplierRefusal.GONE) == 3
    with connect(dsn) as db:
        sql = "SELECT count(*) FROM audit_entry WHERE verb = 'party.member' AND actor = %s"
        assert value(db, sql, [person[1]]) == 1


def invited(dsn, ring):
    """The link to an organisation that buys, and who it is for."""
    from kashu.party.models import Person

    made = Person.objects.create_user(f"{make.name('new')}@buyer.example", "correct horse", name="x", role="member")
    with connect(dsn) as db, db.transaction():
        _told, token = party.invite(db, ring, REVIEWER, make.organisation(db), made.email, AT)
    return token, (made.pk, made.email)
