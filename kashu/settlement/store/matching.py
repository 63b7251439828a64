"""Bills against payments and books, as sets. These statements read tables of `payments` and `ledger`: a line for a line,
that is a join, and asking their front doors one by one would be millions of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, values
from kashu.kernel.ids import base32
from kashu.settlement import rules
from kashu.settlement.types import BillLine, Break, Facts

# What we know of `line`: the payment it names, whose the channel's number is, the refund, and what our books say. A first
# payment is booked under its order, a second one (paid twice) under its refund, a refund under itself. Once
# payments_transaction has an amount of its own, `expected_fen` of a payment is that.
KNOWN = """
LEFT JOIN payments_payment AS named
  ON named.pool_id = line.pool_id AND named.channel_id = %(channel)s AND named.trade_no = line.trade_no
LEFT JOIN payments_transaction AS owner
  ON owner.channel_id = %(channel)s AND owner.gateway_no = line.gateway_no
LEFT JOIN payments_refund AS refund
  ON line.kind = 'refund' AND refund.pool_id = line.pool_id AND refund.id = line.refund_id
LEFT JOIN LATERAL (
    SELECT -sum(entry.amount_fen)::bigint AS amount_fen, min(entry.posted_at) AS at
    FROM ledger_sale_entry AS entry
    WHERE entry.pool_id = line.pool_id AND entry.account_id = %(account)s
      AND entry.reason_id = CASE WHEN line.kind = 'payment' AND named.gateway_no = line.gateway_no THEN named.order_id
                                 WHEN refund.payment_id = named.id AND refund.gateway_no = line.gateway_no
                                 THEN refund.id END
      AND entry.recipe = CASE line.kind WHEN 'refund' THEN 'refund_done' ELSE 'order_paid' END
) AS booked ON true
LEFT JOIN LATERAL (
    SELECT -sum(entry.amount_fen)::bigint AS amount_fen, min(entry.posted_at) AS at
    FROM payments_refund AS back
    JOIN ledger_sale_entry AS entry ON entry.pool_id = back.pool_id AND entry.reason_id = back.id
    WHERE line.kind = 'payment' AND back.pool_id = named.pool_id AND back.order_id = named.order_id
      AND back.payment_id = owner.payment_id AND back.gateway_no = line.gateway_no
      AND entry.account_id = %(account)s AND entry.recipe = 'refund_requested'
) AS twice ON true
"""
IS_OURS = """
CASE line.kind WHEN 'payment' THEN named.id IS NOT NULL AND (owner.payment_id IS NULL OR owner.payment_id = named.id)
               ELSE coalesce(refund.payment_id = named.id AND refund.gateway_no = line.gateway_no, false) END
