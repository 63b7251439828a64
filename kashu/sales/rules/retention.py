"""How long an order's secrets and its buyer's data are kept (C-20, C-54, S-08), as plain functions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from kashu.cards import CardRecord
from kashu.sales.types import ForgetRefusal, Order, PurgeRefusal

KEEP_YEARS = 3
NEVER_YEAR = 9999  # of a card that does not expire
OVER = ("completed", "refunded", "expired", "cancelled")
SETTLED = ("completed", "refunded")


def served_on(card: CardRecord, warranty_ends_on: date | None, redeemed_on: date | None, over_on: date) -> date | None:
    """The day on which a card has served its buyer: redeemed or expired, and its warranty over.

    None: it may yet be wanted. A card that nobody has looked at, and that does not expire, is kept as long as its order.
    """
    if card.state == "void":
        return over_on
    warranted = max(over_on, warranty_ends_on or over_on)
    if redeemed_on is not None:
        return max(warranted, redeemed_on)
    if card.expires_on.year != NEVER_YEAR:
        return max(warranted, card.expires_on)
    return None if card.revealed_at is None else warranted


def erase_on(served: Iterable[date | None], days: int) -> date | None:
    """The day on which an order's secrets are erased, all of them together; None while one may yet be wanted."""
    told = list(served)
    known = [one for one in told if one is not None]
    return max(known) + timedelta(days=days) if known and len(known) == len(told) else None


def kept_until(over_at: datetime) -> datetime:
    """Three years from an order's end (ECOM §31): the same day, or the one after where there is none."""
    year = over_at.year + KEEP_YEARS
    try:
        return over_at.replace(year=year)
    except ValueError:  # 29 February
        return over_at.replace(year=year, month=3, day=1)


def over_before(at: datetime) -> datetime:
    """The last instant at which an order that may be purged now can have been over; `purge_refusal` has the last word."""
    day = at if (at.month, at.day) != (2, 29) else at.replace(month=3, day=1)
    return day.replace(year=at.year - KEEP_YEARS)


def purge_refusal(order: Order | None, at: datetime, *, is_contested: bool) -> PurgeRefusal | None:
    """Why an order's data stay. `is_contested`: a claim or a refund of it is open."""
    if order is None or order.purged_at is not None:
        return PurgeRefusal.GONE
    if order.state == "disputed" or is_contested:
        return PurgeRefusal.IN_DISPUTE
    over_at = order.completed_at or order.closed_at
    if order.state not in OVER or over_at is None:
        return PurgeRefusal.NOT_OVER
    return PurgeRefusal.TOO_YOUNG if at < kept_until(over_at) else None


def forget_refusal(order: Order, *, is_contested: bool, is_seen: bool) -> ForgetRefusal | None:
    """Why a buyer who asks is not forgotten yet. `is_seen`: none of the order's cards still waits to be looked at.

    Cards that were paid for and not seen need somebody who can prove that they are theirs: the phone, where there is one.
    """
    if order.account_id is not None:
        return ForgetRefusal.NOT_YOURS
    if order.purged_at is not None or order.forgotten_at is not None:
        return ForgetRefusal.GONE
    if order.state == "disputed" or is_contested:
        return ForgetRefusal.IN_DISPUTE
    if order.state not in (*OVER, "delivered"):
        return ForgetRefusal.UNDER_WAY
    is_lost = order.state == "delivered" and not is_seen and order.phone_identity is None
    return ForgetRefusal.UNSEEN if is_lost else None
