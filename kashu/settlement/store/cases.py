from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kashu.kernel.db import Db, columns, one, rows, run
from kashu.kernel.ids import new_id
from kashu.settlement.types import Bill, Break, Case

CASE = """
SELECT id, bill_id, channel_id, day, kind, subject, line_no, line_kind, pool_id, payment_id, order_id, refund_id, trade_no,
       gateway_no, refund_no, theirs_fen, ours_fen, detail, at, owner, due_at, state, resolution, note, reason_id,
       opened_at, resolved_at, resolved_by
FROM settlement_case
"""
# The same break found again is the same case. One that waits for its other side gets it; one that was closed because its
# bill did not count is open again. What a person has resolved stays as it is.
KEEP = """
INSERT INTO settlement_case AS told (id, bill_id, channel_id, day, kind, subject, line_no, line_kind, pool_id, payment_id,
    order_id, refund_id, trade_no, gateway_no, refund_no, theirs_fen, ours_fen, detail, at, owner, due_at, state,
    resolution, opened_at, resolved_at, resolved_by)
SELECT new.id, %(bill)s, %(channel)s, %(day)s, new.kind, new.subject, new.line_no, new.line_kind, new.pool_id,
       new.payment_id, new.order_id, new.refund_id, new.trade_no, new.gateway_no, new.refund_no, new.theirs_fen,
       new.ours_fen, new.detail, new.at, %(owner)s, %(due)s,
       CASE new.resolution WHEN '' THEN 'open' ELSE 'resolved' END, new.resolution, %(now)s,
       CASE new.resolution WHEN '' THEN NULL ELSE %(now)s END, CASE new.resolution WHEN '' THEN '' ELSE 'kashu' END
FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(subjects)s::text[], %(line_nos)s::int[], %(line_kinds)s::text[],
            %(pools)s::bigint[], %(payments)s::uuid[], %(orders)s::uuid[], %(refunds)s::uuid[], %(trades)s::text[],
            %(gateways)s::text[], %(refund_nos)s::text[], %(theirs)s::bigint[], %(ours)s::bigint[], %(details)s::text[],
            %(ats)s::timestamptz[], %(resolutions)s::text[])
    AS new (id, kind, subject, line_no, line_kind, pool_id, payment_id, order_id, refund_id, trade_no, gateway_no,
            refund_no, theirs_fen, ours_fen, detail, at, resolution)
ORDER BY new.kind, new.subject
ON CONFLICT (channel_id, kind, subject) DO UPDATE SET
    bill_id = excluded.bill_id, line_no = coalesce(excluded.line_no, told.line_no),
    theirs_fen = coalesce(excluded.theirs_fen, told.theirs_fen), ours_fen = coalesce(excluded.ours_fen, told.ours_fen),
    detail = excluded.detail, state = excluded.state, resolution = excluded.resolution,
    resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by
WHERE told.state = 'open' OR told.resolution IN ('superseded', 'withdrawn')
"""
LATE = f"""
{CASE} WHERE state = 'open' AND kind IN ('late', 'long', 'short') AND id > %s ORDER BY id LIMIT %s
"""
RESOLVE_MANY = """
UPDATE settlement_case SET state = 'resolved', resolution = %s, resolved_at = %s, resolved_by = 'kashu'
WHERE id = ANY (%s) AND state = 'open' RETURNING id
"""
OF_BILL = """
UPDATE settlement_case SET state = 'resolved', resolution = %s, resolved_at = %s, resolved_by = 'kashu'
WHERE bill_id = %s AND state = 'open' RETURNING id
"""
VIEWS = {"open": "state = 'open'", "resolved": "state = 'resolved'"}


