"""Sold cards after their purpose: what tells one from another stays, what it says is erased (S-08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kashu.cards import store
from kashu.cards.service.stock import Line, open_rows
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring


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
