from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kashu import compliance
from kashu.cards.store.blocks import GOODS
from kashu.cards.types import Card, Choice, Held, Masked
from kashu.kernel.db import Db, columns, rows, run, values, write

# Soonest to expire first, within a pool and among pools; a card another transaction holds is not ours to wait for.
PICK = """
SELECT card.pool_id, card.id, wanted.sku_id, wanted.supplier_id, card.unit_cost_fen, card.expires_on
FROM unnest(%(pools)b::bigint[], %(skus)b::bigint[], %(suppliers)b::bigint[], %(wants)b::int[],
            %(from_on)b::date[], %(from_id)b::bigint[])
    AS wanted (pool_id, sku_id, supplier_id, quantity, from_on, from_id)
CROSS JOIN LATERAL (
    SELECT pool_id, id, unit_cost_fen, expires_on FROM cards_card
    WHERE pool_id = wanted.pool_id AND state = 'on_shelf' AND expires_on >= %(today)s
      AND (expires_on, id) >= (wanted.from_on, wanted.from_id)   -- past the dead entries of what was sold before
    ORDER BY expires_on, id
    LIMIT wanted.quantity
    FOR NO KEY UPDATE SKIP LOCKED
) AS card
"""

# What may be sold at all: open, and nothing of its papers in the way on this day.
SELLABLE = f"pool.sellable AND {compliance.pool_stands('pool', GOODS)}"

POOLS = f"""
SELECT pool.id, pool.sku_id, pool.supplier_id, {compliance.is_throttled("pool.supplier_id")} FROM cards_pool AS pool
WHERE pool.sku_id = ANY (%(skus)s) AND {SELLABLE} ORDER BY pool.sku_id, pool.expires_first, pool.id
"""

# One card, by what shows of it (自选) and what it costs more. Where several pools have the same, the one to be emptied
# first gives it.
PICK_LABELLED = f"""
SELECT DISTINCT ON (pool.sku_id, card.label) card.pool_id, card.id, pool.sku_id, pool.supplier_id, card.unit_cost_fen,
       card.expires_on, card.label, card.surcharge_fen, {compliance.is_throttled("pool.supplier_id")} AS is_throttled
FROM unnest(%(skus)s::bigint[], %(labels)s::text[], %(surcharges)s::bigint[]) AS wanted (sku_id, label, surcharge_fen)
JOIN cards_pool AS pool ON pool.sku_id = wanted.sku_id AND {SELLABLE}
CROSS JOIN LATERAL (
    SELECT pool_id, id, unit_cost_fen, expires_on, label, surcharge_fen FROM cards_card
    WHERE pool_id = pool.id AND label = wanted.label AND surcharge_fen = wanted.surcharge_fen
      AND state = 'on_shelf' AND expires_on >= %(day)s
    FOR NO KEY UPDATE SKIP LOCKED
) AS card
ORDER BY pool.sku_id, card.label, pool.expires_first, pool.id
"""

# A card that an unpaid order holds counts too: its hold may have lapsed by the time it is asked for.
SURCHARGES = f"""
SELECT DISTINCT ON (pool.sku_id, card.label) pool.sku_id, card.label, card.surcharge_fen
FROM unnest(%(skus)s::bigint[], %(labels)s::text[]) AS wanted (sku_id, label)
JOIN cards_pool AS pool ON pool.sku_id = wanted.sku_id AND {SELLABLE}
JOIN cards_card AS card ON card.pool_id = pool.id AND card.label = wanted.label
WHERE card.state IN ('on_shelf', 'held') AND card.expires_on >= %(day)s
ORDER BY pool.sku_id, card.label, card.state = 'held', pool.expires_first, pool.id
"""

# Each pool's labels in order, no more of them than are asked for; a search looks at so many and no more.
CHOICES = f"""
SELECT DISTINCT ON (card.label) card.label, card.surcharge_fen
FROM cards_pool AS pool CROSS JOIN LATERAL (
    SELECT label, surcharge_fen FROM (
        SELECT label, surcharge_fen FROM cards_card
        WHERE pool_id = pool.id AND state = 'on_shelf' AND label > %(after)s AND expires_on >= %(day)s
        ORDER BY label LIMIT %(looked)s
    ) AS seen WHERE strpos(label, %(like)s) > 0 ORDER BY label LIMIT %(most)s
) AS card
WHERE pool.sku_id = %(sku)s AND {SELLABLE}
ORDER BY card.label, pool.expires_first, pool.id LIMIT %(most)s
"""
LOOKED_MAX = 20_000

