"""SQL of ID card holders whose age was verified: a keyed mark to know them again by, and when."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, value, values


def keep_holder(db: Db, new_id: UUID, mark: bytes, at: datetime) -> UUID:
    """The holder's id: a new one, or the one that this mark has had."""
    sql = """
    INSERT INTO party_id_holder (id, mark, verified_at) VALUES (%s, %s, %s)
    ON CONFLICT (mark) DO UPDATE SET verified_at = excluded.verified_at RETURNING id
    """
    found: UUID = value(db, sql, [new_id, mark, at])
    return found


def erase_holders(db: Db, before: datetime, most: int) -> list[UUID]:
    """Forget those last verified before an instant; what still names their id names nobody."""
    sql = """
    DELETE FROM party_id_holder WHERE mark IN (
        SELECT mark FROM party_id_holder WHERE verified_at < %s ORDER BY verified_at LIMIT %s) RETURNING id
    """
    return values(db, sql, [before, most])
