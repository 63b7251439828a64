from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, one, rows, run
from kashu.payments.types import Channel, Event, Judged, Payment, Refund

CHANNEL = "SELECT id, kind, title, merchant, gateway, public_key, sealed_key, is_open FROM payments_channel"
PAYMENT = """
SELECT payment.pool_id, payment.id, payment.order_id, payment.channel_id, payment.trade_no, payment.amount_fen,
       payment.currency, payment.state, payment.pay_url, payment.gateway_no, payment.created_at,
       payment.expires_at, payment.paid_at
FROM payments_payment AS payment
"""
REFUND = """
SELECT pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state, tries, requested_at, done_at, trouble
FROM payments_refund
"""
BY_TRADE = f"""
{PAYMENT}
JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS told (pool_id, channel_id, trade_no)
  ON payment.pool_id = told.pool_id AND payment.channel_id = told.channel_id AND payment.trade_no = told.trade_no
ORDER BY payment.pool_id, payment.id
"""
MARK_PAID = """
UPDATE payments_payment AS payment SET state = 'paid', gateway_no = told.gateway_no, paid_at = told.paid_at
FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::timestamptz[]) AS told (pool_id, id, gateway_no, paid_at)
WHERE payment.pool_id = told.pool_id AND payment.id = told.id AND payment.state IN ('created', 'paying', 'closed')
"""
KEEP_EVENTS = """
INSERT INTO payments_event (channel_id, event_id, trade_no, gateway_no, amount_fen, body, source, verdict, detail,
                            received_at)
SELECT channel_id, event_id, trade_no, gateway_no, amount_fen, body, source, verdict, detail, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bytea[], %s::text[], %s::text[],
            %s::text[])
    AS told (channel_id, event_id, trade_no, gateway_no, amount_fen, body, source, verdict, detail)
ORDER BY channel_id, event_id
ON CONFLICT (channel_id, event_id, verdict) DO NOTHING
"""
KEEP_TRANSACTIONS = """
INSERT INTO payments_transaction (channel_id, gateway_no, pool_id, payment_id)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::uuid[]) ORDER BY 1, 2
"""


def channels(db: Db) -> dict[str, Channel]:
    return {channel.id: channel for channel in rows(db, Channel, f"{CHANNEL} ORDER BY id")}


def keep_channel(db: Db, channel: Channel) -> None:
    sql = """
    INSERT INTO payments_channel (id, kind, title, merchant, gateway, public_key, sealed_key, is_open)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, merchant = excluded.merchant, gateway = excluded.gateway,
        public_key = excluded.public_key, sealed_key = excluded.sealed_key, is_open = excluded.is_open
    """
    told = [channel.id, channel.kind, channel.title, channel.merchant, channel.gateway, channel.public_key]
    run(db, sql, [*told, channel.sealed_key, channel.is_open])


def create(db: Db, new: Sequence[Payment]) -> None:
    sql = """
    INSERT INTO payments_payment (pool_id, id, order_id, channel_id, trade_no, amount_fen, state, created_at, expires_at)
    SELECT pool_id, id, order_id, channel_id, trade_no, amount_fen, 'created', created_at, expires_at
    FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
                %s::timestamptz[])
        AS new (pool_id, id, order_id, channel_id, trade_no, amount_fen, created_at, expires_at)
    """
    names = ("pool_id", "id", "order_id", "channel_id", "trade_no", "amount_fen", "created_at", "expires_at")
    run(db, sql, [[getattr(one, name) for one in new] for name in names])


def paying(db: Db, pool_id: int, payment_id: UUID, pay_url: str) -> int:
    sql = """
    UPDATE payments_payment SET state = 'paying', pay_url = %s
    WHERE pool_id = %s AND id = %s AND state IN ('created', 'paying')
    """
    return run(db, sql, [pay_url, pool_id, payment_id])


def close(db: Db, pool_id: int, payment_id: UUID) -> int:
    sql = (
        "UPDATE payments_payment SET state = 'closed' WHERE pool_id = %s AND id = %s AND state IN ('created', 'paying')"
    )
    return run(db, sql, [pool_id, payment_id])


def by_trade(db: Db, told: Collection[tuple[int, str, str]], *, lock: bool = False) -> list[Payment]:
    """Payments by (pool, channel, trade number), in lock order."""
    columns = [list(column) for column in zip(*sorted(told), strict=True)] or [[], [], []]
    return rows(db, Payment, BY_TRADE + ("FOR NO KEY UPDATE OF payment" if lock else ""), columns)


def of_order(db: Db, pool_id: int, order_id: UUID) -> list[Payment]:
    sql = f"{PAYMENT} WHERE payment.pool_id = %s AND payment.order_id = %s ORDER BY payment.created_at"
    return rows(db, Payment, sql, [pool_id, order_id])


def payment(db: Db, pool_id: int, payment_id: UUID) -> Payment | None:
    return one(db, Payment, f"{PAYMENT} WHERE payment.pool_id = %s AND payment.id = %s", [pool_id, payment_id])


