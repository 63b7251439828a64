"""The supply protocol: how Kashu has an order issued by a supplier (直充), asks what became of it, and has cards checked (验卡).

Three calls that both sides sign, JSON both ways. An order is sent under its number for ever: the supplier does it once,
however often it comes. `docs/reference/supply.md` tells suppliers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from kashu.cards import Sample, Source
from kashu.kernel.seal import Keyring
from kashu.sales import Sending
from kashu.wire import signed
from kashu.wire.signed import CallError, Peer

ORDERS, QUERY, CHECK = "/supply/v1/orders", "/supply/v1/orders/query", "/supply/v1/cards/check"
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
        found = signed.read(raw, Checked)
        if found.check != told.name or len(found.cards) != len(told.cards):
            raise CallError("an answer about other cards")
        return {card[0]: state.value for card, state in zip(told.cards, found.cards, strict=True)}

    def _call(self, source: Source, path: str, name: str, asked: Mapping[str, object], at: float) -> bytes:
        secret = self.ring.open_personal(source.sealed_secret, f"source {source.id}").encode()
        peer = Peer(source.url, source.key_id, secret)
        return signed.call(peer, path, name, msgspec.json.encode(asked), at)[0]


def _read(number: str, body: bytes) -> Told:
    found = signed.read(body, Told)
    if found.order != number:
        raise CallError("an answer about another order")
    signed.check_texts((found.number, found.text, found.reason), TEXT_CHARS_MAX)
    if found.state is State.DONE and not (found.number or found.text):
        raise CallError("done, and nothing issued")
    return found
