from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

SCOPES = ("catalog.read", "account.read", "purchases.read", "purchases.write", "redemptions")
TOPICS = ("purchase.delivered", "purchase.refunded", "purchase.recalled", "bulk_purchase.done", "topup.credited")


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that takes part: the platform itself (自营), a supplier (第三方), or a B-end buyer (采购方)."""

    id: int
    kind: str
    name: str
    uscc: str
    address: str
    contact: str
    state: str

    @property
    def is_third_party(self) -> bool:
        return self.kind != "platform"


@dataclass(frozen=True, slots=True)
class Supplier:
    """How far a supplier has come, and when its papers were last verified as a whole (C-10)."""

    party_id: int
    state: str
    risk: str
    applied_at: datetime
    verified_at: datetime | None
    is_registered: bool = True
    is_payout_held: bool = False
    moved_at: datetime | None = None
    deposit_fen: int = 0
    exiting_at: datetime | None = None
    barred_from: str | None = None  # where it stood when it was last blacklisted


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who acts for an organisation. An owner lets others go, and makes them owners."""

    person_id: int
    email: str
    name: str
    joined_at: datetime
    is_owner: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """For whom a person works or worked, and as what."""

    name: str
    kind: str
    is_owner: bool
    joined_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """How much waits at the desk of suppliers: reviews, verifications that are due, hits on lists, appeals."""

    waiting: int
    due: int
    hits: int
    appeals: int


@dataclass(frozen=True, slots=True)
class Platform:
    """What was chosen at set-up."""

    is_solo: bool
    solo_wait_seconds: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an organisation's machines: what it may do, how often in a second, from when to when."""

    id: str
    party_id: int
    name: str
    scopes: list[str]
    sealed_secret: bytes = field(repr=False)
    per_second: int
    made_by: str
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class CallRefusal(StrEnum):
    """Why a signed call is not let in. Nothing of it is done."""

    UNKNOWN_KEY = "unknown_key"
    NONCE_REPLAYED = "nonce_replayed"


class KeyRefusal(StrEnum):
    """Why no API key was made or changed."""

    TOO_MANY = "too_many"
    NO_SUCH_KEY = "no_such_key"
    NOT_LIVE = "not_live"
    WRONG_SCOPE = "wrong_scope"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where an organisation wants to hear of some topics."""

    id: UUID
    party_id: int
    url: str
    topics: list[str]
    sealed_secret: bytes = field(repr=False)
    is_open: bool
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a webhook and what became of it."""

    id: UUID
    webhook_id: UUID
    topic: str
    about: str
    body: dict[str, Any]
    state: str
    tries: int
    status: int | None
    trouble: str
    made_at: datetime
    tried_at: datetime | None


class WebhookRefusal(StrEnum):
    """Why a webhook was not added, closed or sent again."""

    WRONG_URL = "wrong_url"
    WRONG_TOPIC = "wrong_topic"
    TOO_MANY = "too_many"
    NO_SUCH_WEBHOOK = "no_such_webhook"
