"""What minors may buy, and for how much: caps by age, for each order and each calendar month (C-70, C-71; GAME19).

A person is the holder of an ID card, whatever browser, account, shop or supplier they buy through. Somebody whose age
nobody has verified is nobody who may: the answer to not knowing is no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kashu.catalog import Offer
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.party import ADULT_YEARS, Holder, age_on
from kashu.sales.types import Checkout, Overspent, Refusal


@dataclass(frozen=True, slots=True)
class Cap:
    """What somebody may spend on capped goods from an age on."""

    from_years: int
    order_fen_max: int
    month_fen_max: int


CAPS = (Cap(16, 10_000, 40_000), Cap(8, 5_000, 20_000))


def is_minor(holder: Holder | None, day: date) -> bool:
    """Whether somebody is known not to be of age on a day."""
    return holder is not None and holder.born_on is not None and age_on(holder.born_on, day) < ADULT_YEARS


def cap_of(holder: Holder | None, offer: Offer, day: date) -> Cap | None:
    """The cap an order counts under; None for who is of age, who may not buy at all, and goods without one."""
    if holder is None or holder.born_on is None or offer.minors != "capped":
        return None
    years = age_on(holder.born_on, day)
    return None if years >= ADULT_YEARS else next((cap for cap in CAPS if years >= cap.from_years), None)


def age_refusal(
    holder: Holder | None, offer: Offer, total_fen: int, spent_fen: int, day: date
) -> Refusal | Overspent | None:
    """Why somebody may not have these goods for so much, having spent so much this month."""
    if offer.minors == "free":
        return None
    if holder is None:
        return Refusal.AGE_UNKNOWN
    if not is_minor(holder, day):
        return None
    cap = cap_of(holder, offer, day)
    if cap is None:
        return Refusal.MINOR_UNDER_8 if offer.minors == "capped" else Refusal.MINOR_FORBIDDEN
    left_fen = max(0, cap.month_fen_max - spent_fen)
    if total_fen > cap.order_fen_max:
        return Overspent(Refusal.MINOR_ORDER_MAX, cap.order_fen_max, left_fen)
    return Overspent(Refusal.MINOR_MONTH_MAX, cap.month_fen_max, left_fen) if total_fen > left_fen else None


def minors_among(checkouts: Iterable[Checkout], at: datetime) -> set[UUID]:
    """The holders whose months may come into it."""
    day = biz_date(at)
    return {one.holder.id for one in checkouts if one.holder is not None and is_minor(one.holder, day)}


def bucket(holder: UUID) -> bytes:
    """What orders of one person wait for each other at."""
    return b"holder:" + holder.bytes


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """The calendar month of an instant in Shanghai: its first moment, and that of the next."""
    day = biz_date(at)
    after = (day.year + day.month // 12, day.month % 12 + 1)
    return datetime(day.year, day.month, 1, tzinfo=SHANGHAI), datetime(*after, 1, tzinfo=SHANGHAI)
