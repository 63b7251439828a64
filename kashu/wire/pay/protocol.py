"""What every payment channel can be asked, in our words; each adapter says it in its channel's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from kashu.payments import Channel, Method, Notice, Shape

BODY_BYTES_MAX = 65_536
TIMEOUT_SECONDS = 5
WINDOW_SECONDS = 300
TEXT_CHARS_MAX = 128


class GatewayError(Exception):
    """The gateway did not answer, or not in its own signed words. What it did is unknown until a query tells."""


class GatewayRefusalError(GatewayError):
    """The gateway said no, signed, and did nothing. `code` is its word for the reason."""

    def __init__(self, code: str, told: str = "") -> None:
        super().__init__(f"{code} {told}".strip()[:300])
        self.code = code


class NoticeRefusal(StrEnum):
    """Why a notice is not taken. Nothing is stored of it."""

    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_SERIAL = "unknown_serial"
    STALE = "stale"
    MALFORMED = "malformed"


class TradeState(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    CLOSED = "closed"
    MISSING = "missing"  # the gateway has never heard of it


@dataclass(frozen=True, slots=True)
class Ask:
    """A trade to open. `payer` is the payer's id in the channel's own app, where the method needs one."""

    trade_no: str
    amount_fen: int
    subject: str
    method: Method
    notify_url: str
    return_url: str
    expires_at: datetime
    address: str = ""
    payer: str = ""
    is_split: bool = False


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the payer's browser does next."""

    shape: Shape
    told: str


@dataclass(frozen=True, slots=True)
class Trade:
    """What the gateway answers to a query; `notice` is there when it was paid."""

    state: TradeState
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """Money to send back by the route it came, under a number that is the same at every try."""

    number: str
    trade_no: str
    gateway_no: str
    amount_fen: int
    paid_fen: int
    reason: str
    notify_url: str


class RefundState(StrEnum):
    DONE = "done"
    PENDING = "pending"
    REFUSED = "refused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class RefundTold:
    state: RefundState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """A verified notice about a refund: a reason to ask, nothing more."""

    channel_id: str
    number: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A verified notice that calls for nothing (a trade was opened, or closed)."""

    event: str


@dataclass(frozen=True, slots=True)
class Share:
    """One receiver's part of a payment that is split (分账)."""

    receiver: str
    amount_fen: int
    reason: str


class SplitState(StrEnum):
    DONE = "done"
    PENDING = "pending"
    REFUSED = "refused"


class PaymentChannel(Protocol):
    """A channel as we call it and as it calls us. Every call may raise GatewayError; a time-out is one."""

    channel: Channel

    def create(self, ask: Ask) -> Instruction: ...

    def query(self, trade_no: str) -> Trade: ...

    def close(self, trade_no: str) -> Trade:
        """Close an unpaid trade; one that was paid in the meantime says so."""
        ...

    def refund(self, ask: RefundAsk) -> RefundTold: ...

    def query_refund(self, ask: RefundAsk) -> RefundTold: ...

    def parse_notice(
        self, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> Notice | RefundNotice | Nothing | NoticeRefusal:
        """Verify a notice on its raw bytes, then read it. Header names are lower case. Asks nobody anything."""
        ...

    def bill(self, day: date) -> Iterator[bytes]:
        """The bill of a business day, as the channel writes it, piece by piece."""
        ...

    def split(self, gateway_no: str, number: str, shares: list[Share]) -> SplitState: ...

    def return_split(self, number: str, return_number: str, share: Share) -> SplitState: ...


def amount_of(told: object) -> int:
    """An amount in fen as JSON carries it. ValueError for anything but a positive whole number."""
    if not isinstance(told, int) or isinstance(told, bool) or not 0 < told < 2**53:
        raise ValueError("an amount is a whole number of fen")
    return told


def text_of(told: object) -> str:
    """A short text without control characters. ValueError otherwise."""
    if not isinstance(told, str) or not 1 <= len(told) <= TEXT_CHARS_MAX or not told.isprintable():
        raise ValueError("a text is missing, too long, or no text")
    return told


def instant_of(told: object) -> datetime:
    """An RFC 3339 instant. ValueError for one that does not say its zone."""
    found = datetime.fromisoformat(text_of(told))
    if found.tzinfo is None:
        raise ValueError("an instant says its zone")
    return found
