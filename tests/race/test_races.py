"""What happens at the same moment. Each race has a control that shows it is one."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kashu import cards, ledger, sales
from kashu.cards import Format, NewBatch, NewCard
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.payments import Refund, Verdict
from kashu.sales import Placed, RefundRefusal, Refusal, RevealRefusal
from kashu.server import invariants
from tests import make
from tests.race.at_once import at_once


@pytest.fixture
def shop(dsn, ring):
    """A committed world: `shop(stock)` makes a SKU with so many cards."""

    def open_shop(stock, **told):
        with connect(dsn) as db, db.transaction():
            make.channel(db)
            return make.stocked(db, ring, stock, **told)

    return open_shop


@pytest.fixture
def asked(dsn):
    def ask(sku, who=None, key=None, quantity=1):
        with connect(dsn) as db, db.transaction():
            return make.checkout(db, sku, quantity, who, key)

    return ask


@pytest.fixture
def sold(dsn, ring, shop):
    """A placed order of one card, by a known buyer."""

    def sell(stock=1, hold_seconds=600):
        sku, who = shop(stock), make.buyer()
        with connect(dsn) as db, db.transaction():
            return make.order(db, ring, sku, 1, who, hold_seconds), who, sku

    return sell


def test_control_without_a_lock_two_buyers_see_the_same_last_card(dsn, shop):
    sku = shop(1)
    barrier = threading.Barrier(2)

    def look(db, _n):
        barrier.wait()
        found = value(
            db,
            "SELECT card.id FROM cards_card card JOIN cards_pool p ON p.id = card.pool_id WHERE sku_id = %s AND state = 'on_shelf'",
            [sku.id],
        )
        barrier.wait()
        return found

    one, two = at_once(dsn, 2, look)
    assert one == two is not None


def test_the_last_card_is_held_once(dsn, ring, shop, asked):
    sku = shop(1)
    checkouts = [asked(sku) for _ in range(8)]

    answers = at_once(dsn, 8, lambda db, n: sales.place(db, ring, [checkouts[n]], clock.now())[0])

    assert sum(isinstance(answer, Placed) for answer in answers) == 1
    assert [answer for answer in answers if not isinstance(answer, Placed)] == [Refusal.OUT_OF_STOCK] * 7


def test_many_buyers_never_get_more_than_there_is(dsn, ring, shop, asked):
    sku = shop(30)
    checkouts = [asked(sku, quantity=1 + n % 3) for n in range(48)]

    def buy(db, n):
        taken = []
        for checkout in checkouts[n::8]:
            with db.transaction():
                taken += sales.place(db, ring, [checkout], clock.now())
        return taken

    answers = [answer for found in at_once(dsn, 8, buy, transaction=False) for answer in found]

    held = sum(answer.checkout.quantity for answer in answers if isinstance(answer, Placed))
    assert held == value_of(
        dsn,
        "SELECT count(*)::int FROM cards_card c JOIN cards_pool p ON p.id = c.pool_id WHERE sku_id = %s AND state = 'held'",
        sku.id,
    )
    assert 28 <= held <= 30
    assert sound(dsn) == []


def test_one_submission_twice_at_once_is_one_order(dsn, ring, shop, asked):
    sku = shop(10)
    checkout = asked(sku)

    answers = at_once(dsn, 6, lambda db, _n: sales.place(db, ring, [checkout], clock.now())[0])

    assert sorted(type(answer).__name__ for answer in answers) == ["Earlier"] * 5 + ["Placed"]
    assert len({answer.token for answer in answers}) == 1


def test_a_limit_per_buyer_holds_against_many_tabs(dsn, ring, shop, asked):
    sku = shop(20, buyer_max=2)
    who = make.buyer()
    checkouts = [asked(sku, who) for _ in range(6)]

    answers = at_once(dsn, 6, lambda db, n: sales.place(db, ring, [checkouts[n]], clock.now())[0])

    assert sum(isinstance(answer, Placed) for answer in answers) == 2


def test_control_without_the_order_lock_two_notices_both_find_it_unpaid(dsn, sold):
    placed, _who, _sku = sold()
    barrier = threading.Barrier(2)

    def look(db, _n):
        barrier.wait()
        found = value(db, "SELECT state FROM sales_order WHERE pool_id = %s AND id = %s", [placed.pool_id, placed.id])
        barrier.wait()
        return found

    assert at_once(dsn, 2, look) == ["placed", "placed"]


def test_the_same_notice_twenty_times_at_once_pays_once(dsn, sold):
    placed, _who, _sku = sold(stock=5)
    notice = make.notice(placed)

    answers = at_once(dsn, 20, lambda db, _n: sales.settle(db, [notice], clock.now())[0])

    assert sorted(answers) == [Verdict.PAID] + [Verdict.REPEATED] * 19
    assert value_of(dsn, "SELECT count(*)::int FROM cards_card WHERE order_id = %s AND state = 'sold'", placed.id) == 1
    assert value_of(dsn, "SELECT count(*)::int FROM ledger_sale_entry WHERE reason_id = %s", placed.id) == 2
    assert sound(dsn) == []


def test_two_payments_of_one_order_at_once_pay_once_and_refund_once(dsn, sold):
    placed, _who, _sku = sold()
    notices = [make.notice(placed) for _ in range(2)]

    answers = at_once(dsn, 2, lambda db, n: sales.settle(db, [notices[n]], clock.now())[0])

    assert sorted(answers) == [Verdict.PAID, Verdict.PAID_TWICE]
    assert sound(dsn) == []


@pytest.mark.parametrize("turn", range(6))
def test_a_notice_against_the_end_of_its_hold_leaves_nobody_empty_handed(dsn, sold, turn):
    placed, _who, sku = sold(hold_seconds=30)
    later = clock.now() + timedelta(seconds=31)
    notice = make.notice(placed)

    def race(db, n):
        if n == turn % 2:
            return sales.expire(db, later, [placed.pool_id])
        return sales.settle(db, [notice], later)

    answers = at_once(dsn, 2, race)

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    with connect(dsn) as db, db.transaction():
        sales.expire(db, later, cards.pools_of(db, [sku.id]))
    assert value_of(dsn, "SELECT state FROM sales_order WHERE id = %s", placed.id) == "delivered"
    assert sound(dsn) == []


@pytest.mark.parametrize("turn", range(6))
def test_of_reveal_and_refund_whichever_comes_first_wins(dsn, ring, sold, turn):
    placed, who, _sku = sold()
    with connect(dsn) as db, db.transaction():
        sales.settle(db, [make.notice(placed)], clock.now())

    def race(db, n):
        if n == turn % 2:
            return sales.reveal(db, ring, placed.token, who, clock.now())
        return sales.refund(db, make.STAFF, placed.token, who.device, "race", clock.now())

    answers = at_once(dsn, 2, race)
    shown, back = answers if turn % 2 == 0 else reversed(answers)

    assert (isinstance(shown, list), isinstance(back, Refund)) in [(True, False), (False, True)]
    assert shown is RevealRefusal.NOT_DELIVERED or back is RefundRefusal.ALREADY_SEEN
    assert sound(dsn) == []


def test_two_refunds_at_once_are_one(dsn, sold):
    placed, who, _sku = sold()
    with connect(dsn) as db, db.transaction():
        sales.settle(db, [make.notice(placed)], clock.now())

    answers = at_once(
        dsn, 4, lambda db, _n: sales.refund(db, make.STAFF, placed.token, who.device, "race", clock.now())
    )

    assert sum(isinstance(answer, Refund) for answer in answers) == 1
    assert sound(dsn) == []


def test_concurrent_first_reveals_set_one_time(dsn, ring, sold):
    placed, who, _sku = sold()
    with connect(dsn) as db, db.transaction():
        sales.settle(db, [make.notice(placed)], clock.now())

    answers = at_once(dsn, 6, lambda db, _n: sales.reveal(db, ring, placed.token, who, clock.now()))

    assert all(answer == answers[0] for answer in answers)
    assert value_of(dsn, "SELECT count(DISTINCT revealed_at)::int FROM cards_card WHERE order_id = %s", placed.id) == 1


def test_control_without_the_fingerprint_both_imports_would_write(dsn, shop):
    """Control: both imports do begin with lines that are nowhere in the table."""
    shop(1)
    prints = [bytes([9]) * 32]
    barrier = threading.Barrier(2)

    def look(db, _n):
        barrier.wait()
        return value(db, "SELECT count(*)::int FROM cards_fingerprint WHERE fingerprint = ANY (%s)", [prints])

    assert at_once(dsn, 2, look) == [0, 0]


def test_two_imports_of_one_file_at_once_write_each_card_once(dsn, ring, shop):
    sku = shop(1)
    lines = [
        NewCard(n, "", f"RACE-{make.SEED}-{sku.id}-{n:05d}", date(2030, 1, 1), None, None, "") for n in range(1, 2001)
    ]
    pools = []
    with connect(dsn) as db, db.transaction():
        supplier = make.supplier(db)
        for _ in range(2):
            told = NewBatch(
                sku.id, supplier, "single_use", "f.txt", 1, "0" * 64, "", Format("utf-8", "", ("secret",), False), 1, ""
            )
            batch = cards.receive(db, ring, make.STAFF, told, clock.now())
            cards.start(db, make.STAFF, batch.pool_id, clock.now())
            pools.append(batch.pool_id)

    def load(db, n):
        own = lines if n == 0 else random.Random(7).sample(lines, len(lines))
        for at in range(0, len(own), 250):
            chunk = [replace(line, line_no=at + place + 1) for place, line in enumerate(own[at : at + 250])]
            with db.transaction():
                told = make.load(db, ring, pools[n], at, chunk)
            assert isinstance(told, cards.Batch), told
        return told

    one, two = at_once(dsn, 2, load, transaction=False)

    assert one.accepted + two.accepted == 2_000
    assert one.rejected + two.rejected == 2_000
    assert value_of(dsn, "SELECT count(*)::int FROM cards_fingerprint WHERE pool_id = ANY (%s)", pools) == 2_000


def test_two_workers_on_one_import_write_it_once(dsn, ring, shop):
    sku = shop(1)
    with connect(dsn) as db, db.transaction():
        told = NewBatch(
            sku.id,
            make.supplier(db),
            "single_use",
            "f.txt",
            1,
            "0" * 64,
            "",
            Format("utf-8", "", ("secret",), False),
            1,
            "",
        )
        batch = cards.receive(db, ring, make.STAFF, told, clock.now())
        cards.start(db, make.STAFF, batch.pool_id, clock.now())
    lines = [NewCard(n, "", f"TWICE-{make.SEED}-{sku.id}-{n}", date(2030, 1, 1), None, None, "") for n in range(1, 101)]

    answers = at_once(dsn, 2, lambda db, _n: make.load(db, ring, batch.pool_id, 0, lines))

    assert sorted(type(answer).__name__ for answer in answers) == ["Batch", "Refusal"]
    assert value_of(dsn, "SELECT accepted FROM cards_batch WHERE pool_id = %s", batch.pool_id) == 100


def test_a_storm_of_notices_ends_as_one_at_a_time_would(dsn, ring, shop, asked):
    """Each payment 1 to 5 times, shuffled over four tills in batches; some orders paid twice, some expired."""
    sku, chance = shop(40), random.Random(11)
    with connect(dsn) as db, db.transaction():
        placed = [make.order(db, ring, sku, 1, make.buyer(), 30 if n % 4 == 0 else 600) for n in range(24)]
    later = clock.now() + timedelta(seconds=31)
    with connect(dsn) as db, db.transaction():
        sales.expire(db, later, cards.pools_of(db, [sku.id]))
    true = [make.notice(one) for one in placed]
    false = [replace(notice, amount_fen=1, event_id=notice.event_id + "x") for notice in true[:8]]
    storm = [notice for notice in true for _ in range(chance.randint(1, 5))] + false
    chance.shuffle(storm)

    def settle(db, n):
        told = []
        for at in range(n, len(storm), 16):
            with db.transaction():
                told += sales.settle(db, storm[at : at + 16 : 4], later)
        return told

    answers = at_once(dsn, 4, settle, transaction=False)

    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    with connect(dsn) as db, db.transaction():
        states = sorted(order.state for order in sales.orders(db, [(one.pool_id, one.id) for one in placed]).values())
    assert states == ["delivered"] * 24
    assert sound(dsn) == []


def sound(dsn):
    with connect(dsn) as db, db.transaction():
        return invariants.check(db) + ledger.check(db)


def value_of(dsn, sql, *params):
    with connect(dsn) as db:
        return value(db, sql, params)
