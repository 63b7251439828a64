from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, a buyer, a payment channel, or the system by one of its jobs."""

    kind: str
    name: str


SYSTEM = Actor("system", "kashu")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing done, as it goes into the trail. `before` and `after` never hold a secret."""

    actor: Actor
    verb: str
    object_kind: str
    object_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""
    pool_id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    pool_id: int
    id: UUID
    xact: int
    at: datetime
    actor_kind: str
    actor: str
    verb: str
    object_kind: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


@dataclass(frozen=True, slots=True)
class SealedEntry(Entry):
    """An entry with its place in the chain, as `verify` reads them together."""

    seq: int
    hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof(Entry):
    """An entry with the link that seals it: the hash it follows, its number and its own hash; None until it is sealed."""

    chained_from: bytes | None
    seq: int | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    seq: int
    hash: bytes
    signed_at: datetime
    signature: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the trail that is not as it was written."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class Approval:
    """An act that waits for a second person, or for its owner's second thought (solo mode)."""

    id: UUID
    act: str
    object_kind: str
    object_id: str
    body: dict[str, Any]
    reason: str
    state: str
    is_solo: bool
    asked_by: str
    asked_at: datetime
    not_before: datetime
    approved_by: str | None
    approved_at: datetime | None
    done_at: datetime | None


class ApprovalRefusal(StrEnum):
    """Why an approval did not move. Nothing has changed."""

    GONE = "gone"
    SAME_PERSON = "same_person"
    TOO_EARLY = "too_early"
    ALREADY_ASKED = "already_asked"
