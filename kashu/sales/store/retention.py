"""SQL of what is erased when its time has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, run
from kashu.sales.store.forgetting import UNLIST, drop_traces, unlist_devices
from kashu.sales.types import Order

Key = tuple[int, UUID]
Place = tuple[date | datetime, Key]  # where a list of what is due goes on

TO_ERASE = """
SELECT erase_on, pool_id, id FROM sales_order
WHERE erase_on <= %s AND (erase_on, id) > (%s, %s) ORDER BY erase_on, id LIMIT %s
"""
# What is contested is passed over here and refused there: nobody waits behind it.
TO_PURGE = """
SELECT coalesce(completed_at, closed_at) AS over_at, pool_id, id FROM sales_order
WHERE purged_at IS NULL AND coalesce(completed_at, closed_at) <= %s AND (coalesce(completed_at, closed_at), id) > (%s, %s)
  AND state IN ('completed', 'refunded', 'expired', 'cancelled')
ORDER BY coalesce(completed_at, closed_at), id LIMIT %s
"""
SET_ERASED = """
UPDATE sales_order AS told SET erased_at = %s, erase_on = NULL
FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, id)
WHERE told.pool_id = due.pool_id AND told.id = due.id AND told.erased_at IS NULL
"""
ERASE_FORMS = """
UPDATE sales_fulfilment AS told SET form_sealed = ''
FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
WHERE told.pool_id = due.pool_id AND told.order_id = due.order_id
"""
SET_ERASE_ON = """
UPDATE sales_order AS told SET erase_on = due.erase_on
FROM unnest(%s::bigint[], %s::uuid[], %s::date[]) AS due (pool_id, id, erase_on)
WHERE told.pool_id = due.pool_id AND told.id = due.id
"""
# Its number, its link, what was sold, when and for how much stay: they name nobody.
PURGE = """
UPDATE sales_order AS told
SET purged_at = %s, forget_on = NULL, phone_sealed = NULL, phone_identity = NULL, phone_tail = '', open_id = '', address = '',
    device = CASE WHEN told.device = '' THEN told.device ELSE decode(repeat('00', 16), 'hex') END
FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, id)
WHERE told.pool_id = due.pool_id AND told.id = due.id AND told.purged_at IS NULL
"""
FORGET = (
    """
    DELETE FROM sales_minor_order AS told USING unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
    WHERE told.pool_id = due.pool_id AND told.order_id = due.order_id
    """,
    """
    DELETE FROM sales_possession AS held USING unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
    WHERE held.pool_id = due.pool_id AND held.order_id = due.order_id
    """,
    """
    UPDATE sales_fulfilment AS told SET form_sealed = '', shown = ''
    FROM unnest(%s::bigint[], %s::uuid[]) AS due (pool_id, order_id)
    WHERE told.pool_id = due.pool_id AND told.order_id = due.order_id
    """,
)


def to_erase(db: Db, today: date, after: Place, most: int) -> list[Place]:
    """Orders whose secrets are to be looked at, the longest due first, after a place in that list."""
    found = db.execute(TO_ERASE, [today, after[0], after[1][1], most])
    return [(due_on, (pool_id, order_id)) for due_on, pool_id, order_id in found]


def to_purge(db: Db, over_before: datetime, after: Place, most: int) -> list[Place]:
    """Orders that were over before an instant and still name their buyer, the oldest first."""
    found = db.execute(TO_PURGE, [over_before, after[0], after[1][1], most])
    return [(over_at, (pool_id, order_id)) for over_at, pool_id, order_id in found]


def set_erased(db: Db, keys: Sequence[Key], at: datetime) -> None:
    """Note that the secrets of orders are gone; for whom they were issued (直充, 代充) goes with them."""
    assert run(db, SET_ERASED, [at, *columns(keys, 2)]) == len(keys), "an order's secrets are erased once"
    run(db, ERASE_FORMS, columns(keys, 2))


def set_erase_on(db: Db, told: Sequence[tuple[int, UUID, date | None]]) -> None:
    """When to look at these orders again; None for never."""
    run(db, SET_ERASE_ON, columns(told, 3))


def purge(db: Db, orders: Sequence[Order], at: datetime) -> None:
    """Forget whose these orders were."""
    keys = [(order.pool_id, order.id) for order in orders]
    assert run(db, PURGE, [at, *columns(keys, 2)]) == len(orders), "an order is purged once"
    unlist_devices(db, orders)  # while it is known who held them
    drop_traces(db, orders)
    for sql in FORGET:
        run(db, sql, columns(keys, 2))
    phones = [(b"phone:" + one.phone_identity, one.id) for one in orders if one.phone_identity]
    run(db, UNLIST, columns(phones, 2))
    run(db, "DELETE FROM sales_quota WHERE order_id = ANY (%s)", [[order.id for order in orders]])
