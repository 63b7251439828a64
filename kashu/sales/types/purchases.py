from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kashu.cards import Opened
from kashu.catalog import Offer
from kashu.sales.types.orders import Line


@dataclass(frozen=True, slots=True)
class Account:
    """A purchase account: an organisation's contract prepayment, guarded above zero. It buys self-operated goods."""

    id: int
    party_id: int
    party: str
    state: str
    order_max: int
    day_max_fen: int | None
    spent_on: date
    spent_fen: int
    balance_fen: int
    opened_at: datetime

    def spent_today(self, today: date) -> int:
        """What counts against the day's limit; a purchase that began yesterday and waited counts in the newer day."""
        return self.spent_fen if self.spent_on >= today else 0


@dataclass(frozen=True, slots=True)
class ContractPrice:
    """一客一价: what one piece of a SKU costs this account, from an instant on."""

    id: UUID
    account_id: int
    sku_id: int
    price_fen: int
    from_at: datetime
    until_at: datetime | None
    set_by: str
    set_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Topup:
    """Prepayment that came in by bank: asked for by one person, credited by another (or after the wait, solo)."""

    id: UUID
    account_id: int
    amount_fen: int
    contract_no: str
    bank_reference: str
    approval_id: UUID
    state: str
    asked_by: str
    asked_at: datetime
    credited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credit:
    """What a claim gave back to the account that paid an order, and for how many of its cards."""

    pool_id: int
    id: UUID
    order_id: UUID
    account_id: int
    amount_fen: int
    cards: int
    reason: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Purchase:
    """A B-end buyer asks for some pieces of a SKU, paid from a purchase account. `asked` is the hash of the body, `by` the key or person."""

    account_id: int
    key: str
    asked: str
    code: str
    quantity: int
    reference: str = ""
    by: str = ""
    pick: str = ""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> tuple[int, str]:
        return self.account_id, self.key


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase that was done: paid, and delivered and shown, or on its way to `form`'s recipient (直充, 代充)."""

    pool_id: int
    id: UUID
    number: str
    price_fen: int
    total_fen: int
    steps: tuple[dict[str, Any], ...]
    lines: tuple[Line, ...]
    offer: Offer
    list_price_fen: int | None
    purchase: Purchase
    placed_at: datetime
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a buyer is told of a purchase, the first time and every time after."""

    number: str
    code: str
    quantity: int
    price_fen: int
    total_fen: int
    reference: str
    delivered_at: datetime | None
    cards: tuple[Opened, ...] = field(repr=False)
    state: str = "delivered"


class SellRefusal(StrEnum):
    """Why a purchase was not done. Nothing moved; the same key may be tried again."""

    ACCOUNT_CLOSED = "account_closed"
    NOT_FOR_SALE = "not_for_sale"
    NEEDS_SPLIT_PAYMENT = "needs_split_payment"
    OVER_LIMIT = "over_limit"
    SHORT_OF_FUNDS = "short_of_funds"
    OUT_OF_STOCK = "out_of_stock"
    REFERENCE_TAKEN = "reference_taken"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    TOO_MANY_OPEN = "too_many_open"
    PICK_TAKEN = "pick_taken"
    FORM_WRONG = "form_wrong"
    LICENCE_LAPSED = "licence_lapsed"


class AccountRefusal(StrEnum):
    """Why a purchase account did not change."""

    NOT_AN_ORGANISATION = "not_an_organisation"
    HAS_ONE = "has_one"
    NO_SUCH_ACCOUNT = "no_such_account"
    NOT_ACTIVE = "not_active"
    ALREADY_CREDITED = "already_credited"
    NO_SUCH_TOPUP = "no_such_topup"


@dataclass(frozen=True, slots=True)
class Bulk:
    """A bulk purchase: bought in steps by a job, then packed into a file that only its password opens."""

    id: UUID
    account_id: int
    code: str
    quantity: int
    reference: str
    state: str
    bought: int
    spent_fen: int
    steps: int
    stopped_by: str
    sealed_password: bytes | None = field(repr=False)
    file_bytes: int
    file_sha256: str
    made_by: str
    made_at: datetime
    done_at: datetime | None
    file_kind: str = "csv"


@dataclass(frozen=True, slots=True)
class Invoice:
    """发票申请: an account's purchases of one month, to be invoiced."""

    id: UUID
    account_id: int
    month: date
    title: str
    tax_no: str
    amount_fen: int
    state: str
    number: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None


class InvoiceRefusal(StrEnum):
    """Why no invoice was asked for or decided."""

    NOTHING_BOUGHT = "nothing_bought"
    MONTH_NOT_OVER = "month_not_over"
    ASKED_BEFORE = "asked_before"
    STILL_ISSUING = "still_issuing"
    NO_SUCH_INVOICE = "no_such_invoice"
