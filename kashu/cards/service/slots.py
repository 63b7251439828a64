"""Pools of slots. 循环卡: one secret for many buyers, its cap is that many slots, its content has versions.

Who swaps the secret of a batch, or adds to it, does what whoever brought it did: it is a step of the chain, and a second person
confirms it again before anything more is sold (S-07).

What is issued on demand or by hand (直充, 代充) has slots too: so many as its supplier will take on; each is filled with
what was issued for the order that took it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.cards import rules, store
from kashu.cards.service import blocks, provenance
from kashu.cards.service.batches import book_stock, receive, withdraw
from kashu.cards.types import Batch, NewBatch, Refusal
from kashu.catalog import LATER
from kashu.compliance import Effect, Event
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.kernel.text import mask, sha256_hex

SLOTS_MAX = 100_000
SLOT_KINDS = ("shared_secret", *LATER)


def open_shared(
    db: Db, ring: Keyring, actor: Actor, new: NewBatch, content: tuple[str, str], cap: int, at: datetime
) -> Batch | Refusal:
    """Open a pool of `cap` slots for one secret, `content` being its number and secret. Not for sale yet."""
    assert_in_transaction(db)
    assert 1 <= cap <= SLOTS_MAX
    if not rules.is_clean(*content):
        return Refusal.BAD_CHARACTERS
    fingerprint = ring.fingerprint(*content)
    if store.known(db, [fingerprint]):
        return Refusal.KNOWN_SECRET
    [content_id] = store.card_ids(db, 1)
    told = replace(new, kind="shared_secret", file_name="", file_bytes=0, manifest_hash=sha256_hex(b""), spool="")
    batch = receive(db, ring, actor, told, at)
    # Two operators with one secret at the same moment: the second one's transaction is undone as a whole.
    assert store.new_fingerprints(db, batch.pool_id, [(fingerprint, content_id, 0)])
    _write_content(db, ring, actor, batch, content, content_id, at)
    return _load(db, actor, batch, cap, at)


def open_slots(db: Db, ring: Keyring, actor: Actor, new: NewBatch, cap: int, at: datetime) -> Batch | Refusal:
    """Open a pool of `cap` slots for what is issued on demand or by hand. Not for sale yet."""
    assert_in_transaction(db)
    assert 1 <= cap <= SLOTS_MAX
    if new.kind not in LATER:
        return Refusal.WRONG_KIND
    if new.kind == "on_demand":
        source = store.source(db, new.source[0]) if new.source is not None else None
        if source is None or not source.is_open or source.supplier_id != new.supplier_id:
            return Refusal.NO_SOURCE
        if not new.source or not new.source[1]:
            return Refusal.NO_SOURCE
    told = replace(new, file_name="", file_bytes=0, manifest_hash=sha256_hex(b""), spool="")
    return _load(db, actor, receive(db, ring, actor, told, at), cap, at)


def _load(db: Db, actor: Actor, batch: Batch, cap: int, at: datetime) -> Batch:
    store.set_batch(db, batch.pool_id, "uploaded", "loading", {})
    _fill(db, batch, 0, cap)
    store.set_batch(db, batch.pool_id, "loading", "loaded", {"loaded_at": at})
    store.set_sellable(db, batch.pool_id, "loaded")
    provenance.note(db, actor, batch.pool_id, "loaded", {"cards": cap}, at)
    return _seen(db, batch.pool_id)


def change_content(
    db: Db, ring: Keyring, actor: Actor, pool_id: int, content: tuple[str, str], at: datetime
) -> int | Refusal:
    """Change the secret once for all later buyers; says its version. Earlier buyers keep what they bought.

    It is for nobody yet: the batch is off sale until a second person has confirmed it, and an order that was placed before
    is filled with the secret that was for sale when it was placed.
    """
    assert_in_transaction(db)
    batch = store.batch(db, pool_id, lock=True)
    if batch is None or batch.kind != "shared_secret":
        return Refusal.WRONG_KIND if batch else Refusal.NO_SUCH_BATCH
    if not rules.is_clean(*content):
        return Refusal.BAD_CHARACTERS
    if not batch.data_key:  # shredded: it is over
        return Refusal.WRONG_STATE
    [content_id] = store.card_ids(db, 1)
    if not store.new_fingerprints(db, pool_id, [(ring.fingerprint(*content), content_id, 0)]):
        return Refusal.KNOWN_SECRET
    version = _write_content(db, ring, actor, batch, content, content_id, at)
    _stop(db, actor, batch, f"content v{version}", at)
    return version


def add_slots(db: Db, actor: Actor, pool_id: int, more: int, at: datetime) -> Batch | Refusal:
    """Raise the cap of a pool of slots. More buyers of one secret are confirmed by a second person, like the first ones."""
    assert_in_transaction(db)
    batch = store.batch(db, pool_id, lock=True)
    if batch is None or batch.kind not in SLOT_KINDS:
        return Refusal.WRONG_KIND if batch else Refusal.NO_SUCH_BATCH
    if batch.state not in ("loaded", "on_sale", "withdrawn") or batch.accepted + more > SLOTS_MAX or not batch.data_key:
        return Refusal.WRONG_STATE
    if batch.state == "on_sale" and blocks.effect(db, batch, Event.LISTING, at) is Effect.REFUSE:
        return Refusal.BLOCKED
    store.set_batch(db, pool_id, batch.state, "loading", {})
    _fill(db, batch, batch.accepted, more)
    store.set_batch(db, pool_id, "loading", batch.state, {})
    if batch.on_sale_at is not None:
        book_stock(db, batch, "batch_received", batch.unit_cost_fen * more, at)
    after = {"cap": batch.accepted + more}
    deed = Deed(actor, "batch.slots", "batch", batch.code, {"cap": batch.accepted}, after, pool_id=pool_id)
    audit.record(db, [deed], at)
    provenance.note(db, actor, pool_id, "slots", {"before": batch.accepted, **after}, at)
    if batch.kind in rules.BOUGHT:
        _stop(db, actor, batch, f"cap {after['cap']}", at)
    return _seen(db, pool_id)


def _stop(db: Db, actor: Actor, batch: Batch, reason: str, at: datetime) -> None:
    """Take a batch that has changed off sale. Not back to `loaded`: from there it could be cancelled, and some of it is sold."""
    if batch.state == "on_sale":
        assert isinstance(withdraw(db, actor, batch.pool_id, reason, at), Batch)


def _fill(db: Db, batch: Batch, have: int, more: int) -> None:
    ids = store.card_ids(db, more)
    slots = [(card_id, have + at) for at, card_id in enumerate(ids, start=1)]
    store.add_slots(db, batch.pool_id, slots, "", batch.unit_cost_fen)
    store.progress(db, batch.pool_id, more, more, 0, batch.unit_cost_fen * more)


def _write_content(
    db: Db, ring: Keyring, actor: Actor, batch: Batch, content: tuple[str, str], content_id: int, at: datetime
) -> int:
    key = ring.open_data_key(batch.pool_id, batch.data_key)
    sealed = key.seal(content_id, rules.pack(*content, ""))
    version = store.new_content(db, batch.pool_id, content_id, sealed, mask(content[1]), actor.name, at)
    deed = Deed(actor, "batch.content", "batch", batch.code, after={"version": version}, pool_id=batch.pool_id)
    audit.record(db, [deed], at)
    told = sha256(ring.fingerprint(*content)).hexdigest()  # keyed first: nobody finds the secret by trying
    provenance.note(db, actor, batch.pool_id, "content", {"version": version, "sha256": told}, at)
    return version


def _seen(db: Db, pool_id: int) -> Batch:
    found = store.batch(db, pool_id)
    assert found is not None
    return found
