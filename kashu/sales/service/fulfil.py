"""Orders that are paid first and delivered later: issued through a supplier's API (直充), or done by hand (代充).

The money of such an order is owed until it is done, and goes back in full if it is not. A slot is held for it, so that
claims, holds and invariants are those of any card; what was issued fills the slot. What a supplier has not answered is
neither done nor failed: only its word, or a person's, moves it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from kashu import audit, cards, ledger
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json
from kashu.sales import rules, store
from kashu.sales.service.books import payable_account, warranties
from kashu.sales.service.refund import give_back
from kashu.sales.types import Bought, Fulfilment, FulfilRefusal, Order, Placed, SaleLine, Sending

Key = tuple[int, UUID]
GIVE_UP_MAX = 100
IN_FLIGHT_SECONDS = 330  # a call that was sent may arrive until its timestamp is stale (300 s); then it is refused


def take_on(db: Db, ring: Keyring, orders: Sequence[Placed | Bought], state: str) -> None:
    """Note what new orders wait for; their forms are sealed, each to its order."""
    if not orders:
        return
    told = []
    for one in orders:
        sealed = ring.seal_personal(canonical_json(dict(one.form)), f"form {one.id}")
        due_at = rules.due_at(one.offer.kind, one.placed_at) if state == "waiting" else None
        told.append((one.pool_id, one.id, one.offer.kind, sealed, rules.shown_form(one.offer.form, one.form), due_at))
    store.take_on(db, state, told)


def begin(
    db: Db, paid: Sequence[tuple[Order, Fulfilment]], lines: Mapping[UUID, Sequence[SaleLine]], at: datetime
) -> None:
    """Guests have paid: their slots are held on, and their orders go to whoever does them. The caller moves the orders."""
    due = {order.id: rules.due_at(told.kind, at) for order, told in paid}
    cards.hold_on(db, [(line.pool_id, line.id, due[order.id]) for order, _ in paid for line in lines[order.id]])
    store.begin_fulfilments(db, [(order.pool_id, order.id, due[order.id]) for order, _ in paid])
    tell(db, [_begin(order.pool_id, order.id) for order, told in paid if told.kind == "on_demand"], at)


def begun(bought: Sequence[Bought]) -> list[Fact]:
    """What follows from purchases that are to be issued."""
    told = []
    for one in bought:
        body = {"pool_id": one.pool_id, "order_id": one.id, "account_id": one.purchase.account_id}
        told.append(Fact("purchase.paid", body, one.pool_id))
        if one.offer.kind == "on_demand":
            told.append(_begin(one.pool_id, one.id))
    return told


def send(db: Db, ring: Keyring, key: Key, at: datetime) -> Sending | FulfilRefusal:
    """Note that an order goes to its supplier now. The caller commits this, calls, and says what came of it.

    An order that may have been sent before is not sent again: it is asked about (`sending`).
    """
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return found
    order, told = found
    if told.state != "waiting" or told.kind != "on_demand":
        return FulfilRefusal.BEING_ISSUED
    if told.taken_by or told.wish == "refund" or told.due_at is None or told.due_at <= at:
        return FulfilRefusal.ENDED  # a person has it, or it is too late or not wanted, and the money goes back
    store.move_fulfilment(db, told, "sent", at)
    audit.record(db, [_deed(SYSTEM, "order.sent", order, {"tries": told.tries + 1})], at)
    return _sending(db, ring, order, replace(told, tries=told.tries + 1, sent_at=at))


def source_of(db: Db, key: Key) -> str:
    """Through which source an order is issued; "" for none."""
    for line in store.lines_of(db, [key[1]])[key[1]]:
        found = cards.source_of_pool(db, line.pool_id)
        if found is not None:
            return found[0].id
    return ""


def sending(db: Db, ring: Keyring, key: Key) -> Sending | FulfilRefusal:
    """The order that its supplier is asked about."""
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return found
    order, told = found
    return _sending(db, ring, order, told) if told.state == "sent" else FulfilRefusal.ENDED


def not_arrived(db: Db, key: Key, tries: int, at: datetime) -> bool:
    """The supplier says that it never had the order it was sent this often: it may be sent again.

    An answer about an earlier sending says nothing of a later one.
    """
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal) or found[1].state != "sent" or found[1].tries != tries:
        return False
    store.move_fulfilment(db, found[1], "waiting", at, "never arrived")
    return True


def issued_after_end(db: Db, key: Key, number: str, at: datetime) -> None:
    """A supplier issued what had been given back already: it is our loss, and somebody has to know."""
    if store.fulfilments(db, [key])[key[1]].state == "failed":
        store.note_incidents(db, [("issued_after_end", *key, number)], at)


def stuck(db: Db, key: Key, trouble: str, at: datetime) -> None:
    """The supplier has not said what became of an order in time: somebody has to look."""
    found = _locked(db, key)
    if not isinstance(found, FulfilRefusal) and store.note_stuck(db, found[1], trouble):
        store.note_incidents(db, [("fulfilment_stuck", *key, trouble)], at)


def fulfilled(
    db: Db, ring: Keyring, actor: Actor, key: Key, issued: tuple[str, str], at: datetime
) -> FulfilRefusal | None:
    """An order is done: its slot is filled with what was issued (a number, a text), and it counts as delivered and seen.

    A person answers a buyer who wants the money before it is done; a supplier's word that it was done comes first.
    """
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return found
    order, told = found
    if told.wish == "refund" and actor != SYSTEM:
        return FulfilRefusal.WISH_OPEN
    [line] = store.lines_of(db, [order.id])[order.id]
    cards.fill(db, ring, (line.pool_id, line.id), issued, at)
    store.move(db, [order], "delivered", at)
    store.deliver_lines(db, [line], warranties(db, [line], at), at)
    store.reveal_lines(db, [line], at)
    payable = payable_account(db, line.seller_id) if line.is_third_party else 0
    cards.book_issued(db, line.pool_id, line.cost_fen, at)
    ledger.post(db, rules.delivered_postings(line, payable), at)
    store.move_fulfilment(db, told, "done", at)
    audit.record(db, [_deed(actor, "order.fulfilled", order, {"state": "delivered"})], at)
    body = {"pool_id": order.pool_id, "order_id": order.id}
    of_account = {"account_id": order.account_id}
    fact = Fact("order.delivered", body) if order.account_id is None else Fact("purchase.delivered", body | of_account)
    tell(db, [Fact(fact.topic, fact.body, order.pool_id)], at)
    return None


def unfulfilled(db: Db, actor: Actor, key: Key, reason: str, at: datetime) -> FulfilRefusal | None:
    """An order could not be done: the slot is free again and all of the money goes back."""
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return found
    order, told = found
    reason = rules.tidy_reason(reason)
    store.move_fulfilment(db, told, "failed", at, reason)
    if order.account_id is None:
        give_back(db, actor, order, store.lines_of(db, [order.id])[order.id], reason, at)
    else:
        _pay_back(db, actor, order, reason, at)
    return None


def look(db: Db, ring: Keyring, actor: Actor, key: Key, at: datetime) -> dict[str, str] | FulfilRefusal:
    """Open an order's form for the person who takes it on. Who looked is in the trail before the answer (S-04)."""
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return found
    order, told = found
    store.take_fulfilment(db, told, actor.name)
    audit.record(db, [_deed(actor, "order.form_shown", order, {"before": told.taken_by})], at)
    return _form(ring, told)


