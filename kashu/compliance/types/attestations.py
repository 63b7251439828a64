from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewAttestation:
    """Something that happened to an order and is to be attested; the body has no person and no secret in it."""

    event: str
    subject: str
    order_no: str
    asked: str


@dataclass(frozen=True, slots=True)
class Attestation:
    """What was told of a transaction, and what was answered: kept as it went over the wire."""

    id: UUID
    event: str
    subject: str
    order_no: str
    asked: str
    state: str
    tries: int
    made_at: datetime
    answer: str
    signature: str
    receipt: str
    reason: str
    answered_at: datetime | None
