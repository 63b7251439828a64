"""Kinds of stock through the open API, on both lanes: picks with their list, and what is issued to somebody."""

from __future__ import annotations

import json

import pytest

from kashu import sales
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.kernel.paging import encode_cursor
from tests import make
from tests.api.test_contract import code


@pytest.fixture
def topup(dsn, ring):
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db, price_fen=1_000, kind="manual")
        make.slots(db, ring, sku, 5)
    return sku


def buy(lane, machine, sku, key=None, **told):
    body = json.dumps({"sku": sku.code, "quantity": 1} | told, ensure_ascii=False).encode()
    return lane.post(machine, "/open/v1/purchases", body, key)


def test_what_can_be_picked_is_listed_page_by_page(lane, machine, stocked):
    buyer, sku = machine(), stocked(5, kind="pick")
    first = lane.get(buyer, f"/open/v1/skus/{sku.code}/choices?limit=3").json()
    rest = lane.get(buyer, f"/open/v1/skus/{sku.code}/choices?limit=3&after={first['next']}").json()
    assert [one["label"] for one in (*first["choices"], *rest["choices"])] == ["N1", "N2", "N3", "N4", "N5"]
    assert (first["choices"][2], rest["next"]) == ({"label": "N3", "surcharge_fen": 200}, None)
    assert [one["label"] for one in lane.get(buyer, f"/open/v1/skus/{sku.code}/choices?q=4").json()["choices"]] == [
        "N4"
    ]
    assert code(lane.get(buyer, "/open/v1/skus/NO-SUCH/choices")) == (404, "not_for_sale")
    assert code(lane.get(buyer, f"/open/v1/skus/{sku.code}/choices?after=x")) == (422, "invalid")


def test_the_picked_card_is_the_one_that_comes(lane, machine, stocked):
    buyer, sku = machine(), stocked(3, kind="pick")
    told = buy(lane, buyer, sku, pick="N2")
    assert (told.status_code, told.json()["cards"][0]["number"], told.json()["total_fen"]) == (201, "N2", 4_090)
    assert code(buy(lane, buyer, sku, pick="N2")) == (409, "pick_taken")
    assert code(buy(lane, buyer, sku)) == (409, "pick_taken")
    assert code(buy(lane, buyer, sku, pick="N" * 65)) == (422, "invalid")
    assert code(buy(lane, buyer, sku, pick="N3", quantity=2)) == (422, "over_limit")


def test_a_form_is_told_and_what_it_asks_for_is_issued(lane, machine, topup, dsn, ring):
    buyer = machine()
    before = encode_cursor(topup.code[:-1])  # the codes in front of it are other tests'
    page = lane.get(buyer, f"/open/v1/skus?limit=200&after={before}").json()
    told = [one for one in page["skus"] if one["sku"] == topup.code]
    assert told[0]["form"] == [make.PHONE_FIELD]

    first = buy(lane, buyer, topup, key="top-1", reference="T-1", form={"phone": "13800138000"})
    assert first.status_code == 202
    assert (first.json()["state"], first.json()["cards"], first.json()["delivered_at"]) == ("processing", [], None)
    number = first.json()["id"]
    with connect(dsn) as db, db.transaction():
        key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [number]).fetchone()
        sales.fulfilled(db, ring, make.STAFF, key, ("", "已充值"), clock.now())

    again = buy(lane, buyer, topup, key="top-1", reference="T-1", form={"phone": "13800138000"})
    assert (again.status_code, again.json()["state"], again.json()["cards"][0]["secret"]) == (
        201,
        "delivered",
        "已充值",
    )
    assert lane.get(buyer, f"/open/v1/orders/{number}").json() == again.json()
    other = buy(lane, buyer, topup, key="top-1", reference="T-1", form={"phone": "13800138001"})
    assert code(other) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "form_wrong"),
        ({"phone": "1380013800"}, "form_wrong"),
        ({"phone": "13800138000", "qq": "1"}, "form_wrong"),
        ({"phone": 13_800_138_000}, "invalid"),
        ({"phone": "1" * 65}, "invalid"),
        ({f"f{n}": "1" for n in range(7)}, "invalid"),
        (["13800138000"], "invalid"),
    ],
)
def test_a_form_that_is_not_right_buys_nothing(lane, machine, topup, form, told):
    buyer = machine(1_000)
    assert code(buy(lane, buyer, topup, form=form)) == (422, told)
    assert lane.get(buyer, "/open/v1/account").json()["balance_fen"] == 1_000


def test_what_could_not_be_issued_is_in_the_statement(lane, machine, topup, dsn):
    buyer = machine(1_000)
    number = buy(lane, buyer, topup, form={"phone": "13800138000"}).json()["id"]
    with connect(dsn) as db, db.transaction():
        key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [number]).fetchone()
        sales.unfulfilled(db, make.STAFF, key, "no", clock.now())
    entries = lane.get(buyer, "/open/v1/statements").json()["entries"]
    assert [(one["kind"], one["amount_fen"]) for one in entries] == [
        ("refund", 1_000),
        ("purchase", -1_000),
        ("topup", 1_000),
    ]
    assert lane.get(buyer, f"/open/v1/orders/{number}").json()["state"] == "refunded"


def test_a_body_that_is_no_text_is_malformed(lane, machine, topup):
    body = b'{"sku": "%b", "quantity": 1, "form": {"phone": "\xff"}}' % topup.code.encode()
    assert code(lane.post(machine(), "/open/v1/purchases", body)) == (400, "malformed")
