"""SQL of what a takedown (C-14) or a fallen authorisation (§2.5) touches: every order that ever held cards of its pools."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from kashu import catalog
from kashu.compliance import Affected
from kashu.kernel.db import Db, one, rows
from kashu.sales.types import AffectedOrder

TOUCHED = """
WITH touched AS MATERIALIZED (
    SELECT line.order_pool_id, line.order_id, sum(line.quantity)::int AS cards,
           max((batch.received_at AT TIME ZONE 'Asia/Shanghai')::date) AS received_on
    FROM sales_line AS line JOIN cards_batch AS batch ON batch.pool_id = line.pool_id
    WHERE line.pool_id = ANY (%(pools)s) AND (%(skus)s::bigint[] IS NULL OR line.sku_id = ANY (%(skus)s))
    GROUP BY line.order_pool_id, line.order_id
)
"""
AFFECTED = f"""
{TOUCHED}
SELECT count(*) FILTER (WHERE told.paid_at IS NOT NULL)::int AS orders,
       coalesce(sum(told.total_fen) FILTER (WHERE told.paid_at IS NOT NULL), 0)::bigint AS total_fen,
       count(*) FILTER (WHERE told.state IN ('delivered', 'completed', 'disputed'))::int AS delivered,
       count(*) FILTER (WHERE told.state = 'paid')::int AS waiting,
       count(*) FILTER (WHERE told.state IN ('refunding', 'refunded'))::int AS refunded,
       coalesce(sum(told.total_fen) FILTER (WHERE told.state IN ('refunding', 'refunded')), 0)::bigint AS refunded_fen,
       count(*) FILTER (WHERE told.state = 'placed')::int AS unpaid
FROM sales_order AS told JOIN touched ON touched.order_pool_id = told.pool_id AND touched.order_id = told.id
"""
AFFECTED_ORDERS = f"""
{TOUCHED}
SELECT told.pool_id, told.id, told.number, told.state, told.quantity, told.total_fen, told.account_id, told.placed_at,
       told.paid_at, told.delivered_at, touched.cards, touched.received_on
FROM sales_order AS told JOIN touched ON touched.order_pool_id = told.pool_id AND touched.order_id = told.id
WHERE (told.paid_at IS NOT NULL OR told.state = 'placed') AND (told.placed_at, told.id) < (%(at)s, %(id)s)
ORDER BY told.placed_at DESC, told.id DESC LIMIT %(most)s
"""

# Lines whose batch came when its authorisation held no more, for who revoked it: under what it came, not what renewed that.
# What is issued for each order (直充, 代充) is used as it is delivered: there is nothing left to recall.
RECALLED = """
SELECT line.id, line.order_id FROM sales_line AS line
JOIN cards_pool AS pool ON pool.id = line.pool_id AND NOT pool.kind = ANY (%s)
JOIN cards_batch AS batch ON batch.pool_id = line.pool_id
JOIN LATERAL (
    SELECT (step.body->>'authorisation')::bigint AS id FROM cards_provenance AS step
    WHERE step.pool_id = line.pool_id AND step.event = 'authorised' AND NOT step.body ? 'renews'
    ORDER BY step.seq DESC LIMIT 1) AS came ON true
JOIN compliance_authorisation AS link ON link.id = came.id
WHERE line.order_id = ANY (%s) AND link.state = 'revoked'
  AND (batch.received_at AT TIME ZONE 'Asia/Shanghai')::date > link.revoked_on
"""


def recalled_lines(db: Db, order_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Those lines of these orders that were bought under what held no more, with their orders."""
    return dict(db.execute(RECALLED, [list(catalog.LATER), list(order_ids)]))


def lines_from(db: Db, pools: Sequence[int], after: tuple[int, UUID], most: int) -> list[tuple[int, UUID, int, UUID]]:
    """Lines of these pools that were delivered, by their key, from after one on: (pool, line, its order's pool, order)."""
    sql = """
    SELECT pool_id, id, order_pool_id, order_id FROM sales_line
    WHERE pool_id = ANY (%s) AND (pool_id, id) > (%s, %s) AND delivered_at IS NOT NULL ORDER BY pool_id, id LIMIT %s
    """
    return db.execute(sql, [list(pools), *after, most]).fetchall()  # type: ignore[return-value]  # four columns


def affected(db: Db, sku_ids: Sequence[int] | None, pools: Sequence[int]) -> Affected:
    """How many orders out of these pools there are and what became of them; of these SKUs, or of all."""
    skus = None if sku_ids is None else list(sku_ids)
    found = one(db, Affected, AFFECTED, {"skus": skus, "pools": list(pools)})  # type: ignore[arg-type]  # named
    assert found is not None, "a sum has a row"
    return found


def affected_orders(
    db: Db, sku_ids: Sequence[int] | None, pools: Sequence[int], before: tuple[datetime, UUID], most: int
) -> list[AffectedOrder]:
    """Those orders, the newest first, from before one on; what nobody paid for and is over is none of them."""
    skus = None if sku_ids is None else list(sku_ids)
    told = {"skus": skus, "pools": list(pools), "at": before[0], "id": before[1], "most": most}
    return rows(db, AffectedOrder, AFFECTED_ORDERS, told)  # type: ignore[arg-type]  # named parameters
