"""The outbox: facts leave a transaction as rows, and are relayed afterwards, at least once.

A fact is written with what it tells about, in the same transaction. The relay leases the oldest facts, hands each
to its handler and removes it; a relay that dies loses its lease and another takes over. Handlers are idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, assert_in_transaction, rows, run, write
from kashu.kernel.ids import new_id

RELAY_MAX = 200
LEASE_SECONDS = 30

WRITE = """
INSERT INTO outbox (pool_id, id, topic, body, due_at, recorded_at)
SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::text[], %b::jsonb[], %b::timestamptz[], %b::timestamptz[])
"""

LEASE = """
UPDATE outbox SET leased_until = %(until)s, tries = tries + 1
WHERE (pool_id, id) IN (
    SELECT pool_id, id FROM outbox
    WHERE due_at <= %(now)s AND (leased_until IS NULL OR leased_until < %(now)s)
    ORDER BY due_at, id LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
RETURNING pool_id, id, topic, body, tries, recorded_at
"""

DONE = """
DELETE FROM outbox USING unnest(%b::bigint[], %b::uuid[]) AS done (pool_id, id)
WHERE outbox.pool_id = done.pool_id AND outbox.id = done.id
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened: a dotted topic and the few ids a handler needs. Never a secret."""

    topic: str
    body: Mapping[str, Any]
    pool_id: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leased:
    pool_id: int
    id: UUID
    topic: str
    body: dict[str, Any]
    tries: int
    recorded_at: datetime


def tell(db: Db, facts: Sequence[Fact], at: datetime) -> None:
    """Write facts down with the change they tell of."""
    assert_in_transaction(db)
    if not facts:
        return
    write(
        db,
        WRITE,
        [
            [fact.pool_id for fact in facts],
            [new_id() for _ in facts],
            [fact.topic for fact in facts],
            [Jsonb(dict(fact.body)) for fact in facts],
            [fact.due_at or at for fact in facts],
            [at for _ in facts],
        ],
    )


def lease(db: Db, at: datetime, most: int = RELAY_MAX) -> list[Leased]:
    """The oldest facts due, ours alone for a while."""
    until = at + timedelta(seconds=LEASE_SECONDS)
    found = rows(db, Leased, LEASE, {"now": at, "until": until, "most": most})  # type: ignore[arg-type]  # named
    return sorted(found, key=lambda fact: (fact.recorded_at, fact.id))


def done(db: Db, facts: Sequence[Leased]) -> None:
    run(db, DONE, [[fact.pool_id for fact in facts], [fact.id for fact in facts]])
