"""What came on sale under older rules comes off by the clock, page by page and batch by batch."""

from __future__ import annotations

from kashu import cards, catalog
from kashu.jobs.compliance import look_again
from kashu.kernel.db import connect
from kashu.server.wiring import context
from tests import make


def test_the_job_looks_at_all_that_is_on_sale_and_finds_nothing_the_second_time(house, dsn, ring):
    with connect(dsn) as db, db.transaction():
        bad, good = make.sku(db), make.sku(db)
        batch, other = make.batch(db, ring, bad, 1), make.batch(db, ring, good, 1)
        db.execute("UPDATE catalog_product SET title = '全国通用购物卡 500元' WHERE id = %s", [bad.product_id])
        db.execute("UPDATE cards_pool SET authorisation_id = NULL WHERE id = %s", [batch.pool_id])
    ctx = context(house)
    batches, pages = look_again(ctx)
    assert batches >= 1
    assert pages >= 1
    assert look_again(ctx) == (0, 0)
    with connect(dsn) as db:
        states = [catalog.product(db, product_id=one.product_id).state for one in (bad, good)]
        assert (states, cards.batch(db, batch.pool_id).state) == (["off_sale", "on_sale"], "withdrawn")
        assert cards.batch(db, other.pool_id).state == "on_sale"