"""
# Each of these asks one index once for each row. As EXISTS they would be as true, and a plan that was made before the
# table had statistics would read the whole bill for every step.
SAME = """
other.gateway_no = {of}.gateway_no AND other.kind = {of}.kind AND other.refund_no = {of}.refund_no
AND other.trade_no = {of}.trade_no
"""
SAME_ENTRY = """
other.gateway_no = ours.gateway_no AND other.kind = ours.kind AND other.trade_no = ours.trade_no
AND other.refund_id IS NOT DISTINCT FROM ours.refund_id
"""
SENT_BACK_AT_ONCE = ["paid_twice", "reconciliation"]
ELSEWHERE = """
LEFT JOIN LATERAL (
    SELECT true AS is_so FROM (SELECT other.bill_id FROM settlement_bill_line AS other WHERE {same} OFFSET 0) AS seen
    JOIN settlement_bill AS bill ON bill.id = seen.bill_id
    WHERE bill.channel_id = %(channel)s AND bill.kind = 'trade' AND bill.day <> %(day)s AND bill.state = ANY (%(states)s)
    LIMIT 1
) AS elsewhere ON true
"""
LINES = f"""
WITH line AS MATERIALIZED (
    SELECT * FROM settlement_bill_line WHERE bill_id = %(bill)s AND line_no > %(after)s AND line_no <= %(until)s
),
known AS MATERIALIZED (
    SELECT line.line_no, line.kind, line.gateway_no, line.trade_no, line.refund_no, line.amount_fen, line.fee_fen,
           line.at, line.pool_id, line.refund_id, named.id AS payment_id, named.state AS payment_state, named.order_id,
           owner.payment_id AS owner_id, refund.state AS refund_state, {IS_OURS} AS is_ours,
           coalesce(again.is_so, false) AS is_again, coalesce(elsewhere.is_so, false) AS is_elsewhere,
           CASE line.kind WHEN 'payment' THEN named.amount_fen ELSE -refund.amount_fen END AS expected_fen,
           coalesce(twice.amount_fen, booked.amount_fen) AS booked_fen, coalesce(twice.at, booked.at) AS booked_at
    FROM line {KNOWN}
    LEFT JOIN LATERAL (
        SELECT true AS is_so FROM settlement_bill_line AS other
        WHERE {SAME.format(of="line")} AND other.bill_id = line.bill_id AND other.line_no < line.line_no LIMIT 1
    ) AS again ON true
    {ELSEWHERE.format(same=SAME.format(of="line"))}
),
told AS (
    SELECT *, coalesce(is_ours AND NOT is_again AND NOT is_elsewhere AND (kind <> 'payment' OR owner_id = payment_id)
                       AND amount_fen = booked_fen AND amount_fen = expected_fen
                       AND booked_at >= %(from)s AND booked_at < %(to)s, false) AS is_matched FROM known
)
SELECT line_no, kind, gateway_no, trade_no, refund_no, amount_fen, fee_fen, at, pool_id, refund_id, payment_id,
       payment_state, order_id, owner_id, refund_state, is_ours, is_again, is_elsewhere, expected_fen, booked_fen, booked_at
FROM told WHERE NOT is_matched
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, coalesce(sum(amount_fen), 0)::bigint, count(*), NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM told WHERE is_matched
"""
BOOKS = f"""
WITH entry AS MATERIALIZED (
    SELECT pool_id, reason_id, recipe, -sum(amount_fen)::bigint AS amount_fen, min(posted_at) AS at
    FROM ledger_sale_entry
    WHERE posted_at >= %(from)s AND posted_at < %(to)s AND account_id = %(account)s GROUP BY 1, 2, 3
),
ours AS MATERIALIZED (
    SELECT entry.pool_id, entry.recipe, entry.amount_fen, entry.at,
           CASE entry.recipe WHEN 'refund_done' THEN 'refund' ELSE 'payment' END AS kind,
           coalesce(payment.gateway_no, refund.gateway_no, '') AS gateway_no,
           coalesce(payment.trade_no, whole.trade_no, '') AS trade_no,
           coalesce(payment.id, refund.payment_id) AS payment_id, coalesce(payment.order_id, refund.order_id) AS order_id,
           CASE entry.recipe WHEN 'refund_done' THEN refund.id END AS refund_id, entry.reason_id
    FROM entry
    LEFT JOIN payments_payment AS payment
      ON entry.recipe = 'order_paid' AND payment.pool_id = entry.pool_id AND payment.order_id = entry.reason_id
     AND payment.channel_id = %(channel)s AND payment.gateway_no IS NOT NULL AND NOT EXISTS (
         SELECT FROM payments_refund AS back   -- what was sent back at once paid nothing, though it is a paid payment
         WHERE back.pool_id = payment.pool_id AND back.order_id = payment.order_id AND back.payment_id = payment.id
           AND back.gateway_no = payment.gateway_no AND back.reason = ANY (%(at_once)s))
    LEFT JOIN payments_refund AS refund
      ON entry.recipe IN ('refund_requested', 'refund_done') AND refund.pool_id = entry.pool_id
     AND refund.id = entry.reason_id
    LEFT JOIN payments_payment AS whole ON whole.pool_id = refund.pool_id AND whole.id = refund.payment_id
),
told AS MATERIALIZED (
    SELECT ours.*, coalesce(here.is_so, false) AS is_on_bill
    FROM ours LEFT JOIN LATERAL (
        SELECT true AS is_so FROM settlement_bill_line AS other
        WHERE {SAME_ENTRY} AND other.bill_id = %(bill)s LIMIT 1
    ) AS here ON true
)
SELECT ours.kind, ours.pool_id, ours.payment_id, ours.order_id, ours.refund_id, ours.trade_no,
       CASE WHEN ours.gateway_no = '' THEN ours.reason_id::text ELSE ours.gateway_no END AS gateway_no,
       ours.amount_fen, ours.at, ours.recipe
