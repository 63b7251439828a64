"""Delivery or money, as the buyer likes: what a lapsed category leaves to whoever has paid (compliance.md §2.3).

As long as nobody has begun, the money goes back at once. Once somebody has, what was done may not be undone: the wish goes to
staff, who answer it before they deliver.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.compliance import Effect, Event
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.sales import rules, store
from kashu.sales.service import lapse
from kashu.sales.service.refund import may_call_off, refund
from kashu.sales.types import Fulfilment, FulfilRefusal, Order, RefundRefusal

WISHES = ("deliver", "refund")
_CHOSEN = "the buyer's choice under a lapsed licence"


def effects_on_paid(db: Db, order_ids: Collection[UUID], at: datetime) -> dict[UUID, Effect]:
    """What stands in the way of paid orders does to them now, as somebody looks; nothing is held for it."""
    found = store.lines_of(db, order_ids, biz_date(at), holds=False) if order_ids else {}
    return {order_id: lapse.effect(lines, Event.PAID) for order_id, lines in found.items()}


def choose(db: Db, actor: Actor, token: str, device: bytes, wish: str, at: datetime) -> RefundRefusal | None:
    """A buyer chooses between delivery and all of the money; a later choice takes the place of an earlier one."""
    assert_in_transaction(db)
    assert wish in WISHES
    order = store.by_token(db, token, lock=True)
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if not store.possesses(db, order.pool_id, order.id, device):
        return RefundRefusal.NOT_YOURS
    if order.account_id is not None:
        return RefundRefusal.OF_ACCOUNT
    if order.state != "paid":
        return RefundRefusal.UNDER_WAY
    told = store.fulfilments(db, [(order.pool_id, order.id)])[order.id]
    if wish == "refund" and (may_call_off(told) or not _is_theirs(db, order, at)):
        answer = refund(db, actor, token, device, _CHOSEN, at)
        return answer if isinstance(answer, RefundRefusal) else None
    if told.wish == "declined":
        return RefundRefusal.BEING_ISSUED if wish == "refund" else None
    if told.wish != wish:
        store.note_wish(db, told, wish)
        audit.record(db, [_deed(actor, "order.choice", order, told, wish)], at)
    return None


def decline_wish(db: Db, actor: Actor, key: tuple[int, UUID], answer: str, at: datetime) -> FulfilRefusal | None:
    """Tell a buyer why the money does not go back: what they bought is done already. Granting is `unfulfilled`."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    told = store.fulfilments(db, [key]).get(key[1])
    if order is None or told is None:
        return FulfilRefusal.NO_SUCH_ORDER
    if order.state != "paid" or told.wish != "refund":
        return FulfilRefusal.ENDED
    answer = rules.tidy_reason(answer)
    store.note_wish(db, told, "declined", answer)
    audit.record(db, [_deed(actor, "order.choice_declined", order, told, "declined", answer)], at)
    return None


def _is_theirs(db: Db, order: Order, at: datetime) -> bool:
    return effects_on_paid(db, [order.id], at)[order.id] is Effect.CHOICE


def _deed(actor: Actor, verb: str, order: Order, told: Fulfilment, wish: str, reason: str = "") -> Deed:
    return Deed(actor, verb, "order", str(order.id), {"wish": told.wish}, {"wish": wish}, reason, order.pool_id)
