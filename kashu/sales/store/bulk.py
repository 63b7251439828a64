from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.clock import day_start
from kashu.kernel.db import Db, one, rows, run, value
from kashu.sales.types import Bulk, Invoice

BULK = """
SELECT id, account_id, code, quantity, reference, state, bought, spent_fen, steps, stopped_by, sealed_password,
       file_bytes, file_sha256, made_by, made_at, done_at, file_kind
FROM sales_bulk
"""
INVOICE = """
SELECT id, account_id, month, title, tax_no, amount_fen, state, number, asked_by, asked_at, decided_by, decided_at
FROM sales_invoice
"""


def add_bulk(db: Db, new: Bulk) -> None:
    sql = """
    INSERT INTO sales_bulk (id, account_id, code, quantity, reference, state, sealed_password, made_by, made_at,
                            file_kind)
    VALUES (%s, %s, %s, %s, %s, 'running', %s, %s, %s, %s)
    """
    told = [new.id, new.account_id, new.code, new.quantity, new.reference, new.sealed_password]
    run(db, sql, [*told, new.made_by, new.made_at, new.file_kind])


def keep_bulk_key(db: Db, scope: bytes, key: str, asked: str, bulk_id: UUID, at: datetime) -> None:
    sql = "INSERT INTO sales_key (scope, key, asked, pool_id, order_id, made_at) VALUES (%s, %s, %s, 0, %s, %s)"
    run(db, sql, [scope, key, asked, bulk_id, at])


def keep_bulk_reference(db: Db, account_id: int, reference: str, bulk_id: UUID) -> None:
    sql = "INSERT INTO sales_reference (account_id, reference, pool_id, order_id) VALUES (%s, %s, 0, %s)"
    run(db, sql, [account_id, reference, bulk_id])


def bulk(db: Db, bulk_id: UUID, *, lock: bool = False) -> Bulk | None:
    return one(db, Bulk, f"{BULK} WHERE id = %s {'FOR NO KEY UPDATE' if lock else ''}", [bulk_id])


def bulks_open(db: Db, account_id: int) -> int:
    """How many bulk purchases of an account are not done."""
    sql = "SELECT count(*)::int FROM sales_bulk WHERE account_id = %s AND state <> 'done'"
    return int(value(db, sql, [account_id]))


def bulks(db: Db, account_id: int, most: int) -> list[Bulk]:
    return rows(db, Bulk, f"{BULK} WHERE account_id = %s ORDER BY made_at DESC, id LIMIT %s", [account_id, most])


def add_step(db: Db, told: Bulk, key: tuple[int, UUID], bought: int, spent_fen: int) -> None:
    """Note what one step bought."""
    run(
        db,
        "INSERT INTO sales_bulk_step (bulk_id, no, pool_id, order_id) VALUES (%s, %s, %s, %s)",
        [told.id, told.steps, *key],
    )
    sql = """
    UPDATE sales_bulk SET bought = bought + %s, spent_fen = spent_fen + %s, steps = steps + 1
    WHERE id = %s AND state = 'running' AND steps = %s
    """
    assert run(db, sql, [bought, spent_fen, told.id, told.steps]) == 1, "a step is noted once"


def end_buying(db: Db, bulk_id: UUID, stopped_by: str) -> None:
    sql = "UPDATE sales_bulk SET state = 'packing', stopped_by = %s WHERE id = %s AND state = 'running'"
    assert run(db, sql, [stopped_by, bulk_id]) == 1


def steps(db: Db, bulk_id: UUID, after: int, most: int) -> list[tuple[int, int, UUID]]:
    """What was bought, step by step: (number, pool, order)."""
    sql = "SELECT no, pool_id, order_id FROM sales_bulk_step WHERE bulk_id = %s AND no > %s ORDER BY no LIMIT %s"
    return db.execute(sql, [bulk_id, after, most]).fetchall()  # type: ignore[return-value]  # three columns


def add_piece(db: Db, bulk_id: UUID, no: int, content: bytes) -> None:
    run(db, "INSERT INTO sales_bulk_piece (bulk_id, no, content) VALUES (%s, %s, %s)", [bulk_id, no, content])


def drop_pieces(db: Db, bulk_id: UUID) -> None:
    """Forget a file that was not finished."""
    run(db, "DELETE FROM sales_bulk_piece WHERE bulk_id = %s", [bulk_id])