HOLD = """
UPDATE cards_card AS card
SET state = 'held', order_id = held.order_id, sale_line_id = held.line_id, held_until = held.until
FROM unnest(%b::bigint[], %b::bigint[], %b::uuid[], %b::uuid[], %b::timestamptz[])
    AS held (pool_id, id, order_id, line_id, until)
WHERE card.pool_id = held.pool_id AND card.id = held.id AND card.state = 'on_shelf'
"""

# A slot of a shared secret becomes a card when it is sold: it takes the content of that moment (循环卡).
HOLD_ON = """
UPDATE cards_card AS card SET held_until = held.until
FROM unnest(%b::bigint[], %b::uuid[], %b::timestamptz[]) AS held (pool_id, line_id, until)
WHERE card.pool_id = held.pool_id AND card.sale_line_id = held.line_id AND card.state = 'held'
"""

# A slot is filled with what was issued for its order; a card that carries its own secret is never written over.
FILL = """
UPDATE cards_card SET sealed = %s, mask = %s
WHERE pool_id = %s AND id = %s AND state = 'held' AND sealed IS NULL AND content_id IS NULL
"""

HAND_OVER = """
UPDATE cards_card AS card
SET state = 'sold', sold_at = %s, held_until = NULL,
    content_id = CASE WHEN card.sealed IS NULL THEN pool.content_id END
FROM unnest(%b::bigint[], %b::uuid[]) AS sold (pool_id, line_id)
JOIN cards_pool AS pool ON pool.id = sold.pool_id
WHERE card.pool_id = sold.pool_id AND card.sale_line_id = sold.line_id AND card.state = 'held'
"""

# Sold and shown in one statement: what a purchase is answered with.
SELL = """
UPDATE cards_card AS card
SET state = 'sold', order_id = sold.order_id, sale_line_id = sold.line_id, sold_at = %s, revealed_at = %s,
    content_id = CASE WHEN card.sealed IS NULL
                      THEN (SELECT content_id FROM cards_pool WHERE id = card.pool_id) END
FROM unnest(%b::bigint[], %b::bigint[], %b::uuid[], %b::uuid[]) AS sold (pool_id, id, order_id, line_id)
WHERE card.pool_id = sold.pool_id AND card.id = sold.id AND card.state = 'on_shelf'
RETURNING card.pool_id, card.id, card.sale_line_id, card.expires_on, card.sealed, card.content_id
"""

PUT_BACK = """
UPDATE cards_card AS card
SET state = 'on_shelf', order_id = NULL, sale_line_id = NULL, held_until = NULL, sold_at = NULL, content_id = NULL
FROM unnest(%s::bigint[], %s::uuid[]) AS returned (pool_id, line_id)
WHERE card.pool_id = returned.pool_id AND card.sale_line_id = returned.line_id
  AND card.state IN ('held', 'sold') AND card.revealed_at IS NULL
"""

LOCK_OF = """
SELECT card.pool_id, card.id, card.sale_line_id, card.revealed_at
FROM cards_card AS card JOIN unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
  ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
ORDER BY card.pool_id, card.id
FOR NO KEY UPDATE OF card
"""

REVEAL = """
UPDATE cards_card SET revealed_at = %s
WHERE pool_id = ANY (%s) AND sale_line_id = ANY (%s) AND state = 'sold' AND revealed_at IS NULL
"""

SOLD = """
SELECT pool_id, id, sale_line_id, expires_on, sealed, content_id FROM cards_card
WHERE pool_id = ANY (%s) AND sale_line_id = ANY (%s) AND state = 'sold' AND voided_at IS NULL AND erased_at IS NULL
"""

