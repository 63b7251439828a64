"""A takedown against sales under way (C-14): once it is committed, nothing of it is sold. The control shows the race."""

from __future__ import annotations

import threading

import pytest

from kashu import catalog, sales
from kashu.compliance import Takedown
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.payments import Verdict
from kashu.sales import Placed, Receipt, Refusal, SellRefusal
from tests import make
from tests.race.at_once import at_once
from tests.sales.test_takedowns import WHY

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def world(dsn, ring):
    """A committed SKU, somebody's account, and a guest's checkout of it."""

    def open_world(stock):
        with connect(dsn) as db, db.transaction():
            make.channel(db)
            sku = make.stocked(db, ring, stock)
            return sku, make.account(db, 10**9), make.checkout(db, sku)

    return open_world


def take_down(db, sku):
    made = sales.take_down(db, make.STAFF, sku.product_id, WHY, clock.now())
    assert isinstance(made, Takedown)
    return made


def takedown_in_between(dsn, sku, monkeypatch):
    """Pages are kept as ever, but once: with a takedown committed by somebody else just before."""
    verb = catalog.keep_pages

    def later(db, *told):
        monkeypatch.setattr(catalog, "keep_pages", verb)
        with connect(dsn) as other, other.transaction():
            take_down(other, sku)
        return verb(db, *told)

    return later


def until_somebody_waits(dsn):
    with connect(dsn) as db:
        for _ in range(500):
            if value(db, WAITING):
                return True
            threading.Event().wait(0.01)
    return False


def test_control_without_holding_the_product_a_purchase_is_told_yes_after_the_takedown(dsn, ring, world, monkeypatch):
    """Offers and cards are read, the goods are taken down and committed, and the purchase goes on as if nothing had been."""
    sku, account, _ = world(3)
    read = catalog.offers
    monkeypatch.setattr(catalog, "offers", lambda db, codes, at, **_: read(db, codes, at))
    monkeypatch.setattr(catalog, "keep_pages", takedown_in_between(dsn, sku, monkeypatch))
    with connect(dsn) as db, db.transaction():
        [told] = sales.sell(db, ring, [make.purchase(sku, account)], clock.now())
    assert isinstance(told, Receipt)


@pytest.mark.parametrize("lane", ["till", "store"])
def test_a_takedown_waits_for_what_is_being_sold_and_counts_it(dsn, ring, world, lane):
    """C-14: the sale that read its offer first is written first, and is in the report."""
    sku, account, asked = world(3)
    begun = threading.Event()

    def race(db, n):
        if n:
            begun.wait(10)
            return take_down(db, sku)
        if lane == "till":
            told = sales.sell(db, ring, [make.purchase(sku, account)], clock.now())
        else:
            told = sales.place(db, ring, [asked], clock.now())
        begun.set()
        assert until_somebody_waits(dsn)
        return told[0]

    told, made = at_once(dsn, 2, race)

    assert isinstance(told, Receipt if lane == "till" else Placed)
    assert ("已付款订单 1 笔" if lane == "till" else "未付款订单 1 笔") in made.draft


@pytest.mark.parametrize("lane", ["till", "store", "notice"])
def test_a_sale_waits_for_a_takedown_and_is_refused(dsn, ring, world, lane):
    sku, account, asked = world(3)
    with connect(dsn) as db, db.transaction():
        placed = make.order(db, ring, sku)
    begun = threading.Event()

    def race(db, n):
        if n == 0:
            made = take_down(db, sku)
            begun.set()
            assert until_somebody_waits(dsn)
            return made
        begun.wait(10)
        if lane == "till":
            return sales.sell(db, ring, [make.purchase(sku, account)], clock.now())[0]
        if lane == "store":
            return sales.place(db, ring, [asked], clock.now())[0]
        return sales.settle(db, [make.notice(placed)], clock.now())[0]

    told = at_once(dsn, 2, race)[1]

    assert told is {"till": SellRefusal.NOT_FOR_SALE, "store": Refusal.NOT_FOR_SALE, "notice": Verdict.LATE}[lane]


def test_among_many_buyers_a_takedown_gets_through_and_nothing_is_sold_after_it(dsn, ring, world):
    """What the takedown counted while it held the product is all that was ever sold of it."""
    sku, _, _ = world(2_000)
    with connect(dsn) as db, db.transaction():
        accounts = [make.account(db, 10**9) for _ in range(4)]

    def race(db, n):
        if n == 4:
            threading.Event().wait(0.2)
            with db.transaction():
                return take_down(db, sku)
        told = []
        for _ in range(400):
            with db.transaction():
                told += sales.sell(db, ring, [make.purchase(sku, accounts[n])], clock.now())
            if not isinstance(told[-1], Receipt):
                break
        return told

    *answers, made = at_once(dsn, 5, race, transaction=False)

    sold = [one for told in answers for one in told if isinstance(one, Receipt)]
    assert {told[-1] for told in answers} == {SellRefusal.NOT_FOR_SALE}
    assert f"已付款订单 {len(sold)} 笔" in made.draft
    with connect(dsn) as db:
        assert sales.affected(db, made).orders == len(sold)
