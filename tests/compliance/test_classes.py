"""The class of value that a listing's words have binds it (C-40, C-45): no person and no category makes it ordinary goods."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from kashu import catalog, compliance
from kashu.audit import Actor
from kashu.catalog import Refusal
from kashu.compliance import Context, GoodsClass, ReviewRefusal, Texts, Verdict, judge
from kashu.compliance.rules import judge_listing
from kashu.compliance.rules.listing import is_out_of_class
from kashu.kernel import clock
from tests import make

MAKER = Actor("person", "maker")
ENTITLEMENT, SINGLE, MULTI = GoodsClass
ALLOW, QUEUE, DENY = Verdict
FILED = "某健身房储值卡 5000元 备案号310101AAA0001"
TITLES = {
    (ENTITLEMENT, ALLOW): "光影视频 月卡",
    (ENTITLEMENT, QUEUE): "话费充值 100元",
    (ENTITLEMENT, DENY): "抖币充值",
    (SINGLE, ALLOW): "悦动健身储值卡500元 已备案 仅本店",
    (SINGLE, QUEUE): "星巴克 星礼卡 200元",
    (SINGLE, DENY): "本店储值卡 500元 可花呗套现",
    (MULTI, QUEUE): "全国通用购物卡 骗局 教程 秒到",
    (MULTI, DENY): "全国通用购物卡 500元",
}  # (MULTI, ALLOW): no such title; the rule that finds the class denies


@pytest.mark.parametrize(("of", "title"), TITLES.items())
@pytest.mark.parametrize("kind", GoodsClass)
def test_each_class_with_each_verdict_in_each_kind_of_goods(of, title, kind):
    goods, verdict = of
    bare = judge(title)
    assert (bare.goods_class, bare.verdict) == of
    judged = judge_listing(Texts((title,)), Context(goods_class=kind))
    fits = {ENTITLEMENT: True, SINGLE: kind is not ENTITLEMENT, MULTI: False}[goods]
    assert judged.verdict is (verdict if fits else DENY)
    assert any(one.id.startswith("class.") for one in judged.reasons) is not fits
    assert is_out_of_class(goods, kind) is not fits


def draft(db, **told):
    return catalog.product(db, product_id=make.sku(db, on_sale=False, **told).product_id)


def publish(db, product, title):
    changed = catalog.edit_product(db, MAKER, replace(product, title=title), "", clock.now())
    assert not isinstance(changed, Refusal), changed
    return catalog.move_product(db, MAKER, product.id, "on_sale", "", clock.now())


@pytest.mark.parametrize(
    "title", ["京东E卡 100元", "苹果礼品卡 500元", "星巴克 星礼卡 200元", FILED, "全国通用购物卡 500元"]
)
def test_a_card_of_value_is_not_sold_as_ordinary_goods_whatever_people_say(db, title):
    product = draft(db)
    assert publish(db, product, title) is Refusal.REVIEW_DENIED
    found = compliance.last_review(db, f"product:{product.id}")
    assert (found.verdict, found.state) == ("deny", "refused")
    assert any("class." in compliance.in_chinese(one) and title in one for one in found.reasons)
    decide = compliance.reviews.decide
    told = decide(db, make.REVIEWER, found.id, is_good=True, evidence="备案号已核对", at=clock.now())
    assert told is ReviewRefusal.NOT_WAITING
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("UPDATE compliance_review SET state = 'allowed' WHERE id = %s", [found.id])


@pytest.mark.parametrize("goods", ["prepaid_card", "universal_card", None])
@pytest.mark.parametrize("title", ["知微课堂年卡", FILED, "全国通用购物卡 500元"])
def test_goods_of_value_and_goods_of_no_kind_stay_shut(db, goods, title):
    assert publish(db, draft(db, goods=goods), title) is Refusal.BLOCKED


def test_what_is_on_sale_does_not_turn_into_value(db):
    sku = make.sku(db)
    product, at = catalog.product(db, product_id=sku.product_id), clock.now()
    assert catalog.edit_product(db, MAKER, replace(product, title=FILED), "", at) is Refusal.REVIEW_DENIED
    new = replace(sku, code=make.name("S").upper(), name="储值 1000 元 已备案")
    assert catalog.add_sku(db, MAKER, new, at) is Refusal.REVIEW_DENIED
    assert catalog.edit_sku(db, MAKER, replace(sku, validity="本店预付卡 已备案"), at) is Refusal.REVIEW_DENIED


def test_title_and_sku_are_one_thing_on_an_order(db):
    """Neither of them alone says value."""
    product = draft(db)
    [sku] = catalog.skus_of(db, product.id)
    assert catalog.edit_sku(db, MAKER, replace(sku, name="面值200元卡"), clock.now()) is None
    assert [judge(one).goods_class for one in ("星巴克", "面值200元卡")] == [ENTITLEMENT] * 2
    assert publish(db, product, "星巴克") is Refusal.REVIEW_DENIED


def test_a_body_may_speak_of_value_without_being_it(db):
    said = Texts(("山谷咖啡 拿铁券",), ("不与储值卡同时使用", "行业第一，用储值卡付款另享积分"))
    judged = judge_listing(said)
    assert (judged.goods_class, judged.verdict) == (ENTITLEMENT, QUEUE)


def test_another_kind_of_goods_is_another_question(db):
    """A review that was right for one class says nothing of the same texts under another."""
    said = Texts((TITLES[SINGLE, ALLOW],))
    kinds = [Context(goods_class=kind) for kind in (SINGLE, ENTITLEMENT, SINGLE)]
    answers = [compliance.reviews.submit(db, MAKER, "product:1", said, clock.now(), kind) for kind in kinds]
    assert [one.state for one in answers] == ["allowed", "refused", "allowed"]


def test_a_line_that_says_value_is_of_that_class():
    judged = judge_listing(Texts(("星巴克",), lines=("星巴克 面值200元卡",)), Context(goods_class=SINGLE))
    assert (judged.goods_class, judged.reasons) == (SINGLE, ())
