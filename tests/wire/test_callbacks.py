"""One contract, two lanes, three channels: a payment notice is answered alike wherever it knocks."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from kashu import sales
from kashu.kernel import clock
from kashu.kernel.db import Pool, connect, value
from kashu.server.wiring import context
from kashu.till.app import App
from kashu.wire import callbacks
from tests import gateways, make

KINDS = ("douyin", "wechat", "alipay")
SUCCESS = {"alipay": "success"}
TAKEN = {kind: (200, SUCCESS.get(kind, '{"code": "SUCCESS", "message": "OK"}')) for kind in KINDS}


@pytest.fixture(scope="module", params=KINDS)
def kind(request, house):
    with connect(house.dsn) as db, db.transaction():
        make.channel(db, f"lane-{request.param}", request.param)
        make.channel(db, f"closed-{request.param}", request.param, is_open=False)
        make.channel(db, f"careful-{request.param}", request.param, confirm_fen=100_000, weight=1)
        db.execute("UPDATE payments_channel SET is_open = false WHERE id LIKE 'careful-%'")
    return request.param


@pytest.fixture(params=["till", "web"])
def lane(request, house, site):
    """`lane(method, path, headers, body)` answers (status, text)."""
    if request.param == "web":
        from django.test import Client

        browser = Client()

        def ask(method, path, headers, body):
            content_type = headers.get("content-type", "application/json")
            rest = {name: text for name, text in headers.items() if name != "content-type"}
            answer = browser.generic(method, path, body, content_type=content_type, headers=rest)
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


def test_a_true_notice_delivers_and_a_repeat_is_a_success_too(lane, kind, house, ring):
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen)
    assert lane("POST", f"/callbacks/{placed.channel_id}", headers, body) == TAKEN[kind]
    assert lane("POST", f"/callbacks/{placed.channel_id}", headers, body) == TAKEN[kind]
    assert state(house, placed) == "delivered"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "/callbacks/nobody"}, 404),
        ({"path": "/callbacks/%00"}, 404),
        ({"how": {"key": "forger"}}, 401),
        ({"body": b"{}"}, None),
        ({"body": b"x" * 70_000}, 413),
        ({"body": b"\xff\xfe"}, None),
        ({"told": {"amount_fen": "1.234"}}, 400),
        ({"told": {"paid_at": "yesterday"}}, 400),
        ({"told": {"amount_fen": 1}}, 200),
        ({"told": {"trade_no": "ZZ-NOTHING"}}, 200),
        ({"told": {"merchant": "m-2"}}, 200),
        ({"told": {"app": "another-app"}}, 200),
        ({"told": {"state": "CLOSED"}}, 200),
    ],
)
def test_every_lane_and_channel_turns_away_alike_and_delivers_nothing(lane, kind, house, ring, change, status):
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen, change.get("told"), **change.get("how", {}))
    path = change.get("path", f"/callbacks/{placed.channel_id}")
    found = lane("POST", path, headers, change.get("body", body))
    assert found[0] == status or (status is None and found[0] in (400, 401)), found
    if status != 200:
        assert found[1] not in {text for _, text in TAKEN.values()}
    assert state(house, placed) == "placed"


@pytest.mark.parametrize(
    "how",
    [
        {"late": 3_600 * 25},
        {"late": -3_600 * 25},
        {"serial": "nobody"},
        {"serial": ""},
        {"open": "x" * 32},
        {"body": b"[]"},
        {"body": b"[" * 9_000},
    ],
)
@pytest.mark.parametrize(
    "kind", ["douyin", "wechat"], indirect=True
)  # Alipay's have neither serial, window nor envelope
def test_what_serials_windows_and_envelopes_refuse(lane, kind, house, ring, how):
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen, **how)
    assert lane("POST", f"/callbacks/{placed.channel_id}", headers, body)[0] in (400, 401)
    assert state(house, placed) == "placed"


def test_an_old_notice_of_douyin_is_taken_and_one_of_wechat_is_not(lane, kind, house, ring):
    """E.2: Douyin repeats an old notice under its old timestamp; WeChat's window is five minutes."""
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen, late=600)
    told = lane("POST", f"/callbacks/{placed.channel_id}", headers, body)
    assert told[0] == (401 if kind == "wechat" else 200)


def test_a_notice_of_another_channel_is_no_notice_here(lane, kind, house, ring):
    """An order belongs to one instance: the same notice at another instance's door is an unknown trade."""
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen)
    assert lane("POST", f"/callbacks/careful-{kind}", headers, body) == TAKEN[kind]
    assert state(house, placed) == "placed"
    with connect(house.dsn) as db:
        sql = "SELECT verdict, detail FROM payments_event WHERE channel_id = %s AND body = %s"
        assert db.execute(sql, [f"careful-{kind}", body]).fetchall() == [("quarantined", "unknown trade")]


def test_a_closed_channel_still_takes_what_was_paid_through_it(lane, kind, house, ring):
    placed = order(house, ring, kind)
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = false WHERE id = %s", [placed.channel_id])
    headers, body = gateways.notice(kind, placed.number, placed.total_fen)
    assert lane("POST", f"/callbacks/{placed.channel_id}", headers, body) == TAKEN[kind]
    assert state(house, placed) == "delivered"
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = true WHERE id = %s", [placed.channel_id])


