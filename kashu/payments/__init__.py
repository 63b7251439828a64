"""Paying: channels, what they tell us, and money on its way back. What an order does about it is `sales`' matter."""

from kashu.payments.service import create, find, judge, keep, open_channel
from kashu.payments.store import (
    by_ids,
    channels,
    close,
    events_of,
    finish_refund,
    of_order,
    paying,
    payment,
    quarantined,
    refund,
    refunds_of,
    request_refunds,
    trouble_refund,
)
from kashu.payments.types import Channel, Event, Judged, Notice, Payment, Refund, Verdict

__all__ = [
    "Channel",
    "Event",
    "Judged",
    "Notice",
    "Payment",
    "Refund",
    "Verdict",
    "by_ids",
    "channels",
    "close",
    "create",
    "events_of",
    "find",
    "finish_refund",
    "judge",
    "keep",
    "of_order",
    "open_channel",
    "paying",
    "payment",
    "quarantined",
    "refund",
    "refunds_of",
    "request_refunds",
    "trouble_refund",
]
