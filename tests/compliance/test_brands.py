"""§2.1: a title that names a brand which the field does not is looked at by a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kashu import cards, catalog, compliance
from kashu.audit import Actor
from kashu.catalog import Refusal
from kashu.compliance import Texts
from kashu.compliance.rules import brands, judge_listing
from kashu.compliance.rules.listing import UNRULED
from kashu.kernel import clock
from tests import make

MAKER = Actor("person", "maker")
LISTED = brands.brands().listed


def unnamed(title, field):
    return [one.found for one in judge_listing(Texts((title,), (), field)).reasons if one.id == "brand.unnamed"]


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("腾讯视频会员月卡", "腾讯视频"), ("腾xun视频 季卡", "腾讯视频"), ("腾 讯 视 频 VIP", "腾讯视频"), ("星巴克 中杯拿铁 兑换券", "星巴克"), ("WPS 超级会员 年卡", "wps"),
        ("Office 2021 专业版 激活码", "office"), ("剪映 教程 送剪映会员", "剪映"), ("会员月卡 适用于腾讯视频", "腾讯视频"), ("粉笔公考 系统课程", "粉笔"),
        ("爱奇艺 京东PLUS 联合年卡", "爱奇艺 京东"),
    ],
)  # fmt: skip
def test_a_brand_in_the_title_belongs_into_the_field(title, brand):
    assert unnamed(title, "") == [brand]
    assert unnamed(title, "知微课堂") == [brand]
    assert unnamed(title, brand) == []
    assert unnamed(title, None) == [], "nobody was asked for one"


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("腾讯视频会员月卡", "腾讯"), ("网易云音乐 黑胶会员", "网易"), ("Office 365 家庭版", "微软"), ("QQ音乐 豪华绿钻", "腾讯"), ("百度网盘 超级会员", "百度"), ("肯德基 早餐券", "百胜中国"),
        ("樊登读书 年卡", "帆书"), ("爱奇艺 黄金会员", "爱 奇 艺 "), ("麦当劳 巨无霸 套餐券", "McDonald's 麦当劳"), ("知微课堂 会员", ""), ("视频会员 月卡", ""),
    ],
)  # fmt: skip
def test_its_owner_may_stand_for_it_and_what_is_not_known_is_not_asked(title, field):
    assert unnamed(title, field) == []


@pytest.mark.parametrize(
    "title",
    [
        "剪映零基础剪辑课", "Photoshop 教程 30讲", "WPS 表格模板 合集", "支持剪映的字幕工具", "星巴克对面 山谷咖啡 拿铁券", "抖音代运营课程", "微信小程序开发入门", "抖音团购券 双人餐",
        "得到认可的护肤套餐", "滴滴香浓咖啡券", "火锅双人餐 美团同款", "同程度的练习题", "粉笔画 亲子体验券", "元祖级火锅 四人餐", "起点音乐 钢琴体验课", "混沌初开 密室逃脱 四人票",
    ],
)  # fmt: skip
def test_lessons_company_and_common_words_name_no_brand(title):
    assert unnamed(title, "") == []


@pytest.mark.parametrize("brand", LISTED, ids=lambda one: one.name)
def test_each_brand_is_found_by_its_own_name_and_satisfied_with_it(brand):
    assert brand.name in brands.unnamed([f"{brand.name}会员"], [""])
    assert brands.unnamed([f"{brand.name}会员"], [brand.name]) == []


def test_the_list_is_one_and_has_its_words_for_people():
    assert len({one.name for one in LISTED}) == len(LISTED)
    assert UNRULED["brand.unnamed"] == "unnamed_brand"
    [reason] = judge_listing(Texts(("腾讯视频会员月卡",), (), "")).reasons
    assert compliance.in_chinese(str(reason)) == "标题里的品牌与品牌栏不符（2.1 · brand.unnamed）：「腾讯视频」"


@pytest.mark.parametrize("field", ["title", "headline"])
def test_a_branded_page_without_its_brand_waits_for_a_person(db, field):
    product = catalog.product(db, product_id=make.sku(db, on_sale=False).product_id)
    bare = replace(product, brand="", **{field: "腾讯视频会员月卡"})
    assert not isinstance(cards.edit_product(db, MAKER, bare, "", clock.now()), Refusal)
    assert catalog.move_product(db, MAKER, product.id, "on_sale", "", clock.now()) is Refusal.IN_REVIEW
    waiting = compliance.last_review(db, f"product:{product.id}")
    compliance.reviews.decide(db, make.REVIEWER, waiting.id, is_good=True, evidence="直营店，无需授权", at=clock.now())
    assert catalog.move_product(db, MAKER, product.id, "on_sale", "", clock.now()) is None

    named = replace(bare, brand="腾讯视频")
    assert not isinstance(cards.edit_product(db, MAKER, named, "", clock.now()), Refusal)
    other = replace(bare, brand="光影视频")
    assert cards.edit_product(db, MAKER, other, "", clock.now()) is Refusal.IN_REVIEW


def test_a_sku_that_names_a_brand_is_asked_for_as_well(db):
    sku = make.sku(db)
    new = replace(sku, code=make.name("S").upper(), name="优酷 月卡")
    assert catalog.add_sku(db, MAKER, new, clock.now()) is Refusal.IN_REVIEW
