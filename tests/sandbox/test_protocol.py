"""The payment protocol against its twin: the sandbox over real HTTP, and notices forged in every way."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kashu.payments import Channel, Notice
from kashu.wire.sandboxpay import Gateway, GatewayError, NoticeRefusal, TradeState, parse_notice
from sandbox.app import Sandbox
from tests.ports import free_port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A running sandbox, its folder, and a merchant's end that collects notices."""
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    app = Sandbox(port, folder)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    notices = []

    class Merchant(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            notices.append(({name.lower(): text for name, text in self.headers.items()}, body))
            told = b"success" if len(notices) > 1 else b"not yet"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *args):
            pass

    merchant = ThreadingHTTPServer(("127.0.0.1", 0), Merchant)
    threading.Thread(target=merchant.serve_forever, daemon=True).start()
    while not server.started:
        time.sleep(0.02)
    channel = Channel(
        "sandbox",
        "sandbox",
        "沙箱",
        "sandbox-merchant-1",
        f"http://127.0.0.1:{port}",
        (folder / "gateway.pub").read_text(),
        b"x",
        True,
    )
    with httpx.Client(trust_env=False) as http:
        gateway = Gateway(channel, (folder / "merchant.pem").read_text(), http)
        yield gateway, channel, notices, f"http://127.0.0.1:{merchant.server_port}/callbacks/sandbox", folder, http
    merchant.shutdown()
    merchant.server_close()
    server.should_exit = True
    thread.join()


def test_a_trade_is_created_paid_told_of_and_refunded(sandbox):
    gateway, channel, notices, notify_url, _folder, http = sandbox
    expires_at = datetime.now(UTC) + timedelta(minutes=5)
    url = gateway.create("1A-T1", 3_990, "订单", (notify_url, "http://127.0.0.1:9/back"), expires_at)

    assert gateway.create("1A-T1", 3_990, "订单", (notify_url, "http://127.0.0.1:9/back"), expires_at) == url
    with pytest.raises(GatewayError):
        gateway.create("1A-T1", 1, "订单", (notify_url, ""), expires_at)
    assert "¥39.90" in http.get(url).text
    assert gateway.query("1A-T1").state is TradeState.PENDING
    http.post(url, data={"outcome": "success"})
    found = gateway.query("1A-T1")
    assert found.state is TradeState.PAID
    assert (found.notice.amount_fen, found.notice.trade_no, found.notice.source) == (3_990, "1A-T1", "query")
    wait_for(lambda: len(notices) >= 2)  # the first was answered otherwise, so it came again
    one, two = (parse_notice(channel, headers, body, datetime.now(UTC)) for headers, body in notices[:2])
    assert isinstance(one, Notice)
    assert (one.event_id, one.gateway_no) == (two.event_id, found.notice.gateway_no)
    assert gateway.close("1A-T1").state is TradeState.PAID
    assert gateway.refund("r1", one.gateway_no, 3_000)
    assert gateway.refund("r1", one.gateway_no, 3_000)
    with pytest.raises(GatewayError):
        gateway.refund("r2", one.gateway_no, 1_000)


def test_a_closed_or_expired_trade_takes_no_money(sandbox):
    gateway, _channel, _notices, notify_url, _folder, http = sandbox
    for number, expires_at in (
        ("1A-C", datetime.now(UTC) + timedelta(minutes=5)),
        ("1A-E", datetime.now(UTC) - timedelta(seconds=1)),
    ):
        url = gateway.create(number, 100, "x", (notify_url, "http://127.0.0.1:9/"), expires_at)
        if number == "1A-C":
            assert gateway.close(number).state is TradeState.CLOSED
        http.post(url, data={"outcome": "success"})
        assert gateway.query(number).state is not TradeState.PAID
    assert gateway.query("1A-NEVER").state is TradeState.UNKNOWN


