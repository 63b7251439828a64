"""SQL of compensations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.aftersale.types import OPEN_COMPENSATIONS, Compensation
from kashu.kernel.db import Db, one, rows, run, value

COMPENSATION = """
SELECT told.id, told.pool_id, told.order_id, bought.number, told.supplier_ids, told.effect, told.causes, told.amount_fen,
       told.cards, told.state, told.made_by, told.made_at, told.due_at, told.approval_id, told.paid_fen, told.payment_id,
       told.reason, told.evidence, told.ended_by, told.ended_at
FROM aftersale_compensation AS told
JOIN sales_order AS bought ON bought.pool_id = told.pool_id AND bought.id = told.order_id
"""
OPEN = f"told.state IN ({', '.join(repr(one) for one in OPEN_COMPENSATIONS)})"


def add_compensation(db: Db, new: Compensation) -> bool:
    """False where one of this order is open already."""
    sql = """
    INSERT INTO aftersale_compensation (id, pool_id, order_id, supplier_ids, effect, causes, amount_fen, cards, state,
        made_by, made_at, due_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'owed', %s, %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.pool_id, new.order_id, new.supplier_ids, new.effect, new.causes, new.amount_fen, new.cards]
    return run(db, sql, [*told, new.made_by, new.made_at, new.due_at]) == 1


def compensation(db: Db, compensation_id: UUID, *, lock: bool = False) -> Compensation | None:
    sql = f"{COMPENSATION} WHERE told.id = %s{' FOR UPDATE OF told' if lock else ''}"
    return one(db, Compensation, sql, [compensation_id])


def compensations_by(db: Db, ids: Sequence[UUID]) -> list[Compensation]:
    """These, locked, in the order of their ids."""
    return rows(db, Compensation, f"{COMPENSATION} WHERE told.id = ANY (%s) ORDER BY told.id FOR UPDATE OF told", [ids])


def compensations_asked(db: Db, approval_id: UUID) -> list[Compensation]:
    """Those that an approval is about, locked, in the order of their ids."""
    sql = f"{COMPENSATION} WHERE told.approval_id = %s AND told.state = 'asked' ORDER BY told.id FOR UPDATE OF told"
    return rows(db, Compensation, sql, [approval_id])


def compensations_of_order(db: Db, pool_id: int, order_id: UUID) -> list[Compensation]:
    """Those of an order, the newest first."""
    sql = f"{COMPENSATION} WHERE told.pool_id = %s AND told.order_id = %s ORDER BY told.made_at DESC, told.id LIMIT 50"
    return rows(db, Compensation, sql, [pool_id, order_id])


def has_decided(db: Db, pool_id: int, order_id: UUID) -> bool:
    """Whether one of this order was refused: it is not owed anew unasked."""
    sql = "SELECT true FROM aftersale_compensation WHERE pool_id = %s AND order_id = %s AND state = 'refused' LIMIT 1"
    return value(db, sql, [pool_id, order_id]) is True


def compensations(
    db: Db, most: int, *, is_open: bool = True, after: tuple[datetime, UUID] | None = None
) -> list[Compensation]:
    """What is still to be paid, what is due first in front; else what is over, the newest first."""
    at, compensation_id = after or (None, None)
    if is_open:
        sql = f"""{COMPENSATION} WHERE {OPEN} AND (%s::timestamptz IS NULL OR (told.due_at, told.id) > (%s, %s))
        ORDER BY told.due_at, told.id LIMIT %s"""
    else:
        sql = f"""{COMPENSATION} WHERE told.ended_at IS NOT NULL
        AND (%s::timestamptz IS NULL OR (told.ended_at, told.id) < (%s, %s))
        ORDER BY told.ended_at DESC, told.id DESC LIMIT %s"""
    return rows(db, Compensation, sql, [at, at, compensation_id, most])


def move_compensations(db: Db, ids: Sequence[UUID], before: str, after: str, approval_id: UUID | None) -> None:
    """Move open ones together, under an approval or out of it."""
    sql = "UPDATE aftersale_compensation SET state = %s, approval_id = %s WHERE id = ANY (%s) AND state = %s"
    assert run(db, sql, [after, approval_id, list(ids), before]) == len(ids), "they are locked"


def end_compensation(
    db: Db, was: Compensation, after: str, by: str, at: datetime, *, paid: tuple[int, UUID] | None = None,
    why: tuple[str, str] = ("", ""),
) -> None:  # fmt: skip
    """End one: paid, so many fen by this refund or credit; lapsed; or refused, with the reason and the evidence's hash."""
    sql = """
    UPDATE aftersale_compensation
    SET state = %s, ended_by = %s, ended_at = %s, paid_fen = %s, payment_id = %s, reason = %s, evidence = %s
    WHERE id = %s AND state = %s
    """
    fen, payment_id = paid or (0, None)
    assert run(db, sql, [after, by, at, fen, payment_id, *why, was.id, was.state]) == 1, "it ends once"
