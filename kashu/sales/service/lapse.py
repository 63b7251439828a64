"""What a lapse does to orders that are under way (compliance.md §2.3): unpaid ones end, paid ones that wait get their money."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kashu import compliance
from kashu.audit import SYSTEM
from kashu.compliance import Cause, Effect, Event
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.sales import store
from kashu.sales.service import fulfil
from kashu.sales.service.release import release
from kashu.sales.types import SaleLine

LAPSE_MAX = 200
REASON = "goods may not be sold now"


def effect(lines: Iterable[SaleLine], event: Event) -> Effect:
    """What happens at an event to an order with these lines."""
    return compliance.effect_of({Cause(one) for line in lines for one in line.stops}, event)


def cancel_stopped(db: Db, at: datetime) -> int:
    """Cancel unpaid orders whose goods or cards may no longer be sold; how many. Money that comes all the same goes back."""
    assert_in_transaction(db)
    orders = store.stopped(db, "placed", _causes(Event.HELD, Effect.CANCEL), biz_date(at), LAPSE_MAX)
    if orders:
        release(db, orders, "cancelled", SYSTEM, REASON, at)
    return len(orders)


def refund_stopped(db: Db, at: datetime) -> int:
    """Give the money back for paid orders that wait to be issued and may not be any more; how many.

    What a person has taken on, or a call to a supplier may still do, is left to its own end.
    """
    assert_in_transaction(db)
    orders = store.stopped(db, "paid", _causes(Event.PAID, Effect.REFUND), biz_date(at), LAPSE_MAX)
    return sum(fulfil.stop(db, (order.pool_id, order.id), REASON, at) for order in orders)


def _causes(event: Event, told: Effect) -> set[str]:
    return {cause.value for (cause, when), effect in compliance.MATRIX.items() if when is event and effect is told}
