from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kashu.kernel.db import Db, assert_in_transaction
from kashu.ledger import rules, store
from kashu.ledger.types import Fault, Posting


def post(db: Db, postings: Sequence[Posting], at: datetime) -> None:
    """Book movements of sales. Every reason adds up to nothing, or nothing is booked."""
    assert_in_transaction(db)
    assert not rules.unbalanced(postings), f"out of balance: {rules.unbalanced(postings)}"
    booked = rules.without_zeros(postings)
    if booked:
        store.post(db, booked, at)


def account(db: Db, code: str, kind: str, name: str) -> int:
    """The account of this code, opened if it is new. Accounts are reference data: `psp:sandbox`, `supplier:1007`."""
    return store.accounts(db, [code]).get(code) or store.account(db, code, kind, name)


def check(db: Db) -> list[Fault]:
    """Σ = 0 per reason, guarded balances equal to their entries and above their floors. Empty when all is well."""
    return store.faults(db)
