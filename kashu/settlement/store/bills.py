from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, one, rows, run, value, values
from kashu.settlement.types import Bill, BillLine

BILL = """
SELECT id, channel_id, day, kind, version, source, state, sha256, size, spool, lines_total, lines_loaded, lines_matched,
       windows_done, payments, refunds, bill_fen, fee_fen, matched, matched_fen, breaks, break_fen, booked_fen,
       ledger_fen, ledger_only_fen, trouble, asked_by, opened_at, loaded_at, matched_at
FROM settlement_bill
"""
LINE_COLUMNS = "bill_id, line_no, kind, pool_id, refund_id, gateway_no, trade_no, refund_no, amount_fen, fee_fen, at"
CLEAR = """
DELETE FROM settlement_bill_line WHERE bill_id = %s AND line_no IN (
    SELECT line_no FROM settlement_bill_line WHERE bill_id = %s ORDER BY line_no LIMIT %s)
"""
COUNTERS = ("lines_total", "lines_loaded", "lines_matched", "windows_done", "payments", "refunds", "bill_fen", "fee_fen",
            "matched", "matched_fen", "breaks", "break_fen", "booked_fen", "ledger_fen", "ledger_only_fen")  # fmt: skip


def bill(db: Db, bill_id: UUID, *, lock: bool = False) -> Bill | None:
    return one(db, Bill, f"{BILL} WHERE id = %s{' FOR NO KEY UPDATE' if lock else ''}", [bill_id])


def bill_of(db: Db, channel_id: str, day: date, kind: str) -> Bill | None:
    """The latest bill of a channel's day."""
    sql = f"{BILL} WHERE channel_id = %s AND day = %s AND kind = %s ORDER BY version DESC LIMIT 1"
    return one(db, Bill, sql, [channel_id, day, kind])


def in_force(db: Db, channel_id: str, day: date, kind: str) -> Bill | None:
    sql = f"{BILL} WHERE channel_id = %s AND day = %s AND kind = %s AND state = 'matched' FOR NO KEY UPDATE"
    return one(db, Bill, sql, [channel_id, day, kind])


def bills_since(db: Db, day: date) -> list[Bill]:
    return rows(db, Bill, f"{BILL} WHERE day >= %s ORDER BY day DESC, channel_id, kind, version", [day])


def under_way(db: Db) -> list[UUID]:
    """Bills that a worker should be at."""
    sql = (
        "SELECT id FROM settlement_bill WHERE state IN ('fetching', 'loading', 'loaded', 'matching') ORDER BY opened_at"
    )
    return values(db, sql)


def last_version(db: Db, channel_id: str, day: date, kind: str) -> int:
    sql = "SELECT coalesce(max(version), 0) FROM settlement_bill WHERE channel_id = %s AND day = %s AND kind = %s"
    return int(value(db, sql, [channel_id, day, kind]))


def new_bill(db: Db, new: Mapping[str, Any]) -> bool:
    """Write a bill down; False when another one of the day is under way."""
    names = ("id", "channel_id", "day", "kind", "version", "source", "state", "sha256", "size", "spool", "lines_total",
             "asked_by", "opened_at")  # fmt: skip
    sql = f"INSERT INTO settlement_bill ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))}) ON CONFLICT DO NOTHING"
    return run(db, sql, [new[name] for name in names]) == 1


def move(db: Db, bill_id: UUID, before: str, after: str, **changed: object) -> None:
    """Move a bill from a named state to another, with what changes on the way."""
    sets = "".join(f", {name} = %s" for name in changed)
    sql = f"UPDATE settlement_bill SET state = %s{sets} WHERE id = %s AND state = %s"
    assert run(db, sql, [after, *changed.values(), bill_id, before]) == 1, "a bill moves once"


def progress(db: Db, bill_id: UUID, **more: int) -> None:
    """Add to what has been counted of a bill."""
    assert set(more) <= set(COUNTERS)
    sets = ", ".join(f"{name} = {name} + %s" for name in more)
    assert run(db, f"UPDATE settlement_bill SET {sets} WHERE id = %s", [*more.values(), bill_id]) == 1


def add_lines(db: Db, bill_id: UUID, lines: Sequence[tuple[BillLine, int, UUID | None]]) -> None:
    """Lines with their pool and refund, by COPY."""
    told = "".join(
        f"{bill_id}\t{line.line_no}\t{line.kind}\t{pool_id}\t{refund_id or chr(92) + 'N'}\t{line.gateway_no}\t"
        f"{line.trade_no}\t{line.refund_no}\t{line.amount_fen}\t{line.fee_fen}\t{line.at.isoformat()}\n"
        for line, pool_id, refund_id in lines
    )
    with db.cursor() as cursor, cursor.copy(f"COPY settlement_bill_line ({LINE_COLUMNS}) FROM STDIN") as copy:
        copy.write(told)


def clear_lines(db: Db, bill_id: UUID, most: int) -> int:
    return run(db, CLEAR, [bill_id, bill_id, most])


def spooled(db: Db) -> set[str]:
    """The spooled files that bills still wait for."""
    return set(values(db, "SELECT spool FROM settlement_bill WHERE spool <> ''"))


def columns_of(db: Db, channel_id: str, kind: str) -> dict[str, list[str]]:
    """The column names that were set for a channel's bills."""
    found = value(db, "SELECT columns FROM settlement_form WHERE channel_id = %s AND kind = %s", [channel_id, kind])
    return found or {}


def keep_columns(
    db: Db, channel_id: str, kind: str, columns: Mapping[str, Sequence[str]], by: str, at: datetime
) -> None:
    sql = """
    INSERT INTO settlement_form (channel_id, kind, columns, set_by, set_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (channel_id, kind) DO UPDATE SET columns = excluded.columns, set_by = excluded.set_by, set_at = excluded.set_at
    """
    run(db, sql, [channel_id, kind, Jsonb({role: list(names) for role, names in columns.items()}), by, at])
