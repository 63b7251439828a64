"""SQL of clocks: which run, which are past their end, and which of those have been told of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.aftersale.types import Clock, ClockCount
from kashu.kernel.db import Db, columns, rows

# A clock runs while the state it measures lasts: nothing has to be set or stopped, and nothing can be forgotten. Those of
# public data and of persons' requests run over `party`'s rows, which the law of the layers lets us read.
RUNNING = """
SELECT 'take_up' AS name, 'complaint' AS thing, id, take_up_by AS due_at FROM aftersale_complaint WHERE state = 'opened'
UNION ALL
SELECT 'answer', 'complaint', id, answer_by FROM aftersale_complaint
WHERE state IN ('opened', 'taken') AND answered_at IS NULL
UNION ALL
SELECT 'decide', 'complaint', id, decide_by FROM aftersale_complaint WHERE state IN ('opened', 'taken')
UNION ALL
SELECT 'review', 'complaint', id, review_by FROM aftersale_complaint WHERE state = 'objected'
UNION ALL
SELECT 'guardian', 'guardian', id, due_at FROM aftersale_guardian WHERE state = 'open'
UNION ALL
SELECT 'compensate', 'compensation', id, due_at FROM aftersale_compensation WHERE state IN ('owed', 'asked', 'approved')
UNION ALL
SELECT 'publish', 'change', id, verify_by FROM party_change WHERE state = 'declared'
UNION ALL
SELECT 'remind', 'unreached', id, remind_by FROM party_unreached WHERE state = 'noted'
UNION ALL
SELECT 'sanction', 'unreached', id, answer_by FROM party_unreached WHERE state = 'reminded'
UNION ALL
SELECT 'request', 'request', id, due_at FROM party_request WHERE state = 'open'
"""
COUNTS = f"""
SELECT name, count(*)::int AS running, count(*) FILTER (WHERE due_at <= %s)::int AS overdue
FROM ({RUNNING}) AS clock GROUP BY name ORDER BY name
"""
OVERDUE = f"SELECT name, thing, id, due_at FROM ({RUNNING}) AS clock WHERE due_at <= %s ORDER BY due_at, id LIMIT %s"
UNTOLD = f"""
SELECT clock.name, clock.thing, clock.id, clock.due_at FROM ({RUNNING}) AS clock
WHERE clock.due_at <= %s AND NOT EXISTS (
    SELECT FROM aftersale_breach AS told
    WHERE told.clock = clock.name AND told.thing = clock.thing AND told.id = clock.id)
ORDER BY clock.due_at, clock.id LIMIT %s
"""
NOTE = """
INSERT INTO aftersale_breach (clock, thing, id, due_at, told_at)
SELECT name, thing, id, due_at, %s FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::timestamptz[])
    AS new (name, thing, id, due_at)
ON CONFLICT DO NOTHING RETURNING clock, thing, id, due_at
"""


def counts(db: Db, at: datetime) -> list[ClockCount]:
    return rows(db, ClockCount, COUNTS, [at])


def overdue(db: Db, at: datetime, most: int) -> list[Clock]:
    """Clocks past their end, the oldest first."""
    return rows(db, Clock, OVERDUE, [at, most])


def note_breaches(db: Db, at: datetime, most: int) -> list[Clock]:
    """Write down clocks past their end that nobody was told of; of two that look, one is first. Those that are new."""
    found = rows(db, Clock, UNTOLD, [at, most])
    told = columns([(one.name, one.thing, one.id, one.due_at) for one in found], 4)
    return [Clock(*row) for row in db.execute(NOTE, [at, *told])]


def breached(db: Db, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The terms that were missed of things, as they were told, whatever has happened since."""
    found: dict[UUID, list[str]] = {}
    sql = "SELECT id, clock FROM aftersale_breach WHERE id = ANY (%s) ORDER BY due_at"
    for thing_id, name in db.execute(sql, [list(ids)]):
        found.setdefault(thing_id, []).append(name)
    return found
