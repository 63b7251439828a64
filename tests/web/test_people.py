"""People of organisations that buy, and people of several: the same life as a supplier's, and rights by whom one acts for."""

from __future__ import annotations

import json

import pytest

from kashu import audit, party, sales
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from tests import make
from tests.party import world
from tests.web.test_supplier import sent_link

NEW = {"name": "小王", "password": "correct horse battery"}


@pytest.fixture
def joined(dsn, ring):
    """`joined(browser, kind)`: its person comes into a new organisation of that kind as the owner."""

    def join(browser, kind, party_id=None):
        with connect(dsn) as db, db.transaction():
            made = party_id or (make.account(db).party_id if kind == "buyer" else world.active(db, ring, clock.now()))
            party.add_member(db, make.STAFF, made, browser.person.pk, clock.now())
        return made

    return join


@pytest.fixture
def team(staff, joined):
    """An owner and another of one organisation that buys, both just proven again."""
    owner, other = staff("member", is_sure=True), staff("member", is_sure=True)
    owner.party_id = other.party_id = joined(owner, "buyer")
    joined(other, "buyer", owner.party_id)
    return owner, other


@pytest.fixture
def asked(dsn, ring):
    """The link that lets somebody into an organisation."""

    def ask(party_id, email):
        with connect(dsn) as db, db.transaction():
            _told, token = party.invite(db, ring, make.STAFF, party_id, email, clock.now())
        return f"/join/{token}"

    return ask


def people(dsn, party_id):
    with connect(dsn) as db:
        return {one.email: one.is_owner for one in party.people(db, party_id, (world.AT.replace(year=1970), 0), 9)}


def named(dsn, party_id):
    with connect(dsn) as db:
        return party.party(db, party_id).name


def test_the_first_person_of_a_buyer_is_invited_by_staff_and_invites_the_others(staff, browser, dsn, ring):
    clerk, first, second = staff("operator", is_sure=True), *(f"{make.name('b')}@buyer.example" for _ in range(2))
    with connect(dsn) as db, db.transaction():
        account = make.account(db)
    page = f"/console/accounts/{account.id}"
    assert clerk.post(f"{page}/members", {"email": first})["Location"] == page
    path = "/join/" + sent_link(dsn, ring, first).rsplit("/", 1)[1]
    assert named(dsn, account.party_id) in browser.get(path).content.decode()
    assert browser.post(path, NEW)["Location"] == "/buyer/"
    assert people(dsn, account.party_id) == {first: True}

    stale = staff("member")
    assert stale.post("/buyer/people/invite", {"email": second}).status_code == 403  # of no organisation
    owner = staff("member", is_sure=True)
    with connect(dsn) as db, db.transaction():
        party.add_member(db, make.STAFF, account.party_id, owner.person.pk, clock.now())
        db.execute("UPDATE party_member SET is_owner = true WHERE person_id = %s", [owner.person.pk])
    assert owner.post("/buyer/people/invite", {"email": "nonsense"}).status_code == 422
    assert owner.post("/buyer/people/invite", {"email": second}).status_code == 302
    assert second in owner.get("/buyer/people").content.decode()
    shown = clerk.get(page).content.decode()
    assert (first in shown, owner.person.email in shown, second in shown) == (True, True, False)
    with connect(dsn) as db:
        [waiting] = party.invitations(db, account.party_id)
    assert staff("finance").post(f"{page}/invitations/{waiting.id}/revoke").status_code == 403
    assert clerk.post(f"{page}/invitations/{waiting.id}/revoke").status_code == 302
    path = "/join/" + sent_link(dsn, ring, second).rsplit("/", 1)[1]
    assert browser.get(path).status_code == 404


def test_an_owner_of_a_buyer_lets_a_member_go_and_all_they_had_ends_at_once(team, dsn, ring):
    owner, other = team
    own = Actor("person", other.person.email)
    with connect(dsn) as db, db.transaction():
        key, _secret = party.make_key(db, ring, own, owner.party_id, "till", ["redemptions"], clock.now())
        party.invite(db, ring, own, owner.party_id, "friend@b.example", clock.now())
    path = f"/buyer/people/{other.person.pk}/remove"
    assert path not in other.get("/buyer/people").content.decode()
    assert other.post(f"/buyer/people/{owner.person.pk}/remove").status_code == 403
    assert "已移出" in owner.post(path, follow=True).content.decode()
    assert other.get("/buyer/").status_code == 302  # signed out
    assert owner.post(path).status_code == 404
    with connect(dsn) as db:
        assert not party.api_key(db, key.id).is_live(clock.now())
        assert party.invitations(db, owner.party_id) == []
        [told] = [e for e in audit.entries_of(db, 0, "party", str(owner.party_id)) if e.verb == "party.member.end"]
    assert (told.actor, told.after) == (owner.person.email, {"person": other.person.pk, "keys": [key.id]})


