"""Reads for screens: orders as lists, the day in figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kashu.kernel.db import Db, one, rows, value
from kashu.kernel.ids import pool_of

ORDER_LIST = """
SELECT told.pool_id, told.id, told.number, told.state, told.quantity, told.total_fen, told.phone_tail, told.placed_at,
       told.paid_at, told.delivered_at, told.paid_late, told.source_entry, told.live_room,
       product.title, sku.name AS sku, line.is_third_party, line.revealed_at
FROM sales_order AS told
JOIN LATERAL (
    SELECT sku_id, is_third_party, revealed_at FROM sales_line WHERE order_id = told.id ORDER BY id LIMIT 1
) AS line ON true
JOIN catalog_sku AS sku ON sku.id = line.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
WHERE {where}
ORDER BY told.placed_at DESC, told.id DESC LIMIT %(most)s
"""

OF_SUPPLIER = """
SELECT line.id, told.number, told.state, product.title, sku.name AS sku, line.quantity, line.total_fen, line.is_third_party,
       told.placed_at, told.delivered_at
FROM sales_line AS line
JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
JOIN catalog_sku AS sku ON sku.id = line.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
WHERE (line.supplier_id = %(supplier)s OR line.seller_id = %(supplier)s) AND told.paid_at IS NOT NULL
  AND (told.placed_at, line.id) < (%(at)s, %(id)s)
ORDER BY told.placed_at DESC, line.id DESC LIMIT %(most)s
"""

NUMBERS = """
SELECT line.id, told.number FROM sales_line AS line
JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
WHERE line.pool_id = ANY (%(pools)s) AND line.id = ANY (%(reasons)s)
UNION ALL
SELECT refund.id, told.number FROM payments_refund AS refund
JOIN sales_order AS told ON told.pool_id = refund.pool_id AND told.id = refund.order_id
WHERE refund.pool_id = ANY (%(pools)s) AND refund.id = ANY (%(reasons)s)
"""

VIEWS: dict[str, tuple[str, ...]] = {
    "all": (),
    "placed": ("placed",),
    "delivered": ("delivered", "completed"),
    "refunding": ("refunding", "disputed"),
    "closed": ("expired", "cancelled", "refunded"),
}

DAY = """
SELECT count(*) FILTER (WHERE paid_at IS NOT NULL)::int AS paid,
       count(*) FILTER (WHERE delivered_at IS NOT NULL)::int AS delivered,
       count(*) FILTER (WHERE told.state IN ('refunding', 'refunded') AND paid_at IS NOT NULL)::int AS refunded,
       coalesce(sum(total_fen) FILTER (WHERE paid_at IS NOT NULL), 0)::bigint AS gmv_fen,
       coalesce(sum(total_fen) FILTER (WHERE told.state IN ('refunding', 'refunded') AND paid_at IS NOT NULL), 0)::bigint
           AS refunded_fen,
       count(*) FILTER (WHERE told.state = 'placed')::int AS unpaid,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - paid_at))
           FILTER (WHERE delivered_at IS NOT NULL AND NOT paid_late AND waiting.order_id IS NULL) AS p50,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - paid_at))
           FILTER (WHERE delivered_at IS NOT NULL AND NOT paid_late AND waiting.order_id IS NULL) AS p99
FROM sales_order AS told
LEFT JOIN sales_fulfilment AS waiting ON waiting.pool_id = told.pool_id AND waiting.order_id = told.id
WHERE placed_at >= %s AND placed_at < %s
"""

HOURS = """
SELECT extract(hour FROM placed_at AT TIME ZONE 'Asia/Shanghai')::int AS hour, sum(total_fen)::bigint AS fen
FROM sales_order WHERE paid_at IS NOT NULL AND placed_at >= %s AND placed_at < %s GROUP BY 1
"""

LATENCY = """
SELECT date_bin('5 minutes', paid_at, '2026-01-01 00:00+00') AS slot,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - paid_at)) AS p50,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - paid_at)) AS p99
FROM sales_order AS told
WHERE delivered_at IS NOT NULL AND NOT paid_late AND placed_at >= %s AND NOT EXISTS (
    SELECT FROM sales_fulfilment AS waiting WHERE waiting.pool_id = told.pool_id AND waiting.order_id = told.id)
