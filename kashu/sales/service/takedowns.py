"""Taking goods down as illegal (C-14): listing, stock, snapshot, affected orders and draft report in one transaction.

Compliance keeps the record and the catalogue the listing; what was sold is known here, so they are put together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import cards, catalog, compliance, party
from kashu.audit import Actor
from kashu.catalog import DOWN, Product, Sku
from kashu.compliance import ORIGINS, Affected, Facts, Grounds, Takedown, TakedownRefusal
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.party import Party
from kashu.sales import rules, store
from kashu.sales.service.checkout import DEAL_DAYS
from kashu.sales.types import AffectedOrder

REPORT_HOURS = 24


def take_down(
    db: Db, actor: Actor, product_id: int, told: Grounds, at: datetime, report_hours: int = REPORT_HOURS
) -> Takedown | TakedownRefusal:
    """Freeze a product, keep what it showed, stop its stock, count what was sold, and draft what the authority is told.

    The product's row is held first: sales of it that are under way are written before it, and counted; none comes after.
    """
    assert_in_transaction(db)
    if told.origin not in ORIGINS or not told.ground.strip() or not told.reason.strip():
        return TakedownRefusal.NO_REASON
    product = catalog.hold_product(db, product_id)
    if product is None:
        return TakedownRefusal.NO_SUCH_PRODUCT
    if product.state in DOWN:
        return TakedownRefusal.ALREADY_DOWN
    skus = catalog.skus_of(db, product_id)
    sku_ids = [sku.id for sku in skus]
    pools = cards.pools_of(db, sku_ids)
    sold = store.affected(db, sku_ids, pools)
    seller = party.party(db, product.seller_id)
    assert seller is not None, "whoever sells is known"
    origins = cards.origins(db, pools)
    shown = {
        "product": _product(product),
        "seller": {"id": seller.id, "name": seller.name, "uscc": seller.uscc, "address": seller.address,
                   "contact": seller.contact},
        "skus": _shown(db, skus, at),
        "batches": [asdict(one) for one in origins],
        "taken_at": at,
    }  # fmt: skip
    facts = _facts(db, product, seller, ([sku.code for sku in skus], [one.code for one in origins]), sold)
    catalog.take_down(db, actor, product, told.reason, at)
    new = Takedown(
        0, product_id, sku_ids, product.seller_id, product.title, told.origin, told.reference, told.ground, told.reason,
        told.evidence, "frozen", b"", "", actor.name, at, at + timedelta(hours=report_hours),
    )  # fmt: skip
    return compliance.takedowns.begin(db, actor, new, (shown, facts), at)


def decide_takedown(
    db: Db, actor: Actor, takedown_id: int, after: str, decision: str, at: datetime, *, is_alone: bool
) -> Takedown | TakedownRefusal:
    """Close the listing for good, or make it a draft again; lifting takes another person than who took it down."""
    assert_in_transaction(db)
    found = compliance.takedown(db, takedown_id)
    if found is not None:  # the product first, then its takedown: as everybody who takes both
        catalog.hold_product(db, found.product_id)
    done = compliance.takedowns.decide(db, actor, takedown_id, after, decision, at, is_alone=is_alone)
    if isinstance(done, Takedown):
        state = "draft" if after == "lifted" else "closed"
        catalog.end_takedown(db, actor, done.product_id, state, decision, at)
    return done


def affected(db: Db, takedown: Takedown) -> Affected:
    """What was sold of goods that were taken down, as it stands now."""
    return store.affected(db, takedown.sku_ids, cards.pools_of(db, takedown.sku_ids))


def affected_orders(db: Db, takedown: Takedown, before: tuple[datetime, UUID], most: int) -> list[AffectedOrder]:
    """The orders of it, the newest first, from before one on."""
    return store.affected_orders(db, takedown.sku_ids, cards.pools_of(db, takedown.sku_ids), before, most)


def affected_under(db: Db, authorisation_ids: Sequence[int]) -> Affected:
    """What was sold of cards that are or ever were under these authorisations."""
    return store.affected(db, None, cards.pools_under(db, authorisation_ids))


def orders_under(
    db: Db, authorisation_ids: Sequence[int], before: tuple[datetime, UUID], most: int
) -> list[AffectedOrder]:
    """The orders of it, the newest first, from before one on: a fallen authorisation touches each of them (§2.5)."""
    return store.affected_orders(db, None, cards.pools_under(db, authorisation_ids), before, most)


def _product(product: Product) -> dict[str, Any]:
    names = ("id", "slug", "state", "category", "title", "brand", "headline", "summary", "facts", "steps",
             "refund_terms", "warranty_days", "image_id", "is_third_party", "goods")  # fmt: skip
    return {name: getattr(product, name) for name in names}


def _shown(db: Db, skus: Sequence[Sku], at: datetime) -> list[dict[str, Any]]:
    """What each SKU's page showed: its price, and the hash of the whole page, which is kept under it."""
    offers = catalog.offers(db, [sku.code for sku in skus], at)
    since = biz_date(at) - timedelta(days=DEAL_DAYS)
    deals = catalog.deals(db, [sku.id for sku in skus], since) if skus else []
    bodies = {code: catalog.page_body(offer, rules.shown_list_price(offer, deals)) for code, offer in offers.items()}
    if bodies:
        catalog.keep_pages(db, {catalog.page_hash(body): body for body in bodies.values()}, at)
    return [
        {
            "id": sku.id, "code": sku.code, "name": sku.name, "is_open": sku.is_open, "price_fen": sku.price_fen,
            "list_price_fen": sku.list_price_fen, "tiers": sku.tiers,
            "page": catalog.page_hash(bodies[sku.code]).hex() if sku.code in bodies else None,
            "body": bodies.get(sku.code),
        }
        for sku in skus
    ]  # fmt: skip


def _facts(db: Db, product: Product, seller: Party, codes: tuple[list[str], list[str]], sold: Affected) -> Facts:
    own = next(iter(party.parties(db, "platform")), None)
    return Facts(
        own.name if own else "", own.uscc if own else "", seller.name, seller.uscc, seller.address, seller.contact,
        product.title, f"/s/{product.slug}", *codes, sold,
    )  # fmt: skip
