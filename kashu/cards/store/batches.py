from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.cards.types import Batch, Format, NewBatch, Reject, Stock
from kashu.kernel.db import Db, columns, one, rows, run, value, values

ID_BLOCK = 1_000

BATCH = """
SELECT batch.*, pool.sku_id, pool.supplier_id, pool.kind, pool.sellable, pool.reason, pool.source_id, pool.source_code
FROM cards_batch AS batch JOIN cards_pool AS pool ON pool.id = batch.pool_id
"""

NEW_FINGERPRINTS = """
INSERT INTO cards_fingerprint (fingerprint, pool_id, card_id, line_no)
SELECT fingerprint, %b::bigint, card_id, line_no
FROM unnest(%b::bytea[], %b::bigint[], %b::int[]) AS new (fingerprint, card_id, line_no)
ORDER BY fingerprint            -- two imports of one file meet in the same order, so neither can deadlock
ON CONFLICT (fingerprint) DO NOTHING
RETURNING card_id
"""

KNOWN = """
SELECT known.fingerprint, known.pool_id, known.line_no, batch.code
FROM cards_fingerprint AS known JOIN cards_batch AS batch ON batch.pool_id = known.pool_id
WHERE known.fingerprint = ANY (%s)
"""

PROGRESS = """
UPDATE cards_batch
SET lines_done = lines_done + %s, accepted = accepted + %s, rejected = rejected + %s, cost_fen = cost_fen + %s
WHERE pool_id = %s AND state = 'loading'
"""

COPY_CARDS = """
COPY cards_card (pool_id, id, line_no, sealed, mask, expires_on, unit_cost_fen, face_value_fen, label, surcharge_fen)
FROM STDIN (FORMAT BINARY)
"""

STOCK = """
SELECT card.pool_id,
       count(*) FILTER (WHERE state = 'on_shelf')::int AS on_shelf,
       count(*) FILTER (WHERE state = 'held')::int AS held,
       count(*) FILTER (WHERE state = 'sold')::int AS sold,
       count(*) FILTER (WHERE state = 'exported')::int AS exported,
       count(*) FILTER (WHERE state = 'void')::int AS void
FROM cards_card AS card WHERE card.pool_id = ANY (%s) GROUP BY card.pool_id
"""


def stock(db: Db, pool_ids: Sequence[int]) -> dict[int, Stock]:
    """Counts by state; counting walks the pool, so this is for pages about a few pools."""
    found = db.execute(STOCK, [list(pool_ids)]).fetchall()
    return {row[0]: Stock(*row[1:]) for row in found}


def batch(db: Db, pool_id: int, *, lock: bool = False) -> Batch | None:
    return one(db, Batch, f"{BATCH} WHERE batch.pool_id = %s{' FOR UPDATE OF batch, pool' if lock else ''}", [pool_id])


def spooled(db: Db) -> set[str]:
    """The spooled files that batches still wait for."""
    return set(values(db, "SELECT spool FROM cards_batch WHERE spool <> ''"))


def new_pool(db: Db, new: NewBatch) -> int:
    sql = """
    INSERT INTO cards_pool (sku_id, supplier_id, kind, source_id, source_code) VALUES (%s, %s, %s, %s, %s) RETURNING id
    """
    source_id, source_code = new.source or (None, "")
    return int(value(db, sql, [new.sku_id, new.supplier_id, new.kind, source_id, source_code]))


def labels_of(db: Db, pool_id: int, labels: Sequence[str]) -> set[str]:
    """Those of these labels that a card of this pool has, or one that can be had of another pool of the same SKU."""
    sql = """
    SELECT card.label FROM cards_pool AS mine JOIN cards_pool AS pool ON pool.sku_id = mine.sku_id
    JOIN cards_card AS card ON card.pool_id = pool.id AND card.label = ANY (%s)
    WHERE mine.id = %s AND (pool.id = mine.id OR card.state IN ('on_shelf', 'held'))
    """
    return set(values(db, sql, [list(labels), pool_id]))


