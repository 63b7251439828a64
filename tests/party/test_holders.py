"""A guest's age (C-50, C-51, C-70): asked under a consent of its own; neither name, number nor birthday is kept."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kashu import party
from kashu.kernel.db import value, values
from kashu.kernel.text import sha256_hex
from kashu.party import AgeCheck, AgeRefusal, Holder
from kashu.party.rules.numbers import age_on
from tests import make
from tests.party.world import AT, HASH, person_number

WORDS, GUARDIAN = "本人同意", "监护人同意"
BOTH = frozenset([sha256_hex(WORDS), sha256_hex(GUARDIAN)])


def check(number=None, **changed):
    told = AgeCheck(
        make.buyer().device, make.buyer().address, "王小明", number or person_number(), BOTH, WORDS, GUARDIAN
    )
    return replace(told, **changed)


def ask(db, ring, told, at=AT):
    return party.ask_age(db, ring, told, at)


def verified(db, ring, number, at=AT, state="matched"):
    told = check(number)
    asked = ask(db, ring, told, at)
    return party.note_age(db, ring, told, asked, (state, HASH), at)


def test_a_person_is_the_same_person_on_every_device(db, ring):
    number = person_number("20120312")
    one, two = verified(db, ring, number), verified(db, ring, number)
    assert one == two == Holder(one.id, date(2012, 3, 12))
    assert verified(db, ring, person_number("20120312")).id != one.id


def test_who_is_of_age_leaves_no_birthday(db, ring):
    assert verified(db, ring, person_number("20081102")).born_on is None  # 18 on AT's day
    assert verified(db, ring, person_number("20081103")).born_on == date(2008, 11, 3)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("mismatched", AgeRefusal.NOT_VERIFIED),
        ("not_found", AgeRefusal.NOT_VERIFIED),
        ("cancelled", AgeRefusal.NOT_VERIFIED),
        (party.UNANSWERED, AgeRefusal.UNAVAILABLE),
    ],
)
def test_only_an_answer_makes_anybody_known(db, ring, state, told):
    """§2.4: a right check digit proves a typing, never an existence."""
    before = value(db, "SELECT count(*) FROM party_id_holder")
    assert verified(db, ring, person_number("20120312"), state=state) is told
    assert value(db, "SELECT count(*) FROM party_id_holder") == before


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"consents": frozenset()}, AgeRefusal.NO_CONSENT),
        ({"consents": frozenset([sha256_hex(GUARDIAN)])}, AgeRefusal.NO_CONSENT),
        ({"name": " "}, AgeRefusal.INCOMPLETE),
        ({"name": "王" * 61}, AgeRefusal.INCOMPLETE),
        ({"name": "王\n小明"}, AgeRefusal.INCOMPLETE),
        ({"number": "110105198503120000"}, AgeRefusal.INCOMPLETE),
        ({"number": " "}, AgeRefusal.INCOMPLETE),
        ({"number": "1" * 500}, AgeRefusal.INCOMPLETE),
    ],
)
def test_what_is_not_whole_or_not_agreed_to_is_not_asked(db, ring, changed, told):
    """C-51."""
    before = value(db, "SELECT count(*) FROM party_consent")
    assert ask(db, ring, check(**changed)) is told
    assert value(db, "SELECT count(*) FROM party_consent") == before


@pytest.mark.parametrize(("born", "needs_guardian"), [("20121103", True), ("20121102", False)])
def test_for_a_child_under_14_a_guardian_agrees(db, ring, born, needs_guardian):
    """C-51, PIPL §31."""
    told = check(person_number(born), consents=frozenset([sha256_hex(WORDS)]))
    assert (ask(db, ring, told) is AgeRefusal.NO_GUARDIAN) == needs_guardian
    asked = ask(db, ring, replace(told, consents=BOTH))
    words = f"{WORDS}\n{GUARDIAN}" if needs_guardian else WORDS
    sql = "SELECT words_sha256 FROM party_consent WHERE subject = %s AND purpose = 'age_check'"
    assert values(db, sql, [f"age check {asked.verification_id}"]) == [sha256_hex(words)]


@pytest.mark.parametrize("fixed", ["device", "number", "address"])
def test_nobody_tries_out_whose_number_it_is(db, ring, fixed):
    told = {"device": make.buyer().device, "number": person_number(), "address": make.buyer().address}
    most = 60 if fixed == "address" else 10
    answers = [ask(db, ring, check(**{fixed: told[fixed]})) for _ in range(most + 1)]
    assert AgeRefusal.TOO_OFTEN not in answers[:-1]
    assert answers[-1] is AgeRefusal.TOO_OFTEN
    assert not isinstance(ask(db, ring, check(**{fixed: told[fixed]}), AT + timedelta(hours=1)), AgeRefusal)


def test_neither_name_number_nor_birthday_is_in_rows_or_trail(db, ring):
    """C-50, C-52: nor a bare hash of what holds the number."""
    number, name = person_number("20120312"), f"王{make.name('某')}"
    told = check(number, name=name)
    asked = ask(db, ring, told)
    proof = secrets.token_hex(32)
    holder = party.note_age(db, ring, told, asked, ("matched", proof), AT)
    tables = ("party_id_holder", "party_consent", "audit_entry", "outbox", "limit_hit")
    written = "".join(str(row) for table in tables for row in db.execute(f"SELECT t::text FROM {table} AS t"))
    for told in (number, name, "2012-03-12", "20120312", proof, sha256_hex(number), ring.identity("id", number).hex()):
        assert told not in written
    sql = "SELECT actor_kind, after->>'holder' FROM audit_entry WHERE verb = 'age.verify' AND object_id = %s"
    assert db.execute(sql, [str(asked.verification_id)]).fetchall() == [("buyer", str(holder.id))]


def test_a_holder_is_erased_three_years_after_the_last_check(db, ring):
    """C-54."""
    number = person_number("20120312")
    old = verified(db, ring, number).id
    again = AT + timedelta(days=200)
    assert verified(db, ring, number, again).id == old
    assert old not in party.erase_holders_due(db, again + timedelta(days=3 * 365))
    assert old in party.erase_holders_due(db, again + timedelta(days=3 * 366 + 1))
    assert verified(db, ring, number, again).id != old
    assert values(
        db, "SELECT count(*)::int FROM audit_entry WHERE verb = 'holder.erase' AND object_id = %s", [str(old)]
    ) == [1]


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2018, 11, 23), date(2026, 11, 22), 7),
        (date(2018, 11, 23), date(2026, 11, 23), 8),
    ],
)
def test_full_years(born, day, years):
    assert age_on(born, day) == years
