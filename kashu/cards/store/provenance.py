from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.cards.types import BatchOrigin, Origin, Step
from kashu.kernel.db import Db, columns, one, rows, run, value, values, write

STEPS = """
SELECT pool_id, seq, at, event, actor, body, prev_hash, hash FROM cards_provenance WHERE pool_id = %s ORDER BY seq
"""
ADD = """
INSERT INTO cards_provenance (pool_id, seq, at, event, actor, body, prev_hash, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
# A card that was sold stays with the authorisation that it was sold under, whichever renewed that since.
HELD_AT = """coalesce((
    SELECT (step.body->>'authorisation')::bigint FROM cards_provenance AS step
    WHERE step.pool_id = pool.id AND step.event = 'authorised' AND step.at <= coalesce({at}, 'infinity')
    ORDER BY step.seq DESC LIMIT 1), pool.authorisation_id)"""
ORIGIN = f"""
SELECT card.pool_id, card.id AS card_id, batch.code, batch.manifest_hash, batch.received_by, batch.received_at,
       {HELD_AT.format(at="card.sold_at")} AS authorisation_id,
       pool.supplier_id, pool.sku_id, card.line_no,
       CASE WHEN card.voided_at IS NULL THEN card.state ELSE 'void' END AS state, card.order_id, card.sale_line_id,
       card.sold_at, card.revealed_at
FROM cards_card AS card
JOIN cards_batch AS batch ON batch.pool_id = card.pool_id
JOIN cards_pool AS pool ON pool.id = card.pool_id
"""
ORIGIN_OF_PRINT = f"""
{ORIGIN} JOIN cards_fingerprint AS known ON known.pool_id = card.pool_id AND known.card_id = card.id WHERE known.fingerprint = %s
"""
# Of a line without a sold card (its order was closed), what held at the instant that is given with it.
SOLD_UNDER = f"""
SELECT pool.id, {HELD_AT.format(at="sold.at")} FROM (
    SELECT DISTINCT line.pool_id, coalesce(card.sold_at, line.at) AS at
    FROM unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) AS line (pool_id, line_id, at)
    LEFT JOIN cards_card AS card ON card.pool_id = line.pool_id AND card.sale_line_id = line.line_id) AS sold
JOIN cards_pool AS pool ON pool.id = sold.pool_id ORDER BY sold.at
"""
# What a fallen authorisation touches: the pools that are or ever were under it, and what is left unsold.
POOLS_UNDER = """
SELECT id FROM cards_pool WHERE authorisation_id = ANY (%(under)s)
UNION SELECT pool_id FROM cards_provenance WHERE event = 'authorised' AND (body->>'authorisation')::bigint = ANY (%(under)s)
"""
# A void card counts where its cause was that it was bad (one from before causes were kept, as it did), and one that its
# supplier itself calls invalid, or whoever honours it unless it was redeemed after all; a card counts once.
FAILURES = """
SELECT pool_id, count(*)::int,
       (count(*) FILTER (WHERE coalesce(void_cause, CASE WHEN voided_at IS NOT NULL THEN 'bad_card' END) = 'bad_card'
           OR id IN (SELECT card_id FROM cards_probe
                     WHERE pool_id = ANY (%(pools)s) AND is_disputed AND answer = 'invalid')
           OR id IN (SELECT said.card_id FROM cards_invalid AS said WHERE said.pool_id = ANY (%(pools)s) AND NOT EXISTS (
                     SELECT FROM cards_redemption AS told
                     WHERE told.pool_id = said.pool_id AND told.card_id = said.card_id AND told.undone_at IS NULL))))::int
FROM cards_card WHERE pool_id = ANY (%(pools)s) AND state = 'sold' GROUP BY pool_id ORDER BY pool_id
"""
RENEWABLE = """
SELECT pool.id FROM cards_pool AS pool JOIN cards_batch AS batch ON batch.pool_id = pool.id
WHERE pool.authorisation_id = %s AND batch.state <> 'cancelled'
  AND EXISTS (SELECT FROM cards_card AS card WHERE card.pool_id = pool.id AND card.state = 'on_shelf')