def new_batch(db: Db, pool_id: int, code: str, new: NewBatch, data_key: bytes, by: str, at: datetime) -> None:
    sql = """
    INSERT INTO cards_batch (pool_id, code, state, file_name, file_bytes, manifest_hash, spool, data_key, format,
                             unit_cost_fen, note, lines_total, received_by, received_at, redeemer_id)
    VALUES (%s, %s, 'uploaded', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.file_name, new.file_bytes, new.manifest_hash, new.spool, data_key, Jsonb(new.format.to_json())]
    run(db, sql, [pool_id, code, *told, new.unit_cost_fen, new.note, new.lines_total, by, at, new.redeemer_id])


def set_batch(db: Db, pool_id: int, before: str, after: str, changes: Mapping[str, Any]) -> None:
    """Move a batch from a named state to a named state; `changes` are columns of ours, never from outside."""
    sets = "".join(f", {name} = %s" for name in changes)
    sql = f"UPDATE cards_batch SET state = %s{sets} WHERE pool_id = %s AND state = %s"
    assert run(db, sql, [after, *changes.values(), pool_id, before]) == 1, "a batch moves from the state it was seen in"


def set_format(db: Db, pool_id: int, form: Format) -> None:
    sql = "UPDATE cards_batch SET format = %s WHERE pool_id = %s AND state = 'uploaded'"
    assert run(db, sql, [Jsonb(form.to_json()), pool_id]) == 1


def stock_cost(db: Db, pool_id: int) -> int:
    """What the cards that are still here have cost."""
    sql = "SELECT coalesce(sum(unit_cost_fen), 0) FROM cards_card WHERE pool_id = %s AND state <> 'exported'"
    return int(value(db, sql, [pool_id]))


def is_stocked(db: Db, product_id: int) -> bool:
    """Whether any batch of a product's SKUs is for sale, sold out or not."""
    sql = """
    SELECT EXISTS (SELECT FROM catalog_sku AS sku JOIN cards_pool AS pool ON pool.sku_id = sku.id
                   JOIN cards_batch AS batch ON batch.pool_id = pool.id AND batch.state = 'on_sale' WHERE sku.product_id = %s)
    """
    return value(db, sql, [product_id]) is True


def is_stocked_under(db: Db, category_id: int) -> bool:
    """Whether any batch of a category's products is for sale, sold out or not."""
    sql = """
    SELECT EXISTS (SELECT FROM catalog_product AS product JOIN catalog_sku AS sku ON sku.product_id = product.id
                   JOIN cards_pool AS pool ON pool.sku_id = sku.id
                   JOIN cards_batch AS batch ON batch.pool_id = pool.id AND batch.state = 'on_sale'
                   WHERE product.category_id = %s)
    """
    return value(db, sql, [category_id]) is True


def unauthorised(db: Db, most: int) -> list[int]:
    """Batches on sale that are of a brand, made by others, and under no authorisation."""
    sql = """
    SELECT batch.pool_id FROM cards_batch AS batch JOIN cards_pool AS pool ON pool.id = batch.pool_id
    JOIN catalog_sku AS sku ON sku.id = pool.sku_id
    JOIN catalog_product AS product ON product.id = sku.product_id AND product.brand <> ''
    WHERE batch.state = 'on_sale' AND pool.kind <> 'own_code' AND pool.authorisation_id IS NULL
    ORDER BY batch.pool_id LIMIT %s
    """
    return values(db, sql, [most])


def set_sellable(db: Db, pool_id: int, reason: str) -> None:
    sql = "UPDATE cards_pool SET sellable = %s, reason = %s WHERE id = %s"
    assert run(db, sql, [reason == "", reason, pool_id]) == 1


def set_expires_first(db: Db, pool_id: int) -> None:
    first = "SELECT min(expires_on) FROM cards_card WHERE pool_id = %s AND state = 'on_shelf'"
    run(
        db,
        f"UPDATE cards_pool SET expires_first = coalesce(({first}), expires_first) WHERE id = %s",
        [pool_id, pool_id],
    )


def progress(db: Db, pool_id: int, lines: int, accepted: int, rejected: int, cost_fen: int) -> None:
    assert run(db, PROGRESS, [lines, accepted, rejected, cost_fen, pool_id]) == 1


