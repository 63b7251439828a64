from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kashu.cards import Card
from kashu.catalog import Offer
from kashu.compliance import Effect
from kashu.party import Holder

Ask = tuple[int, str, int]  # what an order takes off a shelf: SKU; for a picked card its label and surcharge, or "", 0


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: a browser at an address, with a phone number or a Douyin identity where given."""

    device: bytes
    address: bytes
    phone: str = field(default="", repr=False)
    phone_identity: bytes | None = None
    open_id: str = ""

    @property
    def identities(self) -> tuple[bytes, ...]:
        """What tells this buyer from others; limits per buyer count on each of them."""
        named = [b"open:" + self.open_id.encode()] if self.open_id else []
        phone = [b"phone:" + self.phone_identity] if self.phone_identity else []
        return (b"device:" + self.device, *phone, *named)

    @property
    def buckets(self) -> tuple[bytes, ...]:
        return (*self.identities, b"address:" + self.address)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a buyer came from."""

    entry: str = "store"
    live_room: str = ""
    author: str = ""
    video: str = ""
    community: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A buyer asks for some pieces of a SKU, having seen a page and consented to its terms."""

    code: str
    quantity: int
    buyer: Buyer
    key: str
    pay: str  # the kind of channel to pay through; which instance is ours to choose
    method: str
    page_hash: bytes
    consent_hash: str
    source: Source = Source()
    pick: str = ""
    surcharge_fen: int = 0  # what the page said that the picked card costs more
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    form_mark: str = ""  # the form as something to compare and nothing to read
    holder: Holder | None = None  # whose age was verified in this browser a moment ago

    @property
    def identity(self) -> tuple[bytes, str]:
        return self.buyer.device, self.key

    @property
    def asked(self) -> str:
        """What must be the same when a key comes again."""
        particular = f" {self.pick}+{self.surcharge_fen} {self.form_mark}" if self.pick or self.form_mark else ""
        return f"{self.code}×{self.quantity}{particular}"


@dataclass(frozen=True, slots=True)
class Line:
    """Cards of one pool within an order."""

    pool_id: int
    id: UUID
    supplier_id: int
    cards: tuple[Card, ...]

    @property
    def quantity(self) -> int:
        return len(self.cards)

    @property
    def cost_fen(self) -> int:
        return sum(card.unit_cost_fen for card in self.cards)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order with its cards held until a deadline."""

    pool_id: int
    id: UUID
    number: str
    token: str
    payment_id: UUID
    channel_id: str
    price_fen: int
    total_fen: int
    steps: tuple[dict[str, Any], ...]
    lines: tuple[Line, ...]
    offer: Offer
    checkout: Checkout
    list_price_fen: int | None
    placed_at: datetime
    hold_until: datetime
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An order this checkout already led to: the same key from the same browser."""

    pool_id: int
    id: UUID
    token: str
    asked: str


class Refusal(StrEnum):
    """Why an order was not placed. Nothing moved; the same key may be tried again."""

    NOT_FOR_SALE = "not_for_sale"
    OUT_OF_STOCK = "out_of_stock"
    OVER_LIMIT = "over_limit"
    BUYER_LIMIT = "buyer_limit"
    TOO_MANY_UNPAID = "too_many_unpaid"
    PAGE_CHANGED = "page_changed"
    NO_CONSENT = "no_consent"
    KEY_REUSED = "key_reused"
    CHANNEL_CLOSED = "channel_closed"
    PICK_TAKEN = "pick_taken"
    FORM_WRONG = "form_wrong"
    LICENCE_LAPSED = "licence_lapsed"
    SELLER_LIMIT = "seller_limit"
    AGE_UNKNOWN = "age_unknown"
    MINOR_FORBIDDEN = "minor_forbidden"
    MINOR_UNDER_8 = "minor_under_8"
    MINOR_ORDER_MAX = "minor_order_max"
    MINOR_MONTH_MAX = "minor_month_max"


@dataclass(frozen=True, slots=True)
class Overspent:
    """Why a minor's order was not placed: the cap it is above, of one order or of a month, and what is left of the month."""

    refusal: Refusal
    fen_max: int
    left_fen: int


Answered = Placed | Earlier | Refusal | Overspent  # what a checkout comes to


@dataclass(frozen=True, slots=True)
class MinorOrder:
    """An order that counts towards a minor's month, and the limit it was sold under."""

    order_id: UUID
    holder: UUID
    month_fen_max: int


