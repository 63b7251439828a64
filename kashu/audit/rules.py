"""The chain and the second person, as plain functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from kashu.audit.types import Approval, ApprovalRefusal, Entry, Fault, SealedEntry
from kashu.kernel.text import canonical_json

GENESIS = b"\0" * 32


def link(before: bytes, seq: int, entry: Entry) -> bytes:
    """The hash that seals an entry to all before it: SHA-256 of the previous hash and the entry's canonical JSON."""
    told = [
        seq,
        entry.pool_id,
        entry.id,
        entry.at,
        entry.actor_kind,
        entry.actor,
        entry.verb,
        entry.object_kind,
        entry.object_id,
        entry.before,
        entry.after,
        entry.reason,
    ]
    return hashlib.sha256(before + canonical_json(told).encode()).digest()


def faults_of_chain(chain: Iterable[SealedEntry], before: bytes, seq: int) -> tuple[list[Fault], bytes, int]:
    """Walk a stretch of the chain from `before`; say what is wrong and where the walk ended."""
    faults = []
    for entry in chain:
        if entry.seq != seq + 1:
            faults.append(Fault("gap", f"{seq} → {entry.seq}"))
        if link(before, entry.seq, entry) != entry.hash:
            faults.append(Fault("altered", f"{entry.seq} {entry.verb} {entry.object_kind} {entry.object_id}"))
        before, seq = entry.hash, entry.seq
    return faults, before, seq


def may_confirm(approval: Approval | None, by: str, at: datetime, *, is_alone: bool) -> ApprovalRefusal | None:
    """Two persons where there are two; one person twice, after a wait, in solo mode (design §5a).

    Solo mode ends by itself where a second person exists (`is_alone` False), whatever was chosen at set-up.
    """
    if approval is None or approval.state != "waiting":
        return ApprovalRefusal.GONE
    if approval.is_solo and is_alone:
        return ApprovalRefusal.TOO_EARLY if at < approval.not_before else None
    return ApprovalRefusal.SAME_PERSON if by == approval.asked_by else None
