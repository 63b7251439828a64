"""What is left of a person, and of an organisation, once they are erased: what the law keeps, by name, and nothing else (C-54)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from psycopg import sql as query

from kashu import compliance, messages, party
from kashu.audit import Actor
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import value, values
from kashu.party import NewChange
from kashu.party.rules import purposes
from tests import make
from tests.party import world
from tests.party.world import AT, REVIEWER

TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT IN ('django_migrations', 'django_content_type')
"""
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
FOUND = "SELECT to_jsonb(t) - %s::text[] FROM {} AS t WHERE t::text ~ %s AND (to_jsonb(t) - %s::text[])::text ~ %s"
OVER = datetime(2040, 1, 1, tzinfo=SHANGHAI)


class Watched:
    """A key ring that remembers everything it sealed, and every mark that it made."""

    def __init__(self, ring):
        self._ring, self.made = ring, []

    def __getattr__(self, name):
        return getattr(self._ring, name)

    def seal_personal(self, told, where):
        self.made.append(self._ring.seal_personal(told, where))
        return self.made[-1]

    def identity(self, kind, told):
        self.made.append(self._ring.identity(kind, told))
        return self.made[-1]


def kept_of(table, columns):
    """The columns of a table in which something stays, by the list that says why."""
    return [
        column
        for column in columns
        if f"{table}.{column}" in purposes.KEPT or f"{table}.*" in purposes.KEPT or column.endswith("_by")
    ]


def left(db, traces):
    """Where any of these texts and bytes still is, but for what is kept."""
    wanted = "|".join(one.hex() if isinstance(one, bytes) else re.escape(one) for one in traces)
    found = []
    for table in values(db, TABLES):
        kept = kept_of(table, values(db, COLUMNS, [table]))
        told = db.execute(query.SQL(FOUND).format(query.Identifier(table)), [kept, wanted, kept, wanted]).fetchall()
        found += [(table, row[0]) for row in told]
    return found


@pytest.fixture
def watched(ring):
    return Watched(ring)


@pytest.fixture
def person(site):
    """Somebody with everything an account can have; the tag is in all of it."""
    from allauth.account.models import EmailAddress, EmailConfirmation
    from allauth.mfa.models import Authenticator

    from kashu.kernel import clock
    from kashu.party.models import Person

    tag = make.name("canary")
    made = Person.objects.create_user(f"{tag}@supplier.example", "correct horse", name=f"王{tag}", role="member")
    made.last_login = clock.now()
    made.save()
    address = EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
    EmailConfirmation.create(address).save()
    Authenticator.objects.create(user=made, type="totp", data={"secret": tag})
    made.tag = tag
    return made


def sign_in(db, person):
    key = make.name("session")
    db.execute(
        "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, %s, now())", [key, person.tag]
    )
    sql = """
    INSERT INTO usersessions_usersession (created_at, ip, last_seen_at, session_key, user_agent, data, user_id)
    VALUES (now(), '127.0.0.1', now(), %s, %s, '{}', %s)
    """
    db.execute(sql, [key, person.tag, person.pk])


def busy(db, ring, person):
    """Whatever a person leaves behind: memberships of two kinds, invitations, a wish, a key, deeds."""
    own, one, other = Actor("person", person.email), world.active(db, ring), world.applied(db, ring)
    for joined in (one, make.organisation(db)):
        _told, token = party.invite(db, ring, REVIEWER, joined, person.email, AT)
        assert party.accept_invitation(db, ring, token, (person.pk, person.email), AT) == joined
    party.invite(db, ring, REVIEWER, other, person.email, AT)
    party.invite(db, ring, own, one, f"friend-{person.tag}@supplier.example", AT)
    party.make_key(db, ring, own, one, "till", ["redemptions"], AT)
    sign_in(db, person)
    party.ask_about_data(db, ring, own, person.pk, "correct", f"请改为 {person.tag}", AT)
    [wrong] = party.requests(db, person_id=person.pk)
    party.answer_request(db, REVIEWER, wrong.id, "done", f"已改为 {person.tag}", AT)
    return party.ask_about_data(db, ring, own, person.pk, "delete", f"我是 {person.tag}", AT)