class RevealRefusal(StrEnum):
    """Why cards stay masked."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    NOT_DELIVERED = "not_delivered"
    HELD_BY_RISK = "held_by_risk"
    ERASED = "erased"
    TOO_OFTEN = "too_often"


class LinkRefusal(StrEnum):
    """Why the short link of a message opens nothing. The code to the phone still does."""

    NO_SUCH_LINK = "no_such_link"
    EXPIRED = "expired"
    USED = "used"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Link:
    """What a message to a phone carries instead of a card: it lets one browser have one order."""

    pool_id: int
    order_id: UUID
    phone_identity: bytes
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    device: bytes | None


@dataclass(frozen=True, slots=True)
class Possession:
    """A browser that may reveal an order: it checked out, proved the phone, or followed the message's link."""

    device: bytes
    how: str
    granted_at: datetime


class RefundRefusal(StrEnum):
    """Why no money goes back."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    NOT_PAID = "not_paid"
    ALREADY_SEEN = "already_seen"
    UNDER_WAY = "under_way"
    BEING_ISSUED = "being_issued"
    OF_ACCOUNT = "of_account"
    TOO_MUCH = "too_much"
    CARDS_LEFT = "cards_left"
    REDEEMED = "redeemed"
    NOTHING_DUE = "nothing_due"
    MORE_DUE = "more_due"


@dataclass(frozen=True, slots=True)
class Due:
    """What is owed for a delivered order (§2.3): why, for which of its cards, (pool, id), and whose these were."""

    effect: Effect
    causes: list[str]
    supplier_ids: list[int]
    amount_fen: int
    cards: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to give back of an order, and what has become of its cards."""

    left_fen: int
    is_seen: bool


class PurgeRefusal(StrEnum):
    """Why an order still names its buyer: it is kept for three years after its end, and while anything is in dispute."""

    GONE = "gone"
    NOT_OVER = "not_over"
    IN_DISPUTE = "in_dispute"
    TOO_YOUNG = "too_young"


class ForgetRefusal(StrEnum):
    """Why a buyer is not forgotten yet: what they bought is still being carried out, or argued about. Nothing has changed."""

    NO_SUCH_ORDER = "no_such_order"
    NOT_YOURS = "not_yours"
    GONE = "gone"
    UNDER_WAY = "under_way"
    UNSEEN = "unseen"
    IN_DISPUTE = "in_dispute"


class CodeRefusal(StrEnum):
    """Why a phone code does not open the orders of a number."""

    WRONG = "wrong"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored."""

    pool_id: int
    id: UUID
    number: str
    token: str
    state: str
    quantity: int
    total_fen: int
    phone_sealed: bytes | None = field(repr=False)
    phone_identity: bytes | None
    phone_tail: str
    open_id: str
    device: bytes
    address: bytes
    source_entry: str
    live_room: str
    author: str
    video: str
    community: str
    link: str
    consent_at: datetime
    consent_hash: str
    placed_at: datetime
    hold_until: datetime
    paid_at: datetime | None
    paid_late: bool
    delivered_at: datetime | None
    closed_at: datetime | None
    close_reason: str
    account_id: int | None
    reference: str
    completed_at: datetime | None
    erased_at: datetime | None
    purged_at: datetime | None
    forgotten_at: datetime | None = None  # when its buyer asked to be forgotten


@dataclass(frozen=True, slots=True)
class AffectedOrder:
    """An order of goods that were taken down (C-14), or of cards under a fallen authorisation; nothing that tells the buyer.

    `account_id` is an organisation's. `cards` are those that it is about, `received_on` the day the last of them came.
    """

    pool_id: int
    id: UUID
    number: str
    state: str
    quantity: int
    total_fen: int
    account_id: int | None
    placed_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    cards: int
    received_on: date


@dataclass(frozen=True, slots=True)
class SaleLine:
    """A sale line as stored, with all that it remembers."""

    pool_id: int
    id: UUID
    order_pool_id: int
    order_id: UUID
    sku_id: int
    seller_id: int
    supplier_id: int
    quantity: int
    price_fen: int
    list_price_fen: int | None
    price_steps: list[dict[str, Any]]
    total_fen: int
    cost_fen: int
    is_third_party: bool
    fee_rule_id: int
    commission_fen: int
    page_hash: bytes
    agreement_id: int
    risk_hold: str
    redemption: str
    placed_on: date
    delivered_at: datetime | None
    revealed_at: datetime | None
    warranty_ends_on: date | None
    is_later: bool = False  # issued to somebody (直充, 代充)
    stops: list[str] = field(default_factory=list)  # causes in its way, where they were asked for

    @property
    def pick(self) -> tuple[str, int] | None:
        """The label and surcharge of the card that was picked, where one was."""
        step = next((step for step in self.price_steps if step["what"] == "pick"), None)
        return None if step is None else (step["label"], step["surcharge_fen"])

    @property
    def deal_price_fen(self) -> int:
        """What one piece cost without the surcharge of a particular card: the price that others can compare with."""
        return self.price_fen - (self.pick[1] if self.pick else 0)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a bucket holds and has bought: open unpaid orders, and pieces by SKU."""

    unpaid_orders: int
    held_pieces: dict[int, int]
    pieces: dict[int, int]
