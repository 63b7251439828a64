"""The messages of the open API, each described once: what decodes them is what documents them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

# Python's `$` also matches before a final line break, the `$` of JSON Schema does not: `(?!\n)` makes them one.
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$(?!\n)"
Code = Annotated[
    str, Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$(?!\n)", description="A SKU's code.", examples=["ZM-MONTH"])
]
Quantity = Annotated[int, Meta(ge=1, le=10**9, description="How many cards; a JSON number without a fraction.")]
Reference = Annotated[
    str,
    Meta(max_length=64, pattern=NO_CONTROLS, description="Yours; unique in your account, for ever. May be left out."),
]
Fen = Annotated[int, Meta(description="Fen, 1/100 of a yuan.")]
PAGE_MAX = 200
Pick = Annotated[
    str,
    Meta(max_length=64, pattern=NO_CONTROLS, description="For a SKU of kind `pick`: the label of the card you choose."),
]
Form = Annotated[
    dict[
        Annotated[str, Meta(max_length=32, pattern=NO_CONTROLS)],
        Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS)],
    ],
    Meta(max_length=6, description="For a SKU that asks for one: its fields, filled in."),
]


class PurchaseAsked(Struct, forbid_unknown_fields=True):
    """Pieces of one SKU, paid from the purchase account and answered at once.

    SKUs of the kinds `pick`, `on_demand` and `manual` are bought one by one.
    """

    sku: Code
    quantity: Quantity
    reference: Reference = ""
    pick: Pick = ""
    form: Form = {}


class CardTold(Struct):
    """A card in the clear. `expires_on` is null where a card does not expire."""

    number: str
    secret: str
    expires_on: str | None


class PurchaseTold(Struct):
    """A purchase that is done: the same answer comes again under the same idempotency key.

    What is issued to somebody (kinds `on_demand` and `manual`) is `processing` at first, with no card and no
    `delivered_at`; it becomes `delivered`, or `refunded` in full. Webhooks tell, and the order can be read.
    """

    id: str
    sku: str
    quantity: int
    price_fen: Fen
    total_fen: Fen
    reference: str
    cards: list[CardTold]
    state: Annotated[
        str, Meta(description="`delivered`, `processing`, `refunded`, or `erased`: its cards are kept no longer.")
    ]
    delivered_at: datetime | None


class TierTold(Struct):
    from_quantity: int
    price_fen: Fen


class FieldTold(Struct):
    """A field of a SKU's form; `kind` is `phone`, `digits` or `text`."""

    name: str
    label: str
    kind: str


class SkuTold(Struct):
    """A SKU that is for sale, at the price it has for your account."""

    sku: str
    title: str
    name: str
    kind: str
    price_fen: Fen
    tiers: list[TierTold]
    available: Annotated[int, Meta(description="Cards on the shelf, counted up to 1000.")]
    needs_split_payment: Annotated[bool, Meta(description="A third party's goods: not for prepayment.")]
    validity: str
    form: Annotated[list[FieldTold], Meta(description="What a purchase of it has to fill in.")]


class SkusTold(Struct):
    skus: list[SkuTold]
    next: str | None


class ChoiceTold(Struct):
    """A card that can be picked: what shows of it, and what it costs more."""

    label: str
    surcharge_fen: Fen


class ChoicesTold(Struct):
    choices: list[ChoiceTold]
    next: str | None


class AccountTold(Struct):
    """Your purchase account."""

    id: int
    organisation: str
    state: str
    balance_fen: Fen
    order_max: Annotated[int, Meta(description="Cards in one purchase at most.")]
    day_max_fen: Fen | None
    spent_today_fen: Fen


class EntryTold(Struct):
    """A movement of your account: a credit is positive. `memo` is the order's id or your bank's reference."""

    id: str
    kind: str
    amount_fen: Fen
    memo: str
    posted_at: datetime


class StatementTold(Struct):
    entries: list[EntryTold]
    next: str | None


class BulkAsked(Struct, forbid_unknown_fields=True):
    """Cards of one SKU by the thousand: bought by a job, fetched as a ZIP that only your password opens (WinZip AES-256)."""

    sku: Code
    quantity: Quantity
    password: Annotated[
        str,
        Meta(
            min_length=12,
            max_length=128,
            pattern=NO_CONTROLS,
            description="12 to 128 characters, kept until the file is made.",
        ),
    ]
    reference: Reference = ""
    format: Annotated[Literal["csv", "xlsx"], Meta(description="What lies in the ZIP.")] = "csv"


class BulkTold(Struct):
    """A bulk purchase. `stopped_by` says why fewer were bought than asked for; the file is there when `state` is `done`."""

    id: str
    sku: str
    quantity: int
    bought: int
    total_fen: Fen
    reference: str
    state: Annotated[str, Meta(description="`running`, `packing` or `done`.")]
    stopped_by: str
    file_bytes: int
    file_sha256: str
    made_at: datetime
    done_at: datetime | None
    format: str


class RedemptionAsked(Struct, forbid_unknown_fields=True):
    """A code of ours that a customer brought: it is good once."""

    code: Annotated[str, Meta(min_length=4, max_length=64, pattern=NO_CONTROLS)]
    place: Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS, description="The shop, as you name it.")] = ""
    redeemed_at: Annotated[
        datetime | None,
        Meta(description="When it was taken, if not now: a till that was offline, at most seven days ago."),
    ] = None


class UndoAsked(Struct, forbid_unknown_fields=True):
    """Undo the redemption of a code, within an hour of having told it."""

    code: Annotated[str, Meta(min_length=4, max_length=64, pattern=NO_CONTROLS)]


class InvalidAsked(Struct, forbid_unknown_fields=True):
    """A code of ours that was sold and that you find no good: its buyer can complain, and its batch is looked at."""

    code: Annotated[str, Meta(min_length=4, max_length=64, pattern=NO_CONTROLS)]
    reason: Annotated[
        str, Meta(min_length=1, max_length=200, pattern=NO_CONTROLS, description="What is wrong with it.")
    ]
    place: Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS, description="The shop, as you name it.")] = ""


class InvalidTold(Struct):
    """What was said of a code; told again, it is the same. Redeeming the code later takes it back."""

    id: str
    sku: str
    place: str
    reason: str
    told_at: datetime


class RedemptionTold(Struct):
    """A code that was redeemed; the code itself is told to nobody again."""

    id: Annotated[
        str, Meta(description="The redemption's id; where it is attested, what the attestor is told names it.")
    ]
    sku: str
    place: str
    redeemed_at: datetime
    told_at: datetime
    undone_at: datetime | None


class RedemptionsTold(Struct):
    redemptions: list[RedemptionTold]
    next: str | None


class ProblemTold(Struct):
    """RFC 9457. `code` is stable; `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request as both lanes see it. Header names are lower case; `target` is the path with its query, as sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a bulk purchase's file, in bytes, to be read piece by piece."""

    bulk_id: UUID
    first: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    stretch: Stretch | None = None

    @property
    def length(self) -> int:
        return len(self.body) if self.stretch is None else self.stretch.length


encoder = msgspec.json.Encoder()


def answer(told: Struct, status: int = 200) -> Response:
    return Response(status, encoder.encode(told))


def fault_of(error: msgspec.ValidationError) -> str:
    """What is wrong with a body, in words that hold nothing of its values."""
    return str(error)[:200]


def plain(value: Any) -> Any:
    """A message as plain Python, for documents and tests."""
    return msgspec.to_builtins(value)
