"""The sandbox: payment channels, a supplier of top-ups, a registry of companies, a box where messages can be read.

python -m sandbox.app PORT FOLDER
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from sandbox import keys, pages
from sandbox.attestation import Attestor
from sandbox.messages.box import SmsVendors
from sandbox.pay.hub import HALF, Hub
from sandbox.registry import Registry
from sandbox.store import Store
from sandbox.supply import Supply

Answer = tuple[int, bytes, dict[str, str]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Sandbox:
    """Everything of the world outside at one address."""

    def __init__(self, port: int, folder: Path) -> None:
        keys.make(folder)
        self._store = Store(folder / "sandbox.sqlite")
        self._supply = Supply(self._store, folder)
        self._attestor = Attestor(self._store, folder)
        self.registry = Registry(folder)
        self.sms = SmsVendors(self._store)
        self.pay = Hub(self._store, folder, f"http://127.0.0.1:{port}")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode().lower(): text.decode("latin-1") for name, text in scope["headers"]}
        if self.pay.serves(scope["path"]):
            query = scope["query_string"].decode("latin-1")
            status, content, extra = await self.pay.serve(scope["method"], scope["path"], query, headers, body)
        elif scope["path"].startswith("/sms/"):
            query = scope["query_string"].decode()
            status, content, extra = await self.sms.serve(scope["method"], scope["path"], query, headers, body)
        elif scope["path"].startswith("/registry/v1/"):  # it may take seconds, and nobody else waits for it
            status, content, extra = await asyncio.to_thread(self.registry.serve, scope["path"], headers, body)
        else:
            status, content, extra = self._route(scope["method"], scope["path"], headers, body)
        if status in (0, HALF):  # a line that is cut: more is promised than comes
            extra = {**extra, "content-length": str(len(content) + 100)}
        raw = [(name.encode(), text.encode()) for name, text in extra.items()]
        await send({"type": "http.response.start", "status": 200 if status in (0, HALF) else status, "headers": raw})
        if status in (0, HALF):
            if content:
                await send({"type": "http.response.body", "body": content, "more_body": True})
            return
        await send({"type": "http.response.body", "body": content})

    def _route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path.startswith("/supply/v1/") and method == "POST":
            return self._supply.serve(path, headers, body)
        if path == "/attestation/v1/events" and method == "POST":
            return self._attestor.serve(path, headers, body)
        if path == "/messages" and method == "POST":
            told = json.loads(body)
            now = datetime.now(UTC).isoformat()
            self._store.run(
                "INSERT INTO message (sent_at, phone, body) VALUES (?, ?, ?)", now, told["phone"], told["body"]
            )
            return 200, b"{}", {"content-type": "application/json"}
        if path == "/messages":
            return _page(pages.messages(self._store.rows("SELECT * FROM message ORDER BY id DESC LIMIT 50")))
        if path in ("/", "/healthz"):
            return 200, b"ok", {"content-type": "text/plain"}
        return 404, b"not found", {"content-type": "text/plain"}

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.pay.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pay.stop()
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
