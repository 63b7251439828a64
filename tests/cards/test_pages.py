"""§2.1: the brand and the kind of goods of a page stay while its batches are for sale; their papers are for these."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kashu import cards, catalog
from kashu.cards import Batch, Refusal
from kashu.catalog import Category, Product
from kashu.kernel import clock
from tests import make

FIXED = catalog.Refusal.BRAND_FIXED


def page(db, sku):
    return catalog.product(db, product_id=sku.product_id)


def edit(db, product, **changed):
    return cards.edit_product(db, make.STAFF, replace(product, **changed), "", clock.now())


def other_category(db, goods):
    new = Category(0, None, make.name("c").lower(), "别的", "green", 0, True, goods)
    return catalog.add_category(db, make.STAFF, new, clock.now()).id


@pytest.mark.parametrize("brand", ["", "光影视频"])
def test_the_brand_stays_while_batches_are_for_sale(db, ring, brand):
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 2)
    product = page(db, sku)
    assert edit(db, product, brand=brand) is FIXED
    assert edit(db, product, category_id=other_category(db, "course")) is FIXED
    assert page(db, sku) == product
    assert isinstance(edit(db, product, headline="季度会员"), Product)
    assert isinstance(edit(db, page(db, sku), category_id=other_category(db, "membership")), Product)

    cards.withdraw(db, make.STAFF, batch.pool_id, "换品牌", clock.now())
    assert isinstance(edit(db, page(db, sku), brand=brand), Product)


@pytest.mark.parametrize("state", ["draft", "off_sale"])
def test_it_stays_though_nobody_sees_the_page(db, ring, state):
    """Off sale for a minute, rebranded, on sale again: the batch never left."""
    sku = make.sku(db, on_sale=state != "draft")
    make.batch(db, ring, sku, 2)
    if state == "off_sale":
        assert catalog.move_product(db, make.STAFF, sku.product_id, "off_sale", "", clock.now()) is None
    assert edit(db, page(db, sku), brand="光影视频") is FIXED


def test_a_batch_of_another_brand_or_kind_of_goods_does_not_come_back(db, ring):
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 2)
    cards.withdraw(db, make.STAFF, batch.pool_id, "换品牌", clock.now())
    product = page(db, sku)
    for changed in ({"brand": "光影视频"}, {"category_id": other_category(db, "course")}):
        assert isinstance(edit(db, product, **changed), Product)
        assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.NOT_AUTHORISED
        assert isinstance(edit(db, product), Product)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), Batch)


def test_papers_of_one_brand_do_not_serve_another(db, ring):
    """Before the first sale as well: attached for one, sold as another."""
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 2, on_sale=False)
    make.papered(db, ring, batch.pool_id)
    assert isinstance(edit(db, page(db, sku), brand="光影视频"), Product)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.NOT_AUTHORISED


def test_who_does_not_ask_the_shelf_changes_no_brand(db):
    product = page(db, make.sku(db))
    answer = catalog.edit_product(db, make.STAFF, replace(product, brand=""), "", clock.now())
    assert answer is FIXED
