"""Products that suppliers draft: theirs to write until staff list them, read by the same review as any (issue 5)."""

from __future__ import annotations

import pytest

from kashu import catalog, party
from kashu.kernel import clock
from kashu.kernel.db import connect
from tests import make
from tests.party import world

PAGE = {
    "title": "云课会员年卡", "brand": "", "headline": "年卡", "summary": "365 天", "facts": "兑换平台：云课 App",
    "steps": "打开 App\n粘贴卡密", "refund_terms": "未查看卡密前可随时退", "warranty_days": "30",
}  # fmt: skip


@pytest.fixture
def shop(staff, dsn, ring):
    """`shop(stage)`: somebody of a supplier that may sell, and a category that is open."""

    def open_shop(stage=world.active):
        browser = staff("supplier")
        with connect(dsn) as db, db.transaction():
            browser.party_id = stage(db, ring, clock.now())
            party.add_member(db, make.STAFF, browser.party_id, browser.person.pk, clock.now())
            if stage is world.active:
                make.licence(db, browser.party_id, "business")
            like = make.sku(db)
            browser.category = catalog.product(db, product_id=like.product_id).category_id
        return browser

    return open_shop


def drafted(desk, **told):
    answer = desk.post("/supplier/products/new", PAGE | {"category": desk.category} | told)
    return answer, int(answer["Location"].rsplit("/", 1)[1]) if answer.status_code == 302 else 0


def sku(code, **told):
    return {"code": code, "name": "年卡", "price": "39.90", "kind": "single_use", "order_max": "10", **told}


def product(dsn, product_id):
    with connect(dsn) as db:
        return catalog.product(db, product_id=product_id)


def test_a_supplier_drafts_and_staff_list(shop, staff, browser, dsn):
    desk, clerk, code = shop(), staff("operator"), make.name("D").upper()
    assert desk.get("/supplier/products/new").status_code == 200
    _answer, made = drafted(desk)
    path = f"/supplier/products/{made}"
    assert desk.post(f"{path}/skus", sku(code)).status_code == 302
    assert desk.post(f"{path}/edit", PAGE | {"category": desk.category, "title": "云课会员一年"}).status_code == 302
    assert code in desk.get(path).content.decode()
    found = product(dsn, made)
    assert (found.state, found.seller_id, found.title) == ("draft", desk.party_id, "云课会员一年")
    assert browser.get(f"/s/{found.slug}").status_code == 404
    assert desk.post(f"/console/products/{made}/state", {"state": "on_sale"}).status_code == 403
    clerk.post(f"/console/products/{made}/state", {"state": "on_sale"})
    assert product(dsn, made).state == "on_sale"
    assert [f"{path}/edit" in desk.get(path).content.decode(), desk.get(f"{path}/edit").status_code] == [False, 409]
    assert desk.post(f"{path}/edit", PAGE | {"category": desk.category, "title": "别的"}).status_code == 409
    assert desk.post(f"{path}/skus", sku(make.name("D").upper())).status_code == 409
    assert product(dsn, made).title == "云课会员一年"
    with connect(dsn) as db:
        assert [one.code for one in catalog.skus_of(db, made)] == [code]


def test_what_the_review_denies_is_listed_by_nobody(shop, staff, dsn):
    desk, clerk = shop(), staff("operator")
    _answer, made = drafted(desk, title="代开发票 全国可查")
    assert desk.post(f"/supplier/products/{made}/skus", sku(make.name("D").upper())).status_code == 302
    clerk.post(f"/console/products/{made}/state", {"state": "on_sale"})
    assert product(dsn, made).state == "draft"


@pytest.mark.parametrize(
    "told", [{"category": "0"}, {"title": ""}, {"warranty_days": "x"}, {"summary": "售出概不退款，最终解释权归本店"}]
)
def test_what_is_wrong_is_said_and_nothing_is_made(shop, dsn, told):
    desk = shop()
    answer, _made = drafted(desk, **told)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode() or 'class="err"' in answer.content.decode()
    assert "云课" not in desk.get("/supplier/products").content.decode()


@pytest.mark.parametrize("told", [{"kind": "manual"}, {"price": "0"}, {"code": "小写"}, {"kind": "shared_secret"}])
def test_skus_of_other_kinds_are_staffs(shop, dsn, told):
    desk = shop()
    _answer, made = drafted(desk)
    assert desk.post(f"/supplier/products/{made}/skus", sku(make.name("D").upper()) | told).status_code == 422
    with connect(dsn) as db:
        assert catalog.skus_of(db, made) == []


def test_who_does_not_trade_drafts_nothing(shop, dsn):
    desk = shop(world.looked_at)
    assert drafted(desk)[0].status_code == 422
    assert "云课" not in desk.get("/supplier/products").content.decode()


def test_a_draft_is_its_sellers_own_and_no_other_products(db):
    """What was listed, taken down or is another's is nobody's draft, whatever page it was asked from."""
    mine = make.sku(db, on_sale=False)
    seller = catalog.product(db, product_id=mine.product_id).seller_id
    assert catalog.hold_draft(db, seller, mine.product_id).id == mine.product_id
    assert catalog.hold_draft(db, make.supplier(db), mine.product_id) is catalog.Refusal.NO_SUCH_MOVE
    assert catalog.move_product(db, make.STAFF, mine.product_id, "on_sale", "", clock.now()) is None
    assert catalog.hold_draft(db, seller, mine.product_id) is catalog.Refusal.NO_SUCH_MOVE
    assert catalog.move_product(db, make.STAFF, mine.product_id, "off_sale", "x", clock.now()) is None
    assert catalog.hold_draft(db, seller, mine.product_id) is catalog.Refusal.NO_SUCH_MOVE
