"""The platform closes (C-05, ECOM §16): thirty days ahead, by two persons, and nothing is sold from the day."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from kashu import compliance, sales
from kashu.audit import ApprovalRefusal
from kashu.compliance import ClosingRefusal, store
from kashu.kernel import clock
from kashu.kernel.clock import biz_date, day_start
from kashu.sales import Placed, Receipt, Refusal, SellRefusal
from tests import make


def ask(db, day, by=make.STAFF, at=None, reason="业务调整"):
    return compliance.closing.ask(db, by, day, reason, solo_wait_seconds=None, at=at or clock.now())


def confirm(db, asked, by=make.SECOND, at=None):
    return compliance.closing.confirm(db, by, asked.id, at or clock.now(), is_alone=False)


def close(db, day):
    return confirm(db, ask(db, day))


@pytest.fixture
def day():
    return biz_date(clock.now()) + timedelta(days=30)


def test_a_closing_less_than_thirty_days_ahead_is_refused(db, day):
    """C-05: also when the second person says yes too late, and by the database itself."""
    assert ask(db, day - timedelta(days=1)) is ClosingRefusal.TOO_SOON
    asked = ask(db, day)
    assert confirm(db, asked, at=clock.now() + timedelta(days=1)) is ClosingRefusal.TOO_SOON
    assert compliance.closing_on(db) is None
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        store.add_closing(db, day - timedelta(days=1), ("a", "b"), "x", clock.now())


def test_it_takes_two_persons_and_a_reason(db, day):
    assert ask(db, day, reason=" ") is ClosingRefusal.NO_REASON
    asked = ask(db, day)
    assert ask(db, day + timedelta(days=1)) is ApprovalRefusal.ALREADY_ASKED
    assert confirm(db, asked, make.STAFF) is ApprovalRefusal.SAME_PERSON
    assert compliance.closing_on(db) is None
    assert confirm(db, asked) == day
    assert compliance.closing_on(db) == day
    assert confirm(db, asked) is ClosingRefusal.NOTHING_TO_CHANGE
    assert ask(db, day) is ClosingRefusal.NOTHING_TO_CHANGE


def test_from_the_day_nothing_is_sold_in_store_or_till(db, ring, day):
    """C-05: the day begins at midnight in Shanghai."""
    sku, account = make.stocked(db, ring, 4), make.account(db)
    asked = make.checkout(db, sku)
    late = make.checkout(db, sku)
    close(db, day)
    before = day_start(day) - timedelta(seconds=1)
    assert isinstance(sales.place(db, ring, [asked], before)[0], Placed)
    assert isinstance(sales.sell(db, ring, [make.purchase(sku, account)], before)[0], Receipt)
    assert sales.place(db, ring, [late], day_start(day)) == [Refusal.NOT_FOR_SALE]
    assert sales.sell(db, ring, [make.purchase(sku, account)], day_start(day)) == [SellRefusal.NOT_FOR_SALE]


def test_what_was_paid_is_delivered_after_the_day_too(db, ring, day):
    sku = make.stocked(db, ring, 1)
    placed = make.order(db, ring, sku)
    close(db, day)
    sales.settle(db, [make.notice(placed)], clock.now())
    assert sales.orders(db, [(placed.pool_id, placed.id)])[placed.id].state == "delivered"


def test_a_closing_is_taken_back_by_two_persons_and_sales_go_on(db, ring, day):
    sku = make.stocked(db, ring, 1)
    assert ask(db, None) is ClosingRefusal.NOTHING_TO_CHANGE
    close(db, day)
    asked = make.checkout(db, sku)
    assert close(db, None) is None
    assert compliance.closing_on(db) is None
    assert isinstance(sales.place(db, ring, [asked], day_start(day))[0], Placed)