def end_packing(db: Db, bulk_id: UUID, size: int, sha256: str, at: datetime) -> None:
    """The file is there; its password is forgotten."""
    sql = """
    UPDATE sales_bulk SET state = 'done', file_bytes = %s, file_sha256 = %s, done_at = %s, sealed_password = NULL
    WHERE id = %s AND state = 'packing'
    """
    assert run(db, sql, [size, sha256, at, bulk_id]) == 1


def piece(db: Db, bulk_id: UUID, no: int) -> bytes | None:
    found: bytes | None = value(
        db, "SELECT content FROM sales_bulk_piece WHERE bulk_id = %s AND no = %s", [bulk_id, no]
    )
    return found


def old_files(db: Db, before: datetime, most: int) -> Iterator[UUID]:
    """Bulk purchases whose files have been there long enough."""
    sql = """
    SELECT DISTINCT bulk.id FROM sales_bulk AS bulk JOIN sales_bulk_piece AS piece ON piece.bulk_id = bulk.id
    WHERE bulk.done_at < %s LIMIT %s
    """
    return (row[0] for row in db.execute(sql, [before, most]).fetchall())


def bought_in(db: Db, account_id: int, first: date, after: date) -> int:
    """What an account bought from one day to another and was not given back for, in fen."""
    sql = """
    WITH bought AS (
        SELECT reason_id, memo, recipe, amount_fen FROM ledger_entry
        WHERE account_id = %(account)s AND recipe IN ('line_purchased', 'purchase_paid')
          AND posted_at >= %(first)s AND posted_at < %(after)s)
    SELECT coalesce(-sum(fen), 0)::bigint FROM (
        SELECT amount_fen AS fen FROM bought
        UNION ALL
        SELECT back.amount_fen FROM ledger_entry AS back
        WHERE back.account_id = %(account)s AND back.posted_at >= %(first)s
          AND (back.recipe = 'purchase_returned'
               AND back.reason_id IN (SELECT reason_id FROM bought WHERE recipe = 'purchase_paid')
               OR back.recipe = 'purchase_granted' AND back.memo IN (SELECT memo FROM bought))
    ) AS sums
    """
    told = {"account": account_id, "first": day_start(first), "after": day_start(after)}
    return int(value(db, sql, told))  # type: ignore[arg-type]  # named parameters


def is_being_issued(db: Db, account_id: int, before: date) -> bool:
    """Whether an account has an order from before a day that is still being issued."""
    sql = """
    SELECT true FROM sales_fulfilment AS waiting
    JOIN sales_order AS told ON told.pool_id = waiting.pool_id AND told.id = waiting.order_id
    WHERE waiting.state IN ('waiting', 'sent') AND told.account_id = %s AND told.placed_at < %s LIMIT 1
    """
    return bool(value(db, sql, [account_id, day_start(before)]))


def usage_by_day(db: Db, account_id: int, since: date) -> list[tuple[date, int, int]]:
    """Purchases by business day: (day, entries, fen)."""
    sql = """
    SELECT (posted_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(DISTINCT memo)::int, (-sum(amount_fen))::bigint
    FROM ledger_entry WHERE account_id = %s AND posted_at >= %s
      AND recipe IN ('line_purchased', 'purchase_paid', 'purchase_returned', 'purchase_granted') GROUP BY day ORDER BY day
    """
    return db.execute(sql, [account_id, day_start(since)]).fetchall()  # type: ignore[return-value]  # three columns


def add_invoice(db: Db, new: Invoice) -> bool:
    """Write an invoice down; False when the month has one."""
    sql = """
    INSERT INTO sales_invoice (id, account_id, month, title, tax_no, amount_fen, state, asked_by, asked_at)
    VALUES (%s, %s, %s, %s, %s, %s, 'asked', %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.account_id, new.month, new.title, new.tax_no, new.amount_fen, new.asked_by, new.asked_at]
    return run(db, sql, told) == 1


def decide_invoice(db: Db, invoice_id: UUID, state: str, number: str, by: str, at: datetime) -> int:
    sql = """
    UPDATE sales_invoice SET state = %s, number = %s, decided_by = %s, decided_at = %s WHERE id = %s AND state = 'asked'
    """
    return run(db, sql, [state, number, by, at, invoice_id])


def invoices(db: Db, account_id: int, most: int) -> list[Invoice]:
    return rows(
        db, Invoice, f"{INVOICE} WHERE account_id = %s ORDER BY month DESC, asked_at DESC LIMIT %s", [account_id, most]
    )
