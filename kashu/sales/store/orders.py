from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, one, rows, run, value, write
from kashu.kernel.ids import new_id, pool_of
from kashu.kernel.seal import Keyring
from kashu.sales import rules
from kashu.sales.store.lines import GOODS, STOPS, place_lines
from kashu.sales.types import Earlier, Order, Placed, Usage

ORDER_COLUMNS = """
pool_id, id, number, token, state, quantity, total_fen, phone_sealed, phone_identity, phone_tail, open_id, device,
address, source_entry, live_room, author, video, community, link, consent_at, consent_hash, placed_at, hold_until,
paid_at, paid_late, delivered_at, closed_at, close_reason, account_id, reference, completed_at, erased_at, purged_at,
forgotten_at
"""
LOCK_PAID = f"""
SELECT {ORDER_COLUMNS} FROM sales_order
WHERE (pool_id, id) IN (
    SELECT payment.pool_id, payment.order_id FROM payments_payment AS payment
    JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS told (pool_id, channel_id, trade_no)
      ON payment.pool_id = told.pool_id AND payment.channel_id = told.channel_id AND payment.trade_no = told.trade_no)
ORDER BY pool_id, id FOR UPDATE
"""
# Orders in a state whose goods or cards may no longer be sold: what they hold is looked at once for each pool.
STOPPED = f"""
WITH holding AS MATERIALIZED (
    SELECT DISTINCT line.pool_id, line.sku_id, line.seller_id
    FROM sales_order AS told JOIN sales_line AS line ON line.order_pool_id = told.pool_id AND line.order_id = told.id
    WHERE told.state = %(state)s
), stopped AS MATERIALIZED (
    SELECT line.pool_id, line.sku_id FROM holding AS line {GOODS} WHERE {STOPS} && %(causes)s::text[]
)
SELECT {ORDER_COLUMNS} FROM sales_order AS told
WHERE state = %(state)s AND EXISTS (
    SELECT FROM sales_line AS line JOIN stopped ON stopped.pool_id = line.pool_id AND stopped.sku_id = line.sku_id
    WHERE line.order_pool_id = told.pool_id AND line.order_id = told.id)
ORDER BY placed_at LIMIT %(most)s
FOR UPDATE OF told SKIP LOCKED
"""
USAGE = """
SELECT bucket, sku_id,
       coalesce(sum(quantity) FILTER (WHERE held_until > %(at)s), 0)::int AS held,
       coalesce(sum(quantity) FILTER (WHERE held_until IS NULL OR held_until > %(at)s), 0)::int AS pieces,
       count(DISTINCT order_id) FILTER (WHERE held_until > %(at)s)::int AS unpaid_orders
FROM sales_quota
WHERE bucket = ANY (%(named)s)
   OR (bucket = ANY (%(addresses)s) AND held_until > %(at)s)   -- what an address once bought does not matter
GROUP BY bucket, sku_id
"""
LAPSED = f"""
SELECT {ORDER_COLUMNS} FROM sales_order
WHERE state = 'placed' AND hold_until < %(at)s AND (%(pools)s::bigint[] IS NULL OR pool_id = ANY (%(pools)s))
ORDER BY hold_until LIMIT %(most)s
FOR UPDATE SKIP LOCKED
"""
MOVE = """
UPDATE sales_order AS told
SET state = %(after)s,
    paid_at = coalesce(moved.paid_at, told.paid_at),
    paid_late = told.paid_late OR %(late)s,
    delivered_at = CASE WHEN %(after)s = 'delivered' THEN %(at)s ELSE told.delivered_at END,
    closed_at = CASE WHEN %(after)s IN ('expired', 'cancelled', 'refunded') THEN %(at)s ELSE told.closed_at END,
    completed_at = CASE WHEN %(after)s = 'completed' THEN %(at)s ELSE told.completed_at END,
    erase_on = CASE WHEN %(after)s IN ('completed', 'refunded')
                    THEN (%(at)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date ELSE told.erase_on END,
    close_reason = CASE WHEN %(reason)s <> '' THEN %(reason)s ELSE told.close_reason END
FROM unnest(%(pools)b::bigint[], %(ids)b::uuid[], %(paid_at)b::timestamptz[]) AS moved (pool_id, id, paid_at)
WHERE told.pool_id = moved.pool_id AND told.id = moved.id AND told.state = ANY (%(before)s)
"""


def lock_buckets(db: Db, buckets: Collection[bytes]) -> None:
    """Make two checkouts of one buyer wait for each other, so that neither limit nor key can be outrun."""
    ordered = sorted(buckets)
    sql = "INSERT INTO sales_bucket SELECT * FROM unnest(%s::bytea[]) AS b (bucket) ORDER BY 1 ON CONFLICT DO NOTHING"
    run(db, sql, [ordered])
    run(db, "SELECT FROM sales_bucket WHERE bucket = ANY (%s) ORDER BY bucket FOR NO KEY UPDATE", [ordered])