ORDER BY pool.id LIMIT %s FOR NO KEY UPDATE OF pool
"""
# Batches that came under one of these after the last day on which it held, whatever renewed it since.
CAME_AFTER = """
SELECT pool.id, link.id FROM cards_pool AS pool JOIN cards_batch AS batch ON batch.pool_id = pool.id
JOIN LATERAL (
    SELECT (step.body->>'authorisation')::bigint AS id FROM cards_provenance AS step
    WHERE step.pool_id = pool.id AND step.event = 'authorised' AND NOT step.body ? 'renews'
    ORDER BY step.seq DESC LIMIT 1) AS came ON came.id = ANY (%(under)s)
JOIN compliance_authorisation AS link ON link.id = came.id AND link.state = 'revoked'
WHERE pool.id = ANY (%(pools)s) AND NOT pool.kind = ANY (%(later)s)
  AND (batch.received_at AT TIME ZONE 'Asia/Shanghai')::date > link.revoked_on
ORDER BY pool.id
"""
UNSOLD_UNDER = """
SELECT count(*)::int FROM cards_pool AS pool JOIN cards_card AS card ON card.pool_id = pool.id AND card.state = 'on_shelf'
WHERE pool.authorisation_id = ANY (%s)
"""
DRAW = "SELECT id FROM cards_card WHERE pool_id = %s AND state = 'on_shelf' ORDER BY random() LIMIT %s"


def origins(db: Db, pool_ids: Collection[int]) -> list[BatchOrigin]:
    """Where these pools' batches come from, the newest first."""
    sql = """
    SELECT pool.id AS pool_id, batch.code, pool.supplier_id, supplier.name AS supplier,
           pool.authorisation_id, batch.manifest_hash, batch.received_at,
           (SELECT hash FROM cards_provenance WHERE pool_id = pool.id ORDER BY seq DESC LIMIT 1) AS head
    FROM cards_pool AS pool JOIN cards_batch AS batch ON batch.pool_id = pool.id
    JOIN party_party AS supplier ON supplier.id = pool.supplier_id
    WHERE pool.id = ANY (%s) ORDER BY pool.id DESC
    """
    return rows(db, BatchOrigin, sql, [sorted(pool_ids)])


def failures(db: Db, pool_ids: Collection[int]) -> list[tuple[int, int, int]]:
    """Of each of these pools: how many cards were sold, and how many of them were found bad."""
    return db.execute(FAILURES, {"pools": sorted(set(pool_ids))}).fetchall()  # type: ignore[return-value]  # three columns


def draw(db: Db, pool_id: int, most: int) -> list[int]:
    """Up to so many unsold cards of a pool, each as likely as any other.

    This reads the pool's whole shelf, once a batch. Drawing places between its ends is quicker and is no sample: two places
    meet in one card, and all of those before the shelf begins, where the sold cards are, in the first.
    """
    return sorted(values(db, DRAW, [pool_id, most]))


def add_probe(db: Db, pool_id: int, card_ids: Sequence[int], at: datetime, *, is_disputed: bool = False) -> int:
    """Note which cards are asked about, and in which turn."""
    turn: int = value(db, "SELECT coalesce(max(turn), 0) + 1 FROM cards_probe WHERE pool_id = %s", [pool_id])
    sql = """
    INSERT INTO cards_probe (pool_id, turn, card_id, asked_at, is_disputed) SELECT %s, %s, unnest(%s::bigint[]), %s, %s
    """
    assert run(db, sql, [pool_id, turn, list(card_ids), at, is_disputed]) == len(card_ids)
    return turn


def asked(db: Db, pool_id: int, turn: int) -> list[tuple[int, bytes | None, bool]]:
    """The cards that a turn asks about and has no answer for: (card, sealed, whether it is disputed)."""
    sql = """
    SELECT card.id, card.sealed, probe.is_disputed FROM cards_probe AS probe
    JOIN cards_card AS card ON card.pool_id = probe.pool_id AND card.id = probe.card_id
    WHERE probe.pool_id = %s AND probe.turn = %s AND probe.answer IS NULL ORDER BY card.id
    """
    return db.execute(sql, [pool_id, turn]).fetchall()  # type: ignore[return-value]  # three columns


