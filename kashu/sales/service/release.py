"""Letting go of what unpaid orders hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kashu import audit, cards
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.sales import store
from kashu.sales.types import Order

EXPIRE_MAX = 200


def expire(db: Db, at: datetime, pools: Sequence[int] | None = None, most: int = EXPIRE_MAX) -> int:
    """Release orders past their deadline: cards go back to the shelf. Says how many orders lapsed.

    The gateway is told to close afterwards, through the outbox; money that comes all the same takes the late path.
    """
    assert_in_transaction(db)
    orders = store.lapsed(db, at, pools, most)
    if orders:
        release(db, orders, "expired", SYSTEM, "hold ended", at)
    return len(orders)


def release(db: Db, orders: Sequence[Order], after: str, actor: Actor, reason: str, at: datetime) -> None:
    """Let go of the cards of unpaid orders, locked by the caller."""
    lines = [line for found in store.lines_of(db, [order.id for order in orders]).values() for line in found]
    store.move(db, orders, after, at, reason=reason)
    cards.put_back(db, [(line.pool_id, line.id) for line in lines])
    store.free_quota(db, [order.id for order in orders])
    audit.record(db, [_moved(order, after, actor, reason) for order in orders], at)
    tell(db, [Fact("payment.close", {"pool_id": o.pool_id, "order_id": o.id}, o.pool_id) for o in orders], at)


def _moved(order: Order, after: str, actor: Actor, reason: str) -> Deed:
    told = ({"state": order.state}, {"state": after})
    return Deed(actor, f"order.{after}", "order", str(order.id), *told, reason, order.pool_id)
