"""A bill held against payments and books: a step is a stretch of lines, or a window of the day's books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from kashu import audit, sales
from kashu.audit import SYSTEM, Deed
from kashu.kernel.clock import day_start
from kashu.kernel.db import Db, assert_in_transaction
from kashu.settlement import rules, store
from kashu.settlement.store.matching import Where
from kashu.settlement.types import BILL, Bill, BillRefusal, Break, Case

STEP_LINES = 5_000
WINDOWS = 288  # of five minutes
OWNER = "finance"
REVIEW_MAX = 1_000


def match_step(db: Db, bill_id: UUID, at: datetime, step_lines: int = STEP_LINES) -> Bill | BillRefusal | None:
    """Do the next step of matching a bill that is loaded; None when there is none (any more).

    The bill's row says how far it is and is locked: steps of two workers follow one another, and none is done twice.
    """
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    if found is None or found.state not in ("loaded", "matching") or found.kind != "trade":
        return None
    if found.state == "loaded":
        BILL.check("loaded", "matching")
        store.move(db, bill_id, "loaded", "matching")
    begins = day_start(found.day)
    account = sales.psp_account(db, found.channel_id)
    where = Where(found.id, found.channel_id, account, found.day, begins, begins + timedelta(days=1))
    if found.breaks > rules.BREAKS_MAX:
        return BillRefusal.TOO_MANY_BREAKS
    if found.lines_matched < found.lines_loaded:
        _lines(db, found, where, step_lines, at)
    elif found.windows_done < WINDOWS:
        _window(db, found, where, at)
    else:
        return _finish(db, found, at)
    return store.bill(db, bill_id)


def _lines(db: Db, bill: Bill, where: Where, step_lines: int, at: datetime) -> None:
    until = min(bill.lines_matched + step_lines, bill.lines_loaded)
    many, fen, others = store.look_at_lines(db, where, bill.lines_matched, until)
    assert many + len(others) == until - bill.lines_matched, "every line is looked at once"
    breaks = [rules.judge(one, bill.day) for one in others]
    if breaks:
        store.keep(db, bill, breaks, OWNER, rules.due_at(at), at)
    booked = sum(rules.counts_on(one, bill.day) for one in others)
    store.progress(
        db, bill.id,
        lines_matched=until - bill.lines_matched, matched=many, matched_fen=fen, breaks=len(breaks),
        break_fen=sum(one.theirs_fen or 0 for one in breaks), booked_fen=booked,
    )  # fmt: skip


def _window(db: Db, bill: Bill, where: Where, at: datetime) -> None:
    begins = where.begins + bill.windows_done * timedelta(days=1) / WINDOWS
    ends = where.begins + (bill.windows_done + 1) * timedelta(days=1) / WINDOWS
    total_fen, only_fen, breaks = store.look_at_books(db, where, begins, ends)
    if breaks:
        store.keep(db, bill, breaks, OWNER, rules.due_at(at), at)
    store.progress(
        db, bill.id, windows_done=1, ledger_fen=total_fen, ledger_only_fen=only_fen, breaks=len(breaks)
    )  # fmt: skip


def _finish(db: Db, bill: Bill, at: datetime) -> Bill | BillRefusal | None:
    """The bill counts from now on. An earlier version of the day no longer does, nor what it alone found."""
    if not rules.explains(bill):  # the table would refuse it as well; whoever looks at the bill sees the figures
        return BillRefusal.OUT_OF_PROOF
    earlier = store.in_force(db, bill.channel_id, bill.day, bill.kind)
    if earlier is not None:
        store.move(db, earlier.id, "matched", "superseded")
        ids = store.close_of_bill(db, earlier.id, "superseded", at)
        audit.record(db, [_closed(one, "superseded") for one in ids], at)
    BILL.check("matching", "matched")
    store.move(db, bill.id, "matching", "matched", matched_at=at)
    told = {"lines": bill.lines_loaded, "matched": bill.matched, "breaks": bill.breaks, "fen": bill.bill_fen}
    audit.record(db, [Deed(SYSTEM, "bill.matched", "bill", str(bill.id), after=told)], at)
    return store.bill(db, bill.id)


def review(db: Db, after: UUID, at: datetime) -> UUID | None:
    """Look at the next open cases again: what has explained itself is closed, what has waited too long is a break.

    Says behind which case to go on; None after the last.
    """
    assert_in_transaction(db)
    found = store.open_late(db, after, REVIEW_MAX)
    for channel_id in sorted({one.channel_id for one in found}):
        mine = [one for one in found if one.channel_id == channel_id]
        account = sales.psp_account(db, channel_id)
        here = store.appeared(db, channel_id, account, [one.id for one in mine])
        closed = store.resolve_many(db, sorted(here), "appeared", at)
        audit.record(db, [_closed(one, "appeared") for one in closed], at)
        _overdue(db, channel_id, [one for one in mine if one.id not in here and one.kind == "late"], at)
    return found[-1].id if len(found) == REVIEW_MAX else None


def _overdue(db: Db, channel_id: str, waiting: Sequence[Case], at: datetime) -> None:
    """The next day's bill has come without it, or the time is up: long or short."""
    nexts = store.matched_days(db, channel_id, [one.day + timedelta(days=1) for one in waiting])
    grace = timedelta(days=rules.LATE_DAYS)
    over = [
        one for one in waiting
        if one.opened_at + grace < at or (one.theirs_fen is None and one.day + timedelta(days=1) in nexts)
    ]  # fmt: skip
    if not over:
        return
    closed = set(store.resolve_many(db, [one.id for one in over], "overdue", at))
    audit.record(db, [_closed(one, "overdue") for one in sorted(closed)], at)
    for one in over:
        bill = store.bill(db, one.bill_id)
        if one.id in closed and bill is not None:
            store.keep(db, bill, [_broken(one)], OWNER, rules.due_at(at), at)


def _broken(case: Case) -> Break:
    kind = "short" if case.theirs_fen is None else "long"
    return Break(
        kind, case.subject, case.line_no, case.line_kind, case.pool_id, case.payment_id, case.order_id, case.refund_id,
        case.trade_no, case.gateway_no, case.refund_no, case.theirs_fen, case.ours_fen, case.detail, case.at,
    )  # fmt: skip


def _closed(case_id: UUID, resolution: str) -> Deed:
    return Deed(SYSTEM, "case.closed", "case", str(case_id), after={"resolution": resolution})
