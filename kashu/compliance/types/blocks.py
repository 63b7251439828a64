from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What stands in the way of a sale (compliance.md §2.3)."""

    CATEGORY = "category_licence"
    AUTHORISATION = "authorisation"
    SUPPLIER = "supplier"  # its business licence was taken back, it was barred, or never came in
    LAPSED = "lapsed"  # its business licence has run out, as any paper does that is renewed late
    REVERIFY = "reverify"
    DEPOSIT = "deposit"
    TAKEDOWN = "takedown"  # C-14
    EXITING = "exiting"  # it leaves, or has left in order: what was ordered is fulfilled (C-06)
    SUSPENDED = "suspended"  # 暂停, for a term
    THROTTLED = "throttled"  # 限流, or a hit on a list that nobody has looked at yet
    LISTED = "listed"  # a hit on a list that was found true (C-60)
    PAYOUTS = "payouts"  # held by a sanction or a hit
    IDENTITY = "identity"  # the legal representative's document is over (§2.1)
    ACCOUNT = "account"  # the bank account is not proven to be its own (§2.1)


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
    CAP = "cap"  # so much a day and no more
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
