"""What somebody who means harm tries at the portals: input without bounds, sessions that should be dead, secrets at rest."""

from __future__ import annotations

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import UnreadablePostError

from kashu import party
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from tests import make
from tests.party import world

PDF = b"%PDF-1.7 " + b"x" * 100
HUGE = "9" * 18
BEYOND = "9" * 30
NOBODY = "01a20000-0000-7000-8000-000000000000"


@pytest.fixture
def at_desk(staff, dsn, ring):
    """A signed-in person of an active supplier."""

    def sit(party_id=None, **told):
        browser = staff("supplier", **told)
        with connect(dsn) as db, db.transaction():
            browser.party_id = party_id or world.active(db, ring, clock.now())
            party.add_member(db, make.STAFF, browser.party_id, browser.person.pk, clock.now())
        return browser

    return sit


def spooled(house):
    return {one.name for one in (house.env.var / "spool").glob("*")}


@pytest.mark.parametrize("form", ["multipart", "urlencoded"])
def test_a_zero_byte_is_refused_however_a_form_is_sent(at_desk, staff, form):
    """Else the database refuses it, and the page says that we are out of order."""
    kind = {"content_type": "application/x-www-form-urlencoded"} if form == "urlencoded" else {}
    told = {
        "address": "a\x00b",
        "contact": "1",
        "happened_on": "2026-01-01",
        "email": "a\x00@b.example",
        "kind": "other",
    }
    body = "address=a%00b&contact=1&happened_on=2026-01-01" if form == "urlencoded" else told
    supplier, clerk = at_desk(is_sure=True), staff("compliance", is_sure=True)
    for page in ("changes/declare", "onboarding/company/save", "people/invite", "leave"):
        assert supplier.post(f"/supplier/{page}", body, **kind).status_code == 400, page
    assert clerk.post("/desk/takedowns/new", body, **kind).status_code == 400
    if form == "multipart":
        files = {"file": SimpleUploadedFile("a.pdf", PDF)}
        assert supplier.post("/supplier/onboarding/upload", told | files).status_code == 400
        assert (
            clerk.post("/desk/licences/new", {"party": "1", "number": "a\x00", "kind": "x"} | files).status_code == 400
        )


def test_no_number_in_an_address_is_larger_than_a_number_of_ours(staff, site):
    """A page that is not there, not a database that is out of order."""
    from kashu.web.console.urls import urlpatterns as console
    from kashu.web.desk.urls import urlpatterns as desk
    from kashu.web.supplier.urls import urlpatterns as supplier

    for place, patterns in (("console", console), ("desk", desk), ("supplier", supplier)):
        assert [one.pattern for one in patterns if "<int:" in str(one.pattern)] == [], place
    clerk = staff("owner")
    for page in ("licences", "authorisations", "suppliers", "takedowns"):
        assert [clerk.get(f"/desk/{page}/{one}").status_code for one in (HUGE, BEYOND)] == [404, 404], page
    assert clerk.get(f"/legal/trade/{BEYOND}.txt").status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_no_day_is_outside_of_our_calendar(staff, dsn, ring, day):
    """The first and the last day there is cannot be told in another zone, or added to."""
    with connect(dsn) as db, db.transaction():
        party_id = world.active(db, ring, clock.now())
    owner = staff("owner", is_sure=True)
    told = {"grade": "pause", "ground": "C-15", "reason": "x", "evidence": "x", "until": day}
    assert owner.post(f"/desk/suppliers/{party_id}/sanction", told).status_code == 302
    told = {"kind": "trade", "title": "x", "body": "x", "effective_on": day}
    assert owner.post("/desk/agreements/publish", told).status_code == 302
    assert owner.post("/desk/closing/ask", {"closing_on": day, "reason": "x"}).status_code == 302
    with connect(dsn) as db:
        assert world.state(db, party_id) == "active"


