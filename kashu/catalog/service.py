from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from kashu import audit, compliance
from kashu.audit import SYSTEM, Actor, Deed
from kashu.catalog import rules, store
from kashu.catalog.types import (
    DOWN,
    SINGLY,
    Agreement,
    Category,
    Comment,
    FeeRule,
    Image,
    PriceChange,
    Product,
    Refusal,
    Sku,
)
from kashu.compliance import Effect, Event, Texts
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.text import sha256_hex

REREAD_MAX = 50  # in one transaction
DEAL_DAYS = 90  # how far back a last deal is looked for


def add_category(db: Db, actor: Actor, category: Category, at: datetime) -> Category | Refusal:
    """Open a category under its slug; the given id is ignored."""
    assert_in_transaction(db)
    found = store.add_category(db, category)
    if not found:
        return Refusal.TAKEN
    after = {"name": category.name, "is_open": category.is_open}
    audit.record(db, [Deed(actor, "category.add", "category", str(found), after=after)], at)
    return replace(category, id=found)


def hold_category(db: Db, category_id: int) -> None:
    """Have nothing come on sale under a category, nor rely on its kind of goods, until this transaction ends."""
    assert_in_transaction(db)
    store.hold_category(db, category_id, to_map=True)


def map_category(
    db: Db, actor: Actor, category_id: int, goods: str | None, at: datetime, *, is_stocked: bool = True
) -> Refusal | None:
    """Say what kind of goods a category holds; what needs other licences from now on is asked for them (§1.11).

    What is on sale was read as the kind it is, and its papers are for that kind: pages and batches come off sale first, and
    are read anew as what they are then. `cards.map_category` knows whether batches are for sale.
    """
    assert_in_transaction(db)
    store.hold_category(db, category_id, to_map=True)
    found = next((one for one in store.categories(db) if one.id == category_id), None)
    if found is None or (goods is not None and goods not in {one.code for one in compliance.goods(db)}):
        return Refusal.NO_SUCH_MOVE
    is_other = found.goods is not None and goods != found.goods
    if is_other and (is_stocked or store.on_sale(db, category_id=category_id)):
        return Refusal.GOODS_FIXED
    store.map_category(db, category_id, goods)
    told = ({"goods": found.goods}, {"goods": goods})
    audit.record(db, [Deed(actor, "category.map", "category", str(category_id), *told)], at)
    return None


def open_product(db: Db, actor: Actor, new: Product, at: datetime) -> Product | Refusal:
    """Start a product as a draft; the given id and state are ignored."""
    assert_in_transaction(db)
    if _is_void(rules.texts(new, ())):
        return Refusal.VOID_CLAUSE
    found = store.add_product(db, new, at)
    if not found:
        return Refusal.TAKEN
    after = {"slug": new.slug, "title": new.title, "seller": new.seller_id}
    audit.record(db, [Deed(actor, "product.open", "product", str(found), after=after)], at)
    return replace(new, id=found, state="draft")


def hold_draft(db: Db, seller_id: int, product_id: int) -> Product | Refusal:
    """A seller's own product that was never listed, and is not until this transaction ends: theirs to write."""
    assert_in_transaction(db)
    found = store.hold_product(db, product_id)
    if found is None or found.seller_id != seller_id or found.state != "draft":
        return Refusal.NO_SUCH_MOVE
    return found


def edit_product(
    db: Db, actor: Actor, edited: Product, reason: str, at: datetime, *, is_stocked: bool = True
) -> Product | Refusal:
    """Change what the page says. Buyers keep the page they bought from.

    `is_stocked`: batches of it are for sale, and their papers are for one brand and one kind of goods (§2.1); so both stay as
    they are. `cards.edit_product` knows whether there are any.
    """
    assert_in_transaction(db)
    if _is_void(rules.texts(edited, ())):
        return Refusal.VOID_CLAUSE
    before = store.hold_product(db, edited.id)
    assert before is not None
    if before.state in DOWN:
        return Refusal.TAKEN_DOWN
    store.hold_category(db, edited.category_id)
    goods = {one.id: one.goods for one in store.categories(db)}
    edited = replace(edited, goods=goods.get(edited.category_id))
    if is_stocked and (edited.brand, edited.goods) != (before.brand, before.goods):
        return Refusal.BRAND_FIXED
    if before.state == "on_sale" and edited.category_id != before.category_id and _is_blocked(db, edited, at):
        return Refusal.BLOCKED
    refusal = _unreviewed(db, actor, edited, _open_skus(db, edited.id), at) if before.state == "on_sale" else None
    if refusal is not None:
        return refusal
    store.edit_product(db, edited)
    changed = [name for name in ("title", "brand", "headline", "summary", "facts", "steps", "refund_terms",
                                 "warranty_days", "category_id", "image_id")
               if getattr(before, name) != getattr(edited, name)]  # fmt: skip
    told = [{name: getattr(one, name) for name in changed} for one in (before, edited)]
    deed = Deed(actor, "product.edit", "product", str(edited.id), before=told[0], after=told[1], reason=reason)
    audit.record(db, [deed], at)
    return edited


