from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu import audit, cards, ledger, payments
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import id_of, new_id, pool_of
from kashu.ledger import ORDER_LIABILITY
from kashu.payments import Payment, Refund
from kashu.sales import rules, store
from kashu.sales.service.books import payable_account, psp_account
from kashu.sales.service.release import release
from kashu.sales.types import Fulfilment, Order, RefundRefusal, SaleLine


def cancel(db: Db, actor: Actor, token: str, device: bytes, at: datetime) -> RefundRefusal | None:
    """A buyer gives an unpaid order up; its cards go back at once."""
    assert_in_transaction(db)
    order = store.by_token(db, token, lock=True)
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if not store.possesses(db, order.pool_id, order.id, device):
        return RefundRefusal.NOT_YOURS
    if order.state != "placed":
        return RefundRefusal.UNDER_WAY
    release(db, [order], "cancelled", actor, "by the buyer", at)
    return None


def refund(db: Db, actor: Actor, token: str, device: bytes | None, reason: str, at: datetime) -> Refund | RefundRefusal:
    """Refund an order whose cards nobody has seen: cards return to the shelf, money by the route it came.

    Staff (`device` None) and buyers take the same path. The row locks of the cards are the ones a reveal takes, so
    of the two, whichever comes first wins (design §6).
    """
    assert_in_transaction(db)
    order = store.by_token(db, token, lock=True)
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if device is not None and not store.possesses(db, order.pool_id, order.id, device):
        return RefundRefusal.NOT_YOURS
    if order.account_id is not None:
        return RefundRefusal.OF_ACCOUNT
    if order.state in ("refunding", "refunded") or order.erased_at is not None:
        return RefundRefusal.UNDER_WAY  # over: a card without its secret goes on no shelf
    if order.state not in ("paid", "delivered", "completed"):
        return RefundRefusal.NOT_PAID
    if order.state == "paid" and not _call_off(db, order, reason, at):
        return RefundRefusal.BEING_ISSUED
    if payments.left_of(db, payment_of(db, order)) < order.total_fen:
        return RefundRefusal.UNDER_WAY  # part of it went back already; the rest is a claim's matter
    lines = store.lines_of(db, [order.id])[order.id]
    keys = [(line.pool_id, line.id) for line in lines]
    if cards.lock_of(db, keys) or cards.any_redeemed(db, keys):
        return RefundRefusal.ALREADY_SEEN
    return give_back(db, actor, order, lines, reason, at)


def _call_off(db: Db, order: Order, reason: str, at: datetime) -> bool:
    """Call off an order that nobody has begun with; False when somebody has."""
    told = store.fulfilments(db, [(order.pool_id, order.id)])[order.id]
    if not may_call_off(told):
        return False
    store.move_fulfilment(db, told, "failed", at, reason)
    return True


def may_call_off(told: Fulfilment) -> bool:
    """Whether nobody has begun: what was sent may still arrive."""
    return told.state == "waiting" and not told.taken_by and told.sent_at is None


def give_back(db: Db, actor: Actor, order: Order, lines: Sequence[SaleLine], reason: str, at: datetime) -> Refund:
    """Ask for a guest's money to go back in full, and put the unseen cards back; the caller holds the order's lock."""
    paid = payment_of(db, order)
    asked = Refund(
        order.pool_id, new_id(), paid.id, order.id, paid.gateway_no or "", order.total_fen, reason, "requested", 0, at,
        None, "",
    )  # fmt: skip
    assert cards.put_back(db, [(line.pool_id, line.id) for line in lines]) == order.quantity
    store.move(db, [order], "refunding", at, reason=reason)
    store.free_quota(db, [order.id])
    payments.request_refunds(db, [asked], {paid.id: paid})
    postings = rules.refund_postings(asked, ORDER_LIABILITY)
    for line in lines if order.state != "paid" else ():  # what was not delivered was not booked as a sale
        payable = payable_account(db, line.seller_id) if line.is_third_party else 0
        postings += rules.delivered_postings(line, payable, back=True)
    ledger.post(db, postings, at)
    told = ({"state": order.state}, {"state": "refunding", "amount_fen": order.total_fen})
    audit.record(db, [Deed(actor, "order.refunding", "order", str(order.id), *told, reason, order.pool_id)], at)
    tell(db, [Fact("refund.send", {"pool_id": asked.pool_id, "refund_id": asked.id}, asked.pool_id)], at)
    return asked