def answer(db: Db, pool_id: int, turn: int, answers: Mapping[int, str], at: datetime) -> int:
    """Note what a supplier said; says of how many cards it is new."""
    sql = """
    UPDATE cards_probe AS probe SET answer = told.answer, answered_at = %s
    FROM unnest(%s::bigint[], %s::text[]) AS told (card_id, answer)
    WHERE probe.pool_id = %s AND probe.turn = %s AND probe.card_id = told.card_id AND probe.answer IS NULL
    """
    return run(db, sql, [at, list(answers), list(answers.values()), pool_id, turn])


def steps(db: Db, pool_id: int) -> list[Step]:
    return rows(db, Step, STEPS, [pool_id])


def last_step(db: Db, pool_id: int) -> Step | None:
    """The end of a pool's chain, its pool locked, so that two steps follow one another."""
    run(db, "SELECT FROM cards_pool WHERE id = %s FOR NO KEY UPDATE", [pool_id])
    sql = """
    SELECT pool_id, seq, at, event, actor, body, prev_hash, hash FROM cards_provenance
    WHERE pool_id = %s ORDER BY seq DESC LIMIT 1
    """
    return one(db, Step, sql, [pool_id])


def add_step(db: Db, step: Step) -> None:
    told: list[Any] = [step.pool_id, step.seq, step.at, step.event, step.actor, Jsonb(dict(step.body))]
    write(db, ADD, [*told, step.prev_hash, step.hash])


def set_authorisation(db: Db, pool_id: int, authorisation_id: int) -> None:
    run(db, "UPDATE cards_pool SET authorisation_id = %s WHERE id = %s", [authorisation_id, pool_id])


def renewable(db: Db, authorisation_id: int, most: int) -> list[int]:
    """Pools under an authorisation with cards left to sell, locked."""
    found: list[int] = values(db, RENEWABLE, [authorisation_id, most])
    return found


def authorisation_of(db: Db, pool_id: int) -> int | None:
    found: list[int | None] = values(db, "SELECT authorisation_id FROM cards_pool WHERE id = %s", [pool_id])
    return found[0] if found else None


def origin_of_print(db: Db, fingerprint: bytes) -> Origin | None:
    """Where the card with this fingerprint comes from, and where it went."""
    return one(db, Origin, ORIGIN_OF_PRINT, [fingerprint])


def origin(db: Db, pool_id: int, card_id: int) -> Origin | None:
    return one(db, Origin, f"{ORIGIN} WHERE card.pool_id = %s AND card.id = %s", [pool_id, card_id])


def sold_under(db: Db, lines: Sequence[tuple[int, UUID, datetime]]) -> dict[int, list[int]]:
    """Of the pools of these sale lines, under which authorisations their cards were sold, in the order of time."""
    found: dict[int, list[int]] = {line[0]: [] for line in lines}
    for pool_id, authorisation_id in db.execute(SOLD_UNDER, columns(lines, 3)):
        if authorisation_id is not None and authorisation_id not in found[pool_id]:
            found[pool_id].append(authorisation_id)
    return found


def pools_under(db: Db, authorisation_ids: Sequence[int]) -> list[int]:
    """The pools that are or ever were under these."""
    found: list[int] = values(db, POOLS_UNDER, {"under": list(authorisation_ids)})  # type: ignore[arg-type]  # named
    return found


def came_after(db: Db, authorisation_ids: Sequence[int], later: Collection[str]) -> dict[int, int]:
    """Pools, with the fallen authorisation under which they came too late; none of these kinds, which come as they are sold."""
    told = {"under": list(authorisation_ids), "pools": pools_under(db, authorisation_ids), "later": list(later)}
    return dict(db.execute(CAME_AFTER, told))  # type: ignore[arg-type]  # named parameters


def unsold_under(db: Db, authorisation_ids: Sequence[int]) -> int:
    found: list[int] = values(db, UNSOLD_UNDER, [list(authorisation_ids)])
    return found[0]