def move_product(db: Db, actor: Actor, product_id: int, after: str, reason: str, at: datetime) -> Refusal | None:
    """Put a product on sale or take it off. Default-deny: only an open category can be published (C-04)."""
    assert_in_transaction(db)
    found = store.hold_product(db, product_id)
    assert found is not None
    if found.state in DOWN:
        return Refusal.TAKEN_DOWN
    if not rules.PRODUCT.allows(found.state, after):
        return Refusal.NO_SUCH_MOVE
    if after == "on_sale" and not found.category_is_open:
        return Refusal.CATEGORY_CLOSED
    if after == "on_sale" and _is_blocked(db, found, at):
        return Refusal.BLOCKED
    skus = _open_skus(db, product_id)
    if after == "on_sale" and not skus:
        return Refusal.NOTHING_TO_SELL
    refusal = _unreviewed(db, actor, found, skus, at) if after == "on_sale" else None
    if refusal is not None:
        return refusal
    store.move_product(db, product_id, found.state, after)
    told = ({"state": found.state}, {"state": after})
    deed = Deed(actor, f"product.{after}", "product", str(product_id), before=told[0], after=told[1], reason=reason)
    audit.record(db, [deed], at)
    return None


def reread(db: Db, after: int, at: datetime) -> tuple[int, list[int]] | None:
    """Read pages on sale anew, some from an id on: what would be denied today comes off sale, whenever it was published.

    Says up to which one was read and what came off; None where none is left. What a person would be asked about stays until
    it is published again.
    """
    assert_in_transaction(db)
    some = store.on_sale(db, after=after, most=REREAD_MAX)
    for one in some:
        if _comes_off(db, one, at):
            return one, [one]  # each with a transaction of its own: sales hold several pages at once
    return (some[-1], []) if some else None


def _comes_off(db: Db, product_id: int, at: datetime) -> bool:
    seen = store.product(db, product_id=product_id)
    if seen is None or not _is_denied(db, seen, at):
        return False
    found = store.hold_product(db, product_id)
    assert found is not None
    refusal = _unreviewed(db, SYSTEM, found, _open_skus(db, product_id), at) if found.state == "on_sale" else None
    if refusal is not Refusal.REVIEW_DENIED:
        return False
    _decide(db, SYSTEM, (product_id, "on_sale", "off_sale"), "复读：按现行规则不得上架", at)
    return True


def take_down(db: Db, actor: Actor, product: Product, reason: str, at: datetime) -> None:
    """Freeze a product that the caller holds: nothing of it is sold, shown or changed until a decision (C-14)."""
    _decide(db, actor, (product.id, product.state, "frozen"), reason, at)


def end_takedown(db: Db, actor: Actor, product_id: int, after: str, reason: str, at: datetime) -> None:
    """What was frozen is a draft again, read anew before it is listed; or it is closed for good."""
    _decide(db, actor, (product_id, "frozen", after), reason, at)


def _decide(db: Db, actor: Actor, move: tuple[int, str, str], reason: str, at: datetime) -> None:
    assert_in_transaction(db)
    product_id, before, after = move
    rules.PRODUCT.check(before, after)
    store.move_product(db, product_id, before, after)
    told = ({"state": before}, {"state": after})
    audit.record(db, [Deed(actor, f"product.{after}", "product", str(product_id), *told, reason)], at)


def _is_blocked(db: Db, product: Product, at: datetime) -> bool:
    """Whether papers, a missed verification or a short deposit keep this from being listed; unmapped goods always are."""
    return compliance.effect(db, product.seller_id, product.goods, Event.LISTING, at) is Effect.REFUSE


def _is_denied(db: Db, product: Product, at: datetime) -> bool:
    papers = compliance.authorisations.papers(db, product.seller_id, product.goods, at)
    return compliance.reviews.is_denied(rules.texts(product, _open_skus(db, product.id)), papers)


