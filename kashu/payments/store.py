from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, columns, one, rows, run, value, write
from kashu.payments import rules
from kashu.payments.types import Channel, Event, Judged, KeptNotice, Key, Payment, Refund, Route, Standing

HEALTH_MINUTES = 5
Trace = tuple[str, str, str, str]  # channel, event, the gateway's number, trade

CHANNEL = """
SELECT id, kind, title, payee, merchant, app_id, gateway, methods, weight, amount_fen_min, amount_fen_max, day_fen_max,
       confirm_fen, sign_serial, verify_serial, is_open
FROM payments_channel
"""
KEY = "SELECT channel_id, use, serial, public, sealed, starts_at, ends_at FROM payments_key"
ROUTES = """
SELECT channel.id AS channel_id, channel.kind, channel.methods, channel.weight, channel.amount_fen_min,
       channel.amount_fen_max, channel.day_fen_max,
       coalesce((SELECT sum(taken.amount_fen) FROM payments_taken AS taken
                 WHERE taken.channel_id = channel.id AND taken.day = %s), 0)::bigint AS taken_fen,
       coalesce(health.failed, 0)::bigint AS failed, coalesce(health.tried, 0)::bigint AS tried
FROM payments_channel AS channel
LEFT JOIN LATERAL (
    SELECT sum(times) FILTER (WHERE told = 'unknown') AS failed, sum(times) AS tried
    FROM payments_health WHERE channel_id = channel.id AND minute >= %s
) AS health ON true
WHERE channel.is_open ORDER BY channel.id
"""
NOTE_TAKEN = """
INSERT INTO payments_taken (channel_id, day, slot, times, amount_fen)
SELECT channel_id, day, %s, times, amount_fen
FROM unnest(%s::text[], %s::date[], %s::bigint[], %s::bigint[]) AS told (channel_id, day, times, amount_fen)
ORDER BY channel_id, day
ON CONFLICT (channel_id, day, slot) DO UPDATE
SET times = payments_taken.times + excluded.times, amount_fen = payments_taken.amount_fen + excluded.amount_fen
"""
NOTE_HEALTH = """
INSERT INTO payments_health (channel_id, minute, call, told, times, took_ms) VALUES (%s, %s, %s, %s, 1, %s)
ON CONFLICT (channel_id, minute, call, told) DO UPDATE
SET times = payments_health.times + 1, took_ms = payments_health.took_ms + excluded.took_ms
"""
PAYMENT_COLUMNS = """
payment.pool_id, payment.id, payment.order_id, payment.channel_id, payment.trade_no, payment.amount_fen, payment.currency,
payment.state, payment.method, payment.shape, payment.pay_url, payment.gateway_no, payment.created_at, payment.expires_at,
payment.paid_at
"""
PAYMENT = f"SELECT {PAYMENT_COLUMNS} FROM payments_payment AS payment"
REFUND = """
SELECT pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state, tries, requested_at, done_at, trouble
FROM payments_refund
"""
EVENT = """
SELECT channel_id, event_id, trade_no, gateway_no, amount_fen, source, verdict, detail, received_at FROM payments_event
"""
BY_TRADE = f"""
{PAYMENT}
JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS told (pool_id, channel_id, trade_no)
  ON payment.pool_id = told.pool_id AND payment.channel_id = told.channel_id AND payment.trade_no = told.trade_no
ORDER BY payment.pool_id, payment.id FOR NO KEY UPDATE OF payment
"""
MARK_PAID = """
UPDATE payments_payment AS payment SET state = 'paid', gateway_no = told.gateway_no, paid_at = told.paid_at
FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::timestamptz[]) AS told (pool_id, id, gateway_no, paid_at)
WHERE payment.pool_id = told.pool_id AND payment.id = told.id AND payment.state IN ('created', 'paying', 'unknown', 'closed')
"""
# What was quarantined or had to be confirmed is judged again: the fault may have been ours.
STANDING = f"""
SELECT told.channel_id, told.event_id, told.gateway_no, told.trade_no,
       channel.merchant, channel.app_id, channel.confirm_fen,
       EXISTS (SELECT FROM payments_event AS event
               WHERE event.channel_id = told.channel_id AND event.event_id = told.event_id
                 AND event.verdict NOT IN ('quarantined', 'to_confirm')),
       moved.payment_id, {PAYMENT_COLUMNS}
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
    AS told (channel_id, event_id, gateway_no, trade_no, pool_id)
JOIN payments_channel AS channel ON channel.id = told.channel_id
LEFT JOIN payments_transaction AS moved ON moved.channel_id = told.channel_id AND moved.gateway_no = told.gateway_no
LEFT JOIN payments_payment AS payment
  ON payment.pool_id = told.pool_id AND payment.channel_id = told.channel_id AND payment.trade_no = told.trade_no
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
INSERT INTO payments_transaction (channel_id, gateway_no, pool_id, payment_id, amount_fen)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::bigint[]) ORDER BY 1, 2
"""
REQUEST_REFUNDS = """
WITH asked AS (
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[],
                         %s::timestamptz[])
    AS new (channel_id, pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, requested_at)
), taken AS (
    UPDATE payments_transaction AS paid SET refunded_fen = paid.refunded_fen + total.fen
    FROM (SELECT channel_id, gateway_no, sum(amount_fen)::bigint AS fen FROM asked GROUP BY 1, 2) AS total
    WHERE paid.channel_id = total.channel_id AND paid.gateway_no = total.gateway_no
      AND paid.refunded_fen + total.fen <= paid.amount_fen
    RETURNING paid.channel_id, paid.gateway_no
)
INSERT INTO payments_refund (pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state, requested_at)
SELECT asked.pool_id, asked.id, asked.payment_id, asked.order_id, asked.gateway_no, asked.amount_fen, asked.reason,
       'requested', asked.requested_at
FROM asked JOIN taken USING (channel_id, gateway_no)
"""


