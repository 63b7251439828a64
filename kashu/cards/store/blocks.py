"""SQL of what stands in a pool's way."""

from __future__ import annotations

from datetime import date

from kashu import compliance
from kashu.kernel.db import Db, value

# The kind of goods of a pool, by three keys one after another.
GOODS = """(SELECT goods FROM catalog_category WHERE id = (
    SELECT category_id FROM catalog_product WHERE id = (SELECT product_id FROM catalog_sku WHERE id = pool.sku_id)))"""
STOPS = f"SELECT {compliance.pool_stops('pool', GOODS)} FROM cards_pool AS pool WHERE pool.id = %(pool)s"


def stops(db: Db, pool_id: int, day: date) -> list[str]:
    """The causes that keep a pool's cards from being sold on a day."""
    found: list[str] = value(db, STOPS, {"pool": pool_id, "day": day})  # type: ignore[arg-type]  # named parameters
    return found
