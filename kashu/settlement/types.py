from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kashu.kernel.states import moves

BILL = moves(
    "bill",
    fetching="loading failed",
    loading="loaded failed",
    loaded="matching",
    matching="matched failed",
    matched="superseded",
    failed="fetching",
    superseded="",
)
CASE = moves("case", open="resolved", resolved="open")
KINDS = ("trade", "fund")  # 交易账单 is matched; 资金账单 is loaded and kept


class BillLine(NamedTuple):
    """A line of a channel's bill. Amounts are signed: in is positive, back is negative.

    A tuple, not a dataclass: a bill has millions, and this is made in a third of the time.
    """

    line_no: int
    kind: str
    gateway_no: str
    trade_no: str
    refund_no: str
    amount_fen: int
    fee_fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Bill:
    """One channel's bill of one business day, and how far we are with it."""

    id: UUID
    channel_id: str
    day: date
    kind: str
    version: int
    source: str
    state: str
    sha256: str
    size: int
    spool: str
    lines_total: int
    lines_loaded: int
    lines_matched: int
    windows_done: int
    payments: int
    refunds: int
    bill_fen: int
    fee_fen: int
    matched: int
    matched_fen: int
    breaks: int
    break_fen: int
    booked_fen: int
    ledger_fen: int
    ledger_only_fen: int
    trouble: str
    asked_by: str
    opened_at: datetime
    loaded_at: datetime | None
    matched_at: datetime | None

    @property
    def proof_fen(self) -> tuple[int, int]:
        """What the bill and the books are short of their parts, to the fen: (0, 0) when every fen is explained."""
        return (
            self.bill_fen - self.matched_fen - self.break_fen,
            self.ledger_fen - self.matched_fen - self.booked_fen - self.ledger_only_fen,
        )

    @property
    def done(self) -> int:
        """Steps done of `steps`, for a progress bar: loading is half of the work."""
        return self.lines_loaded + self.lines_matched

    @property
    def steps(self) -> int:
        return 2 * max(self.lines_total, self.lines_loaded)


@dataclass(frozen=True, slots=True)
class Facts:
    """A line that is not plainly matched, with what we know of it."""

    line: BillLine
    pool_id: int
    refund_id: UUID | None
    payment_id: UUID | None
    payment_state: str | None
    order_id: UUID | None
    owner_id: UUID | None
    refund_state: str | None
    is_ours: bool
    is_again: bool
    is_elsewhere: bool
    expected_fen: int | None
    booked_fen: int | None
    booked_at: datetime | None

    @property
    def is_twice(self) -> bool:
        """Whether a bill has had this line before: this bill, or another day's."""
        return self.is_again or self.is_elsewhere


@dataclass(frozen=True, slots=True)
class Break:
    """What a line or an entry came to that is not matched: the kind, and whether it has explained itself already."""

    kind: str
    subject: str
    line_no: int | None
    line_kind: str
    pool_id: int
    payment_id: UUID | None
    order_id: UUID | None
    refund_id: UUID | None
    trade_no: str
    gateway_no: str
    refund_no: str
    theirs_fen: int | None
    ours_fen: int | None
    detail: str
    at: datetime
    resolution: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A break (差错) on somebody's desk, with a deadline."""

    id: UUID
    bill_id: UUID
    channel_id: str
    day: date
    kind: str
    subject: str
    line_no: int | None
    line_kind: str
    pool_id: int
    payment_id: UUID | None
    order_id: UUID | None
    refund_id: UUID | None
    trade_no: str
    gateway_no: str
    refund_no: str
    theirs_fen: int | None
    ours_fen: int | None
    detail: str
    at: datetime
    owner: str
    due_at: datetime
    state: str
    resolution: str
    note: str
    reason_id: UUID | None
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str

    @property
    def difference_fen(self) -> int:
        """What the channel holds more than our books say."""
        return (self.theirs_fen or 0) - (self.ours_fen or 0)


class BillRefusal(StrEnum):
    """Why a bill was not taken. Nothing of it counts; what was loaded of it is removed."""

    TRUNCATED = "truncated"
    WRONG_HASH = "wrong_hash"
    WRONG_TOTALS = "wrong_totals"
    BAD_ENCODING = "bad_encoding"
    BAD_HEADER = "bad_header"
    BAD_LINE = "bad_line"
    BAD_AMOUNT = "bad_amount"
    BAD_VALUE = "bad_value"
    OTHER_DAY = "other_day"
    OTHER_MERCHANT = "other_merchant"
    TOO_LARGE = "too_large"
    TOO_MANY_BREAKS = "too_many_breaks"
    OUT_OF_PROOF = "out_of_proof"
    NO_FETCHER = "no_fetcher"
    NO_FORM = "no_form"
    NO_ANSWER = "no_answer"
    NO_SUCH_CHANNEL = "no_such_channel"
    DAY_NOT_OVER = "day_not_over"
    UNDER_WAY = "under_way"
    SAME_FILE = "same_file"


class CaseRefusal(StrEnum):
    """Why a case was not resolved, reversed or handed on. Nothing has changed."""

    NO_SUCH_CASE = "no_such_case"
    NOT_OPEN = "not_open"
    NOT_RESOLVED = "not_resolved"
    NOT_FOR_THIS = "not_for_this"
    NOT_REVERSIBLE = "not_reversible"
    NEEDS_SECOND = "needs_second"
    NEEDS_NO_SECOND = "needs_no_second"
    QUARANTINED = "quarantined"
    NOT_ALL_KNOWN = "not_all_known"
    TOO_MUCH = "too_much"
