"""`kashu invariants` and `kashu ledger check` find what is planted."""

from __future__ import annotations

import pytest

from kashu import ledger, sales
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.server import invariants
from tests import make


@pytest.fixture
def sale(house, ring):
    """A delivered sale and a placed order on the owner's connection, rolled back afterwards."""
    with connect(house.owner_dsn, autocommit=False) as db:
        sku = make.stocked(db, ring, 6)
        done, open_ = make.order(db, ring, sku, 2), make.order(db, ring, sku, 1)
        sales.settle(db, [make.notice(done)], clock.now())
        account = make.account(db)
        asked = make.purchase(sku, account, key="bulk", reference="PO")
        bulk = sales.ask_bulk(db, ring, make.STAFF, make.purchase(sku, account), "correct horse battery", clock.now())
        sales.sell(db, ring, [asked], clock.now())
        assert isinstance(bulk, sales.Bulk)
        yield db, done, open_
        db.rollback()


def test_a_sound_house_has_no_breach(sale):
    assert invariants.check(sale[0]) == []


PLANTED = {
    "a sold card belongs to a delivered sale line": "UPDATE sales_order SET state = 'refunded' WHERE id = %(done)s",
    "a delivered line has as many sold cards as it is owed": (
        "UPDATE cards_card SET state = 'on_shelf', sold_at = NULL, order_id = NULL, sale_line_id = NULL"
        " WHERE id = (SELECT min(id) FROM cards_card WHERE order_id = %(done)s)"
    ),
    "an order's lines add up to the order": "UPDATE sales_order SET total_fen = total_fen + 1 WHERE id = %(done)s",
    "an order has lines": "DELETE FROM sales_line WHERE order_id = %(open)s",
    "a held card belongs to an order that is placed, or paid and being issued": "UPDATE sales_order SET state = 'expired' WHERE id = %(open)s",
    "an order that is placed, or paid and being issued, holds what it asked for": (
        "UPDATE cards_card SET state = 'on_shelf', held_until = NULL, order_id = NULL, sale_line_id = NULL WHERE order_id = %(open)s"
    ),
    "a paid payment belongs to an order that is delivered or gets its money back": "UPDATE sales_order SET state = 'expired' WHERE id = %(done)s",
    "a delivered order was paid": "DELETE FROM payments_payment WHERE order_id = %(done)s",
    "no more goes back than was paid": (
        "INSERT INTO payments_refund (pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state, requested_at)"
        " SELECT pool_id, gen_random_uuid(), id, order_id, 'x', amount_fen + 1, 'x', 'requested', now()"
        " FROM payments_payment WHERE order_id = %(done)s"
    ),
    "a revealed card was sold and its line says so": "UPDATE cards_card SET revealed_at = now() WHERE order_id = %(done)s",
    "a void card was sold, and money of its order goes back": "UPDATE cards_card SET voided_at = now() WHERE order_id = %(done)s",
    "what a payment gave back is what its refunds say": "UPDATE payments_transaction SET refunded_fen = 1 WHERE pool_id = %(pool)s",
    "an order whose payment is paid is not waiting for it": "UPDATE sales_order SET state = 'placed' WHERE id = %(done)s",
    "a redeemed code was sold": (
        "INSERT INTO cards_redemption (pool_id, id, card_id, party_id, key, by, redeemed_at, told_at)"
        " SELECT pool_id, gen_random_uuid(), id, (SELECT min(id) FROM party_party), 'k', 'x', now(), now()"
        " FROM cards_card WHERE state = 'on_shelf' LIMIT 1"
    ),
    "every live card has its own fingerprint": "DELETE FROM cards_fingerprint WHERE card_id IN (SELECT id FROM cards_card WHERE order_id = %(done)s)",
    "an erased order has no secret left": "UPDATE sales_order SET erased_at = now() WHERE id = %(done)s",
    "an erased card's order says so": (
        "UPDATE cards_card SET sealed = NULL, erased_at = now(), fingerprint = decode(repeat('00', 32), 'hex')"
        " WHERE order_id = %(done)s"
    ),
    "a forgotten buyer is told by nothing but the mark of a phone, and by none of an order that is not looked at again": (
        "UPDATE sales_order SET forgotten_at = now() WHERE id = %(done)s"
    ),
    "a purged order names nobody, and was kept for three years": (
        "UPDATE sales_order SET purged_at = now(), completed_at = now() WHERE id = %(done)s"
    ),
    "a minor has paid no more in a month than its cap": (
        "INSERT INTO sales_minor_order (holder, placed_on, pool_id, order_id, month_fen_max)"
        " SELECT gen_random_uuid(), current_date, pool_id, id, total_fen - 1 FROM sales_order WHERE id = %(done)s"
    ),
    "a batch counts its cards": "UPDATE cards_batch SET accepted = accepted + 1 WHERE pool_id = %(pool)s",
    "a delivered line is booked": "DELETE FROM ledger_sale_entry WHERE recipe = 'line_delivered' AND pool_id = %(pool)s",
    "a purchase took its price from its account": "DELETE FROM ledger_entry WHERE recipe = 'line_purchased'",
    "a reference leads to a purchase of its account": "UPDATE sales_order SET reference = 'other' WHERE reference = 'PO'",
    "a paid order is being issued, and nothing else is": "UPDATE sales_order SET state = 'paid' WHERE id = %(done)s",
    "a purchase that could not be issued gave its price back to its account": (
        "UPDATE sales_order SET state = 'refunded' WHERE account_id IS NOT NULL"
    ),
    "what a claim gave back to an account is on it": (
        "INSERT INTO sales_credit (pool_id, id, order_id, account_id, amount_fen, cards, reason, made_by, made_at)"
        " SELECT pool_id, gen_random_uuid(), id, account_id, 1, 0, 'x', 'x', now() FROM sales_order WHERE account_id IS NOT NULL"
    ),
    "a bulk purchase has bought what its steps say": "UPDATE sales_bulk SET bought = 1",
    "a granted guardian's claim leads to a refund of its order": (
        "WITH refund AS (INSERT INTO payments_refund (pool_id, id, payment_id, order_id, gateway_no, amount_fen, reason, state,"
        " requested_at) SELECT pool_id, gen_random_uuid(), id, order_id, 'x', 1, 'x', 'requested', now()"
        " FROM payments_payment WHERE order_id = %(done)s RETURNING pool_id, id)"
        " INSERT INTO aftersale_guardian (id, pool_id, order_id, guardian_name, guardian_number, minor_name, minor_number, words,"
        " relation, spool, size, sha256, media_type, state, opened_at, due_at, refund_id, reason, decided_by, decided_at)"
        " SELECT gen_random_uuid(), pool_id, %(open)s, 'x', 'x', 'x', 'x', 'x', 'other', 'x', 1, repeat('0', 64), 'image/png',"
        " 'granted', now(), now() + interval '1 day', id, 'x', 'x', now() FROM refund"
    ),
    "the books balance": "UPDATE ledger_sale_entry SET amount_fen = amount_fen + 1 WHERE reason_id = %(done)s",
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_corruption_is_found(sale, name):
    db, done, open_ = sale
    touched = db.execute(PLANTED[name], {"done": done.id, "open": open_.id, "pool": done.pool_id}).rowcount

    assert touched >= 1
    assert name in {breach.invariant for breach in invariants.check(db)}


def test_every_question_has_its_plant():
    assert set(PLANTED) == {*invariants.QUESTIONS, "the books balance"}


def test_a_guarded_balance_that_is_not_its_entries_is_found(sale):
    db = sale[0]
    db.execute("INSERT INTO ledger_account (id, code, kind, name) VALUES (900, 'guarded', 'liability', 'x')")
    db.execute("INSERT INTO ledger_guarded (account_id, floor_fen, balance_fen) VALUES (900, 0, 5)")
    assert [(fault.kind, fault.amount_fen) for fault in ledger.check(db)] == [("guarded", 5)]