def usage(db: Db, buckets: Collection[bytes], at: datetime) -> dict[bytes, Usage]:
    addresses = sorted(one for one in buckets if one.startswith(b"address:"))
    named = sorted(set(buckets) - set(addresses))
    held: dict[bytes, dict[int, int]] = defaultdict(dict)
    pieces: dict[bytes, dict[int, int]] = defaultdict(dict)
    unpaid: dict[bytes, int] = defaultdict(int)
    for bucket, sku, held_pieces, all_pieces, orders in db.execute(
        USAGE, {"at": at, "named": named, "addresses": addresses}
    ):
        held[bucket][sku], pieces[bucket][sku] = held_pieces, all_pieces
        unpaid[bucket] += orders
    return {bucket: Usage(unpaid[bucket], held[bucket], pieces[bucket]) for bucket in buckets}


def sold_on(db: Db, party_ids: Collection[int], day: date) -> dict[int, int]:
    """The pieces that were ordered on a day and not given up, of what these suppliers sell or brought, by supplier."""
    sql = """
    SELECT supplier.id, sum(line.quantity)::int AS pieces FROM unnest(%s::bigint[]) AS supplier (id)
    CROSS JOIN LATERAL (
        SELECT sku.id FROM catalog_product AS product JOIN catalog_sku AS sku ON sku.product_id = product.id
        WHERE product.seller_id = supplier.id
        UNION SELECT sku_id FROM cards_pool WHERE supplier_id = supplier.id
    ) AS sku (id)
    JOIN sales_line AS line ON line.placed_on = %s AND line.sku_id = sku.id
     AND supplier.id IN (line.seller_id, line.supplier_id)
    JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
    WHERE told.state NOT IN ('expired', 'cancelled')
    GROUP BY supplier.id
    """
    return dict.fromkeys(party_ids, 0) | dict(db.execute(sql, [list(party_ids), day]).fetchall())


def earlier(db: Db, identities: Collection[tuple[bytes, str]]) -> dict[tuple[bytes, str], Earlier]:
    sql = """
    SELECT kept.scope, kept.key, kept.pool_id, kept.order_id AS id, told.token, kept.asked
    FROM sales_key AS kept
    JOIN unnest(%s::bytea[], %s::text[]) AS asked (scope, key) ON kept.scope = asked.scope AND kept.key = asked.key
    JOIN sales_order AS told ON told.pool_id = kept.pool_id AND told.id = kept.order_id
    """
    columns = [list(column) for column in zip(*identities, strict=True)] or [[], []]
    return {(scope, key): Earlier(*rest) for scope, key, *rest in db.execute(sql, columns)}


def place(db: Db, ring: Keyring, placed: Sequence[Placed]) -> None:
    """Write orders, their lines, keys, quotas and who may open them."""
    _place_orders(db, ring, placed)
    place_lines(db, placed)
    sql = """
    INSERT INTO sales_key (scope, key, asked, pool_id, order_id, made_at)
    SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::timestamptz[])
    """
    keys = [(*p.checkout.identity, p.checkout.asked, p.pool_id, p.id, p.placed_at) for p in placed]
    write(db, sql, columns(keys))
    quota = """
    INSERT INTO sales_quota (bucket, order_id, sku_id, quantity, held_until)
    SELECT * FROM unnest(%s::bytea[], %s::uuid[], %s::bigint[], %s::int[], %s::timestamptz[])
    """
    used = [
        (bucket, p.id, p.offer.sku_id, p.checkout.quantity, p.hold_until)
        for p in placed
        for bucket in p.checkout.buyer.buckets
    ]
    write(db, quota, columns(used))
    grant(
        db,
        [(p.pool_id, p.id) for p in placed],
        [p.checkout.buyer.device for p in placed],
        "checkout",
        placed[0].placed_at,
    )


def grant(db: Db, orders: Sequence[tuple[int, UUID]], devices: Sequence[bytes], how: str, at: datetime) -> None:
    sql = """
    INSERT INTO sales_possession (pool_id, order_id, device, granted_at, how)
    SELECT pool_id, order_id, device, %s, %s FROM unnest(%s::bigint[], %s::uuid[], %s::bytea[])
        AS granted (pool_id, order_id, device)
    ON CONFLICT DO NOTHING
    """
    write(db, sql, [at, how, [pool for pool, _ in orders], [order for _, order in orders], list(devices)])


def possesses(db: Db, pool_id: int, order_id: UUID, device: bytes) -> bool:
    sql = "SELECT true FROM sales_possession WHERE pool_id = %s AND order_id = %s AND device = %s"
    return value(db, sql, [pool_id, order_id, device]) is True


