from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


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
