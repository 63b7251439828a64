"""Refunds that a claim leads to (售后退款): in part or whole, of cards that were seen, by two persons.

A guest's money goes back by the route it came, an organisation's to the purchase account that paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kashu import audit, cards, ledger, payments
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.payments import Refund
from kashu.sales import rules, store
from kashu.sales.service.books import payable_account
from kashu.sales.service.refund import payment_of
from kashu.sales.types import Credit, Order, RefundRefusal, SaleLine

CLAIM = "order.claim_refund"
CLAIM_CAUSES = ("bad_card", "goodwill")
CardKey = tuple[int, int]  # pool and id


def ask_claim_refund(
    db: Db,
    actor: Actor,
    key: tuple[int, UUID],
    asked: tuple[int, Sequence[CardKey]],
    reason: str,
    *,
    solo_wait_seconds: int | None,
    at: datetime,
    cause: str = "bad_card",
) -> Approval | ApprovalRefusal | RefundRefusal:
    """Ask to give back so many fen of a delivered order and to void these of its cards. A second person confirms.

    The cause is why the cards are void: that they are bad, which counts against their batch, or goodwill.
    """
    assert_in_transaction(db)
    assert cause in CLAIM_CAUSES
    order = store.orders(db, [key], lock=True).get(key[1])
    refusal = _refusal(db, order, *asked)
    if refusal is not None:
        return refusal
    body = {"pool_id": key[0], "amount_fen": asked[0], "cards": [list(one) for one in asked[1]], "cause": cause}
    thing = ("order", str(key[1]))
    return audit.ask(db, actor, CLAIM, thing, body, reason=reason, solo_wait_seconds=solo_wait_seconds, at=at)


def grant_claim_refund(
    db: Db, actor: Actor, key: tuple[int, UUID], approval_id: UUID, at: datetime, *, is_alone: bool
) -> Refund | Credit | ApprovalRefusal | RefundRefusal:
    """Confirm it: the cards are void first, then the money is on its way back by the route it came, or on its account."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    told = audit.approval(db, approval_id)
    if told is None or (told.act, told.object_id) != (CLAIM, str(key[1])):
        return ApprovalRefusal.GONE
    amount_fen, voided = int(told.body["amount_fen"]), [(int(pool), int(card)) for pool, card in told.body["cards"]]
    refusal = _refusal(db, order, amount_fen, voided)
    confirmed = refusal or audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(confirmed, RefundRefusal | ApprovalRefusal):
        return confirmed
    assert order is not None
    audit.finish(db, approval_id, at)
    why = ("order.claim_refunded", told.reason, str(told.body.get("cause", "bad_card")))
    return give(db, actor, order, (amount_fen, voided), why, at)


def left_fen(db: Db, order: Order) -> int:
    """How much of what was paid for an order may still go back."""
    if order.account_id is None:
        return payments.left_of(db, payment_of(db, order))
    return order.total_fen - sum(one.amount_fen for one in store.credits_of(db, order.pool_id, order.id))


def give(
    db: Db, actor: Actor, order: Order, told: tuple[int, Sequence[CardKey]], why: tuple[str, str, str], at: datetime
) -> Refund | Credit:
    """Void these cards and give so many fen back by the way they came; the caller holds the order's lock and has looked."""
    way = pay_back if order.account_id is None else _credit
    return way(db, actor, order, told, why, at)


