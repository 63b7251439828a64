"""Licences: their life, their clock, who decides (compliance.md §1.1, §2.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import audit, compliance, party
from kashu.compliance import AuthorisationRefusal, Licence, LicenceRefusal, rules, store
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.party import Platform
from tests import make
from tests.compliance.test_provenance import link

DAY = date(2027, 6, 1)


def held(valid_to, kind="telecom", **told):
    return Licence(1, 1, kind, "浙B2-1", "", ["B21"], "全国", date(2022, 1, 1), valid_to, "verified", **told)


def handed(db, owner, who=make.STAFF, **told):
    new = Licence(0, owner, "publication", make.name("L"), "", [], "全国", date(2026, 1, 1), date(2030, 1, 1))
    told = {"file_sha256": make.file(db, make.IDENTITIES)} | told
    return compliance.licences.submit(db, who, replace(new, **told), clock.now())


def decide(db, licence, who=make.REVIEWER, at=None, is_good=True, **told):
    at = at or clock.now()
    return compliance.licences.decide(db, who, licence.id, is_good=is_good, reason="核对原件", at=at, **told)


@pytest.mark.parametrize(
    ("left", "raised"),
    [
        (181, set()), (180, {"expires_180"}), (121, {"expires_180"}), (120, {"expires_180", "expires_120"}),
        (90, {"expires_180", "expires_120", "expires_90"}), (30, {"expires_180", "expires_120", "expires_90", "expires_30"}),
        (0, {"expires_180", "expires_120", "expires_90", "expires_30"}), (-1, {"expired"}),
    ],
)  # fmt: skip
def test_alerts_come_at_their_days(left, raised):
    """C-03: T-180, T-120, T-90, T-30, and T0."""
    found = rules.alerts(held(DAY + timedelta(left), reported_year=DAY.year - 1), DAY)
    assert {one.what for one in found} == raised


def test_at_ninety_days_it_is_critical_until_a_renewal_is_filed():
    """C-03."""
    near = held(DAY + timedelta(90), reported_year=DAY.year - 1)
    assert {one.what: one.severity for one in rules.alerts(near, DAY)}["expires_90"] == "critical"
    filed = replace(near, renewal_at=datetime(2027, 5, 1, tzinfo=UTC))
    assert {one.what: one.severity for one in rules.alerts(filed, DAY)}["expires_90"] == "warning"


def test_each_january_opens_the_annual_report():
    """C-03: of the year before, due on 31 March, for those who held it then."""
    licence = held(date(2030, 1, 1))
    [told] = rules.alerts(licence, date(2027, 1, 1))
    assert (told.what, told.due_on, told.severity) == ("report_2026", date(2027, 3, 31), "warning")
    assert rules.alerts(licence, date(2027, 3, 30))[0].severity == "critical"
    assert rules.alerts(replace(licence, reported_year=2026), date(2027, 3, 30)) == []
    assert rules.alerts(replace(licence, valid_from=date(2027, 1, 2)), date(2027, 3, 30)) == []
    assert rules.alerts(replace(licence, kind="business"), date(2027, 3, 30)) == []


@given(
    st.integers(-400, 4_000), st.sampled_from(["draft", "in_review", "verified", "rejected", "revoked", "superseded"])
)
def test_expired_is_set_by_the_clock_and_never_by_hand(left, state):
    licence = replace(held(DAY + timedelta(left)), state=state)
    told = rules.standing(licence, DAY)
    assert (told == "expired") == (state == "verified" and left < 0)
    assert (told == "expiring") == (state == "verified" and 0 <= left <= 90)
    assert rules.in_force(licence, DAY) == (state == "verified" and left >= 0)
    assert "expired" not in rules.LICENCE.table


def test_whoever_handed_it_in_does_not_decide(db):
    licence = handed(db, make.supplier(db))
    assert licence.state == "in_review"
    assert decide(db, licence, make.STAFF) is LicenceRefusal.SAME_PERSON
    assert decide(db, licence).state == "verified"
    assert decide(db, licence) is LicenceRefusal.WRONG_STATE


def test_where_the_risk_is_high_two_others_decide(db):
    """§2.2; ASVS 2.3.5."""
    owner = make.supplier(db)
    db.execute("UPDATE party_supplier SET risk = 'high' WHERE party_id = %s", [owner])
    licence = handed(db, owner)
    assert decide(db, licence).state == "in_review"
    assert decide(db, licence) is LicenceRefusal.SAME_PERSON
    assert decide(db, licence, make.SECOND).state == "verified"


def test_a_sole_operator_waits(db):
    licence = handed(db, make.supplier(db))
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=600), clock.now())
    later = clock.now() + timedelta(seconds=601)
    assert decide(db, licence, make.STAFF, is_alone=True) is LicenceRefusal.SAME_PERSON
    assert decide(db, licence, make.STAFF, later, is_alone=False) is LicenceRefusal.SAME_PERSON  # not a sole operator
    assert decide(db, licence, make.STAFF, later, is_alone=True).state == "verified"


TWO = [make.STAFF.name, make.REVIEWER.name]


def high_risk(db):
    owner = make.supplier(db)
    db.execute("UPDATE party_supplier SET risk = 'high' WHERE party_id = %s", [owner])
    return owner


def test_too_few_reviewers_are_said_when_a_licence_is_registered_and_none_when_its_supplier_brings_it(db):
    """A high risk takes two who are not who brought it: with two in all, whoever registers it at the desk is one too few."""
    owner, brings = high_risk(db), replace(make.STAFF, name="boss@supplier.example")
    ours = handed(db, owner)
    assert compliance.licences.reviewers_lacking(db, ours, TWO) == 1
    ours = decide(db, ours, make.REVIEWER)
    assert (ours.state, compliance.licences.reviewers_lacking(db, ours, TWO)) == ("in_review", 1)
    assert decide(db, ours, make.STAFF) is LicenceRefusal.SAME_PERSON
    assert decide(db, ours, make.STAFF, is_good=False).state == "rejected"
    theirs = handed(db, owner, brings, number=ours.number)
    assert compliance.licences.reviewers_lacking(db, theirs, TWO) == 0
    assert decide(db, theirs, make.STAFF).state == "in_review"
    assert decide(db, theirs, make.STAFF) is LicenceRefusal.SAME_PERSON
    assert decide(db, theirs, make.REVIEWER).state == "verified"


@pytest.mark.parametrize(
    ("able", "lacking"),
    [([], 2), ([make.STAFF.name], 2), (TWO, 1), ([*TWO, "third@kashu.example"], 0)],
)
def test_how_many_reviewers_lack(db, able, lacking):
    assert compliance.licences.reviewers_lacking(db, handed(db, high_risk(db)), able) == lacking


def test_nobody_lacks_where_one_is_enough_or_nothing_waits(db):
    ordinary, solo = handed(db, make.supplier(db)), handed(db, high_risk(db))
    assert compliance.licences.reviewers_lacking(db, ordinary, TWO) == 0
    assert compliance.licences.reviewers_lacking(db, decide(db, ordinary), []) == 0
    party.choose_solo(db, make.STAFF, Platform(True, 600), clock.now())
    assert compliance.licences.reviewers_lacking(db, solo, [make.STAFF.name], is_alone=True) == 0
    assert compliance.licences.reviewers_lacking(db, solo, TWO, is_alone=False) == 1


def test_two_look_at_a_high_risk_though_solo_mode_was_chosen_once(db):
    owner = make.supplier(db)
    db.execute("UPDATE party_supplier SET risk = 'high' WHERE party_id = %s", [owner])
    licence = handed(db, owner)
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=600), clock.now())
    assert decide(db, licence, is_alone=False).state == "in_review"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "culture", "scope": ["virtual_currency"]}, LicenceRefusal.UNOBTAINABLE),
        ({"kind": "culture", "scope": ["网络游戏"]}, LicenceRefusal.UNOBTAINABLE),
        ({"kind": "anything"}, LicenceRefusal.NO_SUCH_KIND),
        ({"number": ""}, LicenceRefusal.WRONG_DATES),
        ({"valid_to": date(2025, 1, 1)}, LicenceRefusal.WRONG_DATES),
        ({"territory": " "}, LicenceRefusal.NO_TERRITORY),
    ],
)
def test_what_cannot_be_is_not_taken(db, change, why):
    """C-04: nobody is given 虚拟货币 or 网络游戏 scope since 2019."""
    assert handed(db, make.supplier(db), **change) is why


def test_what_a_machine_sees_is_told_and_decides_nothing(db):
    licence = handed(
        db, make.supplier(db), kind="business", number="91110000600037341X", subject="别家公司", file_sha256=None
    )
    assert set(licence.findings) == {"another_subject", "another_uscc", "no_file"}
    assert licence.state == "in_review"


def test_a_licence_that_nobody_has_seen_is_not_verified(db):
    licence = handed(db, make.supplier(db), file_sha256=None)
    assert decide(db, licence) is LicenceRefusal.NO_FILE
    assert compliance.licence(db, licence.id).reviewed_by == []
    assert decide(db, licence, is_good=False).state == "rejected"


def test_a_licence_of_a_place_is_told_to_whoever_decides(db):
    assert handed(db, make.supplier(db), territory="杭州").findings == ["narrow_territory"]
    assert handed(db, make.supplier(db)).findings == []


def test_the_same_licence_is_taken_once_until_it_is_rejected(db):
    owner = make.supplier(db)
    first = handed(db, owner, number="CBW-1")
    assert handed(db, owner, number="CBW-1") is LicenceRefusal.ALREADY_THERE
    decide(db, first, is_good=False)
    assert isinstance(handed(db, owner, number="CBW-1"), Licence)


def test_a_renewed_licence_takes_the_place_of_the_old(db):
    owner = make.supplier(db)
    old = decide(db, handed(db, owner))
    new = decide(db, handed(db, owner, supersedes_id=old.id))
    assert new.state == "verified"
    assert compliance.licence(db, old.id).state == "superseded"


def test_a_licence_is_renewed_under_its_own_number(db):
    """A business licence keeps its number for life: one that lasts longer takes its place, the same paper does not."""
    owner = make.supplier(db)
    old = decide(db, handed(db, owner, number="CBW-1"))
    assert handed(db, owner, number="CBW-1") is LicenceRefusal.ALREADY_THERE
    waiting = handed(db, owner, number="CBW-1", valid_to=date(2035, 1, 1))
    assert handed(db, owner, number="CBW-1", valid_to=date(2036, 1, 1)) is LicenceRefusal.ALREADY_THERE
    assert compliance.licence(db, old.id).state == "verified"
    assert decide(db, waiting).state == "verified"
    assert compliance.licence(db, old.id).state == "superseded"


def renewed_ahead(db, days=30, **told):
    """A licence that ends soon, and its verified renewal under the same number, which begins the day after."""
    owner, today = make.supplier(db), biz_date(clock.now())
    last = today + timedelta(days)
    old = decide(db, handed(db, owner, number="CBW-1", valid_to=last))
    begins = last + timedelta(1)
    long = {"number": "CBW-1", "valid_from": begins, "valid_to": begins + timedelta(1_800)} | told
    return old, decide(db, handed(db, owner, **long))


def standings(db, *licences):
    return [compliance.licence(db, one.id).state for one in licences]


def test_a_renewal_that_begins_later_leaves_the_old_licence_in_force_until_then(db):
    """Whoever renews in time, as the alert asks, is not shut for it: on no day is none of the two in force."""
    old, new = renewed_ahead(db)
    assert standings(db, old, new) == ["verified", "verified"]
    assert compliance.standing_of(new, biz_date(clock.now())) == "coming"
    for days, holds in ((0, old), (30, old), (31, new), (1_800, new)):
        day = biz_date(clock.now()) + timedelta(days)
        assert [one.id for one in store.licences(db, day, old.party_id) if one.number == "CBW-1"] == [holds.id]


def test_the_clock_takes_the_old_licence_away_once_its_renewal_has_begun(db):
    old, new = renewed_ahead(db)
    at = clock.now()
    compliance.licences.watch(db, at + timedelta(days=30))
    assert standings(db, old, new) == ["verified", "verified"]
    compliance.licences.watch(db, at + timedelta(days=31))
    compliance.licences.watch(db, at + timedelta(days=31, hours=1))
    assert standings(db, old, new) == ["superseded", "verified"]
    moved = [one for one in audit.entries_of(db, 0, "party", str(old.party_id), 99) if one.verb == "licence.superseded"]
    assert [(one.actor, one.before["licence"]) for one in moved] == [(audit.SYSTEM.name, old.id)]


def test_a_renewal_that_was_taken_back_before_it_began_takes_nothing_away(db):
    old, new = renewed_ahead(db)
    compliance.licences.revoke(db, make.STAFF, new.id, "登记机关撤回", clock.now())
    compliance.licences.watch(db, clock.now() + timedelta(days=31))
    assert standings(db, old, new) == ["verified", "revoked"]


def test_a_renewal_that_is_to_come_is_replaced_by_a_better_one_and_the_first_still_ends_with_it(db):
    """Three of a number: the one in force is renewed, the renewal is renewed again before it begins."""
    old, new = renewed_ahead(db)
    better = handed(
        db, old.party_id, number="CBW-1", valid_from=new.valid_from, valid_to=new.valid_to + timedelta(days=365)
    )
    assert better.supersedes_id == new.id
    decide(db, better)
    assert standings(db, old, new, better) == ["verified", "superseded", "verified"]
    compliance.licences.watch(db, clock.now() + timedelta(days=31))
    assert standings(db, old, new, better) == ["superseded", "superseded", "verified"]


@pytest.mark.parametrize(
    ("told", "is_calm"),
    [
        ({}, True), ({"valid_from": biz_date(clock.now()) + timedelta(32)}, False), ({"scope": []}, False),
        ({"territory": "杭州"}, False),
    ],
)  # fmt: skip
def test_a_verified_renewal_that_leaves_no_gap_calms_the_alerts(db, told, is_calm):
    """A day between the two, a scope or a place that is lost, is still told of."""
    at, owner = clock.now(), make.supplier(db)
    today = biz_date(at)
    old = decide(db, handed(db, owner, number="CBW-1", scope=["B25"], valid_to=today + timedelta(30)))
    before = compliance.open_counts(db, today, today + timedelta(90), at).soon
    assert "expires_30" in {one.what for one in compliance.licences.watch(db, at) if one.paper_id == old.id}
    begins = {"valid_from": today + timedelta(31), "valid_to": today + timedelta(1_800)}
    decide(db, handed(db, owner, **({"number": "CBW-1", "scope": ["B25"]} | begins | told)))
    mine = [one for one in compliance.alerts(db, today, 99, party_id=owner) if one.paper_id == old.id]
    soon = [one.id for one in compliance.every_licence(db, owner, ["verified"], 9, until=today + timedelta(90))]
    assert (mine == [], old.id not in soon) == (is_calm, is_calm)
    assert compliance.open_counts(db, today, today + timedelta(90), at).soon == before - is_calm
    over = {one.what for one in compliance.licences.watch(db, at + timedelta(days=31)) if one.paper_id == old.id}
    assert ("expired" in over) == ("valid_from" in told)


def test_what_an_authority_took_back_may_be_given_again(db):
    owner = make.supplier(db)
    old = decide(db, handed(db, owner, number="CBW-1"))
    compliance.licences.revoke(db, make.STAFF, old.id, "登记机关吊销", clock.now())
    assert decide(db, handed(db, owner, number="CBW-1")).state == "verified"
    assert compliance.licence(db, old.id).state == "revoked"


def test_alerts_are_raised_once_and_again_when_they_grow_worse(db):
    make.licence(db, make.supplier(db), "telecom", ["B25"], date(2027, 8, 30), valid_from=date(2022, 1, 1))
    at = datetime(2027, 5, 1, tzinfo=UTC)
    mine = [one for one in compliance.licences.watch(db, at) if one.due_on == date(2027, 8, 30)]
    assert {one.what for one in mine} == {"expires_180"} or "expires_120" not in {one.what for one in mine}
    assert [one for one in compliance.licences.watch(db, at) if one.due_on == date(2027, 8, 30)] == []
    worse = compliance.licences.watch(db, datetime(2027, 6, 10, tzinfo=UTC))
    assert {one.what for one in worse if one.due_on == date(2027, 8, 30)} == {"expires_120", "expires_90"}


def told(db, licence, at, ring):
    """The messages about one licence after the alerts of an instant: what each is about, and what it says."""
    raised = [one for one in compliance.licences.watch(db, at) if (one.paper, one.paper_id) == ("licence", licence.id)]
    compliance.licences.tell_owners(db, ring, raised, at)
    sql = "SELECT about, sealed, id FROM messages_message WHERE purpose = 'licence' AND about LIKE %s ORDER BY about"
    found = db.execute(sql, [f"{licence.id}:%"]).fetchall()
    return [(about, ring.open_personal(sealed, f"message {key}")) for about, sealed, key in found]


def test_whoever_holds_a_licence_is_written_to_once_for_each_step(site, dsn, ring):
    """C-03: a supplier hears of its lapse before the stop; of several alerts at once, the nearest; filed, no more."""
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('seller')}@kashu.example", "x" * 12, name="甲", role="member")
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        owner = make.supplier(db)
        licence = make.licence(db, owner, "publication", valid_to=date(2027, 8, 30))
        ours = make.licence(db, make.platform(db), "culture", valid_to=date(2027, 8, 30))
        party.add_member(db, make.STAFF, owner, person.pk, clock.now())
        first = told(db, licence, datetime(2027, 4, 1, tzinfo=UTC), ring)
        again = told(db, licence, datetime(2027, 4, 2, tzinfo=UTC), ring)
        near = told(db, licence, datetime(2027, 6, 10, tzinfo=UTC), ring)
        compliance.licences.note_renewal(db, make.STAFF, licence.id, clock.now())
        filed = told(db, licence, datetime(2027, 8, 10, tzinfo=UTC), ring)
        over = told(db, licence, datetime(2027, 8, 31, tzinfo=UTC), ring)
        of_ours = told(db, ours, datetime(2027, 4, 1, tzinfo=UTC), ring)
        db.rollback()
    assert [about for about, _ in first] == [f"{licence.id}:expires_180:notice:0"]
    assert f"出版物经营许可证（{licence.number}）即将到期" in first[0][1]
    assert again == first
    assert {about for about, _ in near} - {about for about, _ in first} == {f"{licence.id}:expires_90:critical:0"}
    assert filed == near
    assert len(over) == 3
    assert any("已过期" in text for _, text in over)
    assert of_ours == []


def test_a_supplier_has_so_many_papers_waiting_and_no_more(site, dsn, ring):
    from kashu.compliance.service.authorisations import WAITING_MAX
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('seller')}@kashu.example", "x" * 12, name="甲", role="member")
    who = audit.Actor("person", person.email)
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        owner = make.supplier(db)
        party.add_member(db, make.STAFF, owner, person.pk, clock.now())
        answers = [handed(db, owner, who) for _ in range(WAITING_MAX + 1)]
        by_staff = handed(db, owner)
        db.rollback()
    assert [isinstance(one, Licence) for one in answers] == [True] * WAITING_MAX + [False]
    assert (answers[-1], isinstance(by_staff, Licence)) == (LicenceRefusal.TOO_MANY, True)


@pytest.mark.parametrize(("state", "by_staff"), [("exiting", True), ("closed", False), ("blacklisted", False)])
def test_who_leaves_hands_no_papers_in(site, dsn, ring, state, by_staff):
    """Staff may still bring what an exit needs to be fulfilled; of who has left, nobody brings any."""
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('seller')}@kashu.example", "x" * 12, name="甲", role="member")
    who = audit.Actor("person", person.email)
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        owner = make.supplier(db)
        party.add_member(db, make.STAFF, owner, person.pk, clock.now())
        db.execute("UPDATE party_supplier SET state = %s WHERE party_id = %s", [state, owner])
        own = link(db, ring, owner)
        answers = [compliance.authorisations.register(db, one, own, clock.now()) for one in (who, make.STAFF)]
        answers += [handed(db, owner, one) for one in (who, make.STAFF)]
        written = value(
            db, "SELECT count(*) FROM compliance_licence WHERE party_id = %s AND kind = 'publication'", [owner]
        )
        db.rollback()
    refused = [AuthorisationRefusal.LEAVING, LicenceRefusal.LEAVING]
    assert answers[::2] == refused
    assert (answers[1::2] == refused) is not by_staff
    assert written == int(by_staff)


def test_a_scan_is_sealed_and_every_look_is_in_the_trail(db, ring):
    """C-52, S-04: ciphertext in the database, and who opened it."""
    content = b"%PDF-1.7 " + b"secret words of a licence"
    kept = compliance.licences.keep_file(db, ring, make.STAFF, "a.pdf", content, clock.now())
    stored = value(db, "SELECT sealed FROM compliance_file WHERE sha256 = %s", [kept])
    assert b"secret words" not in stored
    before = value(db, "SELECT count(*) FROM audit_entry WHERE verb = 'file.open'")
    assert compliance.licences.open_file(db, ring, make.REVIEWER, kept, clock.now())[2] == content
    assert value(db, "SELECT count(*) FROM audit_entry WHERE verb = 'file.open'") == before + 1


@pytest.mark.parametrize("content", [b"", b"MZ\x90", b"<html>", b"PDF-1.7", b"%PDF-" + b"x" * (10 * 2**20)])
def test_what_is_no_scan_is_not_kept(db, ring, content):
    told = compliance.licences.keep_file(db, ring, make.STAFF, "a.pdf", content, clock.now())
    assert told is LicenceRefusal.NOT_A_FILE


def test_what_the_platform_lacks_is_named(db):
    """C-01, C-02: the health check's words."""
    own = make.platform(db)
    assert compliance.missing_of_platform(db, own, clock.now()) == []
    db.execute("UPDATE compliance_licence SET scope = '{B25}' WHERE party_id = %s AND kind = 'telecom'", [own])
    assert compliance.missing_of_platform(db, own, clock.now()) == ["telecom B21"]
