"""A buyer who wants the money and staff who deliver, at the same moment: never both, and never past an open wish."""

from __future__ import annotations

import threading

import pytest

from kashu import compliance, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.sales import FulfilRefusal, RefundRefusal
from kashu.sales.service import fulfil
from tests import make
from tests.race.at_once import at_once
from tests.race.test_races import sound


def lapsed_orders(dsn, ring, many, *, taken):
    """Paid orders of goods whose licence has ended since, each with the browser that bought it."""
    with connect(dsn) as db, db.transaction():
        make.channel(db)
        seller = make.supplier(db)
        paper = make.licence(db, seller, "publication")
        sku = make.sku(db, kind="manual", seller=seller, goods="publication")
        make.slots(db, ring, sku, many)
        buyers = [make.buyer() for _ in range(many)]
        placed = [make.order(db, ring, sku, who=who, form={"phone": "13800138000"}) for who in buyers]
        sales.settle(db, [make.notice(one) for one in placed], clock.now())
        for one in placed if taken else ():
            assert isinstance(sales.look(db, ring, make.STAFF, (one.pool_id, one.id), clock.now()), dict)
        compliance.licences.revoke(db, make.STAFF, paper.id, "主管部门收回", clock.now())
    return list(zip(placed, buyers, strict=True))


def choose_and_deliver(dsn, ring, one, who):
    """What the buyer and the clerk were told."""

    def work(db, n):
        if n == 0:
            return sales.choose(db, make.STAFF, one.token, who.device, "refund", clock.now())
        return sales.fulfilled(db, ring, make.STAFF, (one.pool_id, one.id), ("", "已充值"), clock.now())

    return at_once(dsn, 2, work)


@pytest.mark.parametrize("taken", [True, False])
def test_of_a_wish_and_a_delivery_one_is_refused(dsn, ring, taken):
    for one, who in lapsed_orders(dsn, ring, 5, taken=taken):
        told = choose_and_deliver(dsn, ring, one, who)
        refusals = (FulfilRefusal.WISH_OPEN if taken else FulfilRefusal.ENDED, RefundRefusal.UNDER_WAY)
        assert told in ([None, refusals[0]], [refusals[1], None]), told
        with connect(dsn) as db:
            state = value(db, "SELECT state FROM sales_order WHERE id = %s", [one.id])
        assert state == ("delivered" if told[1] is None else "paid" if taken else "refunding")
    assert sound(dsn) == []


def test_control_who_looks_without_the_lock_delivers_past_a_wish(dsn, ring, monkeypatch):
    [(one, who)] = lapsed_orders(dsn, ring, 1, taken=True)
    looked, chosen = threading.Event(), threading.Event()
    known = fulfil.store.fulfilments

    def unlocked(db, key):
        order = sales.orders(db, [key])[key[1]]
        told = known(db, [key])[key[1]]
        looked.set()
        assert chosen.wait(20)
        return order, told

    monkeypatch.setattr(fulfil, "_locked", unlocked)

    def work(db, n):
        with db.transaction():
            if n == 1:
                return sales.fulfilled(db, ring, make.STAFF, (one.pool_id, one.id), ("", "已充值"), clock.now())
            assert looked.wait(20)
            answer = sales.choose(db, make.STAFF, one.token, who.device, "refund", clock.now())
        chosen.set()
        return answer

    assert at_once(dsn, 2, work, transaction=False) == [None, None]
    with connect(dsn) as db:
        told = "SELECT told.state, issued.wish FROM sales_order AS told JOIN sales_fulfilment AS issued ON issued.order_id = told.id WHERE told.id = %s"
        assert db.execute(told, [one.id]).fetchone() == ("delivered", "refund")