def card_ids(db: Db, many: int) -> Iterator[int]:
    """Ids nobody else has, from whole blocks."""
    blocks = values(db, "SELECT nextval('cards_card_block') FROM generate_series(1, %s)", [-(-many // ID_BLOCK)])
    return islice(chain.from_iterable(range(one * ID_BLOCK, (one + 1) * ID_BLOCK) for one in blocks), many)


def new_fingerprints(db: Db, pool_id: int, new: Sequence[tuple[bytes, int, int]]) -> set[int]:
    """Write down fingerprints (with card and line); the cards whose fingerprint nobody had are returned."""
    return set(values(db, NEW_FINGERPRINTS, [pool_id, *columns(new)]))


def known(db: Db, fingerprints: Sequence[bytes]) -> dict[bytes, tuple[int, int, str]]:
    """Whose these fingerprints are: pool, line and batch code."""
    found = db.execute(KNOWN, [list(fingerprints)])
    return {fingerprint: (pool_id, line_no, code) for fingerprint, pool_id, line_no, code in found}


def copy_cards(db: Db, cards: Sequence[tuple[Any, ...]]) -> None:
    with db.cursor() as cursor, cursor.copy(COPY_CARDS) as copy:
        copy.set_types(["int8", "int8", "int4", "bytea", "text", "date", "int8", "int8", "text", "int8"])
        for card in cards:
            copy.write_row(card)


def add_slots(db: Db, pool_id: int, slots: Sequence[tuple[int, int]], mask: str, unit_cost_fen: int) -> None:
    sql = """
    INSERT INTO cards_card (pool_id, id, line_no, mask, unit_cost_fen)
    SELECT %s, id, line_no, %s, %s FROM unnest(%s::bigint[], %s::int[]) AS slot (id, line_no)
    """
    run(db, sql, [pool_id, mask, unit_cost_fen, *columns(slots)])


def new_content(db: Db, pool_id: int, content_id: int, sealed: bytes, mask: str, by: str, at: datetime) -> int:
    sql = """
    INSERT INTO cards_content (pool_id, id, version, sealed, mask, made_by, made_at)
    SELECT %s, %s, coalesce(max(version), 0) + 1, %s, %s, %s, %s FROM cards_content WHERE pool_id = %s
    RETURNING version
    """
    version: int = value(db, sql, [pool_id, content_id, sealed, mask, by, at, pool_id])
    return version


def give_content(db: Db, pool_id: int) -> int | None:
    """From now on buyers are given the newest content of a shared secret; says its version."""
    sql = """
    UPDATE cards_pool AS pool SET content_id = newest.id FROM (
        SELECT id, version FROM cards_content WHERE pool_id = %s ORDER BY version DESC LIMIT 1) AS newest
    WHERE pool.id = %s RETURNING newest.version
    """
    found: list[int] = values(db, sql, [pool_id, pool_id])
    return found[0] if found else None


def contents(db: Db, pool_id: int) -> list[tuple[int, str, str, datetime]]:
    sql = "SELECT version, mask, made_by, made_at FROM cards_content WHERE pool_id = %s ORDER BY version DESC"
    return db.execute(sql, [pool_id]).fetchall()  # type: ignore[return-value]  # four columns


def add_rejects(db: Db, pool_id: int, rejects: Sequence[Reject]) -> None:
    sql = """
    INSERT INTO cards_reject (pool_id, line_no, reason, detail)
    SELECT %s, line_no, reason, detail FROM unnest(%s::int[], %s::text[], %s::text[]) AS r (line_no, reason, detail)
    """
    run(db, sql, [pool_id, *columns([(r.line_no, r.reason, r.detail) for r in rejects])])


def rejects(db: Db, pool_id: int, after_line: int, most: int, reason: str | None = None) -> list[Reject]:
    one = "AND reason = %s" if reason else ""
    sql = f"SELECT line_no, reason, detail FROM cards_reject WHERE pool_id = %s AND line_no > %s {one} ORDER BY line_no"
    return rows(db, Reject, f"{sql} LIMIT %s", [pool_id, after_line, *filter(None, [reason]), most])


def duplicates_elsewhere(db: Db, pool_id: int, supplier_id: int) -> int:
    """How many lines of a batch are cards that another supplier had brought before."""
    sql = """
    SELECT count(*)::int FROM cards_reject AS reject
    JOIN cards_batch AS batch ON batch.code = split_part(reject.detail, ':', 1)
    JOIN cards_pool AS pool ON pool.id = batch.pool_id
    WHERE reject.pool_id = %s AND reject.reason = 'duplicate_of_batch' AND pool.supplier_id <> %s
    """
    return int(value(db, sql, [pool_id, supplier_id]))


def reject_counts(db: Db, pool_id: int) -> dict[str, int]:
    sql = "SELECT reason, count(*)::int FROM cards_reject WHERE pool_id = %s GROUP BY reason ORDER BY count(*) DESC"
    return dict(db.execute(sql, [pool_id]).fetchall())


def void_unsold(db: Db, pool_id: int, after_state: str, most: int) -> list[tuple[int, bytes | None, date, int]]:
    """Take unsold cards off the shelf for good; (card, sealed, expiry, cost) of each."""
    sql = """
    UPDATE cards_card SET state = %s
    WHERE pool_id = %s AND id IN (
        SELECT id FROM cards_card WHERE pool_id = %s AND state = 'on_shelf'
        ORDER BY expires_on, id LIMIT %s FOR UPDATE)
      AND state = 'on_shelf'
    RETURNING id, sealed, expires_on, unit_cost_fen
    """
    return db.execute(sql, [after_state, pool_id, pool_id, most]).fetchall()  # type: ignore[return-value]  # four


def free_fingerprints(db: Db, pool_id: int, card_ids_: Sequence[int]) -> int:
    """Let these cards, and the contents of a shared secret, be imported again."""
    sql = """
    DELETE FROM cards_fingerprint WHERE pool_id = %(pool)s AND (card_id = ANY (%(ids)s)
        OR card_id IN (SELECT id FROM cards_content WHERE pool_id = %(pool)s))
    """
    return run(db, sql, {"pool": pool_id, "ids": list(card_ids_)})  # type: ignore[arg-type]  # named parameters


def of_fingerprint(db: Db, begin: bytes) -> list[tuple[int, int, bytes]]:
    """Cards whose fingerprint begins so: (pool, card, whole fingerprint)."""
    sql = "SELECT pool_id, card_id, fingerprint FROM cards_fingerprint WHERE fingerprint BETWEEN %s AND %s LIMIT 20"
    return db.execute(sql, [begin.ljust(32, b"\0"), begin.ljust(32, b"\xff")]).fetchall()  # type: ignore[return-value]  # three columns


def line_of_card(db: Db, pool_id: int, card_id: int) -> tuple[str, UUID | None, UUID | None] | None:
    sql = "SELECT state, order_id, sale_line_id FROM cards_card WHERE pool_id = %s AND id = %s"
    return db.execute(sql, [pool_id, card_id]).fetchone()  # type: ignore[return-value]  # three columns


def keep_export(db: Db, export_id: UUID, pool_id: int, cards: int, content: bytes, by: str, at: datetime) -> None:
    sql = "INSERT INTO cards_export (id, pool_id, cards, content, made_by, made_at) VALUES (%s, %s, %s, %s, %s, %s)"
    run(db, sql, [export_id, pool_id, cards, content, by, at])


def export(db: Db, export_id: UUID) -> tuple[int, int, bytes, datetime] | None:
    sql = "SELECT pool_id, cards, content, made_at FROM cards_export WHERE id = %s"
    return db.execute(sql, [export_id]).fetchone()  # type: ignore[return-value]  # four columns


def exports_of(db: Db, pool_id: int) -> list[tuple[UUID, int, datetime, str]]:
    sql = "SELECT id, cards, made_at, made_by FROM cards_export WHERE pool_id = %s ORDER BY made_at DESC"
    return db.execute(sql, [pool_id]).fetchall()  # type: ignore[return-value]  # four columns
