from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

CHANNEL_OF = {"aliyun": "sms", "tencent": "sms", "volcengine": "sms", "smtp": "mail"}  # `sandbox` is either
KINDS = (*CHANNEL_OF, "sandbox")


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a message is written, and what that allows.

    `double_seconds` is the rule of fail-over after an unknown outcome: when so long has passed without a word, another
    sender may bring the message, because a second copy harms nobody. None: it never may.
    """

    name: str
    channel: str
    is_code: bool
    keep_seconds: int  # after that it is worth nothing, and is not sent any more
    double_seconds: int | None
    variables: tuple[str, ...]


PURPOSES = {
    one.name: one
    for one in (
        Purpose("code", "sms", True, 300, 30, ("code",)),
        Purpose("delivered", "sms", False, 86_400, 600, ("tail", "link")),
        Purpose("issued", "sms", False, 86_400, 600, ("tail",)),
        Purpose("refunded", "sms", False, 86_400, 600, ("tail",)),
        Purpose("recalled", "sms", False, 7 * 86_400, 600, ("tail",)),
        # The key itself: bearer money is not sent a second time because nobody knows what became of the first.
        Purpose("card", "sms", False, 86_400, None, ("tail", "card")),
        Purpose("invitation", "mail", False, 7 * 86_400, 600, ("name", "link")),
        Purpose("reminder", "mail", False, 7 * 86_400, 600, ("name", "by")),
        Purpose("licence", "mail", False, 7 * 86_400, 600, ("name", "what", "by")),
        Purpose("warning", "mail", False, 86_400, 600, ("asked_by", "act", "thing", "when")),
    )
}


class Outcome(StrEnum):
    """What a vendor's word means: taken, on the phone, not on the phone, certainly not taken, or nobody knows."""

    TAKEN = "taken"
    ARRIVED = "arrived"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class MessageRefusal(StrEnum):
    """Why a sender or a template is not kept. What the linter has against a text is told by its rules instead."""

    NO_SUCH_SENDER = "no_such_sender"
    NO_SUCH_TEMPLATE = "no_such_template"
    WRONG_CHANNEL = "wrong_channel"


@dataclass(frozen=True, slots=True)
class Sender:
    """An account of ours at a vendor. `place` is its turn: the lowest goes first."""

    id: str
    kind: str
    channel: str
    title: str
    sign_name: str
    endpoint: str
    region: str
    app: str  # Tencent's SmsSdkAppId, Volcengine's message group, the address that mail comes from
    key_id: str
    sealed_secret: bytes = field(repr=False)
    place: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A text that a vendor has approved. Variables are `[{"name", "regex", "max_len"}]`, in the vendor's order."""

    id: int
    sender_id: str
    purpose: str
    template_id: str
    text: str
    variables: list[dict[str, Any]]
    carries_card: bool
    state: str
    kind: str = ""  # the sender's


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written: what it is about is its identity, and its purpose is written about it once, for ever."""

    purpose: str
    about: str
    to: str
    values: Mapping[str, str] = field(repr=False)
    since: datetime | None = None  # the instant of what it tells of: arrival is measured from it
    expires_at: datetime | None = None
    refs: Mapping[str, Any] = field(default_factory=dict)  # ids a sender of the message needs; never a secret


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is kept: who it goes to is sealed, and shown by its end alone."""

    id: UUID
    purpose: str
    about: str
    channel: str
    sealed: bytes = field(repr=False)
    to_identity: bytes
    to_mask: str
    refs: dict[str, Any]
    state: str
    tries: int
    sender_id: str | None
    vendor_no: str
    since: datetime
    made_at: datetime
    expires_at: datetime
    taken_at: datetime | None
    sent_at: datetime | None
    arrived_at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True)
class Try:
    """One sender asked once to bring a message."""

    message_id: UUID
    number: int
    sender_id: str
    state: str
    vendor_no: str
    asked_at: datetime
    answered_at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True)
class Errand:
    """A try as it goes to a vendor: the message's one id, the number, the text and its values in the clear."""

    message: Message
    number: int
    sender: Sender
    template: Template
    to: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer. `is_final`: nobody else would bring it either, as with a number that is none."""

    outcome: Outcome
    vendor_no: str = ""
    trouble: str = ""
    at: datetime | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a vendor says later about a message it took, by its own number, by ours, or by both."""

    vendor_no: str
    message_id: UUID | None
    has_arrived: bool
    at: datetime
    code: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message has just become known to have arrived."""

    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something the linter has against a template."""

    rule: str
    told: str
