from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kashu.cards.types import CalledInvalid, Redemption
from kashu.kernel.db import Db, columns, rows, run, value

REDEMPTION = """
SELECT told.pool_id, told.id, told.card_id, pool.sku_id, told.party_id, told.key, told.place, told.redeemed_at,
       told.told_at, told.undone_at, told.undone_key
FROM cards_redemption AS told JOIN cards_pool AS pool ON pool.id = told.pool_id
"""
INVALID = """
SELECT told.pool_id, told.id, told.card_id, pool.sku_id, told.party_id, told.key, told.place, told.reason, told.told_at
FROM cards_invalid AS told JOIN cards_pool AS pool ON pool.id = told.pool_id
"""
# Codes of this organisation only: to anybody else, they are not there.
OF_CODE = """
SELECT card.pool_id, card.id, CASE WHEN card.voided_at IS NULL THEN card.state ELSE 'void' END, card.sale_line_id, card.expires_on, card.sold_at
FROM cards_fingerprint AS print
JOIN cards_pool AS pool ON pool.id = print.pool_id AND pool.kind = 'own_code'
JOIN cards_batch AS batch ON batch.pool_id = print.pool_id AND batch.redeemer_id = %s
JOIN cards_card AS card ON card.pool_id = print.pool_id AND card.id = print.card_id
WHERE print.fingerprint = %s
FOR NO KEY UPDATE OF card
"""


def of_code(db: Db, party_id: int, fingerprint: bytes) -> tuple[Any, ...] | None:
    """A code's card, locked: (pool, id, state, sale line, expiry, sold at)."""
    return db.execute(OF_CODE, [party_id, fingerprint]).fetchone()


def redemptions_of(db: Db, pool_id: int, card_id: int) -> list[Redemption]:
    """A card's redemptions, the newest first; at most the first of them holds."""
    sql = (
        f"{REDEMPTION} WHERE told.pool_id = %s AND told.card_id = %s ORDER BY told.told_at DESC, told.id DESC LIMIT 50"
    )
    return rows(db, Redemption, sql, [pool_id, card_id])


def any_redeemed(db: Db, lines: Sequence[tuple[int, UUID]]) -> bool:
    """Whether a code of these sale lines is redeemed."""
    sql = """
    SELECT true FROM unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
    JOIN cards_card AS card ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
    JOIN cards_redemption AS told ON told.pool_id = card.pool_id AND told.card_id = card.id AND told.undone_at IS NULL
    LIMIT 1
    """
    return bool(value(db, sql, columns(lines, 2)))


def redeemed_of(db: Db, lines: Sequence[tuple[int, UUID]]) -> set[tuple[int, int]]:
    """The cards of these sale lines, (pool, id), whose codes are redeemed."""
    sql = """
    SELECT card.pool_id, card.id FROM unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
    JOIN cards_card AS card ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
    JOIN cards_redemption AS told ON told.pool_id = card.pool_id AND told.card_id = card.id AND told.undone_at IS NULL
    """
    return set(db.execute(sql, columns(lines, 2)))


def redemptions(db: Db, party_id: int, before: tuple[datetime, UUID] | None, most: int) -> list[Redemption]:
    """An organisation's redemptions, the newest first, undone ones too."""
    older = "" if before is None else "AND (told.told_at, told.id) < (%s, %s)"
    sql = f"{REDEMPTION} WHERE told.party_id = %s {older} ORDER BY told.told_at DESC, told.id DESC LIMIT %s"
    return rows(db, Redemption, sql, [party_id, *(before or ()), most])


def add_redemption(
    db: Db, pool_id: int, redemption_id: UUID, card_id: int, told: tuple[Any, ...], at: datetime
) -> None:
    """Write a redemption down; `told` is (organisation, key, by, place, instant)."""
    sql = """
    INSERT INTO cards_redemption (pool_id, id, card_id, party_id, key, by, place, redeemed_at, told_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [pool_id, redemption_id, card_id, *told, at])


def undo_redemption(db: Db, told: Redemption, by: str, key: str, at: datetime) -> None:
    sql = """
    UPDATE cards_redemption SET undone_at = %s, undone_by = %s, undone_key = %s
    WHERE pool_id = %s AND id = %s AND undone_at IS NULL
    """
    assert run(db, sql, [at, by, key, told.pool_id, told.id]) == 1, "a redemption is undone once"


def called_invalid(db: Db, pool_id: int, card_id: int) -> list[CalledInvalid]:
    """What was said of a code that is no good, the newest first: again only after it was redeemed and that was undone."""
    sql = f"{INVALID} WHERE told.pool_id = %s AND told.card_id = %s ORDER BY told.told_at DESC, told.id DESC LIMIT 50"
    return rows(db, CalledInvalid, sql, [pool_id, card_id])


def call_invalid(db: Db, card: tuple[int, int], told: tuple[Any, ...], at: datetime) -> None:
    """Write it down; `told` is (id, organisation, key, by, place, reason)."""
    sql = """
    INSERT INTO cards_invalid (pool_id, card_id, id, party_id, key, by, place, reason, told_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [*card, *told, at])
