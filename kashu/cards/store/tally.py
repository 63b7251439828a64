"""SQL of what became of a pool's cards: the facts that never change again, each as one hash."""

from __future__ import annotations

from datetime import datetime

from kashu.cards.types import CardEvent
from kashu.kernel.db import Db, rows, values

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
