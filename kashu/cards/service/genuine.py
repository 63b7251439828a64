"""Genuineness by what happens, not only by papers (卡密盗版): a batch that fails too often stops by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from kashu import audit
from kashu.audit import SYSTEM, Deed
from kashu.cards import rules, store
from kashu.cards.service import provenance
from kashu.kernel.db import Db, assert_in_transaction


def look(db: Db, pool_ids: Collection[int], at: datetime) -> list[int]:
    """Look at batches of which cards have just failed; those that stopped. Somebody decides how they go on."""
    assert_in_transaction(db)
    stopped = []
    for pool_id, sold, failed in store.failures(db, pool_ids):
        batch = store.batch(db, pool_id, lock=True)
        if batch is None or not batch.sellable or not rules.is_bad(sold, failed):
            continue
        told = {"sold": sold, "failed": failed, "chance": round(rules.chance_of_bad(sold, failed), 4)}
        store.set_sellable(db, pool_id, "risk")
        provenance.note(db, SYSTEM, pool_id, "frozen", {**told, "chance": str(told["chance"])}, at)
        audit.record(db, [Deed(SYSTEM, "batch.frozen", "batch", batch.code, after=told, pool_id=pool_id)], at)
        stopped.append(pool_id)
    return stopped
