"""Listings in review: what the console says of them, and who decides at the desk (1.11)."""

from __future__ import annotations

from dataclasses import replace

from kashu import catalog, compliance
from kashu.catalog import Refusal
from kashu.kernel import clock
from kashu.kernel.db import connect
from tests import make


def draft(dsn, title):
    with connect(dsn) as db, db.transaction():
        product = catalog.product(db, product_id=make.sku(db, on_sale=False).product_id)
        assert not isinstance(
            catalog.edit_product(db, make.STAFF, replace(product, title=title), "", clock.now()), Refusal
        )
        return product.id


def state(dsn, product_id):
    with connect(dsn) as db:
        return catalog.product(db, product_id=product_id).state


def test_a_denied_listing_is_refused_with_its_rule_in_chinese(staff, dsn):
    product_id, console = draft(dsn, "抖币充值 1000个"), staff("operator")
    console.post(f"/console/products/{product_id}/state", {"state": "on_sale"})

    page = console.get(f"/console/products/{product_id}").content.decode()
    assert "文字属于禁售内容，不能上架" in page
    assert "平台币（C-04 · coin.douyin）：「抖币」" in page
    assert state(dsn, product_id) == "draft"


def test_an_unclear_listing_waits_at_the_desk_for_somebody_else(staff, dsn):
    title = f"话费充值 100元 {make.name('面值')}"
    product_id, console, desk = draft(dsn, title), staff("operator"), staff("compliance")
    console.post(f"/console/products/{product_id}/state", {"state": "on_sale"})
    assert "已送合规台" in console.get(f"/console/products/{product_id}").content.decode()
    assert title in desk.get("/desk/reviews").content.decode()
    with connect(dsn) as db:
        waiting = compliance.last_review(db, f"product:{product_id}")

    address = f"/desk/reviews/{waiting.id}/decide"
    assert console.post(address, {"verdict": "good", "evidence": "x"}).status_code == 403
    assert console.get("/desk/reviews").status_code == 403
    desk.post(address, {"verdict": "good", "evidence": ""})
    assert title in desk.get("/desk/reviews").content.decode()
    desk.post(address, {"verdict": "good", "evidence": "代理证明已核对"})
    assert title not in desk.get("/desk/reviews").content.decode()
    console.post(f"/console/products/{product_id}/state", {"state": "on_sale"})
    assert state(dsn, product_id) == "on_sale"


def test_the_console_says_why_a_brand_stays(staff, dsn, ring):
    with connect(dsn) as db, db.transaction():
        product = catalog.product(db, product_id=make.stocked(db, ring, 1).product_id)
    told = {"title": product.title, "brand": "光影视频", "category": product.category_id, "warranty_days": "30"}
    page = staff("operator").post(f"/console/products/{product.id}/edit", told)
    assert page.status_code == 422
    assert "先撤下这些批次，再改品牌或类目" in page.content.decode()
