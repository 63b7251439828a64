"""The decisions of selling, as plain functions."""

from kashu.sales.rules.booking import (
    ORDER,
    delivered_postings,
    granted_postings,
    paid_postings,
    prepaid_postings,
    purchased_postings,
    refund_postings,
    refunded_postings,
    returned_postings,
    topup_postings,
)
from kashu.sales.rules.checkout import (
    QUANTITY_MAX,
    SHELF_COUNT_MAX,
    World,
    commission_fen,
    decide,
    demand,
    hold_seconds,
    shown_list_price,
)
from kashu.sales.rules.fulfilments import (
    due_at,
    receipt_state,
    shown_form,
    tidy_reason,
)
from kashu.sales.rules.purchases import Market, Outcome, accept, deliver, quote, tidy_reference, wanted

__all__ = [
    "ORDER",
    "QUANTITY_MAX",
    "SHELF_COUNT_MAX",
    "Market",
    "Outcome",
    "World",
    "accept",
    "commission_fen",
    "decide",
    "deliver",
    "delivered_postings",
    "demand",
    "due_at",
    "granted_postings",
    "hold_seconds",
    "paid_postings",
    "prepaid_postings",
    "purchased_postings",
    "quote",
    "receipt_state",
    "refund_postings",
    "refunded_postings",
    "returned_postings",
    "shown_form",
    "shown_list_price",
    "tidy_reason",
    "tidy_reference",
    "topup_postings",
    "wanted",
]
