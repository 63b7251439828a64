"""Reads for screens: batches as lists."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from kashu import compliance
from kashu.cards.store.blocks import GOODS
from kashu.kernel.db import Db, rows

BATCHES = """
SELECT batch.pool_id, batch.code, batch.state, batch.file_name, batch.accepted, batch.rejected, batch.lines_done,
       batch.lines_total, batch.unit_cost_fen, batch.received_at, batch.received_by, supplier.name AS supplier,
       sku.name AS sku, product.title, product.id AS product_id, pool.kind
FROM cards_batch AS batch
JOIN cards_pool AS pool ON pool.id = batch.pool_id
JOIN party_party AS supplier ON supplier.id = pool.supplier_id
JOIN catalog_sku AS sku ON sku.id = pool.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
WHERE (batch.received_at, batch.pool_id) < (%(at)s, %(pool)s)
  AND (%(supplier)s::bigint IS NULL OR pool.supplier_id = %(supplier)s)
ORDER BY batch.received_at DESC, batch.pool_id DESC LIMIT %(most)s
"""


# The causes come first: a pool in whose way nothing stands is not looked into.
STOPPED = f"""
SELECT pool.sku_id, pool.supplier_id, array_agg(DISTINCT cause) AS causes
FROM cards_pool AS pool CROSS JOIN LATERAL unnest({compliance.pool_stops("pool", GOODS)}) AS cause
WHERE pool.sellable AND (%(skus)s::bigint[] IS NULL OR pool.sku_id = ANY (%(skus)s))
  AND EXISTS (
      SELECT FROM cards_card AS card
      WHERE card.pool_id = pool.id AND card.state = 'on_shelf' AND card.expires_on >= %(day)s)
GROUP BY pool.sku_id, pool.supplier_id
"""


# What staff put on sale once is what they agreed to: that supplier, that SKU, that cost.
SUPPLIED = """
SELECT DISTINCT ON (pool.sku_id) pool.sku_id, batch.unit_cost_fen FROM cards_pool AS pool
JOIN cards_batch AS batch ON batch.pool_id = pool.id AND batch.on_sale_at IS NOT NULL
JOIN catalog_sku AS sku ON sku.id = pool.sku_id AND sku.is_open
JOIN catalog_product AS product ON product.id = sku.product_id AND product.state IN ('draft', 'on_sale', 'off_sale')
JOIN party_party AS seller ON seller.id = product.seller_id AND seller.kind = 'platform'
WHERE pool.supplier_id = %s AND pool.kind = 'single_use'
ORDER BY pool.sku_id, batch.on_sale_at DESC
"""

OF_PARTY = """
SELECT pool.id FROM cards_pool AS pool
WHERE pool.supplier_id = %(party)s OR EXISTS (
    SELECT FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id
    WHERE sku.id = pool.sku_id AND product.seller_id = %(party)s)
"""

NAMES = """
SELECT pool.id AS pool_id, batch.code AS batch, sku.code AS sku, sku.name, product.title FROM cards_pool AS pool
JOIN cards_batch AS batch ON batch.pool_id = pool.id
JOIN catalog_sku AS sku ON sku.id = pool.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
WHERE pool.id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class PoolName:
    """What a pool is called where its movements are told: its batch, and the SKU that it is of."""

    pool_id: int
    batch: str
    sku: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A SKU of a supplier with cards that may not be sold now, and why (compliance.md §2.3)."""

    sku_id: int
    supplier_id: int
    causes: list[str]


@dataclass(frozen=True, slots=True)
class BatchRow:
    pool_id: int
    code: str
    state: str
    file_name: str
    accepted: int
    rejected: int
    lines_done: int
    lines_total: int
    unit_cost_fen: int
    received_at: datetime
    received_by: str
    supplier: str
    sku: str
    title: str
    product_id: int
    kind: str


def batches(db: Db, before: tuple[datetime, int], most: int, supplier: int | None = None) -> list[BatchRow]:
    """Batches before one in time, newest first: everybody's, or one supplier's."""
    told = {"at": before[0], "pool": before[1], "most": most, "supplier": supplier}
    return rows(db, BatchRow, BATCHES, told)  # type: ignore[arg-type]  # named parameters


def supplied(db: Db, supplier_id: int) -> dict[int, int]:
    """The SKUs of our own sale of which cards of this supplier were for sale, with what each cost when they last were."""
    return dict(db.execute(SUPPLIED, [supplier_id]).fetchall())


def pools_of_party(db: Db, party_id: int) -> list[int]:
    """Every pool of what a party sells or brought."""
    return [row[0] for row in db.execute(OF_PARTY, {"party": party_id}).fetchall()]


def names(db: Db, pool_ids: Collection[int]) -> dict[int, PoolName]:
    """These pools' batches and SKUs."""
    return {one.pool_id: one for one in rows(db, PoolName, NAMES, [list(pool_ids)])}


def stopped(db: Db, day: date, sku_ids: list[int] | None = None) -> list[Stopped]:
    """Where cards lie on the shelf that papers keep from being sold: of these SKUs, or of all."""
    return rows(db, Stopped, STOPPED, {"day": day, "skus": sku_ids})  # type: ignore[arg-type]  # named parameters
