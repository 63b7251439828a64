from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What stands in the way of a sale (compliance.md §2.3)."""

    CATEGORY = "category_licence"
    AUTHORISATION = "authorisation"
    SUPPLIER = "supplier"
    REVERIFY = "reverify"
    DEPOSIT = "deposit"
    TAKEDOWN = "takedown"  # C-14


class Event(StrEnum):
    """At what point of a sale it is met."""

    LISTING = "listing"
    PURCHASE = "purchase"
    HELD = "held"
    PAID = "paid"
    DELIVERED = "delivered"
    PAYOUT = "payout"


class Effect(StrEnum):
    """What then happens."""

    GO_ON = "go_on"
    REFUSE = "refuse"
    CANCEL = "cancel"
    CHOICE = "choice"  # deliver or refund, as the buyer likes
    REFUND = "refund"
    HONOUR = "honour"
    RECALL = "recall"  # honoured if the batch was bought while the authorisation held, else recalled and paid for
    COMPENSATE = "compensate"  # 先行赔付 on demand
    HOLD_EXPOSURE = "hold_exposure"
    HOLD = "hold"
    FREEZE = "freeze"
    TOP_UP = "top_up"  # of the deposit, from payouts


@dataclass(frozen=True, slots=True)
class Stand:
    """How a supplier stands with everything that could stop it, as far as it is known from papers and clock."""

    causes: frozenset[Cause]
    reverify_days: int = 0  # since the half year was over; 0 while it is not
