"""A running sandbox with a merchant's end that collects what it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from kashu.kernel.seal import Keyring
from kashu.payments import Channel, Key, Method
from kashu.server.demo import SANDBOX_CHANNELS
from kashu.wire import pay
from kashu.wire.pay.protocol import Ask, PaymentChannel
from sandbox.app import Sandbox
from tests.listening import listening
from tests.ports import free_port

RING = Keyring.new()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    url: str
    folder: Path
    notify_url: str
    http: httpx.Client
    notices: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)  # what the merchant says next; success once it is empty
    learnt: list[tuple[str, str]] = field(default_factory=list)

    def channel(self, kind: str, **changed: Any) -> Channel:
        [told] = [one for one in SANDBOX_CHANNELS if one[0] == kind]
        _, gateway, merchant, app, ours, theirs, _methods = told
        keys = [
            Key(kind, "sign", ours, "", self._sealed(kind, f"{kind}-merchant.pem"), LONG_AGO, None),
            Key(kind, "verify", theirs, (self.folder / f"{kind}-platform.pub").read_text(), b"", LONG_AGO, None),
        ]
        if kind != "alipay":
            keys.append(Key(kind, "open", "1", "", self._sealed(kind, f"{kind}.open"), LONG_AGO, None))
        if kind == "wechat":
            keys.append(Key(kind, "app", "1", "", self._sealed(kind, "wechat.app"), LONG_AGO, None))
        found = Channel(
            kind, kind, "沙箱", "商户", merchant, app, self.url + gateway, list(Method), 1, 1, 10**9, None, None, ours, theirs,
            True, tuple(keys),
        )  # fmt: skip
        return replace(found, **changed)

    def adapter(self, kind: str, **changed: Any) -> PaymentChannel:
        return pay.adapter(self.channel(kind, **changed), RING, self.http, self.learnt.extend)

    def fault(self, kind: str, **told: Any) -> None:
        answer = self.http.put(f"{self.url}/pay/admin/api/faults/{kind}", json=told)
        assert answer.status_code == 200, answer.text

    def pay(self, trade_no: str, *, late: bool = False) -> bool:
        [trade] = [one for one in self.trades() if one["trade_no"].replace("_", "-") == trade_no]
        how = "pay_late" if late else "pay"
        return bool(self.http.post(f"{self.url}/pay/admin/api/trades/{trade['id']}/{how}").json()["done"])

    def trades(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"{self.url}/pay/admin/api/trades").json()
        return found

    def ask(self, trade_no: str, amount_fen: int = 3_990, method: Method = Method.NATIVE, **changed: Any) -> Ask:
        expires_at = datetime.now(UTC) + timedelta(minutes=5)
        told = Ask(trade_no, amount_fen, "卡枢订单 & 更多", method, self.notify_url, "http://127.0.0.1:9/back", expires_at,
                   "1.2.3.4", "openid-1")  # fmt: skip
        return replace(told, **changed)

    def _sealed(self, kind: str, name: str) -> bytes:
        return RING.seal_personal((self.folder / name).read_text(), f"channel {kind}")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    notices: list[tuple[dict[str, str], bytes]] = []
    answers: list[bytes] = []

    class Merchant(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            notices.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop(0) if answers else b"success")

        def log_message(self, *args: object) -> None:
            pass

    merchant = ThreadingHTTPServer(("127.0.0.1", 0), Merchant)
    threading.Thread(target=merchant.serve_forever, daemon=True).start()
    app = Sandbox(port, folder)
    with listening(app, port, log_level="critical") as url, httpx.Client(trust_env=False) as http:
        notify_url = f"http://127.0.0.1:{merchant.server_port}/callbacks/x"
        yield World(url, folder, notify_url, http, notices, answers)
    merchant.shutdown()
    merchant.server_close()


def wait_for(is_true: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
