"""Every address of both portals of organisations, for an owner and for another member: what only an owner does (issue 5)."""

from __future__ import annotations

import re

import pytest

from kashu import audit, party, sales
from kashu.kernel import clock
from kashu.kernel.db import connect
from tests import make
from tests.party import world

NOWHERE, NOBODY = make.ids(1)[0], 2**40
OWNERS = {
    "supplier": {
        "leave", "sign", "consent", "invite", "remove_member", "make_owner",
    },
    "buyer": {"make_key", "rotate_key", "add_webhook", "invite", "remove_member", "make_owner"},
}  # fmt: skip
TOLD = {
    "purpose": "bank_account", "withdraw": "yes", "reason": "x", "email": "clerk@b.example", "name": "till", "bank": "工商银行",
    "scopes": "redemptions", "url": "https://b.example/hook", "topics": "purchase.delivered",
}  # fmt: skip


@pytest.fixture
def pair(staff, dsn, ring):
    """`pair(kind)`: an owner and another member of one organisation, both just proven again."""

    def sit(kind):
        both = staff("member", is_sure=True), staff("member", is_sure=True)
        with connect(dsn) as db, db.transaction():
            made = make.account(db).party_id if kind == "buyer" else world.active(db, ring, clock.now())
            for one in both:
                party.add_member(db, make.STAFF, made, one.person.pk, clock.now())
                one.party_id = made
        return both

    return sit


def addresses(kind, step="company"):
    """(name, path) of every address of a portal, each with a thing that nobody has; leaving oneself comes last."""
    from importlib import import_module

    named = {"uuid": NOWHERE, "id": NOBODY, "slug": step, "str": "none"}
    found = [
        (one.name, f"/{kind}/" + re.sub(r"<(\w+):\w+>", lambda place: str(named[place[1]]), str(one.pattern)))
        for one in import_module(f"kashu.web.{kind}.urls").urlpatterns
    ]
    return sorted(found, key=lambda one: one[0] == "leave_organisation")


def standing(dsn, ring, party_id):
    with connect(dsn) as db:
        found, file = party.supplier(db, party_id), party.supplier_file(db, party_id, clock.now())
        return (
            found and found.state,
            file and (file.bank_account, file.signatures),
            party.has_consent(db, f"party {party_id}", "bank_account"),
            party.invitations(db, party_id), party.api_keys(db, party_id), party.webhooks(db, [party_id]),
        )  # fmt: skip


@pytest.mark.parametrize("kind", ["supplier", "buyer"])
def test_only_an_owner_does_what_binds_or_opens_an_organisation(pair, dsn, ring, kind):
    owner, member = pair(kind)
    before = standing(dsn, ring, owner.party_id)
    refused = {name for name, path in addresses(kind) if member.post(path, TOLD).status_code == 403}
    assert refused == OWNERS[kind]
    assert {name for name, path in addresses(kind, "account") if name in ("step", "save_step")} == (
        {"step", "save_step"} if kind == "supplier" else set()
    )
    assert standing(dsn, ring, owner.party_id) == before
    assert {name for name, path in addresses(kind) if owner.post(path, TOLD).status_code == 403} == set()
    assert standing(dsn, ring, owner.party_id) != before


@pytest.mark.parametrize("kind", ["supplier", "buyer"])
def test_every_page_is_there_for_every_member(pair, kind):
    owner, member = pair(kind)
    for name, path in addresses(kind, "account"):
        found = member.get(path).status_code
        assert found == owner.get(path).status_code, (name, path)
        assert found in (200, 404, 405), (name, path)


def test_the_table_is_what_the_views_say(site):
    from importlib import import_module

    for kind, told in OWNERS.items():
        urls = import_module(f"kashu.web.{kind}.urls").urlpatterns
        assert {one.name for one in urls if getattr(one.callback, "is_owners", False)} == told


def test_the_account_to_pay_out_to_is_the_owners_to_name(pair, dsn, ring):
    owner, member = pair("supplier")
    before, path = standing(dsn, ring, owner.party_id), "/supplier/onboarding/account/save"
    told = {"bank": "工商银行", "number": "6222021234567890128"}
    for draft in ({}, {"draft": "yes"}):
        answer = member.post(path, told | draft)
        assert (answer.status_code, "只有本单位的负责人" in answer.content.decode()) == (403, True)
    assert standing(dsn, ring, owner.party_id) == before
    assert owner.post(path, told).status_code in (302, 422)


