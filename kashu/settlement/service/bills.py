"""A bill on its way in: opened, filled in stretches, each whole or not at all; or failed, with why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu import audit, payments
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import id_of, new_id, pool_of
from kashu.settlement import store
from kashu.settlement.types import BILL, KINDS, Bill, BillLine, BillRefusal

TROUBLE_CHARS_MAX = 200
UNDER_WAY = ("fetching", "loading", "loaded", "matching")
Kept = tuple[str, str, int, int]  # name in the spool, SHA-256, bytes, lines at a guess


def open_bill(db: Db, actor: Actor, of: tuple[str, date, str], kept: Kept | None, at: datetime) -> Bill | BillRefusal:
    """Begin with a bill of (channel, day, kind): with a file that was uploaded, or to be fetched where there is none.

    A later file of the same day is a version of its own, and takes the earlier one's place when it has been matched.
    """
    assert_in_transaction(db)
    channel_id, day, kind = of
    assert kind in KINDS
    if channel_id not in payments.channels(db):
        return BillRefusal.NO_SUCH_CHANNEL
    if day >= biz_date(at):
        return BillRefusal.DAY_NOT_OVER
    last = store.bill_of(db, channel_id, day, kind)
    if last is not None and last.state in UNDER_WAY:
        return BillRefusal.UNDER_WAY
    if last is not None and kept is not None and last.state == "matched" and last.sha256 == kept[1]:
        return BillRefusal.SAME_FILE
    if last is not None and last.state == "failed" and last.lines_loaded == 0 and kept is None:
        store.move(db, last.id, "failed", "fetching", trouble="", source="fetched")  # another try, not another bill
        new = last.id
    else:
        new = new_id()
        name, digest, size, lines = kept or ("", "", 0, 0)
        told = {
            "id": new, "channel_id": channel_id, "day": day, "kind": kind, "source": "uploaded" if kept else "fetched",
            "version": store.last_version(db, channel_id, day, kind) + 1, "state": "loading" if kept else "fetching",
            "sha256": digest, "size": size, "spool": name, "lines_total": lines, "asked_by": actor.name, "opened_at": at,
        }  # fmt: skip
        if not store.new_bill(db, told):
            return BillRefusal.UNDER_WAY
    found = store.bill(db, new)
    assert found is not None
    audit.record(db, [_deed(actor, found, "open")], at)
    tell(db, [Fact("bill.reconcile", {"bill_id": found.id})], at)
    return found


def begin(db: Db, bill_id: UUID, kept: Kept) -> Bill | None:
    """A bill's file has been fetched into the spool; None when another worker has been faster."""
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    if found is None or found.state != "fetching":
        return None
    name, digest, size, lines = kept
    BILL.check("fetching", "loading")
    store.move(db, bill_id, "fetching", "loading", spool=name, sha256=digest, size=size, lines_total=lines)
    return store.bill(db, bill_id)


def load(db: Db, bill_id: UUID, done: int, lines: Sequence[BillLine]) -> Bill | None:
    """Write a stretch of lines behind the `done` that are there; None when there are more or fewer, or it has ended."""
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    if found is None or found.state != "loading" or found.lines_loaded != done:
        return None
    # From here on lines are counted from one, without what is above them in the file: steps are ranges of numbers.
    told = [
        (line._replace(line_no=line_no), pool_of(line.trade_no) or 0, id_of(line.refund_no))
        for line_no, line in enumerate(lines, done + 1)
    ]
    store.add_lines(db, bill_id, told)
    store.progress(
        db, bill_id,
        lines_loaded=len(lines),
        payments=sum(line.kind == "payment" for line in lines),
        refunds=sum(line.kind == "refund" for line in lines),
        bill_fen=sum(line.amount_fen for line in lines),
        fee_fen=sum(line.fee_fen for line in lines),
    )  # fmt: skip
    return store.bill(db, bill_id)


def loaded(db: Db, bill_id: UUID, at: datetime) -> Bill | None:
    """The file has been read to its end, and its totals are right; None when another worker has said so."""
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    if found is None or found.state != "loading":
        return None
    store.move(db, bill_id, "loading", "loaded", spool="", lines_total=found.lines_loaded, loaded_at=at)
    after = {"lines": found.lines_loaded, "fen": found.bill_fen, "sha256": found.sha256}
    audit.record(db, [_deed(SYSTEM, found, "loaded", after)], at)
    return store.bill(db, bill_id)


def fail(db: Db, bill_id: UUID, reason: BillRefusal, line_no: int, detail: str, at: datetime) -> Bill | None:
    """Give a bill up. Its cases are closed, its lines removed in stretches by `clear`; None when it has ended before."""
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    if found is None or found.state not in ("fetching", "loading", "matching"):
        return None
    trouble = f"{reason.value} {line_no} {detail}".strip()[:TROUBLE_CHARS_MAX]
    BILL.check(found.state, "failed")
    store.move(db, bill_id, found.state, "failed", trouble=trouble, spool="")
    closed = store.close_of_bill(db, bill_id, "withdrawn", at)
    audit.record(db, [_deed(SYSTEM, found, "failed", {"trouble": trouble, "cases": len(closed)})], at)
    return store.bill(db, bill_id)


def clear(db: Db, bill_id: UUID, most: int) -> int:
    """Remove lines of a bill that failed; says how many."""
    assert_in_transaction(db)
    found = store.bill(db, bill_id, lock=True)
    assert found is not None
    assert found.state == "failed"
    return store.clear_lines(db, bill_id, most)


def set_columns(
    db: Db, actor: Actor, channel_id: str, kind: str, columns: Mapping[str, Sequence[str]], at: datetime
) -> None:
    """Name the columns of a channel's bills, where they are other than we know."""
    assert_in_transaction(db)
    store.keep_columns(db, channel_id, kind, columns, actor.name, at)
    after = {role: list(names) for role, names in columns.items()}
    audit.record(db, [Deed(actor, "bill.columns", "channel", channel_id, after=after)], at)


def _deed(actor: Actor, bill: Bill, verb: str, after: Mapping[str, object] | None = None) -> Deed:
    told = {"channel": bill.channel_id, "day": bill.day, "kind": bill.kind, "version": bill.version}
    return Deed(actor, f"bill.{verb}", "bill", str(bill.id), after={**told, **(after or {})})