FROM (SELECT * FROM told WHERE NOT is_on_bill) AS ours
{ELSEWHERE.format(same=SAME_ENTRY)}
WHERE elsewhere.is_so IS NULL
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, coalesce(sum(amount_fen), 0)::bigint, NULL,
       coalesce(sum(amount_fen) FILTER (WHERE NOT is_on_bill), 0)::text
FROM told
"""
ON_A_BILL = """
SELECT told.id FROM settlement_case AS told
WHERE told.id = ANY (%(ids)s) AND told.theirs_fen IS NULL AND EXISTS (
    SELECT FROM settlement_bill_line AS line JOIN settlement_bill AS bill ON bill.id = line.bill_id
    WHERE line.gateway_no = told.gateway_no AND line.kind = told.line_kind AND line.refund_no = told.refund_no
      AND line.trade_no = told.trade_no AND bill.channel_id = %(channel)s AND bill.kind = 'trade' AND bill.state = 'matched')
"""
IN_BOOKS = f"""
SELECT line.id FROM (
    SELECT id, line_kind AS kind, gateway_no, trade_no, refund_no, pool_id, refund_id, theirs_fen AS amount_fen
    FROM settlement_case WHERE id = ANY (%(ids)s) AND theirs_fen IS NOT NULL
) AS line {KNOWN}
WHERE {IS_OURS} AND line.amount_fen = coalesce(twice.amount_fen, booked.amount_fen)
"""


@dataclass(frozen=True, slots=True)
class Where:
    """Which bill, and which account of our books it is held against."""

    bill: UUID
    channel: str
    account: int
    day: date
    begins: datetime
    ends: datetime


def look_at_lines(db: Db, where: Where, after: int, until: int) -> tuple[int, int, list[Facts]]:
    """A stretch of lines: how many are matched, their sum, and what is known of each of the others."""
    told = {"bill": where.bill, "channel": where.channel, "account": where.account, "day": where.day,
            "from": where.begins, "to": where.ends, "after": after, "until": until, "states": ["matched"]}  # fmt: skip
    found = db.execute(LINES, told).fetchall()
    total = next(row for row in found if row[0] is None)
    others = sorted((row for row in found if row[0] is not None), key=lambda row: row[0])
    return total[6], total[5], [Facts(BillLine(*row[:8]), *row[8:]) for row in others]


def look_at_books(db: Db, where: Where, begins: datetime, ends: datetime) -> tuple[int, int, list[Break]]:
    """A stretch of the day's books: their sum, what of it is not on this bill, and what is on no bill at all."""
    told = {"bill": where.bill, "channel": where.channel, "account": where.account, "day": where.day,
            "from": begins, "to": ends, "states": ["loaded", "matching", "matched"], "at_once": SENT_BACK_AT_ONCE}  # fmt: skip
    found = db.execute(BOOKS, told).fetchall()
    total = next(row for row in found if row[0] is None)
    breaks = []
    for kind, pool_id, payment_id, order_id, refund_id, trade_no, gateway_no, fen, at, recipe in found:
        if kind is not None:
            refund_no = "" if refund_id is None else f"{base32(pool_id)}-{base32(refund_id.int)}"
            subject = rules.subject(kind, gateway_no, refund_no)
            breaks.append(
                Break("late", subject, None, kind, pool_id, payment_id, order_id, refund_id, trade_no, gateway_no,
                      refund_no, None, fen, f"booked as {recipe}, on no bill yet", at)
            )  # fmt: skip
    return total[7], int(total[9]), sorted(breaks, key=lambda one: one.subject)


def appeared(db: Db, channel: str, account: int, ids: Sequence[UUID]) -> set[UUID]:
    """Of these cases, those whose other side is there by now, to the fen."""
    told = {"ids": list(ids), "channel": channel, "account": account}
    return {*values(db, ON_A_BILL, told), *values(db, IN_BOOKS, told)}  # type: ignore[arg-type]  # named
