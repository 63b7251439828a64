"""What a line that is not plainly matched is, when it is due, and what settling it books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.ledger import ACCOUNT_KEYED, Posting
from kashu.settlement.types import Bill, Break, Case, Facts

DEADLINE_DAYS = 2  # working days; a person may be given a case with any of them left
DUE_HOUR = 18
LATE_DAYS = 2  # how long the other side of a late one is waited for, where no bill of the next day decides it sooner
SATURDAY = 5
BREAKS_MAX = 20_000  # more than that is not our bill, or not our books


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a case can end by a person: for which kinds, by how many persons, against which account."""

    kinds: frozenset[str]
    needs_two: bool = False
    account: tuple[str, str, str] | None = None
    is_final: bool = False


SUSPENSE = ("channel_suspense:{}", "liability", "待查长款 {}")
RESOLUTIONS = {
    # Take the path of any payment or refund that is told late.
    "settled": Resolution(frozenset({"long"}), is_final=True),
    # Book as suspense, then back by the route it came.
    "refunded": Resolution(frozenset({"long"}), account=SUSPENSE, is_final=True),
    "suspense": Resolution(frozenset({"long", "unknown", "duplicate"}), account=SUSPENSE),
    "claim": Resolution(
        frozenset({"short", "amount_differs", "unknown"}), account=("channel_claim:{}", "asset", "应收通道短款 {}")
    ),
    "difference": Resolution(
        frozenset({"amount_differs"}), account=("channel_difference:{}", "liability", "对账差额 {}")
    ),
    "written_off": Resolution(
        frozenset({"short", "amount_differs", "unknown", "duplicate"}),
        needs_two=True,
        account=("reconciliation_loss", "expense", "对账差错损失"),
    ),
    "noted": Resolution(frozenset({"duplicate"}), needs_two=True),  # the channel owns up to the line; nothing to book
}
AUTOMATIC = ("neighbour_day", "appeared", "overdue", "superseded", "withdrawn")


def judge(facts: Facts, day: date) -> Break:
    """What this line is. Tolerance is zero, and what we booked on another day is late, not wrong."""
    kind, detail, resolution = _kind(facts, day)
    line = facts.line
    ours = None if facts.is_twice else facts.booked_fen
    told = f"{subject(line.kind, line.gateway_no, line.refund_no)}{f'#{day}:{line.line_no}' if facts.is_twice else ''}"
    return Break(
        kind, told, line.line_no, line.kind, facts.pool_id, facts.payment_id, facts.order_id,
        facts.refund_id if facts.refund_state is not None else None, line.trade_no, line.gateway_no, line.refund_no,
        line.amount_fen, ours, detail, line.at, resolution,
    )  # fmt: skip


def _kind(facts: Facts, day: date) -> tuple[str, str, str]:
    line = facts.line
    if facts.is_twice:
        return "duplicate", "the number is on a bill already", ""
    if not facts.is_ours:
        return "unknown", _stranger(facts), ""
    if facts.booked_fen is None or facts.booked_at is None:
        if line.kind == "refund" and facts.refund_state in ("requested", "unknown"):
            return "late", "asked for, not told to be done yet", ""
        known = facts.refund_state if line.kind == "refund" else facts.payment_state
        return "long", f"{line.kind} {known}", ""
    if line.amount_fen != facts.booked_fen or line.amount_fen != facts.expected_fen:
        return "amount_differs", f"{facts.booked_fen} booked", ""
    booked_on = biz_date(facts.booked_at)
    assert booked_on != day, "what is booked on its day with its amount is matched"
    return "late", f"booked on {booked_on}", "neighbour_day"


def _stranger(facts: Facts) -> str:
    if facts.owner_id is not None and facts.owner_id != facts.payment_id:
        return "the number belongs to another trade"
    if facts.line.kind == "refund":
        return (
            "a refund of ours has no such number" if facts.refund_state is None else "the refund is of another payment"
        )
    return "no trade of ours has this number"


def counts_on(facts: Facts, day: date) -> int:
    """What of our books of this day a line explains, whatever it came to; the same line again explains nothing more."""
    if facts.is_again or facts.booked_fen is None or facts.booked_at is None or biz_date(facts.booked_at) != day:
        return 0
    return facts.booked_fen


def subject(kind: str, gateway_no: str, refund_no: str) -> str:
    """What a case is about, the same from whichever side it is seen."""
    return f"{kind}:{gateway_no}/{refund_no}" if refund_no else f"{kind}:{gateway_no}"


def due_at(opened_at: datetime, days: int = DEADLINE_DAYS) -> datetime:
    """The end of office hours on the working day that is so many after this one. Weekends are no working days."""
    day = biz_date(opened_at)
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY
    return datetime(day.year, day.month, day.day, DUE_HOUR, tzinfo=SHANGHAI)


def needs_two(resolution: str, source: str) -> bool:
    """Whether a second person has to agree: to a loss, and to handing goods out on a file that somebody uploaded."""
    return RESOLUTIONS[resolution].needs_two or (resolution == "settled" and source == "uploaded")


def postings(
    case: Case, resolution: str, accounts: tuple[int, int], reason_id: UUID, *, back: bool = False
) -> list[Posting]:
    """case_<resolution>: the channel's account moves by the difference, against (channel, counter) of `accounts`."""
    channel, counter = accounts
    fen = -case.difference_fen if back else case.difference_fen
    memo = (case.refund_no or case.gateway_no)[:64]
    sides = ((channel, -fen), (counter, fen))
    return [Posting(ACCOUNT_KEYED, reason_id, f"case_{resolution}", one, amount, memo) for one, amount in sides]


def explains(bill: Bill) -> bool:
    """Whether every fen of the bill and of our books of the day is either matched or a break."""
    return bill.proof_fen == (0, 0)