GROUP BY 1 ORDER BY 1
"""

LOW_STOCK = """
SELECT product.id AS product_id, product.title, sku.name AS sku, sku.low_stock, stock.cards AS on_shelf, sold.pieces AS sold_24h
FROM catalog_sku AS sku
JOIN catalog_product AS product ON product.id = sku.product_id AND product.state = 'on_sale'
CROSS JOIN LATERAL (
    SELECT count(*)::int AS cards FROM (
        SELECT FROM cards_pool AS pool
        JOIN cards_card AS card ON card.pool_id = pool.id AND card.state = 'on_shelf' AND card.expires_on >= %(today)s
        WHERE pool.sku_id = sku.id AND pool.sellable LIMIT sku.low_stock + 1
    ) AS seen
) AS stock
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0)::int AS pieces FROM sales_line
    WHERE sku_id = sku.id AND placed_on >= %(today)s - 1 AND delivered_at IS NOT NULL
) AS sold
WHERE sku.is_open AND stock.cards <= sku.low_stock
ORDER BY stock.cards, sku.id LIMIT 20
"""

INCIDENTS = """
SELECT incident.kind, incident.at, incident.pool_id, incident.order_id, told.number
FROM sales_incident AS incident
JOIN sales_order AS told ON told.pool_id = incident.pool_id AND told.id = incident.order_id
WHERE incident.at >= %s ORDER BY incident.at DESC LIMIT 20
"""

P99_WEEK = """
SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - paid_at)) AS p99, count(*)::int AS orders
FROM (
    SELECT delivered_at, paid_at FROM sales_order AS told
    WHERE placed_at >= %s AND delivered_at IS NOT NULL AND NOT paid_late AND NOT EXISTS (
        SELECT FROM sales_fulfilment AS waiting WHERE waiting.pool_id = told.pool_id AND waiting.order_id = told.id)
    ORDER BY placed_at DESC LIMIT 20000
) AS recent
"""


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A paid line as its supplier sees it: what was sold, never to whom."""

    id: UUID
    number: str
    state: str
    title: str
    sku: str
    quantity: int
    total_fen: int
    is_third_party: bool
    placed_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    pool_id: int
    id: UUID
    number: str
    state: str
    quantity: int
    total_fen: int
    phone_tail: str
    placed_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    paid_late: bool
    source_entry: str
    live_room: str
    title: str
    sku: str
    is_third_party: bool
    revealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    paid: int
    delivered: int
    refunded: int
    gmv_fen: int
    refunded_fen: int
    unpaid: int
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class LowStock:
    product_id: int
    title: str
    sku: str
    low_stock: int
    on_shelf: int
    sold_24h: int


@dataclass(frozen=True, slots=True)
class Incident:
    kind: str
    at: datetime
    pool_id: int
    order_id: UUID
    number: str


@dataclass(frozen=True, slots=True)
class Search:
    """What an operator looks for; at most one of the three."""

    number: str = ""
    phone_tail: str = ""
    order_ids: tuple[UUID, ...] = ()


LAST_TRADE = """
WITH own AS (SELECT id FROM sales_account WHERE party_id = ANY (%(parties)s))
SELECT max(at) FROM (
    SELECT greatest(sold.paid_at, sold.delivered_at, sold.completed_at, sold.closed_at) AS at FROM sales_line AS line
    JOIN sales_order AS sold ON sold.pool_id = line.order_pool_id AND sold.id = line.order_id AND sold.paid_at IS NOT NULL
    WHERE line.supplier_id = ANY (%(parties)s) OR line.seller_id = ANY (%(parties)s)
    UNION ALL
    SELECT greatest(bought.paid_at, bought.delivered_at, bought.completed_at, bought.closed_at) FROM sales_order AS bought
    WHERE bought.account_id IN (SELECT id FROM own) AND bought.paid_at IS NOT NULL
    UNION ALL
    SELECT posted_at FROM ledger_entry WHERE account_id IN (SELECT id FROM own)
    UNION ALL
    SELECT noted_at FROM party_deposit WHERE party_id = ANY (%(parties)s)
) AS trade
"""