def test_a_large_amount_waits_for_the_gateways_own_word(lane, kind, house, ring):
    """§3.3: query the gateway before the first delivery of value above a threshold."""
    with connect(house.dsn) as db, db.transaction():
        sql = "SELECT coalesce(array_agg(id), '{}') FROM payments_channel WHERE is_open AND kind = %s"
        open_now = value(db, sql, [kind])
        db.execute("UPDATE payments_channel SET is_open = id = %s WHERE kind = %s", [f"careful-{kind}", kind])
    try:
        placed = order(house, ring, kind, price_fen=100_000)
        headers, body = gateways.notice(kind, placed.number, 100_000)
        assert lane("POST", f"/callbacks/{placed.channel_id}", headers, body) == TAKEN[kind]
        assert state(house, placed) == "placed"
        with connect(house.dsn) as db, db.transaction():
            sql = "SELECT count(*) FROM outbox WHERE topic = 'payment.confirm' AND body->>'payment_id' = %s"
            assert value(db, sql, [str(placed.payment_id)]) == 1
            sales.settle(db, [make.notice(placed, source="query")], clock.now())
        assert state(house, placed) == "delivered"
    finally:
        with connect(house.dsn) as db, db.transaction():
            db.execute("UPDATE payments_channel SET is_open = id = ANY (%s) WHERE kind = %s", [open_now, kind])


def test_two_instances_of_one_key_do_not_share_notices_of_two_trades(lane, kind, house, ring):
    """One gateway number told of two trades: the second is false, whatever its signature."""
    one, two = order(house, ring, kind), order(house, ring, kind)
    for placed in (one, two):
        headers, body = gateways.notice(kind, placed.number, placed.total_fen, {"gateway_no": f"same-{one.number}"})
        path = f"/callbacks/{placed.channel_id}"
        assert lane("POST", path, headers, body) == TAKEN[kind]
    told = {state(house, one), state(house, two)}
    assert told == ({"delivered", "placed"} if one.channel_id == two.channel_id else {"delivered"})


def test_a_get_is_no_notice(lane, kind):
    assert lane("GET", f"/callbacks/lane-{kind}", {}, b"")[0] == 405


def test_a_probe_of_our_own_comes_back_and_nobody_elses(lane, kind, house):
    ring = house.ring
    body = callbacks.probe(ring, f"lane-{kind}", "n" * 32)
    status, told = lane("POST", f"/callbacks/lane-{kind}", {"content-type": callbacks.PROBE}, body)
    assert status == 200
    assert callbacks.is_back(ring, f"lane-{kind}", "n" * 32, told)
    for wrong in (body + b"x", body.replace(b"n", b"m", 1), b"\n", b"\xff", b"\n\n"):
        assert lane("POST", f"/callbacks/lane-{kind}", {"content-type": callbacks.PROBE}, wrong)[0] == 404
    assert lane("POST", "/callbacks/nobody", {"content-type": callbacks.PROBE}, body)[0] == 404


def test_health_and_metrics_answer_in_both_lanes(lane):
    assert lane("GET", "/healthz", {}, b"") == (200, "ok")
    assert json.loads(lane("GET", "/readyz", {}, b"")[1])["database"] == "ok"
    assert "kashu_delivery_seconds_bucket" in lane("GET", "/metrics", {}, b"")[1]
    assert lane("GET", "/nowhere", {}, b"")[0] == 404


def test_a_rush_of_notices_is_settled_in_batches(house, ring, kind):
    placed = [order(house, ring, kind) for _ in range(24)]
    sent = [(one.channel_id, gateways.notice(kind, one.number, one.total_fen)) for one in placed] * 3
    pool = Pool(house.dsn)

    async def rush():
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(App(replace(context(house), pool=pool))), base_url="http://till"
        ) as http:
            return await asyncio.gather(
                *(http.post(f"/callbacks/{to}", headers=told[0], content=told[1]) for to, told in sent)
            )

    answers = asyncio.run(rush())
    pool.close()
    assert {(answer.status_code, answer.text) for answer in answers} == {TAKEN[kind]}
    assert {state(house, one) for one in placed} == {"delivered"}


def test_a_database_that_is_gone_is_a_clean_try_again(house, ring, kind):
    placed = order(house, ring, kind)
    headers, body = gateways.notice(kind, placed.number, placed.total_fen)
    pool = Pool(house.dsn)
    app = App(replace(context(house), pool=pool))

    async def go():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as http:
            await http.get("/healthz")
            pool.close()
            threading.Event().wait(0)
            return await http.post(f"/callbacks/{placed.channel_id}", headers=headers, content=body)

    answer = asyncio.run(go())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert state(house, placed) == "placed"


def test_what_one_channel_took_today_is_counted(house, ring, kind):
    placed = order(house, ring, kind)
    with connect(house.dsn) as db, db.transaction():
        sql = "SELECT coalesce(sum(amount_fen), 0) FROM payments_taken WHERE channel_id = %s AND day = %s"
        told = [placed.channel_id, clock.biz_date(datetime.now(UTC))]
        before = value(db, sql, told)
        notice = make.notice(placed)
        sales.settle(db, [notice, notice], clock.now())
        assert value(db, sql, told) - before == placed.total_fen


def order(house, ring, kind, **told):
    with connect(house.dsn) as db, db.transaction():
        asked = make.checkout(db, make.stocked(db, ring, 1, **told), pay=kind)
        [placed] = sales.place(db, ring, [asked], clock.now())
        assert isinstance(placed, sales.Placed), placed
    return placed


def state(house, placed):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [placed.id])