def channels(db: Db) -> dict[str, Channel]:
    """Every channel with its keys."""
    keys = rows(db, Key, f"{KEY} ORDER BY channel_id, use, starts_at")
    found = rows(db, Channel, f"{CHANNEL} ORDER BY id")
    return {one.id: replace(one, keys=tuple(key for key in keys if key.channel_id == one.id)) for one in found}


def routes(db: Db, at: datetime) -> list[Route]:
    """The open channels with what they took today and how their calls of the last minutes fared."""
    return rows(db, Route, ROUTES, [biz_date(at), at - timedelta(minutes=HEALTH_MINUTES)])


def keep_channel(db: Db, channel: Channel) -> None:
    sql = """
    INSERT INTO payments_channel (id, kind, title, payee, merchant, app_id, gateway, methods, weight, amount_fen_min,
                                  amount_fen_max, day_fen_max, confirm_fen, sign_serial, verify_serial, is_open)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, payee = excluded.payee, merchant = excluded.merchant,
        app_id = excluded.app_id, gateway = excluded.gateway, methods = excluded.methods, weight = excluded.weight,
        amount_fen_min = excluded.amount_fen_min, amount_fen_max = excluded.amount_fen_max,
        day_fen_max = excluded.day_fen_max, confirm_fen = excluded.confirm_fen, is_open = excluded.is_open
    """
    run(
        db,
        sql,
        [
            channel.id, channel.kind, channel.title, channel.payee, channel.merchant, channel.app_id, channel.gateway,
            channel.methods, channel.weight, channel.amount_fen_min, channel.amount_fen_max, channel.day_fen_max,
            channel.confirm_fen, channel.sign_serial, channel.verify_serial, channel.is_open,
        ],
    )  # fmt: skip


def use_key(db: Db, channel_id: str, use: str, serial: str) -> int:
    """Name the key that signs from now on, or the one of theirs that calls name. Nothing else of the channel is touched."""
    column = {"sign": "sign_serial", "verify": "verify_serial"}[use]
    return run(db, f"UPDATE payments_channel SET {column} = %s WHERE id = %s", [serial, channel_id])