def test_the_last_owner_of_a_buyer_stays_until_another_is_one(team, dsn):
    owner, other = team
    for path in ("leave", f"{owner.person.pk}/remove"):
        assert owner.post(f"/buyer/people/{path}").status_code == 409
    assert owner.post(f"/buyer/people/{other.person.pk}/owner").status_code == 302
    assert other.get("/buyer/")["Location"].startswith("/accounts/login/")  # another role begins with signing in
    assert owner.post("/buyer/people/leave")["Location"] == "/accounts/login/"
    assert owner.get("/buyer/").status_code == 302
    assert people(dsn, owner.party_id) == {other.person.email: True}


def test_nobody_is_invited_to_an_account_that_is_closed(team, staff, dsn):
    owner, clerk, email = team[0], staff("operator", is_sure=True), f"{make.name('b')}@buyer.example"
    with connect(dsn) as db, db.transaction():
        account = sales.account_of(db, owner.party_id)
        sales.change_account(db, make.STAFF, account.id, ("closed", 1, None), "x", clock.now())
    assert owner.post("/buyer/people/invite", {"email": email}).status_code == 409
    assert clerk.post(f"/console/accounts/{account.id}/members", {"email": email}).status_code == 422
    assert "people/invite" not in owner.get("/buyer/people").content.decode()
    with connect(dsn) as db:
        assert party.invitations(db, owner.party_id) == []


def test_one_person_works_for_buyers_and_suppliers_and_goes_from_one_to_the_other(staff, joined, asked, dsn):
    """Issue 5: who buys for one organisation is invited to a supplier and to another that buys."""
    one = staff("member", is_sure=True)
    first, second = joined(one, "buyer"), joined(staff("member"), "buyer")
    seller = joined(staff("member"), "supplier")
    assert one.get("/supplier/").status_code == 403
    assert one.post(asked(seller, one.person.email))["Location"] == "/supplier/"
    assert one.post(asked(second, one.person.email))["Location"] == "/buyer/"
    names = [named(dsn, party_id) for party_id in (first, second, seller)]
    for portal, home in (("supplier", "buyer"), ("buyer", "supplier")):
        page = one.get(f"/{portal}/").content.decode()
        assert [name in page for name in names] == [True] * 3
        to = {"buyer": first, "supplier": seller}[home]
        assert one.post(f"/{portal}/organisation", {"party": to})["Location"] == f"/{home}/"
        assert f'value="{to}" selected' in one.get(f"/{home}/").content.decode()
    stranger = joined(staff("member"), "buyer")
    one.post("/supplier/organisation", {"party": stranger})
    assert f'value="{stranger}"' not in one.get("/buyer/people").content.decode()
    assert one.post("/buyer/people/leave").status_code == 409  # the first one's only owner
    one.post("/buyer/organisation", {"party": second})
    assert one.post("/buyer/people/leave")["Location"] == "/buyer/"
    assert [one.get(f"/{portal}/").status_code for portal in ("buyer", "supplier")] == [200, 200]


def test_rights_end_with_the_last_membership_of_a_kind(staff, joined, dsn):
    one = staff("member")
    joined(one, "buyer")
    seller = joined(one, "supplier")
    assert one.get("/supplier/people").status_code == 200
    with connect(dsn) as db, db.transaction():
        own = Actor("person", one.person.email)
        joined_by = staff("member").person
        party.add_member(db, make.STAFF, seller, joined_by.pk, clock.now())
        assert party.make_owner(db, own, seller, joined_by.pk, clock.now()) is None
        assert party.leave_organisation(db, own, seller, clock.now()) is None
    assert [one.get(f"/{portal}/").status_code for portal in ("buyer", "supplier")] == [200, 403]


def test_nothing_of_another_organisation_of_ones_own_is_reached_from_the_wrong_portal(staff, joined, dsn):
    """A person of a buyer and a supplier acts for the one whose portal it is, whatever is asked for."""
    one, boss = staff("member", is_sure=True), staff("member", is_sure=True)
    buyer, seller = joined(one, "buyer"), joined(boss, "supplier")
    joined(one, "supplier", seller)
    assert (
        one.post(f"/buyer/people/{boss.person.pk}/remove").status_code == 404
    )  # an owner there, and none of the seller's
    assert one.post(f"/supplier/people/{boss.person.pk}/remove").status_code == 403
    one.post("/buyer/organisation", {"party": seller})
    assert one.post(f"/buyer/people/{boss.person.pk}/remove").status_code == 404
    assert people(dsn, seller) == {boss.person.email: True, one.person.email: False}
    assert people(dsn, buyer) == {one.person.email: True}


@pytest.mark.parametrize("role", ["owner", "operator", "finance", "support", "auditor", "compliance"])
def test_staff_gain_no_portal_even_as_members(staff, joined, role):
    """However the row came to be there: rights of a portal are members', and staff are none."""
    clerk = staff(role)
    for kind in ("buyer", "supplier"):
        joined(clerk, kind)
        assert [clerk.get(f"/{kind}/{page}").status_code for page in ("", "people")] == [403, 403]
        assert clerk.post(f"/{kind}/people/invite", {"email": "a@b.example"}).status_code == 403


