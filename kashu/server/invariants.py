"""What must be true of a Kashu at any moment, asked of its database. Each question's answer is what breaks it."""

from __future__ import annotations

from dataclasses import dataclass

from kashu import cards, ledger
from kashu.kernel import clock
from kashu.kernel.db import Db, values

# Fire tests ask these after any mix of sales, notices, refunds, imports and killed processes (design §8).
QUESTIONS = {
    "a sold card belongs to a delivered sale line": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN sales_line AS line ON line.pool_id = card.pool_id AND line.id = card.sale_line_id
        LEFT JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
        WHERE card.state = 'sold' AND card.voided_at IS NULL
          AND (line.delivered_at IS NULL OR told.state NOT IN ('delivered', 'completed', 'disputed'))
    """,
    "a void card was sold, and money of its order goes back": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN sales_line AS line ON line.pool_id = card.pool_id AND line.id = card.sale_line_id
        WHERE card.voided_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM payments_refund AS refund
            WHERE refund.pool_id = line.order_pool_id AND refund.order_id = line.order_id)
          AND NOT EXISTS (
            SELECT FROM sales_credit AS given WHERE given.pool_id = line.order_pool_id AND given.order_id = line.order_id)
    """,
    "a delivered line has as many sold cards as it is owed": """
        SELECT line.pool_id || '/' || line.id FROM sales_line AS line
        JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
        LEFT JOIN cards_card AS card ON card.pool_id = line.pool_id AND card.sale_line_id = line.id AND card.state = 'sold'
        WHERE told.state IN ('delivered', 'completed', 'disputed')
        GROUP BY line.pool_id, line.id HAVING count(card.id) <> line.quantity
    """,
    "an order's lines add up to the order": """
        SELECT told.number FROM sales_order AS told
        JOIN sales_line AS line ON line.order_pool_id = told.pool_id AND line.order_id = told.id
        GROUP BY told.pool_id, told.id HAVING sum(line.quantity) <> told.quantity OR sum(line.total_fen) <> told.total_fen
    """,
    "an order has lines": """
        SELECT told.number FROM sales_order AS told
        WHERE NOT EXISTS (SELECT FROM sales_line AS line WHERE line.order_id = told.id)
    """,
    "a held card belongs to an order that is placed, or paid and being issued": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN sales_line AS line ON line.pool_id = card.pool_id AND line.id = card.sale_line_id
        LEFT JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
        WHERE card.state = 'held' AND (told.state IS NULL OR told.state NOT IN ('placed', 'paid'))
    """,
    "an order that is placed, or paid and being issued, holds what it asked for": """
        SELECT told.number FROM sales_order AS told
        LEFT JOIN cards_card AS card ON card.order_id = told.id AND card.state = 'held'
        WHERE told.state IN ('placed', 'paid') GROUP BY told.pool_id, told.id HAVING count(card.id) <> told.quantity
    """,
    "a paid order is being issued, and nothing else is": """
        SELECT told.number FROM sales_order AS told
        LEFT JOIN sales_fulfilment AS waiting ON waiting.pool_id = told.pool_id AND waiting.order_id = told.id
        WHERE (told.state = 'paid') <> coalesce(waiting.state IN ('waiting', 'sent'), false)
           OR (waiting.state = 'done' AND told.state NOT IN ('delivered', 'completed', 'disputed', 'refunding', 'refunded'))
           OR (waiting.state = 'failed' AND told.state NOT IN ('refunding', 'refunded'))
    """,
    "a paid payment belongs to an order that is delivered or gets its money back": """
        SELECT told.number FROM payments_payment AS payment
        JOIN sales_order AS told ON told.pool_id = payment.pool_id AND told.id = payment.order_id
        WHERE payment.state = 'paid'
          AND told.state NOT IN ('paid', 'delivered', 'completed', 'disputed', 'refunding', 'refunded')
          AND NOT EXISTS (SELECT FROM payments_refund AS refund
                          WHERE refund.pool_id = payment.pool_id AND refund.payment_id = payment.id)
    """,
    "a delivered order was paid": """
        SELECT told.number FROM sales_order AS told
        WHERE told.state IN ('delivered', 'completed', 'disputed') AND told.account_id IS NULL AND NOT EXISTS (
            SELECT FROM payments_payment AS payment
            WHERE payment.pool_id = told.pool_id AND payment.order_id = told.id AND payment.state = 'paid'
              AND payment.amount_fen = told.total_fen)
    """,
    "no more goes back than was paid": """
        SELECT payment.trade_no FROM payments_refund AS refund
        JOIN payments_payment AS payment ON payment.pool_id = refund.pool_id AND payment.id = refund.payment_id
        GROUP BY payment.pool_id, payment.id, payment.trade_no, refund.gateway_no
        HAVING sum(refund.amount_fen) > payment.amount_fen
    """,
    "what a payment gave back is what its refunds say": """
        SELECT paid.channel_id || ' ' || paid.gateway_no FROM payments_transaction AS paid
        LEFT JOIN payments_refund AS refund
            ON refund.pool_id = paid.pool_id AND refund.payment_id = paid.payment_id AND refund.gateway_no = paid.gateway_no
        GROUP BY paid.channel_id, paid.gateway_no, paid.refunded_fen
        HAVING paid.refunded_fen <> coalesce(sum(refund.amount_fen), 0)
    """,
    "an order whose payment is paid is not waiting for it": """
        SELECT payment.trade_no FROM payments_payment AS payment
        JOIN sales_order AS told ON told.pool_id = payment.pool_id AND told.id = payment.order_id
        WHERE payment.state = 'paid' AND told.state = 'placed'
    """,
    "a revealed card was sold and its line says so": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN sales_line AS line ON line.pool_id = card.pool_id AND line.id = card.sale_line_id
        WHERE card.revealed_at IS NOT NULL AND line.revealed_at IS NULL
    """,
    "a redeemed code was sold": """
        SELECT card.pool_id || '/' || card.id FROM cards_redemption AS told
        JOIN cards_card AS card ON card.pool_id = told.pool_id AND card.id = told.card_id
        WHERE told.undone_at IS NULL AND card.state <> 'sold'
    """,
    "every live card has its own fingerprint": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN cards_fingerprint AS print ON print.card_id = card.id AND print.pool_id = card.pool_id
        JOIN cards_pool AS pool ON pool.id = card.pool_id
        WHERE card.sealed IS NOT NULL AND card.state <> 'void' AND print.fingerprint IS NULL
          AND pool.kind NOT IN ('on_demand', 'manual')   -- what was issued for an order is no card of a file
    """,
    "an erased order has no secret left": """
        SELECT told.number FROM sales_order AS told JOIN cards_card AS card ON card.order_id = told.id
        WHERE told.erased_at IS NOT NULL AND card.state = 'sold' AND card.erased_at IS NULL
    """,
    "an erased card's order says so": """
        SELECT card.pool_id || '/' || card.id FROM cards_card AS card
        LEFT JOIN sales_line AS line ON line.pool_id = card.pool_id AND line.id = card.sale_line_id
        LEFT JOIN sales_order AS told ON told.pool_id = line.order_pool_id AND told.id = line.order_id
        WHERE card.erased_at IS NOT NULL AND told.erased_at IS NULL
    """,
    "a purged order names nobody, and was kept for three years": """
        SELECT number FROM sales_order WHERE purged_at IS NOT NULL AND (
            phone_sealed IS NOT NULL OR phone_identity IS NOT NULL OR phone_tail <> '' OR open_id <> ''
            OR coalesce(purged_at < coalesce(completed_at, closed_at) + interval '3 years', true))
    """,
    "a forgotten buyer is told by nothing but the mark of a phone, and by none of an order that is not looked at again": """
        SELECT number FROM sales_order WHERE forgotten_at IS NOT NULL AND (
            phone_sealed IS NOT NULL OR phone_tail <> '' OR open_id <> '' OR address <> ''
            OR device <> decode(repeat('00', 16), 'hex') OR (phone_identity IS NOT NULL AND forget_on IS NULL))
    """,
    "a minor has paid no more in a month than its cap": """
        SELECT kept.holder::text FROM sales_minor_order AS kept
        JOIN sales_order AS told ON told.pool_id = kept.pool_id AND told.id = kept.order_id
        LEFT JOIN LATERAL (
            SELECT sum(amount_fen) AS fen FROM payments_refund AS refund
            WHERE refund.pool_id = told.pool_id AND refund.order_id = told.id AND refund.state = 'done'
              AND refund.reason <> 'paid_twice'
        ) AS back ON true
        WHERE told.state IN ('paid', 'delivered', 'completed', 'disputed')
        GROUP BY kept.holder, date_trunc('month', told.paid_at AT TIME ZONE 'Asia/Shanghai')
        HAVING sum(told.total_fen - coalesce(back.fen, 0)) > max(kept.month_fen_max)
    """,
    "a batch counts its cards": """
        SELECT batch.code FROM cards_batch AS batch LEFT JOIN cards_card AS card ON card.pool_id = batch.pool_id
        GROUP BY batch.pool_id, batch.code, batch.accepted HAVING count(card.id) <> batch.accepted
    """,
    "a delivered line is booked": """
        SELECT line.pool_id || '/' || line.id FROM sales_line AS line
        WHERE line.delivered_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM ledger_sale_entry AS entry
            WHERE entry.pool_id = line.pool_id AND entry.reason_id = line.id
              AND entry.recipe IN ('line_delivered', 'line_purchased'))
    """,
    "a purchase took its price from its account": """
        SELECT told.number FROM sales_order AS told JOIN sales_line AS line ON line.order_id = told.id
        LEFT JOIN ledger_entry AS entry ON entry.account_id = told.account_id
            AND (entry.reason_id = line.id AND entry.recipe = 'line_purchased'
                 OR entry.reason_id = told.id AND entry.recipe = 'purchase_paid')
        WHERE told.account_id IS NOT NULL AND entry.amount_fen IS DISTINCT FROM -line.total_fen
    """,
    "a purchase that could not be issued gave its price back to its account": """
        SELECT told.number FROM sales_order AS told
        LEFT JOIN ledger_entry AS entry ON entry.reason_id = told.id AND entry.account_id = told.account_id
            AND entry.recipe = 'purchase_returned'
        LEFT JOIN LATERAL (
            SELECT sum(amount_fen) AS fen FROM sales_credit AS given
            WHERE given.pool_id = told.pool_id AND given.order_id = told.id) AS given ON true
        CROSS JOIN LATERAL (SELECT coalesce(entry.amount_fen, 0) + coalesce(given.fen, 0) = told.total_fen AS is_all) AS back
        WHERE told.account_id IS NOT NULL AND (told.state = 'refunded') <> back.is_all
          AND NOT (back.is_all AND EXISTS (  -- all of its money is back, and a card of it is good: it goes on
              SELECT FROM sales_line AS line JOIN cards_card AS card ON card.pool_id = line.pool_id
                  AND card.sale_line_id = line.id AND card.state = 'sold' AND card.voided_at IS NULL
              WHERE line.order_pool_id = told.pool_id AND line.order_id = told.id))
    """,
    "what a claim gave back to an account is on it": """
        SELECT given.pool_id || '/' || given.id FROM sales_credit AS given
        LEFT JOIN ledger_entry AS entry ON entry.reason_id = given.id AND entry.account_id = given.account_id
            AND entry.recipe = 'purchase_granted'
        WHERE entry.amount_fen IS DISTINCT FROM given.amount_fen
    """,
    "a granted guardian's claim leads to a refund of its order": """
        SELECT claim.id::text FROM aftersale_guardian AS claim
        LEFT JOIN payments_refund AS refund ON refund.pool_id = claim.pool_id AND refund.id = claim.refund_id
        WHERE claim.state = 'granted' AND refund.order_id IS DISTINCT FROM claim.order_id
    """,
    "a bulk purchase has bought what its steps say": """
        SELECT bulk.id::text FROM sales_bulk AS bulk
        LEFT JOIN sales_bulk_step AS step ON step.bulk_id = bulk.id
        LEFT JOIN sales_order AS told ON told.pool_id = step.pool_id AND told.id = step.order_id
        GROUP BY bulk.id HAVING coalesce(sum(told.quantity), 0) <> bulk.bought
            OR coalesce(sum(told.total_fen), 0) <> bulk.spent_fen OR count(told.id) <> bulk.steps
    """,
    "a reference leads to a purchase of its account": """
        SELECT kept.account_id || ' ' || kept.reference FROM sales_reference AS kept
        LEFT JOIN sales_order AS told ON told.pool_id = kept.pool_id AND told.id = kept.order_id
        WHERE kept.pool_id > 0 AND (told.account_id IS DISTINCT FROM kept.account_id OR told.reference IS DISTINCT FROM kept.reference)
    """,
}


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold, and some of what breaks it."""

    invariant: str
    found: list[str]


def check(db: Db, most: int = 20, looked: int = 20) -> list[Breach]:
    """Ask every question; an empty list is a sound Kashu. So many of the chains that grew since the night are looked at."""
    breaches = [Breach(name, values(db, f"{sql} LIMIT {most}")) for name, sql in QUESTIONS.items()]
    books = [f"{fault.kind} {fault.where} {fault.amount_fen}" for fault in ledger.check(db)]
    chains = [f"{one.code} {one.broken or one.mistold or 0}" for one in cards.unsound(db, clock.now(), looked)]
    more = [Breach("the books balance", books), Breach("chains and tallies are as they were written", chains)]
    return [breach for breach in [*breaches, *more] if breach.found]
