"""Takedowns (C-14): opened with their snapshot and draft, reported in time, ended by a decision.

What becomes of the listing itself is the catalogue's; `sales.take_down` does both in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kashu import audit, party
from kashu.audit import SYSTEM, Actor, Deed
from kashu.compliance import rules, store
from kashu.compliance.types import Facts, Grounds, Takedown, TakedownRefusal
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.text import canonical_json

WATCH_MAX = 200
TEXT_MAX = 20_000


def snapshot_hash(body: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical_json(body).encode()).digest()


def begin(
    db: Db,
    actor: Actor,
    new: Takedown,
    kept: tuple[Mapping[str, Any], Facts],
    at: datetime,
) -> Takedown | TakedownRefusal:
    """Write a takedown down: what was shown, by its hash; a draft for the authority; what is not sold from now on."""
    assert_in_transaction(db)
    grounds = Grounds(new.origin, new.reference, new.ground, new.reason, new.evidence)
    sha256 = snapshot_hash(kept[0])
    store.keep_snapshot(db, sha256, kept[0], at)
    draft = rules.report(grounds, kept[1], sha256, actor.name, at)
    whole = replace(new, snapshot=sha256, draft=draft, made_by=actor.name, made_at=at, state="frozen")
    found = store.add_takedown(db, whole)
    if found is None:
        return TakedownRefusal.ALREADY_DOWN
    store.stop(db, found, new.sku_ids)
    after = {"takedown": found, "origin": new.origin, "reference": new.reference, "ground": new.ground,
             "snapshot": sha256.hex(), "due_at": new.due_at}  # fmt: skip
    _record(db, actor, "takedown.begin", whole, None, after, new.reason, at)
    return replace(whole, id=found)


def report(
    db: Db, actor: Actor, takedown_id: int, text: str, to: tuple[str, str], at: datetime
) -> Takedown | TakedownRefusal:
    """Note that the authority was told, in these words; `to` is who it was and the number or receipt they gave."""
    assert_in_transaction(db)
    found = store.takedown(db, takedown_id, lock=True)
    if found is None:
        return TakedownRefusal.NO_SUCH_TAKEDOWN
    if not rules.TAKEDOWN.allows(found.state, "reported"):
        return TakedownRefusal.WRONG_STATE
    if not text.strip() or not to[0].strip():
        return TakedownRefusal.NO_REASON
    store.report_takedown(db, takedown_id, (text[:TEXT_MAX], *to), actor.name, at)
    digest = hashlib.sha256(text[:TEXT_MAX].encode()).hexdigest()
    after = {"state": "reported", "authority": to[0], "receipt": to[1], "report": digest, "late": found.is_overdue(at)}
    _record(db, actor, "takedown.report", found, {"state": found.state}, after, "", at)
    return store.takedown(db, takedown_id) or TakedownRefusal.NO_SUCH_TAKEDOWN


def decide(
    db: Db, actor: Actor, takedown_id: int, after: str, decision: str, at: datetime, *, is_alone: bool
) -> Takedown | TakedownRefusal:
    """Uphold a takedown for good, or lift it: that takes another person than the one who took the goods down.

    A sole operator in solo mode may lift after the wait that was chosen at set-up.
    """
    assert_in_transaction(db)
    found = store.takedown(db, takedown_id, lock=True)
    if found is None:
        return TakedownRefusal.NO_SUCH_TAKEDOWN
    if not rules.TAKEDOWN.allows(found.state, after):
        return TakedownRefusal.WRONG_STATE
    if not decision.strip():
        return TakedownRefusal.NO_REASON
    if after == "lifted" and actor.name == found.made_by and not (is_alone and _has_waited(db, found, at)):
        return TakedownRefusal.SAME_PERSON
    store.end_takedown(db, takedown_id, after, decision, actor.name, at)
    if after == "lifted":
        store.unstop(db, takedown_id)
    _record(db, actor, f"takedown.{after}", found, {"state": found.state}, {"state": after}, decision, at)
    return store.takedown(db, takedown_id) or TakedownRefusal.NO_SUCH_TAKEDOWN


def watch(db: Db, at: datetime) -> list[Takedown]:
    """Note what the authority should have been told of by now, each once; the board and the check go on saying it."""
    assert_in_transaction(db)
    late = store.to_warn_of(db, at, WATCH_MAX)
    if late:
        store.note_warned(db, [one.id for one in late], at)
        for one in late:
            _record(db, SYSTEM, "takedown.overdue", one, None, {"due_at": one.due_at}, "", at)
    return late


def _has_waited(db: Db, found: Takedown, at: datetime) -> bool:
    house = party.platform(db)
    return house.is_solo and at >= found.made_at + timedelta(seconds=house.solo_wait_seconds)


def _record(
    db: Db,
    actor: Actor,
    verb: str,
    about: Takedown,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    reason: str,
    at: datetime,
) -> None:
    audit.record(db, [Deed(actor, verb, "product", str(about.product_id), before, after, reason)], at)