def test_an_answer_from_somebody_else_is_no_answer(sandbox):
    _gateway, channel, _notices, _url, folder, http = sandbox
    other = rsa.generate_private_key(65537, 2048).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    wrong = replace(channel, public_key=other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    with pytest.raises(GatewayError, match="not signed"):
        Gateway(wrong, (folder / "merchant.pem").read_text(), http).query("1A-T1")
    with pytest.raises(GatewayError):
        Gateway(replace(channel, gateway="http://127.0.0.1:9"), (folder / "merchant.pem").read_text(), http).query(
            "1A-T1"
        )


TOLD = {
    "event_id": "e1", "trade_no": "1A-X", "gateway_no": "g1", "amount_fen": 100, "currency": "CNY",
    "merchant": "sandbox-merchant-1", "paid_at": "2026-11-22T00:00:00+00:00", "state": "PAID",
}  # fmt: skip


def test_a_true_notice_is_read(sandbox):
    assert isinstance(parse_notice(sandbox[1], *signed(sandbox, TOLD), datetime.now(UTC)), Notice)


@pytest.mark.parametrize(
    "forge",
    [
        lambda h, b: (h, b + b" "),
        lambda h, b: (h, b.replace(b"100", b"999")),
        lambda h, b: ({**h, "sandbox-signature": ""}, b),
        lambda h, b: ({**h, "sandbox-signature": "not base64!"}, b),
        lambda h, b: ({**h, "sandbox-signature": base64.b64encode(b"x" * 256).decode()}, b),
        lambda h, b: ({**h, "sandbox-timestamp": str(int(h["sandbox-timestamp"]) + 1)}, b),
        lambda h, b: ({**h, "sandbox-timestamp": "١٢٣"}, b),
        lambda h, b: ({**h, "sandbox-timestamp": "9" * 400}, b),
        lambda h, b: ({**h, "sandbox-nonce": "another-nonce-of-ours"}, b),
        lambda h, b: ({}, b),
    ],
)
def test_a_forged_notice_is_refused(sandbox, forge):
    headers, body = forge(*signed(sandbox, TOLD))
    assert parse_notice(sandbox[1], headers, body, datetime.now(UTC)) is NoticeRefusal.BAD_SIGNATURE


@pytest.mark.parametrize("seconds", [301, -301])
def test_a_genuine_notice_out_of_its_window_is_refused(sandbox, seconds):
    headers, body = signed(sandbox, TOLD)
    assert (
        parse_notice(sandbox[1], headers, body, datetime.now(UTC) + timedelta(seconds=seconds)) is NoticeRefusal.STALE
    )


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": 1.5}, {"amount_fen": True}, {"amount_fen": "100"}, {"amount_fen": 0}, {"amount_fen": 2**63},
        {"trade_no": ""}, {"trade_no": "x" * 129}, {"trade_no": "a\x00b"}, {"event_id": None},
        {"paid_at": "yesterday"}, {"paid_at": "2026-11-22T00:00:00"}, {"paid_at": 5},
    ],
)  # fmt: skip
def test_a_signed_notice_that_makes_no_sense_is_malformed(sandbox, change):
    assert parse_notice(sandbox[1], *signed(sandbox, {**TOLD, **change}), datetime.now(UTC)) is NoticeRefusal.MALFORMED


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 5_000])
def test_a_signed_body_that_is_no_notice_is_malformed(sandbox, body):
    assert parse_notice(sandbox[1], *signed_raw(sandbox, body), datetime.now(UTC)) is NoticeRefusal.MALFORMED


def signed(sandbox, told):
    return signed_raw(sandbox, json.dumps(told).encode())


def signed_raw(sandbox, body):
    key = load_pem_private_key((sandbox[4] / "gateway.pem").read_bytes(), None)
    stamp, nonce = str(int(time.time())), "0123456789abcdef"
    signature = key.sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
    return {
        "sandbox-timestamp": stamp,
        "sandbox-nonce": nonce,
        "sandbox-signature": base64.b64encode(signature).decode(),
    }, body


def wait_for(is_true, seconds=10):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