def by_ids(db: Db, keys: Collection[tuple[int, UUID]]) -> dict[UUID, Payment]:
    """Payments by (pool, id)."""
    sql = f"{PAYMENT} JOIN unnest(%s::bigint[], %s::uuid[]) AS t (pool_id, id) ON payment.pool_id = t.pool_id AND payment.id = t.id"
    return {one.id: one for one in rows(db, Payment, sql, columns(sorted(keys), 2))}


def seen(db: Db, events: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    sql = """
    SELECT channel_id, event_id FROM payments_event
    JOIN unnest(%s::text[], %s::text[]) AS told (channel_id, event_id) USING (channel_id, event_id)
    WHERE verdict <> 'quarantined'   -- what was refused once is judged again: the fault may have been ours
    """
    columns = [list(column) for column in zip(*events, strict=True)] or [[], []]
    return set(db.execute(sql, columns).fetchall())  # type: ignore[arg-type]  # two columns


def mark_paid(db: Db, paid: Sequence[Judged]) -> int:
    told = [(one.payment, one.notice) for one in paid if one.payment is not None]
    return run(
        db,
        MARK_PAID,
        [
            [payment.pool_id for payment, _ in told],
            [payment.id for payment, _ in told],
            [notice.gateway_no for _, notice in told],
            [notice.paid_at for _, notice in told],
        ],
    )


def keep_events(db: Db, judged: Sequence[Judged], at: datetime) -> None:
    names = ("channel_id", "event_id", "trade_no", "gateway_no", "amount_fen", "body", "source")
    columns: list[object] = [[getattr(one.notice, name) for one in judged] for name in names]
    run(db, KEEP_EVENTS, [at, *columns, [one.verdict.value for one in judged], [one.detail for one in judged]])


def keep_transactions(db: Db, paid: Sequence[Judged]) -> None:
    told = [(one.notice, one.payment) for one in paid if one.payment is not None]
    run(
        db,
        KEEP_TRANSACTIONS,
        [
            [notice.channel_id for notice, _ in told],
            [notice.gateway_no for notice, _ in told],
            [payment.pool_id for _, payment in told],
            [payment.id for _, payment in told],
        ],
    )


def transaction_owner(db: Db, told: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    sql = """
    SELECT channel_id, gateway_no, payment_id FROM payments_transaction
    JOIN unnest(%s::text[], %s::text[]) AS t (channel_id, gateway_no) USING (channel_id, gateway_no)
    """
    columns = [list(column) for column in zip(*told, strict=True)] or [[], []]
    return {(channel, gateway_no): payment_id for channel, gateway_no, payment_id in db.execute(sql, columns)}


def request_refunds(db: Db, new: Sequence[Refund]) -> None:
    sql = """
    INSERT INTO payments_refund (pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state, requested_at)
    SELECT pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, 'requested', requested_at
    FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[])
        AS new (pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, requested_at)
    """
    names = ("pool_id", "id", "payment_id", "order_id", "gateway_no", "amount_fen", "reason", "requested_at")
    run(db, sql, [[getattr(one, name) for one in new] for name in names])


def refund(db: Db, pool_id: int, refund_id: UUID, *, lock: bool = False) -> Refund | None:
    sql = f"{REFUND} WHERE pool_id = %s AND id = %s{' FOR UPDATE' if lock else ''}"
    return one(db, Refund, sql, [pool_id, refund_id])


def refunds_of(db: Db, pool_id: int, order_id: UUID) -> list[Refund]:
    return rows(db, Refund, f"{REFUND} WHERE pool_id = %s AND order_id = %s ORDER BY requested_at", [pool_id, order_id])


def finish_refund(db: Db, pool_id: int, refund_id: UUID, at: datetime) -> int:
    sql = """
    UPDATE payments_refund SET state = 'done', done_at = %s, tries = tries + 1, trouble = ''
    WHERE pool_id = %s AND id = %s AND state = 'requested'
    """
    return run(db, sql, [at, pool_id, refund_id])


def trouble_refund(db: Db, pool_id: int, refund_id: UUID, trouble: str) -> None:
    sql = "UPDATE payments_refund SET tries = tries + 1, trouble = %s WHERE pool_id = %s AND id = %s"
    run(db, sql, [trouble[:300], pool_id, refund_id])


def events_of(db: Db, trade_nos: Sequence[str]) -> list[Event]:
    sql = """
    SELECT channel_id, event_id, trade_no, gateway_no, amount_fen, source, verdict, detail, received_at
    FROM payments_event WHERE trade_no = ANY (%s) ORDER BY received_at LIMIT 100
    """
    return rows(db, Event, sql, [list(trade_nos)])


def quarantined(db: Db, most: int = 100) -> list[Event]:
    sql = """
    SELECT channel_id, event_id, trade_no, gateway_no, amount_fen, source, verdict, detail, received_at
    FROM payments_event WHERE verdict IN ('quarantined', 'paid_twice') ORDER BY received_at DESC LIMIT %s
    """
    return rows(db, Event, sql, [most])
