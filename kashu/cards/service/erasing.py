"""Sold cards after their purpose: what tells one from another stays, what it says is erased (S-08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kashu import audit
from kashu.audit import SYSTEM, Deed
from kashu.cards import store
from kashu.cards.service.stock import Line, open_rows
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring

SHRED_MAX = 20


def fingerprints(db: Db, ring: Keyring, lines: Sequence[Line]) -> dict[tuple[int, int], bytes]:
    """The keyed fingerprints of the sold cards of lines, by (pool, card). No secret leaves this function."""
    found = {(one.pool_id, one.id): one.fingerprint for one in store.records(db, lines) if one.fingerprint is not None}
    for opened in open_rows(db, ring, store.sealed(db, lines)).values():
        found |= {(one.pool_id, one.id): ring.fingerprint(one.number, one.secret) for one in opened}
    return found


def erase(db: Db, ring: Keyring, lines: Sequence[Line], at: datetime) -> int:
    """Erase the secrets of the sold cards of lines; how many there were. The caller writes the audit row.

    Locks the cards as a reveal does. A shared secret (循环卡) is no longer shown for these cards; its content is
    another's too, and goes with its batch's key.
    """
    assert_in_transaction(db)
    store.lock_of(db, lines)
    left = {(row[0], row[1]) for row in store.sealed(db, lines)}
    prints = [(*key, told) for key, told in fingerprints(db, ring, lines).items() if key in left]
    assert len(prints) == len(left), "a card that can be opened has a fingerprint"
    return store.erase(db, prints, at) if prints else 0


def shred(db: Db, after: int, days: int, at: datetime) -> list[int]:
    """Destroy the data keys of batches that ended so many days ago and have nothing left to open, from a pool on.

    What still lies under such a key (void and exported cards, the contents of a shared secret) can be read no more (S-06).
    """
    assert_in_transaction(db)
    found = store.spent(db, after, at - timedelta(days=days), SHRED_MAX)
    pools = [pool_id for pool_id, _code in found]
    if found:
        assert store.shred(db, pools) == len(pools), "a key is destroyed once"
        audit.record(
            db, [Deed(SYSTEM, "batch.shredded", "batch", code, pool_id=pool_id) for pool_id, code in found], at
        )
    return pools
