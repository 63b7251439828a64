"""Renewals of a licence at the same moment."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kashu import audit, compliance
from kashu.compliance import Licence, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from tests import make
from tests.race.at_once import at_once

WAITING = "SELECT count(*) FROM compliance_licence WHERE number = %s AND state = 'in_review'"


@pytest.fixture
def held(dsn, site):
    """A supplier's business licence, in force."""
    with connect(dsn) as db, db.transaction():
        return make.licence(db, make.supplier(db), "publication", valid_to=date(2030, 1, 1))


def test_control_two_who_look_first_both_see_nothing_waiting(dsn, held):
    barrier = threading.Barrier(4)

    def look(db, _n):
        found = value(db, WAITING, [held.number])
        barrier.wait()
        return found

    assert at_once(dsn, 4, look) == [0] * 4


def test_one_renewal_waits_however_many_hand_it_in(dsn, held):
    longer = replace(held, valid_to=date(2035, 1, 1))

    def hand_in(db, _n):
        return compliance.licences.submit(db, make.STAFF, longer, clock.now())

    answers = at_once(dsn, 4, hand_in)

    assert sum(isinstance(one, Licence) for one in answers) == 1
    assert [one for one in answers if not isinstance(one, Licence)] == [LicenceRefusal.ALREADY_THERE] * 3


def test_two_who_verify_a_renewal_at_once_leave_one_in_force(dsn, held):
    with connect(dsn) as db, db.transaction():
        waiting = compliance.licences.submit(
            db, make.STAFF, replace(held, valid_to=date(2035, 1, 1), supersedes_id=None), clock.now()
        )

    def verify(db, n):
        who = (make.REVIEWER, make.SECOND)[n]
        return compliance.licences.decide(db, who, waiting.id, is_good=True, reason="核对原件", at=clock.now())

    answers = at_once(dsn, 2, verify)

    assert LicenceRefusal.WRONG_STATE in answers
    with connect(dsn) as db:
        found = compliance.every_licence(db, held.party_id, ["verified"], 9)
        assert [one.id for one in found if one.number == held.number] == [waiting.id]
        assert compliance.licence(db, held.id).state == "superseded"


def test_two_clocks_at_once_take_an_old_licence_away_once(dsn, held):
    """The renewal has begun; the job runs twice, and beside it an authority takes the renewal back: once or not at all."""
    begins = biz_date(clock.now()) + timedelta(10)
    with connect(dsn) as db, db.transaction():
        new = compliance.licences.submit(
            db, make.STAFF, replace(held, valid_from=begins, valid_to=date(2035, 1, 1)), clock.now()
        )
        compliance.licences.decide(db, make.REVIEWER, new.id, is_good=True, reason="核对原件", at=clock.now())
        assert compliance.licence(db, held.id).state == "verified"

    def run(db, n):
        at = clock.now() + timedelta(days=10)
        if n == 2:
            return compliance.licences.revoke(db, make.STAFF, new.id, "登记机关撤回", at)
        return compliance.licences.watch(db, at)

    assert not [one for one in at_once(dsn, 3, run) if isinstance(one, Exception)]

    with connect(dsn) as db:
        entries = audit.entries_of(db, 0, "party", str(held.party_id), 99)
        taken = [one for one in entries if one.verb == "licence.superseded"]
        assert compliance.licence(db, new.id).state == "revoked"
        assert compliance.licence(db, held.id).state == ("superseded" if taken else "verified")
        assert len(taken) <= 1
