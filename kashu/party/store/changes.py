"""SQL of public data that changes, and of suppliers that cannot be reached (C-13)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, one, rows, run
from kashu.party.types import Change, Unreached

Place = tuple[bool, datetime, UUID]  # whether it is over, when it is due, its id
CHANGE = """
SELECT id, party_id, name, address, contact, happened_on, is_late, state, declared_by, declared_at, verify_by, reason,
       evidence, decided_by, decided_at
FROM party_change
"""
UNREACHED = """
SELECT id, party_id, authority, evidence, state, noted_by, noted_at, remind_by, reminded_by, reminded_at, answer_by,
       answer, answered_by, answered_at, settled_by, settled_at
FROM party_unreached
"""


def changes(db: Db, party_id: int | None = None, *, after: Place | None = None, most: int = 200) -> list[Change]:
    """Those that are due first in front, then those that are decided."""
    sql = f"""
    {CHANGE} WHERE (%s::bigint IS NULL OR party_id = %s)
      AND (%s::boolean IS NULL OR (state <> 'declared', verify_by, id) > (%s, %s, %s))
    ORDER BY state <> 'declared', verify_by, id LIMIT %s
    """
    is_over, at, change_id = after or (None, None, None)
    return rows(db, Change, sql, [party_id, party_id, is_over, is_over, at, change_id, most])


def change(db: Db, change_id: UUID, *, lock: bool = False) -> Change | None:
    return one(db, Change, f"{CHANGE} WHERE id = %s{' FOR UPDATE' if lock else ''}", [change_id])


def add_change(db: Db, new: Change) -> bool:
    """False where one of this supplier waits already."""
    sql = """
    INSERT INTO party_change (id, party_id, name, address, contact, happened_on, is_late, state, declared_by, declared_at,
        verify_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'declared', %s, %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.party_id, new.name, new.address, new.contact, new.happened_on, new.is_late, new.declared_by]
    return run(db, sql, [*told, new.declared_at, new.verify_by]) == 1


def decide_change(db: Db, change_id: UUID, after: str, told: tuple[str, str, str], at: datetime) -> None:
    """`told` is the reason, the hash of the evidence and who decided."""
    sql = """
    UPDATE party_change SET state = %s, reason = %s, evidence = %s, decided_by = %s, decided_at = %s
    WHERE id = %s AND state = 'declared'
    """
    assert run(db, sql, [after, *told, at, change_id]) == 1, "a change is decided once"


def publish(db: Db, new: Change) -> None:
    """What changed of a supplier's public data is what the public sees from now on."""
    sql = """
    UPDATE party_party SET name = coalesce(nullif(%s, ''), name), address = coalesce(nullif(%s, ''), address),
           contact = coalesce(nullif(%s, ''), contact)
    WHERE id = %s
    """
    assert run(db, sql, [new.name, new.address, new.contact, new.party_id]) == 1


def all_unreached(
    db: Db, party_id: int | None = None, *, after: Place | None = None, most: int = 200
) -> list[Unreached]:
    """Notices of suppliers that cannot be reached, the open ones first."""
    sql = f"""
    {UNREACHED} WHERE (%s::bigint IS NULL OR party_id = %s)
      AND (%s::boolean IS NULL OR (state = 'settled', coalesce(answer_by, remind_by), id) > (%s, %s, %s))
    ORDER BY state = 'settled', coalesce(answer_by, remind_by), id LIMIT %s
    """
    is_over, at, notice_id = after or (None, None, None)
    return rows(db, Unreached, sql, [party_id, party_id, is_over, is_over, at, notice_id, most])


def unreached(db: Db, notice_id: UUID, *, lock: bool = False) -> Unreached | None:
    return one(db, Unreached, f"{UNREACHED} WHERE id = %s{' FOR UPDATE' if lock else ''}", [notice_id])


def add_unreached(db: Db, new: Unreached) -> bool:
    """False where a notice of this supplier is open already."""
    sql = """
    INSERT INTO party_unreached (id, party_id, authority, evidence, state, noted_by, noted_at, remind_by)
    VALUES (%s, %s, %s, %s, 'noted', %s, %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.party_id, new.authority, new.evidence, new.noted_by, new.noted_at, new.remind_by]
    return run(db, sql, told) == 1


def note_reminded(db: Db, notice_id: UUID, by: str, at: datetime, answer_by: datetime) -> None:
    sql = """
    UPDATE party_unreached SET state = 'reminded', reminded_by = %s, reminded_at = %s, answer_by = %s
    WHERE id = %s AND state = 'noted'
    """
    assert run(db, sql, [by, at, answer_by, notice_id]) == 1, "a supplier is reminded once"


def note_answered(db: Db, notice_id: UUID, answer: str, by: str, at: datetime) -> None:
    sql = """
    UPDATE party_unreached SET state = 'answered', answer = %s, answered_by = %s, answered_at = %s
    WHERE id = %s AND state IN ('noted', 'reminded')
    """
    assert run(db, sql, [answer, by, at, notice_id]) == 1, "a notice is answered once"


def note_settled(db: Db, notice_id: UUID, by: str, at: datetime) -> None:
    sql = """
    UPDATE party_unreached SET state = 'settled', settled_by = %s, settled_at = %s
    WHERE id = %s AND state IN ('reminded', 'answered')
    """
    assert run(db, sql, [by, at, notice_id]) == 1, "a notice is settled once"
