from __future__ import annotations

from kashu.cards.types import Source
from kashu.kernel.db import Db, one, rows, run

SOURCE = (
    "SELECT id, supplier_id, title, url, key_id, sealed_secret, is_open, set_by, set_at, checks_cards FROM cards_source"
)


def sources(db: Db) -> list[Source]:
    return rows(db, Source, f"{SOURCE} ORDER BY id")


def source(db: Db, source_id: str) -> Source | None:
    return one(db, Source, f"{SOURCE} WHERE id = %s", [source_id])


def checking_source(db: Db, supplier_id: int) -> Source | None:
    """The open source of a supplier that answers for its cards."""
    sql = f"{SOURCE} WHERE supplier_id = %s AND is_open AND checks_cards ORDER BY id LIMIT 1"
    return one(db, Source, sql, [supplier_id])


def keep_source(db: Db, new: Source) -> None:
    sql = """
    INSERT INTO cards_source (id, supplier_id, title, url, key_id, sealed_secret, is_open, set_by, set_at, checks_cards)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, url = excluded.url, key_id = excluded.key_id,
        sealed_secret = excluded.sealed_secret, is_open = excluded.is_open, set_by = excluded.set_by,
        set_at = excluded.set_at, checks_cards = excluded.checks_cards
    """
    told = [new.id, new.supplier_id, new.title, new.url, new.key_id, new.sealed_secret, new.is_open]
    run(db, sql, [*told, new.set_by, new.set_at, new.checks_cards])


def open_pools_of_source(db: Db, source_id: str, *, is_open: bool) -> None:
    """Take the pools of a source off sale, or put those that were taken off so back on."""
    sql = """
    UPDATE cards_pool AS pool SET sellable = %s, reason = %s FROM cards_batch AS batch
    WHERE batch.pool_id = pool.id AND pool.source_id = %s AND batch.state = 'on_sale' AND pool.reason = %s
    """
    before, after = ("review", "") if is_open else ("", "review")
    run(db, sql, [is_open, after, source_id, before])


def source_of_pool(db: Db, pool_id: int) -> tuple[Source, str] | None:
    """Through which source a pool's orders are issued, and the source's own code for these goods."""
    found = db.execute("SELECT source_id, source_code FROM cards_pool WHERE id = %s", [pool_id]).fetchone()
    if found is None or found[0] is None:
        return None
    told = source(db, found[0])
    assert told is not None
    return told, found[1]
