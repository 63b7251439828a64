"""Messages as the console lists them: by their end of a number, never by the number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu.kernel.db import Db, rows

VIEWS = {
    "all": (),
    "way": ("queued", "unknown", "sent"),
    "arrived": ("arrived",),
    "lost": ("failed", "refused"),
}
ARRIVALS = """
SELECT sender.id, sender.title, count(*)::int AS taken,
       count(*) FILTER (WHERE message.state = 'arrived')::int AS arrived,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM message.arrived_at - message.since)::float8) AS median,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM message.arrived_at - message.since)::float8) AS slow
FROM messages_message AS message JOIN messages_sender AS sender ON sender.id = message.sender_id
WHERE message.made_at > %s AND message.taken_at IS NOT NULL
GROUP BY sender.id, sender.title, sender.place ORDER BY sender.place, sender.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    id: UUID
    purpose: str
    channel: str
    to_mask: str
    refs: dict[str, Any]
    state: str
    tries: int
    sender: str | None
    made_at: datetime
    since: datetime
    sent_at: datetime | None
    arrived_at: datetime | None
    trouble: str

    @property
    def seconds(self) -> float | None:
        """From what it tells of to the phone."""
        return None if self.arrived_at is None else max(0.0, (self.arrived_at - self.since).total_seconds())


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How a sender has done: messages it was given, those that are known to have arrived, seconds."""

    id: str
    title: str
    taken: int
    arrived: int
    median: float | None
    slow: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    view: str = "all"
    purpose: str = ""
    sender: str = ""
    tail: str = ""


def newest(db: Db, wanted: Wanted, after: tuple[datetime, UUID] | None, most: int) -> list[Row]:
    """The newest messages of a kind, after a place in the list."""
    states = list(VIEWS[wanted.view])
    conditions = ["true"]
    params: list[Any] = []
    for condition, told in (
        ("message.state = ANY (%s)", states),
        ("message.purpose = %s", wanted.purpose),
        ("message.sender_id = %s", wanted.sender),
        ("message.to_mask = %s", f"****{wanted.tail}" if wanted.tail else ""),
        ("(message.made_at, message.id) < (%s, %s)", after),
    ):
        if told:
            conditions.append(condition)
            params += list(told) if isinstance(told, tuple) else [told]
    sql = f"""
    SELECT message.id, message.purpose, message.channel, message.to_mask, message.refs, message.state, message.tries,
           sender.title AS sender, message.made_at, message.since, message.sent_at, message.arrived_at, message.trouble
    FROM messages_message AS message LEFT JOIN messages_sender AS sender ON sender.id = message.sender_id
    WHERE {" AND ".join(conditions)} ORDER BY message.made_at DESC, message.id DESC LIMIT %s
    """
    return rows(db, Row, sql, [*params, most])


def arrivals(db: Db, at: datetime) -> list[Arrivals]:
    """The last day, by sender."""
    return rows(db, Arrivals, ARRIVALS, [at - timedelta(days=1)])
