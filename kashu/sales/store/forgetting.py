"""SQL of buyers' own data: which orders a browser holds, what is forgotten of them on request, a phone that is put right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, run
from kashu.sales.types import Order

Key = tuple[int, UUID]

# The lists of the phones of orders that a browser holds are followed too; what it does not hold is left out.
HELD = """
WITH own AS (
    SELECT kept.pool_id, kept.order_id FROM sales_buyer_order AS kept
    JOIN sales_possession AS held
      ON held.pool_id = kept.pool_id AND held.order_id = kept.order_id AND held.device = %(device)s
    WHERE kept.buyer = %(list)s ORDER BY kept.placed_at DESC LIMIT %(most)s
), phones AS (
    SELECT DISTINCT told.phone_identity FROM own
    JOIN sales_order AS told ON told.pool_id = own.pool_id AND told.id = own.order_id
    WHERE told.phone_identity IS NOT NULL
), told AS (
    SELECT pool_id, order_id FROM own
    UNION
    SELECT kept.pool_id, kept.order_id FROM phones
    JOIN sales_buyer_order AS kept ON kept.buyer = '\\x70686f6e653a'::bytea || phones.phone_identity   -- phone:
    JOIN sales_possession AS held
      ON held.pool_id = kept.pool_id AND held.order_id = kept.order_id AND held.device = %(device)s
)
SELECT pool_id, order_id FROM told ORDER BY order_id DESC LIMIT %(most)s
"""
LIST = """
INSERT INTO sales_buyer_order (buyer, placed_at, pool_id, order_id)
SELECT %s, told.placed_at, told.pool_id, told.id FROM sales_order AS told
WHERE (told.pool_id, told.id) IN (SELECT * FROM unnest(%s::bigint[], %s::uuid[])) ORDER BY told.id
ON CONFLICT DO NOTHING
"""
# What remains names nobody, but for the keyed mark of the phone while an after-sale may still need it.
FORGET = """
UPDATE sales_order AS told
SET forgotten_at = %s, forget_on = due.forget_on, phone_sealed = NULL, phone_tail = '', open_id = '', address = '',
    device = CASE WHEN told.device = '' THEN told.device ELSE decode(repeat('00', 16), 'hex') END
FROM unnest(%s::bigint[], %s::uuid[], %s::date[]) AS due (pool_id, id, forget_on)
WHERE told.pool_id = due.pool_id AND told.id = due.id AND told.forgotten_at IS NULL AND told.purged_at IS NULL
"""
UNLIST = """
DELETE FROM sales_buyer_order AS kept
USING unnest(%s::bytea[], %s::uuid[]) AS due (buyer, order_id)
WHERE kept.buyer = due.buyer AND kept.order_id = due.order_id
"""
UNLIST_HOLDERS = """
DELETE FROM sales_buyer_order AS kept
USING sales_possession AS held, unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
WHERE held.pool_id = due.pool_id AND held.order_id = due.order_id
  AND kept.buyer = '\\x6465766963653a'::bytea || held.device AND kept.order_id = due.order_id   -- device:
