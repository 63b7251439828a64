"""Paying an unpaid order in another way, or through another instance of the same channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from kashu import audit, payments
from kashu.audit import SYSTEM, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id, new_number
from kashu.payments import Payment
from kashu.sales import store
from kashu.sales.service.checkout import QUERY_AFTER_SECONDS

ATTEMPTS_MAX = 10  # payments of one order
OPEN = ("created", "paying", "unknown")


def pay_anew(db: Db, ended: Payment, wanted: tuple[str, str] | None, at: datetime) -> Payment | None:
    """Open another payment of the same order; None where the order takes none any more, or no channel takes it.

    One payment of an order is open at a time (the database says so too), so a second tab gets the one of the first.
    Without `wanted` (kind and method) it is the kind and method of the one that ended, through an instance not yet tried.
    """
    assert_in_transaction(db)
    order = store.orders(db, [(ended.pool_id, ended.order_id)], lock=True)[ended.order_id]
    told = payments.of_order(db, order.pool_id, order.id)
    if order.state != "placed" or at >= ended.expires_at or len(told) >= ATTEMPTS_MAX:
        return None
    if any(one.state == "paid" for one in told):
        return None
    for one in told:
        if one.state in OPEN:
            return one
    channels = payments.channels(db)
    tried = {one.channel_id for one in told} if wanted is None else set()
    kind, method = wanted or (channels[ended.channel_id].kind, ended.method)
    routes = [one for one in payments.routes(db, at) if one.channel_id not in tried]
    channel_id = payments.route(routes, kind, method, order.total_fen, order.id.int + len(told))
    if channel_id is None:
        return None
    new = Payment(
        order.pool_id, new_id(), order.id, channel_id, new_number(order.pool_id), order.total_fen, "CNY", "created",
        method, "redirect", "", None, at, ended.expires_at, None,
    )  # fmt: skip
    payments.create(db, [new])
    after = {"channel": channel_id, "method": method, "trade_no": new.trade_no}
    audit.record(db, [Deed(SYSTEM, "order.pay_anew", "order", str(order.id), after=after, pool_id=order.pool_id)], at)
    due_at = at + timedelta(seconds=QUERY_AFTER_SECONDS)
    body = {"pool_id": order.pool_id, "payment_id": new.id, "round": 0}
    tell(db, [Fact("payment.query", body, order.pool_id, due_at)], at)
    return new


def note_unconfirmed(db: Db, payment: Payment, at: datetime) -> None:
    """A notice told of money that the gateway itself does not know of: nothing is delivered, and a person looks."""
    assert_in_transaction(db)
    told = ("payment_unconfirmed", payment.pool_id, payment.order_id, payment.trade_no)
    store.note_incidents(db, [told], at)