def is_used(db: Db, channel_id: str) -> bool:
    """Whether the channel has ever been called or paid through."""
    sql = "SELECT EXISTS (SELECT FROM payments_health WHERE channel_id = %s AND call = 'create') OR EXISTS (SELECT FROM payments_taken WHERE channel_id = %s)"
    return bool(value(db, sql, [channel_id, channel_id]))


def forget_health(db: Db, before: datetime) -> int:
    """Forget how calls fared before an instant."""
    return run(db, "DELETE FROM payments_health WHERE minute < %s", [before])


def keep_key(db: Db, key: Key) -> int:
    """Add a key, or put another in the place of one of this serial number: a typing mistake is no dead end."""
    sql = """
    INSERT INTO payments_key (channel_id, use, serial, public, sealed, starts_at, ends_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (channel_id, use, serial) DO UPDATE
    SET public = excluded.public, sealed = excluded.sealed, starts_at = excluded.starts_at, ends_at = excluded.ends_at
    """
    return run(
        db, sql, [key.channel_id, key.use, key.serial, key.public, key.sealed, key.starts_at, key.ends_at]
    )  # fmt: skip


def end_key(db: Db, channel_id: str, use: str, serial: str, ends_at: datetime) -> int:
    sql = "UPDATE payments_key SET ends_at = %s WHERE channel_id = %s AND use = %s AND serial = %s AND starts_at < %s"
    return run(db, sql, [ends_at, channel_id, use, serial, ends_at])


def note_health(db: Db, channel_id: str, minute: datetime, call: str, told: str, took_ms: int) -> None:
    run(db, NOTE_HEALTH, [channel_id, minute, call, told, took_ms])


def note_taken(db: Db, told: Mapping[tuple[str, date], tuple[int, int]], slot: int) -> None:
    """Add to what channels took: payments and fen by channel and business day, in one of a few slots."""
    days = sorted(told)
    columns = [[channel for channel, _ in days], [day for _, day in days]]
    write(db, NOTE_TAKEN, [slot, *columns, [told[one][0] for one in days], [told[one][1] for one in days]])


def create(db: Db, new: Sequence[Payment]) -> None:
    sql = """
    INSERT INTO payments_payment (pool_id, id, order_id, channel_id, trade_no, amount_fen, state, method, created_at,
                                  expires_at)
    SELECT pool_id, id, order_id, channel_id, trade_no, amount_fen, 'created', method, created_at, expires_at
    FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[],
                %s::timestamptz[], %s::timestamptz[])
        AS new (pool_id, id, order_id, channel_id, trade_no, amount_fen, method, created_at, expires_at)
    """
    names = ("pool_id", "id", "order_id", "channel_id", "trade_no", "amount_fen", "method", "created_at", "expires_at")
    write(db, sql, [[getattr(one, name) for one in new] for name in names])


def move(db: Db, payment: Payment, before: Collection[str], after: str) -> int:
    """Move one payment from one of the named states; the number of payments that moved."""
    for state in before:
        rules.PAYMENT.check(state, after)
    sql = "UPDATE payments_payment SET state = %s WHERE pool_id = %s AND id = %s AND state = ANY (%s)"
    return run(db, sql, [after, payment.pool_id, payment.id, list(before)])


def paying(db: Db, pool_id: int, payment_id: UUID, shape: str, told: str) -> int:
    """The gateway opened the trade; what the browser does next is kept."""
    sql = """
    UPDATE payments_payment SET state = 'paying', shape = %s, pay_url = %s
    WHERE pool_id = %s AND id = %s AND state IN ('created', 'paying', 'unknown')
    """
    return run(db, sql, [shape, told, pool_id, payment_id])


def drop(db: Db, payment: Payment) -> int:
    """Close a payment that no payer was led to; one that was handed out in the meantime stays as it is."""
    sql = """
    UPDATE payments_payment SET state = 'closed'
    WHERE pool_id = %s AND id = %s AND state IN ('created', 'paying', 'unknown') AND pay_url = ''
    """
    return run(db, sql, [payment.pool_id, payment.id])


