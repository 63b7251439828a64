"""The till's addresses, as a raw ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import psycopg
import psycopg_pool

from kashu.kernel import clock
from kashu.kernel.db import Pool
from kashu.payments import Channel, Notice, Verdict
from kashu.till.batching import Batcher, BrokenError, TillIsFullError
from kashu.wire import callbacks, health, metrics
from kashu.wire.callbacks import Answer
from kashu.wire.sandboxpay import BODY_BYTES_MAX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CHANNELS_SECONDS = 5  # how long a change of a channel may take to be seen here
BODY_SECONDS = 10


class App:
    """Callbacks in batches, health, metrics. Everything else is not here."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._notices: Batcher[Notice, Verdict] = Batcher(self._settle_all)
        self._channels: dict[str, Channel] = {}
        self._channels_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            status, body, content_type = await self._route(scope, receive)
            headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
            if status in (429, 503):
                headers.append((b"retry-after", b"2"))
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _route(self, scope: Scope, receive: Receive) -> tuple[int, bytes, str]:
        path, method = scope["path"], scope["method"]
        if path.startswith("/callbacks/"):
            if method != "POST":
                return _text(405, "POST only")
            found = await self._callback(path.removeprefix("/callbacks/"), scope, receive)
            return _text(found.status, found.body)
        if path == "/healthz":
            return _text(200, "ok")
        if path == "/readyz":
            is_ready, told = await asyncio.to_thread(health.ready, self._pool, clock.now())
            return (200 if is_ready else 503), json.dumps(told).encode(), "application/json"
        if path == "/metrics":
            page, content_type = metrics.page()
            return 200, page, content_type
        return _text(404, "not found")

    async def _callback(self, channel_id: str, scope: Scope, receive: Receive) -> Answer:
        body = await _body(receive)
        if body is None:
            return Answer(413, "too large")
        try:
            channel = (await self._open_channels()).get(channel_id)
            headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]}
            found = callbacks.read(channel, headers, body, clock.now())
            if isinstance(found, Answer):
                return found
            return callbacks.answer(await self._notices.do(found))
        except TillIsFullError:
            return Answer(429, "busy")
        except (BrokenError, psycopg.Error, psycopg_pool.PoolTimeout):
            return Answer(503, "try again")  # the gateway sends it again; nothing was half done

    async def _open_channels(self) -> dict[str, Channel]:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._channels_until:
            self._channels = await asyncio.to_thread(self._read_channels)
            self._channels_until = loop.time() + CHANNELS_SECONDS
        return self._channels

    def _read_channels(self) -> dict[str, Channel]:
        with self._pool.transaction() as db:
            return callbacks.channels(db)

    def _settle_all(self, notices: Sequence[Notice]) -> list[Verdict]:
        return callbacks.settle_all(self._pool, notices, clock.now())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._notices.drain()
                self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than any notice or too slow in coming."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > BODY_BYTES_MAX:
                    return None
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        return None


def _text(status: int, body: str) -> tuple[int, bytes, str]:
    return status, body.encode(), "text/plain; charset=utf-8"