def payment_of(db: Db, order: Order) -> Payment:
    """The payment that paid an order; one that came a second time and went back is not it."""
    refunds = payments.refunds_of(db, order.pool_id, order.id)
    twice = {(one.payment_id, one.gateway_no) for one in refunds if one.reason == "paid_twice"}
    told = [one for one in payments.of_order(db, order.pool_id, order.id) if one.state == "paid"]
    [paid, *_] = [one for one in told if (one.id, one.gateway_no) not in twice]
    return paid


def refunded(db: Db, pool_id: int, refund_id: UUID, at: datetime) -> bool:
    """The gateway has given the money back; False when that was known already."""
    assert_in_transaction(db)
    seen = payments.refund(db, pool_id, refund_id)
    assert seen is not None
    order = store.orders(db, [(pool_id, seen.order_id)], lock=True)[seen.order_id]
    if payments.finish_refund(db, pool_id, refund_id, at) == 0:
        return False
    paid = payments.payment(db, pool_id, seen.payment_id)
    assert paid is not None
    ledger.post(db, rules.refunded_postings(seen, psp_account(db, paid.channel_id)), at)
    told = ({"state": order.state}, {"amount_fen": seen.amount_fen})
    audit.record(db, [Deed(SYSTEM, "order.refunded", "order", str(order.id), *told, seen.reason, pool_id)], at)
    if order.state == "refunding":
        store.move(db, [order], "refunded", at)
        tell(db, [Fact("order.refunded", {"pool_id": pool_id, "order_id": order.id}, pool_id)], at)
    return True


def refund_refused(db: Db, pool_id: int, refund_id: UUID, why: str, at: datetime) -> bool:
    """The gateway will not give the money back: a person has to look. False when that was known already."""
    assert_in_transaction(db)
    seen = payments.refund(db, pool_id, refund_id, lock=True)
    assert seen is not None
    if not payments.move_refund(db, seen, ["requested", "unknown"], "refused", why):
        return False
    store.note_incidents(db, [("refund_refused", pool_id, seen.order_id, why[:200])], at)
    told = Deed(SYSTEM, "refund.refused", "order", str(seen.order_id), reason=why[:200], pool_id=pool_id)
    audit.record(db, [told], at)
    return True


def refund_again(db: Db, actor: Actor, pool_id: int, refund_id: UUID, at: datetime) -> bool:
    """Send a refused refund again, under its number; False where it is not refused any more."""
    assert_in_transaction(db)
    seen = payments.refund(db, pool_id, refund_id, lock=True)
    if seen is None or not payments.move_refund(db, seen, ["refused"], "requested", seen.trouble):
        return False
    audit.record(db, [Deed(actor, "refund.again", "order", str(seen.order_id), pool_id=pool_id)], at)
    tell(db, [Fact("refund.send", {"pool_id": pool_id, "refund_id": refund_id}, pool_id)], at)
    return True


def look_at_refund(db: Db, number: str, at: datetime) -> bool:
    """The gateway spoke of a refund: ask it. False for a number that is none of ours."""
    assert_in_transaction(db)
    pool_id, refund_id = pool_of(number), id_of(number)
    if pool_id is None or refund_id is None or payments.refund(db, pool_id, refund_id) is None:
        return False
    tell(db, [Fact("refund.ask", {"pool_id": pool_id, "refund_id": refund_id}, pool_id)], at)
    return True
