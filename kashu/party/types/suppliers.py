"""Nouns of a supplier's life: papers, persons behind, deals, sanctions, screening, consents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kashu.party.types.parties import Supplier


class SupplierRefusal(StrEnum):
    """Why nothing was done to a supplier. Nothing has changed."""

    NO_SUCH_SUPPLIER = "no_such_supplier"
    WRONG_STATE = "wrong_state"
    WRONG_NUMBER = "wrong_number"
    NAME_TAKEN = "name_taken"
    NUMBER_TAKEN = "number_taken"
    BLACKLISTED = "blacklisted"
    INCOMPLETE = "incomplete"
    NOT_VERIFIED = "not_verified"
    LISTED = "listed"
    SAME_PERSON = "same_person"
    NEEDS_TWO = "needs_two"
    NO_CONSENT = "no_consent"
    NOT_OWN_NAME = "not_own_name"
    NO_AGREEMENT = "no_agreement"
    DEPOSIT_SHORT = "deposit_short"
    DEPOSIT_LOCKED = "deposit_locked"
    DEPOSIT_CLAIMED = "deposit_claimed"
    REFERENCE_TAKEN = "reference_taken"
    TOO_MANY = "too_many"
    NO_REASON = "no_reason"
    WRONG_TERM = "wrong_term"
    GONE = "gone"
    EXPIRED = "expired"
    NOT_GROWN_UP = "not_grown_up"
    DECLARE_CHANGE = "declare_change"
    OWN_REQUEST = "own_request"
    NOT_OWNER = "not_owner"
    LAST_OWNER = "last_owner"
    IS_STAFF = "is_staff"


class Lack(StrEnum):
    """What an onboarding still lacks, step by step (§2.1)."""

    COMPANY = "company"
    ADDRESS = "address"
    CONTACT = "contact"
    BUSINESS_LICENCE = "business_licence"
    LEGAL_REPRESENTATIVE = "legal_representative"
    BENEFICIAL_OWNER = "beneficial_owner"
    IDENTITY = "identity"
    BANK_ACCOUNT = "bank_account"


@dataclass(frozen=True, slots=True)
class Application:
    """What an organisation says of itself when it applies; `number` is its USCC, or its holder's ID where unregistered."""

    name: str
    number: str
    address: str
    contact: str
    phone: str
    is_registered: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A paper of a supplier: its file lies sealed in the spool under its SHA-256."""

    id: UUID
    party_id: int
    kind: str
    number: bytes | None = field(repr=False)
    name: str
    fields: dict[str, Any]
    spool: str
    size: int
    sha256: str
    valid_to: date | None
    state: str
    reason: str
    submitted_by: str
    submitted_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewDocument:
    kind: str
    name: str
    number: str
    fields: dict[str, Any]
    spool: str
    size: int
    sha256: str
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Principal:
    """A person behind an organisation; name and number are sealed."""

    id: UUID
    party_id: int
    role: str
    name: bytes = field(repr=False)
    id_number: bytes = field(repr=False)
    id_mark: bytes = field(repr=False)
    id_tail: str
    share_bp: int
    added_by: str
    added_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where a supplier is paid: in its own name only (C-63)."""

    id: UUID
    party_id: int
    holder: str
    bank: str
    number: bytes = field(repr=False)
    mark: bytes = field(repr=False)
    tail: str
    state: str
    set_by: str
    set_at: datetime
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What an authority or an institution says of a company, a person or an account, with the hash of its answer."""

    id: UUID
    party_id: int
    kind: str
    subject: str
    state: str
    detail: str
    evidence: str
    asked_by: str
    asked_at: datetime
    externally_verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Query:
    """What an authority is asked, opened for the call only."""

    verification_id: UUID
    kind: str
    name: str
    number: str = field(repr=False)
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A version of what a supplier signs; a deposit agreement names all four things the law asks for (C-34)."""

    kind: str
    version: int
    title: str
    body: str
    deposit_fen: int
    management: str
    usage: str
    refund: str
    sha256: str
    published_by: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Signature:
    party_id: int
    kind: str
    version: int
    sha256: str
    signed_by: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Deposit:
    """What is agreed and what is held of a deposit."""

    due_fen: int
    held_fen: int

    @property
    def is_full(self) -> bool:
        return self.held_fen >= self.due_fen


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a supplier's sales still bind its deposit for, as those know who keep sales and complaints."""

    last_sale_at: datetime | None = None
    warranty_ends_on: date | None = None  # of whatever lasts longest
    is_contested: bool = False  # a complaint, a compensation or a guardian's claim of its orders is open


@dataclass(frozen=True, slots=True)
class Sanction:
    """A measure against a supplier, by grade, with its reason, its term and how it ended (C-15)."""

    id: UUID
    party_id: int
    grade: str
    ground: str
    reason: str
    evidence: str
    begins_at: datetime
    ends_at: datetime | None
    is_public: bool
    state: str
    imposed_by: str
    ended_by: str | None
    ended_at: datetime | None
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewSanction:
    grade: str
    ground: str
    reason: str
    evidence: str
    ends_at: datetime | None
    is_public: bool


@dataclass(frozen=True, slots=True)
class Appeal:
    id: UUID
    sanction_id: UUID
    words: str
    state: str
    made_by: str
    made_at: datetime
    answer: str
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a list of persons and organisations: one name, other names, numbers (C-60)."""

    name: str
    aliases: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListVersion:
    list_id: str
    version: int
    sha256: str
    entries: int
    loaded_by: str
    loaded_at: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    """A supplier, a person behind it or its account that is like an entry of a list."""

    id: UUID
    party_id: int
    subject: str
    list_id: str
    version: int
    listed: str
    matched: str
    state: str
    found_at: datetime
    reason: str
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    id: UUID
    party_id: int
    email: bytes = field(repr=False)
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    accepted_by: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for about their own data (C-53)."""

    id: UUID
    person_id: int
    kind: str
    words: bytes = field(repr=False)
    state: str
    made_at: datetime
    due_at: datetime
    answer: str
    decided_by: str | None
    decided_at: datetime | None
    erase_on: date | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """A file for an authority: made, and, once there is a receipt, sent. What was in it is told by its hash."""

    id: UUID
    kind: str
    period: str
    rows: int
    sha256: str
    made_by: str
    made_at: datetime
    authority: str = ""
    receipt: str = ""
    sent_by: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SupplierFile:
    """Everything known of a supplier, as its screens and its review have it."""

    supplier: Supplier
    documents: list[Document]
    principals: list[Principal]
    bank_account: BankAccount | None
    verifications: list[Verification]
    signatures: list[Signature]
    sanctions: list[Sanction]
    hits: list[Hit]
    deposit: Deposit
    lacks: list[Lack]
