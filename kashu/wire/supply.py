"""The supply protocol: how Kashu has an order issued by a supplier (直充), asks what became of it, and has cards checked (验卡).

Three signed calls, JSON both ways; the signature is that of the open API, with the order's number in the place of the
idempotency key, and answers are signed over what was asked, so that none can be forged or replayed. An order is sent
under its number for ever: the supplier does it once, however often it comes. `docs/reference/supply.md` tells suppliers.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
import msgspec

from kashu.cards import Sample, Source
from kashu.kernel.seal import Keyring
from kashu.kernel.text import is_line
from kashu.sales import Sending
from kashu.wire.open.auth import signature

ORDERS, QUERY, CHECK = "/supply/v1/orders", "/supply/v1/orders/query", "/supply/v1/cards/check"
TIMEOUT_SECONDS = 10
ANSWER_BYTES_MAX = 16_384
TEXT_CHARS_MAX = 512


class State(StrEnum):
    """What a supplier says of an order. `unknown` says that it never had it."""

    DONE = "done"
    PROCESSING = "processing"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Told(msgspec.Struct):
    """A supplier's answer: what it issued when done, why not when failed."""

    order: str
    state: State
    number: str = ""
    text: str = ""
    reason: str = ""


class CardState(StrEnum):
    """What a supplier says of a card that came from it."""

    UNUSED = "unused"
    USED = "used"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Checked(msgspec.Struct):
    """A supplier's answer about cards, in the order in which they were asked about."""

    check: str
    cards: list[CardState]


class SupplyError(Exception):
    """The supplier did not answer, or not in these words. What it did is unknown until it says."""


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier's API as we call it."""

    ring: Keyring

    def send(self, told: Sending) -> Told:
        """Have an order issued. The call carries the instant that was written down: after its window it is refused."""
        asked = {"order": told.number, "code": told.source_code, "quantity": 1, "form": dict(told.form)}
        return _read(told.number, self._call(told.source, ORDERS, told.number, asked, told.sent_at.timestamp()))

    def ask(self, told: Sending) -> Told:
        """What became of an order."""
        return _read(told.number, self._call(told.source, QUERY, told.number, {"order": told.number}, time.time()))

    def check(self, told: Sample) -> dict[int, str]:
        """What the supplier says of cards, by card: unused, used, invalid, unknown."""
        shown = [{"number": number, "secret": secret} for _, number, secret in told.cards]
        raw = self._call(told.source, CHECK, told.name, {"check": told.name, "cards": shown}, time.time())
        try:
            found = msgspec.json.decode(raw, type=Checked)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SupplyError("an answer that cannot be read") from error
        if found.check != told.name or len(found.cards) != len(told.cards):
            raise SupplyError("an answer about other cards")
        return {card[0]: state.value for card, state in zip(told.cards, found.cards, strict=True)}

    def _call(self, source: Source, path: str, name: str, asked: Mapping[str, object], at: float) -> bytes:
        secret = self.ring.open_personal(source.sealed_secret, f"source {source.id}").encode()
        target = urlsplit(source.url).path + path
        body, stamp, nonce = msgspec.json.encode(asked), str(int(at)), secrets.token_hex(16)
        headers = {
            "kashu-key": source.key_id,
            "kashu-timestamp": stamp,
            "kashu-nonce": nonce,
            "kashu-signature": signature(secret, "POST", target, stamp, nonce, name, body),
            "idempotency-key": name,
            "content-type": "application/json",
        }
        try:
            raw, signed = asyncio.run(post(source.url + path, body, headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise SupplyError(type(error).__name__) from error
        if not hmac.compare_digest(answer_signature(secret, nonce, raw).encode(), signed.encode()):
            raise SupplyError("an answer that is not signed by the supplier")
        return raw


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The answer and its signature: no more than an answer may have, and within so many seconds in all.

    An answer may drip for ever, each byte within its timeout: only a deadline over all of it ends that.
    """
    raw = b""
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
        http.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        if answer.status_code != 200:
            raise SupplyError(f"status {answer.status_code}")
        async for chunk in answer.aiter_bytes():
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                raise SupplyError("an answer that is too long")
        return raw, answer.headers.get("kashu-signature", "")


def answer_signature(secret: bytes, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 over the nonce of the call and the answer's hash, lower-case hex."""
    return hmac.new(secret, f"{nonce}\n{hashlib.sha256(body).hexdigest()}".encode(), hashlib.sha256).hexdigest()


def _read(number: str, body: bytes) -> Told:
    try:
        found = msgspec.json.decode(body, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SupplyError("an answer that cannot be read") from error
    if found.order != number:
        raise SupplyError("an answer about another order")
    if any(len(text) > TEXT_CHARS_MAX or not is_line(text) for text in (found.number, found.text, found.reason)):
        raise SupplyError("a text that is too long, or no text")
    if found.state is State.DONE and not (found.number or found.text):
        raise SupplyError("done, and nothing issued")
    return found
