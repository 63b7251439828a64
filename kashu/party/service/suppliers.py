"""Suppliers: how they come, stay and go (compliance.md §2.2)."""

from __future__ import annotations

from datetime import datetime

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.party import store
from kashu.party.types import Supplier


def take_in(db: Db, actor: Actor, party_id: int, at: datetime) -> Supplier:
    """Take a supplier in as active whose papers were verified by hand, at this instant."""
    assert_in_transaction(db)
    taken = Supplier(party_id, "active", "medium", at, at)
    store.add_supplier(db, taken)
    audit.record(db, [Deed(actor, "supplier.take_in", "party", str(party_id), after={"state": "active"})], at)
    return taken
