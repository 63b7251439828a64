"""The sandbox: a payment channel (gateway, pay page, notices), a supplier of top-ups, a box where messages can be read.

python -m sandbox.app PORT FOLDER
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox import keys, pages
from sandbox.messages.box import SmsVendors
from sandbox.store import Store
from sandbox.supply import Supply

log = logging.getLogger("sandbox")
MERCHANT_ID = "sandbox-merchant-1"
NOTIFY_GAPS_SECONDS = (0, 1, 2, 4, 8, 15, 30, 60, 180, 600)
WINDOW_SECONDS = 300
Answer = tuple[int, bytes, dict[str, str]]


class Sandbox:
    """One gateway with one merchant. Trades survive a restart; notices go on where they were."""

    def __init__(self, port: int, folder: Path) -> None:
        keys.make(folder)
        self._base = f"http://127.0.0.1:{port}"
        self._store = Store(folder / "sandbox.sqlite")
        gateway = load_pem_private_key((folder / "gateway.pem").read_bytes(), None)
        merchant = load_pem_public_key((folder / "merchant.pub").read_bytes())
        assert isinstance(gateway, rsa.RSAPrivateKey)
        assert isinstance(merchant, rsa.RSAPublicKey)
        self._gateway, self._merchant = gateway, merchant
        self._supply = Supply(self._store, folder)
        self.sms = SmsVendors(self._store)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode().lower(): text.decode() for name, text in scope["headers"]}
        if scope["path"].startswith("/sms/"):
            query = scope["query_string"].decode()
            status, content, extra = await self.sms.serve(scope["method"], scope["path"], query, headers, body)
        else:
            status, content, extra = self._route(scope["method"], scope["path"], headers, body)
        raw = [(name.encode(), text.encode()) for name, text in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def _route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path.startswith("/gateway/v1/") and method == "POST":
            return self._gateway_call(path, headers, body)
        if path.startswith("/supply/v1/orders") and method == "POST":
            return self._supply.serve(path, headers, body)
        if path.startswith("/pay/"):
            return self._pay(method, path.removeprefix("/pay/"), body)
        if path == "/messages" and method == "POST":
            told = json.loads(body)
            now = datetime.now(UTC).isoformat()
            self._store.run(
                "INSERT INTO message (sent_at, phone, body) VALUES (?, ?, ?)", now, told["phone"], told["body"]
            )
            return 200, b"{}", {"content-type": "application/json"}
        if path == "/messages":
            found = self._store.rows("SELECT * FROM message ORDER BY id DESC LIMIT 50")
            return _page(pages.messages(found))
        if path in ("/", "/healthz"):
            return 200, b"ok", {"content-type": "text/plain"}
        return 404, b"not found", {"content-type": "text/plain"}

    def _gateway_call(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        stamp, nonce = headers.get("sandbox-timestamp", ""), headers.get("sandbox-nonce", "")
        signed = f"POST\n{path}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        try:
            signature = base64.b64decode(headers.get("sandbox-signature", ""))
            self._merchant.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            if abs(time.time() - int(stamp)) > WINDOW_SECONDS:
                return self._signed(401, {"error": "stale"})
            told = json.loads(body)
        except (InvalidSignature, ValueError):
            return self._signed(401, {"error": "bad signature"})
        if told.get("merchant") != MERCHANT_ID:
            return self._signed(403, {"error": "unknown merchant"})
        do = {
            "/gateway/v1/trades": self._create,
            "/gateway/v1/trades/query": self._query,
            "/gateway/v1/trades/close": self._close,
            "/gateway/v1/refunds": self._refund,
        }.get(path)
        return self._signed(404, {"error": "no such call"}) if do is None else do(told)

    def _create(self, told: dict[str, Any]) -> Answer:
        found = self._store.one(
            "SELECT * FROM trade WHERE merchant = ? AND trade_no = ?", MERCHANT_ID, told["trade_no"]
        )
        if found is None:
            trade_id = secrets.token_urlsafe(12)
            names = ("trade_no", "amount_fen", "currency", "subject", "notify_url", "return_url", "expires_at")
            sql = f"INSERT INTO trade (id, merchant, state, {', '.join(names)}) VALUES (?, ?, 'PENDING', ?, ?, ?, ?, ?, ?, ?)"
            self._store.run(sql, trade_id, MERCHANT_ID, *(told[name] for name in names))
        elif found["amount_fen"] != told["amount_fen"]:
            return self._signed(409, {"error": "the trade exists with another amount"})
        else:
            trade_id = found["id"]
        return self._signed(200, {"pay_url": f"{self._base}/pay/{trade_id}"})

    def _query(self, told: dict[str, Any]) -> Answer:
        found = self._store.one(
            "SELECT * FROM trade WHERE merchant = ? AND trade_no = ?", MERCHANT_ID, told["trade_no"]
        )
        return self._signed(200, {"state": "UNKNOWN"} if found is None else self._told(found))

    def _close(self, told: dict[str, Any]) -> Answer:
        sql = "UPDATE trade SET state = 'CLOSED' WHERE merchant = ? AND trade_no = ? AND state = 'PENDING'"
        self._store.run(sql, MERCHANT_ID, told["trade_no"])
        return self._query(told)

    def _refund(self, told: dict[str, Any]) -> Answer:
        refund_id, gateway_no, amount = told["refund_id"], told["gateway_no"], told["amount_fen"]
        if self._store.one("SELECT id FROM refund WHERE id = ?", refund_id) is not None:
            return self._signed(200, {"state": "DONE", "fund_change": False})
        trade = self._store.one("SELECT amount_fen FROM trade WHERE gateway_no = ?", gateway_no)
        sent = self._store.one(
            "SELECT coalesce(sum(amount_fen), 0) AS fen FROM refund WHERE gateway_no = ?", gateway_no
        )
        if trade is None or sent is None or sent["fen"] + amount > trade["amount_fen"]:
            return self._signed(409, {"error": "more than was paid"})
        self._store.run(
            "INSERT INTO refund (id, gateway_no, amount_fen, state) VALUES (?, ?, ?, 'DONE')",
            refund_id,
            gateway_no,
            amount,
        )
        return self._signed(200, {"state": "DONE", "fund_change": True})

    def _pay(self, method: str, trade_id: str, body: bytes) -> Answer:
        found = self._store.one("SELECT * FROM trade WHERE id = ?", trade_id)
        if found is None:
            return 404, "没有这笔交易".encode(), {"content-type": "text/plain; charset=utf-8"}
        if method == "POST":
            outcome = parse_qs(body.decode()).get("outcome", ["later"])[0]
            if outcome == "success":
                self._paid(found)
            return 303, b"", {"location": found["return_url"]}
        expired = datetime.fromisoformat(found["expires_at"]) < datetime.now(UTC)
        return _page(pages.pay(found, expired=expired))

    def _paid(self, trade: dict[str, Any]) -> None:
        if datetime.fromisoformat(trade["expires_at"]) < datetime.now(UTC):
            return
        sql = "UPDATE trade SET state = 'PAID', gateway_no = ?, event_id = ?, paid_at = ? WHERE id = ? AND state = 'PENDING'"
        now = datetime.now(UTC).isoformat()
        if self._store.run(sql, f"SBX{secrets.token_hex(10)}", secrets.token_hex(12), now, trade["id"]):
            self._start_notice(trade["id"])

    def _start_notice(self, trade_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._notify(trade_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self, trade_id: str) -> None:
        """Tell the merchant until it says `success`, as real gateways do."""
        for gap in NOTIFY_GAPS_SECONDS:
            await asyncio.sleep(gap)
            trade = self._store.one("SELECT * FROM trade WHERE id = ?", trade_id)
            assert trade is not None
            body = json.dumps(self._told(trade)).encode()
            try:
                async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
                    answer = await http.post(trade["notify_url"], content=body, headers=self._stamp(body))
            except httpx.HTTPError as error:
                log.warning("notice not delivered: %s", type(error).__name__)
                continue
            if answer.status_code == 200 and answer.text.strip() == "success":
                self._store.run("UPDATE trade SET notified = 1 WHERE id = ?", trade_id)
                return

    def _told(self, trade: dict[str, Any]) -> dict[str, Any]:
        names = ("event_id", "trade_no", "gateway_no", "amount_fen", "currency", "merchant", "paid_at", "state")
        return {name: trade[name] for name in names}

    def _signed(self, status: int, told: dict[str, Any]) -> Answer:
        body = json.dumps(told).encode()
        return status, body, {"content-type": "application/json", **self._stamp(body)}

    def _stamp(self, body: bytes) -> dict[str, str]:
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        signed = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode(self._gateway.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
        return {"sandbox-timestamp": stamp, "sandbox-nonce": nonce, "sandbox-signature": signature}

    async def _lifespan(
        self,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        await receive()
        for trade in self._store.rows("SELECT id FROM trade WHERE state = 'PAID' AND notified = 0"):
            self._start_notice(trade["id"])
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self._tasks:
            task.cancel()
        await send({"type": "lifespan.shutdown.complete"})


def _page(body: str) -> Answer:
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
    }
    return 200, body.encode(), headers


def main(port: int, folder: Path, host: str = "127.0.0.1") -> None:
    logging.basicConfig(level=logging.INFO)
    uvicorn.run(Sandbox(port, folder), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
