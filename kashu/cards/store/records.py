"""SQL of what is kept of sold cards: for evidence while they can be opened, and after they are erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.cards.store.redemptions import INVALID, REDEMPTION
from kashu.cards.types import CalledInvalid, CardRecord, Redemption
from kashu.kernel.db import Db, columns, rows, run

RECORDS = """
SELECT card.pool_id, card.id, card.sale_line_id, batch.code AS batch, card.line_no,
       coalesce(content.mask, card.mask) AS mask, content.version, card.expires_on,
       CASE WHEN card.voided_at IS NULL THEN card.state ELSE 'void' END AS state,
       card.sold_at, card.revealed_at, card.voided_at, card.erased_at, card.fingerprint
FROM cards_card AS card
JOIN unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
  ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
JOIN cards_batch AS batch ON batch.pool_id = card.pool_id
LEFT JOIN cards_content AS content ON content.pool_id = card.pool_id AND content.id = card.content_id
ORDER BY card.pool_id, card.id
"""
ERASE = """
UPDATE cards_card AS card SET sealed = NULL, erased_at = %s, fingerprint = told.fingerprint
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS told (pool_id, id, fingerprint)
WHERE card.pool_id = told.pool_id AND card.id = told.id AND card.state = 'sold' AND card.erased_at IS NULL
"""
SEALED = """
SELECT card.pool_id, card.id, card.sale_line_id, card.expires_on, card.sealed, card.content_id
FROM cards_card AS card
JOIN unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
  ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
WHERE card.state = 'sold' AND card.erased_at IS NULL
"""


SPENT = """
SELECT batch.pool_id, batch.code FROM cards_batch AS batch
WHERE batch.state IN ('withdrawn', 'cancelled') AND batch.data_key <> '' AND batch.pool_id > %s
  AND coalesce(batch.withdrawn_at, batch.received_at) < %s
  AND NOT EXISTS (
    SELECT FROM cards_card AS card WHERE card.pool_id = batch.pool_id
      AND (card.state IN ('on_shelf', 'held') OR (card.state = 'sold' AND card.erased_at IS NULL)))
ORDER BY batch.pool_id LIMIT %s FOR UPDATE OF batch
"""


def records(db: Db, lines: Sequence[tuple[int, UUID]]) -> list[CardRecord]:
    """What is kept of the cards of sale lines."""
    return rows(db, CardRecord, RECORDS, columns(lines, 2))


def sealed(
    db: Db, lines: Sequence[tuple[int, UUID]]
) -> list[tuple[int, int, UUID, datetime, bytes | None, int | None]]:
    """The sold cards of sale lines that can still be opened, void ones too, as `sold` gives them."""
    return db.execute(SEALED, columns(lines, 2)).fetchall()  # type: ignore[return-value]  # six columns


def erase(db: Db, prints: Sequence[tuple[int, int, bytes]], at: datetime) -> int:
    """Erase the secrets of cards by (pool, card, fingerprint); how many were there."""
    return run(db, ERASE, [at, *columns(sorted(prints), 3)])


def redemptions_under(db: Db, lines: Sequence[tuple[int, UUID]]) -> list[Redemption]:
    """Every redemption of the cards of sale lines, undone ones too, oldest first."""
    sql = f"""{REDEMPTION}
    JOIN cards_card AS card ON card.pool_id = told.pool_id AND card.id = told.card_id
    JOIN unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
      ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
    ORDER BY told.told_at, told.id LIMIT 10000
    """
    return rows(db, Redemption, sql, columns(lines, 2))


def invalid_under(db: Db, lines: Sequence[tuple[int, UUID]]) -> list[CalledInvalid]:
    """What was said of the codes of sale lines by whom they are for: that they are no good; oldest first."""
    sql = f"""{INVALID}
    JOIN cards_card AS card ON card.pool_id = told.pool_id AND card.id = told.card_id
    JOIN unnest(%s::bigint[], %s::uuid[]) AS line (pool_id, line_id)
      ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id
    ORDER BY told.told_at, told.id LIMIT 10000
    """
    return rows(db, CalledInvalid, sql, columns(lines, 2))


def spent(db: Db, after: int, before: datetime, most: int) -> list[tuple[int, str]]:
    """Batches that ended before an instant and have no card that anybody may open: (pool, code), locked."""
    return db.execute(SPENT, [after, before, most]).fetchall()  # type: ignore[return-value]  # two columns


def shred(db: Db, pool_ids: Sequence[int]) -> int:
    """Destroy the data keys of batches; how many had one."""
    return run(db, "UPDATE cards_batch SET data_key = '' WHERE pool_id = ANY (%s) AND data_key <> ''", [list(pool_ids)])