def close(db: Db, pool_id: int, payment_id: UUID) -> int:
    sql = """
    UPDATE payments_payment SET state = 'closed'
    WHERE pool_id = %s AND id = %s AND state IN ('created', 'paying', 'unknown')
    """
    return run(db, sql, [pool_id, payment_id])


def by_trade(db: Db, told: Collection[tuple[int, str, str]]) -> list[Payment]:
    """Payments by (pool, channel, trade number), locked in one order."""
    return rows(db, Payment, BY_TRADE, columns(sorted(told), 3))


def of_order(db: Db, pool_id: int, order_id: UUID) -> list[Payment]:
    sql = f"{PAYMENT} WHERE payment.pool_id = %s AND payment.order_id = %s ORDER BY payment.created_at"
    return rows(db, Payment, sql, [pool_id, order_id])


def payment(db: Db, pool_id: int, payment_id: UUID) -> Payment | None:
    return one(db, Payment, f"{PAYMENT} WHERE payment.pool_id = %s AND payment.id = %s", [pool_id, payment_id])


def by_ids(db: Db, keys: Collection[tuple[int, UUID]]) -> dict[UUID, Payment]:
    """Payments by (pool, id)."""
    sql = f"{PAYMENT} JOIN unnest(%s::bigint[], %s::uuid[]) AS t (pool_id, id) ON payment.pool_id = t.pool_id AND payment.id = t.id"
    return {one.id: one for one in rows(db, Payment, sql, columns(sorted(keys), 2))}


def standing(db: Db, told: Mapping[Trace, int | None]) -> dict[Trace, Standing]:
    """How these notices stand with us, each with the pool that its trade number names."""
    asked = columns([(*trace, pool) for trace, pool in sorted(told.items())], 5)
    return {
        (channel, event, number, trade): Standing(
            merchant, app_id, confirm_fen, is_seen, owner, None if payment[0] is None else Payment(*payment)
        )
        for channel, event, number, trade, merchant, app_id, confirm_fen, is_seen, owner, *payment in db.execute(
            STANDING, asked
        )
    }


def mark_paid(db: Db, paid: Sequence[Judged]) -> None:
    told = [(one.payment, one.notice) for one in paid if one.payment is not None]
    write(
        db,
        MARK_PAID,
        [
            [payment.pool_id for payment, _ in told],
            [payment.id for payment, _ in told],
            [notice.gateway_no for _, notice in told],
            [notice.paid_at for _, notice in told],
        ],
        many=len(paid),
        why="a payment is paid once",
    )


def keep_events(db: Db, judged: Sequence[Judged], at: datetime) -> None:
    names = ("channel_id", "event_id", "trade_no", "gateway_no", "amount_fen", "body", "source")
    columns: list[object] = [[getattr(one.notice, name) for one in judged] for name in names]
    write(db, KEEP_EVENTS, [at, *columns, [one.verdict.value for one in judged], [one.detail for one in judged]])


def keep_transactions(db: Db, paid: Sequence[Judged]) -> None:
    told = [(one.notice, one.payment) for one in paid if one.payment is not None]
    write(
        db,
        KEEP_TRANSACTIONS,
        [
            [notice.channel_id for notice, _ in told],
            [notice.gateway_no for notice, _ in told],
            [payment.pool_id for _, payment in told],
            [payment.id for _, payment in told],
            [notice.amount_fen for notice, _ in told],
        ],
    )


def request_refunds(db: Db, new: Sequence[Refund], channels: Mapping[UUID, str]) -> int:
    """Write refunds down and take them off what came with their transactions, in one statement; how many were written.

    One that is more than is left writes nothing: Σ refunds never exceeds what was paid. `channels` by payment id.
    """
    names = ("pool_id", "id", "payment_id", "order_id", "gateway_no", "amount_fen", "reason", "requested_at")
    through = [channels[one.payment_id] for one in new]
    return run(db, REQUEST_REFUNDS, [through, *([getattr(one, name) for one in new] for name in names)])


