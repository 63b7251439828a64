from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

KINDS = ("goods", "delivery", "attitude", "other")
OUTCOMES = ("upheld", "partly", "rejected")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a buyer complains of, with every step and its clock. Who the buyer is, is not in it."""

    id: UUID
    pool_id: int
    order_id: UUID
    number: str
    supplier_id: int
    kind: str
    words: str
    state: str
    opened_at: datetime
    take_up_by: datetime
    answer_by: datetime
    decide_by: datetime
    taken_by: str | None
    taken_at: datetime | None
    answer: str
    answered_by: str | None
    answered_at: datetime | None
    outcome: str
    reason: str
    evidence: str
    decided_by: str | None
    decided_at: datetime | None
    objection: str
    objected_at: datetime | None
    review_by: datetime | None
    review_outcome: str
    review_reason: str
    review_evidence: str
    reviewed_by: str | None
    reviewed_at: datetime | None
    withdrawn_at: datetime | None
    erased_at: datetime | None
    is_flagged: bool

    @property
    def is_open(self) -> bool:
        return self.state in ("opened", "taken", "objected")

    @property
    def final_outcome(self) -> str:
        return self.review_outcome or self.outcome

    @property
    def due_at(self) -> datetime | None:
        """When our next step is due; None where none is."""
        waits = {"opened": self.take_up_by, "taken": self.decide_by, "objected": self.review_by}
        return waits.get(self.state)

    def is_answer_late(self, at: datetime) -> bool:
        """Whether the supplier answered after its term, or has been silent for longer; withdrawn in time counts as in time."""
        until = self.answered_at or self.decided_at or self.withdrawn_at or at
        return until > self.answer_by


@dataclass(frozen=True, slots=True)
class Figures:
    """What complaints say of a supplier; what was withdrawn counts for nothing."""

    complaints: int = 0
    upheld: int = 0
    late_answers: int = 0
    open: int = 0


class ComplaintRefusal(StrEnum):
    """Why a complaint was not opened, or did not move. Nothing has changed."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    NOT_PAID = "not_paid"
    OPEN_ALREADY = "open_already"
    TOO_MANY = "too_many"
    WRONG_KIND = "wrong_kind"
    NO_WORDS = "no_words"
    TOO_LONG = "too_long"
    NO_REASON = "no_reason"
    WRONG_STATE = "wrong_state"
    TOO_LATE = "too_late"
    SAME_PERSON = "same_person"
    GONE = "gone"
