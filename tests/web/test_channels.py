"""Payment channels and payments at the desk: rights, keys, the live self-test, what an operator sees of a payment."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kashu import payments, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.payments import Channel
from kashu.wire import edge, selftest
from kashu.wire.pay.protocol import GatewayError, Trade, TradeState
from tests import gateways, make

SETTINGS = {
    "title": "一号", "payee": "卡枢商户", "merchant": "1900000001", "app_id": "wx1", "gateway": "https://api.mch.weixin.qq.com",
    "methods": ["h5", "native"], "weight": "3", "amount_fen_min": "0.10", "amount_fen_max": "500", "day_fen_max": "",
    "confirm_fen": "200.00",
}  # fmt: skip


@pytest.fixture
def fresh(staff, house):
    """A new channel without keys, and an owner at the desk."""
    desk, name = staff("owner", is_sure=True), make.name("ch").lower()
    assert desk.post("/console/channels/new", {"id": name, "kind": "wechat"}).status_code == 302
    yield desk, name
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = false WHERE id = %s", [name])


def told(desk, answer):
    return desk.get(answer["Location"]).content.decode()


def channel(house, name) -> Channel:
    with connect(house.dsn) as db:
        return payments.channels(db)[name]


def test_a_channel_is_set_up_keyed_proven_and_opened(fresh, house, monkeypatch):
    desk, name = fresh
    assert "已保存" in told(desk, desk.post(f"/console/channels/{name}/settings", SETTINGS))
    found = channel(house, name)
    assert (found.payee, found.weight, found.amount_fen_max, found.confirm_fen) == ("卡枢商户", 3, 50_000, 20_000)
    assert "密钥齐全后才能启用" in told(desk, desk.post(f"/console/channels/{name}/open"))
    keys = [
        ("sign", "OURS", gateways.pair("merchant")[0]),
        ("verify", "THEIRS", gateways.pair("platform")[1]),
        ("open", "1", "k" * 32),
    ]
    for use, serial, key in keys:
        page = told(desk, desk.post(f"/console/channels/{name}/keys", {"use": use, "serial": serial, "key": key}))
        assert "密钥已添加" in page
        assert key.splitlines()[-1 if len(key) == 32 else 1] not in page
    monkeypatch.setattr(
        selftest,
        "run",
        lambda *_: [
            selftest.Finding("gateway", is_good=True),
            selftest.Finding("callback", is_good=False, detail="403"),
        ],
    )
    assert "回调往返：403" in told(desk, desk.post(f"/console/channels/{name}/open"))
    assert not channel(house, name).is_open
    monkeypatch.setattr(
        selftest,
        "run",
        lambda *_: [selftest.Finding("gateway", is_good=True), selftest.Finding("callback", is_good=True)],
    )
    assert "自检通过" in told(desk, desk.post(f"/console/channels/{name}/test"))
    assert not channel(house, name).is_open
    assert "已启用" in told(desk, desk.post(f"/console/channels/{name}/open"))
    assert channel(house, name).is_open
    with connect(house.dsn) as db:
        trail = value(
            db,
            "SELECT string_agg(verb, ' ') FROM audit_entry WHERE object_kind = 'channel' AND object_id = %s",
            [name],
        )
    assert trail.count("channel.key_added") == 3
    assert "已停用" in told(desk, desk.post(f"/console/channels/{name}/close"))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"use": "sign", "serial": "1", "key": "no key"}, "密钥读不出来"),
        ({"use": "sign", "serial": "1", "key": gateways.pair("platform")[1]}, "密钥读不出来"),
        ({"use": "verify", "serial": "1", "key": gateways.pair("platform")[0]}, "密钥读不出来"),
        ({"use": "open", "serial": "1", "key": "k" * 31}, "密钥读不出来"),
        ({"use": "nothing", "serial": "1", "key": "k" * 32}, "密钥读不出来"),
        ({"use": "open", "serial": "s" * 129, "key": "k" * 32}, "密钥读不出来"),
    ],
)
def test_what_is_no_key_is_refused_and_nothing_is_kept(fresh, house, key, said):
    desk, name = fresh
    assert said in told(desk, desk.post(f"/console/channels/{name}/keys", key))
    assert channel(house, name).keys == ()


def test_a_used_channel_keeps_its_merchant(fresh, house):
    """Payments under way are compared with the channel's numbers: another merchant is another channel."""
    desk, name = fresh
    desk.post(f"/console/channels/{name}/settings", SETTINGS)
    with connect(house.dsn) as db, db.transaction():
        payments.note_health(db, name, clock.now(), "create", "ok", 5)
    assert "不能再改" in told(
        desk, desk.post(f"/console/channels/{name}/settings", {**SETTINGS, "merchant": "1900000002"})
    )
    assert "已保存" in told(desk, desk.post(f"/console/channels/{name}/settings", {**SETTINGS, "weight": "5"}))
    assert (channel(house, name).merchant, channel(house, name).weight) == ("1900000001", 5)


