"""C-35: prices as they are shown, against what was really asked and paid."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.compliance.rules import compared_price_most, list_fault, live_fault, price_faults
from kashu.compliance.types import AskedFrom, PriceFault, SoldOn

TODAY = date(2026, 7, 1)


def sold(days_ago, lowest_fen, last_fen=None):
    return SoldOn(TODAY - timedelta(days=days_ago), lowest_fen, last_fen or lowest_fen)


def asked(days_ago, price_fen):
    return AskedFrom(TODAY - timedelta(days=days_ago), price_fen)


def test_the_lowest_deal_of_seven_days_bounds_the_struck_price():
    history = [sold(8, 1_000), sold(7, 3_000), sold(1, 2_500, 2_800), sold(0, 500)]
    assert compared_price_most(history, TODAY) == 2_500
    assert price_faults(2_000, 2_500, history, [], TODAY) == []
    assert price_faults(2_000, 2_501, history, [], TODAY) == [PriceFault.COMPARED_TOO_HIGH]


def test_a_week_without_a_deal_leaves_the_last_one():
    assert compared_price_most([sold(40, 1_000), sold(8, 900, 1_200)], TODAY) == 1_200
    assert compared_price_most([], TODAY) is None
    assert price_faults(2_000, 2_500, [], [], TODAY) == [PriceFault.NOTHING_COMPARED]


def test_a_cut_that_is_none_is_none():
    assert price_faults(2_500, 2_500, [sold(1, 2_500)], [], TODAY) == [PriceFault.NO_CUT]
    assert price_faults(2_500, None, [], [], TODAY) == []


def test_a_rise_before_the_cut_is_seen_for_thirty_days():
    history = [sold(1, 3_000)]
    assert price_faults(2_000, 3_000, history, [asked(90, 2_000), asked(30, 3_000)], TODAY) == [
        PriceFault.RAISED_THEN_CUT
    ]
    assert price_faults(2_000, 3_000, history, [asked(90, 2_000), asked(31, 3_000)], TODAY) == []
    assert price_faults(2_000, 3_000, history, [asked(90, 3_000)], TODAY) == []


@pytest.mark.parametrize(("list_fen", "fault"), [(999, PriceFault.LIST_BELOW_PAGE), (1_000, None), (1_001, None)])
def test_a_list_never_promises_less_than_the_page(list_fen, fault):
    assert list_fault(list_fen, 1_000) is fault


def test_a_live_comparison_names_its_basis():
    assert live_fault(compares=True, basis=" ") is PriceFault.BASIS_MISSING
    assert live_fault(compares=True, basis="官网价 2026-06-30") is None
    assert live_fault(compares=False, basis="") is None


DEALS = st.lists(st.builds(sold, st.integers(0, 60), st.integers(1, 10_000)), max_size=20)


@given(DEALS, st.integers(1, 10_000))
def test_no_struck_price_stands_above_what_was_paid(history, compared_fen):
    if price_faults(1, compared_fen, history, [], TODAY) in ([], [PriceFault.RAISED_THEN_CUT]):
        week = [deal.lowest_fen for deal in history if 0 < (TODAY - deal.day).days <= 7]
        assert all(compared_fen <= fen for fen in week)
        assert any(deal.day < TODAY for deal in history)


@given(DEALS, st.integers(2, 10_000), st.integers(1, 5_000))
def test_a_cheaper_deal_never_allows_a_higher_struck_price(history, fen, less):
    before = compared_price_most([*history, sold(1, fen + less)], TODAY)
    after = compared_price_most([*history, sold(1, fen)], TODAY)
    assert after <= before
