"""Personal data (C-50 to C-54): a purpose for every column, consent, deletion with and without retention."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from kashu import party
from kashu.audit import Actor
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import connect, value, values
from kashu.party import SupplierRefusal
from kashu.party.rules import purposes
from tests import make
from tests.party import world
from tests.party.world import AT, REVIEWER

ALL = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name !~ '^(django|procrastinate|auth_)'
  AND table_name NOT IN ('ledger_posting', 'ledger_balance') ORDER BY 1
"""


def test_every_personal_column_has_a_purpose(site, db):
    """C-50."""
    columns = values(db, ALL)
    assert purposes.unregistered(columns) == []
    assert set(purposes.COLUMNS) - set(columns) == set()
    assert set(purposes.INNOCENT) - set(columns) == set()
    assert set(purposes.COLUMNS.values()) <= purposes.PURPOSES.keys()


@pytest.mark.parametrize(
    "column", ["sales_order.phone_number", "party_party.id_number", "sales_line.ip", "party_x.email"]
)
def test_a_planted_personal_column_without_a_purpose_is_found(column):
    assert purposes.unregistered([column]) == [column]


def test_a_purpose_says_why_on_what_ground_how_long_and_who_sees(db):
    for one in purposes.PURPOSES.values():
        assert all((one.why, one.ground, one.kept, one.seen_by))


def test_a_consent_is_live_until_it_is_withdrawn(db):
    """C-51, C-53."""
    who = Actor("person", "a@b.example")
    assert party.give_consent(db, who, "party 1", "bank_account", "words", AT)
    assert not party.give_consent(db, who, "party 1", "bank_account", "words", AT)
    assert not party.has_consent(db, "party 1", "identity_document")
    assert party.withdraw_consent(db, who, "party 1", "bank_account", AT)
    assert not party.has_consent(db, "party 1", "bank_account")
    assert party.give_consent(db, who, "party 1", "bank_account", "new words", AT)


@pytest.fixture
def person(site):
    from allauth.account.models import EmailAddress

    from kashu.party.models import Person

    email = f"{make.name('subject')}@supplier.example"
    made = Person.objects.create_user(email, "correct horse battery", name="王小明", role="member")
    EmailAddress.objects.create(user=made, email=email, verified=True, primary=True)
    return made


def account(db, person):
    sql = "SELECT name, email, is_active FROM party_person WHERE id = %s"
    return db.execute(sql, [person.pk]).fetchone()


def ask(db, ring, person, kind="delete", words=""):
    return party.ask_about_data(db, ring, Actor("person", person.email), person.pk, kind, words, AT)


def test_what_needs_no_keeping_is_erased_at_once(dsn, ring, person):
    """C-53."""
    with connect(dsn) as db, db.transaction():
        asked = ask(db, ring, person)
        assert ask(db, ring, person) is SupplierRefusal.TOO_MANY
        assert asked.due_at == AT + timedelta(days=15)
        decided = party.decide_deletion(db, ring, REVIEWER, asked.id, None, AT)
        assert decided.state == "done"
        assert account(db, person) == ("erased", f"erased-{person.pk}@invalid", False)
        assert value(db, "SELECT count(*) FROM account_emailaddress WHERE email = %s", [person.email]) == 0


def test_what_was_traded_is_restricted_for_three_years_and_then_erased(dsn, ring, person):
    """C-54: closed on day one, erased by the clock when three years are over."""
    last = date(2026, 10, 30)
    over = datetime(2029, 10, 31, tzinfo=SHANGHAI)
    with connect(dsn) as db, db.transaction():
        party_id = world.active(db, ring)
        party.add_member(db, REVIEWER, party_id, person.pk, AT)
        asked = ask(db, ring, person)
        decided = party.decide_deletion(db, ring, REVIEWER, asked.id, last, AT)
        assert (decided.state, decided.erase_on) == ("restricted", over.date())
        assert account(db, person) == ("王小明", person.email, False)
        assert party.members(db, party_id) == []
        assert person.pk not in party.erase_due(db, ring, over - timedelta(seconds=1))
        assert account(db, person)[0] == "王小明"
        assert person.pk in party.erase_due(db, ring, over)
        assert account(db, person)[0] == "erased"
        assert person.pk not in party.erase_due(db, ring, over)


def test_a_request_is_refused_with_a_reason_only(dsn, ring, person):
    """C-53: reasons when refused."""
    with connect(dsn) as db, db.transaction():
        asked = ask(db, ring, person, "correct", "姓名写错了")
        assert "姓名写错了".encode() not in asked.words
        assert party.answer_request(db, REVIEWER, asked.id, "refused", "", AT) is SupplierRefusal.NO_REASON
        assert party.answer_request(db, REVIEWER, asked.id, "refused", "与证件一致", AT).id == asked.id
        assert party.answer_request(db, REVIEWER, asked.id, "done", "好", AT) is SupplierRefusal.GONE


def test_a_deletion_is_not_answered_as_done_without_deleting(dsn, ring, person):
    with connect(dsn) as db, db.transaction():
        asked = ask(db, ring, person)
        assert party.answer_request(db, REVIEWER, asked.id, "done", "好", AT) is SupplierRefusal.GONE
        assert account(db, person)[2] is True


@pytest.mark.parametrize("kind", ["delete", "correct"])
def test_nobody_decides_on_a_request_of_their_own(dsn, ring, person, kind):
    """C-53: a member of staff asks like anybody else, and somebody else answers."""
    own = Actor("person", person.email)
    with connect(dsn) as db, db.transaction():
        asked = ask(db, ring, person, kind, "请处理")
        if kind == "delete":
            assert party.decide_deletion(db, ring, own, asked.id, None, AT) is SupplierRefusal.OWN_REQUEST
        for state in ("done", "refused"):
            told = party.answer_request(db, own, asked.id, state, "好", AT)
            assert told is (
                SupplierRefusal.GONE if (kind, state) == ("delete", "done") else SupplierRefusal.OWN_REQUEST
            )
        assert account(db, person)[2] is True
        [found] = party.requests(db, person_id=person.pk)
        assert (found.state, found.decided_by) == ("open", None)


def test_papers_of_a_closed_supplier_are_erased_after_three_years(db, ring):
    """C-54: by the clock; what bars a blacklisted party stays, and so do hashes."""
    number = world.person_number()
    party_id = world.active(db, ring, id_number=number)
    closed_at = AT + timedelta(days=90)
    party.leave(db, world.APPLICANT, party_id, world.WHY, AT)
    assert world.move_deposit(db, party_id, 1_000_000, flow="back", at=closed_at) is None
    assert party.close(db, REVIEWER, party_id, world.WHY, closed_at) is None
    over = datetime(2030, 2, 1, tzinfo=SHANGHAI)  # the day after three years, for a supplier closed on 31 January 2027
    assert party_id not in party.erase_papers_due(db, over - timedelta(seconds=1))
    assert all(one.spool for one in party.documents(db, party_id))
    assert party_id in party.erase_papers_due(db, over)
    assert {(one.state, one.spool, one.number) for one in party.documents(db, party_id)} == {("erased", "", None)}
    assert all(one.sha256 == world.HASH for one in party.documents(db, party_id))
    assert party.principals(db, party_id) == []
    assert values(db, "SELECT name FROM party_principal WHERE party_id = %s", [party_id]) == [b"", b""]
    assert party_id not in party.erase_papers_due(db, over)
    assert value(db, "SELECT count(*) FROM party_mark WHERE party_id = %s AND kind = 'id'", [party_id]) == 1
