"""What may be said of prices (C-35), over the prices at which something was really sold. PRICE §16–§20."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from kashu.compliance.types import AskedFrom, PriceFault, SoldOn

COMPARED_DAYS = 7
RAISED_DAYS = 30


def compared_price_most(sold: Sequence[SoldOn], begins_on: date) -> int | None:
    """The highest price that a price beginning then may be compared with; None where there was no deal before."""
    before = [deal for deal in sold if deal.day < begins_on]
    week = [deal.lowest_fen for deal in before if deal.day >= begins_on - timedelta(days=COMPARED_DAYS)]
    if week:
        return min(week)
    return max(before, key=lambda deal: deal.day).last_fen if before else None


def price_faults(
    price_fen: int, compared_fen: int | None, sold: Sequence[SoldOn], asked: Sequence[AskedFrom], begins_on: date
) -> list[PriceFault]:
    """What is wrong with a price that is shown beside a struck one; nothing, where nothing is struck."""
    if compared_fen is None:
        return []
    most = compared_price_most(sold, begins_on)
    faults = [
        (PriceFault.NO_CUT, compared_fen <= price_fen),
        (PriceFault.NOTHING_COMPARED, most is None),
        (PriceFault.COMPARED_TOO_HIGH, most is not None and compared_fen > most),
        (PriceFault.RAISED_THEN_CUT, _was_raised(price_fen, compared_fen, asked, begins_on)),
    ]
    return [fault for fault, holds in faults if holds]


def list_fault(list_fen: int, page_fen: int) -> PriceFault | None:
    """A list, a home page or a banner never promises less than the page asks."""
    return PriceFault.LIST_BELOW_PAGE if list_fen < page_fen else None


def live_fault(compares: bool, basis: str) -> PriceFault | None:
    return PriceFault.BASIS_MISSING if compares and not basis.strip() else None


def _was_raised(price_fen: int, compared_fen: int, asked: Sequence[AskedFrom], begins_on: date) -> bool:
    """Whether the compared price was asked only by a rise within the days before, from no more than the new price."""
    steps = sorted((one for one in asked if one.day < begins_on), key=lambda one: one.day)
    return any(
        before.price_fen <= price_fen < compared_fen <= after.price_fen
        and after.day >= begins_on - timedelta(days=RAISED_DAYS)
        for before, after in pairwise(steps)
    )
