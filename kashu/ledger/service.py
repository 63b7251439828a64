from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kashu.kernel.db import Db, assert_in_transaction
from kashu.ledger import rules, store
from kashu.ledger.types import ACCOUNT_KEYED, Fault, Posting


def post(db: Db, postings: Sequence[Posting], at: datetime) -> None:
    """Book movements. Every reason adds up to nothing, or nothing is booked.

    The caller has locked the guarded accounts among them, and found that they can pay.
    """
    assert_in_transaction(db)
    assert not rules.unbalanced(postings), f"out of balance: {rules.unbalanced(postings)}"
    booked = rules.without_zeros(postings)
    keyed = [posting for posting in booked if posting.pool_id == ACCOUNT_KEYED]
    if keyed:
        store.post_keyed(db, keyed, at)
    if len(keyed) < len(booked):
        store.post(db, [posting for posting in booked if posting.pool_id != ACCOUNT_KEYED], at)


def account(db: Db, code: str, kind: str, name: str) -> int:
    """The account of this code, opened if it is new. Accounts are reference data: `psp:sandbox`, `supplier:1007`."""
    return store.accounts(db, [code]).get(code) or store.account(db, code, kind, name)


def guard(db: Db, account_id: int, floor_fen: int = 0) -> None:
    """Keep a balance for an account, and never let it fall below its floor."""
    assert_in_transaction(db)
    store.guard(db, account_id, floor_fen)


def check(db: Db) -> list[Fault]:
    """Σ = 0 per reason, guarded balances equal to their entries and above their floors. Empty when all is well."""
    return store.faults(db)
