"""From the first start to the first card sold, in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
import time

import httpx
import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PHONE, totp
from tests.journeys.steps import bring_in, code_for, order, pay, sign_in

pytestmark = pytest.mark.browser
CANARY = "CANARY7Q2M"


def test_a_card_file_becomes_a_card_in_a_buyers_hand(kashu, desk, phone, tmp_path):
    sign_in(desk, kashu)
    slug, code = f"canary-{int(time.time())}", f"CN-{int(time.time())}"
    desk.goto("/console/products/new")
    desk.fill("#title", "旅程课堂兑换码")
    desk.fill("#slug", slug)
    desk.select_option("#category", index=1)
    desk.select_option("#seller", index=1)
    desk.fill("#headline", "年度会员")
    desk.fill("#steps", "打开 App\n粘贴卡密")
    desk.click("button:has-text('保存')")
    for name, value in {"code": code, "name": "年卡", "price": "39.90"}.items():
        desk.locator("form[action$='/skus']").locator(f"[name={name}]").fill(value)
    desk.click("button:has-text('添加规格')")
    desk.click("a:has-text('导入卡密')")
    file = tmp_path / "卡密.txt"
    secrets = [f"{CANARY}-{code}-{n:03d}" for n in range(30)]
    file.write_bytes(
        "\r\n".join([f"N{n}----{secret}" for n, secret in enumerate(secrets)] + ["坏行", ""]).encode("gb18030")
    )
    desk.select_option("#supplier", index=1)
    desk.fill("#cost", "30.00")
    desk.set_input_files("#file", file)
    desk.click("text=上传并核对")
    expect(desk.locator("text=前 10 行，已脱敏")).to_be_visible()
    assert CANARY + "-" not in desk.content()
    desk.click("text=确认，开始入库")
    bring_in(desk, kashu, "compliance")
    expect(desk.locator(".page-head .chip")).to_have_text("在售")
    expect(desk.locator("text=列数不对")).to_be_visible()
    desk.goto("/console/products")
    desk.click("text=旅程课堂兑换码 >> nth=0")
    desk.click("button:has-text('上架')")
    expect(desk.locator(".page-head .chip")).to_have_text("在售")

    order(phone, slug, "13800138000")
    pay(phone)
    assert CANARY + "-" not in phone.content()
    phone.click("text=查看卡密")
    shown = phone.locator(".secret.open .mono").inner_text()
    assert shown in secrets
    phone.click("text=复制卡密")
    assert phone.evaluate("navigator.clipboard.readText()") == shown
    expect(phone.locator("svg.qr")).to_be_hidden()
    phone.click("text=二维码")
    expect(phone.locator("svg.qr")).to_be_visible()
    token = re.search(r"/o/([^/]+)", phone.url)[1]
    phone.goto("/orders")
    expect(phone.locator("article")).to_contain_text("旅程课堂兑换码")

    desk.goto("/console/orders")
    desk.click("a.id >> nth=0")
    expect(desk.locator("text=买家查看卡密 >> nth=0")).to_be_visible()
    assert shown not in desk.content()
    assert token not in desk.content()


def test_orders_are_found_again_on_another_phone(kashu, phone, chromium):
    number = f"139{int(time.time()) % 10**8:08d}"
    order(phone, phone=number)
    pay(phone)
    other = chromium.new_context(locale="zh-CN", base_url=kashu.url).new_page()
    other.goto(phone.url)
    expect(other.locator("text=用手机号验证")).to_be_visible()
    other.goto("/orders")
    other.fill("#ph", number)
    other.click("text=获取验证码")
    code = code_for(kashu, number)
    other.fill("#code", code)
    other.click("button:has-text('验证') >> nth=1")
    expect(other.locator("text=找到 1 笔订单")).to_be_visible()
    other.click("text=查看卡密")
    other.click("button:has-text('查看卡密')")
    expect(other.locator(".secret.open")).to_be_visible()
    other.context.close()


def test_the_main_path_works_without_script(kashu, chromium):
    context = chromium.new_context(
        java_script_enabled=False,
        locale="zh-CN",
        base_url=kashu.url,
        viewport={"width": 360, "height": 756},
        user_agent=PHONE,
    )
    page = context.new_page()
    order(page)
    page.click("button.ok")
    page.wait_for_load_state()
    for _ in range(10):
        if page.locator("text=卡密已送达").count():
            break
        time.sleep(0.5)
        page.reload()
    page.click("button:has-text('查看卡密')")
    expect(page.locator(".secret.open")).to_be_visible()
    context.close()


def test_a_buyer_changes_their_mind_before_looking(kashu, phone):
    order(phone)
    pay(phone)
    phone.click("text=申请退款")
    expect(phone.locator("h1")).to_have_text("已退款", timeout=20_000)


def test_a_buyer_leaves_the_cashier_and_comes_back(kashu, phone):
    order(phone)
    phone.click("text=不支付，返回商家")
    expect(phone.locator("h1")).to_have_text("等待支付确认")
    phone.click("text=我已支付，立即查询")
    expect(phone.locator("h1")).to_have_text("等待支付确认")
    phone.click("text=取消订单")
    expect(phone.locator("h1")).to_have_text("订单已关闭")


@pytest.mark.parametrize("width", [320, 360, 390, 430])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shop_pages_fit_a_webview(kashu, chromium, width, scheme):
    context = chromium.new_context(
        viewport={"width": width, "height": 756}, color_scheme=scheme, locale="zh-CN", base_url=kashu.url
    )
    page = context.new_page()
    for address in (
        "/",
        "/s/zhiwei-year",
        "/s/zhiwei-year/checkout?sku=ZW-YEAR",
        "/orders",
        "/legal/licences",
        "/legal/trade",
        "/nowhere",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(12, 18, 16)"
        assert dark == (scheme == "dark"), address
    context.close()


def test_the_desk_signs_in_with_two_factors_and_out_again(kashu, desk):
    sign_in(desk, kashu, "auditor")
    desk.goto("/console/products/new")
    expect(desk.locator("h1")).to_have_text("没有权限")
    desk.goto("/console/trail")
    expect(desk.locator("h1")).to_have_text("审计日志")
    desk.click("text=退出")
    desk.goto("/console/")
    expect(desk.locator("h1")).to_have_text("登录")


def test_the_first_sign_in_sets_up_a_second_factor(kashu, desk):
    email = f"first{int(time.time())}@kashu.example"
    password = json.loads(kashu.kashu("owner", email, "林知夏", "--json").stdout)["password"]
    desk.goto("/console/")
    desk.fill("#id_login", email)
    desk.fill("#id_password", password)
    desk.click("button.primary")
    secret = desk.locator("#authenticator_secret").input_value()
    desk.fill("#id_code", totp(secret))
    desk.click("form[action$='/totp/activate/'] button")
    expect(desk.locator("body")).to_contain_text("恢复")
    expect(desk.locator("#recovery_codes")).to_be_visible()
    desk.click("text=进入工作台")
    expect(desk.locator("h1")).to_have_text("总览")


def test_charts_are_drawn_on_the_dashboard(kashu, desk, phone):
    order(phone)
    pay(phone)
    sign_in(desk, kashu, "finance")
    expect(desk.locator(".chart svg >> nth=0")).to_be_visible()
    assert desk.locator(".chart svg path").count() > 4


def test_no_secret_is_anywhere_but_in_the_buyers_hand(kashu):
    """The canary (S-01, S-03): after the journeys above, no plaintext in the database, logs, metrics or files."""
    from kashu.server.env import read
    from kashu.server.postgres import Embedded, binaries

    embedded = Embedded(read({"KASHU_VAR": str(kashu.var)}).var / "pg")
    dump = subprocess.run(
        [str(binaries() / "pg_dump"), "--inserts", embedded.dsn("kashu_owner")], check=True, capture_output=True
    ).stdout
    assert len(dump) > 100_000
    assert dump.count(b"INSERT INTO public.cards_card ") > 100
    log = kashu.log.read_bytes()
    with httpx.Client(trust_env=False) as http:
        metrics = b"".join(http.get(f"http://127.0.0.1:{kashu.port + at}/metrics").content for at in (0, 1, 3))
    files = [path for path in kashu.var.rglob("*") if path.is_file() and "keys" not in path.parts]
    assert b"kashu_delivery_seconds_count" in metrics

    assert CANARY.encode() not in dump
    assert CANARY.encode() not in log
    assert CANARY.encode() not in metrics
    assert [path for path in files if readable(path) and f"{CANARY}-CN".encode() in path.read_bytes()] == []
    assert b"13800138000" not in dump
    assert b"13800138000" not in log


def test_after_all_that_the_house_is_sound(kashu):
    for words in (("invariants",), ("ledger", "check"), ("audit", "verify"), ("check",)):
        done = kashu.kashu(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
