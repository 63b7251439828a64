"""What may be said of prices (C-35), over the prices at which something was really sold. PRICE §16–§20."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

COMPARED_DAYS = 7
RAISED_DAYS = 30


class PriceFault(StrEnum):
    """What is wrong with a price as it is shown."""

    COMPARED_TOO_HIGH = "compared_too_high"
    """The struck price is above the lowest deal of the last seven days, or above the last deal (§16)."""
    NOTHING_COMPARED = "nothing_compared"
    """A struck price, and never a deal to compare with."""
    NO_CUT = "no_cut"
    """The struck price is not above the price asked."""
    RAISED_THEN_CUT = "raised_then_cut"
    """The price was raised shortly before it is said to be cut (§19)."""
    LIST_BELOW_PAGE = "list_below_page"
    """The price in a list is below that of the page it leads to (§17)."""
    BASIS_MISSING = "basis_missing"
    """A live room compares prices and does not say with what (LIVE §32)."""


@dataclass(frozen=True, slots=True)
class SoldOn:
    """What one thing was sold for on one day, in one place: the lowest and the last deal."""

    day: date
    lowest_fen: int
    last_fen: int


@dataclass(frozen=True, slots=True)
class AskedFrom:
    """A price that was asked from a day on."""

    day: date
    price_fen: int


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
        for before, after in zip(steps, steps[1:], strict=False)
    )
