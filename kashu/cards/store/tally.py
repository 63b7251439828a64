"""SQL of what became of a pool's cards: the facts that never change again, each as one hash."""

from __future__ import annotations

from datetime import datetime

from kashu.cards.types import CardEvent, Checked
from kashu.kernel.db import Db, one, rows, run, value, values

MICROS = "(extract(epoch FROM {}) * 1000000)::bigint"
# A card that was seen is its buyer's for good; one that was not may still come back to the shelf, and is in no tally yet.
# What an event says is hashed here, so that a day of a hundred thousand sales comes as so many hashes.
EVENTS = f"""
SELECT what, at, sha256('\\x00'::bytea || convert_to(concat_ws('|', what, %(pool)s::bigint, told), 'UTF8')) AS leaf FROM (
    SELECT 'seen' AS what, revealed_at AS at,
           concat_ws('|', id, order_id, sale_line_id, {MICROS.format("sold_at")}, {MICROS.format("revealed_at")}) AS told
    FROM cards_card WHERE pool_id = %(pool)s AND sale_line_id IS NOT NULL AND revealed_at >= %(since)s AND revealed_at < %(until)s
    UNION ALL
    SELECT 'void', voided_at, concat_ws('|', id, order_id, {MICROS.format("voided_at")}, coalesce(void_cause, ''))
    FROM cards_card WHERE pool_id = %(pool)s AND sale_line_id IS NOT NULL AND voided_at >= %(since)s AND voided_at < %(until)s
    UNION ALL
    SELECT 'redeemed', told_at, concat_ws('|', id, card_id, party_id, {MICROS.format("redeemed_at")}, {MICROS.format("told_at")})
    FROM cards_redemption WHERE pool_id = %(pool)s AND told_at >= %(since)s AND told_at < %(until)s
    UNION ALL
    SELECT 'undone', undone_at, concat_ws('|', id, card_id, {MICROS.format("undone_at")})
    FROM cards_redemption WHERE pool_id = %(pool)s AND undone_at >= %(since)s AND undone_at < %(until)s
    UNION ALL
    SELECT 'invalid', told_at, concat_ws('|', id, card_id, party_id, {MICROS.format("told_at")}, reason)
    FROM cards_invalid WHERE pool_id = %(pool)s AND told_at >= %(since)s AND told_at < %(until)s
) AS event ORDER BY leaf
"""
TO_TALLY = """
SELECT pool_id FROM cards_batch WHERE on_sale_at IS NOT NULL AND data_key <> '' AND pool_id > %s ORDER BY pool_id LIMIT %s
"""
CHECKED = """
SELECT told.pool_id, batch.code, told.checked_at, told.seq, told.head, told.broken, told.mistold
FROM cards_checked AS told JOIN cards_batch AS batch ON batch.pool_id = told.pool_id
"""
WRONG = "(told.broken IS NOT NULL OR told.mistold IS NOT NULL)"
TO_CHECK = f"""
SELECT batch.pool_id FROM cards_batch AS batch
LEFT JOIN cards_checked AS told ON told.pool_id = batch.pool_id
LEFT JOIN LATERAL (
    SELECT seq, hash FROM cards_provenance WHERE pool_id = batch.pool_id ORDER BY seq DESC LIMIT 1) AS last ON true
WHERE batch.pool_id > %s AND ({WRONG} OR (told.seq, told.head) IS DISTINCT FROM (last.seq, last.hash))
ORDER BY batch.pool_id LIMIT %s
"""
LONGEST = """
SELECT pool_id FROM cards_checked WHERE checked_at < %s ORDER BY checked_at, pool_id
LIMIT (SELECT ceil(count(*)::float / %s)::bigint FROM cards_checked)
"""


def events(db: Db, pool_id: int, since: datetime, until: datetime) -> list[CardEvent]:
    """What became of a pool's cards from an instant until before another, in the order of a tally."""
    return rows(db, CardEvent, EVENTS, {"pool": pool_id, "since": since, "until": until})  # type: ignore[arg-type]  # named


def tallied_until(db: Db, pool_id: int) -> datetime | None:
    """Until when a pool's last tally tells; None before the first one."""
    sql = """
    SELECT body->>'until' FROM cards_provenance WHERE pool_id = %s AND event = 'tallied' ORDER BY seq DESC LIMIT 1
    """
    found: list[str] = values(db, sql, [pool_id])
    return datetime.fromisoformat(found[0]) if found else None


def to_tally(db: Db, after: int, most: int) -> list[int]:
    """Pools that were ever for sale and are not over, after one."""
    found: list[int] = values(db, TO_TALLY, [after, most])
    return found


def checked(db: Db, pool_id: int) -> Checked | None:
    """What was found when a pool's chain was last looked at; None where it never was."""
    return one(db, Checked, f"{CHECKED} WHERE told.pool_id = %s", [pool_id])


def keep_checked(db: Db, found: Checked) -> None:
    sql = """
    INSERT INTO cards_checked (pool_id, checked_at, seq, head, broken, mistold) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (pool_id) DO UPDATE SET checked_at = excluded.checked_at, seq = excluded.seq, head = excluded.head,
        broken = excluded.broken, mistold = excluded.mistold
    """
    run(db, sql, [found.pool_id, found.checked_at, found.seq, found.head, found.broken, found.mistold])


def to_check(db: Db, after: int, most: int) -> list[int]:
    """Pools, after one, whose chain is not where it was when it was looked at, or was found wrong."""
    found: list[int] = values(db, TO_CHECK, [after, most])
    return found


def longest_unchecked(db: Db, before: datetime, nights: int) -> list[int]:
    """The pools that were looked at longest ago, before an instant: so many that in so many nights each has its turn."""
    found: list[int] = values(db, LONGEST, [before, nights])
    return found


def wrong_chains(db: Db, most: int) -> list[Checked]:
    """Pools that were found wrong."""
    return rows(db, Checked, f"{CHECKED} WHERE {WRONG} ORDER BY told.pool_id LIMIT %s", [most])


def count_wrong_chains(db: Db) -> int:
    found: int = value(db, f"SELECT count(*)::int FROM cards_checked AS told WHERE {WRONG}")
    return found