def test_nothing_of_a_person_is_left_but_what_is_kept_by_name(db, watched, person):
    asked = busy(db, watched, person)
    marks = [watched.identity("mail", person.email), asked.words]
    assert {table for table, _row in left(db, [person.tag, *marks])} == {
        "account_emailaddress", "django_session", "mfa_authenticator", "party_invitation", "party_person",
        "party_request", "usersessions_usersession",
    }  # fmt: skip
    assert party.decide_deletion(db, watched, REVIEWER, asked.id, None, AT).state == "done"
    party.forget_invitations(db, AT + timedelta(days=8))  # whom they had invited themselves
    assert left(db, [person.tag, *marks]) == []
    assert value(db, "SELECT count(*) FROM account_emailconfirmation AS c JOIN account_emailaddress AS a ON a.id = "
                     "c.email_address_id WHERE a.user_id = %s", [person.pk]) == 0  # fmt: skip


def test_what_is_kept_of_a_person_is_who_did_what(db, watched, person):
    """The control: without the list, the trail and the records beside it still name who answers for them."""
    asked = busy(db, watched, person)
    party.decide_deletion(db, watched, REVIEWER, asked.id, None, AT)
    assert value(db, "SELECT count(*) FROM audit_entry WHERE actor = %s", [person.email]) > 0
    assert value(db, "SELECT count(*) FROM party_api_key WHERE made_by = %s", [person.email]) == 1
    found = [one for one in values(db, "SELECT to_jsonb(a)::text FROM audit_entry AS a") if person.tag in one]
    assert all(person.tag not in re.sub(r'"actor": "[^"]*"', "", one) for one in found)


def told_all(db, ring, tag, **changed):
    """A supplier that has said everything about itself that there is to say, and is gone; the tag is in all of it."""
    at = AT
    party_id = world.active(db, ring, at, address=f"地址 {tag}", contact=f"联系 {tag}", **changed)
    number = f"{tag}-no"
    assert isinstance(party.submit(db, ring, world.APPLICANT, party_id, world.paper(
        "authority", name=f"{tag}.pdf", number=number, fields={"holder": tag}), at), party.Document)  # fmt: skip
    party.save_draft(db, ring, party_id, "people", f'{{"name": "{tag}"}}', at)
    party.invite(db, ring, world.APPLICANT, party_id, f"{tag}@supplier.example", at)
    change = NewChange("", f"新地址 {tag}", f"新联系 {tag}", at.date())
    declared = party.declare_change(db, world.APPLICANT, party_id, change, at)
    party.decide_change(db, ring, REVIEWER, declared.id, "published", world.WHY, at)
    notice = party.note_unreached(db, REVIEWER, party_id, "市场监管", world.HASH, at)
    party.answer_unreached(db, world.APPLICANT, party_id, notice.id, f"打 {tag}", at)
    asked = party.sanction(db, REVIEWER, party_id, world.measure("warning", at + timedelta(days=9)), at)
    party.appeal(db, world.APPLICANT, party_id, asked.id, f"我 {tag} 没有", at)
    db.execute("UPDATE party_verification SET detail = %s WHERE party_id = %s", [tag, party_id])
    scan = compliance.licences.keep_file(db, ring, world.APPLICANT, f"{tag}.pdf", b"%PDF-" + tag.encode(), at)
    held = make.licence(db, party_id, "publication", file_sha256=scan)
    db.execute("UPDATE compliance_licence SET subject = %s WHERE id = %s", [tag, held.id])
    party.leave(db, world.APPLICANT, party_id, ("不做了", ""), at)
    over = at + timedelta(days=90)
    assert world.move_deposit(db, party_id, 1_000_000, flow="back", at=over) is None
    assert party.close(db, REVIEWER, party_id, world.WHY, over) is None
    return party_id


def erase(db, party_id):
    assert party_id in party.erase_papers_due(db, OVER)
    compliance.licences.erase_files(db, [party_id], OVER)
    while messages.forget(db, OVER):
        pass


def bars(db, party_id):
    return set(values(db, "SELECT mark FROM party_mark WHERE party_id = %s", [party_id]))