def _open_skus(db: Db, product_id: int) -> list[Sku]:
    return [sku for sku in store.skus_of(db, product_id) if sku.is_open]


def _is_void(texts: Texts) -> bool:
    return bool(compliance.void_clauses(*texts.titles, *texts.bodies))


def _unreviewed(db: Db, actor: Actor, product: Product, skus: Sequence[Sku], at: datetime) -> Refusal | None:
    """Why a page may not stand as it would be: void, denied, or not yet looked at by a person. The review itself is kept."""
    texts = rules.texts(product, skus)
    if _is_void(texts):
        return Refusal.VOID_CLAUSE
    papers = compliance.authorisations.papers(db, product.seller_id, product.goods, at)
    said = compliance.reviews.submit(db, actor, f"product:{product.id}", texts, at, papers)
    return {"allowed": None, "waiting": Refusal.IN_REVIEW, "refused": Refusal.REVIEW_DENIED}[said.state]


def _unfit_sku(db: Db, actor: Actor, product: Product, sku: Sku, at: datetime) -> Refusal | None:
    """Why a SKU's texts may not be saved, or may not be shown where its product is on sale."""
    names, labels = rules.sku_texts(sku)
    if compliance.void_clauses(*names, *labels):
        return Refusal.VOID_CLAUSE
    if product.state != "on_sale" or not sku.is_open:
        return None
    others = [one for one in _open_skus(db, product.id) if one.code != sku.code]
    return _unreviewed(db, actor, product, [*others, sku], at)


def add_sku(db: Db, actor: Actor, new: Sku, at: datetime) -> Sku | Refusal:
    """Add a SKU with its first price; the given id is ignored and a list price has to be proven later."""
    assert_in_transaction(db)
    if not rules.tiers_fit(new.price_fen, rules.tiers_of(new.tiers)):
        return Refusal.TIERS_WRONG
    if not rules.form_fits(new.kind, new.form):
        return Refusal.FORM_WRONG
    product = store.hold_product(db, new.product_id)
    assert product is not None
    if product.state in DOWN:
        return Refusal.TAKEN_DOWN
    if product.state == "on_sale" and _is_blocked(db, product, at):
        return Refusal.BLOCKED
    refusal = _unfit_sku(db, actor, product, new, at)
    if refusal is not None:
        return refusal
    if new.kind in SINGLY:
        new = replace(new, order_max=1)
    found = store.add_sku(db, new)
    if not found:
        return Refusal.TAKEN
    store.set_price(db, found, PriceChange(new.price_fen, None, new.tiers, at, actor.name, ""))
    after = {"code": new.code, "kind": new.kind, "price_fen": new.price_fen}
    audit.record(db, [Deed(actor, "sku.add", "sku", new.code, after=after)], at)
    return replace(new, id=found, list_price_fen=None)


def edit_sku(db: Db, actor: Actor, edited: Sku, at: datetime) -> Refusal | None:
    """Change a SKU's limits, name or place; its price moves by `set_price` only."""
    assert_in_transaction(db)
    product = store.hold_product(db, edited.product_id)
    before = store.sku(db, edited.code, lock=True)
    assert product is not None
    assert before is not None
    assert before.product_id == product.id
    if product.state in DOWN:
        return Refusal.TAKEN_DOWN
    is_shown = edited.is_open and not before.is_open
    if product.state == "on_sale" and is_shown and _is_blocked(db, product, at):
        return Refusal.BLOCKED
    if is_shown or rules.sku_texts(edited) != rules.sku_texts(before):
        refusal = _unfit_sku(db, actor, product, edited, at)
        if refusal is not None:
            return refusal
    if before.kind in SINGLY:
        edited = replace(edited, order_max=1)
    store.edit_sku(db, edited)
    names = ("name", "order_max", "buyer_max", "validity", "low_stock", "position", "is_open", "push_secret")
    told = [{name: getattr(one, name) for name in names} for one in (before, edited)]
    audit.record(db, [Deed(actor, "sku.edit", "sku", edited.code, before=told[0], after=told[1])], at)
    return None


