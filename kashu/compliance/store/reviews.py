from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb

from kashu.compliance.types import Review
from kashu.kernel.db import Db, one, rows, run, value

REVIEW = """
SELECT id, thing, sha256, texts, version, verdict, goods_class, reasons, state, people, made_by, made_at, agreed_by,
       evidence, decided_by, decided_at
FROM compliance_review
"""


def review(db: Db, review_id: int, *, lock: bool = False) -> Review | None:
    return one(db, Review, f"{REVIEW} WHERE id = %s{' FOR NO KEY UPDATE' if lock else ''}", [review_id])


def review_of_texts(db: Db, thing: str, sha256: bytes, version: str) -> Review | None:
    return one(db, Review, f"{REVIEW} WHERE thing = %s AND sha256 = %s AND version = %s", [thing, sha256, version])


def last_review(db: Db, thing: str) -> Review | None:
    """The newest review of a thing, whatever it said."""
    return one(db, Review, f"{REVIEW} WHERE thing = %s ORDER BY id DESC LIMIT 1", [thing])


def reviews_of(db: Db, thing: str, until: datetime, most: int) -> list[Review]:
    """The reviews of a thing that were made up to an instant, the newest first."""
    return rows(
        db, Review, f"{REVIEW} WHERE thing = %s AND made_at <= %s ORDER BY id DESC LIMIT %s", [thing, until, most]
    )


def waiting_reviews(db: Db, most: int, after: tuple[datetime, int] | None = None) -> list[Review]:
    """Those that wait for a person, the oldest first."""
    at, review_id = after or (None, None)
    sql = f"""{REVIEW} WHERE state = 'waiting' AND (%s::timestamptz IS NULL OR (made_at, id) > (%s, %s))
    ORDER BY made_at, id LIMIT %s"""
    return rows(db, Review, sql, [at, at, review_id, most])


def reviews_waiting(db: Db) -> int:
    """How many wait for a person."""
    found: int = value(db, "SELECT count(*)::int FROM compliance_review WHERE state = 'waiting'")
    return found


def add_review(db: Db, new: Review) -> int | None:
    """The id, or None where these texts have been read under this list already."""
    sql = """
    INSERT INTO compliance_review (thing, sha256, texts, version, verdict, goods_class, reasons, state, people, made_by,
                                   made_at, decided_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
    """
    said = [new.thing, new.sha256, Jsonb(new.texts), new.version, new.verdict, new.goods_class, new.reasons]
    found: int | None = value(db, sql, [*said, new.state, new.people, new.made_by, new.made_at, new.decided_at])
    return found


def agree_to_review(db: Db, review_id: int, person: str, evidence: str) -> None:
    sql = """
    UPDATE compliance_review SET agreed_by = array_append(agreed_by, %s), evidence = array_append(evidence, %s)
    WHERE id = %s AND state = 'waiting'
    """
    assert run(db, sql, [person, evidence, review_id]) == 1, "only what waits is agreed to"


def end_review(db: Db, review_id: int, after: str, person: str, evidence: str, at: datetime) -> None:
    """From waiting to allowed or refused; a refusal keeps its evidence here, an agreement has kept it before."""
    sql = """
    UPDATE compliance_review SET state = %s, decided_by = %s, decided_at = %s,
        evidence = CASE WHEN %s = 'refused' THEN array_append(evidence, %s) ELSE evidence END
    WHERE id = %s AND state = 'waiting'
    """
    assert run(db, sql, [after, person, at, after, evidence, review_id]) == 1, (
        "a state moves from the state it was seen in"
    )
