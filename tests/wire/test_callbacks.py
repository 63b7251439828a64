"""One contract, two lanes: the till and the web lane answer a payment notice alike."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kashu import payments, sales
from kashu.kernel import clock
from kashu.kernel.db import Pool, connect, value
from kashu.server.wiring import context
from kashu.till.app import App
from tests import make

GATEWAY = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def channel(house, ring):
    public = GATEWAY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    name = make.name("lane").lower()
    with connect(house.dsn) as db, db.transaction():
        told = payments.Channel(name, "sandbox", "x", "m-1", "http://127.0.0.1:9", public, b"", True)
        payments.open_channel(db, ring, make.STAFF, told, "private", clock.now())
        closed = payments.Channel(f"{name}-closed", "sandbox", "x", "m-1", "http://127.0.0.1:9", public, b"", False)
        payments.open_channel(db, ring, make.STAFF, closed, "private", clock.now())
    return name


@pytest.fixture(params=["till", "web"])
def lane(request, house, site):  # the fixture above
    """`lane(method, path, headers, body)` answers (status, text)."""
    if request.param == "web":
        from django.test import Client

        browser = Client()

        def ask(method, path, headers, body):
            answer = browser.generic(method, path, body, content_type="application/json", headers=headers)
            return answer.status_code, answer.content.decode()

        yield ask
        return
    pool = Pool(house.dsn)
    app = App(replace(context(house), pool=pool))

    def ask_till(method, path, headers, body):
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as http:
                return await http.request(method, path, headers=headers, content=body)

        answer = asyncio.run(go())
        return answer.status_code, answer.text

    yield ask_till
    pool.close()


def test_a_true_notice_delivers_and_a_repeat_is_a_success_too(lane, channel, house, ring):
    placed = order(house, ring, channel)
    headers, body = signed(placed)
    assert lane("POST", f"/callbacks/{channel}", headers, body) == (200, "success")
    assert lane("POST", f"/callbacks/{channel}", headers, body) == (200, "success")
    assert state(house, placed) == "delivered"


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"path": "/callbacks/nobody"}, (404, "no such channel")),
        ({"path": "-closed"}, (404, "no such channel")),
        ({"path": "/callbacks/%00"}, (404, "no such channel")),
        ({"body": b"{}"}, (401, "bad_signature")),
        ({"headers": {}}, (401, "bad_signature")),
        ({"told": {"amount_fen": "1"}}, (400, "malformed")),
        ({"late": 600}, (401, "stale")),
        ({"body": b"x" * 70_000}, (413, "too large")),
        ({"told": {"amount_fen": 1}}, (200, "success")),
        ({"told": {"trade_no": "ZZ-NOTHING"}}, (200, "success")),
        ({"told": {"merchant": "m-2"}}, (200, "success")),
    ],
)
def test_both_lanes_turn_away_alike_and_deliver_nothing(lane, channel, house, ring, change, answer):
    placed = order(house, ring, channel)
    headers, body = signed(placed, change.get("told", {}), change.get("late", 0))
    path = change.get("path", "")
    path = f"/callbacks/{channel}{path}" if not path.startswith("/") else path
    assert lane("POST", path, change.get("headers", headers), change.get("body", body)) == answer
    assert state(house, placed) == "placed"


def test_a_get_is_no_notice(lane, channel):
    assert lane("GET", f"/callbacks/{channel}", {}, b"")[0] == 405


def test_health_and_metrics_answer_in_both_lanes(lane):
    assert lane("GET", "/healthz", {}, b"") == (200, "ok")
    assert json.loads(lane("GET", "/readyz", {}, b"")[1])["database"] == "ok"
    assert "kashu_delivery_seconds_bucket" in lane("GET", "/metrics", {}, b"")[1]
    assert lane("GET", "/nowhere", {}, b"")[0] == 404


def test_a_rush_of_notices_is_settled_in_batches(house, ring, channel):
    placed = [order(house, ring, channel) for _ in range(24)]
    sent = [signed(one) for one in placed] * 3
    pool = Pool(house.dsn)

    async def rush():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(App(replace(context(house), pool=pool))), base_url="http://till"
        ) as http:
            return await asyncio.gather(
                *(http.post(f"/callbacks/{channel}", headers=headers, content=body) for headers, body in sent)
            )

    answers = asyncio.run(rush())
    pool.close()
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "success")}
    assert {state(house, one) for one in placed} == {"delivered"}


def test_a_database_that_is_gone_is_a_clean_try_again(channel, house, ring):
    placed = order(house, ring, channel)
    headers, body = signed(placed)
    pool = Pool(house.dsn)
    app = App(replace(context(house), pool=pool))

    async def go():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as http:
            await http.get("/healthz")
            pool.close()
            threading.Event().wait(0)
            return await http.post(f"/callbacks/{channel}", headers=headers, content=body)

    answer = asyncio.run(go())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert state(house, placed) == "placed"


def order(house, ring, channel):
    from dataclasses import replace

    with connect(house.dsn) as db, db.transaction():
        asked = replace(make.checkout(db, make.stocked(db, ring, 1)), channel_id=channel)
        [placed] = sales.place(db, ring, [asked], clock.now())
    return placed


def signed(placed, change=None, late=0):
    told = {
        "event_id": make.name("e"), "trade_no": placed.number, "gateway_no": make.name("g"), "amount_fen": placed.total_fen,
        "currency": "CNY", "merchant": "m-1", "paid_at": clock.now().isoformat(), **(change or {}),
    }  # fmt: skip
    body, stamp, nonce = json.dumps(told).encode(), str(int(time.time()) - late), "0123456789abcdef"
    signature = GATEWAY.sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "Sandbox-Timestamp": stamp,
        "Sandbox-Nonce": nonce,
        "Sandbox-Signature": base64.b64encode(signature).decode(),
    }
    return headers, body


def state(house, placed):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [placed.id])