def test_no_member_of_staff_is_let_into_an_organisation(staff, joined, asked, dsn, ring):
    clerk = staff("compliance", is_sure=True)
    seller = joined(staff("member"), "supplier")
    path = asked(seller, clerk.person.email)
    assert clerk.post(path).status_code == 422
    with connect(dsn) as db, db.transaction():
        who = (clerk.person.pk, clerk.person.email)
        told = party.accept_invitation(db, ring, path.rsplit("/", 1)[1], who, clock.now())
        assert told is party.SupplierRefusal.IS_STAFF
        assert clerk.person.email not in party.members(db, seller)
        assert len(party.invitations(db, seller)) == 1


def test_a_member_of_everything_is_no_staff(staff, joined, browser):
    one = staff("member", is_sure=True)
    joined(one, "buyer"), joined(one, "supplier")
    pages = ("/console/", "/console/accounts", "/console/settings", "/desk/", "/desk/suppliers")
    assert [one.get(page).status_code for page in pages] == [403] * 5
    told = {"role": "owner", "is_active": "yes"}
    assert one.post(f"/console/settings/people/{one.person.pk}", told).status_code == 403
    assert staff("owner", is_sure=True).post(f"/console/settings/people/{one.person.pk}", told).status_code == 302
    one.person.refresh_from_db()
    assert one.person.role == "member"


def test_staff_who_become_members_do_not_exist(staff):
    owner, clerk = staff("owner", is_sure=True), staff("support")
    owner.post(f"/console/settings/people/{clerk.person.pk}", {"role": "member", "is_active": "yes"})
    clerk.person.refresh_from_db()
    assert clerk.person.role == "support"


def test_one_organisation_more_begins_with_signing_in_everywhere_else(staff, joined, asked, dsn):
    """A session that somebody stole before is not one of the new organisation's as well."""
    one = staff("member")
    joined(one, "buyer")
    thief = make.visitor()
    thief.force_login(one.person)
    with connect(dsn) as db, db.transaction():
        key = thief.cookies["kashu_session"].value
        sql = """
        INSERT INTO usersessions_usersession (created_at, ip, last_seen_at, session_key, user_agent, data, user_id)
        VALUES (now(), '127.0.0.1', now(), %s, 'x', '{}', %s) ON CONFLICT DO NOTHING
        """
        db.execute(sql, [key, one.person.pk])
    assert thief.get("/accounts/data/")["Location"].startswith("/accounts/2fa/")  # signed in, the factor not yet passed
    assert one.post(asked(joined(staff("member"), "supplier"), one.person.email)).status_code == 302
    assert one.get("/supplier/").status_code == 200
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM django_session WHERE session_key = %s", [key]) == 0
    assert thief.get("/accounts/data/")["Location"].startswith("/accounts/login/")


def test_who_signs_in_comes_to_where_they_work(staff, joined):
    one, nobody = staff("member"), staff("member")
    joined(one, "supplier")
    joined(one, "buyer")
    assert 'href="/supplier/"' in one.get("/accounts/data/").content.decode()
    one.post("/supplier/organisation", {"party": 0})
    assert 'href="/supplier/"' in one.get("/accounts/data/").content.decode()
    assert 'href="/accounts/data/"' in nobody.get("/accounts/data/").content.decode()


def test_a_copy_of_ones_data_tells_every_organisation_and_as_what(staff, joined, dsn):
    one, boss = staff("member", is_sure=True), staff("member")
    buyer, seller = joined(one, "buyer"), joined(boss, "supplier")
    joined(one, "supplier", seller)
    one.post("/supplier/people/leave")
    told = json.loads(one.get("/accounts/data/export.json").content)["organisations"]
    assert [(row["name"], row["kind"], row["is_owner"], row["left"] is None) for row in told] == [
        (named(dsn, buyer), "buyer", True, True),
        (named(dsn, seller), "supplier", False, False),
    ]
    assert named(dsn, seller) in one.get("/accounts/data/").content.decode()


def test_a_page_that_was_open_before_the_switch_does_nothing_for_the_other(staff, joined, dsn, ring):
    """Two windows: what is posted from the first is of the first, or of nobody."""
    one = staff("member", is_sure=True)
    first, second = joined(one, "buyer"), joined(staff("member"), "buyer")
    joined(one, "buyer", second)
    with connect(dsn) as db, db.transaction():
        sku = make.stocked(db, ring, 2)
    told = {"sku": sku.code, "quantity": 1, "reference": "", "key": "k" * 20, "acting": str(first)}
    pages = [one.get(f"/buyer/{page}").content.decode() for page in ("purchases/new", "people")]
    assert [f'name="acting" value="{first}"' in page for page in pages] == [True, True]
    one.post("/buyer/organisation", {"party": second})
    assert "没有扣款" in one.post("/buyer/purchases/new", told).content.decode()
    assert one.post("/buyer/people/leave", {"acting": str(first)}).status_code == 409
    with connect(dsn) as db:
        assert sales.account_of(db, second).balance_fen == 1_000_000
        assert one.person.email in party.members(db, second)
    assert one.post("/buyer/people/leave", {"acting": str(second)}).status_code == 302
    assert one.post("/buyer/purchases/new", told).status_code == 302
