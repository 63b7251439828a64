"""Pages whose goods lie on the shelf: what a page says must not part from what its batches' papers say (§2.1)."""

from __future__ import annotations

from datetime import datetime

from kashu import catalog
from kashu.audit import Actor
from kashu.cards import store
from kashu.catalog import Product
from kashu.kernel.db import Db, assert_in_transaction


def edit_product(db: Db, actor: Actor, edited: Product, reason: str, at: datetime) -> Product | catalog.Refusal:
    """Change what a page says; its brand and kind of goods only while no batch of it is for sale.

    The page is held before the shelf is looked at, and `put_on_sale` holds it as well: neither passes the other unseen.
    """
    assert_in_transaction(db)
    catalog.hold_product(db, edited.id)
    return catalog.edit_product(db, actor, edited, reason, at, is_stocked=store.is_stocked(db, edited.id))


def map_category(db: Db, actor: Actor, category_id: int, goods: str | None, at: datetime) -> catalog.Refusal | None:
    """Say what kind of goods a category holds; another one only while nothing of it is for sale."""
    assert_in_transaction(db)
    catalog.hold_category(db, category_id)
    is_stocked = store.is_stocked_under(db, category_id)
    return catalog.map_category(db, actor, category_id, goods, at, is_stocked=is_stocked)