"""
POSSESSION = """
DELETE FROM sales_possession AS held USING unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
WHERE held.pool_id = due.pool_id AND held.order_id = due.order_id
"""
TRACES = (
    """
    DELETE FROM sales_key AS kept USING unnest(%s::bytea[], %s::bytea[], %s::uuid[]) AS due (device, phone, order_id)
    WHERE kept.scope = due.device AND kept.order_id = due.order_id
    """,
    """
    DELETE FROM sales_code AS kept USING unnest(%s::bytea[], %s::bytea[], %s::uuid[]) AS due (device, phone, order_id)
    WHERE kept.phone_identity = due.phone AND kept.device = due.device
    """,
)
# Limits of the phone go on counting for as long as its mark is kept.
QUOTA = (
    r"DELETE FROM sales_quota WHERE order_id = ANY (%s) AND substring(bucket FROM 1 FOR 6) <> '\x70686f6e653a'::bytea"
)
REST = """
UPDATE sales_order AS told SET phone_identity = NULL, forget_on = NULL
FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, id)
WHERE told.pool_id = due.pool_id AND told.id = due.id AND told.forgotten_at IS NOT NULL
"""
FORMS = """
UPDATE sales_fulfilment AS told SET form_sealed = '', shown = ''
FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
WHERE told.pool_id = due.pool_id AND told.order_id = due.order_id
"""
TO_FORGET = """
SELECT forget_on, pool_id, id FROM sales_order
WHERE forget_on <= %s AND (forget_on, id) > (%s, %s) ORDER BY forget_on, id LIMIT %s
"""


def held_by(db: Db, device: bytes, most: int) -> list[Key]:
    """Orders that a browser holds: those of its own list, and those of the phones on it; the newest first."""
    told = {"device": device, "list": b"device:" + device, "most": most}
    return db.execute(HELD, told).fetchall()  # type: ignore[return-value]  # two columns


def list_for(db: Db, device: bytes, keys: Collection[Key]) -> None:
    """Put orders that a browser was given on its list."""
    run(db, LIST, [b"device:" + device, *columns(sorted(keys), 2)])


def lock_links(db: Db, order_ids: Sequence[UUID]) -> None:
    """Links come before their orders wherever both are locked."""
    run(db, "SELECT FROM sales_link WHERE order_id = ANY (%s) ORDER BY hash FOR UPDATE", [list(order_ids)])


def forget(db: Db, told: Sequence[tuple[Order, date | None]], at: datetime) -> None:
    """Forget whose these orders are, but for the mark of the phone; what is left is looked at on the day beside each."""
    keys = [(order.pool_id, order.id) for order, _day in told]
    due = [(order.pool_id, order.id, day) for order, day in told]
    assert run(db, FORGET, [at, *columns(due, 3)]) == len(told), "a buyer is forgotten once"
    unlist_devices(db, [order for order, _day in told])
    drop_traces(db, [order for order, _day in told])
    run(db, POSSESSION, columns(keys, 2))
    drop_links(db, [order_id for _pool, order_id in keys])
    run(db, QUOTA, [[order_id for _pool, order_id in keys]])


def forget_rest(db: Db, orders: Sequence[Order]) -> None:
    """Forget the mark of the phone as well, who opened the order by it since, and for whom it was issued."""
    keys = columns([(order.pool_id, order.id) for order in orders], 2)
    assert run(db, REST, keys) == len(orders), "what is left is of who was forgotten"
    run(db, UNLIST_HOLDERS, keys)
    phones = [(b"phone:" + one.phone_identity, one.id) for one in orders if one.phone_identity is not None]
    run(db, UNLIST, columns(phones, 2))
    for sql in (POSSESSION, FORMS):
        run(db, sql, keys)
    drop_links(db, keys[1])
    run(db, "DELETE FROM sales_quota WHERE order_id = ANY (%s)", [keys[1]])


def unlist_devices(db: Db, orders: Sequence[Order]) -> None:
    """Take orders from the lists of the browsers that placed them or were given them."""
    run(db, UNLIST_HOLDERS, columns([(one.pool_id, one.id) for one in orders], 2))
    run(db, UNLIST, columns([(b"device:" + one.device, one.id) for one in orders], 2))


def drop_traces(db: Db, orders: Sequence[Order]) -> None:
    """Forget under which keys these orders were placed, and codes that their browser asked for."""
    for sql in TRACES:
        run(db, sql, columns([(one.device, one.phone_identity, one.id) for one in orders], 3))


def drop_links(db: Db, order_ids: Sequence[UUID]) -> None:
    run(db, "DELETE FROM sales_link WHERE order_id = ANY (%s)", [list(order_ids)])


def to_forget(db: Db, today: date, after: tuple[date, Key], most: int) -> list[tuple[date, Key]]:
    """Orders whose buyer was forgotten and of which something is left, the longest due first."""
    found = db.execute(TO_FORGET, [today, after[0], after[1][1], most])
    return [(due_on, (pool_id, order_id)) for due_on, pool_id, order_id in found]


def set_forget_on(db: Db, keys: Sequence[Key], day: date) -> None:
    sql = """
    UPDATE sales_order AS told SET forget_on = %s FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, id)
    WHERE told.pool_id = due.pool_id AND told.id = due.id
    """
    run(db, sql, [day, *columns(keys, 2)])


def set_phone(db: Db, order: Order, device: bytes, told: tuple[bytes, bytes, str]) -> None:
    """`told` is the sealed number, its mark and its tail. Who held the order by the old number holds it no more."""
    sql = """
    UPDATE sales_order SET phone_sealed = %s, phone_identity = %s, phone_tail = %s WHERE pool_id = %s AND id = %s
    """
    assert run(db, sql, [*told, order.pool_id, order.id]) == 1
    if order.phone_identity is not None:
        run(db, UNLIST, [[b"phone:" + order.phone_identity], [order.id]])
    run(db, LIST, [b"phone:" + told[1], [order.pool_id], [order.id]])
    sql = """
    DELETE FROM sales_possession WHERE pool_id = %s AND order_id = %s AND how IN ('code', 'link') AND device <> %s
    """
    run(db, sql, [order.pool_id, order.id, device])
    drop_links(db, [order.id])


def forget_codes(db: Db, before: datetime, most: int) -> int:
    """Codes that ended before an instant, the oldest first: ids are in the order of time."""
    sql = """
    DELETE FROM sales_code WHERE id IN (SELECT id FROM sales_code ORDER BY id LIMIT %s) AND expires_at < %s
    """
    return run(db, sql, [most, before])
