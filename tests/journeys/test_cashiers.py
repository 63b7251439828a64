"""Paying through each channel, where each can be paid with, on their good days and on their bad ones."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PHONE

pytestmark = pytest.mark.browser
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
DOUYIN = f"{ANDROID} aweme_320000 BytedanceWebview/d8a21c6"
DOUYIN_IOS = f"{PHONE} aweme_320000 BytedanceWebview/d8a21c6"
WECHAT = f"{ANDROID} MicroMessenger/8.0.50 NetType/WIFI"
BRIDGE = """
window.WeixinJSBridge = {invoke: async (name, call, done) => {
  await window.payInWeChat(name, JSON.stringify(call));
  done({err_msg: name + ':ok'});
}};
"""


class Sandbox:
    """The simulators' own desk."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port + 2}"

    def fault(self, kind: str, **told: object) -> None:
        with httpx.Client(trust_env=False) as http:
            http.put(f"{self.url}/pay/admin/api/faults/{kind}", json=told).raise_for_status()

    def trades(self, kind: str) -> list[dict]:
        with httpx.Client(trust_env=False) as http:
            found = http.get(f"{self.url}/pay/admin/api/trades").json()
        return [one for one in found if one["channel"] == kind]

    def pay(self, trade_id: str) -> None:
        with httpx.Client(trust_env=False) as http:
            http.post(f"{self.url}/pay/{trade_id}", data={"outcome": "success"})


@pytest.fixture
def sandbox(kashu):
    told = Sandbox(kashu.port)
    yield told
    for kind in ("douyin", "wechat", "alipay"):
        told.fault(kind)


@pytest.fixture
def page_at(kashu, chromium):
    """`page_at(agent, width)`: a page of a browser that says it is this one."""
    contexts = []

    def open_page(agent, width=390):
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, locale="zh-CN", base_url=kashu.url, user_agent=agent
        )
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def place(page, way=None):
    """To the end of the checkout, by a way to pay or the one that is offered first."""
    page.goto("/s/zimu-month/checkout?sku=ZM-MONTH")
    if way:
        page.check(f"input[name=pay][value={way}]")
    page.check("input[name=consent]")
    page.click("button[name=place]")


def delivered(page):
    expect(page.locator("text=卡密已送达")).to_be_visible(timeout=20_000)


@pytest.mark.parametrize(
    ("agent", "way"), [(DOUYIN, "douyin"), (ANDROID, "wechat"), (ANDROID, "alipay"), (PHONE, "douyin")]
)
def test_a_phone_pays_on_the_channels_own_page_and_comes_back(page_at, agent, way):
    page = page_at(agent)
    place(page, way)
    page.wait_for_url("**/pay/**")
    expect(page.locator("body")).to_contain_text({"douyin": "抖音支付", "wechat": "微信支付", "alipay": "支付宝"}[way])
    page.click("button.ok")
    delivered(page)


def test_inside_wechat_the_page_calls_wechat_up(page_at, sandbox, kashu):
    page = page_at(WECHAT)
    asked = []

    def pay_in_wechat(name, call):
        asked.append((name, json.loads(call)))
        sandbox.pay(json.loads(call)["package"].removeprefix("prepay_id="))

    page.expose_function("payInWeChat", pay_in_wechat)
    page.add_init_script(BRIDGE)
    page.goto("/s/zimu-month/checkout?sku=ZM-MONTH")
    expect(page.locator("input[name=pay]")).to_have_count(1)
    place(page, "wechat")
    page.wait_for_url(re.compile("/cashier"))
    expect(page.locator("body")).to_contain_text("收款方：卡枢演示商户")
    page.click("text=立即支付")
    delivered(page)
    [(name, call)] = asked
    assert name == "getBrandWCPayRequest"
    assert call["signType"] == "RSA"


@pytest.mark.parametrize("way", ["douyin", "wechat", "alipay"])
def test_a_desktop_shows_a_code_that_a_phone_pays(page_at, sandbox, way):
    page = page_at(None, 1_440)
    place(page, way)
    page.wait_for_url(re.compile("/cashier"))
    expect(page.locator(".pay-qr svg")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("¥19.00")
    sandbox.pay(sandbox.trades(way)[0]["id"])
    delivered(page)


def test_coming_back_proves_nothing(page_at):
    page = page_at(ANDROID)
    place(page, "alipay")
    page.wait_for_url("**/pay/**")
    page.click("text=不支付，返回商家")
    expect(page.locator("h1")).to_have_text("等待支付确认")
    page.click("text=我已支付，立即查询")
    expect(page.locator("h1")).to_have_text("等待支付确认")
    page.click("text=去支付")
    page.wait_for_url(re.compile("/cashier"))
    page.click("a:has-text('用支付宝付款')")
    page.click("button.ok")
    delivered(page)


def test_another_way_to_pay_closes_the_first(page_at, sandbox):
    page = page_at(None, 1_440)
    place(page, "wechat")
    page.wait_for_url(re.compile("/cashier"))
    first = sandbox.trades("wechat")[0]
    page.click("button:has-text('支付宝')")
    expect(page.locator("h2 >> nth=0")).to_have_text("支付宝")
    expect(page.locator(".pay-qr svg")).to_be_visible()
    assert next(one for one in sandbox.trades("wechat") if one["id"] == first["id"])["state"] == "CLOSED"
    sandbox.pay(sandbox.trades("alipay")[0]["id"])
    delivered(page)


def test_a_channel_on_a_bad_day_says_so_and_the_other_is_paid(page_at, sandbox):
    sandbox.fault("wechat", call={"create": "502", "query": "502"})
    page = page_at(None, 1_440)
    place(page, "wechat")
    page.wait_for_url(re.compile("/cashier|/go"))
    expect(page.locator("body")).to_contain_text(re.compile("没有扣款|正在向支付通道确认"))
    page.click("button:has-text('抖音支付')")
    expect(page.locator(".pay-qr svg")).to_be_visible()
    sandbox.pay(sandbox.trades("douyin")[0]["id"])
    delivered(page)


@pytest.mark.parametrize("kind", ["douyin", "wechat", "alipay"])
@pytest.mark.parametrize("fault", [{"drop": True}, {"times": 9, "at_once": True}, {"key": "wrong"}, {"amount": -1}])
def test_whatever_becomes_of_the_notice_the_card_comes_once(page_at, sandbox, kind, fault):
    """Lost, nine at once, forged, of another amount: asking the gateway brings the card."""
    sandbox.fault(kind, **fault)
    page = page_at(ANDROID)
    place(page, kind)
    page.wait_for_url("**/pay/**")
    page.click("button.ok")
    if fault.get("times"):
        delivered(page)
        return
    expect(page.locator("h1")).to_have_text("等待支付确认")
    page.click("text=我已支付，立即查询")
    delivered(page)


def test_where_nothing_can_pay_the_page_says_where_it_can(page_at):
    page = page_at(DOUYIN_IOS)
    page.goto("/s/zimu-month/checkout?sku=ZM-MONTH")
    expect(page.locator("text=在这里没有可用的支付方式")).to_be_visible()
    expect(page.locator("button:has-text('复制链接')")).to_be_visible()
    expect(page.locator("input[name=pay]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 430])
def test_the_cashier_fits_a_phone(kashu, chromium, width, scheme):
    context = chromium.new_context(
        viewport={"width": width, "height": 756}, color_scheme=scheme, locale="zh-CN", base_url=kashu.url
    )
    page = context.new_page()
    place(page, "douyin")
    page.wait_for_url(re.compile("/cashier"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
