"""Every text of a page is read on every move that shows it: void clauses (C-31), claims (C-31) and price words (C-35)."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from kashu import cards, catalog, compliance
from kashu.audit import Actor
from kashu.catalog import Product, Refusal, Sku, store
from kashu.kernel import clock
from kashu.kernel.db import value, values
from tests import make

MAKER = Actor("person", "maker")
SAID = {
    "虚拟商品概不退款，最终解释权归本店": Refusal.VOID_CLAUSE,
    "全国销量第一，百分百有效": Refusal.IN_REVIEW,
    "原价399元，今日仅39元": Refusal.IN_REVIEW,
    "另售抖音千粉号，可换绑": Refusal.REVIEW_DENIED,
}
PAGE = ("title", "brand", "headline", "summary", "facts", "steps", "refund_terms")
SHELF = ("name", "validity", "form")
NO_TEXT = {"slug", "category", "ink", "seller", "state", "goods", "code", "kind", "tiers"}  # names, codes and numbers


def saying(thing, field, text):
    label = [{**make.PHONE_FIELD, "label": text}]
    return replace(thing, **{field: {"facts": [["售后", text]], "steps": [text], "form": label}.get(field, text)})


def page(db, **told):
    return catalog.product(db, product_id=make.sku(db, **told).product_id)


def later(db, product):
    """A SKU to add whose buyers fill in a form."""
    found = catalog.skus_of(db, product.id)[0]
    return replace(found, code=make.name("S").upper(), kind="manual", form=[make.PHONE_FIELD])


def edit(db, product):
    return cards.edit_product(db, MAKER, product, "", clock.now())


def publish(db, product):
    return catalog.move_product(db, MAKER, product.id, "on_sale", "", clock.now())


@pytest.mark.parametrize(("kind", "read"), [(Product, PAGE), (Sku, SHELF)])
def test_a_new_text_field_is_read_as_well(kind, read):
    told = {one.name for one in fields(kind) if one.type == "str" or str(one.type).startswith("list")}
    assert told - NO_TEXT == set(read)


@pytest.mark.parametrize(("text", "refusal"), SAID.items())
def test_what_a_page_on_sale_may_not_say_is_in_none_of_its_fields(db, text, refusal):
    product = page(db)
    assert {field: edit(db, saying(product, field, text)) for field in PAGE} == dict.fromkeys(PAGE, refusal)
    assert catalog.product(db, product_id=product.id) == product


@pytest.mark.parametrize(("text", "refusal"), SAID.items())
def test_what_was_saved_before_it_was_read_is_read_at_publishing(db, text, refusal):
    product = page(db, on_sale=False)
    for field in PAGE:
        store.edit_product(db, saying(product, field, text))
        assert publish(db, product) is refusal, field
    assert catalog.product(db, product_id=product.id).state == "draft"


def test_a_void_clause_is_not_even_saved(db):
    product = page(db, on_sale=False)
    (void, _), *_ = SAID.items()
    for field in PAGE:
        assert edit(db, saying(product, field, void)) is Refusal.VOID_CLAUSE, field
        opened = catalog.open_product(db, MAKER, replace(saying(product, field, void), slug="other"), clock.now())
        assert opened is Refusal.VOID_CLAUSE, field
    assert catalog.add_sku(db, MAKER, saying(later(db, product), "validity", void), clock.now()) is Refusal.VOID_CLAUSE
    assert catalog.product(db, product_id=product.id) == product


@pytest.mark.parametrize(("text", "refusal"), SAID.items())
def test_what_a_sku_may_not_say_is_in_none_of_its_fields(db, text, refusal):
    product = page(db)
    for field in SHELF:
        wanted = saying(later(db, product), field, text[:20])  # the longest label there is
        assert catalog.add_sku(db, MAKER, wanted, clock.now()) is refusal, field
        db.execute("UPDATE catalog_product SET state = 'off_sale' WHERE id = %s", [product.id])
        added = store.add_sku(db, wanted)
        assert publish(db, product) is refusal, field
        db.execute("UPDATE catalog_sku SET is_open = false WHERE id = %s", [added])
        assert publish(db, product) is None


@pytest.mark.parametrize(("text", "refusal"), SAID.items())
def test_a_sku_on_sale_is_not_reworded_past_the_review(db, text, refusal):
    product = page(db)
    [sku] = catalog.skus_of(db, product.id)
    for field in ("name", "validity"):
        assert catalog.edit_sku(db, MAKER, saying(sku, field, text), clock.now()) is refusal, field
    assert catalog.skus_of(db, product.id) == [sku]


def test_a_sku_that_was_reworded_while_it_was_closed_is_read_when_it_opens(db):
    product = page(db)
    [sku] = catalog.skus_of(db, product.id)
    closed = replace(sku, name="抖币充值", is_open=False)
    assert catalog.edit_sku(db, MAKER, closed, clock.now()) is None
    assert catalog.edit_sku(db, MAKER, replace(closed, is_open=True), clock.now()) is Refusal.REVIEW_DENIED
    assert catalog.edit_sku(db, MAKER, replace(sku, is_open=True), clock.now()) is None


def test_an_old_page_that_would_not_pass_any_more_can_be_closed_and_limited(db):
    """What stands was read by an older list; taking of it away, or less of it, needs no review."""
    product = page(db)
    [sku] = catalog.skus_of(db, product.id)
    db.execute("UPDATE catalog_sku SET validity = '概不退款' WHERE id = %s", [sku.id])
    old = replace(sku, validity="概不退款")
    assert catalog.edit_sku(db, MAKER, replace(old, order_max=1), clock.now()) is None
    assert catalog.edit_sku(db, MAKER, replace(old, is_open=False), clock.now()) is None
    assert catalog.move_product(db, MAKER, product.id, "off_sale", "", clock.now()) is None


def test_the_same_page_is_read_once_however_it_came_about(db):
    product = page(db)
    [sku] = catalog.skus_of(db, product.id)
    assert catalog.edit_sku(db, MAKER, replace(sku, name="季卡"), clock.now()) is None
    read = compliance.last_review(db, f"product:{product.id}")
    assert catalog.move_product(db, MAKER, product.id, "off_sale", "", clock.now()) is None
    assert publish(db, product) is None
    assert compliance.last_review(db, f"product:{product.id}") == read


LAWFUL = {
    "summary": "门店自提 · 满 100 元可用 · 最多叠加 3 张",
    "facts": "七天无理由退款；未使用部分按原价退还；最低系统要求 Windows 10，最低消费 50 元",
    "steps": "打开 App，在「我的」里粘贴兑换码，限购买当天起 90 天内使用",
    "refund_terms": "未查看卡密前可随时退；有质量问题按实付金额全额退款",
    "validity": "自兑换之日起 365 天，到期前三天短信提醒",
}


def test_a_minimum_hides_no_claim(db):
    product = page(db)
    said = replace(product, summary="最低系统要求 Windows 10，全网最低价")
    assert edit(db, said) is Refusal.IN_REVIEW


def test_lawful_words_need_nobody(db):
    product = page(db)
    [sku] = catalog.skus_of(db, product.id)
    for field, text in LAWFUL.items():
        if field in PAGE:
            assert not isinstance(edit(db, saying(product, field, text)), Refusal), field
        else:
            assert catalog.edit_sku(db, MAKER, saying(sku, field, text), clock.now()) is None, field


def reread(db, product):
    """Whether the job, which reads from any page on, takes this one off."""
    told = catalog.reread(db, product.id - 1, clock.now())
    return told is not None and product.id in told[1]


def published_before(db, field, text):
    """A page on sale that says what older rules let through."""
    product = page(db)
    db.execute(f"UPDATE catalog_product SET {field} = %s WHERE id = %s", [text, product.id])
    return product


@pytest.mark.parametrize(
    ("field", "text"),
    [("title", "星巴克 星礼卡 200元"), ("title", "全国通用购物卡 500元"), ("summary", "另售抖音千粉号，可换绑")],
)
def test_a_page_that_older_rules_let_through_comes_off_sale(db, field, text):
    """C-40, C-45: a card of value that is on sale is no less one than one that wants to be."""
    product = published_before(db, field, text)
    assert reread(db, product)
    assert catalog.product(db, product_id=product.id).state == "off_sale"
    assert not reread(db, product)
    verbs = "SELECT actor_kind FROM audit_entry WHERE object_kind = 'product' AND object_id = %s AND verb = 'product.off_sale'"
    assert values(db, verbs, [str(product.id)]) == ["system"]
    assert publish(db, product) is Refusal.REVIEW_DENIED


@pytest.mark.parametrize("text", ["全国销量第一，百分百有效", "知微课堂年度会员"])
def test_a_page_that_a_person_would_be_asked_about_stays_on_sale(db, text):
    product = published_before(db, "headline", text)
    reviews = "SELECT count(*) FROM compliance_review WHERE thing = %s"
    before = value(db, reviews, [f"product:{product.id}"])
    assert not reread(db, product)
    assert catalog.product(db, product_id=product.id).state == "on_sale"
    assert value(db, reviews, [f"product:{product.id}"]) == before, "nobody is asked at night"


def test_nothing_is_left_to_read_in_the_end(db):
    assert catalog.reread(db, 2**62, clock.now()) is None
