"""A buyer asks to be forgotten (C-53, C-54): their orders are, unless something is still argued about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from kashu import sales
from kashu.aftersale import store
from kashu.audit import Actor
from kashu.kernel.db import Db, assert_in_transaction
from kashu.sales import ForgetRefusal


def forget(
    db: Db, actor: Actor, device: bytes, keys: Collection[tuple[int, UUID]], at: datetime
) -> dict[UUID, ForgetRefusal | None]:
    """Forget who bought these orders, for the browser that holds them; None for each that is, else why it is not yet.

    Complaints that are over keep their words for their own term, and lose the mark of who wrote them.
    """
    assert_in_transaction(db)
    orders = sales.hold_to_forget(db, keys)
    told: dict[UUID, ForgetRefusal | None] = {order_id: ForgetRefusal.NO_SUCH_ORDER for _pool, order_id in keys}
    told |= sales.forget(db, actor, device, list(orders.values()), store.contested(db, keys), at)
    gone = [(pool_id, order_id) for pool_id, order_id in keys if told[order_id] is None]
    store.forget_complainers(db, gone)
    return told
