"""SQL of complaints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from kashu.aftersale.rules import ABUSE_COMPLAINTS_MAX, ABUSE_DAYS
from kashu.aftersale.types import Complaint, Figures
from kashu.kernel.db import Db, columns, one, rows, run, value, values

# Abuse is computed when it is asked, never set: one complaint that turns out to be right clears the others.
FLAGGED = f"""
(SELECT count(*) > {ABUSE_COMPLAINTS_MAX}
        AND NOT bool_or(coalesce(nullif(other.review_outcome, ''), other.outcome) IN ('upheld', 'partly'))
 FROM aftersale_complaint AS other
 WHERE other.buyer = told.buyer AND other.opened_at > told.opened_at - interval '{ABUSE_DAYS} days'
   AND other.opened_at <= told.opened_at)
"""
COMPLAINT = f"""
SELECT told.id, told.pool_id, told.order_id, bought.number, told.supplier_id, told.kind, told.words, told.state,
       told.opened_at, told.take_up_by, told.answer_by, told.decide_by, told.taken_by, told.taken_at, told.answer,
       told.answered_by, told.answered_at, told.outcome, told.reason, told.evidence, told.decided_by, told.decided_at,
       told.objection, told.objected_at, told.review_by, told.review_outcome, told.review_reason, told.review_evidence,
       told.reviewed_by, told.reviewed_at, told.withdrawn_at, told.erased_at, {FLAGGED} AS is_flagged
FROM aftersale_complaint AS told
JOIN sales_order AS bought ON bought.pool_id = told.pool_id AND bought.id = told.order_id
"""
DUE = """
CASE told.state WHEN 'opened' THEN told.take_up_by WHEN 'taken' THEN told.decide_by ELSE told.review_by END
"""
WAITING = "(told.answered_at IS NULL AND told.state IN ('opened', 'taken'))"
FIGURES = """
SELECT count(*)::int AS complaints,
       count(*) FILTER (WHERE coalesce(nullif(review_outcome, ''), outcome) IN ('upheld', 'partly'))::int AS upheld,
       count(*) FILTER (WHERE coalesce(answered_at, decided_at, %(at)s) > answer_by)::int AS late_answers,
       count(*) FILTER (WHERE state IN ('opened', 'taken', 'objected'))::int AS open
FROM aftersale_complaint
WHERE supplier_id = %(supplier)s AND state <> 'withdrawn' AND opened_at >= %(since)s
"""
OPEN = ("opened", "taken", "objected")


def add_complaint(db: Db, new: Complaint, buyer: bytes) -> bool:
    """False where one of this order is open already."""
    sql = """
    INSERT INTO aftersale_complaint (id, pool_id, order_id, supplier_id, buyer, kind, words, state, opened_at, take_up_by,
        answer_by, decide_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'opened', %s, %s, %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.pool_id, new.order_id, new.supplier_id, buyer, new.kind, new.words, new.opened_at]
    return run(db, sql, [*told, new.take_up_by, new.answer_by, new.decide_by]) == 1


def complaint(db: Db, complaint_id: UUID, *, lock: bool = False) -> Complaint | None:
    sql = f"{COMPLAINT} WHERE told.id = %s{' FOR UPDATE OF told' if lock else ''}"
    return one(db, Complaint, sql, [complaint_id])


def complaints_of_order(db: Db, pool_id: int, order_id: UUID) -> list[Complaint]:
    """Those of an order, the newest first."""
    sql = f"{COMPLAINT} WHERE told.pool_id = %s AND told.order_id = %s ORDER BY told.opened_at DESC, told.id LIMIT 50"
    return rows(db, Complaint, sql, [pool_id, order_id])


def complaints_of_supplier(
    db: Db, supplier_id: int, most: int, before: tuple[bool, datetime, UUID] | None = None
) -> list[Complaint]:
    """A supplier's, those that wait for its answer in front, each the newest first."""
    is_waiting, at, complaint_id = before or (None, None, None)
    sql = f"""
    {COMPLAINT} WHERE told.supplier_id = %s
      AND (%s::boolean IS NULL OR ({WAITING}, told.opened_at, told.id) < (%s, %s, %s))
    ORDER BY {WAITING} DESC, told.opened_at DESC, told.id DESC LIMIT %s
    """
    return rows(db, Complaint, sql, [supplier_id, is_waiting, is_waiting, at, complaint_id, most])


def open_complaints(
    db: Db, most: int, *, is_open: bool = True, after: tuple[datetime, UUID] | None = None
) -> list[Complaint]:
    """What waits at the desk, what is due first in front; else what is over, the newest first."""
    at, complaint_id = after or (None, None)
    if is_open:
        sql = f"""{COMPLAINT} WHERE told.state = ANY (%s) AND (%s::timestamptz IS NULL OR ({DUE}, told.id) > (%s, %s))
        ORDER BY {DUE}, told.id LIMIT %s"""
    else:
        sql = f"""{COMPLAINT} WHERE NOT told.state = ANY (%s)
        AND (%s::timestamptz IS NULL OR (told.opened_at, told.id) < (%s, %s))
        ORDER BY told.opened_at DESC, told.id DESC LIMIT %s"""
    return rows(db, Complaint, sql, [list(OPEN), at, at, complaint_id, most])


def is_one_open(db: Db, pool_id: int, order_id: UUID) -> bool:
    sql = "SELECT true FROM aftersale_complaint WHERE pool_id = %s AND order_id = %s AND state = ANY (%s)"
    return value(db, sql, [pool_id, order_id, list(OPEN)]) is True


