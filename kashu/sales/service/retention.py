"""What is kept for its time and no longer: secrets after their purpose (S-08), buyers after three years (C-20, C-54)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from kashu import audit, cards, messages, payments
from kashu.audit import SYSTEM, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.sales import rules, store
from kashu.sales.types import Order, PurgeRefusal, SaleLine

RETAIN_MAX = 20  # orders of up to a thousand cards in one transaction
LOOK_AGAIN_DAYS = 30
Key = tuple[int, UUID]
Place = tuple[date | datetime, Key]
FIRST: tuple[Place, Place] = (
    (date.min, (0, UUID(int=0))),
    (datetime(1970, 1, 1, tzinfo=UTC), (0, UUID(int=0))),
)


def to_erase(db: Db, after: Place | None, at: datetime) -> list[Place]:
    """The next orders whose secrets may have served their purpose."""
    return store.to_erase(db, biz_date(at), after or FIRST[0], RETAIN_MAX)


def to_purge(db: Db, after: Place | None, at: datetime) -> list[Place]:
    """The next orders that were over three years ago."""
    return store.to_purge(db, rules.over_before(at), after or FIRST[1], RETAIN_MAX)


def erase_secrets(db: Db, ring: Keyring, keys: Collection[Key], days: int, at: datetime) -> int:
    """Erase the secrets of orders so many days after their cards have served; says of how many orders.

    An order in dispute, or with a card that may yet be wanted, is looked at again later. What stays is the card with its
    mask and keyed fingerprint: the same secret is still refused at the door, and the evidence still tells which it was.
    """
    assert_in_transaction(db)
    orders = store.orders(db, keys, lock=True)
    lines = store.lines_of(db, orders)
    argued = contested(db, list(orders.values()))
    served = _served_on(db, orders, lines)
    due: list[Order] = []
    later: list[tuple[int, UUID, date | None]] = []
    for order in orders.values():
        told = rules.erase_on(served[order.id], days)
        if order.erased_at is not None or not served[order.id]:
            later.append((order.pool_id, order.id, None))
        elif order.state not in rules.SETTLED or order.id in argued or told is None:
            later.append((order.pool_id, order.id, biz_date(at) + timedelta(days=LOOK_AGAIN_DAYS)))
        elif told > biz_date(at):
            later.append((order.pool_id, order.id, told))
        else:
            due.append(order)
    store.set_erase_on(db, later)
    _erase(db, ring, due, lines, f"{days} days after their purpose", at)
    return len(due)


def purge(
    db: Db, ring: Keyring, keys: Collection[Key], at: datetime, disputed: Collection[UUID] = ()
) -> dict[UUID, PurgeRefusal | None]:
    """Forget whose orders these were and erase what secrets are left; None for those that were.

    Nothing is forgotten before three years after an order's end, nor in dispute (C-20); `disputed` are those with a complaint
    or a claim that is open. What was sold, when, for how much and out of which batch stays, with books and trail.
    """
    assert_in_transaction(db)
    found = store.orders(db, keys, lock=True)
    argued = contested(db, list(found.values())) | set(disputed)
    told = {
        order_id: rules.purge_refusal(found.get(order_id), at, is_contested=order_id in argued)
        for _pool, order_id in keys
    }
    orders = [found[order_id] for order_id, refusal in told.items() if refusal is None]
    if not orders:
        return told
    lines = store.lines_of(db, [order.id for order in orders])
    sold = [order for order in orders if order.erased_at is None and cards.records(db, _keys(lines[order.id]))]
    _erase(db, ring, sold, lines, "kept for three years", at)
    store.purge(db, orders, at)
    messages.purge(db, [str(order.id) for order in orders])
    deeds = [Deed(SYSTEM, "order.purged", "order", str(order.id), pool_id=order.pool_id) for order in orders]
    audit.record(db, deeds, at)
    return told


def _erase(
    db: Db, ring: Keyring, orders: Sequence[Order], lines: dict[UUID, list[SaleLine]], reason: str, at: datetime
) -> None:
    if not orders:
        return
    deeds = []
    for order in orders:
        many = cards.erase(db, ring, _keys(lines[order.id]), at)
        deeds.append(Deed(SYSTEM, "order.erased", "order", str(order.id), None, {"cards": many}, reason, order.pool_id))
    store.set_erased(db, [(order.pool_id, order.id) for order in orders], at)
    audit.record(db, deeds, at)


def _served_on(db: Db, orders: dict[UUID, Order], lines: dict[UUID, list[SaleLine]]) -> dict[UUID, list[date | None]]:
    """For each order, the days on which its cards had served their purpose."""
    by_id = {line.id: line for found in lines.values() for line in found}
    keys = _keys(list(by_id.values()))
    redeemed = {
        (one.pool_id, one.card_id): biz_date(one.redeemed_at)
        for one in cards.redemptions_under(db, keys)
        if one.undone_at is None
    }
    told: dict[UUID, list[date | None]] = {order_id: [] for order_id in orders}
    for card in cards.records(db, keys):
        line = by_id[card.sale_line_id]
        order = orders[line.order_id]
        over_at = order.completed_at or order.closed_at
        day = redeemed.get((card.pool_id, card.id))
        told[order.id].append(
            None if over_at is None else rules.served_on(card, line.warranty_ends_on, day, biz_date(over_at))
        )
    return told


def contested(db: Db, orders: Sequence[Order]) -> set[UUID]:
    """Those of these orders with a claim or a refund that is open."""
    claimed = audit.objects_open(db, "order", [str(order.id) for order in orders])
    refunded = payments.orders_refunding(db, [(order.pool_id, order.id) for order in orders])
    return {UUID(one) for one in claimed} | refunded


def _keys(lines: Sequence[SaleLine]) -> list[Key]:
    return [(line.pool_id, line.id) for line in lines]
