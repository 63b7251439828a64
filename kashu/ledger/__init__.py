"""The books: double entry in fen, append-only, each movement under its reason."""

from kashu.ledger.service import account, check, guard, post
from kashu.ledger.store import balance_at, entries_under, movements, postings_of, statement, sums, turnover
from kashu.ledger.types import (
    ACCOUNT_KEYED,
    COGS,
    COMMISSION_INCOME,
    INVENTORY,
    ORDER_LIABILITY,
    REFUND_CLEARING,
    SALES,
    Entry,
    Fault,
    Line,
    Movement,
    Posting,
    Sum,
    Turnover,
)

__all__ = [
    "ACCOUNT_KEYED",
    "COGS",
    "COMMISSION_INCOME",
    "INVENTORY",
    "ORDER_LIABILITY",
    "REFUND_CLEARING",
    "SALES",
    "Entry",
    "Fault",
    "Line",
    "Movement",
    "Posting",
    "Sum",
    "Turnover",
    "account",
    "balance_at",
    "check",
    "entries_under",
    "guard",
    "movements",
    "post",
    "postings_of",
    "statement",
    "sums",
    "turnover",
]