def order_list(db: Db, view: str, search: Search, before: tuple[datetime, UUID] | None, most: int) -> list[OrderRow]:
    """A page of orders, newest first."""
    where = ["true"]
    params: dict[str, Any] = {"most": most}
    if VIEWS.get(view):
        where.append("told.state = ANY (%(states)s)")
        params["states"] = list(VIEWS[view])
    if search.number:
        where.append("told.number = %(number)s AND told.pool_id = %(pool_id)s")
        params |= {"number": search.number, "pool_id": pool_of(search.number) or 0}
    if search.phone_tail:
        where.append("told.phone_tail = %(tail)s")
        params["tail"] = search.phone_tail
    if search.order_ids:
        where.append("told.id = ANY (%(ids)s)")
        params["ids"] = list(search.order_ids)
    if before is not None:
        where.append("(told.placed_at, told.id) < (%(at)s, %(id)s)")
        params |= {"at": before[0], "id": before[1]}
    return rows(db, OrderRow, ORDER_LIST.format(where=" AND ".join(where)), params)  # type: ignore[arg-type]


def orders_by_id(db: Db, order_ids: Sequence[UUID]) -> list[OrderRow]:
    """Given orders as rows, newest first."""
    return order_list(db, "all", Search(order_ids=tuple(order_ids)), None, len(order_ids)) if order_ids else []


def day(db: Db, begin: datetime, end: datetime) -> Day:
    found = one(db, Day, DAY, [begin, end])
    assert found is not None, "an aggregate has one row"
    return found


def hours(db: Db, begin: datetime, end: datetime) -> dict[int, int]:
    return dict(db.execute(HOURS, [begin, end]).fetchall())


def latency(db: Db, since: datetime) -> list[tuple[datetime, float, float]]:
    return db.execute(LATENCY, [since]).fetchall()  # type: ignore[return-value]  # three columns


def low_stock(db: Db, today: date) -> list[LowStock]:
    return rows(db, LowStock, LOW_STOCK, {"today": today})  # type: ignore[arg-type]  # named parameters


def incidents(db: Db, since: datetime) -> list[Incident]:
    return rows(db, Incident, INCIDENTS, [since])


def refunds_waiting(db: Db) -> int:
    found: int = value(db, "SELECT count(*)::int FROM sales_order WHERE state = 'refunding'")
    return found


def p99_of_week(db: Db, since: datetime) -> tuple[float | None, int]:
    """Paid → readable, the 99th percentile since an instant, and of how many orders."""
    found = db.execute(P99_WEEK, [since]).fetchone()
    assert found is not None
    return found[0], found[1]


def lines_of_supplier(db: Db, supplier_id: int, before: tuple[datetime, UUID], most: int) -> list[SoldLine]:
    """What was sold of a supplier's goods, the newest first; nothing of the buyer."""
    told = {"supplier": supplier_id, "at": before[0], "id": before[1], "most": most}
    return rows(db, SoldLine, OF_SUPPLIER, told)  # type: ignore[arg-type]  # named parameters


def last_of_supplier(db: Db, supplier_id: int) -> tuple[datetime | None, date | None]:
    """When something of a supplier's was last handed over, and the last day on which any of it is warranted."""
    sql = "SELECT max(delivered_at), max(warranty_ends_on) FROM sales_line WHERE supplier_id = %s OR seller_id = %s"
    found = db.execute(sql, [supplier_id, supplier_id]).fetchone()
    assert found is not None, "an aggregate has one row"
    return found[0], found[1]


def numbers_of(db: Db, pool_ids: Collection[int], reason_ids: Collection[UUID]) -> dict[UUID, str]:
    """The numbers of the orders that bookings were made for, by the line or the refund that was their reason."""
    found = db.execute(NUMBERS, {"pools": list(pool_ids), "reasons": list(reason_ids)}).fetchall()
    return dict(found)


def last_trade_at(db: Db, party_ids: Collection[int]) -> datetime | None:
    """When organisations last traded, on either side: what they sold, what they bought, what moved on their accounts (C-20)."""
    found: datetime | None = value(db, LAST_TRADE, {"parties": list(party_ids)})  # type: ignore[arg-type]  # named parameters
    return found
