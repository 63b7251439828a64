from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

OPEN_COMPENSATIONS = ("owed", "asked", "approved")


@dataclass(frozen=True, slots=True)
class Compensation:
    """What is paid for an order's cards that may no longer be honoured (§2.3): `recall` of ours, or `compensate` on demand.

    `supplier_ids` are whose cards they were; `payment_id` is the refund, or the credit of an organisation's account, that it was paid by.
    """

    id: UUID
    pool_id: int
    order_id: UUID
    number: str
    supplier_ids: list[int]
    effect: str
    causes: list[str]
    amount_fen: int
    cards: int
    state: str
    made_by: str
    made_at: datetime
    due_at: datetime
    approval_id: UUID | None
    paid_fen: int
    payment_id: UUID | None
    reason: str
    evidence: str
    ended_by: str | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_COMPENSATIONS


class CompensationRefusal(StrEnum):
    """Why nothing was demanded, asked for or paid. Nothing has changed."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    NOTHING_DUE = "nothing_due"
    DECIDED = "decided"
    OPEN_ALREADY = "open_already"
    TOO_MANY = "too_many"
    NO_REASON = "no_reason"
    TOO_LONG = "too_long"
    WRONG_STATE = "wrong_state"
    SAME_PERSON = "same_person"
    GONE = "gone"