def keep(db: Db, bill: Bill, found: Sequence[Break], owner: str, due_at: datetime, at: datetime) -> None:
    """Open a case for each break, once."""
    names = ("ids", "kinds", "subjects", "line_nos", "line_kinds", "pools", "payments", "orders", "refunds", "trades",
             "gateways", "refund_nos", "theirs", "ours", "details", "ats", "resolutions")  # fmt: skip
    told = columns(
        [
            (new_id(), b.kind, b.subject, b.line_no, b.line_kind, b.pool_id, b.payment_id, b.order_id, b.refund_id,
             b.trade_no, b.gateway_no, b.refund_no, b.theirs_fen, b.ours_fen, b.detail, b.at, b.resolution)
            for b in found
        ]
    )  # fmt: skip
    params: dict[str, Any] = dict(zip(names, told, strict=True))
    params |= {"bill": bill.id, "channel": bill.channel_id, "day": bill.day, "owner": owner, "due": due_at, "now": at}
    db.execute(KEEP, params)


def case(db: Db, case_id: UUID, *, lock: bool = False) -> Case | None:
    return one(db, Case, f"{CASE} WHERE id = %s{' FOR UPDATE' if lock else ''}", [case_id])


def cases(
    db: Db,
    *,
    view: str = "open",
    bill_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    most: int = 50,
) -> list[Case]:
    """Cases, those that are due first in front."""
    wheres, told = [VIEWS[view]] if view in VIEWS else [], []
    if bill_id is not None:
        wheres.append("bill_id = %s")
        told.append(bill_id)
    if after is not None:
        wheres.append("(due_at, id) > (%s, %s)")
        told += list(after)  # type: ignore[arg-type]  # an instant and an id
    where = " AND ".join(wheres) or "true"
    return rows(db, Case, f"{CASE} WHERE {where} ORDER BY due_at, id LIMIT %s", [*told, most])


def counts_by_kind(db: Db, bill_id: UUID) -> list[tuple[str, int, int, int]]:
    """Of a bill's cases by kind: how many, how many open, and their difference in fen."""
    sql = """
    SELECT kind, count(*), count(*) FILTER (WHERE state = 'open'),
           sum(coalesce(theirs_fen, 0) - coalesce(ours_fen, 0))::bigint
    FROM settlement_case WHERE bill_id = %s GROUP BY kind ORDER BY kind
    """
    return db.execute(sql, [bill_id]).fetchall()  # type: ignore[return-value]  # the columns as they are named


def assign(db: Db, case_id: UUID, owner: str, due_at: datetime) -> int:
    sql = "UPDATE settlement_case SET owner = %s, due_at = %s WHERE id = %s AND state = 'open'"
    return run(db, sql, [owner, due_at, case_id])


def move_case(
    db: Db, case_id: UUID, before: str, after: str, told: tuple[str, str, UUID | None, str], at: datetime
) -> None:
    """Resolve a case with (resolution, note, ledger reason, by whom), or open it again."""
    resolution, note, reason_id, by = told
    is_open = after == "open"
    sql = """
    UPDATE settlement_case SET state = %s, resolution = %s, note = %s, reason_id = %s, resolved_at = %s, resolved_by = %s
    WHERE id = %s AND state = %s
    """
    sets = [after, "" if is_open else resolution, note, None if is_open else reason_id, None if is_open else at]
    assert run(db, sql, [*sets, "" if is_open else by, case_id, before]) == 1, "a case moves once"


def open_late(db: Db, after: UUID, most: int) -> list[Case]:
    """Open cases whose other side may yet appear, in the order of their ids."""
    return rows(db, Case, LATE, [after, most])


def resolve_many(db: Db, ids: Sequence[UUID], resolution: str, at: datetime) -> list[UUID]:
    return [row[0] for row in db.execute(RESOLVE_MANY, [resolution, at, list(ids)])]


def close_of_bill(db: Db, bill_id: UUID, resolution: str, at: datetime) -> list[UUID]:
    """Close what is still open of a bill that no longer counts."""
    return [row[0] for row in db.execute(OF_BILL, [resolution, at, bill_id])]


def matched_days(db: Db, channel_id: str, days: Sequence[date]) -> set[date]:
    """Of these days, those with a bill in force."""
    sql = """
    SELECT day FROM settlement_bill WHERE channel_id = %s AND day = ANY (%s) AND kind = 'trade' AND state = 'matched'
    """
    return {row[0] for row in db.execute(sql, [channel_id, list(days)])}