def take_up(db: Db, complaint_id: UUID, by: str, at: datetime) -> None:
    sql = "UPDATE aftersale_complaint SET state = 'taken', taken_by = %s, taken_at = %s WHERE id = %s AND state = 'opened'"
    assert run(db, sql, [by, at, complaint_id]) == 1, "a complaint is taken up once"


def answer(db: Db, complaint_id: UUID, words: str, by: str, at: datetime) -> None:
    sql = """
    UPDATE aftersale_complaint SET answer = %s, answered_by = %s, answered_at = %s
    WHERE id = %s AND state IN ('opened', 'taken') AND answered_at IS NULL
    """
    assert run(db, sql, [words, by, at, complaint_id]) == 1, "a complaint is answered once"


def decide(db: Db, complaint_id: UUID, outcome: str, told: tuple[str, str, str], at: datetime) -> None:
    """`told` is the reason, the hash of the evidence and who decided."""
    sql = """
    UPDATE aftersale_complaint
    SET state = 'decided', outcome = %s, reason = %s, evidence = %s, decided_by = %s, decided_at = %s
    WHERE id = %s AND state = 'taken'
    """
    assert run(db, sql, [outcome, *told, at, complaint_id]) == 1, "a complaint is decided once"


def object_to(db: Db, complaint_id: UUID, words: str, at: datetime, review_by: datetime) -> None:
    sql = """
    UPDATE aftersale_complaint SET state = 'objected', objection = %s, objected_at = %s, review_by = %s
    WHERE id = %s AND state = 'decided'
    """
    assert run(db, sql, [words, at, review_by, complaint_id]) == 1, "a decision is objected to once"


def close(db: Db, complaint_id: UUID, outcome: str, told: tuple[str, str, str], at: datetime) -> None:
    """`told` is the reason, the hash of the evidence and who reviewed."""
    sql = """
    UPDATE aftersale_complaint
    SET state = 'closed', review_outcome = %s, review_reason = %s, review_evidence = %s, reviewed_by = %s,
        reviewed_at = %s
    WHERE id = %s AND state = 'objected'
    """
    assert run(db, sql, [outcome, *told, at, complaint_id]) == 1, "an objection is decided once"


def withdraw(db: Db, complaint_id: UUID, at: datetime) -> None:
    sql = """
    UPDATE aftersale_complaint SET state = 'withdrawn', withdrawn_at = %s WHERE id = %s AND state IN ('opened', 'taken')
    """
    assert run(db, sql, [at, complaint_id]) == 1, "a complaint is withdrawn once"


def figures(db: Db, supplier_id: int, at: datetime, since: datetime) -> Figures:
    told = {"supplier": supplier_id, "at": at, "since": since}
    found = one(db, Figures, FIGURES, told)  # type: ignore[arg-type]  # named parameters
    assert found is not None, "an aggregate has one row"
    return found


def erase_complaints(db: Db, before: datetime, at: datetime, most: int) -> list[UUID]:
    """Forget who complained and in which words, of complaints that ended before an instant."""
    sql = """
    UPDATE aftersale_complaint SET words = '', objection = '', buyer = NULL, erased_at = %s
    WHERE id IN (
        SELECT id FROM aftersale_complaint
        WHERE erased_at IS NULL AND state IN ('decided', 'closed', 'withdrawn')
          AND coalesce(reviewed_at, decided_at, withdrawn_at) < %s
        ORDER BY opened_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
    return values(db, sql, [at, before, most])


def contested(db: Db, keys: Collection[tuple[int, UUID]]) -> set[UUID]:
    """Those of these orders with a complaint, a guardian's claim or a compensation that is open."""
    sql = """
    SELECT told.order_id FROM aftersale_complaint AS told
    JOIN unnest(%s::bigint[], %s::uuid[]) AS asked (pool_id, order_id)
      ON told.pool_id = asked.pool_id AND told.order_id = asked.order_id
    WHERE told.state IN ('opened', 'taken', 'objected')
    UNION
    SELECT told.order_id FROM aftersale_guardian AS told
    JOIN unnest(%s::bigint[], %s::uuid[]) AS asked (pool_id, order_id)
      ON told.pool_id = asked.pool_id AND told.order_id = asked.order_id
    WHERE told.state = 'open'
    UNION
    SELECT told.order_id FROM aftersale_compensation AS told
    JOIN unnest(%s::bigint[], %s::uuid[]) AS asked (pool_id, order_id)
      ON told.pool_id = asked.pool_id AND told.order_id = asked.order_id
    WHERE told.state IN ('owed', 'asked', 'approved')
    """
    return set(values(db, sql, 3 * columns(sorted(keys), 2)))


def is_supplier_contested(db: Db, supplier_id: int) -> bool:
    """Whether anything of the sort is open of an order with a line that a supplier sold or brought the cards of."""
    sql = """
    SELECT EXISTS (
        SELECT FROM (
            SELECT order_id FROM aftersale_complaint WHERE state IN ('opened', 'taken', 'objected')
            UNION ALL SELECT order_id FROM aftersale_guardian WHERE state = 'open'
            UNION ALL SELECT order_id FROM aftersale_compensation WHERE state IN ('owed', 'asked', 'approved')
        ) AS told JOIN sales_line AS line USING (order_id) WHERE %s IN (line.supplier_id, line.seller_id))
    """
    found: bool = value(db, sql, [supplier_id])
    return found


def forget_complainers(db: Db, keys: Sequence[tuple[int, UUID]]) -> None:
    """Forget the mark of who complained about these orders."""
    sql = """
    UPDATE aftersale_complaint AS told SET buyer = NULL FROM unnest(%s::bigint[], %s::uuid[]) AS gone (pool_id, order_id)
    WHERE told.pool_id = gone.pool_id AND told.order_id = gone.order_id
    """
    run(db, sql, columns(keys, 2))
