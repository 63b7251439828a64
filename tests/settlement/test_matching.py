"""A bill line by line against payments and books: matched, and each kind of break. To the fen, once, and resumable."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import payments, sales, settlement
from kashu.kernel import clock
from kashu.payments import Verdict
from kashu.settlement import BillRefusal
from sandbox.pay.bills import Faults
from tests import make
from tests.settlement.world import DAY, MORNING, NOON, World


@pytest.fixture(params=["wechat", "alipay", "douyin"])
def world(request, db, ring):
    return World(db, ring, request.param)


@pytest.fixture
def shop(db, ring):
    return World(db, ring)


def test_a_day_that_agrees_is_matched_to_the_fen(world):
    sold = [world.paid(NOON + timedelta(minutes=n)) for n in range(8)]
    world.refunded(*sold[0])

    bill = world.matched()

    assert (bill.payments, bill.refunds, bill.matched, bill.breaks) == (8, 1, 9, 0)
    assert bill.bill_fen == bill.matched_fen == bill.ledger_fen == 7 * 3_990 == -world.psp
    assert world.cases() == []


def test_an_empty_day_is_matched(world):
    bill = world.matched()
    assert (bill.state, bill.lines_loaded, bill.bill_fen, bill.ledger_fen) == ("matched", 0, 0, 0)


def test_long_the_channel_has_it_and_we_have_not(shop):
    shop.paid()
    lost = shop.notice(shop.placed())
    shop.row(lost)

    bill = shop.matched()

    [case] = shop.cases()
    assert (case.kind, case.theirs_fen, case.ours_fen, case.state) == ("long", 3_990, None, "open")
    assert (case.trade_no, case.gateway_no, case.line_no) == (lost.trade_no, lost.gateway_no, 2)
    assert (case.owner, case.due_at) == ("finance", settlement.due_at(case.opened_at))
    assert (bill.bill_fen, bill.matched_fen, bill.break_fen, bill.ledger_fen) == (7_980, 3_990, 3_990, 3_990)


def test_long_a_second_payment_of_a_paid_order_that_nobody_told_us_of(shop):
    _placed, notice = shop.paid()
    shop.row(notice, gateway_no=make.name("G"))
    shop.matched()
    assert [(one.kind, one.theirs_fen) for one in shop.cases()] == [("long", 3_990)]


def test_a_payment_twice_that_was_told_is_matched_twice(shop):
    placed, _first = shop.paid()
    second = shop.notice(placed)
    assert sales.settle(shop.db, [second], NOON) == [Verdict.PAID_TWICE]
    shop.row(second)

    bill = shop.matched()

    assert (bill.matched, bill.breaks, bill.ledger_fen) == (2, 0, 7_980)


def test_short_only_after_the_next_days_bill_has_come_without_it(shop):
    _placed, lost = shop.paid()
    shop.paid()
    faults = Faults(missing=frozenset({lost.gateway_no}))

    bill = shop.matched(faults=faults)
    [waiting] = shop.cases()
    assert (waiting.kind, waiting.theirs_fen, waiting.ours_fen, waiting.state) == ("late", None, 3_990, "open")
    assert (bill.bill_fen, bill.ledger_fen, bill.ledger_only_fen) == (3_990, 7_980, 3_990)
    shop.review()
    assert [one.state for one in shop.cases()] == ["open"]  # there may be one tomorrow

    shop.matched(DAY + timedelta(days=1), faults)
    shop.review()

    late, short = sorted(shop.cases(), key=lambda one: one.kind)
    assert (late.kind, late.state, late.resolution) == ("late", "resolved", "overdue")
    assert (short.kind, short.state, short.ours_fen, short.theirs_fen) == ("short", "open", 3_990, None)
    assert short.gateway_no == lost.gateway_no


def test_short_after_the_grace_though_no_bill_of_the_next_day_comes(shop):
    _placed, lost = shop.paid()
    shop.matched(faults=Faults(missing=frozenset({lost.gateway_no})))
    shop.review(clock.now() + timedelta(days=2, minutes=1))
    assert sorted((one.kind, one.state) for one in shop.cases()) == [("late", "resolved"), ("short", "open")]


def test_amount_differs_by_one_fen(world):
    _placed, notice = world.paid()
    bill = world.matched(faults=Faults(more_fen={notice.gateway_no: 1}))
    [case] = world.cases()
    assert (case.kind, case.theirs_fen, case.ours_fen, case.difference_fen) == ("amount_differs", 3_991, 3_990, 1)
    assert (bill.matched, bill.booked_fen, bill.break_fen, bill.ledger_fen) == (0, 3_990, 3_991, 3_990)


def test_late_the_channel_books_after_midnight(shop):
    _placed, notice = shop.paid(NOON)
    faults = Faults(next_day=frozenset({notice.gateway_no}))

    shop.matched(faults=faults)
    assert [(one.kind, one.state) for one in shop.cases()] == [("late", "open")]
    bill = shop.matched(DAY + timedelta(days=1), faults)

    [case] = shop.cases()
    assert (case.kind, case.state, case.resolution) == ("late", "resolved", "neighbour_day")
    assert (case.theirs_fen, case.ours_fen) == (3_990, 3_990)
    assert (bill.break_fen, bill.booked_fen, bill.ledger_fen) == (3_990, 0, 0)


def test_late_we_book_after_midnight(shop):
    shop.paid(NOON, booked_at=MORNING)
    shop.matched()
    [case] = shop.cases()
    assert (case.kind, case.state, case.resolution) == ("late", "resolved", "neighbour_day")

    bill = shop.matched(DAY + timedelta(days=1))

    assert len(shop.cases()) == 1  # the next day's books hold it, and its line is known
    assert (bill.ledger_fen, bill.ledger_only_fen, bill.breaks) == (3_990, 3_990, 0)


def test_late_a_refund_that_the_channel_has_and_we_are_not_told_of_yet(shop):
    placed, notice = shop.paid()
    asked = shop.refunded(placed, notice, done_at=False)
    shop.matched()
    [case] = shop.cases()
    assert (case.kind, case.line_kind, case.theirs_fen, case.state) == ("late", "refund", -3_990, "open")

    sales.refunded(shop.db, asked.pool_id, asked.id, MORNING)
    shop.review()

    [case] = shop.cases()
    assert (case.state, case.resolution) == ("resolved", "appeared")


def test_a_refund_that_is_never_told_becomes_long(shop):
    placed, notice = shop.paid()
    shop.refunded(placed, notice, done_at=False)
    shop.matched()
    shop.review(clock.now() + timedelta(days=2, minutes=1))
    assert sorted((one.kind, one.state) for one in shop.cases()) == [("late", "resolved"), ("long", "open")]


@pytest.mark.parametrize(
    "changed",
    [
        {"trade_no": "1A-7Q2M4K8D1X"},
        {"trade_no": "somebody-elses"},
        {"trade_no": "1A-7Q2M4K8D1X", "refund_id": "1A-1HQ0000000000000000000000", "state": "REFUND"},
    ],
)
def test_unknown_what_cannot_be_tied_to_anything_of_ours(shop, changed):
    _placed, notice = shop.paid()
    shop.row(notice, gateway_no=make.name("G"), **changed)
    bill = shop.matched()
    [case] = shop.cases()
    assert (case.kind, case.state, case.ours_fen) == ("unknown", "open", None)
    assert bill.matched == 1


def test_unknown_a_number_of_ours_under_another_trade(shop):
    _placed, notice = shop.paid()
    other = shop.placed()
    shop.rows[-1]["trade_no"] = other.number
    bill = shop.matched()
    late, unknown = sorted(shop.cases(), key=lambda one: one.kind)
    assert (late.kind, late.trade_no, late.ours_fen) == ("late", notice.trade_no, 3_990)
    assert (unknown.kind, unknown.detail) == ("unknown", "the number belongs to another trade")
    assert (bill.ledger_fen, bill.booked_fen, bill.ledger_only_fen) == (3_990, 0, 3_990)
    assert unknown.gateway_no == late.gateway_no == notice.gateway_no


def test_unknown_a_refund_of_another_payment(shop):
    one, two = shop.paid(), shop.paid()
    asked = shop.refunded(*one)
    shop.rows[-1]["gateway_no"] = two[1].gateway_no
    shop.matched()
    found = sorted((case.kind, case.line_kind) for case in shop.cases())
    assert found == [("late", "refund"), ("unknown", "refund")]
    assert {case.refund_no for case in shop.cases()} == {asked.number}


def test_a_line_twice_counts_once(shop):
    _placed, notice = shop.paid()
    bill = shop.matched(faults=Faults(twice=frozenset({notice.gateway_no})))
    [case] = shop.cases()
    assert (case.kind, case.theirs_fen, case.ours_fen, case.line_no) == ("duplicate", 3_990, None, 2)
    assert (bill.matched, bill.matched_fen, bill.break_fen) == (1, 3_990, 3_990)


def test_a_line_of_another_days_bill_counts_once(shop):
    _placed, notice = shop.paid()
    shop.matched()
    shop.row(notice, MORNING)
    shop.matched(DAY + timedelta(days=1))
    assert [(one.kind, one.day) for one in shop.cases()] == [("duplicate", DAY + timedelta(days=1))]


def test_another_channels_payments_are_not_ours(db, ring):
    one, other = World(db, ring), World(db, ring)
    _placed, notice = other.paid()
    one.row(notice)
    one.matched()
    assert [case.kind for case in one.cases()] == ["unknown"]
    assert other.matched().breaks == 0


def test_steps_of_any_size_give_the_same(shop):
    for n in range(6):
        shop.paid(NOON + timedelta(seconds=n))
    faults = Faults(more_fen={shop.rows[1]["gateway_no"]: -5}, missing=frozenset({shop.rows[4]["gateway_no"]}))
    first = shop.matched(faults=faults, step=1)
    before = [(one.id, one.kind, one.subject, one.state) for one in shop.cases()]

    again = shop.matched(faults=faults, step=1_000)  # a later version of the same day

    assert (again.version, again.state) == (2, "matched")
    assert settlement.bill(shop.db, first.id).state == "superseded"
    assert [(one.id, one.kind, one.subject, one.state) for one in shop.cases()] == before
    assert {one.bill_id for one in shop.cases()} == {again.id}
    assert (again.matched, again.breaks, again.proof_fen) == (first.matched, first.breaks, first.proof_fen)


def test_a_later_bill_closes_what_it_no_longer_finds(shop):
    _placed, notice = shop.paid()
    shop.matched(faults=Faults(more_fen={notice.gateway_no: 5}))
    shop.matched()
    [case] = shop.cases()
    assert (case.kind, case.state, case.resolution) == ("amount_differs", "resolved", "superseded")

    shop.matched(faults=Faults(more_fen={notice.gateway_no: 5}))

    assert [(one.id, one.state, one.resolution) for one in shop.cases()] == [(case.id, "open", "")]


def test_long_closes_itself_when_the_notice_comes_after_all(shop):
    notice = shop.notice(shop.placed())
    shop.row(notice)
    shop.matched()
    sales.settle(shop.db, [notice], clock.now())
    shop.review()
    assert [(one.kind, one.state, one.resolution) for one in shop.cases()] == [("long", "resolved", "appeared")]


def test_short_closes_itself_when_a_later_bill_has_it(shop):
    _placed, notice = shop.paid()
    faults = Faults(missing=frozenset({notice.gateway_no}))
    shop.matched(faults=faults)
    shop.review(clock.now() + timedelta(days=3))
    shop.row(notice, NOON + timedelta(days=2))
    shop.rows.pop(0)
    shop.matched(DAY + timedelta(days=2))
    shop.review()
    assert {(one.kind, one.state, one.resolution) for one in shop.cases()} >= {("short", "resolved", "appeared")}


def test_a_bill_is_refused_before_it_begins(shop):
    def opened(day=DAY, channel=shop.channel, kept=None):
        return settlement.open_bill(shop.db, make.STAFF, (channel, day, "trade"), kept, clock.now())

    assert opened(clock.biz_date(clock.now())) is BillRefusal.DAY_NOT_OVER
    assert opened(channel="nobody") is BillRefusal.NO_SUCH_CHANNEL
    bill = shop.load()
    assert opened() is BillRefusal.UNDER_WAY
    done = shop.match(bill)
    assert opened(kept=("x", done.sha256, 1, 1)) is BillRefusal.SAME_FILE


def test_too_many_breaks_stop_a_bill_and_leave_no_case_open(shop, monkeypatch):
    monkeypatch.setattr("kashu.settlement.rules.BREAKS_MAX", 2)
    for _ in range(5):
        shop.row(shop.notice(shop.placed()))
    bill = shop.load()
    told = bill
    while isinstance(told, settlement.Bill):
        told = settlement.match_step(shop.db, bill.id, clock.now(), 1)
    assert told is BillRefusal.TOO_MANY_BREAKS

    failed = settlement.fail(shop.db, bill.id, told, 0, "", clock.now())
    cleared = settlement.clear(shop.db, bill.id, 4), settlement.clear(shop.db, bill.id, 4)

    assert (failed.state, failed.trouble, cleared) == ("failed", "too_many_breaks 0", (4, 1))
    assert {(one.state, one.resolution) for one in shop.cases()} == {("resolved", "withdrawn")}


def test_a_stretch_is_written_once(shop):
    shop.paid()
    opened = settlement.open_bill(shop.db, make.STAFF, (shop.channel, DAY, "trade"), ("s", "1", 1, 1), clock.now())
    line = settlement.BillLine(2, "payment", "G", "T", "", 100, 0, NOON)
    assert settlement.load(shop.db, opened.id, 0, [line]).lines_loaded == 1
    assert settlement.load(shop.db, opened.id, 0, [line]) is None
    assert settlement.load(shop.db, opened.id, 2, [line]) is None
    assert settlement.bill(shop.db, opened.id).bill_fen == 100


def test_the_fund_bill_is_loaded_and_not_matched(shop):
    opened = settlement.open_bill(shop.db, make.STAFF, (shop.channel, DAY, "fund"), ("s", "1", 1, 1), clock.now())
    settlement.loaded(shop.db, opened.id, clock.now())
    assert settlement.match_step(shop.db, opened.id, clock.now()) is None


def test_payments_that_are_not_paid_do_not_match_by_their_number_alone(shop):
    """A closed payment of ours with the channel's number nowhere: money that we do not know of."""
    placed = shop.placed()
    [payment] = payments.of_order(shop.db, placed.pool_id, placed.id)
    payments.close(shop.db, payment.pool_id, payment.id)
    shop.row(replace(shop.notice(placed), amount_fen=1))
    shop.matched()
    assert [(one.kind, one.theirs_fen, one.detail) for one in shop.cases()] == [("long", 1, "payment closed")]


