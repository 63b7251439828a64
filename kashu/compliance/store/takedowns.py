"""SQL of takedowns, of what they stop, and of the platform's closing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb

from kashu.compliance.types import Takedown
from kashu.kernel.db import Db, one, rows, run, value

TAKEDOWN = """
SELECT id, product_id, sku_ids, seller_id, title, origin, reference, ground, reason, evidence, state, snapshot, draft,
       made_by, made_at, due_at, warned_at, report, authority, receipt, reported_by, reported_at, decision, decided_by,
       decided_at
FROM compliance_takedown
"""
# Whether the platform is closed on `%(day)s` (C-05), for whoever asks for goods in the same statement.
IS_CLOSED = "coalesce((SELECT closing_on <= %(day)s FROM compliance_closing ORDER BY id DESC LIMIT 1), false)"


def takedown(db: Db, takedown_id: int, *, lock: bool = False) -> Takedown | None:
    return one(db, Takedown, f"{TAKEDOWN} WHERE id = %s{' FOR NO KEY UPDATE' if lock else ''}", [takedown_id])


def takedowns(db: Db, states: Sequence[str], before: int, most: int) -> list[Takedown]:
    """Takedowns in these states, the newest first, from before one on."""
    sql = f"{TAKEDOWN} WHERE state = ANY (%s) AND id < %s ORDER BY id DESC LIMIT %s"
    return rows(db, Takedown, sql, [list(states), before, most])


def takedowns_of(db: Db, seller_id: int, most: int) -> list[Takedown]:
    """Takedowns of a seller's goods, the newest first."""
    return rows(db, Takedown, f"{TAKEDOWN} WHERE seller_id = %s ORDER BY id DESC LIMIT %s", [seller_id, most])


def takedowns_of_products(db: Db, product_ids: Sequence[int], most: int) -> list[Takedown]:
    """Takedowns of these products, the newest first."""
    return rows(
        db, Takedown, f"{TAKEDOWN} WHERE product_id = ANY (%s) ORDER BY id DESC LIMIT %s", [list(product_ids), most]
    )


def unreported(db: Db, most: int, after: tuple[datetime, int] | None = None) -> list[Takedown]:
    """Those the authority was not told of yet, the soonest due first."""
    at, takedown_id = after or (None, None)
    sql = f"""{TAKEDOWN} WHERE state = 'frozen' AND (%s::timestamptz IS NULL OR (due_at, id) > (%s, %s))
    ORDER BY due_at, id LIMIT %s"""
    return rows(db, Takedown, sql, [at, at, takedown_id, most])


def overdue_takedowns(db: Db, at: datetime) -> int:
    """How many the authority should have been told of by now, and was not."""
    found: int = value(
        db, "SELECT count(*)::int FROM compliance_takedown WHERE state = 'frozen' AND due_at <= %s", [at]
    )
    return found


def to_warn_of(db: Db, at: datetime, most: int) -> list[Takedown]:
    """Overdue takedowns that nobody was warned of yet, locked; what others work on is left out."""
    sql = f"{TAKEDOWN} WHERE state = 'frozen' AND due_at <= %s AND warned_at IS NULL ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"
    return rows(db, Takedown, sql, [at, most])


def note_warned(db: Db, ids: Sequence[int], at: datetime) -> None:
    run(db, "UPDATE compliance_takedown SET warned_at = %s WHERE id = ANY (%s)", [at, list(ids)])


def keep_snapshot(db: Db, sha256: bytes, body: Mapping[str, Any], at: datetime) -> None:
    sql = "INSERT INTO compliance_snapshot (sha256, body, made_at) VALUES (%s, %s, %s) ON CONFLICT (sha256) DO NOTHING"
    run(db, sql, [sha256, Jsonb(dict(body)), at])


def snapshot(db: Db, sha256: bytes) -> dict[str, Any] | None:
    """What was shown when goods were taken down."""
    found: dict[str, Any] | None = value(db, "SELECT body FROM compliance_snapshot WHERE sha256 = %s", [sha256])
    return found


def add_takedown(db: Db, new: Takedown) -> int | None:
    """The id, or None where a takedown of this product stands already."""
    sql = """
    INSERT INTO compliance_takedown (product_id, sku_ids, seller_id, title, origin, reference, ground, reason, evidence,
                                     state, snapshot, draft, made_by, made_at, due_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'frozen', %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
    """
    told: list[Any] = [new.product_id, new.sku_ids, new.seller_id, new.title, new.origin, new.reference, new.ground]
    kept = [new.reason, new.evidence, new.snapshot, new.draft, new.made_by, new.made_at, new.due_at]
    found: int | None = value(db, sql, [*told, *kept])
    return found


def stop(db: Db, takedown_id: int, sku_ids: Sequence[int]) -> None:
    sql = "INSERT INTO compliance_stop (sku_id, takedown_id) SELECT sku, %s FROM unnest(%s::bigint[]) AS told (sku) ORDER BY sku"
    run(db, sql, [takedown_id, list(sku_ids)])


def unstop(db: Db, takedown_id: int) -> None:
    run(db, "DELETE FROM compliance_stop WHERE takedown_id = %s", [takedown_id])


def report_takedown(db: Db, takedown_id: int, told: Sequence[str], by: str, at: datetime) -> None:
    """From frozen to reported; `told` is the text as it was given, to whom, and what they gave for it."""
    sql = """
    UPDATE compliance_takedown SET state = 'reported', report = %s, authority = %s, receipt = %s, reported_by = %s,
        reported_at = %s
    WHERE id = %s AND state = 'frozen'
    """
    assert run(db, sql, [*told, by, at, takedown_id]) == 1, "a state moves from the state it was seen in"


def end_takedown(db: Db, takedown_id: int, after: str, decision: str, by: str, at: datetime) -> None:
    sql = """
    UPDATE compliance_takedown SET state = %s, decision = %s, decided_by = %s, decided_at = %s
    WHERE id = %s AND state = 'reported'
    """
    assert run(db, sql, [after, decision, by, at, takedown_id]) == 1, "a state moves from the state it was seen in"


def closing_on(db: Db) -> date | None:
    """The day from which nothing is sold any more; None while no such day is set (C-05)."""
    found: date | None = value(db, "SELECT closing_on FROM compliance_closing ORDER BY id DESC LIMIT 1")
    return found


def add_closing(db: Db, closing: date | None, who: tuple[str, str], reason: str, at: datetime) -> None:
    """A decision; `who` is who asked for it and who agreed."""
    sql = """
    INSERT INTO compliance_closing (closing_on, asked_by, decided_by, decided_at, reason) VALUES (%s, %s, %s, %s, %s)
    """
    run(db, sql, [closing, *who, at, reason])
