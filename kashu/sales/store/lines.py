"""SQL of sale lines: placed, delivered, shown, replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu import catalog, compliance
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, columns, rows, run, write
from kashu.sales import rules
from kashu.sales.types import Bought, Placed, SaleLine

# The causes that stand in a line's way now: its seller's for such goods, its pool's (compliance.md §2.3), and a takedown,
# which is read from the product's own row, so that who holds that row sees it however late it came (C-14).
STOPS = f"""{compliance.blocks("line.seller_id", "category.goods")} || {compliance.pool_stops("pool", "category.goods")}
    || CASE WHEN product.state IN ('frozen', 'closed') THEN ARRAY['takedown'] ELSE '{{}}'::text[] END"""
GOODS = """
JOIN cards_pool AS pool ON pool.id = line.pool_id
JOIN catalog_sku AS sku ON sku.id = line.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
JOIN catalog_category AS category ON category.id = product.category_id
"""
LINE_COLUMNS = """
line.pool_id, line.id, line.order_pool_id, line.order_id, line.sku_id, line.seller_id, line.supplier_id, line.quantity,
line.price_fen, line.list_price_fen, line.price_steps, line.total_fen, line.cost_fen, line.is_third_party,
line.fee_rule_id, line.commission_fen, line.page_hash, line.agreement_id, line.risk_hold, line.redemption,
line.placed_on, line.delivered_at, line.revealed_at, line.warranty_ends_on,
EXISTS (SELECT FROM sales_fulfilment AS issued
        WHERE issued.pool_id = line.order_pool_id AND issued.order_id = line.order_id) AS is_later
"""
LINES = (
    f"SELECT {LINE_COLUMNS} FROM sales_line AS line WHERE line.order_id = ANY (%(ids)s) ORDER BY line.pool_id, line.id"
)
LINES_AND_STOPS = f"""
SELECT {LINE_COLUMNS}, {STOPS} AS stops FROM sales_line AS line {GOODS}
WHERE line.order_id = ANY (%(ids)s) ORDER BY line.pool_id, line.id
"""
NAMED = """
SELECT DISTINCT told.id, told.pool_id, told.number FROM sales_line AS line
JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
WHERE line.order_id = ANY (%s)
"""
PLACE_LINES = """
INSERT INTO sales_line (pool_id, id, order_pool_id, order_id, sku_id, seller_id, supplier_id, quantity, price_fen,
    list_price_fen, price_steps, total_fen, cost_fen, is_third_party, fee_rule_id, commission_fen, page_hash,
    agreement_id, placed_on, delivered_at, revealed_at, warranty_ends_on)
SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::bigint[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bigint[],
    %b::int[], %b::bigint[], %b::bigint[], %b::jsonb[], %b::bigint[], %b::bigint[], %b::boolean[], %b::bigint[],
    %b::bigint[], %b::bytea[], %b::bigint[], %b::date[], %b::timestamptz[], %b::timestamptz[], %b::date[])
"""


def lines_of(
    db: Db, order_ids: Collection[UUID], day: date | None = None, *, holds: bool = True
) -> dict[UUID, list[SaleLine]]:
    """The lines of orders; with a day, what stands in their way on it as well, their products held until the end."""
    found: dict[UUID, list[SaleLine]] = defaultdict(list)
    told = {"ids": list(order_ids), "day": day}
    sql = LINES if day is None else f"{LINES_AND_STOPS} {'FOR SHARE OF product' if holds else ''}"
    for line in rows(db, SaleLine, sql, told):  # type: ignore[arg-type]  # named
        found[line.order_id].append(line)
    return found


def deliver_lines(db: Db, lines: Sequence[SaleLine], warranty: Mapping[UUID, date], at: datetime) -> None:
    sql = """
    UPDATE sales_line AS line SET delivered_at = %s, warranty_ends_on = told.ends_on
    FROM unnest(%s::bigint[], %s::uuid[], %s::date[]) AS told (pool_id, id, ends_on)
    WHERE line.pool_id = told.pool_id AND line.id = told.id AND line.delivered_at IS NULL
    """
    columns = [[line.pool_id for line in lines], [line.id for line in lines], [warranty[line.id] for line in lines]]
    write(db, sql, [at, *columns], many=len(lines), why="a line is delivered once")


def reveal_lines(db: Db, lines: Sequence[SaleLine], at: datetime) -> None:
    sql = """
    UPDATE sales_line SET revealed_at = %s
    WHERE pool_id = ANY (%s) AND id = ANY (%s) AND revealed_at IS NULL
    """
    run(db, sql, [at, [line.pool_id for line in lines], [line.id for line in lines]])


def note_redemption(db: Db, pool_id: int, line_id: UUID, redemption: str) -> None:
    """What became of a line's codes last."""
    run(db, "UPDATE sales_line SET redemption = %s WHERE pool_id = %s AND id = %s", [redemption, pool_id, line_id])