def refund(db: Db, pool_id: int, refund_id: UUID, *, lock: bool = False) -> Refund | None:
    sql = f"{REFUND} WHERE pool_id = %s AND id = %s{' FOR UPDATE' if lock else ''}"
    return one(db, Refund, sql, [pool_id, refund_id])


def refunds_of(db: Db, pool_id: int, order_id: UUID) -> list[Refund]:
    return rows(db, Refund, f"{REFUND} WHERE pool_id = %s AND order_id = %s ORDER BY requested_at", [pool_id, order_id])


def orders_refunding(db: Db, keys: Sequence[tuple[int, UUID]]) -> set[UUID]:
    """Those of these orders with a refund that is not done."""
    sql = """
    SELECT DISTINCT refund.order_id FROM payments_refund AS refund
    JOIN unnest(%s::bigint[], %s::uuid[]) AS told (pool_id, order_id)
      ON refund.pool_id = told.pool_id AND refund.order_id = told.order_id
    WHERE refund.state <> 'done'
    """
    return {row[0] for row in db.execute(sql, columns(keys, 2))}


def finish_refund(db: Db, pool_id: int, refund_id: UUID, at: datetime) -> int:
    sql = """
    UPDATE payments_refund SET state = 'done', done_at = %s, tries = tries + 1, trouble = ''
    WHERE pool_id = %s AND id = %s AND state IN ('requested', 'unknown')
    """
    return run(db, sql, [at, pool_id, refund_id])


def move_refund(db: Db, refund: Refund, before: Collection[str], after: str, trouble: str) -> int:
    """Move one refund from one of the named states, with what the gateway said; the number that moved."""
    for state in before:
        assert state == after or rules.REFUND.allows(state, after), f"refund: no move from {state} to {after}"
    sql = """
    UPDATE payments_refund SET state = %s, tries = tries + 1, trouble = %s
    WHERE pool_id = %s AND id = %s AND state = ANY (%s)
    """
    return run(db, sql, [after, trouble[:300], refund.pool_id, refund.id, list(before)])


def left_of(db: Db, payment: Payment) -> int:
    """Fen that a paid payment has left to give back."""
    sql = "SELECT amount_fen - refunded_fen FROM payments_transaction WHERE channel_id = %s AND gateway_no = %s"
    return int(value(db, sql, [payment.channel_id, payment.gateway_no]) or 0)


def refunds_to_look_at(db: Db, most: int = 100) -> list[Refund]:
    """Refunds that are not done: refused ones first, then the oldest."""
    sql = f"{REFUND} WHERE state <> 'done' ORDER BY state = 'refused' DESC, requested_at LIMIT %s"
    return rows(db, Refund, sql, [most])


def events_of(db: Db, trade_nos: Sequence[str]) -> list[Event]:
    return rows(db, Event, f"{EVENT} WHERE trade_no = ANY (%s) ORDER BY received_at LIMIT 100", [list(trade_nos)])


def notices_of(db: Db, trades: Collection[tuple[str, str]], most: int = 1_000) -> list[KeptNotice]:
    """All that gateways told us of these (channel, trade number), as it came, oldest first."""
    sql = """
    SELECT event.channel_id, event.event_id, event.trade_no, event.gateway_no, event.amount_fen, event.source,
           event.verdict, event.detail, event.received_at, event.body
    FROM payments_event AS event JOIN unnest(%s::text[], %s::text[]) AS told (channel_id, trade_no)
      ON event.trade_no = told.trade_no AND event.channel_id = told.channel_id
    ORDER BY event.received_at, event.channel_id, event.event_id, event.verdict LIMIT %s
    """
    return rows(db, KeptNotice, sql, [*columns(sorted(trades), 2), most])


def quarantined(db: Db, most: int = 100) -> list[Event]:
    sql = f"{EVENT} WHERE verdict IN ('quarantined', 'paid_twice') ORDER BY received_at DESC LIMIT %s"
    return rows(db, Event, sql, [most])
