"""What Kashu answers, and how an answer is read. Fields that a later Kashu adds are passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Card:
    """A card in the clear. `expires_on` is None where a card does not expire."""

    number: str
    secret: str = field(repr=False)
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase with its cards. What is issued to somebody is `processing` first, then `delivered` or `refunded`.

    Long after it was used up it is `erased`: its cards are kept no longer.
    """

    id: str
    sku: str
    quantity: int
    price_fen: int
    total_fen: int
    reference: str
    cards: tuple[Card, ...]
    state: str
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bulk:
    """A bulk purchase. Its file is there when `state` is `done`; `stopped_by` says why fewer were bought than asked for."""

    id: str
    sku: str
    quantity: int
    bought: int
    total_fen: int
    reference: str
    state: str
    stopped_by: str
    file_bytes: int
    file_sha256: str


@dataclass(frozen=True, slots=True)
class Tier:
    """The price of one card from this quantity on."""

    from_quantity: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a SKU's form; `kind` is `phone`, `digits` or `text`."""

    name: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A card that can be picked, by its label."""

    label: str
    surcharge_fen: int


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU for sale, at your price. `available` is counted up to 1000."""

    sku: str
    title: str
    name: str
    kind: str
    price_fen: int
    tiers: tuple[Tier, ...]
    available: int
    needs_split_payment: bool
    validity: str
    form: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Your purchase account. `day_max_fen` is None where a day has no limit."""

    id: int
    organisation: str
    state: str
    balance_fen: int
    order_max: int
    day_max_fen: int | None
    spent_today_fen: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code that was redeemed; `undone_at` is None where that holds."""

    id: str
    sku: str
    place: str
    redeemed_at: datetime
    told_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of your account; a credit is positive."""

    id: str
    kind: str
    amount_fen: int
    memo: str
    posted_at: datetime


class KashuError(Exception):
    """Anything but the answer that was asked for.

    `code` is Kashu's stable one, or `unreachable` (status 0: no answer came) or `unreadable` (an answer that is not
    Kashu's). Asked again under the same `idempotency_key`, a purchase is never made twice.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.idempotency_key = ""


def read(response: httpx.Response, build: Callable[[Any], T]) -> T:
    """The answer as what it should be; raises the problem that it is instead."""
    if not response.is_success:
        raise problem_of(response)
    try:
        return build(response.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Without the cause: it could quote the body, and a body holds cards.
        told = f"The answer is not one of Kashu's ({type(error).__name__})."
        raise KashuError(response.status_code, "unreadable", told) from None


def problem_of(response: httpx.Response) -> KashuError:
    """A refusal (RFC 9457) as an error. A proxy's page is a refusal without a code of ours."""
    try:
        told = json.loads(response.content)
        code, detail = str(told["code"]), str(told.get("detail", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        code, detail = "unreadable", "The answer is not one of Kashu's."
    seconds = response.headers.get("Retry-After", "")
    is_whole = seconds.isascii() and seconds.isdigit()
    return KashuError(response.status_code, code, detail, int(seconds) if is_whole else None)


def account(told: Any) -> Account:
    return _pick(Account, told)


def purchase(told: Any) -> Purchase:
    cards = tuple(_pick(Card, card, expires_on=_day(card["expires_on"])) for card in told["cards"])
    delivered_at = None if told["delivered_at"] is None else datetime.fromisoformat(told["delivered_at"])
    return _pick(Purchase, told, cards=cards, delivered_at=delivered_at)


def bulk(told: Any) -> Bulk:
    return _pick(Bulk, told)


def skus(told: Any) -> tuple[list[Sku], str | None]:
    """A page and the cursor of the next."""
    found = [_sku(one) for one in told["skus"]]
    return found, told["next"]


def choices(told: Any) -> tuple[list[Choice], str | None]:
    """A page and the cursor of the next."""
    return [_pick(Choice, one) for one in told["choices"]], told["next"]


def statements(told: Any) -> tuple[list[Entry], str | None]:
    """A page and the cursor of the next."""
    found = [_pick(Entry, one, posted_at=datetime.fromisoformat(one["posted_at"])) for one in told["entries"]]
    return found, told["next"]


def redemption(told: Any) -> Redemption:
    names = ("redeemed_at", "told_at", "undone_at")
    instants = {name: None if told[name] is None else datetime.fromisoformat(told[name]) for name in names}
    return _pick(Redemption, told, **instants)


def _sku(told: Any) -> Sku:
    tiers = tuple(_pick(Tier, tier) for tier in told["tiers"])
    return _pick(Sku, told, tiers=tiers, form=tuple(_pick(Field, one) for one in told["form"]))


def _pick(shape: Callable[..., T], told: Any, **read_fields: object) -> T:
    names = [one.name for one in fields(shape)]  # type: ignore[arg-type]
    return shape(**{name: read_fields[name] if name in read_fields else told[name] for name in names})


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)
