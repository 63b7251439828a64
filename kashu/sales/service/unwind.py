"""Undoing a sale that does not stand, because the buyer was a minor (C-72): cards void, money back, whatever was seen."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import cards, payments
from kashu.audit import Actor
from kashu.kernel.db import Db, assert_in_transaction
from kashu.payments import Refund
from kashu.sales import store
from kashu.sales.service.claim import pay_back
from kashu.sales.service.refund import may_call_off, payment_of, refund
from kashu.sales.types import Order, RefundRefusal, Standing

DELIVERED = ("delivered", "completed", "disputed")


def standing(db: Db, key: tuple[int, UUID]) -> Standing | RefundRefusal:
    """What there is to give back of a guest's order; its row and its cards stay locked, so that it is still so when undone."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if order.account_id is not None:
        return RefundRefusal.OF_ACCOUNT
    if order.state not in (*DELIVERED, "paid"):
        return RefundRefusal.UNDER_WAY if order.state in ("refunding", "refunded") else RefundRefusal.NOT_PAID
    if order.state == "paid":  # nothing was delivered that anybody could have seen
        is_begun = not may_call_off(store.fulfilments(db, [key])[order.id])
        return RefundRefusal.BEING_ISSUED if is_begun else Standing(order.total_fen, is_seen=False)
    keys = _lines(db, order)
    is_seen, is_redeemed = cards.lock_of(db, keys), cards.any_redeemed(db, keys)
    left_fen = payments.left_of(db, payment_of(db, order))
    return Standing(left_fen, is_seen or is_redeemed) if left_fen else RefundRefusal.UNDER_WAY


def unwind(
    db: Db, actor: Actor, key: tuple[int, UUID], deduction_fen: int, reason: str, at: datetime
) -> Refund | RefundRefusal:
    """Give back what is left of an order but for a deduction, by the original route.

    Cards nobody has seen take the way of any refund, back to the shelf. Of what was seen every card is void first,
    redeemed ones too: what they opened is the maker's to close.
    """
    assert_in_transaction(db)
    found = standing(db, key)
    if isinstance(found, RefundRefusal):
        return found
    if not 0 <= deduction_fen < found.left_fen or (deduction_fen and not found.is_seen):
        return RefundRefusal.TOO_MUCH
    order = store.orders(db, [key])[key[1]]
    is_untouched = not found.is_seen and order.erased_at is None and found.left_fen == order.total_fen
    if is_untouched:
        return refund(db, actor, order.token, None, reason, at)
    keys = _lines(db, order)
    told = cards.masked(db, [pool for pool, _ in keys], [line for _, line in keys])
    good = [(one.pool_id, one.id) for one in told if one.state == "sold"]
    return pay_back(db, actor, order, (found.left_fen - deduction_fen, good), ("order.unwound", reason, "minor"), at)


def _lines(db: Db, order: Order) -> list[tuple[int, UUID]]:
    return [(line.pool_id, line.id) for line in store.lines_of(db, [order.id])[order.id]]
