from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

# Accounts every Kashu has, by the ids the first migration gives them.
ORDER_LIABILITY, SALES, COMMISSION_INCOME, COGS, INVENTORY, REFUND_CLEARING = 1, 2, 3, 4, 5, 6
ACCOUNT_KEYED = 0  # the pool of entries that are keyed by their account: those of guarded accounts, and top-ups


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of a movement: `amount_fen` into an account; a credit is positive, a debit negative.

    The entries of a sale are keyed by pool; those with `pool_id` `ACCOUNT_KEYED` by account (design §5).
    """

    pool_id: int
    reason_id: UUID
    recipe: str
    account_id: int
    amount_fen: int
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an account's statement; `memo` is an order's number or a bank reference."""

    id: UUID
    recipe: str
    amount_fen: int
    memo: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A posting as a page shows it."""

    recipe: str
    reason_id: UUID
    code: str
    name: str
    amount_fen: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of what a supplier is owed: for which line of which order or which batch, under which recipe."""

    pool_id: int
    id: UUID
    recipe: str
    reason_id: UUID
    amount_fen: int
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """What the movements of a period under one recipe come to."""

    recipe: str
    entries: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Turnover:
    """What a seller sold and gave back in a period, before and after our commission."""

    gross_fen: int
    refunded_fen: int
    owed_fen: int

    @property
    def net_fen(self) -> int:
        return self.gross_fen - self.refunded_fen


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    where: str
    amount_fen: int