def overdue(db: Db, at: datetime, after: tuple[datetime, UUID] | None) -> list[tuple[datetime, Key]]:
    """Orders that nobody seems to have begun with in time, the longest due first, after a (due, order)."""
    return store.overdue(db, at, at - timedelta(seconds=IN_FLIGHT_SECONDS), after, GIVE_UP_MAX)


def give_up(db: Db, key: Key, at: datetime) -> bool:
    """Give the money back for an order that nobody has begun with in time; False when somebody has, after all.

    It is looked at again under its lock: a call may just have gone out, or a person taken it on.
    """
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal) or found[1].due_at is None or found[1].due_at > at:
        return False
    return stop(db, key, "not done in time", at)


def stop(db: Db, key: Key, reason: str, at: datetime) -> bool:
    """Give the money back for a paid order that waits; False when somebody is at it, or a call may still do it."""
    found = _locked(db, key)
    if isinstance(found, FulfilRefusal):
        return False
    told = found[1]
    may_arrive = told.sent_at is not None and told.sent_at > at - timedelta(seconds=IN_FLIGHT_SECONDS)
    if told.state != "waiting" or told.taken_by or may_arrive:
        return False
    return unfulfilled(db, SYSTEM, key, reason, at) is None


def _pay_back(db: Db, actor: Actor, order: Order, reason: str, at: datetime) -> None:
    assert order.account_id is not None
    store.accounts(db, [order.account_id], lock=True)
    lines = store.lines_of(db, [order.id])[order.id]
    assert cards.put_back(db, [(line.pool_id, line.id) for line in lines]) == order.quantity
    store.move(db, [order], "refunded", at, reason=reason)
    ledger.post(db, rules.returned_postings(order), at)
    store.unspend(db, order.account_id, biz_date(order.placed_at), order.total_fen)
    audit.record(db, [_deed(actor, "order.refunded", order, {"amount_fen": order.total_fen}, reason)], at)
    body = {"pool_id": order.pool_id, "order_id": order.id, "account_id": order.account_id}
    tell(db, [Fact("purchase.refunded", body, order.pool_id)], at)


def _locked(db: Db, key: Key) -> tuple[Order, Fulfilment] | FulfilRefusal:
    """A paid order with what it waits for, locked."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    told = store.fulfilments(db, [key]).get(key[1])
    if order is None or told is None:
        return FulfilRefusal.NO_SUCH_ORDER
    return (order, told) if order.state == "paid" else FulfilRefusal.ENDED


def _sending(db: Db, ring: Keyring, order: Order, told: Fulfilment) -> Sending:
    [line] = store.lines_of(db, [order.id])[order.id]
    found = cards.source_of_pool(db, line.pool_id)
    assert found is not None, "what is issued on demand has a source"
    assert told.sent_at is not None
    return Sending(order.number, *found, _form(ring, told), told.tries, told.sent_at)


def _form(ring: Keyring, told: Fulfilment) -> dict[str, str]:
    form: dict[str, str] = json.loads(ring.open_personal(told.form_sealed, f"form {told.order_id}"))
    return form


def _begin(pool_id: int, order_id: UUID) -> Fact:
    return Fact("fulfil.send", {"pool_id": pool_id, "order_id": order_id}, pool_id)


def _deed(actor: Actor, verb: str, order: Order, after: dict[str, object], reason: str = "") -> Deed:
    return Deed(actor, verb, "order", str(order.id), {"state": order.state}, after, reason, order.pool_id)
