from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from kashu import audit, cards
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import Opened
from kashu.kernel import limits
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.sales import store
from kashu.sales.types import Buyer, RevealRefusal

REVEALS_SECONDS = 60
REVEALS_MAX, REVEALS_ADDRESS_MAX = 30, 300  # of a device; of an address, which a carrier gives to many (S-03)
COMPLETE_MAX = 500


def reveal(db: Db, ring: Keyring, token: str, who: Buyer, at: datetime) -> list[Opened] | RevealRefusal:
    """Open an order's cards for the browser that holds it.

    The order link grants view, not this: possession is the browser that checked out, or one that proved the
    order's phone. The audit row is written before the answer leaves; if it cannot be, nothing is shown (S-04).
    """
    assert_in_transaction(db)
    bounds = ((who.device, REVEALS_MAX), (who.address, REVEALS_ADDRESS_MAX))
    if not all(limits.allow(db, f"reveal:{of.hex()}", at, most=most, seconds=REVEALS_SECONDS) for of, most in bounds):
        return RevealRefusal.TOO_OFTEN
    order = store.by_token(db, token, lock=True)
    if order is None:
        return RevealRefusal.NO_SUCH_ORDER
    if order.erased_at is not None:  # said to everybody: proving a phone would bring nothing back
        return RevealRefusal.ERASED
    if not store.possesses(db, order.pool_id, order.id, who.device):
        return RevealRefusal.NOT_YOURS
    if order.state not in ("delivered", "completed", "disputed"):
        return RevealRefusal.NOT_DELIVERED
    lines = store.lines_of(db, [order.id])[order.id]
    if any(line.risk_hold != "clear" for line in lines):
        return RevealRefusal.HELD_BY_RISK
    keys = [(line.pool_id, line.id) for line in lines]
    seen_before = cards.lock_of(db, keys)
    actor = Actor("buyer", who.device.hex()[:12])
    after = {"cards": order.quantity, "first": not seen_before}
    audit.record(db, [Deed(actor, "order.reveal", "order", str(order.id), after=after, pool_id=order.pool_id)], at)
    opened = cards.reveal(db, ring, keys, at)
    store.reveal_lines(db, lines, at)
    voided = sum(one.state == "void" for one in cards.masked(db, *zip(*keys, strict=True)))
    assert len(opened) == order.quantity - voided, "a buyer sees exactly what was paid for"
    return opened


def push_card(
    db: Db, ring: Keyring, key: tuple[int, UUID], at: datetime, *, fits: Callable[[str], bool]
) -> str | RevealRefusal | None:
    """Open an order's one card to be sent to the order's phone. It counts as seen from now on: what has left cannot be taken back.

    None: it does not fit the message, and nothing was done. The same locks as `reveal` and a refund, and the same rules.
    """
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    if order is None:
        return RevealRefusal.NO_SUCH_ORDER
    if order.state not in ("delivered", "completed"):
        return RevealRefusal.NOT_DELIVERED
    lines = store.lines_of(db, [order.id])[order.id]
    if any(line.risk_hold != "clear" for line in lines):
        return RevealRefusal.HELD_BY_RISK
    keys = [(line.pool_id, line.id) for line in lines]
    seen_before = cards.lock_of(db, keys)
    [card] = [one for opened in cards.opened(db, ring, keys).values() for one in opened]
    if not fits(card.secret):
        return None
    after = {"first": not seen_before, "to": f"****{order.phone_tail}"}
    audit.record(db, [Deed(SYSTEM, "order.pushed", "order", str(order.id), after=after, pool_id=order.pool_id)], at)
    cards.reveal(db, ring, keys, at)
    store.reveal_lines(db, lines, at)
    return card.secret


def complete(db: Db, at: datetime) -> int:
    """Close the books on orders whose warranty has ended; three years of keeping begin here (C-20)."""
    assert_in_transaction(db)
    orders = store.complete(db, biz_date(at), at, COMPLETE_MAX)
    if orders:
        store.move(db, orders, "completed", at)
        told = ({"state": "delivered"}, {"state": "completed"})
        deeds = [Deed(SYSTEM, "order.completed", "order", str(o.id), *told, pool_id=o.pool_id) for o in orders]
        audit.record(db, deeds, at)
    return len(orders)
