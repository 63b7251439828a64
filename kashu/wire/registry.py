"""Whoever can say that a company, a person or an account exists, as we call it (compliance.md §2.4).

Both sides sign (`wire/signed.py`); what an answer proves is its signature. `docs/how-to/suppliers.md` says what such an institution has to speak.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from kashu.party import Query
from kashu.wire import signed
from kashu.wire.signed import CallError, Peer

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
        peer, body = Peer(self.url, self.key_id, self.secret()), msgspec.json.encode(asked)
        return _read(told, *signed.call(peer, path, str(told.verification_id), body, time.time()))


def ask(registry: Registry, told: Query) -> Answer:
    """Ask what a question is about."""
    asks = {
        "company": registry.verify_company,
        "person": registry.verify_person,
        "bank_account": registry.prove_account,
    }
    return asks[told.kind](told)


def _read(told: Query, raw: bytes, proof: str) -> Answer:
    found = signed.read(raw, Told)
    if found.number != told.number:
        raise CallError("an answer about another number")
    signed.check_texts((found.detail,), DETAIL_CHARS_MAX)
    if found.state is State.PROCESSING and told.kind != "bank_account":
        raise CallError("only a transfer takes its time")
    return Answer(found.state, found.detail, proof)
