"""A guest's own data over HTTP (C-53, C-54): copy, correction and deletion, by possession of the orders and by nothing else."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from kashu import sales
from kashu.kernel.db import connect, value
from tests import make
from tests.web.test_store import buy, house_channel, pay, secret_of

PHONE = "13900139511"


@pytest.fixture
def shop(house, ring):
    with connect(house.dsn) as db, db.transaction():
        house_channel(db, ring)
        sku = make.stocked(db, ring, 6)
        return sku, value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])


@pytest.fixture
def bought(house, shop):
    """`bought(browser)`: a paid order of a browser, on its list as the relay puts it there."""

    def one(browser, phone=PHONE, *, seen=True):
        token = buy(browser, *shop, phone)
        pay(house, token)
        with connect(house.dsn) as db, db.transaction():
            sales.keep_buyer_orders(db, [sales.by_token(db, token)])
        if seen:
            assert browser.post(f"/o/{token}/reveal").status_code == 200
        return token

    return one


def told(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def forget(browser, *tokens, **more):
    return browser.post("/orders/data/forget", {"order": list(tokens), "sure": "yes"} | more)


def test_a_guest_gets_a_copy_of_what_is_held_and_of_nobody_else(browser, house, ring, bought):
    mine, other = bought(browser), bought(make.visitor(), "13900139512")
    assert browser.get("/orders/data/copy").status_code == 405
    answer = browser.post("/orders/data/copy", {"form": "json"})
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/json; charset=utf-8", "no-store")
    with connect(house.dsn) as db:
        number, theirs = sales.by_token(db, mine).number, sales.by_token(db, other).number
    orders = json.loads(answer.content)["orders"]
    assert list(orders) == [number]
    assert (orders[number]["phone"], orders[number]["total_fen"], orders[number]["state"]) == (
        PHONE,
        3_990,
        "delivered",
    )
    assert [one["state"] for one in orders[number]["payments"]] == ["paid"]
    assert [one["how"] for one in orders[number]["browsers"]] == ["checkout"]
    content = answer.content.decode()
    assert [text for text in ("13900139512", theirs, mine, secret_of(house, ring, mine)) if text in content] == []
    table = list(
        csv.reader(io.StringIO(browser.post("/orders/data/copy", {"form": "csv"}).content.decode("utf-8-sig")))
    )
    assert [number, "phone", PHONE] in table
    assert json.loads(make.visitor().post("/orders/data/copy").content)["orders"] == {}
    with connect(house.dsn) as db:
        sql = "SELECT count(*) FROM audit_entry WHERE verb = 'order.data_copied' AND object_id = %s"
        assert value(db, sql, [str(sales.by_token(db, mine).id)]) == 2


def test_copies_are_bounded(browser, bought):
    bought(browser)
    codes = [browser.post("/orders/data/copy").status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]


def test_on_day_one_a_guest_is_forgotten(browser, house, bought):
    token = bought(browser)
    page = browser.get("/orders/data")
    assert ("****9511" in page.content.decode(), page["Cache-Control"]) == (True, "no-store")
    assert forget(browser, token, sure="").status_code == 422
    assert forget(browser).status_code == 422
    answer = forget(browser, token)
    assert "已删除 1 笔订单的个人信息" in told(answer.content.decode())
    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
    assert (order.forgotten_at is None, order.phone_sealed, order.phone_tail) == (False, None, "")
    assert browser.post(f"/o/{token}/reveal").status_code == 403
    assert "这台设备上没有订单" in browser.get("/orders").content.decode()
    assert browser.get(f"/o/{token}").status_code == 200  # the order's facts are kept, and name nobody


def test_what_cannot_be_forgotten_yet_says_why(browser, house, bought, shop):
    done, seen, placed = bought(browser), bought(browser, "", seen=False), buy(browser, *shop)
    with connect(house.dsn) as db, db.transaction():
        sales.keep_buyer_orders(db, [sales.by_token(db, placed)])
    browser.post(f"/o/{done}/complaints", {"kind": "goods", "words": "无效"})
    answer = forget(browser, done, seen, placed)
    words = told(answer.content.decode())
    assert answer.status_code == 409
    for why in ("处理完才能删除", "请先查看或申请退款", "订单还在进行"):
        assert why in words
    with connect(house.dsn) as db:
        assert [sales.by_token(db, one).forgotten_at for one in (done, seen, placed)] == [None] * 3


def test_nobody_forgets_the_orders_of_others(browser, house, bought):
    token = bought(browser)
    stranger = make.visitor()
    stranger.get("/orders/data")
    forget(stranger, token)
    stranger.post("/orders/data/phone", {"order": token, "phone": "13900139513"})
    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
        assert (order.forgotten_at, order.phone_tail) == (None, "9511")


def test_a_wrong_phone_is_put_right_with_a_code_to_the_new_one(browser, house, ring, bought):
    token, new = bought(browser), "13900139514"
    assert browser.post("/orders/data/phone", {"order": token, "phone": "1"}).status_code == 422
    assert (
        "验证码已发到 13900139514"
        in browser.post("/orders/data/phone", {"order": token, "phone": new}).content.decode()
    )
    wrong = browser.post("/orders/data/phone", {"order": token, "phone": new, "code": "000000x"})
    assert (wrong.status_code, "验证码不对" in wrong.content.decode()) == (422, True)
    with connect(house.dsn) as db, db.transaction():
        device, mark = sales.by_token(db, token).device, ring.identity("phone", new)
        hashed = ring.identity("phone code", f"{mark.hex()} {device.hex()} 123456")
        db.execute("UPDATE sales_code SET code_hash = %s WHERE phone_identity = %s", [hashed, mark])
    right = browser.post("/orders/data/phone", {"order": token, "phone": new, "code": "123456"})
    assert "手机号已更正" in right.content.decode()
    with connect(house.dsn) as db:
        assert sales.by_token(db, token).phone_tail == "9514"


def test_an_order_given_by_a_code_is_on_the_list_of_that_browser(browser, house, ring, bought):
    """So that whoever proves a phone on another device has a copy and is forgotten there as well."""
    token, other = bought(browser), make.visitor()
    other.post("/orders/code", {"phone": PHONE})
    with connect(house.dsn) as db, db.transaction():
        mark = ring.identity("phone", PHONE)
        [device] = [row[0] for row in db.execute("SELECT device FROM sales_code WHERE phone_identity = %s", [mark])]
        hashed = ring.identity("phone code", f"{mark.hex()} {device.hex()} 123456")
        db.execute("UPDATE sales_code SET code_hash = %s WHERE phone_identity = %s", [hashed, mark])
    other.post("/orders/check", {"phone": PHONE, "code": "123456"})
    assert token in other.get("/orders").content.decode()
    assert "已删除 1 笔" in told(forget(other, token).content.decode())
    assert browser.post(f"/o/{token}/reveal").status_code == 403
