from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, rows, run, write
from kashu.sales.types import Fulfilment

FULFILMENT = """
SELECT pool_id, order_id, kind, state, form_sealed, shown, due_at, tries, sent_at, taken_by, trouble, ended_at,
       wish, wish_answer
FROM sales_fulfilment
"""
TAKE_ON = """
INSERT INTO sales_fulfilment (pool_id, order_id, kind, state, form_sealed, shown, due_at)
SELECT pool_id, order_id, kind, %s, form_sealed, shown, due_at
FROM unnest(%b::bigint[], %b::uuid[], %b::text[], %b::bytea[], %b::text[], %b::timestamptz[])
    AS new (pool_id, order_id, kind, form_sealed, shown, due_at)
"""


def take_on(db: Db, state: str, new: Sequence[tuple[int, UUID, str, bytes, str, datetime | None]]) -> None:
    """Note what orders wait for: (pool, order, kind, sealed form, what shows of it, due)."""
    write(db, TAKE_ON, [state, *columns(new)])


def fulfilments(db: Db, keys: Collection[tuple[int, UUID]]) -> dict[UUID, Fulfilment]:
    """What these orders wait for or have waited for, by order. Whoever moves one holds its order's lock."""
    sql = f"{FULFILMENT} WHERE (pool_id, order_id) IN (SELECT * FROM unnest(%s::bigint[], %s::uuid[]))"
    return {one.order_id: one for one in rows(db, Fulfilment, sql, columns(sorted(keys), 2))}


def fulfilments_open(db: Db, after: tuple[datetime, UUID] | None, most: int) -> list[Fulfilment]:
    """What is waited for, the soonest due first, after a (due, order)."""
    sql = f"{FULFILMENT} WHERE state IN ('waiting', 'sent') {{}} ORDER BY due_at, order_id LIMIT %s"
    if after is None:
        return rows(db, Fulfilment, sql.format(""), [most])
    return rows(db, Fulfilment, sql.format("AND (due_at, order_id) > (%s, %s)"), [*after, most])


def overdue(
    db: Db, at: datetime, sent_before: datetime, after: tuple[datetime, UUID] | None, most: int
) -> list[tuple[datetime, tuple[int, UUID]]]:
    """Orders that nobody has begun with in time, and no call of ours to a supplier can still arrive: (due, key)."""
    following = "" if after is None else "AND (due_at, order_id) > (%s, %s)"
    sql = f"""
    SELECT due_at, pool_id, order_id FROM sales_fulfilment
    WHERE state = 'waiting' AND taken_by = '' AND due_at <= %s AND (sent_at IS NULL OR sent_at <= %s) {following}
    ORDER BY due_at, order_id LIMIT %s
    """
    found = db.execute(sql, [at, sent_before, *(after or ()), most])  # type: ignore[arg-type]  # SQL is ours
    return [(due_at, (pool_id, order_id)) for due_at, pool_id, order_id in found]


def note_stuck(db: Db, told: Fulfilment, trouble: str) -> bool:
    """Note that a supplier does not say what became of an order; False when that was noted before."""
    sql = """
    UPDATE sales_fulfilment SET trouble = %s
    WHERE pool_id = %s AND order_id = %s AND state = 'sent' AND trouble NOT LIKE 'stuck%%'
    """
    return run(db, sql, [f"stuck: {trouble}", told.pool_id, told.order_id]) == 1


def begin_fulfilments(db: Db, due: Sequence[tuple[int, UUID, datetime]]) -> None:
    """These orders are paid: (pool, order, due)."""
    sql = """
    UPDATE sales_fulfilment AS told SET state = 'waiting', due_at = new.due_at
    FROM unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) AS new (pool_id, order_id, due_at)
    WHERE told.pool_id = new.pool_id AND told.order_id = new.order_id AND told.state = 'unpaid'
    """
    assert run(db, sql, columns(due)) == len(due), "an order is begun with once"


def move_fulfilment(db: Db, told: Fulfilment, after: str, at: datetime, trouble: str = "") -> None:
    """Move a fulfilment from the state it was seen in, under its order's lock."""
    sql = """
    UPDATE sales_fulfilment
    SET state = %(after)s, trouble = %(trouble)s,
        tries = tries + CASE WHEN %(after)s = 'sent' THEN 1 ELSE 0 END,
        sent_at = CASE WHEN %(after)s = 'sent' THEN %(at)s ELSE sent_at END,
        ended_at = CASE WHEN %(after)s IN ('done', 'failed') THEN %(at)s ELSE ended_at END
    WHERE pool_id = %(pool)s AND order_id = %(order)s AND state = %(before)s
    """
    params = {"after": after, "at": at, "trouble": trouble, "pool": told.pool_id, "order": told.order_id,
              "before": told.state}  # fmt: skip
    assert run(db, sql, params) == 1, "a fulfilment moves from the state it was seen in"  # type: ignore[arg-type]


def take_fulfilment(db: Db, told: Fulfilment, by: str) -> None:
    sql = "UPDATE sales_fulfilment SET taken_by = %s WHERE pool_id = %s AND order_id = %s AND state IN ('waiting', 'sent')"
    assert run(db, sql, [by, told.pool_id, told.order_id]) == 1


def note_wish(db: Db, told: Fulfilment, wish: str, answer: str = "") -> None:
    """Note what a buyer chose, or what they were answered, under the order's lock."""
    sql = """
    UPDATE sales_fulfilment SET wish = %s, wish_answer = %s
    WHERE pool_id = %s AND order_id = %s AND wish = %s AND state IN ('waiting', 'sent')
    """
    assert run(db, sql, [wish, answer, *told.key, told.wish]) == 1, "a wish moves from what it was seen as"


def unspend(db: Db, account_id: int, day: date, fen: int) -> None:
    """What was given back no longer counts against its day's limit."""
    sql = "UPDATE sales_account SET spent_fen = greatest(spent_fen - %s, 0) WHERE id = %s AND spent_on = %s"
    run(db, sql, [fen, account_id, day])
