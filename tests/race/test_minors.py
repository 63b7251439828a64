"""Orders of one minor at the same moment never pass the cap together (C-71); without the lock they would."""

from __future__ import annotations

import threading

from kashu import sales
from kashu.kernel.db import connect
from kashu.sales import Overspent, Placed, store
from tests import make
from tests.race.at_once import at_once
from tests.race.test_races import sound
from tests.sales.test_minors import NOW, born, capped


def open_shops(dsn, ring, many):
    """So many shops of so many sellers, and what one minor asks for in each, from a browser of its own."""
    child = born(15)
    with connect(dsn) as db, db.transaction():
        make.channel(db)
        shops = [capped(db, ring, 5_000, 4) for _ in range(many)]
        return child, [make.checkout(db, sku, holder=child) for sku in shops]


def test_control_without_the_lock_two_orders_see_the_same_month(dsn, ring):
    child, _asked = open_shops(dsn, ring, 1)
    barrier = threading.Barrier(2)

    def look(db, _n):
        found = store.spent(db, [child.id], NOW)[child.id]
        barrier.wait()
        return found + 15_001 <= 20_000

    assert at_once(dsn, 2, look) == [True, True]


def test_eight_orders_at_once_stay_within_the_month(dsn, ring):
    child, asked = open_shops(dsn, ring, 8)
    answers = at_once(dsn, 8, lambda db, n: sales.place(db, ring, [asked[n]], NOW)[0])
    assert sum(isinstance(one, Placed) for one in answers) == 4
    assert {one.left_fen for one in answers if isinstance(one, Overspent)} == {0}
    with connect(dsn) as db, db.transaction():
        assert store.spent(db, [child.id], NOW) == {child.id: 20_000}
    assert sound(dsn) == []


def test_the_same_order_twice_at_once_counts_once(dsn, ring):
    child, [asked] = open_shops(dsn, ring, 1)
    answers = at_once(dsn, 4, lambda db, _n: sales.place(db, ring, [asked], NOW)[0])
    assert len({one.id for one in answers}) == 1
    with connect(dsn) as db, db.transaction():
        assert store.spent(db, [child.id], NOW) == {child.id: 5_000}


def test_late_money_against_a_new_order_stays_within_the_month(dsn, ring):
    _child, asked = open_shops(dsn, ring, 5)
    with connect(dsn) as db, db.transaction():
        late, *others = sales.place(db, ring, asked[:4], NOW)
        sales.cancel(db, make.STAFF, late.token, asked[0].buyer.device, NOW)
        sales.settle(db, [make.notice(one, paid_at=NOW) for one in others], NOW)

    def race(db, n):
        return sales.settle(db, [make.notice(late, paid_at=NOW)], NOW) if n else sales.place(db, ring, asked[4:], NOW)

    [[placed], _verdict] = at_once(dsn, 2, race)
    with connect(dsn) as db, db.transaction():
        state = sales.orders(db, [(late.pool_id, late.id)])[late.id].state
    assert (isinstance(placed, Placed), state) in ((True, "refunding"), (False, "delivered"))
    assert sound(dsn) == []
