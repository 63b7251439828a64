"""Buyers' own data, by possession of the order: which they hold, a phone put right, and being forgotten on request (C-53, C-54).

What was traded is kept for three years (ECOM §31), and names nobody from the request on: device, address, Douyin identity,
phone, links and browsers are gone at once. The phone's keyed mark stays while the order runs, so that its owner can still
prove it to be theirs where something goes wrong; then it goes as well, and after three years the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import audit, messages
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.sales import rules, store
from kashu.sales.service.retention import FIRST, RETAIN_MAX, contested
from kashu.sales.types import ForgetRefusal, Order, SaleLine

HELD_MAX = 200
Key = tuple[int, UUID]
Place = tuple[date | datetime, Key]


def held_orders(db: Db, device: bytes) -> list[Order]:
    """The orders that a browser holds, the newest first."""
    found = store.orders(db, store.held_by(db, device, HELD_MAX))
    return sorted(found.values(), key=lambda one: one.placed_at, reverse=True)


def hold_to_forget(db: Db, keys: Collection[Key]) -> dict[UUID, Order]:
    """Orders, locked with what goes with them: messages and links first, as whoever sends or opens one locks them."""
    assert_in_transaction(db)
    order_ids = sorted(order_id for _pool, order_id in keys)
    messages.hold_about(db, [str(one) for one in order_ids])
    store.lock_links(db, order_ids)
    return store.orders(db, keys, lock=True)


def forget(
    db: Db, actor: Actor, device: bytes, orders: Sequence[Order], disputed: Collection[UUID], at: datetime
) -> dict[UUID, ForgetRefusal | None]:
    """Forget who bought these orders, locked by `hold_to_forget`, for the browser that holds them; None for each that is.

    `disputed` are those with a complaint or a claim that is open.
    """
    assert_in_transaction(db)
    lines = store.lines_of(db, [order.id for order in orders])
    argued = contested(db, orders) | set(disputed)
    told: dict[UUID, ForgetRefusal | None] = {}
    for order in orders:
        is_seen = all(line.revealed_at is not None for line in lines[order.id])
        is_held = store.possesses(db, order.pool_id, order.id, device)
        refusal = rules.forget_refusal(order, is_contested=order.id in argued, is_seen=is_seen)
        told[order.id] = refusal if is_held else ForgetRefusal.NOT_YOURS
    due = [order for order in orders if told[order.id] is None]
    if not due:
        return told
    store.forget(db, [(order, _rest_on(order, lines[order.id], at)) for order in due], at)
    messages.purge(db, [str(order.id) for order in due])
    audit.record(db, [_deed(actor, "order.forgotten", order, {"state": order.state}) for order in due], at)
    _rest(db, [order for order in due if order.state in rules.OVER], at)
    return told


def to_forget(db: Db, after: Place | None, at: datetime) -> list[Place]:
    """The next orders whose buyer was forgotten and of which the rest may go."""
    return list(store.to_forget(db, biz_date(at), after or FIRST[0], RETAIN_MAX))  # type: ignore[arg-type]  # a day


def forget_rest(db: Db, keys: Collection[Key], at: datetime, disputed: Collection[UUID] = ()) -> int:
    """Forget what is left of buyers whose orders are over; those that are not are looked at again. Says how many."""
    assert_in_transaction(db)
    found = list(hold_to_forget(db, keys).values())
    argued = contested(db, found) | set(disputed)
    due = [order for order in found if order.state in rules.OVER and order.id not in argued]
    later = [(order.pool_id, order.id) for order in found if order not in due]
    store.set_forget_on(db, later, biz_date(at) + timedelta(days=1))
    _rest(db, due, at)
    return len(due)


def correct_phone(
    db: Db, ring: Keyring, actor: Actor, key: Key, phone: str, device: bytes, at: datetime
) -> ForgetRefusal | None:
    """Put the phone of an order right, for the browser that holds it; the caller has had the new number proven by a code."""
    assert_in_transaction(db)
    order = hold_to_forget(db, [key]).get(key[1])
    if order is None:
        return ForgetRefusal.NO_SUCH_ORDER
    if order.account_id is not None or not store.possesses(db, *key, device):
        return ForgetRefusal.NOT_YOURS
    if order.forgotten_at is not None or order.purged_at is not None:
        return ForgetRefusal.GONE
    sealed = ring.seal_personal(phone, f"order phone {order.id}")
    store.set_phone(db, order, device, (sealed, ring.identity("phone", phone), phone[-4:]))
    before, after = {"phone": f"****{order.phone_tail}"}, {"phone": f"****{phone[-4:]}"}
    deed = Deed(actor, "order.phone_corrected", "order", str(order.id), before, after, pool_id=order.pool_id)
    audit.record(db, [deed], at)
    return None


def _rest(db: Db, orders: Sequence[Order], at: datetime) -> None:
    if not orders:
        return
    store.forget_rest(db, orders)
    messages.purge(db, [str(order.id) for order in orders])
    audit.record(db, [_deed(SYSTEM, "order.forgotten_rest", order, None) for order in orders], at)


def _rest_on(order: Order, lines: Sequence[SaleLine], at: datetime) -> date | None:
    """When to look at what is left: the day after the warranty; never where the order is over, and nothing is left."""
    if order.state in rules.OVER:
        return None
    return max([biz_date(at), *(one.warranty_ends_on for one in lines if one.warranty_ends_on)]) + timedelta(days=1)


def _deed(actor: Actor, verb: str, order: Order, after: dict[str, object] | None) -> Deed:
    return Deed(actor, verb, "order", str(order.id), after=after, pool_id=order.pool_id)
