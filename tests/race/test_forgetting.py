"""Being forgotten at the same moment as anything else that needs the same order. The control shows that it is a race."""

from __future__ import annotations

import threading

import pytest

from kashu import aftersale, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.sales import ForgetRefusal
from kashu.server import invariants
from tests import make
from tests.aftersale import world
from tests.aftersale.world import BUYER
from tests.race.at_once import at_once


@pytest.fixture
def sold(dsn, ring):
    with connect(dsn) as db, db.transaction():
        placed, who = world.bought(db, ring, who=make.buyer("13900139888", ring=ring), seen=True)
        token = sales.make_link(db, ring, sales.by_token(db, placed.token), clock.now())
    return placed, who, token


def forget(db, placed, who):
    key = (placed.pool_id, placed.id)
    return aftersale.forget(db, BUYER, who.device, [key], clock.now())[placed.id]


def test_control_without_a_lock_many_see_that_nobody_was_forgotten(dsn, sold):
    placed, *_ = sold
    barrier = threading.Barrier(4)

    def look(db, _n):
        barrier.wait()
        found = value(db, "SELECT forgotten_at FROM sales_order WHERE id = %s", [placed.id])
        barrier.wait()
        return found

    assert at_once(dsn, 4, look) == [None] * 4


def test_a_buyer_is_forgotten_once_however_often_they_ask(dsn, sold):
    placed, who, _ = sold
    answers = at_once(dsn, 6, lambda db, _n: forget(db, placed, who))
    assert sorted(answers, key=str) == [None, *[ForgetRefusal.NOT_YOURS] * 5]
    with connect(dsn) as db:
        sql = "SELECT count(*) FROM audit_entry WHERE object_id = %s AND verb = 'order.forgotten'"
        assert value(db, sql, [str(placed.id)]) == 1


def test_no_link_and_no_complaint_gets_in_between(dsn, ring, sold):
    """Whichever comes first wins: a buyer who was forgotten has no open complaint, and no browser keeps the order."""
    placed, who, token = sold
    other = make.buyer()

    def work(db, n):
        if n % 3 == 0:
            return forget(db, placed, who)
        if n % 3 == 1:
            return sales.open_link(db, ring, token, other, clock.now())
        return world.complain(db, placed, who, clock.now())

    answers = at_once(dsn, 6, work)
    assert [one for one in answers if isinstance(one, Exception)] == []
    with connect(dsn) as db:
        order = sales.by_token(db, placed.token)
        held = value(db, "SELECT count(*) FROM sales_possession WHERE order_id = %s", [placed.id])
        is_argued = bool(aftersale.contested(db, [(placed.pool_id, placed.id)]))
        if order.forgotten_at is not None:
            assert (held, is_argued) == (0, False)
        else:
            assert is_argued
        assert [one for one in invariants.check(db) if placed.number in str(one)] == []
