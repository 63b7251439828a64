from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from kashu.kernel.db import Db, one, rows, run, values
from kashu.party.types import ApiKey

KEY = """
SELECT id, party_id, name, scopes, sealed_secret, per_second, made_by, made_at, expires_at, revoked_at
FROM party_api_key
"""


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
