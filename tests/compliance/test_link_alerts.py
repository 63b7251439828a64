"""Authorisations of brands that end: told of as licences are (C-03, §2.2), until they are renewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import compliance, party
from kashu.compliance import rules
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from tests import make
from tests.compliance.test_provenance import decide, link, verified

TODAY = biz_date(clock.now())


def of(db, one, at=None, **told):
    """What the desk is shown of an authorisation."""
    shown = compliance.alerts(db, biz_date(at or clock.now()), 10_000, party_id=one.grantee_id, **told)
    return {alert.what: alert.severity for alert in shown if (alert.paper, alert.paper_id) == ("authorisation", one.id)}


def watched(db, one, at=None):
    raised = compliance.licences.watch(db, at or clock.now())
    return {
        alert.what: alert.severity for alert in raised if (alert.paper, alert.paper_id) == ("authorisation", one.id)
    }


def waits(db, old, **told):
    new = replace(old, valid_to=old.valid_to + timedelta(365), number="续") if not told else replace(old, **told)
    taken = compliance.authorisations.register(db, make.STAFF, new, clock.now())
    assert isinstance(taken, compliance.Authorisation), taken
    return taken


FAR = {"expires_180": "notice", "expires_120": "notice"}


@pytest.mark.parametrize(
    ("left", "raised"),
    [
        (181, {}), (180, {"expires_180": "notice"}), (120, FAR), (90, FAR | {"expires_90": "critical"}),
        (30, FAR | {"expires_90": "critical", "expires_30": "critical"}),
    ],
)  # fmt: skip
def test_an_authorisation_that_ends_is_told_of_at_its_days(db, ring, left, raised):
    one = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(left))
    told = watched(db, one)
    assert told == raised
    assert of(db, one) == told
    assert watched(db, one) == {}, "each once"
    trail = "SELECT count(*) FROM audit_entry WHERE verb = 'authorisation.alert' AND object_id = %s"
    assert value(db, trail, [str(one.grantee_id)]) == len(raised)


def test_one_that_is_over_is_said_to_be_so_and_let_go_in_the_end(db, ring):
    one = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(5))
    over = clock.now() + timedelta(6)
    assert watched(db, one, over) == {"expired": "critical"}
    assert of(db, one, over) == {"expired": "critical"}
    assert of(db, one, clock.now() + timedelta(200)) == {}


def test_what_is_not_verified_calls_for_nothing(db, ring):
    waiting = compliance.authorisations.register(
        db, make.STAFF, link(db, ring, make.supplier(db), valid_to=TODAY + timedelta(9)), clock.now()
    )
    revoked = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(9))
    compliance.authorisations.revoke(db, make.REVIEWER, revoked.id, "品牌方撤回", clock.now())
    assert watched(db, waiting) == watched(db, revoked) == {}


def test_a_renewal_that_waits_calms_and_one_that_is_verified_silences(db, ring):
    old = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(20))
    assert watched(db, old)["expires_30"] == "critical"
    new = waits(db, old)
    assert watched(db, old) == {"expires_90": "warning", "expires_30": "warning"}
    assert compliance.unrenewed(db, TODAY, old.valid_to, 10_000)[old.id] is True
    decide(db, new)
    assert of(db, old) == {}
    assert old.id not in compliance.unrenewed(db, TODAY, old.valid_to, 10_000)


def test_a_renewal_that_leaves_a_gap_does_not_silence_before_it_begins(db, ring):
    old = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(20))
    begin = old.valid_to + timedelta(5)
    decide(db, waits(db, old, valid_from=begin, valid_to=begin + timedelta(90)))
    assert watched(db, old)["expires_30"] == "warning"
    assert of(db, old) != {}
    assert of(db, old, clock.now() + timedelta(25)) == {}


@pytest.mark.parametrize(
    "change",
    [
        {}, {"number": "别的"}, {"goods": ["membership", "course"]}, {"goods": ["course"]}, {"territory": ["浙江"]},
        {"may_resell": False}, {"valid_to": TODAY + timedelta(20)}, {"grantor": "别家"}, {"brand": "别的品牌"},
    ],
)  # fmt: skip
def test_the_database_knows_a_renewal_as_the_rule_does(db, ring, change):
    old = verified(db, ring, make.supplier(db), valid_to=TODAY + timedelta(20))
    new = waits(db, old, **({"valid_to": TODAY + timedelta(300)} | change))
    assert compliance.unrenewed(db, TODAY, old.valid_to, 10_000)[old.id] is rules.renews(new, old)


def test_its_people_are_written_to_until_a_renewal_is_handed_in(site, dsn, ring):
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('seller')}@kashu.example", "x" * 12, name="甲", role="member")
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        owner = make.supplier(db)
        party.add_member(db, make.STAFF, owner, person.pk, clock.now())
        one = verified(db, ring, owner, valid_to=TODAY + timedelta(100))

        def told(at):
            raised = [alert for alert in compliance.licences.watch(db, at) if alert.paper_id == one.id]
            compliance.licences.tell_owners(db, ring, raised, at)
            sql = "SELECT about, sealed, id FROM messages_message WHERE about LIKE %s ORDER BY made_at, about"
            rows = db.execute(sql, [f"link-{one.id}:%"]).fetchall()
            return {about: ring.open_personal(sealed, f"message {key}") for about, sealed, key in rows}

        first = told(clock.now())
        waits(db, one)
        filed = told(clock.now() + timedelta(75))
        over = told(clock.now() + timedelta(101))
        db.rollback()
    assert set(first) == {f"link-{one.id}:expires_120:notice:0"}
    assert "知微课堂 品牌授权（SQ）即将到期" in first[f"link-{one.id}:expires_120:notice:0"]
    assert filed == first
    assert "已过期" in over[f"link-{one.id}:expired:critical:0"]
