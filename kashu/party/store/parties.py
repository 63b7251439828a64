from __future__ import annotations

from datetime import datetime

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.party.types import Party, Platform


def parties(db: Db, kind: str | None = None) -> list[Party]:
    """The organisations of one kind; of none named, all that sell."""
    sql = "SELECT id, kind, name, uscc, address, contact, state FROM party_party"
    if kind is None:
        return rows(db, Party, f"{sql} WHERE kind <> 'buyer' ORDER BY kind, id")
    return rows(db, Party, f"{sql} WHERE kind = %s ORDER BY id", [kind])


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


def add_party(db: Db, party: Party, at: datetime) -> int:
    sql = """
    INSERT INTO party_party (kind, name, uscc, address, contact, created_at)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
    """
    found: int = value(db, sql, [party.kind, party.name, party.uscc, party.address, party.contact, at])
    return found


def party(db: Db, party_id: int) -> Party | None:
    sql = "SELECT id, kind, name, uscc, address, contact, state FROM party_party WHERE id = %s"
    return one(db, Party, sql, [party_id])


def parties_of(db: Db, person_id: int) -> list[Party]:
    """The organisations a person works for."""
    sql = """
    SELECT party.id, party.kind, party.name, party.uscc, party.address, party.contact, party.state
    FROM party_member AS member JOIN party_party AS party ON party.id = member.party_id
    WHERE member.person_id = %s ORDER BY member.joined_at, party.id
    """
    return rows(db, Party, sql, [person_id])


def members(db: Db, party_id: int) -> list[str]:
    """The e-mail addresses of those who act for an organisation."""
    sql = """
    SELECT person.email FROM party_member AS member JOIN party_person AS person ON person.id = member.person_id
    WHERE member.party_id = %s AND person.is_active ORDER BY person.email
    """
    return values(db, sql, [party_id])


def remove_member(db: Db, party_id: int, email: str) -> int:
    sql = """
    DELETE FROM party_member AS member USING party_person AS person
    WHERE person.id = member.person_id AND member.party_id = %s AND person.email = %s
    """
    return run(db, sql, [party_id, email])


def add_member(db: Db, party_id: int, person_id: int, at: datetime) -> None:
    sql = "INSERT INTO party_member (person_id, party_id, joined_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    run(db, sql, [person_id, party_id, at])
