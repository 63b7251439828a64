from __future__ import annotations

from kashu.kernel.db import Db, one, run
from kashu.party.types import Supplier

SUPPLIER = "SELECT party_id, state, risk, applied_at, verified_at FROM party_supplier"


def supplier(db: Db, party_id: int, *, lock: bool = False) -> Supplier | None:
    return one(db, Supplier, f"{SUPPLIER} WHERE party_id = %s{' FOR NO KEY UPDATE' if lock else ''}", [party_id])


def add_supplier(db: Db, new: Supplier) -> None:
    sql = "INSERT INTO party_supplier (party_id, state, risk, applied_at, verified_at) VALUES (%s, %s, %s, %s, %s)"
    run(db, sql, [new.party_id, new.state, new.risk, new.applied_at, new.verified_at])
