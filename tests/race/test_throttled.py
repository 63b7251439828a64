"""Orders of a throttled seller at the same moment never pass its day together; without the lock they would."""

from __future__ import annotations

import threading

from kashu import sales
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect
from kashu.sales import Placed, Refusal, store
from tests import make
from tests.race.at_once import at_once
from tests.race.test_races import sound
from tests.sales.test_throttled import MOST, NOW, shop, throttle


def open_shops(dsn, ring, many, quantity):
    """A throttled seller of so many products, and what a browser of its own asks for in each."""
    with connect(dsn) as db, db.transaction():
        make.channel(db)
        seller = make.supplier(db)
        shops = [shop(db, ring, seller, quantity) for _ in range(many)]
        throttle(db, seller)
        return seller, [make.checkout(db, sku, quantity) for sku in shops]


def test_control_without_the_lock_two_orders_see_the_same_day(dsn, ring):
    seller, _asked = open_shops(dsn, ring, 1, 1)
    barrier = threading.Barrier(2)

    def look(db, _n):
        found = store.sold_on(db, [seller], biz_date(NOW)).get(seller, 0)
        barrier.wait()
        return found + MOST <= MOST

    assert at_once(dsn, 2, look) == [True, True]


def test_six_orders_at_once_stay_within_the_day(dsn, ring):
    seller, asked = open_shops(dsn, ring, 6, MOST // 3)
    answers = at_once(dsn, 6, lambda db, n: sales.place(db, ring, [asked[n]], NOW)[0])
    assert sum(isinstance(one, Placed) for one in answers) == 3
    assert [one for one in answers if not isinstance(one, Placed)] == [Refusal.SELLER_LIMIT] * 3
    with connect(dsn) as db, db.transaction():
        assert store.sold_on(db, [seller], biz_date(NOW)) == {seller: MOST // 3 * 3}
    assert sound(dsn) == []
