"""Suppliers' APIs through which orders are issued on demand (直充)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.cards import store
from kashu.cards.types import Source
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring


def set_source(db: Db, ring: Keyring, actor: Actor, new: Source, secret: str, at: datetime) -> Source:
    """Set a source up, or change it; an empty secret keeps the one it has. Whose it is does not change.

    Closed, it takes no new orders: its pools are not for sale until it is open again. What was paid before is still sent.
    """
    assert_in_transaction(db)
    before = store.source(db, new.id)
    sealed = ring.seal_personal(secret, f"source {new.id}") if secret else before.sealed_secret if before else b""
    assert sealed, "a new source comes with its secret"
    told = replace(new, sealed_secret=sealed, set_by=actor.name, set_at=at)
    if before is not None:
        told = replace(told, supplier_id=before.supplier_id)
    store.keep_source(db, told)
    store.open_pools_of_source(db, told.id, is_open=told.is_open)
    after = {"title": told.title, "url": told.url, "key": told.key_id, "is_open": told.is_open, "secret": bool(secret)}
    after["checks_cards"] = told.checks_cards
    audit.record(db, [Deed(actor, "source.set", "source", told.id, after=after)], at)
    return told
