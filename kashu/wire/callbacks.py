"""A payment notice at our door, in every lane: what is taken, what is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kashu import payments, sales
from kashu.kernel.db import Db, Pool
from kashu.kernel.seal import Keyring
from kashu.payments import Channel, Notice, Verdict
from kashu.wire import metrics
from kashu.wire.context import Context
from kashu.wire.pay.protocol import BODY_BYTES_MAX, Nothing, NoticeRefusal, RefundNotice

__all__ = ["BODY_BYTES_MAX", "Answer", "answer", "channels", "probe", "probe_answer", "read", "settle_all"]
PROBE = "application/vnd.kashu.probe"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
STATUS = {NoticeRefusal.MALFORMED: 400}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    content_type: str = TEXT


def read(
    ctx: Context, channel: Channel | None, headers: Mapping[str, str], body: bytes, at: datetime
) -> Notice | RefundNotice | Answer:
    """Verify a notice before anything is stored or asked of anybody. What calls for nothing more is answered at once."""
    if channel is not None and headers.get("content-type") == PROBE:
        return probe_answer(ctx.ring, channel.id, body)
    if channel is None or channel.sign_serial is None:
        return Answer(404, "no such channel")
    if len(body) > BODY_BYTES_MAX:
        return Answer(413, "too large")
    found = ctx.gateway(channel).parse_notice(headers, body, at)
    if isinstance(found, NoticeRefusal):
        metrics.NOTICES.labels(channel.id, found.value).inc()
        return _refused(channel, STATUS.get(found, 401), found.value)
    if isinstance(found, Nothing):
        metrics.NOTICES.labels(channel.id, "nothing").inc()
        return answer(channel)
    return found


def take_refund(pool: Pool, notice: RefundNotice, at: datetime) -> None:
    """A gateway spoke of a refund: have it asked."""
    with pool.transaction() as db:
        sales.look_at_refund(db, notice.number, at)
    metrics.NOTICES.labels(notice.channel_id, "refund").inc()


def settle_all(pool: Pool, notices: Sequence[Notice], at: datetime) -> list[Verdict]:
    """Take notices in one transaction, and count what came of them."""
    with pool.transaction() as db:
        verdicts = sales.settle(db, notices, at)
    for notice, verdict in zip(notices, verdicts, strict=True):
        metrics.NOTICES.labels(notice.channel_id, verdict.value).inc()
        if verdict is Verdict.PAID:
            metrics.DELIVERY_SECONDS.observe(max(0.0, (at - notice.paid_at).total_seconds()))
    return verdicts


def answer(channel: Channel) -> Answer:
    """Whatever it came to, it is stored and needs no repeating; a quarantined one calls for us, not for the gateway."""
    if channel.kind == "alipay":
        return Answer(200, "success")
    return Answer(200, json.dumps({"code": "SUCCESS", "message": "OK"}), JSON)


def _refused(channel: Channel, status: int, why: str) -> Answer:
    if channel.kind == "alipay":
        return Answer(status, "failure")
    return Answer(status, json.dumps({"code": "FAIL", "message": why}), JSON)


def channels(db: Db) -> dict[str, Channel]:
    return payments.channels(db)


def probe(ring: Keyring, channel_id: str, nonce: str) -> bytes:
    """What we send to our own public address to prove that a gateway's bytes would reach us whole."""
    return f"{nonce}\n{_mark(ring, channel_id, nonce, 'there')}\n{'卡枢' * 40}".encode()


def probe_answer(ring: Keyring, channel_id: str, body: bytes) -> Answer:
    """Answer a probe of our own, and only one of our own."""
    try:
        nonce, mark, _ = body.decode().split("\n", 2)
    except ValueError:
        return Answer(404, "no such channel")
    if len(nonce) > 64 or body != probe(ring, channel_id, nonce) or not mark:
        return Answer(404, "no such channel")
    return Answer(200, _mark(ring, channel_id, nonce, "back"))


def is_back(ring: Keyring, channel_id: str, nonce: str, told: str) -> bool:
    return hmac.compare_digest(_mark(ring, channel_id, nonce, "back").encode(), told.encode())


def _mark(ring: Keyring, channel_id: str, nonce: str, way: str) -> str:
    told = f"{way}\n{channel_id}\n{nonce}".encode()
    return hmac.new(ring.derive("callback probe", min(ring.masters)), told, hashlib.sha256).hexdigest()
