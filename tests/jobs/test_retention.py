"""The nightly job that keeps nothing for longer than its time, by a clock that is set."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import sales
from kashu.jobs import retention, worker
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.server.wiring import context
from kashu.wire import evidence
from tests import make
from tests.wire.test_evidence import files, told

PHONE = "13900139654"


@pytest.fixture
def ctx(house):
    return replace(context(house), secret_days=90)


@pytest.fixture
def set_clock(monkeypatch):
    """`set_clock(days)`: so many days from now."""

    def to(days, now=clock.now):
        monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=days))

    return to


@pytest.fixture
def orders(house, ring):
    """`orders(n)`: so many delivered and seen orders of one card, committed, whose warranty was over 31 days from now."""

    def complete(many=1):
        with connect(house.dsn) as db, db.transaction():
            sku = make.stocked(db, ring, many)
            placed = []
            for _ in range(many):
                who = make.buyer(PHONE, ring=ring)
                order = make.order(db, ring, sku, 1, who)
                sales.settle(db, [make.notice(order)], clock.now())
                sales.reveal(db, ring, order.token, who, clock.now())
                placed.append(order)
            while sales.complete(db, clock.now() + timedelta(days=31)):
                pass
        return placed

    return complete


def state_of(house, order):
    with connect(house.dsn) as db:
        found = sales.orders(db, [(order.pool_id, order.id)])[order.id]
        left = value(db, "SELECT count(*) FROM cards_card WHERE order_id = %s AND sealed IS NOT NULL", [order.id])
    return found.erased_at is not None, found.purged_at is not None, left


def test_secrets_go_after_their_days_and_names_after_three_years(ctx, house, orders, set_clock):
    [order] = orders()
    for days, seen in ((31 + 89, (False, False, 1)), (31 + 91, (True, False, 0)), (31 + 3 * 366, (True, True, 0))):
        set_clock(days)
        retention.retain(ctx)
        assert state_of(house, order) == seen, days


def test_more_than_a_step_is_gone_through(ctx, house, orders, set_clock):
    many = orders(sales.RETAIN_MAX + 3)
    set_clock(31 + 91)
    retention.retain(ctx)
    assert [state_of(house, one) for one in many] == [(True, False, 0)] * len(many)


def test_an_order_that_cannot_be_done_keeps_no_other_from_it(ctx, house, orders, set_clock, monkeypatch):
    bad, good = orders(2)
    with connect(house.owner_dsn) as db:
        db.execute(
            "UPDATE cards_card SET sealed = '\\x00'::bytea WHERE order_id = %s", [bad.id]
        )  # nobody can open this
    set_clock(31 + 91)
    retention.retain(ctx)
    assert state_of(house, bad) == (False, False, 1)
    assert state_of(house, good) == (True, False, 0)
    with connect(house.owner_dsn) as db:  # out of the way of other tests
        db.execute("UPDATE sales_order SET erase_on = NULL, completed_at = NULL WHERE id = %s", [bad.id])


def test_without_a_trail_nothing_is_erased(ctx, house, orders, set_clock, mute_trail):
    [order] = orders()
    set_clock(31 + 91)
    mute_trail()
    retention.retain(ctx)
    assert state_of(house, order) == (False, False, 1)
    mute_trail()
    retention.retain(ctx)
    assert state_of(house, order) == (True, False, 0)


def test_the_evidence_outlives_the_secret_and_the_name(ctx, house, ring, orders, set_clock):
    [order] = orders()
    key = (order.pool_id, order.id)

    def pack():
        with connect(house.dsn) as db, db.transaction():
            return evidence.give(db, ring, make.STAFF, key, "x", clock.now(), is_personal=True).content

    before = pack()
    set_clock(31 + 3 * 366)
    retention.retain(ctx)
    after = pack()
    assert evidence.verify(after, ring.signing_key.public_key()).faults == []
    assert [one["fingerprint"] for one in told(after, "cards.json")] == [
        one["fingerprint"] for one in told(before, "cards.json")
    ]
    assert [one["erased_at"] is not None for one in told(after, "cards.json")] == [True]
    assert told(after, "order.json")["buyer"]["phone"] == ""
    assert [name for name in files(before) if name.startswith("pages/")] == [
        name for name in files(after) if name.startswith("pages/")
    ]
    assert told(after, "ledger.json") == told(before, "ledger.json")
    assert {one["name"]: one["agrees"] for one in told(after, "checks.json")}["page_hash"] is True


def test_the_timetable_has_it(house):
    app = worker.make_app(house.dsn, context(house))
    assert "retain" in app.tasks