def by_token(db: Db, token: str, *, lock: bool = False) -> Order | None:
    """The order behind a link; a token that cannot be one of ours is not even looked for."""
    pool_id = pool_of(token)
    if pool_id is None:
        return None
    sql = f"SELECT {ORDER_COLUMNS} FROM sales_order WHERE pool_id = %s AND token = %s{' FOR UPDATE' if lock else ''}"
    return one(db, Order, sql, [pool_id, token])


def by_number(db: Db, pool_id: int, number: str) -> Order | None:
    sql = f"SELECT {ORDER_COLUMNS} FROM sales_order WHERE pool_id = %s AND number = %s"
    return one(db, Order, sql, [pool_id, number])


def orders(db: Db, keys: Collection[tuple[int, UUID]], *, lock: bool = False) -> dict[UUID, Order]:
    """Orders by key; locked in one order everywhere when asked to."""
    ordered = sorted(keys)
    sql = f"""
    SELECT {ORDER_COLUMNS} FROM sales_order
    WHERE (pool_id, id) IN (SELECT * FROM unnest(%s::bigint[], %s::uuid[])) ORDER BY pool_id, id
    {"FOR UPDATE" if lock else ""}
    """
    found = rows(db, Order, sql, [[pool for pool, _ in ordered], [order for _, order in ordered]])
    return {order.id: order for order in found}


def lock_paid(db: Db, trades: Collection[tuple[int, str, str]]) -> dict[UUID, Order]:
    """Lock the orders of these trades (pool, channel, number), in the order of all locks; trades we do not know have none."""
    return {order.id: order for order in rows(db, Order, LOCK_PAID, columns(sorted(trades), 3))}


def stopped(db: Db, state: str, causes: Collection[str], day: date, most: int) -> list[Order]:
    """Orders in a state that one of these causes stands in the way of, locked; those that others work on are left out."""
    told = {"state": state, "causes": sorted(causes), "day": day, "most": most}
    return rows(db, Order, STOPPED, told)  # type: ignore[arg-type]  # named parameters


def lapsed(db: Db, at: datetime, pools: Sequence[int] | None, most: int) -> list[Order]:
    """Orders past their deadline that nobody else is working on, locked."""
    told = {"at": at, "pools": list(pools) if pools is not None else None, "most": most}
    return rows(db, Order, LAPSED, told)  # type: ignore[arg-type]  # named parameters


def move(
    db: Db, moved: Sequence[Order], after: str, at: datetime, *,
    paid_at: Mapping[UUID, datetime] | None = None, late: bool = False, reason: str = "",
) -> None:  # fmt: skip
    """Move orders from the states they were seen in, under their locks, to a named state; nothing for none."""
    if not moved:
        return
    for order in moved:
        rules.ORDER.check(order.state, after)
    told = {
        "after": after,
        "at": at,
        "paid_at": [(paid_at or {}).get(order.id) for order in moved],
        "late": late,
        "reason": reason,
        "pools": [order.pool_id for order in moved],
        "ids": [order.id for order in moved],
        "before": sorted({order.state for order in moved}),
    }
    write(db, MOVE, told, many=len(moved), why="a state moves from the state it was seen in")  # type: ignore[arg-type]


def settle_quota(db: Db, order_ids: Sequence[UUID]) -> None:
    """What was held is bought: it counts against limits for good."""
    write(db, "UPDATE sales_quota SET held_until = NULL WHERE order_id = ANY (%s)", [list(order_ids)])


def free_quota(db: Db, order_ids: Sequence[UUID]) -> None:
    run(db, "DELETE FROM sales_quota WHERE order_id = ANY (%s)", [list(order_ids)])


def add_quota(db: Db, order: Order, sku_id: int, buckets: Sequence[bytes]) -> None:
    """Count a card that was taken again; the caller has locked the buckets."""
    sql = """
    INSERT INTO sales_quota (bucket, order_id, sku_id, quantity) SELECT bucket, %s, %s, %s
    FROM unnest(%s::bytea[]) AS b (bucket) ON CONFLICT DO NOTHING
    """
    run(db, sql, [order.id, sku_id, order.quantity, list(buckets)])


def note_incidents(db: Db, told: Sequence[tuple[str, int, UUID, str]], at: datetime) -> None:
    sql = """
    INSERT INTO sales_incident (id, kind, pool_id, order_id, at, detail)
    SELECT id, kind, pool_id, order_id, %s, detail
    FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::uuid[], %s::text[]) AS i (id, kind, pool_id, order_id, detail)
    """
    run(db, sql, [at, *columns([(new_id(), *one) for one in told])])


