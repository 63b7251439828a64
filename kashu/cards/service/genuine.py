"""Genuineness by what happens, not only by papers (卡密盗版): a batch that fails too often stops by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from kashu import audit, party
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import rules, store
from kashu.cards.service import provenance
from kashu.cards.types import Batch, FailureRate, Refusal
from kashu.kernel.db import Db, assert_in_transaction


def stop_failing(db: Db, pool_ids: Collection[int], at: datetime) -> list[int]:
    """Look at batches of which cards have just failed; those that stopped. Somebody decides how they go on."""
    assert_in_transaction(db)
    stopped = []
    on_sale = [one for one in sorted(set(pool_ids)) if (found := store.batch(db, one)) is not None and found.sellable]
    for pool_id, sold, failed in store.failures(db, on_sale):
        batch = store.batch(db, pool_id, lock=True)
        if batch is None or not batch.sellable or not rules.is_bad(sold, failed):
            continue
        told = {"sold": sold, "failed": failed, "chance": round(rules.chance_of_bad(sold, failed), 4)}
        freeze(db, batch, "failures", {**told, "chance": str(told["chance"])}, at)
        stopped.append(pool_id)
    return stopped


def failure_rate(db: Db, pool_id: int) -> FailureRate:
    """What is known of a batch by what became of its cards."""
    sold, failed = next(((sold, failed) for _, sold, failed in store.failures(db, [pool_id])), (0, 0))
    return FailureRate(pool_id, sold, failed, rules.chance_of_bad(sold, failed))


def leaked(db: Db, pool_id: int, card_id: int, at: datetime) -> bool:
    """A code was used before it was sold: whoever knows one of a batch may know all. Says whether that stopped it."""
    assert_in_transaction(db)
    batch = store.batch(db, pool_id, lock=True)
    if batch is None or rules.is_frozen(store.steps(db, pool_id)):
        return False
    freeze(db, batch, "used_before_sale", {"card": card_id}, at)
    return True


def freeze(db: Db, batch: Batch, cause: str, told: Mapping[str, Any], at: datetime) -> None:
    """Stop a batch: from this commit on none of its cards is sold, until a person lets it go on."""
    body = {"cause": cause, **told}
    store.set_sellable(db, batch.pool_id, "risk")
    provenance.note(db, SYSTEM, batch.pool_id, "frozen", body, at)
    audit.record(db, [Deed(SYSTEM, "batch.frozen", "batch", batch.code, after=body, pool_id=batch.pool_id)], at)


def clear(db: Db, actor: Actor, pool_id: int, reason: str, at: datetime) -> Batch | Refusal:
    """Let a stopped batch go on: not by whoever took it in or works for its supplier, and with what was found out."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or not rules.is_frozen(store.steps(db, pool_id)):
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    if not reason.strip():
        return Refusal.NO_REASON
    if actor.name == found.received_by or party.is_member(db, found.supplier_id, actor.name):
        return Refusal.SAME_PERSON
    provenance.note(db, actor, pool_id, "cleared", {"reason": reason}, at)
    source = None if found.source_id is None else store.source(db, found.source_id)
    open_for = "" if source is None or source.is_open else "review"
    store.set_sellable(db, pool_id, open_for if found.state == "on_sale" else found.state)
    audit.record(db, [Deed(actor, "batch.cleared", "batch", found.code, reason=reason, pool_id=pool_id)], at)
    seen = store.batch(db, pool_id)
    assert seen is not None
    return seen
