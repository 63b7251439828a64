"""Cases: handed on, resolved with a posting that adds up, taken back without a trace in the balances; nothing twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import audit, ledger, payments, sales, settlement
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.ids import new_id
from kashu.payments import Verdict
from kashu.settlement import Case, CaseRefusal
from kashu.settlement.rules import RESOLUTIONS
from sandbox.pay.bills import Faults
from tests import make
from tests.settlement.world import DAY, NOON, World


@pytest.fixture
def shop(db, ring):
    return World(db, ring)


def long(shop, source="fetched"):
    placed = shop.placed()
    notice = shop.notice(placed)
    shop.row(notice)
    shop.matched(source=source)
    [case] = shop.cases()
    return placed, notice, case


def short(shop):
    _placed, notice = shop.paid()
    faults = Faults(missing=frozenset({notice.gateway_no}))
    shop.matched(faults=faults)
    shop.matched(DAY + timedelta(days=1), faults)
    shop.review()
    return next(one for one in shop.cases() if one.kind == "short")


def differs(shop, fen):
    _placed, notice = shop.paid()
    shop.matched(faults=Faults(more_fen={notice.gateway_no: fen}))
    return shop.cases()[0]


def unknown(shop):
    _placed, notice = shop.paid()
    shop.row(notice, gateway_no=make.name("G"), trade_no="strange")
    shop.matched()
    return shop.cases()[0]


def resolved(shop, case, resolution, note="核对过渠道后台"):
    return settlement.resolve(shop.db, make.STAFF, case.id, resolution, note, clock.now())


def asked(shop, case, resolution, note="双方确认", wait=None):
    return settlement.ask_resolution(
        shop.db, make.STAFF, case.id, (resolution, note), solo_wait_seconds=wait, at=clock.now()
    )


def confirmed(shop, case, approval, who=make.SECOND, at=None, is_alone=False):
    return settlement.confirm_resolution(shop.db, who, case.id, approval.id, at or clock.now(), is_alone=is_alone)


def test_long_takes_the_path_of_any_late_payment(shop):
    placed, notice, case = long(shop)

    done = resolved(shop, case, "settled")

    assert (done.state, done.resolution, done.resolved_by) == ("resolved", "settled", make.STAFF.name)
    order = sales.orders(shop.db, [(placed.pool_id, placed.id)])[placed.id]
    assert order.state == "delivered"
    assert shop.psp == -3_990
    [payment] = payments.of_order(shop.db, placed.pool_id, placed.id)
    assert (payment.state, payment.gateway_no) == ("paid", notice.gateway_no)
    assert [one.verb for one in trail(shop, case)] == ["case.resolve"]
    # The notice that comes after all changes nothing.
    assert sales.settle(shop.db, [notice], clock.now()) == [Verdict.REPEATED]
    assert ledger.check(shop.db) == []


def test_long_of_an_order_that_has_ended_is_delivered_again_or_sent_back(shop):
    placed = shop.placed()
    notice = shop.notice(placed)
    sales.cancel(shop.db, make.STAFF, placed.token, placed.checkout.buyer.device, clock.now())
    shop.row(notice)
    shop.matched()
    [case] = shop.cases()
    assert isinstance(resolved(shop, case, "settled"), Case)
    order = sales.orders(shop.db, [(placed.pool_id, placed.id)])[placed.id]
    assert (order.state, order.paid_late) == ("delivered", True)


def test_long_that_the_order_does_not_fit_is_not_settled(shop):
    placed = shop.placed()
    notice = shop.notice(placed)
    shop.row(notice, amount_fen=1)
    shop.matched()
    [case] = shop.cases()
    assert resolved(shop, case, "settled") is CaseRefusal.QUARANTINED
    assert shop.psp == 0
    assert sales.orders(shop.db, [(placed.pool_id, placed.id)])[placed.id].state == "placed"


def test_a_file_that_somebody_uploaded_hands_nothing_out_by_one_person(shop):
    placed, _notice, case = long(shop, source="uploaded")
    assert resolved(shop, case, "settled") is CaseRefusal.NEEDS_SECOND
    assert sales.orders(shop.db, [(placed.pool_id, placed.id)])[placed.id].state == "placed"
    approval = asked(shop, case, "settled")
    assert isinstance(confirmed(shop, case, approval), Case)
    assert sales.orders(shop.db, [(placed.pool_id, placed.id)])[placed.id].state == "delivered"


def test_long_is_booked_as_suspense_and_sent_back_by_the_route_it_came(shop):
    placed, notice, case = long(shop)

    done = resolved(shop, case, "refunded")

    assert done.state == "resolved"
    [refund] = payments.refunds_of(shop.db, placed.pool_id, placed.id)
    assert (refund.amount_fen, refund.gateway_no, refund.state) == (3_990, notice.gateway_no, "requested")
    assert (shop.psp, shop.balance("channel_suspense:{}")) == (-3_990, 0)
    # A notice that comes after all must not deliver what goes back.
    assert sales.settle(shop.db, [notice], clock.now()) == [Verdict.REPEATED]
    sales.refunded(shop.db, refund.pool_id, refund.id, clock.now())
    assert shop.psp == 0
    assert ledger.check(shop.db) == []
    assert settlement.reverse(shop.db, make.STAFF, case.id, "", clock.now()) is CaseRefusal.NOT_REVERSIBLE


def test_a_refund_that_the_channel_has_made_is_noted_as_done(shop):
    placed, notice = shop.paid()
    refund = shop.refunded(placed, notice, done_at=False)
    shop.matched()
    shop.review(clock.now() + timedelta(days=3))
    case = next(one for one in shop.cases() if one.kind == "long")
    assert isinstance(resolved(shop, case, "settled"), Case)
    assert payments.refund(shop.db, refund.pool_id, refund.id).state == "done"
    assert shop.psp == 0


@pytest.mark.parametrize(
    ("make_case", "resolution", "fen", "counter"),
    [
        (lambda shop: long(shop)[2], "suspense", 3_990, "channel_suspense:{}"),
        (unknown, "suspense", 3_990, "channel_suspense:{}"),
        (unknown, "claim", 3_990, "channel_claim:{}"),
        (short, "claim", -3_990, "channel_claim:{}"),
        (lambda shop: differs(shop, 7), "difference", 7, "channel_difference:{}"),
        (lambda shop: differs(shop, -7), "difference", -7, "channel_difference:{}"),
    ],
)
def test_a_resolution_moves_the_channels_account_by_the_difference_and_back(shop, make_case, resolution, fen, counter):
    case = make_case(shop)
    before = shop.psp, shop.balance(counter)

    done = resolved(shop, case, resolution)

    assert (shop.psp, shop.balance(counter)) == (before[0] - fen, before[1] + fen)
    assert done.reason_id is not None
    assert ledger.check(shop.db) == []
    assert resolved(shop, case, resolution) is CaseRefusal.NOT_OPEN

    opened = settlement.reverse(shop.db, make.STAFF, case.id, "看错了", clock.now())

    assert (opened.state, opened.resolution, opened.note) == ("open", "", "看错了")
    assert (shop.psp, shop.balance(counter)) == before
    assert ledger.check(shop.db) == []
    assert settlement.reverse(shop.db, make.STAFF, case.id, "", clock.now()) is CaseRefusal.NOT_RESOLVED
    assert isinstance(resolved(shop, case, resolution), Case)  # and forward again
    assert (shop.psp, shop.balance(counter)) == (before[0] - fen, before[1] + fen)
    assert [one.verb for one in trail(shop, case)] == ["case.resolve", "case.reverse", "case.resolve"]


def test_a_loss_takes_two_persons(shop):
    case = short(shop)
    before = shop.psp, shop.balance("reconciliation_loss")
    assert resolved(shop, case, "written_off") is CaseRefusal.NEEDS_SECOND
    assert asked(shop, case, "claim") is CaseRefusal.NEEDS_NO_SECOND
    approval = asked(shop, case, "written_off")
    assert isinstance(approval, Approval)
    assert asked(shop, case, "written_off") is ApprovalRefusal.ALREADY_ASKED
    assert confirmed(shop, case, approval, make.STAFF) is ApprovalRefusal.SAME_PERSON
    assert (shop.psp, shop.balance("reconciliation_loss")) == before

    done = confirmed(shop, case, approval)

    assert (done.resolution, done.resolved_by) == ("written_off", make.SECOND.name)
    assert (shop.psp, shop.balance("reconciliation_loss")) == (before[0] + 3_990, before[1] - 3_990)
    assert confirmed(shop, case, approval) is ApprovalRefusal.GONE
    assert ledger.check(shop.db) == []


def test_alone_one_waits(shop):
    case = short(shop)
    approval = asked(shop, case, "written_off", wait=600)
    assert confirmed(shop, case, approval, make.STAFF, is_alone=True) is ApprovalRefusal.TOO_EARLY
    later = clock.now() + timedelta(seconds=601)
    assert isinstance(confirmed(shop, case, approval, make.STAFF, later, is_alone=True), Case)


def test_a_wish_is_taken_back(shop):
    case = short(shop)
    approval = asked(shop, case, "written_off")
    assert settlement.cancel_resolution(shop.db, make.STAFF, new_id(), approval.id, clock.now()) is ApprovalRefusal.GONE
    assert settlement.cancel_resolution(shop.db, make.STAFF, case.id, approval.id, clock.now()) is None
    assert confirmed(shop, case, approval) is ApprovalRefusal.GONE


def test_an_approval_is_for_its_own_case(shop):
    one = short(shop)
    approval = asked(shop, one, "written_off")
    other = next(case for case in shop.cases() if case.id != one.id)
    assert confirmed(shop, other, approval) is ApprovalRefusal.GONE


@pytest.mark.parametrize("resolution", [*RESOLUTIONS, "waved_through", ""])
def test_a_case_ends_only_in_a_way_that_is_one_of_its_kind(shop, resolution):
    case = unknown(shop)
    before = shop.psp
    answer = resolved(shop, case, resolution)
    fits = resolution in RESOLUTIONS and case.kind in RESOLUTIONS[resolution].kinds
    if not fits:
        assert answer is CaseRefusal.NOT_FOR_THIS
        assert (shop.psp, shop.cases()[0].state) == (before, "open")
    else:
        assert isinstance(answer, Case) or answer is CaseRefusal.NEEDS_SECOND


def test_a_case_is_handed_on_with_a_deadline(shop):
    case = unknown(shop)
    due = clock.now() + timedelta(days=9)
    handed = settlement.assign(shop.db, make.STAFF, case.id, "li@kashu.example", due, clock.now())
    assert (handed.owner, handed.due_at) == ("li@kashu.example", due)
    assert [one.verb for one in trail(shop, case)] == ["case.assign"]
    assert settlement.assign(shop.db, make.STAFF, new_id(), "x", due, clock.now()) is CaseRefusal.NO_SUCH_CASE
    resolved(shop, case, "suspense")
    assert settlement.assign(shop.db, make.STAFF, case.id, "x", due, clock.now()) is CaseRefusal.NOT_OPEN


def test_after_all_cases_the_books_hold_what_the_channel_says(shop):
    """The point of it all: the channel's account is its bills, to the fen."""
    for n in range(4):
        shop.paid(NOON + timedelta(seconds=n))
    shop.row(shop.notice(shop.placed()))
    shop.row(shop.notice(shop.placed()), trade_no="strange", gateway_no=make.name("G"))
    numbers = [one["gateway_no"] for one in shop.rows]
    faults = Faults(missing=frozenset({numbers[0]}), more_fen={numbers[1]: -11}, twice=frozenset({numbers[2]}))
    one = shop.matched(faults=faults)
    two = shop.matched(DAY + timedelta(days=1), faults)
    shop.review()
    for case in shop.cases(view="open"):
        way = {"long": "settled", "short": "claim", "amount_differs": "difference", "unknown": "suspense",
               "duplicate": "suspense"}[case.kind]  # fmt: skip
        assert isinstance(resolved(shop, case, way), Case)

    assert shop.cases(view="open") == []
    assert -shop.psp == one.bill_fen + two.bill_fen
    assert ledger.check(shop.db) == []


def trail(shop, case):
    return [one for one in audit.entries_of(shop.db, 0, "case", str(case.id)) if one.verb != "case.closed"]


def test_a_deadline_passes_over_the_weekend():
    from datetime import datetime

    from kashu.kernel.clock import SHANGHAI

    def due(day, hour, days=2):
        found = settlement.due_at(datetime(2026, 11, day, hour, tzinfo=SHANGHAI), days)
        return found.day, found.hour

    assert due(16, 10) == (18, 18)  # Monday
    assert due(19, 23) == (23, 18)  # Thursday: Friday and Monday
    assert due(20, 10) == (24, 18)
    assert due(21, 10) == (24, 18)  # Saturday
    assert due(22, 10, 1) == (23, 18)