def replace_lines(db: Db, old: Sequence[SaleLine], new: Sequence[tuple[SaleLine, UUID, int, int, int, int]]) -> None:
    """Give an order other lines of the same price, from other pools: (model, id, pool, supplier, quantity, cost)."""
    sql = "DELETE FROM sales_line WHERE pool_id = ANY (%s) AND id = ANY (%s) AND delivered_at IS NULL"
    assert run(db, sql, [[line.pool_id for line in old], [line.id for line in old]]) == len(old)
    made = """
    INSERT INTO sales_line (pool_id, id, order_pool_id, order_id, sku_id, seller_id, supplier_id, quantity, price_fen,
        list_price_fen, price_steps, total_fen, cost_fen, is_third_party, fee_rule_id, commission_fen, page_hash,
        agreement_id, placed_on)
    SELECT %s, %s, order_pool_id, order_id, sku_id, seller_id, %s, %s, price_fen, list_price_fen, %s, price_fen * %s, %s,
        is_third_party, fee_rule_id, %s, page_hash, agreement_id, placed_on
    FROM jsonb_to_record(%s) AS model (order_pool_id bigint, order_id uuid, sku_id bigint, seller_id bigint,
        price_fen bigint, list_price_fen bigint, is_third_party boolean, fee_rule_id bigint, page_hash bytea,
        agreement_id bigint, placed_on date)
    """
    for model, line_id, pool_id, supplier_id, quantity, cost_fen in new:
        rate_kept = model.commission_fen * quantity // model.quantity
        body = {
            "order_pool_id": model.order_pool_id, "order_id": model.order_id, "sku_id": model.sku_id,
            "seller_id": model.seller_id, "price_fen": model.price_fen, "list_price_fen": model.list_price_fen,
            "is_third_party": model.is_third_party, "fee_rule_id": model.fee_rule_id,
            "page_hash": "\\x" + model.page_hash.hex(), "agreement_id": model.agreement_id,
            "placed_on": model.placed_on,
        }  # fmt: skip
        told = [pool_id, line_id, supplier_id, quantity, Jsonb(model.price_steps), quantity, cost_fen, rate_kept]
        run(db, made, [*told, Jsonb(body)])


def place_lines(db: Db, placed: Sequence[Placed | Bought], at: datetime | None = None) -> None:
    """Write the lines of orders; with an instant, as delivered and revealed then (a purchase is both at once)."""
    told = []
    hashes = {(p.offer.sku_id, p.list_price_fen): p.offer for p in placed}
    pages = {key: catalog.page_hash_of(offer, key[1]) for key, offer in hashes.items()}
    for p in placed:
        page_hash = pages[p.offer.sku_id, p.list_price_fen]
        steps, day = Jsonb(list(p.steps)), biz_date(p.placed_at)
        ends_on = None if at is None else day + timedelta(days=p.offer.warranty_days)
        for line in p.lines:
            total_fen = p.price_fen * line.quantity
            told.append((
                line.pool_id, line.id, p.pool_id, p.id, p.offer.sku_id, p.offer.seller_id, line.supplier_id,
                line.quantity, p.price_fen, p.list_price_fen, steps, total_fen, line.cost_fen, p.offer.is_third_party,
                p.offer.fee_rule_id, rules.commission_fen(total_fen, p.offer), page_hash, p.offer.agreement_id, day,
                at, at, ends_on,
            ))  # fmt: skip
    write(db, PLACE_LINES, columns(told))


def named(db: Db, order_ids: Collection[UUID]) -> dict[UUID, tuple[int, str]]:
    """The pools and numbers of orders, found by their lines."""
    return {order: (pool, number) for order, pool, number in db.execute(NAMED, [list(order_ids)])}
