from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

KINDS = ("single_use", "shared_secret", "pick", "own_code", "on_demand", "manual")
SINGLY = ("pick", "on_demand", "manual")  # bought one by one: each is for somebody, or is one of its kind
DOWN = ("frozen", "closed")  # taken down as illegal (C-14): until a decision, or for good
LATER = ("on_demand", "manual")  # paid first, delivered when it is done
FIELDS = ("phone", "digits", "text")  # what a field of a buyer's form may hold
INKS = ("green", "indigo", "ink", "plum")


@dataclass(frozen=True, slots=True)
class Category:
    id: int
    parent_id: int | None
    slug: str
    name: str
    ink: str
    position: int
    is_open: bool
    goods: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What a page is about; its SKUs are what one buys."""

    id: int
    slug: str
    category_id: int
    category: str
    ink: str
    seller_id: int
    seller: str
    is_third_party: bool
    title: str
    brand: str
    headline: str
    summary: str
    facts: list[list[str]]
    steps: list[str]
    refund_terms: str
    warranty_days: int
    image_id: UUID | None
    state: str
    category_is_open: bool = True
    goods: str | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """From `from_quantity` pieces on, one costs `price_fen`."""

    from_quantity: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class Sku:
    id: int
    code: str
    product_id: int
    name: str
    kind: str
    price_fen: int
    list_price_fen: int | None
    tiers: list[dict[str, int]]
    order_max: int
    buyer_max: int | None
    validity: str
    low_stock: int
    position: int
    is_open: bool
    form: list[dict[str, str]] = field(default_factory=list)
    push_secret: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU as it may be bought now, with everything a sale line must remember of it."""

    sku_id: int
    code: str
    slug: str
    title: str
    brand: str
    headline: str
    sku_name: str
    kind: str
    price_fen: int
    list_price_fen: int | None
    tiers: list[dict[str, int]]
    order_max: int
    buyer_max: int | None
    validity: str
    facts: list[list[str]]
    steps: list[str]
    refund_terms: str
    warranty_days: int
    image_id: UUID | None
    category_id: int
    seller_id: int
    seller: str
    seller_uscc: str
    is_third_party: bool
    price_from: datetime
    fee_rule_id: int
    commission_bp: int
    agreement_id: int
    form: list[dict[str, str]] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)  # what stops its sale now (compliance.md §2.3)
    minors: str = "free"  # whether minors may have it (C-70)
    is_throttled: bool = False  # its seller sells so much a day and no more (限流)

    @property
    def is_singly(self) -> bool:
        """Whether one order is for one piece."""
        return self.kind in SINGLY

    @property
    def is_later(self) -> bool:
        """Whether it is delivered some time after it was paid."""
        return self.kind in LATER


@dataclass(frozen=True, slots=True)
class Quote:
    """What `quantity` pieces cost and how that came about; `steps` are kept with the sale."""

    price_fen: int
    total_fen: int
    steps: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Deal:
    """The deal prices of one SKU on one business day."""

    sku_id: int
    day: date
    lowest_fen: int
    last_fen: int


@dataclass(frozen=True, slots=True)
class PriceChange:
    price_fen: int
    list_price_fen: int | None
    tiers: list[dict[str, int]]
    from_at: datetime
    set_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class FeeRule:
    """The commission on third-party goods, in basis points, of a seller and a category (None: of all), for a period.

    The most particular rule in force counts: seller before category, then the newest. A sale line keeps its rule's id.
    """

    id: int
    seller_id: int | None
    seller: str | None
    category_id: int | None
    category: str | None
    commission_bp: int
    effective_at: datetime
    ends_at: datetime | None
    set_by: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """A public rule, by kind and version (C-06)."""

    id: int
    kind: str
    version: int
    title: str
    body: str
    published_at: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody from the public said of a version to come; nobody is asked who they are."""

    id: UUID
    agreement_id: int
    words: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Image:
    id: UUID
    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


class Refusal(StrEnum):
    """Why the catalogue did not change."""

    LIST_PRICE_UNPROVEN = "list_price_unproven"
    CATEGORY_CLOSED = "category_closed"
    NOTHING_TO_SELL = "nothing_to_sell"
    NO_SUCH_MOVE = "no_such_move"
    VOID_CLAUSE = "void_clause"
    BRAND_FIXED = "brand_fixed"
    GOODS_FIXED = "goods_fixed"
    FEE_IN_THE_PAST = "fee_in_the_past"
    TAKEN = "taken"
    TIERS_WRONG = "tiers_wrong"
    FORM_WRONG = "form_wrong"
    BLOCKED = "blocked"
    IN_REVIEW = "in_review"
    REVIEW_DENIED = "review_denied"
    TAKEN_DOWN = "taken_down"
    TOO_SOON = "too_soon"
    NOT_OPEN = "not_open"
    WORDS_WRONG = "words_wrong"
