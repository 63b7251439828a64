from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature

from kashu.audit import rules, store
from kashu.audit.types import Actor, Approval, ApprovalRefusal, Deed, Fault, Head
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring

SEAL_MAX = 5_000
VERIFY_STEP = 5_000
FIRST = (0, UUID(int=0))


def record(db: Db, deeds: Sequence[Deed], at: datetime) -> None:
    """Write deeds into the trail, in the transaction that does them. If this fails, so does the deed."""
    assert_in_transaction(db)
    if deeds:
        store.record(db, deeds, at)


def seal(db: Db) -> int:
    """Chain the entries that can no longer change; one sealer at a time. Says how many were sealed."""
    assert_in_transaction(db)
    # The primary key of the seals decides between two sealers: the second fails on its first number and starts over.
    last = store.last_seal(db)
    seq, digest, after = (0, rules.GENESIS, FIRST) if last is None else (last[0], last[1], (last[2], last[3]))
    links = []
    for entry in store.unsealed(db, after, SEAL_MAX):
        seq += 1
        digest = rules.link(digest, seq, entry)
        links.append((seq, entry, digest))
    if links:
        store.seal(db, links)
    return len(links)


def sign_head(db: Db, ring: Keyring, at: datetime) -> None:
    """Sign the end of the chain (Ed25519), so that a chain rewritten as a whole can be told from ours."""
    assert_in_transaction(db)
    last = store.last_seal(db)
    if last is not None:
        seq, digest = last[0], last[1]
        store.sign(db, Head(seq, digest, at, ring.signing_key.sign(head_text(seq, digest))))


def verify(db: Db, ring: Keyring) -> list[Fault]:
    """Read the whole trail and say what is not as it was written. An empty list is a clean trail."""
    faults: list[Fault] = [Fault("missing", where) for where in store.orphans(db)]
    digest, seq = rules.GENESIS, 0
    while step := store.chain(db, seq, VERIFY_STEP):
        found, digest, seq = rules.faults_of_chain(step, digest, seq)
        faults.extend(found)
    last = store.last_seal(db)
    if last is not None:
        faults.extend(Fault("slipped_in", where) for where in store.slipped_in(db, (last[2], last[3])))
    heads = store.heads(db)
    hashes = store.hash_at(db, [head.seq for head in heads])
    for head in heads:
        try:
            ring.signing_key.public_key().verify(head.signature, head_text(head.seq, head.hash))
        except InvalidSignature:
            faults.append(Fault("forged_head", str(head.seq)))
        if hashes.get(head.seq) != head.hash:
            faults.append(Fault("rewritten", f"up to {head.seq}"))
    return faults


def ask(
    db: Db,
    actor: Actor,
    act: str,
    thing: tuple[str, str],
    body: Mapping[str, Any],
    *,
    reason: str,
    solo_wait_seconds: int | None,
    at: datetime,
) -> Approval | ApprovalRefusal:
    """Ask for an act that one person may not do alone. `solo_wait_seconds` is None where a second person exists."""
    assert_in_transaction(db)
    wait = timedelta(seconds=solo_wait_seconds or 0)
    wanted = Approval(
        new_id(), act, *thing, dict(body), reason, "waiting", solo_wait_seconds is not None, actor.name, at, at + wait,
        None, None, None,
    )  # fmt: skip
    if not store.ask(db, wanted):
        return ApprovalRefusal.ALREADY_ASKED
    record(db, [Deed(actor, f"{act}.ask", *thing, after={"solo": wanted.is_solo}, reason=reason)], at)
    if wanted.is_solo:  # whoever sits at a stolen desk cannot act before the owner has heard of it
        told = {"act": act, "thing": thing[1], "asked_by": actor.name, "not_before": wanted.not_before.isoformat()}
        tell(db, [Fact("approval.solo", told)], at)
    return wanted


def confirm(db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool) -> Approval | ApprovalRefusal:
    """Say yes to an act: as the second person, or as the same one after the wait in solo mode."""
    assert_in_transaction(db)
    found = store.approval(db, approval_id, lock=True)
    refusal = rules.may_confirm(found, actor.name, at, is_alone=is_alone)
    if refusal is not None:
        return refusal
    assert found is not None
    store.move_approval(db, approval_id, "waiting", "approved", actor.name, at)
    thing = (found.object_kind, found.object_id)
    record(db, [Deed(actor, f"{found.act}.approve", *thing, after={"solo": found.is_solo})], at)
    return found


def cancel(db: Db, actor: Actor, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take the wish back while it still waits."""
    assert_in_transaction(db)
    found = store.approval(db, approval_id, lock=True)
    if found is None or found.state != "waiting":
        return ApprovalRefusal.GONE
    store.move_approval(db, approval_id, "waiting", "cancelled", None, at)
    record(db, [Deed(actor, f"{found.act}.cancel", found.object_kind, found.object_id)], at)
    return None


def finish(db: Db, approval_id: UUID, at: datetime) -> None:
    """Mark an approved act as carried out, once."""
    assert_in_transaction(db)
    store.move_approval(db, approval_id, "approved", "done", None, at)


def head_text(seq: int, digest: bytes) -> bytes:
    """What is signed of a head."""
    return b"kashu audit head %d %s" % (seq, digest.hex().encode())
