from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.party.types import Member, Membership, Party, Platform

PARTY = "SELECT id, kind, name, uscc, address, contact, state FROM party_party"
# Where no owner is left who can sign in, whoever has been there longest is one: no organisation is without.
PEOPLE = """
SELECT * FROM (
    SELECT person.id AS person_id, person.email, person.name, member.joined_at, member.is_owner OR (
        NOT bool_or(member.is_owner) OVER () AND row_number() OVER (ORDER BY member.joined_at, person.id) = 1) AS is_owner
    FROM party_member AS member JOIN party_person AS person ON person.id = member.person_id AND person.is_active
    WHERE member.party_id = %s AND member.ended_at IS NULL) AS act
"""
ORDER = "ORDER BY joined_at, person_id LIMIT %s"


def parties(db: Db, kind: str | None = None) -> list[Party]:
    """The organisations of one kind; of none named, all that sell."""
    if kind is None:
        return rows(db, Party, f"{PARTY} WHERE kind <> 'buyer' ORDER BY kind, id")
    return rows(db, Party, f"{PARTY} WHERE kind = %s ORDER BY id", [kind])


def named(db: Db, name: str) -> list[Party]:
    """Whoever lives under a name, who is one at most; where nobody does, all who once had it, and more than one is nobody."""
    found = rows(db, Party, f"{PARTY} WHERE name = %s ORDER BY id", [name])
    return [one for one in found if one.state != "closed"] or found


def owners(db: Db) -> list[str]:
    """The addresses of those who own the platform."""
    return values(db, "SELECT email FROM party_person WHERE role = 'owner' AND is_active ORDER BY id")


def platform(db: Db) -> Platform:
    found = one(db, Platform, "SELECT is_solo, solo_wait_seconds FROM party_platform")
    assert found is not None, "the first migration writes this row"
    return found


def set_platform(db: Db, chosen: Platform) -> None:
    sql = "UPDATE party_platform SET is_solo = %s, solo_wait_seconds = %s"
    assert run(db, sql, [chosen.is_solo, chosen.solo_wait_seconds]) == 1


def add_party(db: Db, party: Party, at: datetime) -> int | None:
    """The id; None where somebody who lives has the name."""
    sql = """
    INSERT INTO party_party (kind, name, uscc, address, contact, created_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
    """
    found: int | None = value(db, sql, [party.kind, party.name, party.uscc, party.address, party.contact, at])
    return found


def party(db: Db, party_id: int) -> Party | None:
    return one(db, Party, f"{PARTY} WHERE id = %s", [party_id])


def parties_by(db: Db, party_ids: Collection[int]) -> dict[int, Party]:
    return {one.id: one for one in rows(db, Party, f"{PARTY} WHERE id = ANY (%s)", [list(party_ids)])}


def is_name_taken(db: Db, name: str, party_id: int = 0) -> bool:
    """Whether anybody who lives, other than this one, has a name."""
    sql = "SELECT 1 FROM party_party WHERE name = %s AND state <> 'closed' AND id <> %s"
    return value(db, sql, [name, party_id]) is not None


def hold_name(db: Db, party_id: int, *, is_held: bool) -> None:
    """Keep an organisation's name from others, or leave it to the next."""
    sql = "UPDATE party_party SET state = %s WHERE id = %s AND state <> %s"
    after = "active" if is_held else "closed"
    run(db, sql, [after, party_id, after])


def parties_of(db: Db, person_id: int, *, ever: bool = False) -> list[Party]:
    """The organisations a person works for, or ever worked for."""
    sql = """
    SELECT party.id, party.kind, party.name, party.uscc, party.address, party.contact, party.state
    FROM party_member AS member JOIN party_party AS party ON party.id = member.party_id
    WHERE member.person_id = %s AND (%s OR member.ended_at IS NULL) ORDER BY member.joined_at, party.id
    """
    return rows(db, Party, sql, [person_id, ever])


