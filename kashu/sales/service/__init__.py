"""The verbs of selling."""

from kashu.sales.service.accounts import (
    ask_topup,
    cancel_topup,
    change_account,
    credit_topup,
    open_account,
    set_contract_price,
)
from kashu.sales.service.checkout import consent, expire, place
from kashu.sales.service.lookup import check_code, send_code
from kashu.sales.service.purchases import forget_keys, receipts, sell
from kashu.sales.service.refund import cancel, refund, refunded
from kashu.sales.service.reveal import complete, reveal
from kashu.sales.service.settle import settle

__all__ = [
    "ask_topup",
    "cancel",
    "cancel_topup",
    "change_account",
    "check_code",
    "complete",
    "consent",
    "credit_topup",
    "expire",
    "forget_keys",
    "open_account",
    "place",
    "receipts",
    "refund",
    "refunded",
    "reveal",
    "sell",
    "send_code",
    "set_contract_price",
    "settle",
]
