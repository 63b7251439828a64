from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kashu.kernel.ids import base32


class Method(StrEnum):
    """How a payer is led to pay. Each channel has its own name for these."""

    H5 = "h5"  # a pay page in a phone's browser
    JSAPI = "jsapi"  # called up by a page inside the channel's own app
    NATIVE = "native"  # a QR code that the channel's app scans
    APP = "app"  # called up by an app
    PAGE = "page"  # a pay page on a desktop


class Shape(StrEnum):
    """What a browser does with a payment's instruction."""

    REDIRECT = "redirect"  # go to this address
    QR = "qr"  # show this text as a QR code
    CALL = "call"  # call the channel's script or app up with this JSON


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a channel: ours to sign with, theirs to verify with, or the shared one that opens their envelopes.

    Keys overlap while they are rotated: theirs are all believed until they end, ours to sign with is named by the channel.
    """

    channel_id: str
    use: str
    serial: str
    public: str
    sealed: bytes = field(repr=False)
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Channel:
    """One payment channel instance: an order's payment belongs to exactly one of them. Amounts in fen."""

    id: str
    kind: str
    title: str
    payee: str
    merchant: str
    app_id: str
    gateway: str
    methods: list[str]
    weight: int
    amount_fen_min: int
    amount_fen_max: int
    day_fen_max: int | None
    confirm_fen: int | None  # from here on a notice alone delivers nothing: the gateway is asked first
    sign_serial: str | None
    verify_serial: str | None
    is_open: bool
    keys: tuple[Key, ...] = field(default=(), repr=False)

    def keys_for(self, use: str, at: datetime) -> list[Key]:
        """Its keys of one use that are in force, the newest first."""
        found = [
            one
            for one in self.keys
            if one.use == use and one.starts_at <= at < (one.ends_at or datetime.max.replace(tzinfo=at.tzinfo))
        ]
        return sorted(found, key=lambda one: one.starts_at, reverse=True)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as an operator enters it: PEM or the bare base64 that consoles show; for `open` its 32 characters."""

    use: str
    serial: str
    text: str = field(repr=False)


class ChannelRefusal(StrEnum):
    """Why a channel stays as it was."""

    NO_SUCH_CHANNEL = "no_such_channel"
    NO_SUCH_KIND = "no_such_kind"
    OTHER_KIND = "other_kind"
    WITHOUT_KEYS = "without_keys"
    NOT_A_KEY = "not_a_key"
    IN_USE = "in_use"
    KEY_IN_USE = "key_in_use"
    NO_SUCH_KEY = "no_such_key"


@dataclass(frozen=True, slots=True)
class Route:
    """What a choice between instances rests on: what one takes, what it took today, and how it fares."""

    channel_id: str
    kind: str
    methods: list[str]
    weight: int
    amount_fen_min: int
    amount_fen_max: int
    day_fen_max: int | None
    taken_fen: int
    failed: int
    tried: int


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt to pay an order through one channel. Its trade number is how the gateway knows it."""

    pool_id: int
    id: UUID
    order_id: UUID
    channel_id: str
    trade_no: str
    amount_fen: int
    currency: str
    state: str
    method: str
    shape: str
    pay_url: str
    gateway_no: str | None
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a gateway says about a trade, after its signature has been verified on the raw bytes."""

    channel_id: str
    event_id: str
    trade_no: str
    gateway_no: str
    amount_fen: int
    currency: str
    merchant: str
    paid_at: datetime
    body: bytes = field(repr=False)
    source: str = "notice"
    app_id: str = ""
    is_returned: bool = False  # the gateway says that all or part of it went back already


class Verdict(StrEnum):
    """What a notice came to. Only `QUARANTINED` calls for a person; `TO_CONFIRM` is asked about at the gateway first."""

    PAID = "paid"
    LATE = "late"
    REPEATED = "repeated"
    PAID_TWICE = "paid_twice"
    TO_CONFIRM = "to_confirm"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a notice stands with us before it is judged: whose channel it came by, and what we heard before."""

    merchant: str
    app_id: str
    confirm_fen: int | None
    is_seen: bool  # under the same event
    owner: UUID | None  # the payment that its gateway's number has moved money for
    payment: Payment | None  # the one its trade number names


@dataclass(frozen=True, slots=True)
class Judged:
    notice: Notice
    verdict: Verdict
    payment: Payment | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back by the route it came. Its number is the gateway's idempotency key (payments.md §3.3)."""

    pool_id: int
    id: UUID
    payment_id: UUID
    order_id: UUID
    gateway_no: str
    amount_fen: int
    reason: str
    state: str
    tries: int
    requested_at: datetime
    done_at: datetime | None
    trouble: str

    @property
    def number(self) -> str:
        """How the gateway knows it, for ever: letters, digits and a dash, at most 39 characters."""
        return f"{base32(self.pool_id)}-{base32(self.id.int)}"


@dataclass(frozen=True, slots=True)
class Event:
    """What a gateway told us, and what it came to."""

    channel_id: str
    event_id: str
    trade_no: str
    gateway_no: str
    amount_fen: int
    source: str
    verdict: str
    detail: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class KeptNotice(Event):
    """An event with its bytes as they came."""

    body: bytes = field(repr=False)
