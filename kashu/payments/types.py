from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Channel:
    """One payment channel instance: an order belongs to exactly one of them."""

    id: str
    kind: str
    title: str
    merchant: str
    gateway: str
    public_key: str
    sealed_key: bytes = field(repr=False)
    is_open: bool


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


class Verdict(StrEnum):
    """What a notice came to. Only `QUARANTINED` calls for a person."""

    PAID = "paid"
    LATE = "late"
    REPEATED = "repeated"
    PAID_TWICE = "paid_twice"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Judged:
    notice: Notice
    verdict: Verdict
    payment: Payment | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back by the route it came. The id is the gateway's idempotency key (payments.md §3.3)."""

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


@dataclass(frozen=True, slots=True)
class Event:
    channel_id: str
    event_id: str
    trade_no: str
    gateway_no: str
    amount_fen: int
    source: str
    verdict: str
    detail: str
    received_at: datetime
