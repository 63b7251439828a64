"""Whoever can say that a company, a person or an account exists, as we call it (compliance.md §2.4).

Every call is signed as in the supply protocol, and so is every answer: one that is not signed is none. What an answer
proves is its signature. `docs/how-to/suppliers.md` says what such an institution has to speak.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import msgspec

from kashu.kernel.text import is_line
from kashu.party import Query
from kashu.wire.open.auth import signature
from kashu.wire.supply import SupplyError, answer_signature, post

DETAIL_CHARS_MAX = 200
COMPANIES, PEOPLE, TRANSFERS = "/registry/v1/companies", "/registry/v1/people", "/registry/v1/transfers"


class State(StrEnum):
    """What is said. `processing`: the small transfer is on its way, ask again."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    NOT_FOUND = "not_found"
    CANCELLED = "cancelled"
    PROCESSING = "processing"


class Told(msgspec.Struct, forbid_unknown_fields=True):
    number: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an institution said, and its signature over it: proof of the answer, and nobody finds a number by trying it."""

    state: State
    detail: str
    evidence: str


class RegistryError(Exception):
    """No answer, or none that can be believed. Nothing is known, and it is asked again."""


class Registry(Protocol):
    """Who can be asked. Each is asked for one thing at a time and may be asked again."""

    def verify_company(self, told: Query) -> Answer: ...

    def verify_person(self, told: Query) -> Answer: ...

    def prove_account(self, told: Query) -> Answer: ...


@dataclass(frozen=True, slots=True)
class HttpRegistry:
    """An institution behind an address, with a key of ours; the secret is read when it is needed."""

    url: str
    key_id: str
    secret: Callable[[], bytes] = field(repr=False)

    def verify_company(self, told: Query) -> Answer:
        return self._call(COMPANIES, told, {"name": told.name, "number": told.number})

    def verify_person(self, told: Query) -> Answer:
        return self._call(PEOPLE, told, {"name": told.name, "number": told.number})

    def prove_account(self, told: Query) -> Answer:
        """A transfer of a few fen to the account in this name; it is made once for its id."""
        return self._call(TRANSFERS, told, {"holder": told.name, "bank": told.bank, "number": told.number})

    def _call(self, path: str, told: Query, asked: Mapping[str, str]) -> Answer:
        secret, key = self.secret(), str(told.verification_id)
        body, stamp, nonce = msgspec.json.encode(asked), str(int(time.time())), secrets.token_hex(16)
        target = urlsplit(self.url).path + path
        headers = {
            "kashu-key": self.key_id,
            "kashu-timestamp": stamp,
            "kashu-nonce": nonce,
            "kashu-signature": signature(secret, "POST", target, stamp, nonce, key, body),
            "idempotency-key": key,
            "content-type": "application/json",
        }
        try:
            raw, signed = asyncio.run(post(self.url + path, body, headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, SupplyError) as error:
            raise RegistryError(type(error).__name__) from error
        if not hmac.compare_digest(answer_signature(secret, nonce, raw).encode(), signed.encode()):
            raise RegistryError("an answer that is not signed")
        return _read(told, raw, signed)


def ask(registry: Registry, told: Query) -> Answer:
    """Ask what a question is about."""
    asks = {
        "company": registry.verify_company,
        "person": registry.verify_person,
        "bank_account": registry.prove_account,
    }
    return asks[told.kind](told)


def _read(told: Query, raw: bytes, signed: str) -> Answer:
    try:
        found = msgspec.json.decode(raw, type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RegistryError("an answer that cannot be read") from error
    if found.number != told.number:
        raise RegistryError("an answer about another number")
    if len(found.detail) > DETAIL_CHARS_MAX or not is_line(found.detail):
        raise RegistryError("a detail that is too long, or no text")
    if found.state is State.PROCESSING and told.kind != "bank_account":
        raise RegistryError("only a transfer takes its time")
    return Answer(found.state, found.detail, signed)
