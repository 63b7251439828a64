"""Reads for screens: the shop window and the console's product pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kashu.kernel.db import Db, rows

WINDOW = """
SELECT product.slug, product.title, product.brand, product.headline, category.name AS category, category.ink,
       seller.name AS seller, seller.kind <> 'platform' AS is_third_party, sku.price_fen
FROM catalog_product AS product
JOIN catalog_category AS category ON category.id = product.category_id
JOIN party_party AS seller ON seller.id = product.seller_id
CROSS JOIN LATERAL (
    SELECT min(price_fen) AS price_fen FROM catalog_sku WHERE product_id = product.id AND is_open
) AS sku
WHERE product.state = 'on_sale' AND category.is_open AND seller.state = 'active' AND sku.price_fen IS NOT NULL
  AND NOT (%(is_minor)s
           AND coalesce((SELECT minors FROM compliance_goods WHERE code = category.goods), 'forbidden') = 'forbidden')
ORDER BY category.position, product.id DESC LIMIT 60
"""

PRODUCTS = """
SELECT product.id, product.slug, product.title, product.state, category.name AS category, seller.name AS seller,
       seller.kind <> 'platform' AS is_third_party, count(sku.id)::int AS skus, min(sku.price_fen) AS price_fen,
       coalesce(sum(stock.cards), 0)::int AS on_shelf
FROM catalog_product AS product
JOIN catalog_category AS category ON category.id = product.category_id
JOIN party_party AS seller ON seller.id = product.seller_id
LEFT JOIN catalog_sku AS sku ON sku.product_id = product.id AND sku.is_open
LEFT JOIN LATERAL (
    SELECT count(*)::int AS cards FROM (
        SELECT FROM cards_pool AS pool
        JOIN cards_card AS card ON card.pool_id = pool.id AND card.state = 'on_shelf' AND card.expires_on >= %(today)s
        WHERE pool.sku_id = sku.id AND pool.sellable LIMIT 10000
    ) AS seen
) AS stock ON true
WHERE product.id < %(before)s AND (%(seller)s::bigint IS NULL OR product.seller_id = %(seller)s)
GROUP BY product.id, category.name, seller.name, seller.kind
ORDER BY product.id DESC LIMIT %(most)s
"""

SKUS = """
SELECT sku.id, sku.code, sku.name, sku.kind, product.title, product.id AS product_id, sku.is_open
FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id
WHERE %(seller)s::bigint IS NULL OR product.seller_id = %(seller)s
ORDER BY product.id DESC, sku.position LIMIT 500
"""


GOODS_ON_SALE = """
SELECT product.seller_id, array_agg(DISTINCT category.goods)
FROM catalog_product AS product JOIN catalog_category AS category ON category.id = product.category_id
WHERE product.state = 'on_sale' AND category.goods IS NOT NULL GROUP BY product.seller_id
"""


@dataclass(frozen=True, slots=True)
class InWindow:
    slug: str
    title: str
    brand: str
    headline: str
    category: str
    ink: str
    seller: str
    is_third_party: bool
    price_fen: int


@dataclass(frozen=True, slots=True)
class ProductRow:
    id: int
    slug: str
    title: str
    state: str
    category: str
    seller: str
    is_third_party: bool
    skus: int
    price_fen: int | None
    on_shelf: int


@dataclass(frozen=True, slots=True)
class SkuRow:
    id: int
    code: str
    name: str
    kind: str
    title: str
    product_id: int
    is_open: bool


def window(db: Db, *, is_minor: bool = False) -> list[InWindow]:
    """What the home page shows; to somebody known to be a minor nothing that is forbidden to minors (C-73)."""
    return rows(db, InWindow, WINDOW, {"is_minor": is_minor})  # type: ignore[arg-type]  # named parameters


def products(db: Db, today: date, before: int | None, most: int, seller: int | None = None) -> list[ProductRow]:
    """Products, the newest first: everybody's, or one seller's."""
    told = {"today": today, "before": before or 2**62, "most": most, "seller": seller}
    return rows(db, ProductRow, PRODUCTS, told)  # type: ignore[arg-type]  # named parameters


def skus(db: Db, seller: int | None = None) -> list[SkuRow]:
    """Every SKU, or every one of a seller, for choosing one."""
    return rows(db, SkuRow, SKUS, {"seller": seller})  # type: ignore[arg-type]  # named parameters


def goods_on_sale(db: Db) -> dict[int, list[str]]:
    """The kinds of goods that each seller has on sale."""
    return dict(db.execute(GOODS_ON_SALE).fetchall())