@pytest.mark.parametrize("spoilt", ["fields", "cut"])
def test_an_upload_that_breaks_off_leaves_nothing_on_the_disk(at_desk, house, monkeypatch, spoilt):
    """A file that came whole before the form broke, or one whose sender went away, is nobody's."""
    from kashu.web import uploads

    def gone(*_told):
        raise UnreadablePostError

    desk, before = at_desk(), spooled(house)
    if spoilt == "cut":
        monkeypatch.setattr(uploads.SealedSpool, "file_complete", gone)
        desk.raise_request_exception = False
    many = {f"f{n}": "x" for n in range(300 if spoilt == "fields" else 1)}
    told = {"file": SimpleUploadedFile("a.pdf", PDF * 20_000), **many}
    assert desk.post("/supplier/onboarding/upload", told).status_code == (400 if spoilt == "fields" else 500)
    assert spooled(house) == before


def test_what_waits_for_a_password_waits_sealed(staff, dsn):
    """A form that asks who is there is kept in the session meanwhile, keys and passwords with it: never in the clear (C-52)."""
    owner = staff("owner")
    told = {"name": "x", "role": "support", "email": "SEEN-IN-THE-CLEAR@kashu.example"}
    assert "reauthenticate" in owner.post("/console/settings/people", told)["Location"]
    key = owner.cookies["kashu_session"].value
    with connect(dsn) as db:
        kept = value(db, "SELECT session_data FROM django_session WHERE session_key = %s", [key])
    from django.core import signing

    for read in (lambda: signing.loads(kept, salt="django.contrib.sessions.SessionStore"), lambda: json.loads(kept)):
        with pytest.raises((signing.BadSignature, ValueError)):
            read()
    assert "SEEN" not in kept
    page = owner.post("/accounts/reauthenticate/?next=/console/settings/people", {"password": owner.password})
    assert "SEEN-IN-THE-CLEAR" in page.content.decode() or "seen-in-the-clear" in page.content.decode()


def test_a_session_is_of_no_use_under_another_key(staff, dsn):
    """Who can write rows cannot lend somebody else's session to themselves."""
    one, other = staff("owner"), staff("support")
    keys = [two.cookies["kashu_session"].value for two in (one, other)]
    with connect(dsn) as db:
        db.execute(
            "UPDATE django_session SET session_data = (SELECT session_data FROM django_session WHERE session_key = %s)"
            " WHERE session_key = %s",
            keys,
        )
    assert other.get("/console/settings").status_code == 302
    assert one.get("/console/settings").status_code == 200


def test_closing_an_account_ends_its_sessions_for_good(staff, dsn):
    """Whoever holds a stolen session does not get it back when the account is opened again."""
    owner, thief = staff("owner", is_sure=True), staff("support")
    assert thief.get("/console/").status_code == 200
    address = f"/console/settings/people/{thief.person.pk}"
    owner.post(address, {"role": "support", "is_active": "no"})
    owner.post(address, {"role": "support", "is_active": "yes"})
    assert thief.get("/console/")["Location"].startswith("/accounts/login/")


def test_another_role_begins_with_signing_in(staff):
    owner, clerk = staff("owner", is_sure=True), staff("support", is_sure=True)
    owner.post(f"/console/settings/people/{clerk.person.pk}", {"role": "finance", "is_active": "yes"})
    assert clerk.get("/console/")["Location"].startswith("/accounts/login/")


def test_who_was_taken_out_of_an_organisation_acts_for_it_no_more(at_desk, dsn):
    """From the very next click, in a session that is open; the last owner stays, and nobody reaches into another's."""
    boss = at_desk(is_sure=True)
    left, stranger, second = at_desk(boss.party_id), at_desk(is_sure=True), at_desk()
    remove, own = (f"/supplier/people/{one.person.pk}/remove" for one in (left, boss))
    assert left.get("/supplier/people").status_code == 200
    assert left.post(own).status_code == 403  # no owner
    assert "reauthenticate" in second.post(f"/supplier/people/{boss.person.pk}/remove")["Location"]
    assert stranger.post(remove).status_code == 404
    assert boss.post(remove).status_code == 302
    assert left.get("/supplier/people").status_code == 302
    assert boss.post(remove).status_code == 404
    assert boss.post(own).status_code == 409
    with connect(dsn) as db:
        assert party.members(db, boss.party_id) == [boss.person.email]
        verbs = "SELECT actor FROM audit_entry WHERE verb = 'party.member.end' AND object_id = %s"
        assert values(db, verbs, [str(boss.party_id)]) == [boss.person.email]


