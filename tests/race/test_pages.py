"""A page is changed while it, or a batch of it, is put on sale: what was read and what papers were for is what stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kashu import cards, catalog
from kashu.cards import store
from kashu.catalog import Refusal
from kashu.kernel import clock
from kashu.kernel.db import connect
from tests import make
from tests.race.at_once import at_once


@pytest.fixture
def world(dsn, ring):
    """A draft with a batch that lacks nothing."""
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db, on_sale=False)
        batch = make.batch(db, ring, sku, 2, on_sale=False)
        make.papered(db, ring, batch.pool_id)
        return catalog.product(db, product_id=sku.product_id), batch.pool_id


def stands(dsn, world):
    with connect(dsn) as db:
        return catalog.product(db, product_id=world[0].id), cards.batch(db, world[1]).state


def test_control_a_brand_that_is_only_looked_at_changes_below_a_batch(dsn, world):
    product, pool_id = world
    with connect(dsn, autocommit=False) as looking, connect(dsn) as db:
        assert not store.is_stocked(looking, product.id)
        with db.transaction():
            assert isinstance(cards.put_on_sale(db, make.STAFF, pool_id, clock.now()), cards.Batch)
        looking.execute("UPDATE catalog_product SET brand = '' WHERE id = %s", [product.id])
        looking.commit()
    found, state = stands(dsn, world)
    assert (found.brand, state) == ("", "on_sale")


@pytest.mark.parametrize("turn", range(4))
def test_a_batch_goes_on_sale_under_the_brand_of_its_papers_or_not_at_all(dsn, world, turn):
    product, pool_id = world

    def race(db, n):
        if n == turn % 2:
            return cards.put_on_sale(db, make.STAFF, pool_id, clock.now())
        return cards.edit_product(db, make.STAFF, replace(product, brand="光影视频"), "", clock.now())

    answers = at_once(dsn, 2, race)
    assert not [one for one in answers if isinstance(one, Exception)], answers
    found, state = stands(dsn, world)
    assert (found.brand, state) in ((product.brand, "on_sale"), ("光影视频", "loaded"))


@pytest.mark.parametrize("turn", range(4))
def test_what_is_put_on_sale_is_what_was_read(dsn, world, turn):
    product, _ = world

    def race(db, n):
        if n == turn % 2:
            return catalog.move_product(db, make.STAFF, product.id, "on_sale", "", clock.now())
        return cards.edit_product(db, make.STAFF, replace(product, title="抖币充值"), "", clock.now())

    answers = at_once(dsn, 2, race)
    assert not [one for one in answers if isinstance(one, Exception)], answers
    found, _ = stands(dsn, world)
    assert (found.state, found.title) in (("on_sale", product.title), ("draft", "抖币充值"))
    assert Refusal.REVIEW_DENIED in answers


def test_control_a_category_that_is_only_looked_at_changes_below_a_batch(dsn, world):
    product, pool_id = world
    with connect(dsn, autocommit=False) as looking, connect(dsn) as db:
        assert not store.is_stocked_under(looking, product.category_id)
        with db.transaction():
            assert isinstance(cards.put_on_sale(db, make.STAFF, pool_id, clock.now()), cards.Batch)
        looking.execute("UPDATE catalog_category SET goods = 'course' WHERE id = %s", [product.category_id])
        looking.commit()
    found, state = stands(dsn, world)
    assert (found.goods, state) == ("course", "on_sale")


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("what", ["batch", "page"])
def test_what_goes_on_sale_is_of_the_kind_it_was_read_as_or_is_not_on_sale(dsn, world, what, turn):
    product, pool_id = world

    def race(db, n):
        if n == turn % 2:
            if what == "page":
                return catalog.move_product(db, make.STAFF, product.id, "on_sale", "", clock.now())
            return cards.put_on_sale(db, make.STAFF, pool_id, clock.now())
        return cards.map_category(db, make.STAFF, product.category_id, "course", clock.now())

    answers = at_once(dsn, 2, race)
    assert not [one for one in answers if isinstance(one, Exception)], answers
    found, state = stands(dsn, world)
    if what == "batch":
        assert (found.goods, state) in (("membership", "on_sale"), ("course", "loaded"))
    else:
        assert found.goods == ("membership" if Refusal.GOODS_FIXED in answers else "course")
