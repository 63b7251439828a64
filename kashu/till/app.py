"""The till's addresses, as a raw ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

import psycopg
import psycopg_pool

from kashu.kernel import clock
from kashu.kernel.db import is_lost, is_stuck
from kashu.payments import Channel, Notice, Verdict
from kashu.sales import Answered, Checkout
from kashu.till.batching import Batcher, BrokenError, TillIsFullError
from kashu.wire import age, buyers, callbacks, checkout, health, metrics, posting
from kashu.wire.callbacks import BODY_BYTES_MAX, Answer
from kashu.wire.checkout import Arrival
from kashu.wire.context import Context
from kashu.wire.effort import Effort
from kashu.wire.open import bulk, desk, document, purchases
from kashu.wire.open.desk import Desk
from kashu.wire.open.messages import Request, Response, Stretch
from kashu.wire.open.problems import problem
from kashu.wire.open.purchases import Call
from kashu.wire.pay.protocol import RefundNotice

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CHANNELS_SECONDS = 5  # how long a change of a channel may take to be seen here
BODY_SECONDS = 10
CARDS_MAX = 1_000  # more is refused anyhow, and must not look like a long wait to others
READS_MAX = 4  # of the pool's connections; the rest is for what is sold
TEXT = "text/plain; charset=utf-8"


class App:
    """Purchases and callbacks in batches, the open API's reads, health, metrics. Everything else is not here."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._pool, self._ring = ctx, ctx.pool, ctx.ring
        self._desk = Desk(ctx)
        self._effort = Effort(ctx.ring)
        self._notices: Batcher[Notice, Verdict] = Batcher(self._settle_all, is_hopeless=is_lost)
        self._purchases: Batcher[Call, Response] = Batcher(
            self._sell_all,
            weigh=lambda call: min(call.purchase.quantity, CARDS_MAX),
            is_stuck=is_stuck,
            is_hopeless=is_lost,
            stuck_on=lambda call: call.caller.account_id,
        )
        self._checkouts: Batcher[Checkout, Answered] = Batcher(
            self._place_all, weigh=lambda one: min(one.quantity, CARDS_MAX), is_hopeless=is_lost
        )
        self._reads = asyncio.Semaphore(READS_MAX)
        self._channels: dict[str, Channel] = {}
        self._channels_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            told = await self._route(scope, receive)
            headers = [
                (b"content-type", told.content_type.encode()),
                (b"content-length", b"%d" % told.length),
                (b"cache-control", b"no-store"),
            ]
            if told.retry_after is not None:
                headers.append((b"retry-after", b"%d" % told.retry_after))
            headers += [(name.encode(), text.encode()) for name, text in told.headers]
            await send({"type": "http.response.start", "status": told.status, "headers": headers})
            if told.stretch is not None:
                await self._stream(told.stretch, receive, send)
                return
            await send({"type": "http.response.body", "body": told.body})

    async def _stream(self, stretch: Stretch, receive: Receive, send: Send) -> None:
        """A file, piece by piece; the next one is read when the last one has left, and none when the reader has."""
        coming, gone = bulk.pieces(self._pool, stretch), asyncio.ensure_future(receive())
        while (piece := await self._read(next, coming, None)) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if gone.done():
                return
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, work: Callable[..., Any], *told: Any) -> Any:
        """Ask the database on the side, a few at a time: what is sold never waits for connections that readers hold."""
        async with self._reads:
            return await asyncio.to_thread(work, *told)

    async def _route(self, scope: Scope, receive: Receive) -> Response:
        path, method = scope["path"], scope["method"]
        if path == document.PATH:
            return (
                _text(405, "GET only")
                if method != "GET"
                else Response(200, document.text(self._ctx.public_url).encode())
            )
        if path.startswith(desk.PREFIX):
            return await self._open(scope, receive)
        if path == checkout.PATH:
            return _text(405, "POST only") if method != "POST" else await self._checkout(scope, receive)
        if path.startswith("/callbacks/"):
            if method != "POST":
                return _text(405, "POST only")
            if path.startswith(posting.PREFIX):
                heard = await self._receipts(scope, receive)
                return _text(heard.status, heard.body)
            found = await self._callback(path.removeprefix("/callbacks/"), scope, receive)
            return Response(
                found.status,
                found.body.encode(),
                found.content_type,
                retry_after=2 if found.status in (429, 503) else None,
            )
        if path == "/healthz":
            return _text(200, "ok")
        if path == "/readyz":
            is_ready, told = await asyncio.to_thread(health.ready, self._pool, clock.now())
            return Response(200 if is_ready else 503, json.dumps(told).encode())
        if path == "/metrics":
            page, content_type = metrics.page()
            return Response(200, page, content_type)
        return _text(404, "not found")

    async def _open(self, scope: Scope, receive: Receive) -> Response:
        body = await _body(receive, desk.BODY_BYTES_MAX)
        if body is None:
            return problem("too_large")
        request = Request(
            scope["method"], scope["path"], scope["query_string"].decode("latin-1"), _headers(scope), body
        )
        try:
            return await self._serve(request)
        except TillIsFullError as full:
            return problem("too_often", retry_after=full.retry_after)
        except BrokenError as error:
            return desk.broken(error.__cause__)
        except desk.Broken as error:
            return desk.broken(error)

    async def _serve(self, request: Request) -> Response:
        begun = self._desk.begin(request)
        if isinstance(begun, Response):
            return begun
        address, key_id = begun
        known = self._desk.known(key_id)
        if known is None:
            looked = await self._read(self._desk.look_up, key_id)
            if isinstance(looked, Response):
                return looked
            known = looked
        at = clock.now()
        found = self._desk.admit(request, address, known, at)
        if isinstance(found, Response):
            return found
        if address.serve is not None:
            told: Response = await self._read(self._desk.read, request, *found, at)
            return told
        call = purchases.read(request, found[1], self._ring)
        return call if isinstance(call, Response) else await self._purchases.do(call)

    async def _checkout(self, scope: Scope, receive: Receive) -> Response:
        """A guest's checkout from a page of ours; it names its browser by the page's cookie."""
        headers = _headers(scope)
        body = await _body(receive, checkout.BODY_BYTES_MAX)
        if body is None or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _text(400, "not from here")
        try:
            form = checkout.form_of(body)
            cookies = SimpleCookie(headers.get("cookie", ""))
        except (ValueError, CookieError):
            return _text(400, "not a form")
        device, token = (cookies[name].value if name in cookies else "" for name in (buyers.COOKIE, age.COOKIE))
        peer = (scope.get("client") or ("",))[0]
        behind = self._ctx.is_behind_proxy
        address = buyers.address_of(headers.get("x-forwarded-for", ""), peer, is_behind_proxy=behind)
        arrival = Arrival(form, device, address, headers.get("user-agent", ""), token)
        found = checkout.weigh(arrival, self._effort, self._ring)
        if isinstance(found, Response):
            return found
        try:
            return checkout.answer(await self._checkouts.do(found))
        except TillIsFullError as full:
            return checkout.busy(full.retry_after)
        except BrokenError:
            return checkout.unavailable()

    async def _callback(self, channel_id: str, scope: Scope, receive: Receive) -> Answer:
        body = await _body(receive, BODY_BYTES_MAX)
        if body is None:
            return Answer(413, "too large")
        try:
            channel = (await self._open_channels()).get(channel_id)
            found = callbacks.read(self._ctx, channel, _headers(scope), body, clock.now())
            if isinstance(found, Answer):
                return found
            assert channel is not None, "a notice was verified by a channel's keys"
            if isinstance(found, RefundNotice):
                await self._read(callbacks.take_refund, self._pool, found, clock.now())
            else:
                await self._notices.do(found)
            return callbacks.answer(channel)
        except TillIsFullError:
            return Answer(429, "busy")
        except (BrokenError, psycopg.Error, psycopg_pool.PoolTimeout):
            return Answer(503, "try again")  # the gateway sends it again; nothing was half done

    async def _receipts(self, scope: Scope, receive: Receive) -> Answer:
        """What a vendor says about messages: not hurried, and read on the side like everything that is not sold."""
        body = await _body(receive, posting.BODY_BYTES_MAX)
        if body is None:
            return Answer(413, "too large")
        query = scope["query_string"].decode("latin-1")
        try:
            told: Answer = await self._read(
                posting.receipts, self._pool, self._ring, scope["path"], query, body, clock.now()
            )
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            return Answer(503, "try again")
        return told

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

    def _sell_all(self, calls: Sequence[Call]) -> list[Response]:
        return purchases.serve(self._pool, self._ring, calls, clock.now())

    def _place_all(self, checkouts: Sequence[Checkout]) -> list[Answered]:
        return checkout.place_all(self._pool, self._ring, checkouts, clock.now(), self._ctx.hold_seconds)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._notices.drain()
                await self._purchases.drain()
                await self._checkouts.drain()
                self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None when it is larger than may be or too slow in coming."""
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
                if size > most:
                    return None
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        return None


def _headers(scope: Scope) -> dict[str, str]:
    """The headers, names in lower case; one that comes twice is joined, so that no proxy can disagree with us."""
    told: dict[str, str] = {}
    for raw_name, raw in scope["headers"]:
        name, text = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        told[name] = f"{told[name]}, {text}" if name in told else text
    return told


def _text(status: int, body: str) -> Response:
    return Response(status, body.encode(), TEXT, retry_after=2 if status in (429, 503) else None)
