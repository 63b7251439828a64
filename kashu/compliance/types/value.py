from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kashu.compliance.types.listing import GoodsClass


class Issuer(StrEnum):
    """How large an issuer is: so much of what it holds lies in custody (C-43)."""

    GROUP = "group"
    BRAND = "brand"
    LARGE = "large"


class ValueFault(StrEnum):
    """Why a card of value may not be sold."""

    MULTI_PURPOSE = "multi_purpose"
    """C-45, NBPI §6: value good at many issuers is payment business."""
    PLATFORM_VALUE = "platform_value"
    """C-45: the platform issues no balance, coin or transferable point."""
    NO_FILING = "no_filing"
    """The issuer has no filing number."""
    FACE_TOO_HIGH = "face_too_high"
    """C-40: above 1,000 yuan unnamed or 5,000 yuan named, also after a top-up."""
    NAMED_EXPIRES = "named_expires"
    """C-41: a named card has no expiry."""
    EXPIRES_TOO_SOON = "expires_too_soon"
    """C-41: an unnamed card is good for three years at least."""
    CUSTODY_UNPROVEN = "custody_unproven"
    """C-43: no proof of custody for the last full quarter, or too little in it."""


@dataclass(frozen=True, slots=True)
class ValueCard:
    """A card of value as it is to be sold or topped up."""

    goods_class: GoodsClass
    is_named: bool
    face_fen: int
    topped_up_fen: int
    filing_number: str
    is_of_platform: bool
    sold_on: date
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Custody:
    """What an issuer's bank confirmed for the quarter that ended then: what was prepaid, and what lay in custody."""

    quarter_ends_on: date
    prepaid_fen: int
    held_fen: int


@dataclass(frozen=True, slots=True)
class Refund:
    """What is given back, and by when."""

    value_fen: int
    interest_fen: int
    due_on: date | None
