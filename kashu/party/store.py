from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.party.types import ApiKey, Licence, Party, Platform

KEY = """
SELECT id, party_id, name, scopes, sealed_secret, per_second, made_by, made_at, expires_at, revoked_at
FROM party_api_key
"""

LICENCES = """
SELECT licence.id, licence.party_id, party.name AS party, licence.kind, licence.number, licence.scope,
       licence.territory, licence.valid_from, licence.valid_to
FROM party_licence AS licence JOIN party_party AS party ON party.id = licence.party_id
WHERE licence.valid_from <= %(day)s AND licence.valid_to >= %(day)s
  AND (%(party)s::bigint IS NULL OR licence.party_id = %(party)s)
ORDER BY party.kind, party.id, licence.valid_to
"""


def parties(db: Db, kind: str | None = None) -> list[Party]:
    sql = "SELECT id, kind, name, uscc, address, contact, state FROM party_party"
    if kind is None:
        return rows(db, Party, f"{sql} ORDER BY kind, id")
    return rows(db, Party, f"{sql} WHERE kind = %s ORDER BY id", [kind])


def owners(db: Db) -> list[str]:
    """The addresses of those who own the platform."""
    return values(db, "SELECT email FROM party_person WHERE role = 'owner' AND is_active ORDER BY id")


def licences(db: Db, day: date, party_id: int | None = None) -> list[Licence]:
    """The licences in force on a day, the platform's own first."""
    return rows(db, Licence, LICENCES, {"day": day, "party": party_id})  # type: ignore[arg-type]  # named parameters


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


def add_licence(db: Db, licence: Licence) -> int:
    sql = """
    INSERT INTO party_licence (party_id, kind, number, scope, territory, valid_from, valid_to)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
    """
    told = [licence.party_id, licence.kind, licence.number, licence.scope, licence.territory]
    found: int = value(db, sql, [*told, licence.valid_from, licence.valid_to])
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


def add_member(db: Db, party_id: int, person_id: int, at: datetime) -> None:
    sql = "INSERT INTO party_member (person_id, party_id, joined_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    run(db, sql, [person_id, party_id, at])


def add_key(db: Db, key: ApiKey) -> None:
    sql = """
    INSERT INTO party_api_key (id, party_id, name, scopes, sealed_secret, per_second, made_by, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [key.id, key.party_id, key.name, key.scopes, key.sealed_secret, key.per_second]
    run(db, sql, [*told, key.made_by, key.made_at])


def api_key(db: Db, key_id: str, *, lock: bool = False) -> ApiKey | None:
    return one(db, ApiKey, f"{KEY} WHERE id = %s {'FOR NO KEY UPDATE' if lock else ''}", [key_id])


def api_keys(db: Db, party_id: int) -> list[ApiKey]:
    """Every key an organisation ever had, the newest first."""
    return rows(db, ApiKey, f"{KEY} WHERE party_id = %s ORDER BY made_at DESC, id", [party_id])


def end_key(db: Db, key_id: str, *, expires_at: datetime | None = None, revoked_at: datetime | None = None) -> int:
    """Let a key end at an instant, or at once; one that has ended stays as it is."""
    sql = """
    UPDATE party_api_key SET expires_at = coalesce(%s, expires_at), revoked_at = %s
    WHERE id = %s AND revoked_at IS NULL
    """
    return run(db, sql, [expires_at, revoked_at, key_id])


def live_keys(db: Db, key_ids: Collection[str], at: datetime) -> set[str]:
    """Those of these keys that are good now, of organisations in good standing."""
    sql = """
    SELECT key.id FROM party_api_key AS key JOIN party_party AS party ON party.id = key.party_id
    WHERE key.id = ANY (%s) AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > %s)
      AND party.state = 'active'
    """
    return set(values(db, sql, [sorted(key_ids), at]))


def use_nonces(db: Db, calls: Sequence[tuple[str, str]], at: datetime) -> set[tuple[str, str]]:
    """Write down nonces; those nobody had used before are returned."""
    sql = """
    INSERT INTO party_nonce (key_id, nonce, seen_at)
    SELECT key_id, nonce, %s FROM unnest(%s::text[], %s::text[]) AS n (key_id, nonce)
    ORDER BY key_id, nonce             -- two batches meet in the same order, so neither can deadlock
    ON CONFLICT DO NOTHING RETURNING key_id, nonce
    """
    return set(db.execute(sql, [at, [key for key, _ in calls], [nonce for _, nonce in calls]]).fetchall())  # type: ignore[arg-type]  # two columns


def forget_nonces(db: Db, before: datetime) -> int:
    return run(db, "DELETE FROM party_nonce WHERE seen_at < %s", [before])