def keep_buyer_orders(db: Db, placed: Sequence[Order]) -> None:
    """The lists by buyer, in a table keyed by buyer; a repeat changes nothing."""
    told = [(b"device:" + one.device, one.placed_at, one.pool_id, one.id) for one in placed if one.forgotten_at is None]
    told += [
        (b"phone:" + one.phone_identity, one.placed_at, one.pool_id, one.id) for one in placed if one.phone_identity
    ]
    sql = """
    INSERT INTO sales_buyer_order (buyer, placed_at, pool_id, order_id)
    SELECT * FROM unnest(%s::bytea[], %s::timestamptz[], %s::bigint[], %s::uuid[]) ORDER BY 1, 4 ON CONFLICT DO NOTHING
    """
    run(db, sql, columns(told, 4))


def orders_of_buyer(db: Db, buyer: bytes, most: int) -> list[tuple[int, UUID]]:
    sql = "SELECT pool_id, order_id FROM sales_buyer_order WHERE buyer = %s ORDER BY placed_at DESC LIMIT %s"
    return db.execute(sql, [buyer, most]).fetchall()  # type: ignore[return-value]  # two columns


def orders_possessed(db: Db, device: bytes, keys: Collection[tuple[int, UUID]]) -> set[UUID]:
    sql = """
    SELECT order_id FROM sales_possession
    WHERE device = %s AND (pool_id, order_id) IN (SELECT * FROM unnest(%s::bigint[], %s::uuid[]))
    """
    columns = [[pool for pool, _ in keys], [order for _, order in keys]]
    return {row[0] for row in db.execute(sql, [device, *columns])}


def keep_code(db: Db, phone: bytes, device: bytes, code_hash: bytes, at: datetime, expires_at: datetime) -> None:
    sql = """
    INSERT INTO sales_code (id, phone_identity, device, code_hash, made_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [new_id(), phone, device, code_hash, at, expires_at])


def latest_code(db: Db, phone: bytes, device: bytes) -> tuple[UUID, bytes, datetime, int, datetime | None] | None:
    sql = """
    SELECT id, code_hash, expires_at, tries, used_at FROM sales_code
    WHERE phone_identity = %s AND device = %s ORDER BY made_at DESC LIMIT 1 FOR UPDATE
    """
    return db.execute(sql, [phone, device]).fetchone()  # type: ignore[return-value]  # five columns


def try_code(db: Db, code_id: UUID, used_at: datetime | None) -> None:
    run(db, "UPDATE sales_code SET tries = tries + 1, used_at = %s WHERE id = %s", [used_at, code_id])


def orders_of_phone(db: Db, phone: bytes, most: int) -> list[tuple[int, UUID]]:
    return orders_of_buyer(db, b"phone:" + phone, most)


def complete(db: Db, today: date, at: datetime, most: int) -> list[Order]:
    """Delivered orders whose warranty has ended, locked."""
    sql = f"""
    SELECT {ORDER_COLUMNS} FROM sales_order AS told
    WHERE state = 'delivered' AND delivered_at < %s AND NOT EXISTS (
        SELECT FROM sales_line AS line WHERE line.order_id = told.id AND line.warranty_ends_on >= %s)
    ORDER BY placed_at LIMIT %s FOR UPDATE SKIP LOCKED
    """
    return rows(db, Order, sql, [at, today, most])


def _place_orders(db: Db, ring: Keyring, placed: Sequence[Placed]) -> None:
    sql = """
    INSERT INTO sales_order (pool_id, id, number, token, state, quantity, total_fen, open_id, phone_sealed,
        phone_identity, phone_tail, device, address, source_entry, live_room, author, video, community, link,
        consent_at, consent_hash, placed_at, hold_until)
    SELECT pool_id, id, number, token, 'placed', quantity, total_fen, open_id, phone_sealed, phone_identity, phone_tail,
        device, address, entry, live_room, author, video, community, link, placed_at, consent_hash, placed_at, hold_until
    FROM unnest(%b::bigint[], %b::uuid[], %b::text[], %b::text[], %b::int[], %b::bigint[], %b::text[], %b::bytea[],
        %b::bytea[], %b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[])
        AS new (pool_id, id, number, token, quantity, total_fen, open_id, phone_sealed, phone_identity, phone_tail,
        device, address, entry, live_room, author, video, community, link, consent_hash, placed_at, hold_until)
    """
    told = []
    for p in placed:
        buyer, source = p.checkout.buyer, p.checkout.source
        sealed = ring.seal_personal(buyer.phone, f"order phone {p.id}") if buyer.phone else None
        who = (buyer.open_id, sealed, buyer.phone_identity, buyer.phone[-4:], buyer.device, buyer.address)
        whence = (source.entry, source.live_room, source.author, source.video, source.community, source.link)
        what = (p.pool_id, p.id, p.number, p.token, p.checkout.quantity, p.total_fen)
        told.append((*what, *who, *whence, p.checkout.consent_hash, p.placed_at, p.hold_until))
    write(db, sql, columns(told))
