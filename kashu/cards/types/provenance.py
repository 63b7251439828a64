from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kashu.cards.types.stock import Redemption, Source
from kashu.compliance import Authorisation


@dataclass(frozen=True, slots=True)
class Papers:
    """How a batch was bought: by which document, for how much, and under which authorisation."""

    document: str
    amount_fen: int
    quantity: int
    authorisation_id: int | None = None
    file_sha256: bytes | None = None


class PaperRefusal(StrEnum):
    """Why papers were not taken, or a receipt not confirmed."""

    NO_SUCH_BATCH = "no_such_batch"
    TOO_LATE = "too_late"
    NO_DOCUMENT = "no_document"
    NO_SUCH_AUTHORISATION = "no_such_authorisation"
    OUTSIDE_ITS_DATES = "outside_its_dates"
    OTHER_GOODS = "other_goods"
    NOT_REGISTERED = "not_registered"
    NOT_LOADED = "not_loaded"
    SAME_PERSON = "same_person"
    NOT_A_RENEWAL = "not_a_renewal"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of a pool, linked to the one before by its hash."""

    pool_id: int
    seq: int
    at: datetime
    event: str
    actor: str
    body: dict[str, Any]
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one card comes from, and where it went."""

    pool_id: int
    card_id: int
    code: str
    manifest_hash: str
    received_by: str
    received_at: datetime
    authorisation_id: int | None
    supplier_id: int
    sku_id: int
    line_no: int
    state: str
    order_id: UUID | None
    sale_line_id: UUID | None
    sold_at: datetime | None
    revealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class BatchOrigin:
    """Where a batch comes from: its manifest, its papers, and the end of the chain of its provenance."""

    pool_id: int
    code: str
    supplier_id: int
    supplier: str
    authorisation_id: int | None
    manifest_hash: str
    received_at: datetime
    head: bytes | None


@dataclass(frozen=True, slots=True)
class CardEvent:
    """Something that became of a card and never changes again, as the leaf of a tally: seen, void, redeemed, undone."""

    what: str
    at: datetime
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found when a pool's chain was last looked at: how far it went, and the first step or tally that is not as written."""

    pool_id: int
    code: str
    checked_at: datetime
    seq: int
    head: bytes
    broken: int | None
    mistold: int | None

    @property
    def is_wrong(self) -> bool:
        return self.broken is not None or self.mistold is not None


@dataclass(frozen=True, slots=True)
class FailureRate:
    """How many cards of a batch were sold, how many were found bad, and how likely it is that more than one in a hundred is."""

    pool_id: int
    sold: int
    failed: int
    chance: float


@dataclass(frozen=True, slots=True)
class Trace:
    """A card's way from the root authorisation to its redemption.

    `broken` names the first step of its batch that is not as written, `tally` the step that ties its order to the chain:
    None until the night after it was seen.
    """

    origin: Origin
    chain: tuple[Authorisation, ...]
    steps: tuple[Step, ...]
    broken: int | None
    redemptions: tuple[Redemption, ...] = ()
    tally: Step | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Cards of a batch that its supplier is asked about: (card, number, secret) each; unsold ones, or some that are disputed."""

    pool_id: int
    turn: int
    source: Source
    cards: tuple[tuple[int, str, str], ...] = field(repr=False)
    is_disputed: bool = False

    @property
    def name(self) -> str:
        """The same for ever, so that a question that is put again is the same question."""
        return f"probe-{self.pool_id}-{self.turn}"
