from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.compliance.types import Attestation, NewAttestation
from kashu.kernel.db import Db, columns, rows, run
from kashu.kernel.ids import new_id

NAMES = (
    """id, event, subject, order_no, asked, state, tries, made_at, answer, signature, receipt, reason, answered_at"""
)
# Taken for a call: the next try has its time already, so that a process that dies in the call delays it, and no more.
TAKE = f"""
UPDATE compliance_attestation SET tries = tries + 1, due_at = %(at)s + least(interval '1 minute' * 2 ^ tries, interval '1 day')
WHERE id IN (
    SELECT id FROM compliance_attestation WHERE state = 'waiting' AND due_at <= %(at)s
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING {NAMES}
"""


def add_attestations(db: Db, new: Sequence[NewAttestation], at: datetime) -> int:
    """Keep what is to be attested, once for each event of a subject; says how many are new."""
    sql = """
    INSERT INTO compliance_attestation (id, event, subject, order_no, asked, state, due_at, made_at)
    SELECT told.id, told.event, told.subject, told.order_no, told.asked, 'waiting', %s, %s
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) AS told (id, event, subject, order_no, asked)
    ON CONFLICT (event, subject) DO NOTHING
    """
    told = [(new_id(), one.event, one.subject, one.order_no, one.asked) for one in new]
    return run(db, sql, [at, at, *columns(told)])


def take_attestations(db: Db, at: datetime, most: int) -> list[Attestation]:
    return rows(db, Attestation, TAKE, {"at": at, "most": most})  # type: ignore[arg-type]  # named parameters


def answer_attestation(db: Db, told: Attestation) -> bool:
    """Keep an answer, the first that comes."""
    sql = """
    UPDATE compliance_attestation SET state = %s, answer = %s, signature = %s, receipt = %s, reason = %s, answered_at = %s
    WHERE id = %s AND state IN ('waiting', 'stuck')
    """
    answer = [told.state, told.answer, told.signature, told.receipt, told.reason, told.answered_at]
    return run(db, sql, [*answer, told.id]) == 1


def give_up_attestation(db: Db, attestation_id: UUID, reason: str) -> bool:
    sql = "UPDATE compliance_attestation SET state = 'stuck', reason = %s WHERE id = %s AND state = 'waiting'"
    return run(db, sql, [reason, attestation_id]) == 1


def retry_attestation(db: Db, attestation_id: UUID, at: datetime) -> bool:
    sql = (
        "UPDATE compliance_attestation SET state = 'waiting', tries = 0, due_at = %s WHERE id = %s AND state = 'stuck'"
    )
    return run(db, sql, [at, attestation_id]) == 1


def attestations(db: Db, order_no: str, most: int) -> list[Attestation]:
    """The newest, of one order if one is named."""
    sql = f"""
    SELECT {NAMES} FROM compliance_attestation WHERE %s = '' OR order_no = %s ORDER BY made_at DESC, id LIMIT %s
    """
    return rows(db, Attestation, sql, [order_no, order_no, most])


def attestation_counts(db: Db) -> dict[str, int]:
    """How many wait, and how many are stuck."""
    sql = """
    SELECT state, count(*)::int FROM compliance_attestation WHERE state IN ('waiting', 'stuck') GROUP BY state
    """
    return dict(db.execute(sql).fetchall())
