"""The verbs of selling."""

from kashu.sales.service.checkout import consent, expire, place
from kashu.sales.service.lookup import check_code, send_code
from kashu.sales.service.refund import cancel, refund, refunded
from kashu.sales.service.reveal import complete, reveal
from kashu.sales.service.settle import settle

__all__ = [
    "cancel",
    "check_code",
    "complete",
    "consent",
    "expire",
    "place",
    "refund",
    "refunded",
    "reveal",
    "send_code",
    "settle",
]
