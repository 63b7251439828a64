"""Attesting transactions (交易核验): told once, asked until answered, kept as it went over the wire.

No platform publishes an interface of that name; the contract is our own (`docs/reference/attestation.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.compliance import store
from kashu.compliance.types import Attestation, NewAttestation
from kashu.kernel.db import Db, assert_in_transaction

TRIES_MAX = 12  # the gaps double from a minute: about three days


def tell(db: Db, new: Sequence[NewAttestation], at: datetime) -> int:
    """Keep what is to be attested. What was told before is not told again."""
    assert_in_transaction(db)
    return store.add_attestations(db, new, at) if new else 0


def take(db: Db, at: datetime, most: int) -> list[Attestation]:
    """Take those that are due, to be called about outside of any transaction."""
    assert_in_transaction(db)
    return store.take_attestations(db, at, most)


def answered(
    db: Db, told: Attestation, state: str, wire: tuple[str, str], words: tuple[str, str], at: datetime
) -> bool:
    """Keep an answer: its body and signature, its receipt and reason. Says whether it was the first."""
    assert_in_transaction(db)
    kept = replace(
        told, state=state, answer=wire[0], signature=wire[1], receipt=words[0], reason=words[1], answered_at=at
    )
    return store.answer_attestation(db, kept)


def unanswered(db: Db, told: Attestation, trouble: str) -> bool:
    """Nothing came. Says whether it was tried for the last time, and waits for a person now."""
    assert_in_transaction(db)
    return told.tries >= TRIES_MAX and store.give_up_attestation(db, told.id, trouble)


def retry(db: Db, actor: Actor, attestation_id: UUID, at: datetime) -> bool:
    """Ask again about one that nobody answered."""
    assert_in_transaction(db)
    if not store.retry_attestation(db, attestation_id, at):
        return False
    audit.record(db, [Deed(actor, "attestation.retry", "attestation", str(attestation_id))], at)
    return True
