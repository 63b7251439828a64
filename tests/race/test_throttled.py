"""Sales of a throttled supplier's goods and cards at the same moment never pass its day together; without the lock they
would.
"""

from __future__ import annotations

import threading

from kashu import sales
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect
from kashu.sales import Placed, Receipt, Refusal, SellRefusal, store
from tests import make
from tests.race.at_once import at_once
from tests.race.test_races import sound
from tests.sales.test_throttled import MOST, NOW, ours, shop, throttle


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


def brought(dsn, ring, many, quantity):
    """A throttled supplier's cards in so many goods of ours, and an account for each of them."""
    with connect(dsn) as db, db.transaction():
        make.channel(db)
        supplier = make.supplier(db)
        goods = [ours(db, ring, supplier, 2 * quantity) for _ in range(many)]
        throttle(db, supplier)
        guests = [make.checkout(db, sku, quantity) for sku in goods]
        return supplier, guests, [make.purchase(sku, make.account(db), quantity) for sku in goods]


def sell_all(dsn, ring, guests, bought):
    """Guests and accounts at the same moment, each for goods of its own; what they were told."""

    def work(db, n):
        if n < len(guests):
            return sales.place(db, ring, [guests[n]], NOW)[0]
        return sales.sell(db, ring, [bought[n - len(guests)]], NOW)[0]

    return at_once(dsn, len(guests) + len(bought), work)


def test_guests_and_accounts_at_once_stay_within_the_day_of_who_brings_the_cards(dsn, ring):
    supplier, guests, bought = brought(dsn, ring, 4, MOST // 3)
    told = sell_all(dsn, ring, guests, bought)
    assert sum(isinstance(one, Placed | Receipt) for one in told) == 3
    assert {one for one in told if not isinstance(one, Placed | Receipt)} <= {
        Refusal.OUT_OF_STOCK, SellRefusal.OUT_OF_STOCK,
    }  # fmt: skip
    with connect(dsn) as db, db.transaction():
        assert store.sold_on(db, [supplier], biz_date(NOW)) == {supplier: MOST // 3 * 3}
    assert sound(dsn) == []


def test_control_without_the_lock_they_pass_it(dsn, ring, monkeypatch):
    supplier, guests, bought = brought(dsn, ring, 2, MOST - 1)
    barrier, known = threading.Barrier(4), store.sold_on

    def counted(*asked):
        try:
            return known(*asked)
        finally:
            barrier.wait(timeout=20)

    known_lock = store.lock_buckets
    monkeypatch.setattr(store, "lock_buckets", lambda db, names: known_lock(db, set(names) - {b"throttled"}))
    monkeypatch.setattr(store, "sold_on", counted)
    told = sell_all(dsn, ring, guests, bought)
    assert [isinstance(one, Placed | Receipt) for one in told] == [True] * 4
    with connect(dsn) as db, db.transaction():
        assert known(db, [supplier], biz_date(NOW)) == {supplier: 4 * (MOST - 1)}