def pay_back(
    db: Db, actor: Actor, order: Order, told: tuple[int, Sequence[CardKey]], why: tuple[str, str, str], at: datetime
) -> Refund:
    """Void these cards and ask for so many fen to go back; the caller holds the order's lock and has looked.

    `told` is the amount and the cards, `why` the verb for the trail, the reason, and the cause for which cards are void.
    All that was left ends the order.
    """
    (amount_fen, voided), (verb, reason, cause) = told, why
    lines = store.lines_of(db, [order.id])[order.id]
    paid = payment_of(db, order)
    is_whole = _void(db, voided, lines, cause, at) and payments.left_of(db, paid) == amount_fen
    asked = Refund(
        order.pool_id, new_id(), paid.id, order.id, paid.gateway_no or "", amount_fen, reason, "requested", 0, at, None, ""
    )  # fmt: skip
    payments.request_refunds(db, [asked], {paid.id: paid})
    payables = {line.seller_id: payable_account(db, line.seller_id) for line in lines if line.is_third_party}
    ledger.post(db, rules.granted_postings(asked, lines, payables), at)
    if is_whole:
        store.move(db, [order], "refunding", at, reason=reason)
    after = {"amount_fen": amount_fen, "cards": len(voided), "is_whole": is_whole, "cause": cause}
    audit.record(db, [Deed(actor, verb, "order", str(order.id), after=after, pool_id=order.pool_id)], at)
    tell(db, [Fact("refund.send", {"pool_id": asked.pool_id, "refund_id": asked.id}, asked.pool_id)], at)
    return asked


def _credit(
    db: Db, actor: Actor, order: Order, told: tuple[int, Sequence[CardKey]], why: tuple[str, str, str], at: datetime
) -> Credit:
    """Void these cards and give so many fen back to the account that paid; the caller holds order and account.

    All that was left ends the order, at once: no gateway has to answer.
    """
    (amount_fen, voided), (verb, reason, cause) = told, why
    assert order.account_id is not None
    lines = store.lines_of(db, [order.id])[order.id]
    is_whole = _void(db, voided, lines, cause, at) and left_fen(db, order) == amount_fen
    given = Credit(order.pool_id, new_id(), order.id, order.account_id, amount_fen, len(voided), reason, actor.name, at)
    store.add_credit(db, given)
    ledger.post(db, rules.credited_postings(given, order.number, lines), at)
    store.unspend(db, order.account_id, biz_date(order.placed_at), amount_fen)
    if is_whole:
        store.move(db, [order], "refunding", at, reason=reason)
        store.move(db, [replace(order, state="refunding")], "refunded", at, reason=reason)
        body = {"pool_id": order.pool_id, "order_id": order.id, "account_id": order.account_id}
        tell(db, [Fact("purchase.refunded", body, order.pool_id)], at)
    after = {"amount_fen": amount_fen, "cards": len(voided), "is_whole": is_whole, "cause": cause}
    audit.record(db, [Deed(actor, verb, "order", str(order.id), after=after, reason=reason, pool_id=order.pool_id)], at)
    return given


def _void(db: Db, voided: Sequence[CardKey], lines: Sequence[SaleLine], cause: str, at: datetime) -> bool:
    """Void these cards; whether none of the order's is good any more."""
    many = cards.void(db, voided, [line.id for line in lines], cause, at)
    assert many == len(voided), "they were good a moment ago"
    told = cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])
    return all(one.state != "sold" for one in told)


def _refusal(db: Db, order: Order | None, amount_fen: int, voided: Sequence[CardKey]) -> RefundRefusal | None:
    """Why so much cannot go back for these cards. All that is left goes back only for all that is still good."""
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if order.account_id is not None:
        store.accounts(db, [order.account_id], lock=True)  # before the cards, as a purchase does
    if order.state not in ("delivered", "completed", "disputed"):
        return RefundRefusal.UNDER_WAY if order.state in ("refunding", "refunded") else RefundRefusal.NOT_PAID
    left = left_fen(db, order)
    lines = store.lines_of(db, [order.id])[order.id]
    keys = [(line.pool_id, line.id) for line in lines]
    cards.lock_of(db, keys)
    good = {
        (one.pool_id, one.id)
        for one in cards.masked(db, [pool for pool, _ in keys], [line for _, line in keys])
        if one.state == "sold"
    }
    if not 0 < amount_fen <= left or len(set(voided)) != len(voided) or not set(voided) <= good:
        return RefundRefusal.TOO_MUCH
    if amount_fen == left and set(voided) != good:
        return RefundRefusal.CARDS_LEFT
    if cards.any_redeemed(db, keys) and voided:
        return RefundRefusal.REDEEMED
    return None