def test_pages_say_who_may_where_a_member_has_no_button(pair):
    owner, member = pair("supplier")
    buttons = {
        "notices": "/supplier/leave",
        "onboarding/account": "/supplier/onboarding/account/save",
        "onboarding/papers": "/supplier/onboarding/consent",
        "people": "/supplier/people/invite",
    }
    buyers = {"keys": "/buyer/keys/new", "webhooks": "/buyer/webhooks/new", "people": "/buyer/people/invite"}
    for kind, pages, (one, other) in (
        ("supplier", buttons, (owner, member)),
        ("buyer", buyers, pair("buyer")),
    ):
        for page, action in pages.items():
            shown = [browser.get(f"/{kind}/{page}").content.decode() for browser in (one, other)]
            assert [f'action="{action}"' in html for html in shown] == [True, False], page
            assert ["由本单位的负责人操作" in html or "由负责人操作" in html for html in shown] == [False, True], page


def test_who_sees_a_leak_stops_it(pair, dsn, ring):
    """Ending a key, a webhook or an invitation is any member's: it takes nothing but what was given."""
    owner, member = pair("buyer")
    assert owner.post("/buyer/keys/new", {"name": "till", "scopes": "redemptions"}).status_code == 200
    assert owner.post("/buyer/people/invite", {"email": f"{make.name('x')}@b.example"}).status_code == 302
    with connect(dsn) as db:
        [key], [sent] = party.api_keys(db, owner.party_id), party.invitations(db, owner.party_id)
    assert member.post(f"/buyer/keys/{key.id}/revoke").status_code == 302
    assert member.post(f"/buyer/people/invitations/{sent.id}/revoke").status_code == 302
    with connect(dsn) as db:
        assert not party.api_key(db, key.id).is_live(clock.now())
        assert party.invitations(db, owner.party_id) == []


@pytest.mark.parametrize("state", ["closed", "blacklisted"])
def test_a_link_sent_before_a_supplier_was_barred_lets_nobody_in(browser, dsn, ring, site, state):
    """Refused applications are closed ones."""
    email = f"{make.name('late')}@s.example"
    with connect(dsn) as db, db.transaction():
        made = (world.applied if state == "closed" else world.active)(db, ring, clock.now())
        _told, token = party.invite(db, ring, make.STAFF, made, email, clock.now())
    path, new = f"/join/{token}", {"name": "小王", "password": "correct horse battery"}
    assert browser.get(path).status_code == 200
    with connect(dsn) as db, db.transaction():
        if state == "closed":
            assert party.withdraw(db, make.STAFF, made, ("x", ""), clock.now()) is None
        else:
            db.execute("UPDATE party_supplier SET state = 'blacklisted' WHERE party_id = %s", [made])
        assert party.supplier(db, made).state == state
    assert [browser.get(path).status_code, browser.post(path, new).status_code] == [404, 404]
    with connect(dsn) as db, db.transaction():
        told = party.accept_invitation(db, ring, token, (1, email), clock.now())
        assert told is party.SupplierRefusal.GONE
        assert party.members(db, made) == []


def test_a_link_into_an_account_that_was_closed_lets_nobody_in(pair, browser, dsn, ring):
    owner, _member = pair("buyer")
    email = f"{make.name('late')}@b.example"
    with connect(dsn) as db, db.transaction():
        _told, token = party.invite(db, ring, make.STAFF, owner.party_id, email, clock.now())
        account = sales.account_of(db, owner.party_id)
        sales.change_account(db, make.STAFF, account.id, ("closed", 1, None), "x", clock.now())
    new = {"name": "小王", "password": "correct horse battery"}
    assert browser.post(f"/join/{token}", new).status_code == 404
    with connect(dsn) as db:
        assert email not in party.members(db, owner.party_id)
        assert [one for one in audit.entries_of(db, 0, "party", str(owner.party_id)) if one.actor == email] == []
