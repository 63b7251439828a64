"""Telling whoever attests transactions (交易核验) what was delivered and what was refunded.

The contract is our own: no platform publishes an interface of that name. Calls and answers are signed as in the supply
protocol. `docs/reference/attestation.md` says what the other side has to speak; the sandbox has one.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
import msgspec

from kashu.compliance import Attestation
from kashu.kernel.text import is_line
from kashu.wire.open.auth import signature
from kashu.wire.supply import SupplyError, answer_signature, post

EVENTS = "/attestation/v1/events"
TEXT_CHARS_MAX = 200


class State(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Told(msgspec.Struct):
    """What is answered: the event's id again, the state, a receipt when accepted, a reason when refused."""

    id: str
    state: State
    receipt: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    state: State
    receipt: str
    reason: str
    body: str
    signature: str


class AttestationError(Exception):
    """No answer, or none that can be believed. It is told again, under the same id."""


@dataclass(frozen=True, slots=True)
class Attestor:
    """Whoever attests transactions, with a key of ours there; the secret is read when it is needed."""

    url: str
    key_id: str
    secret: Callable[[], bytes] = field(repr=False)

    def tell(self, told: Attestation) -> Answer:
        secret, body, name = self.secret(), told.asked.encode(), str(told.id)
        stamp, nonce, target = str(int(time.time())), secrets.token_hex(16), urlsplit(self.url).path + EVENTS
        headers = {
            "kashu-key": self.key_id,
            "kashu-timestamp": stamp,
            "kashu-nonce": nonce,
            "kashu-signature": signature(secret, "POST", target, stamp, nonce, name, body),
            "idempotency-key": name,
            "content-type": "application/json",
        }
        try:
            raw, signed = asyncio.run(post(self.url + EVENTS, body, headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, SupplyError) as error:
            raise AttestationError(type(error).__name__) from error
        if not hmac.compare_digest(answer_signature(secret, nonce, raw).encode(), signed.encode()):
            raise AttestationError("an answer that is not signed")
        return _read(name, raw, signed)


def _read(name: str, raw: bytes, signed: str) -> Answer:
    try:
        found = msgspec.json.decode(raw, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AttestationError("an answer that cannot be read") from error
    if found.id != name:
        raise AttestationError("an answer about another event")
    if any(len(text) > TEXT_CHARS_MAX or not is_line(text) for text in (found.receipt, found.reason)):
        raise AttestationError("a text that is too long, or no text")
    if found.state is State.ACCEPTED and not found.receipt:
        raise AttestationError("accepted without a receipt")
    return Answer(found.state, found.receipt, found.reason, raw.decode(), signed)