def test_what_costs_others_something_is_bounded_for_a_day(at_desk, monkeypatch):
    """Messages to strangers, questions to authorities, room on the disk: a member of a supplier could spend them without end."""
    from kashu.web import people
    from kashu.web.supplier import goods, onboarding

    for place, name in (
        (people, "INVITATIONS_PER_DAY"),
        (onboarding, "SAVES_PER_DAY"),
        (onboarding, "FILES_PER_DAY"),
        (goods, "FILES_PER_DAY"),
    ):
        monkeypatch.setattr(place, name, 1)
    desk = at_desk(is_sure=True)
    told = {"address": "x", "contact": "x", "email": "a@b.example", "purpose": "bank_account"}
    for page in ("people/invite", "onboarding/company/save"):
        first, second = (desk.post(f"/supplier/{page}", told).status_code for _ in range(2))
        assert first != 429, page
        assert second == 429, page
    assert desk.post("/supplier/onboarding/consent", told).status_code == 429
    assert desk.post("/supplier/onboarding/upload", {"file": SimpleUploadedFile("a.pdf", PDF)}).status_code == 422
    assert desk.post("/supplier/onboarding/upload", {"file": SimpleUploadedFile("a.pdf", PDF)}).status_code == 429
    page = desk.post("/supplier/batches/new", {"file": SimpleUploadedFile("a.txt", b"x")})
    assert "数量已到上限" in page.content.decode()
    assert at_desk().post("/supplier/people/invite", told).status_code == 302  # others are none the poorer


def test_an_account_by_invitation_is_in_the_trail_or_there_is_none(at_desk, browser, dsn, ring, mute_trail):
    """S-04."""
    desk, email = at_desk(), f"{make.name('new')}@supplier.example"
    with connect(dsn) as db, db.transaction():
        _told, token = party.invite(db, ring, make.STAFF, desk.party_id, email, clock.now())
    told = {"name": "新人", "password": "correct horse battery"}
    mute_trail()
    browser.raise_request_exception = False
    assert browser.post(f"/join/{token}", told).status_code == 503
    mute_trail()
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM party_person WHERE email = %s", [email]) == 0
        assert browser.post(f"/join/{token}", told).status_code == 302
        assert values(db, "SELECT verb FROM audit_entry WHERE actor = %s ORDER BY verb", [email]) == [
            "party.member",
            "person.open",
        ]


# What shows something and notes who looked is asked for by POST, with the right to read.
LOOKS = {
    "console:find_card",
    "console:order_evidence",
    "desk:file",
    "desk:takedown_orders",
    "desk:authorisation_orders",
}


@pytest.mark.parametrize("portal", ["console", "desk", "buyer", "supplier"])
def test_every_address_of_a_portal_asks_for_a_right_before_anything_else(site, portal):
    """Without a right no view is reached, by GET or by POST; and what is sent in takes more than the right to read."""
    from importlib import import_module

    from allauth.core.exceptions import ReauthenticationRequired
    from django.contrib.auth.models import AnonymousUser
    from django.core.exceptions import PermissionDenied
    from django.test import RequestFactory

    from kashu.web.rights import RIGHTS

    for one in import_module(f"kashu.web.{portal}.urls").urlpatterns:
        answers = []
        for request in (RequestFactory().get("/"), RequestFactory().post("/")):
            request.user = AnonymousUser()
            try:
                answers.append(
                    one.callback(request, **dict.fromkeys(re.findall(r"<\w+:(\w+)>", str(one.pattern)))).status_code
                )
            except (PermissionDenied, ReauthenticationRequired):
                answers.append(403)
        assert answers in ([403, 405], [405, 403], [403, 403]), one
        right = getattr(one.callback, "right", portal)
        assert right in {one for rights in RIGHTS.values() for one in rights}, one
        if answers == [405, 403] and portal in ("console", "desk"):
            assert not right.endswith(".read") or f"{portal}:{one.name}" in LOOKS, (one, right)
