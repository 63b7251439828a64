"""What is asked of Kashu: addresses, signatures, and how long to wait before asking again. Talks to nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import httpx

from kashu_client import answers
from kashu_client.answers import Account, Bulk, Choice, Entry, KashuError, Purchase, Redemption, Sku

T = TypeVar("T")
TIMEOUT_SECONDS = 30.0
PAGE = 200
TRIES_MAX = 5
BACKOFF_SECONDS = 0.25
RETRY_AFTER_MAX = 30
BROKEN = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Credentials:
    base_url: str
    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One thing asked. The body and the idempotency key stay the same however often it is asked."""

    method: str
    target: str
    build: Callable[[Any], T]
    body: bytes = b""
    idempotency_key: str = ""
    tries_max: int = 1
    start: int = 0  # the byte a download goes on from


def account() -> Call[Account]:
    return Call("GET", "/open/v1/account", answers.account)


def skus(after: str | None) -> Call[tuple[list[Sku], str | None]]:
    return Call("GET", f"/open/v1/skus?{_page(after)}", answers.skus)


def statements(after: str | None) -> Call[tuple[list[Entry], str | None]]:
    return Call("GET", f"/open/v1/statements?{_page(after)}", answers.statements)


def order(number: str) -> Call[Purchase]:
    return Call("GET", f"/open/v1/orders/{quote(number, safe='')}", answers.purchase)


def order_by_reference(reference: str) -> Call[Purchase]:
    return Call("GET", f"/open/v1/orders?{urlencode({'reference': reference}, quote_via=quote)}", answers.purchase)


def choices(sku: str, like: str, after: str | None) -> Call[tuple[list[Choice], str | None]]:
    query = _page(after) + ("&" + urlencode({"q": like}, quote_via=quote) if like else "")
    return Call("GET", f"/open/v1/skus/{quote(sku, safe='')}/choices?{query}", answers.choices)


def buy(
    sku: str, quantity: int, reference: str, idempotency_key: str | None, pick: str, form: Mapping[str, str] | None
) -> Call[Purchase]:
    told = {"sku": sku, "quantity": quantity, "reference": reference}
    particular = ({"pick": pick} if pick else {}) | ({"form": dict(form)} if form else {})
    body = json.dumps(told | particular).encode()
    key = secrets.token_hex(16) if idempotency_key is None else idempotency_key
    return Call("POST", "/open/v1/purchases", answers.purchase, body, key, TRIES_MAX)


def buy_bulk(
    sku: str, quantity: int, password: str, reference: str, idempotency_key: str | None, file_format: str
) -> Call[Bulk]:
    told = {"sku": sku, "quantity": quantity, "password": password, "reference": reference, "format": file_format}
    key = secrets.token_hex(16) if idempotency_key is None else idempotency_key
    return Call("POST", "/open/v1/bulk-purchases", answers.bulk, json.dumps(told).encode(), key, TRIES_MAX)


def redeem(code: str, place: str, redeemed_at: datetime | None, idempotency_key: str | None) -> Call[Redemption]:
    told = {"code": code, "place": place} | ({"redeemed_at": redeemed_at.isoformat()} if redeemed_at else {})
    key = secrets.token_hex(16) if idempotency_key is None else idempotency_key
    return Call("POST", "/open/v1/redemptions", answers.redemption, json.dumps(told).encode(), key, TRIES_MAX)


def undo_redemption(code: str) -> Call[Redemption]:
    body = json.dumps({"code": code}).encode()
    return Call("POST", "/open/v1/redemptions/undo", answers.redemption, body, secrets.token_hex(16), TRIES_MAX)


def bulk(bulk_id: str) -> Call[Bulk]:
    return Call("GET", f"/open/v1/bulk-purchases/{quote(bulk_id, safe='')}", answers.bulk)


def bulk_file(bulk_id: str, start: int) -> Call[None]:
    """The sealed file from a byte on; its answer is bytes, not a message."""
    return Call("GET", f"/open/v1/bulk-purchases/{quote(bulk_id, safe='')}/file", lambda _: None, start=start)


def request(http: httpx.Client | httpx.AsyncClient, credentials: Credentials, call: Call[T]) -> httpx.Request:
    """The call, signed now. Every request has a nonce of its own, so one that was sent is not sent again."""
    headers = {"Content-Type": "application/json"} if call.body else {}
    if call.idempotency_key:
        headers["Idempotency-Key"] = call.idempotency_key
    if call.start:
        headers["Range"] = f"bytes={call.start}-"
    made = http.build_request(
        call.method, credentials.base_url.rstrip("/") + call.target, headers=headers, content=call.body or None
    )
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    target = made.url.raw_path.decode("ascii")  # as httpx will send it, not as it was written here
    digest = hashlib.sha256(call.body).hexdigest()
    told = f"{call.method}\n{target}\n{stamp}\n{nonce}\n{call.idempotency_key}\n{digest}"
    made.headers["Kashu-Key"] = credentials.key_id
    made.headers["Kashu-Timestamp"] = stamp
    made.headers["Kashu-Nonce"] = nonce
    made.headers["Kashu-Signature"] = hmac.new(credentials.secret.encode(), told.encode(), hashlib.sha256).hexdigest()
    return made


def answer(call: Call[T], response: httpx.Response) -> T | KashuError:
    """What came of a call."""
    try:
        return answers.read(response, call.build)
    except KashuError as error:
        return error


def refused(call: Call[T], response: httpx.Response) -> KashuError:
    """The problem in an answer that is none of the bytes asked for."""
    told = answer(call, response)
    return told if isinstance(told, KashuError) else KashuError(response.status_code, "unreadable", "")


def unreachable(error: httpx.TransportError) -> KashuError:
    """No answer came. Whether the call was done is not known."""
    made = KashuError(0, "unreachable", str(error) or type(error).__name__)
    made.__cause__ = error
    return made


def wait_seconds(call: Call[T], error: KashuError, tries: int) -> float:
    """How long to wait before try number `tries + 1`. Raises the error where asking again is of no use."""
    error.idempotency_key = call.idempotency_key
    may_change = error.status in (0, 429, 503) or (error.status == 409 and error.code == "in_flight")
    after = error.retry_after or 0
    if not may_change or tries >= call.tries_max or after > RETRY_AFTER_MAX:
        raise error
    spread = 1 + secrets.randbelow(1_000) / 1_000  # many machines that failed together do not return together
    return after + BACKOFF_SECONDS * (1 << (tries - 1)) * spread


def _page(after: str | None) -> str:
    told = {"limit": str(PAGE)} | ({} if after is None else {"after": after})
    return urlencode(told, quote_via=quote)
