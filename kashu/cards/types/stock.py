from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

NEVER = date(9999, 12, 31)  # a card that does not expire; 'infinity' has no Python date
CAUSES = (
    "bad_card",
    "goodwill",
    "minor",
    "recall",
)  # why a sold card is void; only the first says anything of its batch


@dataclass(frozen=True, slots=True)
class Card:
    """A card on the shelf, ours until the transaction ends. It carries no secret."""

    pool_id: int
    id: int
    sku_id: int
    supplier_id: int
    unit_cost_fen: int
    expires_on: date = NEVER
    label: str = ""  # what shows of a card that is picked (自选), and what it costs more
    surcharge_fen: int = 0
    is_throttled: bool = False  # its supplier sells so much a day and no more (限流); told of picked ones


@dataclass(frozen=True, slots=True)
class Held:
    """What a hold takes: a card, for a line of an order, until a deadline."""

    card: Card
    order_id: UUID
    line_id: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Masked:
    """A delivered card as it may be shown without possession."""

    pool_id: int
    id: int
    sale_line_id: UUID
    mask: str
    expires_on: date
    state: str
    revealed_at: datetime | None
    batch: str
    line_no: int
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class CardRecord:
    """What is kept of a sold card, whether its secret still is or not."""

    pool_id: int
    id: int
    sale_line_id: UUID
    batch: str
    line_no: int
    mask: str
    version: int | None  # of a shared secret's content
    expires_on: date
    state: str
    sold_at: datetime | None
    revealed_at: datetime | None
    voided_at: datetime | None
    erased_at: datetime | None
    fingerprint: bytes | None  # written when the secret is erased


@dataclass(frozen=True, slots=True)
class Opened:
    """A card in the clear, on its way to the one who holds it."""

    pool_id: int
    id: int
    sale_line_id: UUID
    number: str = field(repr=False)
    secret: str = field(repr=False)
    expires_on: date


@dataclass(frozen=True, slots=True)
class Format:
    """How a card file is read: its encoding, what parts a line, and what each column is."""

    encoding: str
    separator: str  # one of SEPARATORS' names; "" means one column
    columns: tuple[str, ...]
    has_header: bool
    pattern: str = ""  # codes of our own are not read but made: by this rule, of this alphabet
    alphabet: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding,
            "separator": self.separator,
            "columns": list(self.columns),
            "has_header": self.has_header,
            **({"pattern": self.pattern, "alphabet": self.alphabet} if self.pattern else {}),
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Format:
        rule = (raw.get("pattern", ""), raw.get("alphabet", ""))
        return cls(raw["encoding"], raw["separator"], tuple(raw["columns"]), raw["has_header"], *rule)


@dataclass(frozen=True, slots=True)
class NewCard:
    """A good line of a card file."""

    line_no: int
    number: str = field(repr=False)
    secret: str = field(repr=False)
    expires_on: date
    unit_cost_fen: int | None
    face_value_fen: int | None
    note: str = field(repr=False)
    label: str = ""
    surcharge_fen: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A line turned away, with its reason and never its content."""

    line_no: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a file made ready for writing: sealed cards by fingerprint, and what was turned away already."""

    lines: int
    rejects: list[Reject]
    prints: list[bytes] = field(repr=False)
    rows: list[tuple[Any, ...]] = field(repr=False)  # as `cards_card` takes them; the last two are label and surcharge


@dataclass(frozen=True, slots=True)
class Batch:
    """One file of cards and the pool it fills."""

    pool_id: int
    code: str
    state: str
    file_name: str
    file_bytes: int
    manifest_hash: str
    spool: str
    data_key: bytes = field(repr=False)
    format: dict[str, Any]
    unit_cost_fen: int
    note: str
    lines_done: int
    lines_total: int
    accepted: int
    rejected: int
    cost_fen: int
    trouble: str
    received_by: str
    received_at: datetime
    loaded_at: datetime | None
    on_sale_at: datetime | None
    withdrawn_at: datetime | None
    redeemer_id: int | None
    sku_id: int
    supplier_id: int
    kind: str
    sellable: bool
    reason: str
    source_id: str | None
    source_code: str