VOID = """
UPDATE cards_card AS card SET voided_at = %s, void_cause = %s
FROM unnest(%s::bigint[], %s::bigint[]) AS told (pool_id, id)
WHERE card.pool_id = told.pool_id AND card.id = told.id AND card.sale_line_id = ANY (%s) AND card.state = 'sold'
  AND card.voided_at IS NULL
"""

MASKED = """
SELECT card.pool_id, card.id, card.sale_line_id, coalesce(content.mask, card.mask) AS mask, card.expires_on,
       CASE WHEN card.voided_at IS NULL THEN card.state ELSE 'void' END AS state, card.revealed_at,
       batch.code AS batch, card.line_no, card.erased_at
FROM cards_card AS card
JOIN cards_batch AS batch ON batch.pool_id = card.pool_id
LEFT JOIN cards_content AS content ON content.pool_id = card.pool_id AND content.id = card.content_id
WHERE card.pool_id = ANY (%s) AND card.sale_line_id = ANY (%s)
ORDER BY card.pool_id, card.id
"""

ON_SHELF = f"""
SELECT sku.id, (
    SELECT count(*)::int FROM (
        SELECT FROM cards_pool AS pool
        JOIN cards_card AS card ON card.pool_id = pool.id AND card.state = 'on_shelf' AND card.expires_on >= %(day)s
        WHERE pool.sku_id = sku.id AND {SELLABLE}
        LIMIT %(most)s
    ) AS seen
)
FROM unnest(%(skus)s::bigint[]) AS sku (id)
"""


def pools(db: Db, sku_ids: Collection[int], today: date) -> dict[int, list[tuple[int, int, bool]]]:
    """The pools that may sell, by SKU, in the order in which they should: (pool, supplier, whether that is throttled)."""
    found: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
    for pool_id, sku_id, supplier_id, is_throttled in db.execute(POOLS, {"skus": list(sku_ids), "day": today}):
        found[sku_id].append((pool_id, supplier_id, is_throttled))
    return found


def pools_of(db: Db, sku_ids: Collection[int]) -> list[int]:
    """Every pool these SKUs ever sold from that can still hold something back."""
    return values(db, "SELECT id FROM cards_pool WHERE sku_id = ANY (%s)", [list(sku_ids)])


def pick(db: Db, wanted: Sequence[tuple[int, int, int, int, date, int]], today: date) -> list[Card]:
    """Lock up to so many cards of each pool; rows of (pool, SKU, supplier, quantity, expiry and id to begin at)."""
    names = ("pools", "skus", "suppliers", "wants", "from_on", "from_id")
    told = {name: list(column) for name, column in zip(names, zip(*wanted, strict=True), strict=True)} | {
        "today": today
    }
    return rows(db, Card, PICK, told)  # type: ignore[arg-type]  # named parameters


def pick_labelled(db: Db, wanted: Sequence[tuple[int, str, int]], today: date) -> list[Card]:
    """Lock the cards of these (SKU, label, surcharge), those that are there."""
    return rows(db, Card, PICK_LABELLED, _named(wanted, ("skus", "labels", "surcharges"), today))  # type: ignore[arg-type]


def _named(wanted: Sequence[Sequence[Any]], names: Sequence[str], today: date) -> dict[str, Any]:
    """Rows as named columns, with the day."""
    return {**dict(zip(names, columns(wanted, len(names)), strict=True)), "day": today}


def surcharges(db: Db, wanted: Sequence[tuple[int, str]], today: date) -> dict[tuple[int, str], int]:
    """What the cards of these (SKU, label) cost more; those that may be had."""
    found = db.execute(SURCHARGES, _named(wanted, ("skus", "labels"), today))
    return {(sku, label): surcharge for sku, label, surcharge in found}


def choices(db: Db, sku_id: int, today: date, after: str, like: str, most: int) -> list[Choice]:
    """What can be picked of a SKU, in order of labels after one, those that contain `like`."""
    looked = LOOKED_MAX if like else most
    told = {"sku": sku_id, "day": today, "after": after, "like": like, "most": most, "looked": looked}
    return rows(db, Choice, CHOICES, told)  # type: ignore[arg-type]  # named parameters


