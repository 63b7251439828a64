from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

RELATIONS = ("father", "mother", "grandparent", "other")


@dataclass(frozen=True, slots=True)
class Persons:
    """A guardian and a minor, in the clear: as they were typed in, or opened for one answer."""

    guardian_name: str = field(repr=False)
    guardian_number: str = field(repr=False)
    minor_name: str = field(repr=False)
    minor_number: str = field(repr=False)
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewClaim:
    """What a guardian hands in; the file of the evidence lies sealed in the spool."""

    persons: Persons
    relation: str
    spool: str
    size: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A guardian asks for the money of a minor's purchase (C-72). Names, numbers and words are sealed, each for itself."""

    id: UUID
    pool_id: int
    order_id: UUID
    number: str
    token: str
    guardian_name: bytes | None = field(repr=False)
    guardian_number: bytes | None = field(repr=False)
    minor_name: bytes | None = field(repr=False)
    minor_number: bytes | None = field(repr=False)
    words: bytes | None = field(repr=False)
    relation: str
    spool: str
    size: int
    sha256: str
    media_type: str
    state: str
    opened_at: datetime
    due_at: datetime
    deduction_fen: int
    refund_id: UUID | None
    reason: str
    evidence: str
    decided_by: str | None
    decided_at: datetime | None
    erased_at: datetime | None


class ClaimRefusal(StrEnum):
    """Why a guardian's claim was not taken, or not decided. Nothing has changed."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    NOTHING_LEFT = "nothing_left"
    OPEN_ALREADY = "open_already"
    TOO_MANY = "too_many"
    NO_CONSENT = "no_consent"
    NO_WORDS = "no_words"
    TOO_LONG = "too_long"
    WRONG_RELATION = "wrong_relation"
    WRONG_NAME = "wrong_name"
    GUARDIAN_NUMBER = "guardian_number"
    MINOR_NUMBER = "minor_number"
    GUARDIAN_YOUNG = "guardian_young"
    NOT_A_MINOR = "not_a_minor"
    SAME_NUMBER = "same_number"
    NO_DEDUCTION = "no_deduction"
    TOO_MUCH = "too_much"
    NO_REASON = "no_reason"
    SAME_PERSON = "same_person"
    GONE = "gone"