def test_wechat_inside_wechat_needs_the_official_accounts_secret(fresh, house, monkeypatch):
    desk, name = fresh
    desk.post(f"/console/channels/{name}/settings", {**SETTINGS, "methods": ["jsapi"]})
    for use, text in (
        ("sign", gateways.pair("merchant")[0]),
        ("verify", gateways.pair("platform")[1]),
        ("open", "k" * 32),
    ):
        desk.post(f"/console/channels/{name}/keys", {"use": use, "serial": "1", "key": text})
    good = [selftest.Finding("gateway", is_good=True), selftest.Finding("callback", is_good=True)]
    monkeypatch.setattr(selftest, "run", lambda *_: good)
    assert "密钥齐全后才能启用" in told(desk, desk.post(f"/console/channels/{name}/open"))
    desk.post(f"/console/channels/{name}/keys", {"use": "app", "serial": "1", "key": "s" * 32})
    assert "已启用" in told(desk, desk.post(f"/console/channels/{name}/open"))


def test_a_learnt_certificate_does_not_undo_what_an_operator_did(fresh, house, ring):
    """A lost update: the certificate's writer has read the channel before an operator changed it."""
    desk, name = fresh
    desk.post(f"/console/channels/{name}/settings", SETTINGS)
    from kashu.payments import service

    stale, real = channel(house, name), service.store.channels
    desk.post(f"/console/channels/{name}/settings", {**SETTINGS, "weight": "7"})
    service.store.channels = lambda _db: {name: stale}
    try:
        with connect(house.dsn) as db, db.transaction():
            payments.add_key(
                db, ring, make.STAFF, name, payments.NewKey("verify", "NEW", gateways.pair("p9")[1]), clock.now()
            )
    finally:
        service.store.channels = real
    assert (channel(house, name).weight, channel(house, name).verify_serial) == (7, "NEW")


