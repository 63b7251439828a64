"""Lists of persons and organisations nobody may deal with (C-60): loaded, asked, and what a hit leads to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import SYSTEM, Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json
from kashu.party import store
from kashu.party.rules.numbers import tidy
from kashu.party.rules.screening import normal
from kashu.party.service.moves import Why, settle
from kashu.party.types import Listed, ListVersion, SupplierRefusal

CLEAR = "supplier.hit.clear"
ENTRIES_MAX = 200_000
Subject = tuple[int, str, str, bytes | None]


def load_list(
    db: Db, ring: Keyring, actor: Actor, list_id: str, sha256: str, entries: Sequence[Listed], at: datetime
) -> ListVersion | None:
    """A new version of a list; None where this very file is the newest already."""
    assert_in_transaction(db)
    assert len(entries) <= ENTRIES_MAX
    newest = {one.list_id: one for one in store.lists(db)}.get(list_id)
    if newest is not None and newest.sha256 == sha256:
        return None
    rows = {row[0]: row for row in (_entry(ring, one) for one in entries)}
    made = ListVersion(list_id, newest.version + 1 if newest else 1, sha256, len(rows), actor.name, at)
    store.add_list(db, made)
    store.add_entries(db, list_id, made.version, list(rows.values()))
    tell(db, [Fact("list.loaded", {"list": list_id, "version": made.version})], at)
    after = {"version": made.version, "sha256": sha256, "entries": made.entries}
    audit.record(db, [Deed(actor, "list.load", "list", list_id, after=after)], at)
    return made


def screen(db: Db, ring: Keyring, party_ids: Collection[int], at: datetime) -> int:
    """Ask the newest lists about suppliers, the persons behind them and their accounts; a hit freezes. New hits."""
    assert_in_transaction(db)
    store.lock_suppliers(db, party_ids)  # before the hits: two that find the same one would wait for each other
    subjects = [subject for party_id in sorted(party_ids) for subject in _subjects(db, ring, party_id)]
    found = {(party_id, subject, list_id, digest): (version, matched)
             for party_id, subject, list_id, version, digest, matched in store.matches(db, subjects)}  # fmt: skip
    rows = [(new_id(), key[0], key[1], key[2], told[0], key[3], told[1]) for key, told in sorted(found.items())]
    fresh = set(store.add_hits(db, rows, at)) if rows else set()
    for party_id in sorted({row[1] for row in rows if row[0] in fresh}):
        hits = sorted(f"{row[2]} {row[3]} {row[6]}" for row in rows if row[0] in fresh and row[1] == party_id)
        audit.record(db, [Deed(SYSTEM, "supplier.hit", "party", str(party_id), after={"hits": hits})], at)
        settle(db, SYSTEM, party_id, ("on a list", ""), at)
    store.screened(db, party_ids, {one.list_id: one.version for one in store.lists(db)}, at)
    return len(fresh)


def ask_clear(
    db: Db, actor: Actor, hit_id: UUID, why: Why, *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | SupplierRefusal:
    """The first of two persons who find that a hit is somebody else."""
    assert_in_transaction(db)
    found = store.hit(db, hit_id, lock=True)
    if found is None or found.state != "open":
        return SupplierRefusal.GONE
    if not why[0] or not why[1]:
        return SupplierRefusal.NO_REASON
    if store.is_member(db, found.party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    return audit.ask(
        db, actor, CLEAR, ("hit", str(hit_id)), {"party_id": found.party_id, "evidence": why[1]},
        reason=why[0], solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip


def clear(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> ApprovalRefusal | SupplierRefusal | None:
    """The second person's yes: the hit is cleared, and what it froze is as the rest allows."""
    assert_in_transaction(db)
    asked = audit.approval(db, approval_id)
    if asked is None or asked.act != CLEAR:
        return ApprovalRefusal.GONE
    found = store.hit(db, UUID(asked.object_id), lock=True)
    if found is None or found.state != "open":
        return SupplierRefusal.GONE
    if store.is_member(db, found.party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    answer = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(answer, ApprovalRefusal):
        return answer
    store.decide_hit(db, found.id, "open", "cleared", (actor.name, asked.reason), at)
    settle(db, actor, found.party_id, (asked.reason, str(asked.body["evidence"])), at)
    audit.finish(db, approval_id, at)
    return None


def confirm_hit(db: Db, actor: Actor, hit_id: UUID, why: Why, at: datetime) -> SupplierRefusal | None:
    """A hit is true: nothing more is sold or bought, the freeze stays, and no clearing will lift it (AML §40)."""
    assert_in_transaction(db)
    found = store.hit(db, hit_id, lock=True)
    if found is None or found.state != "open":
        return SupplierRefusal.GONE
    if not why[0] or not why[1]:
        return SupplierRefusal.NO_REASON
    store.decide_hit(db, hit_id, "open", "confirmed", (actor.name, why[0]), at)
    told = {"hit": str(hit_id), "evidence": why[1]}
    deed = Deed(actor, "supplier.hit.confirm", "party", str(found.party_id), after=told, reason=why[0])
    audit.record(db, [deed], at)
    settle(db, actor, found.party_id, why, at)
    return None


def _entry(ring: Keyring, one: Listed) -> tuple[bytes, str, list[str], list[bytes]]:
    """An entry as it is kept: numbers as keyed fingerprints only. The digest tells it from its next version."""
    names = sorted({normal(name) for name in (one.name, *one.aliases)} - {""})
    marks = [ring.identity("listed", tidy(number)) for number in sorted(set(one.ids))]
    digest = hashlib.sha256(canonical_json([names, [mark.hex() for mark in marks]]).encode()).digest()
    return digest, one.name, names, marks


def _subjects(db: Db, ring: Keyring, party_id: int) -> list[Subject]:
    """(supplier, who of it, normalised name, mark of the number)."""
    party = store.party(db, party_id)
    assert party is not None
    mark = ring.identity("listed", party.uscc) if party.uscc else None
    found: list[Subject] = [(party_id, "organisation", normal(party.name), mark)]
    for one in store.principals(db, party_id):
        name = ring.open_personal(one.name, f"principal {one.id}")
        number = ring.open_personal(one.id_number, f"principal {one.id}")
        found.append((party_id, f"principal {one.id}", normal(name), ring.identity("listed", number)))
    for account in (store.bank_account(db, party_id), store.kept_bank_account(db, party_id)):
        if account is not None:  # its holder is the organisation; one that is kept may count again
            number = ring.open_personal(account.number, f"bank account {account.id}")
            found.append((party_id, f"account {account.id}", "", ring.identity("listed", number)))
    return found