def memberships(db: Db, person_id: int) -> list[Membership]:
    """For whom a person works or ever worked, the first in front."""
    sql = """
    SELECT party.name, party.kind, member.is_owner, member.joined_at, member.ended_at
    FROM party_member AS member JOIN party_party AS party ON party.id = member.party_id
    WHERE member.person_id = %s ORDER BY member.joined_at, party.id
    """
    return rows(db, Membership, sql, [person_id])


def lock_people(db: Db, party_id: int) -> None:
    """Let one change the people of an organisation at a time. A supplier's row comes before its party's, as everywhere."""
    run(db, "SELECT FROM party_supplier WHERE party_id = %s FOR NO KEY UPDATE", [party_id])
    run(db, "SELECT FROM party_party WHERE id = %s FOR NO KEY UPDATE", [party_id])


def may_join(db: Db, person_id: int) -> bool:
    """Whether a person may work for organisations: whoever works for the platform, or is gone, may not."""
    return (
        value(db, "SELECT 1 FROM party_person WHERE id = %s AND role = 'member' AND is_active", [person_id]) is not None
    )


def members(db: Db, party_id: int) -> list[str]:
    """The e-mail addresses of those who act for an organisation."""
    sql = """
    SELECT person.email FROM party_member AS member JOIN party_person AS person ON person.id = member.person_id
    WHERE member.party_id = %s AND member.ended_at IS NULL AND person.is_active ORDER BY person.email
    """
    return values(db, sql, [party_id])


def people(db: Db, party_id: int, after: tuple[datetime, int], most: int) -> list[Member]:
    """Those who act for an organisation, from the first on."""
    return rows(db, Member, f"{PEOPLE} WHERE (joined_at, person_id) > (%s, %s) {ORDER}", [party_id, *after, most])


def member(db: Db, party_id: int, email: str) -> Member | None:
    return one(db, Member, f"{PEOPLE} WHERE email = %s", [party_id, email])


def member_with(db: Db, party_id: int, person_id: int) -> Member | None:
    return one(db, Member, f"{PEOPLE} WHERE person_id = %s", [party_id, person_id])


def owners_of(db: Db, party_id: int) -> int:
    """How many owners an organisation has."""
    found: int = value(db, f"SELECT count(*)::int FROM ({PEOPLE} WHERE is_owner) AS owner", [party_id])
    return found


def add_member(db: Db, party_id: int, person_id: int, at: datetime) -> None:
    """Let somebody in, again if they had gone. Where nobody owns the organisation, they do."""
    sql = """
    INSERT INTO party_member AS known (person_id, party_id, joined_at, is_owner)
    SELECT %(person)s, %(party)s, %(at)s, NOT EXISTS (SELECT FROM party_member WHERE party_id = %(party)s AND is_owner)
    ON CONFLICT (person_id, party_id) DO UPDATE
        SET joined_at = excluded.joined_at, is_owner = excluded.is_owner, ended_at = NULL
    WHERE known.ended_at IS NOT NULL
    """
    run(db, sql, {"person": person_id, "party": party_id, "at": at})  # type: ignore[arg-type]  # named parameters


def set_owner(db: Db, party_id: int, person_ids: Collection[int]) -> None:
    sql = """
    UPDATE party_member SET is_owner = true WHERE party_id = %s AND person_id = ANY (%s) AND ended_at IS NULL
    """
    assert run(db, sql, [party_id, list(person_ids)]) == len(person_ids), "they act for it"


def end_member(db: Db, party_id: int, person_id: int, at: datetime) -> None:
    sql = """
    UPDATE party_member SET ended_at = %s, is_owner = false WHERE party_id = %s AND person_id = %s AND ended_at IS NULL
    """
    assert run(db, sql, [at, party_id, person_id]) == 1, "a membership ends once"


def end_sessions(db: Db, person_id: int, spared: str = "") -> None:
    """Wherever a person is signed in, they are no longer, but for one session where its key is given."""
    theirs = "FROM usersessions_usersession WHERE user_id = %s AND session_key <> %s"
    run(db, f"DELETE FROM django_session WHERE session_key IN (SELECT session_key {theirs})", [person_id, spared])
    run(db, f"DELETE {theirs}", [person_id, spared])
