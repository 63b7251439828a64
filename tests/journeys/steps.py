"""What people do in a browser again and again."""

from __future__ import annotations

import re
import time

import httpx
from playwright.sync_api import expect

from tests.journeys.conftest import totp


def sign_in(page, kashu, role="owner"):
    who = kashu.login(role)
    page.goto("/buyer/" if role == "buyer" else "/console/")
    give_password(page, who["email"], who["password"])
    page.fill("#id_code", totp(who["totp"]))
    page.click("button.primary")
    if page.locator("#id_code").count():  # a code works once; another test may have used this one
        time.sleep(30 - time.time() % 30)
        page.fill("#id_code", totp(who["totp"]))
        page.click("button.primary")
    expect(page.locator("h1")).to_have_text("总览")


def give_password(page, email, password):
    page.fill("#id_login", email)
    page.fill("#id_password", password)
    page.click("button.primary")


def bring_in(desk, kashu, second):
    """A loaded batch gets its papers, is confirmed by a second person of that role, and goes on sale."""
    page = desk.url
    desk.fill("form[action$='/papers'] [name=document]", "HT-2026-018", timeout=30_000)
    desk.fill("form[action$='/papers'] [name=amount]", "900.00")
    desk.click("text=登记凭证")
    context = desk.context.browser.new_context(locale="zh-CN", base_url=kashu.url)
    other = context.new_page()
    sign_in(other, kashu, second)
    other.goto(page)
    other.click("button:has-text('确认收货')")
    expect(other.locator("text=收货已由第二人确认")).to_be_visible()
    context.close()
    desk.goto(page)
    desk.click("button:has-text('整批上架')")


def order(page, slug="zimu-month", phone=""):
    page.goto(f"/s/{slug}")
    page.click("text=立即购买")
    page.fill("#phone", phone)
    page.check("input[name=consent]")
    page.click("button[name=place]")
    page.wait_for_url(re.compile(r"/pay/|/cashier"))
    if "/cashier" in page.url:  # without script, or by a code: the cashier's page says how much and to whom first
        page.click(".panel a.btn.primary")
        page.wait_for_url("**/pay/**")


def pay(page):
    page.click("button.ok")
    expect(page.locator("text=卡密已送达")).to_be_visible(timeout=20_000)


def code_for(kashu, number):
    with httpx.Client(trust_env=False) as http:
        for _ in range(60):
            page = http.get(f"http://127.0.0.1:{kashu.port + 2}/messages").text
            found = re.search(rf"{number}</b>.*?验证码 (\d{{6}})", page, re.DOTALL)
            if found:
                return found[1]
            time.sleep(0.25)
    raise AssertionError("no code arrived")
