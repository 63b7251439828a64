"""Telling whoever attests transactions (交易核验) what was delivered, redeemed and refunded.

The contract is our own: no platform publishes an interface of that name. Both sides sign (`wire/signed.py`).
`docs/reference/attestation.md` says what the other side has to speak; the sandbox has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kashu.compliance import Attestation
from kashu.wire import signed
from kashu.wire.signed import CallError, Peer

EVENTS = "/attestation/v1/events"
TEXT_CHARS_MAX = 200


class State(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Event(StrEnum):
    DELIVERED = "delivered"
    REDEEMED = "redeemed"
    UNDONE = "undone"
    REFUNDED = "refunded"


class Authorised(msgspec.Struct, forbid_unknown_fields=True):
    """The authorisation that a batch was bought under."""

    number: str
    brand: str


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """What was sold of one batch; of a redemption, the one code."""

    sku: str
    quantity: int
    batch: str
    chain: Annotated[str, Meta(description="The hash that all steps of the batch lead to, in hex.")]
    authorisation: Authorised | None
    proofs: Annotated[list[str], Meta(description="The last part of each card's public page, `/verify/…`.")]


class Happened(msgspec.Struct, forbid_unknown_fields=True):
    """What is told: no buyer, no code and no secret."""

    event: Event
    order: str
    at: Annotated[str | None, Meta(description="When it happened, RFC 3339: a redemption when the shop took the code.")]
    total_fen: Annotated[int, Meta(description="What was paid, in fen.")]
    lines: list[Line]
    redemption: (
        Annotated[str, Meta(description="With `redeemed` and `undone` only: the redemption's id.")] | UnsetType
    ) = UNSET


class Told(msgspec.Struct):
    """What is answered; both states are final."""

    id: Annotated[str, Meta(description="The event's id again.")]
    state: State
    receipt: Annotated[str, Meta(max_length=TEXT_CHARS_MAX, description="With `accepted`.")] = ""
    reason: Annotated[str, Meta(max_length=TEXT_CHARS_MAX, description="With `refused`.")] = ""


@dataclass(frozen=True, slots=True)
class Answer:
    state: State
    receipt: str
    reason: str
    body: str
    signature: str


@dataclass(frozen=True, slots=True)
class Attestor:
    """Whoever attests transactions, with a key of ours there; the secret is read when it is needed."""

    url: str
    key_id: str
    secret: Callable[[], bytes] = field(repr=False)

    def tell(self, told: Attestation) -> Answer:
        peer, name = Peer(self.url, self.key_id, self.secret()), str(told.id)
        raw, proof = signed.call(peer, EVENTS, name, told.asked.encode(), time.time())
        return _read(name, raw, proof)


def _read(name: str, raw: bytes, proof: str) -> Answer:
    found = signed.read(raw, Told)
    if found.id != name:
        raise CallError("an answer about another event")
    signed.check_texts((found.receipt, found.reason), TEXT_CHARS_MAX)
    if found.state is State.ACCEPTED and not found.receipt:
        raise CallError("accepted without a receipt")
    return Answer(found.state, found.receipt, found.reason, raw.decode(), proof)