@dataclass(frozen=True, slots=True)
class Source:
    """A supplier's API through which orders are issued on demand (直充), with the key we sign with."""

    id: str
    supplier_id: int
    title: str
    url: str
    key_id: str
    sealed_secret: bytes = field(repr=False)
    is_open: bool
    set_by: str
    set_at: datetime
    checks_cards: bool = False
    """Whether it answers for cards that came from this supplier (验卡)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A card on the shelf that can be picked: what shows of it, and what it costs more."""

    label: str
    surcharge_fen: int


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What is known of a file before its first line is read."""

    sku_id: int
    supplier_id: int
    kind: str
    file_name: str
    file_bytes: int
    manifest_hash: str
    spool: str
    format: Format
    unit_cost_fen: int
    note: str
    lines_total: int = 0
    redeemer_id: int | None = None  # who honours codes of our own
    source: tuple[str, str] | None = None  # for what is issued on demand: the source, and its code for these goods


@dataclass(frozen=True, slots=True)
class Redeeming:
    """An organisation redeems a code; `redeemed_at` is when it did, where it could not tell us at once."""

    party_id: int
    code: str = field(repr=False)
    key: str
    by: str
    place: str = ""
    redeemed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code that was redeemed (核销), and when that was undone if it was."""

    pool_id: int
    id: UUID
    card_id: int
    sku_id: int
    party_id: int
    key: str
    place: str
    redeemed_at: datetime
    told_at: datetime
    undone_at: datetime | None
    undone_key: str = ""


@dataclass(frozen=True, slots=True)
class CalledInvalid:
    """A code that whoever honours it found no good, before it was redeemed."""

    pool_id: int
    id: UUID
    card_id: int
    sku_id: int
    party_id: int
    key: str
    place: str
    reason: str
    told_at: datetime


class RedeemRefusal(StrEnum):
    """Why a code was not redeemed, not undone, or not called invalid."""

    NO_SUCH_CODE = "no_such_code"
    NOT_SOLD = "not_sold"
    EXPIRED = "expired"
    ALREADY_REDEEMED = "already_redeemed"
    NOT_REDEEMED = "not_redeemed"
    TOO_LATE = "too_late"
    WRONG_INSTANT = "wrong_instant"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Stock:
    """How many cards a pool or a SKU has in each state."""

    on_shelf: int = 0
    held: int = 0
    sold: int = 0
    exported: int = 0
    void: int = 0


class Refusal(StrEnum):
    """Why stock did not change. Nothing moved."""

    NO_SUCH_BATCH = "no_such_batch"
    WRONG_STATE = "wrong_state"
    NOTHING_UNSOLD = "nothing_unsold"
    WRONG_KIND = "wrong_kind"
    KNOWN_SECRET = "known_secret"  # noqa: S105  # a reason, not a password
    BAD_FORMAT = "bad_format"
    BAD_CHARACTERS = "bad_characters"
    GUESSABLE = "guessable"
    NO_SOURCE = "no_source"
    NO_DOCUMENT = "no_document"
    """Nothing says by which document it was bought (compliance.md §2.1)."""
    NOT_CONFIRMED = "not_confirmed"
    """No second person has confirmed its receipt (S-07)."""
    NOT_AUTHORISED = "not_authorised"
    """Goods of a brand without an authorisation in force."""
    NOT_PROBED = "not_probed"
    """Its supplier checks cards, and has not answered for a sample of these."""
    BLOCKED = "blocked"
    """Who sells it or who brought it may list nothing new now (compliance.md §2.3)."""
    FROZEN = "frozen"
    """It was stopped, and nobody has let it go on."""
    SAME_PERSON = "same_person"
    NO_REASON = "no_reason"
