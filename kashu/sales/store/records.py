"""SQL of what is kept about an order beside the order itself: who may open it, what went wrong."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, rows
from kashu.sales.types import Possession


def possessions(db: Db, pool_id: int, order_id: UUID) -> list[Possession]:
    """The browsers that an order was given to, oldest first."""
    sql = """
    SELECT device, how, granted_at FROM sales_possession WHERE pool_id = %s AND order_id = %s
    ORDER BY granted_at, device LIMIT 1000
    """
    return rows(db, Possession, sql, [pool_id, order_id])


def incidents_of(db: Db, order_id: UUID, since: datetime) -> list[tuple[str, datetime, str]]:
    """What went wrong with an order since it was placed: (kind, instant, detail)."""
    sql = """
    SELECT kind, at, detail FROM sales_incident WHERE order_id = %s AND at >= %s ORDER BY at, id LIMIT 1000
    """
    return db.execute(sql, [order_id, since]).fetchall()  # type: ignore[return-value]  # three columns
