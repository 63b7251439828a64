from __future__ import annotations

from kashu.kernel.db import Db, one, run, value
from kashu.party.types import Supplier

SUPPLIER = "SELECT party_id, state, risk, applied_at, verified_at FROM party_supplier"


def supplier(db: Db, party_id: int, *, lock: bool = False) -> Supplier | None:
    return one(db, Supplier, f"{SUPPLIER} WHERE party_id = %s{' FOR NO KEY UPDATE' if lock else ''}", [party_id])


def add_supplier(db: Db, new: Supplier) -> None:
    sql = "INSERT INTO party_supplier (party_id, state, risk, applied_at, verified_at) VALUES (%s, %s, %s, %s, %s)"
    run(db, sql, [new.party_id, new.state, new.risk, new.applied_at, new.verified_at])


def deposit_share_bp(db: Db, party_id: int) -> int | None:
    """How much of the agreed deposit is there, in basis points; None where none was agreed."""
    sql = """
    SELECT coalesce(guarded.balance_fen, 0) * 10000 / standing.deposit_fen FROM party_supplier AS standing
    LEFT JOIN ledger_account AS account ON account.code = 'deposit:' || standing.party_id
    LEFT JOIN ledger_guarded AS guarded ON guarded.account_id = account.id
    WHERE standing.party_id = %s AND standing.deposit_fen > 0
    """
    found: int | None = value(db, sql, [party_id])
    return found
