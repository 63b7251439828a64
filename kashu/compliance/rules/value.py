"""Prepaid value (1.5, C-40 to C-45): what an issuer's cards must be, and what is due when they are given back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from kashu.compliance.types import Custody, GoodsClass, Issuer, Refund, ValueCard, ValueFault

FACE_UNNAMED_MAX_FEN = 1_000_00
FACE_NAMED_MAX_FEN = 5_000_00
UNNAMED_YEARS_MIN = 3
IDENTITY_FROM_FEN = 10_000_00
TRANSFER_FIRM_FROM_FEN = 5_000_00
TRANSFER_PERSON_FROM_FEN = 50_000_00
IDENTITY_KEPT_YEARS = 5
FIRST_TIME_DAYS = 7
REFUND_DAYS = {"北京": 5}
YEAR_DAYS = 365
BP = 10_000


CUSTODY_BP = {Issuer.LARGE: 2_000, Issuer.GROUP: 3_000, Issuer.BRAND: 4_000}


def value_faults(card: ValueCard) -> list[ValueFault]:
    """What forbids this card; an entitlement to one named service is not value."""
    if card.is_of_platform:
        return [ValueFault.PLATFORM_VALUE]
    if card.goods_class is GoodsClass.ENTITLEMENT:
        return []
    if card.goods_class is GoodsClass.MULTI_PURPOSE_VALUE:
        return [ValueFault.MULTI_PURPOSE]
    most = FACE_NAMED_MAX_FEN if card.is_named else FACE_UNNAMED_MAX_FEN
    faults = [
        (ValueFault.NO_FILING, not card.filing_number.strip()),
        (ValueFault.FACE_TOO_HIGH, card.face_fen + card.topped_up_fen > most),
        (ValueFault.NAMED_EXPIRES, card.is_named and card.expires_on is not None),
        (ValueFault.EXPIRES_TOO_SOON, not card.is_named and _is_too_soon(card)),
    ]
    return [fault for fault, holds in faults if holds]


def needs_identity(is_named: bool, bought_today_fen: Sequence[int]) -> bool:
    """Name, number and contact are taken, and kept five years (C-42): one person's purchases of a day count together."""
    return is_named or sum(bought_today_fen) >= IDENTITY_FROM_FEN


def needs_transfer(is_firm: bool, is_remote: bool, amount_fen: int) -> bool:
    """Paid by bank transfer, both accounts noted (C-42): from these amounts, and always at a distance."""
    return is_remote or amount_fen >= (TRANSFER_FIRM_FROM_FEN if is_firm else TRANSFER_PERSON_FROM_FEN)


def quarter_before(day: date) -> date:
    """The last day of the last full quarter before this day."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)


def custody_fault(issuer: Issuer, proofs: Sequence[Custody], today: date) -> ValueFault | None:
    """Whether the proof of the last full quarter is there and covers the issuer's share (C-43)."""
    ended = quarter_before(today)
    proof = next((one for one in proofs if one.quarter_ends_on == ended), None)
    if proof is None or proof.held_fen * BP < proof.prepaid_fen * CUSTODY_BP[issuer]:
        return ValueFault.CUSTODY_UNPROVEN
    return None


def may_withdraw(is_first_time: bool, paid_on: date, asked_on: date) -> bool:
    """Whether a first-time consumer may still give unused prepayment back without a reason (C-44, PREPAID §14)."""
    return is_first_time and asked_on <= paid_on + timedelta(days=FIRST_TIME_DAYS)


def refund(
    unused_fen: int,
    paid_on: date,
    asked_on: date,
    *,
    is_operators_fault: bool,
    lpr_bp: int,
    deposit_bp: int,
    region: str,
) -> Refund:
    """What is due for value not used: interest at the one-year LPR if the operator is at fault, else at the deposit rate.

    Rates come from outside, in basis points a year; interest is simple, by the day, half a fen rounded up. Where the
    region sets a day (Beijing: five days), it is due then; elsewhere the contract says.
    """
    rate_bp = lpr_bp if is_operators_fault else deposit_bp
    days = max(0, (asked_on - paid_on).days)
    whole = BP * YEAR_DAYS
    interest_fen = (unused_fen * rate_bp * days + whole // 2) // whole
    term = REFUND_DAYS.get(region)
    return Refund(unused_fen, interest_fen, None if term is None else asked_on + timedelta(days=term))


def _is_too_soon(card: ValueCard) -> bool:
    """Three years to the day; the 29th of February counts as the 28th."""
    if card.expires_on is None:
        return False
    sold = card.sold_on
    day = 28 if (sold.month, sold.day) == (2, 29) else sold.day
    return card.expires_on < date(sold.year + UNNAMED_YEARS_MIN, sold.month, day)
