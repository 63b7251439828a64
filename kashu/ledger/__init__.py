"""The books: double entry in fen, append-only, each movement under its reason."""

from kashu.ledger.service import account, check, post
from kashu.ledger.store import postings_of
from kashu.ledger.types import (
    COGS,
    COMMISSION_INCOME,
    INVENTORY,
    ORDER_LIABILITY,
    REFUND_CLEARING,
    SALES,
    Fault,
    Line,
    Posting,
)

__all__ = [
    "COGS",
    "COMMISSION_INCOME",
    "INVENTORY",
    "ORDER_LIABILITY",
    "REFUND_CLEARING",
    "SALES",
    "Fault",
    "Line",
    "Posting",
    "account",
    "check",
    "post",
    "postings_of",
]
