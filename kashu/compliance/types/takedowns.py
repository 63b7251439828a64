from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ORIGINS = {
    "review": "上架复核",
    "complaint": "投诉举报",
    "notice": "主管部门通知",
    "finding": "平台巡查发现",
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why goods are taken down: where it came from, under what number, which law or rule, and what was found."""

    origin: str
    reference: str
    ground: str
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Affected:
    """What was sold of goods that were taken down, by what became of it; money in fen."""

    orders: int
    total_fen: int
    delivered: int
    waiting: int
    refunded: int
    refunded_fen: int
    unpaid: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report tells of, beside the grounds: who runs the platform, who sold what, from where, to how many."""

    platform: str
    platform_uscc: str
    seller: str
    seller_uscc: str
    seller_address: str
    seller_contact: str
    title: str
    page: str
    skus: Sequence[str]
    batches: Sequence[str]
    affected: Affected


@dataclass(frozen=True, slots=True)
class Takedown:
    """Goods taken down as illegal (C-14): what was shown, what the authority is told and by when, how it ended."""

    id: int
    product_id: int
    sku_ids: list[int]
    seller_id: int
    title: str
    origin: str
    reference: str
    ground: str
    reason: str
    evidence: str
    state: str
    snapshot: bytes
    draft: str
    made_by: str
    made_at: datetime
    due_at: datetime
    warned_at: datetime | None = None
    report: str = ""
    authority: str = ""
    receipt: str = ""
    reported_by: str = ""
    reported_at: datetime | None = None
    decision: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None

    def is_overdue(self, at: datetime) -> bool:
        """Whether the authority should have been told by now, and was not."""
        return self.state == "frozen" and at >= self.due_at


class TakedownRefusal(StrEnum):
    """Why goods were not taken down, or a takedown not moved. Nothing of it was done."""

    NO_SUCH_PRODUCT = "no_such_product"
    NO_SUCH_TAKEDOWN = "no_such_takedown"
    ALREADY_DOWN = "already_down"
    WRONG_STATE = "wrong_state"
    NO_REASON = "no_reason"
    SAME_PERSON = "same_person"


class ClosingRefusal(StrEnum):
    """Why the day on which the platform closes was not set."""

    TOO_SOON = "too_soon"
    NO_REASON = "no_reason"
    NOTHING_TO_CHANGE = "nothing_to_change"
