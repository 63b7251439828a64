"""Every kind of stock, in a real browser: picked, topped up by the supplier's twin, done by hand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import sign_in

pytestmark = pytest.mark.browser


def to_sheet(page, slug):
    page.goto(f"/s/{slug}")
    page.click("text=立即购买")


def pay(page):
    page.check("input[name=consent]")
    page.click("button[name=place]")
    page.wait_for_url(re.compile(r"/pay/|/cashier"))
    if "/cashier" in page.url:  # without script, or by a code: the cashier's page says how much and to whom first
        page.click(".panel a.btn.primary")
        page.wait_for_url("**/pay/**")
    page.click("button.ok")


def test_a_number_is_looked_for_picked_and_bought(phone):
    to_sheet(phone, "xingtu-id")
    expect(phone.locator("button[name=place]")).to_be_disabled()
    phone.fill("#phone", "13900139000")
    phone.fill("input[name=like]", "6666")
    phone.click("text=查找")
    label = phone.locator("button[name=choose]").first.get_attribute("value")
    phone.click("button[name=choose]")
    expect(phone.locator("button[name=place]")).to_contain_text("117.00")
    expect(phone.locator("#phone")).to_have_value("13900139000")
    pay(phone)
    expect(phone.locator("text=卡密已送达")).to_be_visible(timeout=20_000)

    to_sheet(phone, "xingtu-id")
    phone.fill("input[name=like]", label)
    phone.click("text=查找")
    expect(phone.locator("text=没有找到")).to_be_visible()


def test_a_top_up_is_issued_by_the_supplier(phone):
    to_sheet(phone, "guangying-direct")
    phone.fill("#f_phone", "138 0013 1111")
    pay(phone)
    expect(phone.locator("h1")).to_have_text("已收款，正在充值", timeout=20_000)
    expect(phone.locator("body")).to_contain_text("138••••1111")
    expect(phone.locator("text=充值已完成")).to_be_visible(timeout=60_000)
    phone.click("text=查看凭证")
    expect(phone.locator(".secret.open")).to_contain_text(re.compile("充值成功 [0-9A-F]{12}"))


def test_a_top_up_that_the_supplier_refuses_is_refunded_by_itself(phone):
    to_sheet(phone, "guangying-direct")
    phone.fill("#f_phone", "13800130000")
    pay(phone)
    expect(phone.locator("h1")).to_have_text(re.compile("退款中|已退款"), timeout=60_000)
    expect(phone.locator("h1")).to_have_text("已退款", timeout=60_000)


def test_a_field_that_is_not_right_is_said_on_the_sheet(phone):
    to_sheet(phone, "guangying-direct")
    phone.fill("#f_phone", "12345678901")
    phone.check("input[name=consent]")
    phone.click("button[name=place]")
    expect(phone.locator("[data-refusal]")).to_contain_text("充值信息没有填对")


def test_an_order_is_done_by_hand_at_the_desk(phone, desk, kashu):
    to_sheet(phone, "tingfeng-manual")
    phone.fill("#f_phone", "13800138000")
    phone.fill("#f_text", "听风少年")
    pay(phone)
    expect(phone.locator("text=等待工作人员办理")).to_be_visible(timeout=20_000)

    sign_in(desk, kashu, "support")
    desk.click("nav >> text=充值办理")
    desk.click("button:has-text('办理')")
    expect(desk.locator("body")).to_contain_text("听风少年")
    phone.reload()
    expect(phone.locator("text=工作人员正在办理")).to_be_visible()
    desk.fill("#done", "已开通，流水号 8812")
    desk.click("text=已办完")
    expect(desk.locator("text=已标记完成")).to_be_visible()
    expect(phone.locator("text=已办理完成")).to_be_visible(timeout=20_000)
    phone.click("text=查看凭证")
    expect(phone.locator(".secret.open")).to_contain_text("流水号 8812")