def set_price(db: Db, actor: Actor, code: str, change: PriceChange) -> Refusal | None:
    """Change a price from now on. A struck price needs deals that prove it (C-35)."""
    assert_in_transaction(db)
    before = store.sku(db, code, lock=True)
    assert before is not None
    product = store.product(db, product_id=before.product_id)
    if product and product.state in DOWN:
        return Refusal.TAKEN_DOWN
    if not rules.tiers_fit(change.price_fen, rules.tiers_of(change.tiers)):
        return Refusal.TIERS_WRONG
    if change.list_price_fen is not None:
        deals = store.deals(db, [before.id], biz_date(change.from_at) - timedelta(days=DEAL_DAYS))
        proven = rules.has_struck_price(change.list_price_fen, deals, change.from_at)
        if not proven or change.list_price_fen <= change.price_fen:
            return Refusal.LIST_PRICE_UNPROVEN
    store.set_price(db, before.id, change)
    told = [
        {"price_fen": one.price_fen, "list_price_fen": one.list_price_fen, "tiers": one.tiers}
        for one in (before, change)
    ]
    deed = Deed(actor, "sku.price", "sku", code, before=told[0], after=told[1], reason=change.reason)
    audit.record(db, [deed], change.from_at)
    return None


def add_fee_rule(db: Db, actor: Actor, new: FeeRule, at: datetime) -> FeeRule | Refusal:
    """Agree on a commission from now or later on; what was sold before keeps its own. Id and author are ignored."""
    assert_in_transaction(db)
    if new.effective_at < at or (new.ends_at is not None and new.ends_at <= new.effective_at):
        return Refusal.FEE_IN_THE_PAST
    named = replace(new, set_by=actor.name)
    added = replace(named, id=store.add_fee_rule(db, named))
    after = {"seller": new.seller_id, "category": new.category_id, "commission_bp": new.commission_bp,
             "effective_at": new.effective_at, "ends_at": new.ends_at}  # fmt: skip
    audit.record(db, [Deed(actor, "fee.set", "fee_rule", str(added.id), after=after)], at)
    return added


def note_deals(db: Db, sold: Sequence[tuple[int, int, datetime]]) -> None:
    """Remember deal prices by day: (SKU, price, instant). Comes from the outbox, so a repeat changes nothing."""
    assert_in_transaction(db)
    days: dict[tuple[int, date], tuple[int, int, datetime]] = {}
    for sku_id, price_fen, at in sold:
        lowest, last, last_at = days.get((sku_id, biz_date(at)), (price_fen, price_fen, at))
        newer = (price_fen, at) if at >= last_at else (last, last_at)
        days[sku_id, biz_date(at)] = (min(lowest, price_fen), *newer)
    if days:
        store.note_deals(db, [(*key, *deal) for key, deal in sorted(days.items())])


def keep_image(db: Db, actor: Actor, new: Image, at: datetime) -> None:
    """Keep an image that `wire.images` has checked and encoded anew."""
    assert_in_transaction(db)
    store.keep_image(db, new, at)
    after = {"width": new.width, "height": new.height, "bytes": len(new.content)}
    audit.record(db, [Deed(actor, "image.keep", "image", str(new.id), after=after)], at)


def publish_agreement(db: Db, actor: Actor, new: Agreement) -> Agreement | Refusal:
    """Publish a version of the public rules, seven days before it counts; the database refuses less as well (C-06).

    Versions count in their order: a new one never begins before one that was published earlier.
    """
    assert_in_transaction(db)
    if compliance.void_clauses(new.title, new.body):
        return Refusal.VOID_CLAUSE
    known = store.agreements(db, new.kind)
    if known and not rules.has_notice(known[0], new):
        return Refusal.TOO_SOON
    found = store.add_agreement(db, new)
    if found is None:
        return Refusal.TAKEN
    after = {"kind": new.kind, "version": new.version, "effective_at": new.effective_at}
    audit.record(db, [Deed(actor, "agreement.publish", "agreement", str(found), after=after)], new.published_at)
    return replace(new, id=found)


def comment(db: Db, actor: Actor, agreement_id: int, words: str, at: datetime) -> Comment | Refusal:
    """Say something about a version that is to come; from the instant it counts it is too late (C-06)."""
    assert_in_transaction(db)
    found = store.agreement_by_id(db, agreement_id)
    if found is None or found.effective_at <= at:
        return Refusal.NOT_OPEN
    tidy = "\n".join(line for line in (part.strip() for part in words.splitlines()) if line)
    if not rules.COMMENT_CHARS_MIN <= len(tidy) <= rules.COMMENT_CHARS_MAX or "\x00" in tidy:
        return Refusal.WORDS_WRONG
    new = Comment(new_id(), agreement_id, tidy, at)
    store.add_comment(db, new)
    after = {"comment": str(new.id), "sha256": sha256_hex(tidy)}
    audit.record(db, [Deed(actor, "agreement.comment", "agreement", str(agreement_id), after=after)], at)
    return new
