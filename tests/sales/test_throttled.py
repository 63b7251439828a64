"""限流 (C-15, C-60): a throttled supplier sells so many pieces a day, of everything that it sells or brings together;
nobody else is asked for anything.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import catalog, party, sales
from kashu.kernel import clock
from kashu.kernel.db import value
from kashu.sales import Placed, Receipt, Refusal, SellRefusal, rules
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
    sales.sell(db, ring, [make.purchase(make.stocked(db, ring, 3), make.account(db))], NOW)
    assert counted == []
    place(db, ring, throttled)
    assert counted == [[seller], [seller]], "before its lock, to wait for nobody in vain, and under it"


# ---- cards that it brings for us to sell


def ours(db, ring, seller, stock=MOST + 30, **told):
    """Goods of our own, of cards that a supplier brings."""
    sku = make.sku(db, **told)
    make.batch(db, ring, sku, stock, by=seller)
    return sku


def buy(db, ring, sku, account, quantity, **told):
    [answer] = sales.sell(db, ring, [make.purchase(sku, account, quantity, **told)], NOW)
    return answer


def test_what_it_brings_for_us_to_sell_counts_with_what_it_sells_itself(db, ring, seller):
    """Guests, purchases by account and its own shop together; what others bring is sold on."""
    own, brought, account = shop(db, ring, seller), ours(db, ring, seller), make.account(db)
    assert isinstance(place(db, ring, own, 5), Placed)
    throttle(db, seller)
    assert isinstance(place(db, ring, brought, 15), Placed)
    assert isinstance(buy(db, ring, brought, account, 20), Receipt)
    assert buy(db, ring, brought, account, 11) is SellRefusal.OUT_OF_STOCK
    assert isinstance(place(db, ring, own, 10), Placed)
    assert place(db, ring, own) is Refusal.SELLER_LIMIT
    assert place(db, ring, brought) is Refusal.OUT_OF_STOCK
    assert buy(db, ring, brought, account, 1) is SellRefusal.OUT_OF_STOCK

    make.batch(db, ring, brought, 30)
    assert isinstance(buy(db, ring, brought, account, 20), Receipt)
    assert isinstance(place(db, ring, brought, 10), Placed)
    assert value(db, "SELECT sum(quantity) FROM sales_line WHERE supplier_id = %s", [seller]) == MOST


def test_one_order_takes_what_room_there_is_and_the_rest_of_others(db, ring, seller):
    brought = ours(db, ring, seller)
    make.batch(db, ring, brought, MOST)
    throttle(db, seller)
    assert isinstance(buy(db, ring, brought, make.account(db), MOST + 20), Receipt)
    told = "SELECT sum(quantity) FROM sales_line WHERE sku_id = %s AND supplier_id = %s"
    assert value(db, told, [brought.id, seller]) == MOST


def test_one_batch_of_purchases_shares_one_room(db, ring, seller):
    """Over several goods of one supplier, each short of cards in the rounds of one play."""
    goods, account = [ours(db, ring, seller) for _ in range(3)], make.account(db)
    throttle(db, seller)
    asked = [make.purchase(sku, account, 20) for sku in goods for _ in range(2)]
    told = sales.sell(db, ring, asked, NOW)
    assert sum(isinstance(one, Receipt) for one in told) == 2
    assert {one for one in told if not isinstance(one, Receipt)} == {SellRefusal.OUT_OF_STOCK}
    assert value(db, "SELECT sum(quantity) FROM sales_line WHERE supplier_id = %s", [seller]) <= MOST


def test_picked_cards_count_too(db, ring, seller):
    plain, picked, account = ours(db, ring, seller), ours(db, ring, seller, 3, kind="pick"), make.account(db)
    throttle(db, seller)
    assert isinstance(buy(db, ring, plain, account, MOST - 1), Receipt)
    both = [make.purchase(picked, account, pick=label) for label in ("N1", "N2")]
    assert [isinstance(one, Receipt) for one in sales.sell(db, ring, both, NOW)].count(True) == 1
    assert buy(db, ring, picked, account, 1, pick="N3") is SellRefusal.PICK_TAKEN


def test_a_bulk_purchase_ends_where_the_day_does(db, ring, seller):
    brought, account = ours(db, ring, seller, 2 * MOST), make.account(db, order_max=20)
    throttle(db, seller)
    asked = make.purchase(brought, account, 2 * MOST)
    bulk = sales.ask_bulk(db, ring, make.STAFF, asked, "a long password", NOW)
    while sales.buy_step(db, ring, bulk.id, NOW):
        pass
    told = "SELECT bought, stopped_by FROM sales_bulk WHERE id = %s"
    assert db.execute(told, [bulk.id]).fetchone() == (MOST // 20 * 20, "out_of_stock")


def test_who_pays_late_does_not_evade_it(db, ring, seller):
    """An order given up is no sale; paid late it takes of what the day has left, or its money goes back."""
    brought = ours(db, ring, seller)
    throttle(db, seller)
    late = [place(db, ring, brought, 20) for _ in range(2)]
    after = NOW + timedelta(hours=1)
    assert sales.expire(db, after, [late[0].pool_id]) == 2
    assert isinstance(place(db, ring, brought, 20, at=after), Placed)
    sales.settle(db, [make.notice(one) for one in late], after)
    states = [value(db, "SELECT state FROM sales_order WHERE id = %s", [one.id]) for one in late]
    assert sorted(states) == ["delivered", "refunding"]