@pytest.mark.parametrize("is_registered", [True, False])
def test_nothing_of_an_organisation_is_left_but_what_is_kept_by_name(db, watched, is_registered):
    tag, person = make.name("canary"), world.person_number()
    told = {} if is_registered else {"is_registered": False, "number": person, "name": f"张{tag}"}
    party_id = told_all(db, watched, tag, id_number=person, **told)
    name = party.party(db, party_id).name
    assert len({table for table, _row in left(db, [tag])}) >= 8
    erase(db, party_id)
    assert [(table, row) for table, row in left(db, [tag, person, *watched.made])] == []
    assert set(values(db, "SELECT id_tail FROM party_principal WHERE party_id = %s", [party_id])) == {"****"}
    after = party.party(db, party_id)
    assert (after.address, after.contact) == ("", "")
    assert after.name == (name if is_registered else f"erased-{party_id}")
    assert bars(db, party_id) <= set(watched.made)  # what bars them is a fingerprint, and opens nothing
    assert party_id not in party.erase_papers_due(db, OVER)


def test_who_never_handed_anything_in_is_erased_as_well(db, watched):
    """An application that was refused: it left an address, a contact and an invitation."""
    tag = make.name("canary")
    party_id = world.applied(db, watched, address=tag, contact=tag)
    party.invite(db, watched, REVIEWER, party_id, f"{tag}@supplier.example", AT)
    party.refuse(db, REVIEWER, party_id, world.WHY, AT)
    erase(db, party_id)
    assert left(db, [tag, *watched.made]) == []


def test_a_scan_that_anothers_licence_rests_on_stays_until_that_one_is_erased(db, watched):
    tag = make.name("canary")
    party_id, other = told_all(db, watched, tag), world.active(db, watched)
    scan = value(
        db, "SELECT file_sha256 FROM compliance_licence WHERE party_id = %s AND file_sha256 IS NOT NULL", [party_id]
    )
    make.licence(db, other, "publication", file_sha256=scan)
    erase(db, party_id)
    assert compliance.licences.open_file(db, watched, REVIEWER, scan, AT)[2] == b"%PDF-" + tag.encode()
    db.execute("UPDATE party_supplier SET state = 'closed', moved_at = %s WHERE party_id = %s", [AT, other])
    erase(db, other)
    assert compliance.licences.open_file(db, watched, REVIEWER, scan, AT) is None


@pytest.mark.parametrize("kind", ["supplier", "buyer"])
def test_an_invitation_nobody_can_follow_forgets_its_address(db, watched, kind):
    party_id = world.applied(db, watched) if kind == "supplier" else make.organisation(db)
    told, _token = party.invite(db, watched, REVIEWER, party_id, f"{make.name('canary')}@supplier.example", AT)
    party.forget_invitations(db, told.expires_at - timedelta(seconds=1))
    assert party.invitations(db, party_id)[0].email == told.email
    assert party.forget_invitations(db, told.expires_at) >= 1
    assert left(db, [told.email]) == []
    assert party.invitations(db, party_id) == []


def test_every_personal_column_is_erased_kept_by_name_or_has_a_term_of_its_own(db, site):
    """The list is whole: no column of the registry is forgotten, and nothing is on it that is not there."""
    columns = set(purposes.COLUMNS)
    tables = {column.partition(".")[0] for column in columns}
    ours = {column for column in columns if purposes.COLUMNS[column] not in purposes.BY_TERM}
    of_persons = {"account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "usersessions_usersession",
                  "party_member", "party_person", "party_request", "party_invitation"}  # fmt: skip
    of_suppliers = {"party_party", "party_change", "party_bank_account", "party_document", "party_draft", "party_principal",
                    "compliance_file", "party_appeal", "party_invitation"}  # fmt: skip
    named = {one.partition(".")[0] for one in purposes.KEPT if not one.startswith("*")} | {"audit_entry"}
    assert {one.partition(".")[0] for one in ours} <= of_persons | of_suppliers | named
    assert all(reason for reason in purposes.KEPT.values())
    assert named <= tables | set(values(db, TABLES))
