"""Nouns of public data that change, and of suppliers that an authority does not reach (C-13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewChange:
    """What a supplier declares: the new data, empty where nothing changed, and the day on which it happened."""

    name: str
    address: str
    contact: str
    happened_on: date


@dataclass(frozen=True, slots=True)
class Change:
    """A declared change of public data. Until it is published, the old data is what the public sees."""

    id: UUID
    party_id: int
    name: str
    address: str
    contact: str
    happened_on: date
    is_late: bool
    state: str
    declared_by: str
    declared_at: datetime
    verify_by: datetime
    reason: str
    evidence: str
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unreached:
    """An authority's notice that a supplier cannot be reached under its public data (无法联系)."""

    id: UUID
    party_id: int
    authority: str
    evidence: str
    state: str
    noted_by: str
    noted_at: datetime
    remind_by: datetime
    reminded_by: str | None
    reminded_at: datetime | None
    answer_by: datetime | None
    answer: str
    answered_by: str | None
    answered_at: datetime | None
    settled_by: str | None
    settled_at: datetime | None


class ChangeRefusal(StrEnum):
    """Why nothing was declared, decided, noted or answered. Nothing has changed."""

    NO_SUCH_SUPPLIER = "no_such_supplier"
    WRONG_STATE = "wrong_state"
    NOTHING_NEW = "nothing_new"
    TOO_LONG = "too_long"
    IN_FUTURE = "in_future"
    NAME_TAKEN = "name_taken"
    BLACKLISTED = "blacklisted"
    OPEN_ALREADY = "open_already"
    NO_REASON = "no_reason"
    SAME_PERSON = "same_person"
    GONE = "gone"