def test_keys_overlap_while_they_are_rotated(fresh, house):
    desk, name = fresh
    for serial in ("one", "two"):
        desk.post(
            f"/console/channels/{name}/keys", {"use": "sign", "serial": serial, "key": gateways.pair("merchant")[0]}
        )
        desk.post(
            f"/console/channels/{name}/keys", {"use": "verify", "serial": serial, "key": gateways.pair("platform")[1]}
        )
    found = channel(house, name)
    assert (found.sign_serial, found.verify_serial) == ("two", "two")
    assert {key.serial for key in found.keys_for("verify", clock.now())} == {"one", "two"}
    before = next(key.sealed for key in channel(house, name).keys if (key.use, key.serial) == ("sign", "two"))
    wrong = {"use": "sign", "serial": "two", "key": gateways.pair("a slip")[0]}
    assert "密钥已添加" in told(desk, desk.post(f"/console/channels/{name}/keys", wrong))  # and mended by the same way
    assert next(key.sealed for key in channel(house, name).keys if (key.use, key.serial) == ("sign", "two")) != before
    assert "已改用这把密钥" in told(
        desk, desk.post(f"/console/channels/{name}/keys/use", {"use": "sign", "serial": "one"})
    )
    assert channel(house, name).sign_serial == "one"
    assert "没有这把密钥" in told(
        desk, desk.post(f"/console/channels/{name}/keys/use", {"use": "sign", "serial": "none"})
    )
    assert "正在使用" in told(desk, desk.post(f"/console/channels/{name}/keys/end", {"use": "verify", "serial": "two"}))
    assert "密钥已停用" in told(
        desk, desk.post(f"/console/channels/{name}/keys/end", {"use": "verify", "serial": "one"})
    )
    assert [key.serial for key in channel(house, name).keys_for("verify", clock.now())] == ["two"]
    assert "没有这把密钥" in told(
        desk, desk.post(f"/console/channels/{name}/keys/end", {"use": "verify", "serial": "none"})
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight": "0"}, {"weight": "1001"}, {"weight": "x"}, {"amount_fen_min": ""}, {"amount_fen_min": "600"},
        {"amount_fen_max": "1.234"}, {"day_fen_max": "0"}, {"gateway": "http://pay.example.com"}, {"gateway": "ftp://x"},
        {"gateway": "https://user:pass@pay.example.com"}, {"confirm_fen": "-1"},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_change_nothing(fresh, house, wrong):
    desk, name = fresh
    before = channel(house, name)
    assert "数据没有改动" in told(desk, desk.post(f"/console/channels/{name}/settings", {**SETTINGS, **wrong}))
    assert channel(house, name) == before


@pytest.mark.parametrize("name", ["x", "A-B", "a b", "a" * 33, "中文", "a/b", ""])
def test_a_name_that_is_no_address_is_refused(staff, name):
    desk = staff("owner", is_sure=True)
    assert "编号为 2 到 32 位" in told(desk, desk.post("/console/channels/new", {"id": name, "kind": "wechat"}))


@pytest.mark.parametrize("role", ["operator", "finance", "support", "auditor"])
def test_only_owners_set_channels(staff, fresh, role):
    _owner, name = fresh
    desk = staff(role, is_sure=True)
    for address in ("new", f"{name}/settings", f"{name}/keys", f"{name}/keys/end", f"{name}/open", f"{name}/close"):
        assert desk.post(f"/console/channels/{address}", {}).status_code == 403
    seen = desk.get(f"/console/channels/{name}").status_code
    assert seen == (200 if role in ("finance", "auditor") else 403)


def test_the_self_test_asks_the_gateway_and_its_own_public_address(fresh, house, monkeypatch):
    """Real HTTP: a merchant's door that answers as ours does, and doors that change a byte or challenge a browser."""
    _desk, name = fresh
    ctx = edge.ctx()

    class Gateway:
        def query(self, _trade_no):
            return Trade(TradeState.MISSING)

    class Door(BaseHTTPRequestHandler):
        how = "true"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            from kashu.wire import callbacks

            if self.how == "changed":
                body = body.replace("卡".encode(), b"?")
            told = callbacks.probe_answer(ctx.ring, name, body)
            if self.how == "challenge":
                told = callbacks.Answer(200, "<html>are you a robot</html>")
            self.send_response(told.status)
            self.end_headers()
            self.wfile.write(told.body.encode())

        def log_message(self, *args):
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    from dataclasses import replace

    ctx = replace(ctx, callback_url=f"http://127.0.0.1:{door.server_port}")
    gateway = Gateway()
    monkeypatch.setattr(type(ctx), "gateway", lambda *_: gateway)
    found = channel(house, name)
    assert [one.is_good for one in selftest.run(ctx, found)] == [True, True]
    for how in ("changed", "challenge"):
        Door.how = how
        assert [one.is_good for one in selftest.run(ctx, found)] == [True, False]

    def down(_self, _trade_no):
        raise GatewayError("no signature")

    Gateway.query = down
    door.shutdown()
    door.server_close()
    assert [one.is_good for one in selftest.run(ctx, found)] == [False, False]


def test_a_payment_is_shown_with_its_notices_and_never_a_card(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1))
        sales.settle(db, [make.notice(placed, body=b'{"raw": "<script>"}')], clock.now())
        sales.settle(db, [make.notice(placed, amount_fen=1)], clock.now())
    desk = staff("finance")
    page = desk.get(f"/console/payments/{placed.pool_id}/{placed.payment_id}").content.decode()
    assert "已入账" in page
    assert "已隔离" in page
    assert "&lt;script&gt;" in page
    assert "KZ7F" not in page
    listed = desk.get("/console/payments?view=paid").content.decode()
    assert placed.number in listed
    assert desk.get("/console/payments?view=nonsense").status_code == 200
    assert desk.get("/console/payments/1/00000000-0000-0000-0000-000000000000").status_code == 404
    assert placed.number in desk.get("/console/payments/quarantine").content.decode()


def test_a_refused_refund_is_seen_and_sent_again(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        placed = make.order(db, ring, make.stocked(db, ring, 1))
        sales.settle(db, [make.notice(placed)], clock.now())
        refund = sales.refund(db, make.STAFF, placed.token, None, "r", clock.now())
        sales.refund_refused(db, refund.pool_id, refund.id, "USER_ACCOUNT_ABNORMAL", clock.now())
    desk = staff("finance")
    page = desk.get("/console/payments/refunds").content.decode()
    assert refund.number in page
    assert "USER_ACCOUNT_ABNORMAL" in page
    address = f"/console/payments/refunds/{refund.pool_id}/{refund.id}/again"
    assert "重新发起" in told(desk, desk.post(address))
    assert "数据没有改动" in told(desk, desk.post(address))
    assert staff("auditor").post(address).status_code == 403


@pytest.mark.parametrize(
    "address", ["/console/channels", "/console/payments", "/console/payments/quarantine", "/console/payments/refunds"]
)
def test_pages_are_for_those_who_may_read_payments(staff, address):
    assert staff("auditor").get(address).status_code == 200
    assert staff("operator").get(address).status_code == 403
    assert re.search(r"<h1[^>]*>", staff("owner").get(address).content.decode())
