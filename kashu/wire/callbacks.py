"""A payment notice at our door, in every lane: what is taken, what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kashu import payments, sales
from kashu.kernel.db import Db, Pool
from kashu.payments import Channel, Notice, Verdict
from kashu.wire import metrics, sandboxpay
from kashu.wire.sandboxpay import NoticeRefusal

BODY_BYTES_MAX = sandboxpay.BODY_BYTES_MAX
SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


def read(channel: Channel | None, headers: Mapping[str, str], body: bytes, at: datetime) -> Notice | Answer:
    """Verify a notice before anything is stored or asked of anybody."""
    if channel is None or not channel.is_open:
        return Answer(404, "no such channel")
    if len(body) > BODY_BYTES_MAX:
        return Answer(413, "too large")
    notice = sandboxpay.parse_notice(channel, headers, body, at)
    if isinstance(notice, NoticeRefusal):
        metrics.NOTICES.labels(channel.id, notice.value).inc()
        return Answer(400 if notice is NoticeRefusal.MALFORMED else 401, notice.value)
    return notice


def settle_all(pool: Pool, notices: Sequence[Notice], at: datetime) -> list[Verdict]:
    """Take notices in one transaction, and count what came of them."""
    with pool.transaction() as db:
        verdicts = sales.settle(db, notices, at)
    for notice, verdict in zip(notices, verdicts, strict=True):
        metrics.NOTICES.labels(notice.channel_id, verdict.value).inc()
        if verdict is Verdict.PAID:
            metrics.DELIVERY_SECONDS.observe(max(0.0, (at - notice.paid_at).total_seconds()))
    return verdicts


def answer(_verdict: Verdict) -> Answer:
    """Whatever it came to, it is stored and needs no repeating; a quarantined one calls for us, not for the gateway."""
    return Answer(200, SUCCESS)


def channels(db: Db) -> dict[str, Channel]:
    return payments.channels(db)