def hold_on(db: Db, lines: Sequence[tuple[int, UUID, datetime]]) -> int:
    return run(db, HOLD_ON, columns(lines))


def fill(db: Db, pool_id: int, card_id: int, sealed: bytes, mask: str) -> int:
    return run(db, FILL, [sealed, mask, pool_id, card_id])


def with_cards(db: Db, pool_ids: Sequence[int], today: date) -> set[int]:
    """Those of these pools that have a card to sell."""
    sql = """
    SELECT pool.id FROM unnest(%b::bigint[]) AS pool (id) WHERE EXISTS (
        SELECT FROM cards_card WHERE pool_id = pool.id AND state = 'on_shelf' AND expires_on >= %s)
    """
    return set(values(db, sql, [list(pool_ids), today]))


def hold(db: Db, held: Sequence[Held]) -> None:
    write(
        db,
        HOLD,
        [
            [one.card.pool_id for one in held],
            [one.card.id for one in held],
            [one.order_id for one in held],
            [one.line_id for one in held],
            [one.until for one in held],
        ],
        many=len(held),
        why="a card is held once",
    )


def sell(db: Db, sold: Sequence[tuple[int, int, UUID, UUID]], at: datetime) -> list[tuple[Any, ...]]:
    """Sell picked cards: (pool, card, order, line). Rows of (pool, card, line, expiry, sealed, content)."""
    return db.execute(SELL, [at, at, *columns(sold)]).fetchall()


def data_keys(db: Db, pool_ids: Collection[int]) -> dict[int, bytes]:
    """The wrapped data keys of pools."""
    return dict(db.execute("SELECT pool_id, data_key FROM cards_batch WHERE pool_id = ANY (%s)", [sorted(pool_ids)]))


def content_of(db: Db, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The sealed contents of shared secrets, by (pool, content)."""
    sql = """
    SELECT content.pool_id, content.id, content.sealed FROM cards_content AS content
    JOIN unnest(%s::bigint[], %s::bigint[]) AS told (pool_id, id)
      ON content.pool_id = told.pool_id AND content.id = told.id
    """
    return {(pool, content): sealed for pool, content, sealed in db.execute(sql, columns(sorted(keys), 2))}


def hand_over(db: Db, lines: Sequence[tuple[int, UUID]], cards: int, at: datetime) -> None:
    """Sell the held cards of these lines, so many in all."""
    write(db, HAND_OVER, [at, *columns(lines)], many=cards, why="a paid line gets exactly what it is owed")


def put_back(db: Db, lines: Sequence[tuple[int, UUID]]) -> int:
    return run(db, PUT_BACK, columns(lines))


def lock_of(db: Db, lines: Sequence[tuple[int, UUID]]) -> list[tuple[int, int, UUID, datetime | None]]:
    return db.execute(LOCK_OF, columns(lines)).fetchall()  # type: ignore[return-value]  # four columns


def reveal(db: Db, pool_ids: Sequence[int], line_ids: Sequence[UUID], at: datetime) -> int:
    return run(db, REVEAL, [at, list(pool_ids), list(line_ids)])


def void(db: Db, cards: Sequence[tuple[int, int]], line_ids: Sequence[UUID], cause: str, at: datetime) -> int:
    """Void sold cards of these sale lines; how many were."""
    return run(db, VOID, [at, cause, *columns(cards, 2), list(line_ids)])


def sold(db: Db, pool_ids: Sequence[int], line_ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """The sold cards of sale lines, as `sell` gives them."""
    return db.execute(SOLD, [list(pool_ids), list(line_ids)]).fetchall()


def masked(db: Db, pool_ids: Sequence[int], line_ids: Sequence[UUID]) -> list[Masked]:
    """The cards of sale lines, as anyone with the order link may see them."""
    return rows(db, Masked, MASKED, [list(pool_ids), list(line_ids)])


def on_shelf(db: Db, sku_ids: Sequence[int], today: date, most: int) -> dict[int, int]:
    """How many cards each SKU can sell, counted up to `most`."""
    return dict(db.execute(ON_SHELF, {"skus": list(sku_ids), "day": today, "most": most}).fetchall())