def test_the_proof_holds_where_a_line_of_two_bills_is_booked_on_the_later_day(shop):
    _placed, notice = shop.paid(NOON, booked_at=MORNING)
    shop.matched()
    shop.row(notice, MORNING)
    bill = shop.matched(DAY + timedelta(days=1))
    assert sorted((one.kind, one.state) for one in shop.cases()) == [("duplicate", "open"), ("late", "resolved")]
    assert (bill.ledger_fen, bill.booked_fen, bill.ledger_only_fen) == (3_990, 3_990, 0)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_goes_wrong_every_fen_is_explained(db, ring, seed):
    """Random days of random faults: the proof holds for each (`World.match` asserts it), and steps of any size agree."""
    chance = random.Random(seed)
    shop = World(db, ring, chance.choice(["wechat", "alipay", "douyin"]))
    for n in range(18):
        at = NOON + timedelta(seconds=n)
        placed, notice = shop.paid(at, booked_at=chance.choice([at, at, MORNING]))
        if chance.random() < 0.3:
            shop.refunded(placed, notice, MORNING, done_at=chance.choice([False, MORNING, MORNING + timedelta(days=1)]))
    for _ in range(3):
        shop.row(shop.notice(shop.placed()))
        shop.row(shop.notice(shop.placed()), trade_no=chance.choice(["strange", shop.rows[0]["trade_no"]]))

    def some(many=3):
        return frozenset(row["gateway_no"] for row in chance.sample(shop.rows, many))

    faults = Faults(
        missing=some(),
        twice=some(),
        next_day=some(),
        more_fen={number: chance.choice([-1, 1, 700]) for number in some()},
    )
    for back in range(3):
        bill = shop.matched(DAY + timedelta(days=back), faults, step=chance.choice([1, 4, 100]))
        assert bill.matched + sum(many for _kind, many, *_ in lines_of(shop, bill)) == bill.lines_loaded
        shop.review()


def lines_of(shop, bill):
    """Breaks of a bill that are lines of it; what only our books have is no line."""
    sql = "SELECT kind, count(*) FROM settlement_case WHERE bill_id = %s AND line_no IS NOT NULL GROUP BY 1"
    return shop.db.execute(sql, [bill.id]).fetchall()
