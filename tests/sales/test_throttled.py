"""限流 (C-15): a throttled seller sells so many pieces a day, of everything together; nobody else is asked for anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import catalog, party, sales
from kashu.kernel import clock
from kashu.kernel.db import value
from kashu.sales import Placed, Refusal, rules
from tests import make
from tests.party import world

NOW = clock.now()
MOST = rules.THROTTLED_PIECES_MAX


def throttle(db, seller):
    made = party.sanction(db, make.STAFF, seller, world.measure("throttle", NOW + timedelta(days=7)), NOW)
    assert isinstance(made, party.Sanction)
    return made


def shop(db, ring, seller, stock=MOST + 10):
    sku = make.sku(db, seller=seller)
    make.batch(db, ring, sku, stock, by=seller)
    return sku


def place(db, ring, sku, quantity=1, at=NOW):
    [told] = sales.place(db, ring, [make.checkout(db, sku, quantity)], at)
    return told


@pytest.fixture
def seller(db):
    return make.supplier(db)


def test_a_throttled_seller_sells_so_much_a_day_and_no_more(db, ring, seller):
    """What was sold before it was throttled counts, over all its goods; the next day is a new one, the term's end too."""
    one, other = shop(db, ring, seller), shop(db, ring, seller)
    assert isinstance(place(db, ring, one, 20), Placed)
    made = throttle(db, seller)
    assert isinstance(place(db, ring, other, MOST - 20), Placed)
    assert place(db, ring, one) is Refusal.SELLER_LIMIT
    assert value(db, "SELECT sum(quantity) FROM sales_line WHERE seller_id = %s", [seller]) == MOST
    assert isinstance(place(db, ring, one, at=NOW + timedelta(days=1)), Placed)
    assert party.lift(db, make.REVIEWER, made.id, world.WHY, NOW) is None
    assert isinstance(place(db, ring, one), Placed)


def test_what_was_given_up_is_no_sale(db, ring, seller):
    sku = shop(db, ring, seller)
    throttle(db, seller)
    asked = make.checkout(db, sku, MOST)
    [placed] = sales.place(db, ring, [asked], NOW)
    assert place(db, ring, sku) is Refusal.SELLER_LIMIT
    assert sales.cancel(db, make.STAFF, placed.token, asked.buyer.device, NOW) is None
    assert isinstance(place(db, ring, sku), Placed)


def test_orders_of_one_batch_are_counted_one_after_another(db, ring, seller):
    sku = shop(db, ring, seller)
    throttle(db, seller)
    asked = [make.checkout(db, sku, 20) for _ in range(4)]
    told = sales.place(db, ring, asked, NOW)
    assert [isinstance(one, Placed) for one in told] == [True, True, False, False]
    assert told[2:] == [Refusal.SELLER_LIMIT] * 2


def test_others_are_asked_for_nothing_more(db, ring, seller, monkeypatch):
    """The path of a sale is as long as it was: the cap is counted where a seller of the batch is throttled, and only there."""
    from kashu.sales import store

    counted = []
    known = store.sold_on
    monkeypatch.setattr(store, "sold_on", lambda *told: counted.append(told[1]) or known(*told))
    free, throttled = shop(db, ring, make.supplier(db), 3), shop(db, ring, seller, 3)
    throttle(db, seller)
    assert not catalog.offers(db, [free.code], NOW)[free.code].is_throttled
    place(db, ring, free)
    assert counted == []
    place(db, ring, throttled)
    assert counted == [[seller]]
