"""SQL of what claims gave back to purchase accounts."""

from __future__ import annotations

from uuid import UUID

from kashu.kernel.db import Db, rows, run
from kashu.sales.types import Credit


def add_credit(db: Db, new: Credit) -> None:
    sql = """
    INSERT INTO sales_credit (pool_id, id, order_id, account_id, amount_fen, cards, reason, made_by, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.pool_id, new.id, new.order_id, new.account_id, new.amount_fen, new.cards]
    run(db, sql, [*told, new.reason, new.made_by, new.made_at])


def credits_of(db: Db, pool_id: int, order_id: UUID) -> list[Credit]:
    """What was given back of a purchase, the oldest first."""
    sql = """
    SELECT pool_id, id, order_id, account_id, amount_fen, cards, reason, made_by, made_at FROM sales_credit
    WHERE pool_id = %s AND order_id = %s ORDER BY made_at, id
    """
    return rows(db, Credit, sql, [pool_id, order_id])
