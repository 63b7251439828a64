"""SQL of what minors spend. A row says whose an order is; what of it counts is read from the order and its refunds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, columns, rows, write
from kashu.sales import rules
from kashu.sales.types import MinorOrder

# Unpaid orders count until they are let go, however long that takes: their money may still come. What is paid counts in
# the month it was paid in, less what the gateway has given back; a second payment that goes back was never counted.
SPENT = """
SELECT kept.holder, sum(told.total_fen - coalesce(back.fen, 0))::bigint AS fen
FROM sales_minor_order AS kept
JOIN sales_order AS told ON told.pool_id = kept.pool_id AND told.id = kept.order_id
LEFT JOIN LATERAL (
    SELECT sum(amount_fen) AS fen FROM payments_refund AS refund
    WHERE refund.pool_id = told.pool_id AND refund.order_id = told.id AND refund.state = 'done'
      AND refund.reason <> 'paid_twice'
) AS back ON true
WHERE kept.holder = ANY (%(holders)s) AND kept.placed_on >= %(since)s
  AND (told.state = 'placed' OR (told.paid_at >= %(begins)s AND told.paid_at < %(ends)s))
GROUP BY kept.holder
"""


def spent(db: Db, holders: Collection[UUID], at: datetime) -> dict[UUID, int]:
    """What minors hold unpaid, and have paid and not got back in the calendar month of an instant; by holder."""
    begins, ends = rules.month_of(at)
    # A payment is made while its order is held: what was paid this month was placed in it, or a little before.
    since = rules.month_of(begins - timedelta(days=1))[0]
    told = {"holders": sorted(holders), "since": biz_date(since), "begins": begins, "ends": ends}
    found: dict[UUID, int] = dict(db.execute(SPENT, told).fetchall())  # type: ignore[arg-type]  # two columns
    return {holder: found.get(holder, 0) for holder in holders}


def count_orders(db: Db, told: Sequence[tuple[UUID, date, int, UUID, int]]) -> None:
    """Note whose orders these are: (holder, day, pool, order, limit of the month)."""
    sql = """
    INSERT INTO sales_minor_order (holder, placed_on, pool_id, order_id, month_fen_max)
    SELECT * FROM unnest(%s::uuid[], %s::date[], %s::bigint[], %s::uuid[], %s::bigint[])
    """
    write(db, sql, columns(told))


def minor_orders(db: Db, order_ids: Collection[UUID]) -> dict[UUID, MinorOrder]:
    """Those of these orders that count towards a minor's month."""
    sql = "SELECT order_id, holder, month_fen_max FROM sales_minor_order WHERE order_id = ANY (%s)"
    return {one.order_id: one for one in rows(db, MinorOrder, sql, [list(order_ids)])}
