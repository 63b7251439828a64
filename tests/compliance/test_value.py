"""C-40 to C-45: cards of value, at their limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.compliance import GoodsClass
from kashu.compliance.rules import custody_fault, may_withdraw, needs_identity, needs_transfer, refund, value_faults
from kashu.compliance.types import Custody, Issuer, ValueCard, ValueFault

SOLD = date(2024, 2, 29)
UNNAMED = ValueCard(GoodsClass.SINGLE_PURPOSE_VALUE, False, 1_000_00, 0, "备案-1", False, SOLD, date(2027, 2, 28))
NAMED = replace(UNNAMED, is_named=True, face_fen=5_000_00, expires_on=None)


@pytest.mark.parametrize(
    ("card", "faults"),
    [
        (UNNAMED, []),
        (NAMED, []),
        (replace(UNNAMED, face_fen=1_000_01), [ValueFault.FACE_TOO_HIGH]),
        (replace(UNNAMED, topped_up_fen=1), [ValueFault.FACE_TOO_HIGH]),
        (replace(NAMED, topped_up_fen=1), [ValueFault.FACE_TOO_HIGH]),
        (replace(NAMED, expires_on=date(2099, 1, 1)), [ValueFault.NAMED_EXPIRES]),
        (replace(UNNAMED, expires_on=date(2027, 2, 27)), [ValueFault.EXPIRES_TOO_SOON]),
        (replace(UNNAMED, expires_on=None), []),
        (replace(UNNAMED, filing_number=" "), [ValueFault.NO_FILING]),
        (replace(UNNAMED, goods_class=GoodsClass.MULTI_PURPOSE_VALUE), [ValueFault.MULTI_PURPOSE]),
        (replace(UNNAMED, is_of_platform=True), [ValueFault.PLATFORM_VALUE]),
        (replace(UNNAMED, goods_class=GoodsClass.ENTITLEMENT, filing_number="", face_fen=9_999_00), []),
    ],
)
def test_a_card_of_value_is_within_the_law(card, faults):
    assert value_faults(card) == faults


def test_names_are_taken_from_ten_thousand_yuan_a_day_split_or_not():
    assert needs_identity(True, [1])
    assert not needs_identity(False, [9_999_99])
    assert needs_identity(False, [5_000_00, 5_000_00])


@pytest.mark.parametrize(
    ("is_firm", "is_remote", "amount_fen", "needed"),
    [
        (True, False, 4_999_99, False),
        (True, False, 5_000_00, True),
        (False, False, 49_999_99, False),
        (False, False, 50_000_00, True),
        (False, True, 1, True),
    ],
)
def test_a_transfer_is_asked_for(is_firm, is_remote, amount_fen, needed):
    assert needs_transfer(is_firm, is_remote, amount_fen) is needed


def test_custody_is_proven_for_the_last_full_quarter():
    proof = Custody(date(2026, 6, 30), 1_000_00, 300_00)
    assert custody_fault(Issuer.GROUP, [proof], date(2026, 7, 1)) is None
    assert custody_fault(Issuer.GROUP, [proof], date(2026, 9, 30)) is None
    assert custody_fault(Issuer.GROUP, [proof], date(2026, 10, 1)) is ValueFault.CUSTODY_UNPROVEN
    assert custody_fault(Issuer.BRAND, [proof], date(2026, 7, 1)) is ValueFault.CUSTODY_UNPROVEN
    assert custody_fault(Issuer.LARGE, [replace(proof, held_fen=199_99)], date(2026, 7, 1)) is not None
    assert custody_fault(Issuer.GROUP, [], date(2026, 1, 1)) is ValueFault.CUSTODY_UNPROVEN


def test_seven_days_to_think_again_for_who_comes_first():
    assert may_withdraw(is_first_time=True, paid_on=date(2026, 1, 1), asked_on=date(2026, 1, 8))
    assert not may_withdraw(is_first_time=True, paid_on=date(2026, 1, 1), asked_on=date(2026, 1, 9))
    assert not may_withdraw(is_first_time=False, paid_on=date(2026, 1, 1), asked_on=date(2026, 1, 1))


def test_who_is_at_fault_chooses_the_rate():
    begun, asked = date(2025, 1, 1), date(2026, 1, 1)
    operator = refund(1_000_00, begun, asked, is_operators_fault=True, lpr_bp=310, deposit_bp=95, region="上海")
    consumer = refund(1_000_00, begun, asked, is_operators_fault=False, lpr_bp=310, deposit_bp=95, region="北京")
    assert (operator.value_fen, operator.interest_fen, operator.due_on) == (1_000_00, 31_00, None)
    assert (consumer.interest_fen, consumer.due_on) == (9_50, date(2026, 1, 6))


@given(st.integers(0, 10**8), st.integers(0, 5_000), st.integers(0, 2_000))
def test_interest_grows_with_value_and_days(unused_fen, days, rate_bp):
    def interest(fen, more):
        asked = date.fromordinal(date(2020, 1, 1).toordinal() + days + more)
        rates = {"lpr_bp": rate_bp, "deposit_bp": 0}
        return refund(fen, date(2020, 1, 1), asked, is_operators_fault=True, region="", **rates).interest_fen

    assert 0 <= interest(unused_fen, 0) <= interest(unused_fen + 1, 0) <= interest(unused_fen + 1, 1)
