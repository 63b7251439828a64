"""Prices and pages, as plain functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from kashu.catalog.types import FIELDS, LATER, Agreement, Deal, Offer, Product, Quote, Sku, Tier
from kashu.compliance import Texts
from kashu.kernel.clock import biz_date
from kashu.kernel.states import moves
from kashu.kernel.text import canonical_json

PRODUCT = moves(
    "product",
    draft="on_sale frozen",
    on_sale="off_sale frozen",
    off_sale="on_sale frozen",
    frozen="draft closed",  # C-14: by the decision about a takedown, and in no other way
    closed="",
)
NOTICE_DAYS = 7  # C-06, ECOM §34
COMMENT_CHARS_MIN, COMMENT_CHARS_MAX = 5, 1_000
STRUCK_DAYS = 7
TIERS_MAX = 10
FORM_FIELDS_MAX = 6
FIELD_CHARS_MAX = 64
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
FIELD_SHAPES = {
    "phone": re.compile(r"1[3-9][0-9]{9}\Z"),
    "digits": re.compile(r"[0-9]{1,64}\Z"),
    "text": re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029]{1,64}\Z"),
}


def tiers_of(raw: Sequence[Mapping[str, int]]) -> list[Tier]:
    return sorted((Tier(tier["from"], tier["price_fen"]) for tier in raw), key=lambda tier: tier.from_quantity)


def tiers_fit(price_fen: int, tiers: Sequence[Tier]) -> bool:
    """More pieces never cost more each, and a tier begins above one piece."""
    steps = [Tier(1, price_fen), *tiers]
    falls = all(a.from_quantity < b.from_quantity and a.price_fen > b.price_fen for a, b in pairwise(steps))
    return falls and len(tiers) <= TIERS_MAX and all(tier.price_fen > 0 for tier in tiers)


def quote(price_fen: int, tiers: Sequence[Mapping[str, int]], quantity: int) -> Quote:
    """What a quantity costs: the base price, or that of the highest tier reached. Ours bears the difference."""
    unit_fen, steps = price_fen, [{"what": "base", "price_fen": price_fen}]
    for tier in tiers_of(tiers):
        if quantity >= tier.from_quantity:
            unit_fen = tier.price_fen
    if unit_fen != price_fen:
        steps.append({"what": "tier", "price_fen": unit_fen, "off_fen": price_fen - unit_fen, "borne_by": "seller"})
    return Quote(unit_fen, unit_fen * quantity, tuple(steps))


def struck_price_most(deals: Sequence[Deal], price_from: datetime) -> int | None:
    """The highest price that may stand struck through beside a price in force since `price_from` (C-35).

    It is the lowest deal price of the seven days before, or the last deal's where those days saw none; with no
    deal at all there is nothing to compare with.
    """
    begin = biz_date(price_from)
    before = [deal for deal in deals if deal.day < begin]
    week = [deal.lowest_fen for deal in before if deal.day >= begin - timedelta(days=STRUCK_DAYS)]
    if week:
        return min(week)
    return max(before, key=lambda deal: deal.day).last_fen if before else None


def has_struck_price(list_price_fen: int | None, deals: Sequence[Deal], price_from: datetime) -> bool:
    most = struck_price_most(deals, price_from)
    return list_price_fen is not None and most is not None and list_price_fen <= most


def form_fits(kind: str, form: Sequence[Mapping[str, str]]) -> bool:
    """Whether these fields can be asked for. What is issued to somebody asks for whom; a card asks for nothing."""
    names = [one["name"] for one in form]
    return (
        bool(form) == (kind in LATER)
        and len(form) <= FORM_FIELDS_MAX
        and len(set(names)) == len(names)
        and all(FIELD_NAME.match(name) for name in names)
        and all(one["kind"] in FIELDS and 1 <= len(one["label"]) <= 20 for one in form)
    )


def filled(form: Sequence[Mapping[str, str]], told: Mapping[str, str]) -> dict[str, str] | str:
    """What a buyer filled in, tidied, field by field; or the name of the first field that is not right."""
    names = {one["name"] for one in form}
    for extra in sorted(told.keys() - names):
        return extra
    tidy: dict[str, str] = {}
    for one in form:
        text = told.get(one["name"], "").strip()
        if one["kind"] == "phone":
            text = re.sub(r"[\s-]", "", text).removeprefix("+86")
        if not FIELD_SHAPES[one["kind"]].match(text):
            return one["name"]
        tidy[one["name"]] = text
    return tidy


def texts(product: Product, skus: Sequence[Sku]) -> Texts:
    """Every text of a page, as it is read before it stands (1.11, C-31, C-35).

    What explains is a body; so is what a form asks for, which has to speak of accounts.
    """
    titles = [product.title, f"{product.brand} {product.title}", product.headline]
    bodies = [product.summary, *product.steps, product.refund_terms, *(" ".join(fact) for fact in product.facts)]
    for sku in skus:
        names, labels = sku_texts(sku)
        titles += names
        bodies += labels
    lines = [f"{product.title} {sku.name}" for sku in skus]
    return Texts(_told(titles), _told(bodies), product.brand.strip(), _told(lines))


def sku_texts(sku: Sku) -> tuple[list[str], list[str]]:
    """What a SKU says: its name and terms, and the labels of its form."""
    return [sku.name, sku.validity], [one["label"] for one in sku.form]


def _told(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in found if text.strip()))


def has_notice(last: Agreement, new: Agreement) -> bool:
    """Whether a version is published long enough ahead, and follows the last one (C-06)."""
    told = new.effective_at - new.published_at >= timedelta(days=NOTICE_DAYS)
    return told and new.effective_at > last.effective_at


def page_body(offer: Offer, list_price_fen: int | None) -> dict[str, Any]:
    """All that a product page promises, without what changes by the second. Its hash is what the buyer consents to."""
    return {
        "code": offer.code,
        "title": offer.title,
        "brand": offer.brand,
        "headline": offer.headline,
        "sku": offer.sku_name,
        "price_fen": offer.price_fen,
        "list_price_fen": list_price_fen,
        "tiers": [{"from": tier.from_quantity, "price_fen": tier.price_fen} for tier in tiers_of(offer.tiers)],
        "order_max": offer.order_max,
        "buyer_max": offer.buyer_max,
        "validity": offer.validity,
        "facts": offer.facts,
        "steps": offer.steps,
        "refund_terms": offer.refund_terms,
        "warranty_days": offer.warranty_days,
        "image": None if offer.image_id is None else str(offer.image_id),
        "seller": offer.seller,
        "seller_uscc": offer.seller_uscc,
        "is_third_party": offer.is_third_party,
        "agreement": offer.agreement_id,
        **({"form": offer.form} if offer.form else {}),
    }


def page_hash(body: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical_json(body).encode()).digest()


def page_hash_of(offer: Offer, list_price_fen: int | None) -> bytes:
    return page_hash(page_body(offer, list_price_fen))
