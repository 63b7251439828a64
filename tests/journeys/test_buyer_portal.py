"""A B-end buyer at the desk, in a real browser: sign in, buy, take the file, make a key, and use it."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile

import httpx
import pytest
import pyzipper
from playwright.sync_api import expect

from bench import gun
from tests.journeys.conftest import page_of
from tests.journeys.steps import sign_in

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


@pytest.fixture
def buyer(chromium, kashu, signed_in):
    yield from page_of(chromium, kashu, {"width": 1440, "height": 900}, is_mobile=False, cookies=signed_in("buyer"))


def single(page):
    return page.locator("form[action='/buyer/purchases/new']")


def test_a_buyer_buys_and_takes_the_sealed_file(buyer):
    buyer.goto("/buyer/purchases/new")
    reference = f"PO-{time.time_ns()}"
    single(buyer).locator("select[name=sku]").select_option("ZM-MONTH")
    single(buyer).locator("[name=quantity]").fill("2")
    single(buyer).locator("[name=reference]").fill(reference)
    single(buyer).locator("button").click()
    expect(buyer.locator("text=采购完成，卡密已交付。")).to_be_visible()
    expect(buyer.locator("main")).to_contain_text(reference)
    expect(buyer.locator("main")).to_contain_text("合同价")

    buyer.fill("[name=password]", PASSWORD)
    with buyer.expect_download() as coming:
        buyer.click("button:has-text('下载')")
    content = coming.value.path().read_bytes()
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(PASSWORD.encode())
        assert len(archive.read(archive.namelist()[0]).splitlines()) == 3
    with zipfile.ZipFile(io.BytesIO(content)) as archive, pytest.raises(RuntimeError):
        archive.read(archive.namelist()[0])


def test_a_purchase_beyond_the_stock_is_refused_in_words(buyer):
    buyer.goto("/buyer/purchases/new")
    single(buyer).locator("[name=quantity]").fill("999")
    single(buyer).locator("button").click()
    expect(buyer.locator("[role=alert]")).to_contain_text("没有扣款")


def test_a_bulk_purchase_shows_its_progress_and_its_file(buyer):
    buyer.goto("/buyer/purchases/new")
    form = buyer.locator("form[action='/buyer/purchases/bulk']")
    form.locator("select[name=sku]").select_option("SG-50")
    form.locator("[name=quantity]").fill("20")
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("button").click()
    expect(buyer.locator("text=下载加密文件")).to_be_visible(timeout=20_000)
    with buyer.expect_download() as coming:
        buyer.click("text=下载加密文件")
    with pyzipper.AESZipFile(coming.value.path()) as archive:
        archive.setpassword(PASSWORD.encode())
        assert len(archive.read(archive.namelist()[0]).splitlines()) == 21


def test_a_key_made_at_the_desk_buys_through_the_till(buyer, kashu):
    who = kashu.login("buyer")
    buyer.goto("/buyer/keys")
    buyer.fill("[name=name]", "订单系统")
    buyer.click("button:has-text('创建')")
    if buyer.locator("input[type=password]").count():  # proves again who it is, then the form is sent as it was
        buyer.fill("input[type=password]", who["password"])
        buyer.click("button.primary, main button[type=submit]")
    if buyer.locator("text=Secret").count() == 0:
        buyer.goto("/buyer/keys")
        buyer.fill("[name=name]", "订单系统")
        buyer.click("button:has-text('创建')")
    page = buyer.content()
    key, secret = re.search(r"kk_\w{20}", page)[0], re.search(r"ks_[\w-]{40,}", page)[0]

    body = json.dumps({"sku": "ZM-MONTH", "quantity": 1}).encode()
    head, _, sent = gun.signed(key, secret, "POST", "/open/v1/purchases", body, f"k{time.time_ns()}").partition(
        b"\r\n\r\n"
    )
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    answer = httpx.post(
        f"http://127.0.0.1:{kashu.port + 1}/open/v1/purchases", content=sent, headers=headers, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["price_fen"] == 1_500  # the contract price of the demo
    for _ in range(50):  # the lists are filled from the outbox
        buyer.goto("/buyer/purchases")
        if answer.json()["id"] in buyer.content():
            break
        time.sleep(0.2)
    expect(buyer.locator("main")).to_contain_text(answer.json()["id"])


def test_the_console_credits_a_prepayment_with_two_persons(desk, kashu, chromium):
    sign_in(desk, kashu, "owner")
    desk.goto("/console/accounts")
    desk.click("a.id")
    bank = f"B{time.time_ns()}"
    desk.fill("[name=amount]", "1,000.00")
    desk.fill("[name=contract_no]", "HT-2")
    desk.fill("[name=bank_reference]", bank)
    desk.click("button:has-text('登记预付款')")
    if desk.locator("input[type=password]").count():
        desk.fill("input[type=password]", kashu.login("owner")["password"])
        desk.click("button.primary, main button[type=submit]")
        if bank not in desk.content():
            desk.goto("/console/accounts")
            desk.click("a.id")
    expect(desk.locator("main")).to_contain_text(bank)
    desk.locator(f"tr:has-text('{bank}') button:has-text('复核入账')").click()
    expect(desk.locator(".messages")).to_contain_text("申请人不能自己复核")
