"""Reads for screens: payments as a list, one payment's notices as they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, rows

VIEWS = {
    "all": "true",
    "unknown": "payment.state = 'unknown'",
    "paying": "payment.state IN ('created', 'paying')",
    "paid": "payment.state = 'paid'",
}
LIST = """
SELECT payment.pool_id, payment.id, payment.order_id, payment.channel_id, payment.trade_no, payment.amount_fen,
       payment.state, payment.method, payment.gateway_no, payment.created_at, payment.paid_at
FROM payments_payment AS payment
WHERE {where} AND (%(at)s::timestamptz IS NULL OR (payment.created_at, payment.id) < (%(at)s, %(id)s))
ORDER BY payment.created_at DESC, payment.id DESC LIMIT %(most)s
"""
RAW = """
SELECT event_id, source, verdict, detail, body, received_at FROM payments_event
WHERE trade_no = %s AND channel_id = %s ORDER BY received_at DESC LIMIT 50
"""
WAYS = """
SELECT channel_id, call, told, sum(times)::bigint AS times, sum(took_ms)::bigint AS took_ms FROM payments_health
WHERE minute >= %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
HOURS = """
SELECT date_bin('15 minutes', minute, '2026-01-01Z') AS slot, told, sum(times)::bigint AS times FROM payments_health
WHERE channel_id = %s AND minute >= %s GROUP BY 1, 2 ORDER BY 1
"""
TAKEN = "SELECT channel_id, sum(times)::bigint, sum(amount_fen)::bigint FROM payments_taken WHERE day = %s GROUP BY 1"


@dataclass(frozen=True, slots=True)
class Row:
    pool_id: int
    id: UUID
    order_id: UUID
    channel_id: str
    trade_no: str
    amount_fen: int
    state: str
    method: str
    gateway_no: str | None
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Raw:
    """A notice as it came, and what it came to."""

    event_id: str
    source: str
    verdict: str
    detail: str
    body: bytes
    received_at: datetime

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")[:4_000]


@dataclass(frozen=True, slots=True)
class Calls:
    channel_id: str
    call: str
    told: str
    times: int
    took_ms: int

    @property
    def mean_ms(self) -> int:
        return self.took_ms // max(1, self.times)


def payments(db: Db, view: str, after: tuple[datetime, UUID] | None, most: int) -> list[Row]:
    """Payments of a view, the newest first, after a cursor."""
    at, last = after or (None, None)
    return rows(db, Row, LIST.format(where=VIEWS[view]), {"at": at, "id": last, "most": most})  # type: ignore[arg-type]  # named parameters


def notices(db: Db, channel_id: str, trade_no: str) -> list[Raw]:
    return rows(db, Raw, RAW, [trade_no, channel_id])


def calls(db: Db, since: datetime) -> list[Calls]:
    """How the calls to each channel fared since an instant."""
    return rows(db, Calls, WAYS, [since])


def health_slots(db: Db, channel_id: str, since: datetime) -> list[tuple[datetime, str, int]]:
    """Calls in slots of a quarter of an hour, by what they came to."""
    return db.execute(HOURS, [channel_id, since]).fetchall()  # type: ignore[return-value]  # three columns


def taken(db: Db, day: object) -> dict[str, tuple[int, int]]:
    """What each channel took on a business day: payments and fen."""
    return {channel: (times, fen) for channel, times, fen in db.execute(TAKEN, [day])}
