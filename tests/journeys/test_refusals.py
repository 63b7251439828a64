"""Every refusal a user can meet, met in a real browser: the page says why, and nothing is half done."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import bring_in, code_for, order, pay, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def other(chromium, kashu):
    """Somebody else's phone."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=kashu.url)
    yield context.new_page()
    context.close()


def refused(page, told):
    expect(page.locator("[role=alert]:visible")).to_contain_text(told)


def sheet(page, slug="zimu-month"):
    page.goto(f"/s/{slug}")
    page.click("text=立即购买")
    page.check("input[name=consent]")


def place(page):
    page.click("button[name=place]")


def put_on_sale(desk, kashu, tmp_path, cards):
    """A product of one SKU with so many cards; its slug."""
    slug, code = f"few-{time.time_ns()}", f"FW-{time.time_ns() % 10**9}"
    desk.goto("/console/products/new")
    desk.fill("#title", "少量听书会员月卡")
    desk.fill("#slug", slug)
    desk.select_option("#category", index=1)
    desk.select_option("#seller", index=1)
    desk.fill("#headline", "兑换码")
    desk.fill("#steps", "打开 App")
    desk.click("button:has-text('保存')")
    for name, value in {"code": code, "name": "一张", "price": "9.90", "buyer_max": "2"}.items():
        desk.locator("form[action$='/skus']").locator(f"[name={name}]").fill(value)
    desk.click("button:has-text('添加规格')")
    product = desk.url
    desk.click("a:has-text('导入卡密')")
    file = tmp_path / "few.txt"
    file.write_text("".join(f"FEW-{code}-{n}\n" for n in range(cards)))
    desk.select_option("#supplier", index=1)
    desk.fill("#cost", "5.00")
    desk.set_input_files("#file", file)
    desk.click("text=上传并核对")
    desk.click("text=确认，开始入库")
    bring_in(desk, kashu, "finance")
    desk.goto(product)
    desk.click("button:has-text('上架')")
    return slug, product


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("phone", "12345", "手机号应为 11 位数字"),
        ("quantity", "500", "数量超出单笔限购"),
        ("key", "", "请求不完整"),
        ("pay", "nobody", "所选支付方式暂停使用"),
    ],
)
def test_a_checkout_with_a_wrong_field(kashu, phone, field, value, told):
    sheet(phone)
    phone.evaluate(
        "([name, value]) => { for (const one of document.getElementsByName(name)) one.value = value }", [field, value]
    )
    phone.evaluate("for (const form of document.forms) form.noValidate = true")
    place(phone)
    refused(phone, told)


def test_a_checkout_without_consent(kashu, phone):
    sheet(phone)
    phone.uncheck("input[name=consent]")
    phone.evaluate("for (const form of document.forms) form.noValidate = true")
    place(phone)
    refused(phone, "请先勾选数字商品的退款说明")


def test_a_fourth_unpaid_order(kashu, phone):
    for _ in range(3):
        order(phone)
    sheet(phone)
    place(phone)
    refused(phone, "还有未支付的订单占着库存")


def test_the_last_cards_the_limit_a_changed_price_and_a_closed_product(kashu, desk, phone, other, tmp_path):
    sign_in(desk, kashu, "operator")
    slug, product = put_on_sale(desk, kashu, tmp_path, 3)
    order(phone, slug)
    pay(phone)
    order(phone, slug)
    sheet(other, slug)
    other.evaluate("for (const one of document.getElementsByName('quantity')) one.value = 2")
    place(other)
    refused(other, "库存不足")
    sheet(phone, slug)
    place(phone)
    refused(phone, "已达到每人限购数量")

    sheet(other, slug)
    desk.goto(product)
    desk.click("text=改价")
    desk.locator("form[action$='/price'] [name=price]").fill("8.80")
    desk.locator("form[action$='/price'] [name=reason]").fill("活动价")
    desk.locator("form[action$='/price'] button").click()
    place(other)
    refused(other, "页面内容或价格刚刚有变化")

    sheet(other, slug)
    desk.fill("[name=reason] >> nth=0", "停售")
    desk.click("button:has-text('下架')")
    expect(desk.locator(".page-head .chip")).not_to_have_text("在售")
    place(other)
    expect(other.locator("text=暂停销售 >> nth=0")).to_be_visible()


def test_a_reveal_against_a_refund_in_two_tabs(kashu, phone):
    order(phone)
    pay(phone)
    tab = phone.context.new_page()
    tab.goto(phone.url)
    phone.click("button:has-text('查看卡密')")
    expect(phone.locator(".secret.open")).to_be_visible()
    tab.click("text=申请退款")
    refused(tab, "卡密已经查看，不适用随时退款")

    order(phone)
    pay(phone)
    tab.goto(phone.url)
    tab.click("text=申请退款")
    expect(tab.locator("h1")).to_have_text("已退款", timeout=20_000)
    phone.click("button:has-text('查看卡密')")
    refused(phone, "这笔订单还没有可查看的卡密")


def test_codes_to_the_phone(kashu, phone, other):
    number = f"137{time.time_ns() % 10**8:08d}"
    other.goto("/orders")
    other.fill("#ph", "12345")
    other.click("text=获取验证码")
    refused(other, "手机号应为 11 位数字")
    order(phone, phone=number)
    pay(phone)
    other.fill("#ph", number)
    other.click("text=获取验证码")
    right = code_for(kashu, number)
    for told in ["验证码不对或已过期"] * 5 + ["输错次数过多"]:
        if not other.locator("#code").count():
            break
        other.fill("#code", "000000" if right != "000000" else "111111")
        other.click("button:has-text('验证') >> nth=1")
        refused(other, told)
    expect(other.locator("article")).to_have_count(0)


def test_signing_in_with_a_wrong_password_or_code(kashu, desk):
    who = kashu.login("finance")
    desk.goto("/console/")
    desk.fill("#id_login", who["email"])
    desk.fill("#id_password", "not-the-password")
    desk.click("button.primary")
    expect(desk.locator("body")).to_contain_text("不正确")
    desk.fill("#id_login", who["email"])
    desk.fill("#id_password", who["password"])
    desk.click("button.primary")
    desk.fill("#id_code", "000000")
    desk.click("button.primary")
    expect(desk.locator("#id_code")).to_be_visible()
    desk.goto("/console/orders")
    expect(desk.locator("h1")).not_to_have_text("订单")
