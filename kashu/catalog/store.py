from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu import compliance
from kashu.catalog.types import Agreement, Category, Comment, Deal, FeeRule, Image, Offer, PriceChange, Product, Sku
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, one, rows, run, value, values, write
from kashu.kernel.ids import new_id

PRODUCT = """
SELECT product.id, product.slug, product.category_id, category.name AS category, category.ink,
       category.is_open AS category_is_open, category.goods, product.seller_id, seller.name AS seller,
       seller.kind <> 'platform' AS is_third_party, product.title, product.brand, product.headline, product.summary,
       product.facts, product.steps, product.refund_terms, product.warranty_days, product.image_id, product.state
FROM catalog_product AS product
JOIN catalog_category AS category ON category.id = product.category_id
JOIN party_party AS seller ON seller.id = product.seller_id
"""

SKU = """
SELECT id, code, product_id, name, kind, price_fen, list_price_fen, tiers, order_max, buyer_max, validity,
       low_stock, position, is_open, form, push_secret
FROM catalog_sku
"""

OFFERS = f"""
SELECT sku.id AS sku_id, sku.code, product.slug, product.title, product.brand, product.headline,
       sku.name AS sku_name, sku.kind, sku.price_fen, sku.list_price_fen, sku.tiers, sku.order_max, sku.buyer_max,
       sku.validity, product.facts, product.steps, product.refund_terms, product.warranty_days, product.image_id,
       product.category_id, product.seller_id, seller.name AS seller, seller.uscc AS seller_uscc,
       seller.kind <> 'platform' AS is_third_party, price.from_at AS price_from,
       fee.id AS fee_rule_id, CASE WHEN seller.kind = 'platform' THEN 0 ELSE fee.commission_bp END AS commission_bp,
       agreement.id AS agreement_id, sku.form, {compliance.blocks("product.seller_id", "category.goods")} AS blocks,
       coalesce((SELECT minors FROM compliance_goods WHERE code = category.goods), 'forbidden') AS minors,
       {compliance.is_throttled("product.seller_id")} AS is_throttled
FROM catalog_sku AS sku
JOIN catalog_product AS product ON product.id = sku.product_id
JOIN catalog_category AS category ON category.id = product.category_id
JOIN party_party AS seller ON seller.id = product.seller_id
CROSS JOIN LATERAL (
    SELECT from_at FROM catalog_price WHERE sku_id = sku.id ORDER BY from_at DESC LIMIT 1
) AS price
CROSS JOIN LATERAL (
    SELECT id, commission_bp FROM catalog_fee_rule
    WHERE effective_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
      AND (seller_id IS NULL OR seller_id = product.seller_id)
      AND (category_id IS NULL OR category_id = product.category_id)
    ORDER BY seller_id IS NULL, category_id IS NULL, effective_at DESC LIMIT 1
) AS fee
CROSS JOIN LATERAL (
    SELECT id FROM catalog_agreement WHERE kind = 'trade' AND effective_at <= %(at)s
    ORDER BY version DESC LIMIT 1
) AS agreement
WHERE sku.code = ANY (%(codes)s) AND sku.is_open AND product.state = 'on_sale' AND category.is_open
  AND seller.state = 'active' AND NOT {compliance.IS_CLOSED}
"""
# A sale holds its products' rows until it is written: a takedown waits for it, and it for a takedown, after which the
# row is looked at again. So nothing is sold once a takedown is committed (C-14). Sales do not wait for one another.
OFFERS_HELD = f"{OFFERS} FOR SHARE OF product"

NOTE_DEALS = """
INSERT INTO catalog_deal AS deal (sku_id, day, lowest_fen, last_fen, last_at)
SELECT * FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (sku_id, day) DO UPDATE
SET lowest_fen = least(deal.lowest_fen, excluded.lowest_fen),
    last_fen = CASE WHEN excluded.last_at >= deal.last_at THEN excluded.last_fen ELSE deal.last_fen END,
    last_at = greatest(deal.last_at, excluded.last_at)
"""

AGREEMENT = "SELECT id, kind, version, title, body, published_at, effective_at FROM catalog_agreement"


def offers(db: Db, codes: Collection[str], at: datetime, *, hold: bool = False) -> dict[str, Offer]:
    """What is for sale now among these SKU codes; anything else is absent. `hold`: until this transaction ends."""
    sql = OFFERS_HELD if hold else OFFERS
    found = rows(db, Offer, sql, {"codes": sorted(codes), "at": at, "day": biz_date(at)})  # type: ignore[arg-type]  # named parameters
    return {offer.code: offer for offer in found}


def codes_on_sale(db: Db, after: str, most: int) -> list[str]:
    """The codes of open SKUs of products on sale, in order, after one."""
    sql = """
    SELECT sku.code FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id
    WHERE sku.code > %s AND sku.is_open AND product.state = 'on_sale' ORDER BY sku.code LIMIT %s
    """
    return values(db, sql, [after, most])


def codes(db: Db, sku_ids: Collection[int]) -> dict[int, str]:
    """The codes of SKUs by their ids."""
    return dict(db.execute("SELECT id, code FROM catalog_sku WHERE id = ANY (%s)", [sorted(sku_ids)]).fetchall())


def products_of(db: Db, sku_ids: Collection[int]) -> dict[int, int]:
    """The product of each SKU."""
    return dict(db.execute("SELECT id, product_id FROM catalog_sku WHERE id = ANY (%s)", [sorted(sku_ids)]).fetchall())


def kind_of(db: Db, sku_id: int) -> str:
    """A SKU's kind of stock."""
    found: str = value(db, "SELECT kind FROM catalog_sku WHERE id = %s", [sku_id])
    return found


def pushes_secret(db: Db, sku_id: int) -> bool:
    """Whether the message to a buyer's phone may carry the key of this SKU itself."""
    return value(db, "SELECT push_secret FROM catalog_sku WHERE id = %s", [sku_id]) is True


def title_of(db: Db, sku_id: int) -> str:
    """The title of a SKU's product, with the SKU's own name."""
    sql = """
    SELECT product.title || ' · ' || sku.name FROM catalog_sku AS sku
    JOIN catalog_product AS product ON product.id = sku.product_id WHERE sku.id = %s
    """
    return str(value(db, sql, [sku_id]) or "")


def brand_of(db: Db, sku_id: int, *, hold: bool = False) -> tuple[str, str | None]:
    """The brand of a SKU's product, and the kind of goods its category holds. `hold`: until this transaction ends."""
    if hold:
        sql = "SELECT category_id FROM catalog_product WHERE id = (SELECT product_id FROM catalog_sku WHERE id = %s) FOR SHARE"
        hold_category(db, value(db, sql, [sku_id]))
    sql = """
    SELECT product.brand, category.goods FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id
    JOIN catalog_category AS category ON category.id = product.category_id WHERE sku.id = %s
    """
    return db.execute(sql, [sku_id]).fetchone() or ("", None)  # type: ignore[return-value]  # two columns


def seller_of(db: Db, sku_id: int) -> tuple[int, str | None]:
    """Who sells a SKU, and the kind of goods its category holds."""
    sql = """
    SELECT product.seller_id, category.goods FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id
    JOIN catalog_category AS category ON category.id = product.category_id WHERE sku.id = %s
    """
    found = db.execute(sql, [sku_id]).fetchone()
    assert found is not None
    return found  # type: ignore[return-value]  # two columns


def is_third_party(db: Db, sku_id: int) -> bool:
    """Whether a SKU is sold by a supplier (第三方) or by the platform itself (自营)."""
    sql = """
    SELECT seller.kind <> 'platform' FROM catalog_sku AS sku
    JOIN catalog_product AS product ON product.id = sku.product_id
    JOIN party_party AS seller ON seller.id = product.seller_id WHERE sku.id = %s
    """
    return bool(value(db, sql, [sku_id]))


def product(db: Db, *, slug: str | None = None, product_id: int | None = None) -> Product | None:
    if slug is not None:
        return one(db, Product, f"{PRODUCT} WHERE product.slug = %s", [slug])
    return one(db, Product, f"{PRODUCT} WHERE product.id = %s", [product_id])


def product_of_code(db: Db, code: str) -> Product | None:
    """The product that has a SKU of this code."""
    sql = f"{PRODUCT} WHERE product.id = (SELECT product_id FROM catalog_sku WHERE code = %s)"
    return one(db, Product, sql, [code])


def hold_product(db: Db, product_id: int) -> Product | None:
    """A product once every sale of it under way is written; none begins, nor is its category mapped, before this ends."""
    category_id = value(db, "SELECT category_id FROM catalog_product WHERE id = %s FOR UPDATE", [product_id])
    hold_category(db, category_id)
    return product(db, product_id=product_id)


def hold_category(db: Db, category_id: int | None, *, to_map: bool = False) -> None:
    """Keep a category's kind of goods as it is until this transaction ends, or the others from relying on it."""
    run(db, f"SELECT FROM catalog_category WHERE id = %s FOR {'NO KEY UPDATE' if to_map else 'SHARE'}", [category_id])


def on_sale(db: Db, *, category_id: int | None = None, after: int = 0, most: int = 1) -> list[int]:
    """Pages on sale, of a category or of all, in the order of their ids."""
    sql = "SELECT id FROM catalog_product WHERE state = 'on_sale' AND id > %s AND (%s::bigint IS NULL OR category_id = %s) ORDER BY id LIMIT %s"
    return values(db, sql, [after, category_id, category_id, most])


def skus_of(db: Db, product_id: int) -> list[Sku]:
    return rows(db, Sku, f"{SKU} WHERE product_id = %s ORDER BY position, id", [product_id])


def sku(db: Db, code: str, *, lock: bool = False) -> Sku | None:
    return one(db, Sku, f"{SKU} WHERE code = %s{' FOR NO KEY UPDATE' if lock else ''}", [code])


def categories(db: Db) -> list[Category]:
    sql = "SELECT id, parent_id, slug, name, ink, position, is_open, goods FROM catalog_category ORDER BY position, id"
    return rows(db, Category, sql)


def deals(db: Db, sku_ids: Collection[int], since: date) -> list[Deal]:
    sql = "SELECT sku_id, day, lowest_fen, last_fen FROM catalog_deal WHERE sku_id = ANY (%s) AND day >= %s"
    return rows(db, Deal, sql, [list(sku_ids), since])


def price_history(db: Db, sku_id: int, most: int = 50) -> list[PriceChange]:
    sql = """
    SELECT price_fen, list_price_fen, tiers, from_at, set_by, reason
    FROM catalog_price WHERE sku_id = %s ORDER BY from_at DESC LIMIT %s
    """
    return rows(db, PriceChange, sql, [sku_id, most])


def agreement(db: Db, kind: str, at: datetime) -> Agreement | None:
    """The version in force."""
    return one(
        db, Agreement, f"{AGREEMENT} WHERE kind = %s AND effective_at <= %s ORDER BY version DESC LIMIT 1", [kind, at]
    )


def agreements(db: Db, kind: str) -> list[Agreement]:
    """Every version, the newest first: old rules stay readable (C-06)."""
    return rows(db, Agreement, f"{AGREEMENT} WHERE kind = %s ORDER BY version DESC", [kind])


def image(db: Db, image_id: UUID) -> Image | None:
    return one(db, Image, "SELECT id, content, media_type, width, height FROM catalog_image WHERE id = %s", [image_id])


def page(db: Db, page_hash: bytes) -> dict[str, Any] | None:
    """A page as it was when somebody bought from it (C-21)."""
    found: dict[str, Any] | None = value(db, "SELECT body FROM catalog_page WHERE hash = %s", [page_hash])
    return found


def keep_pages(db: Db, pages: Mapping[bytes, Mapping[str, Any]], at: datetime) -> None:
    """Keep pages by their hash; one that is there already stays."""
    sql = """
    INSERT INTO catalog_page (hash, body, made_at)
    SELECT hash, body, %s FROM unnest(%s::bytea[], %s::jsonb[]) AS page (hash, body) ORDER BY hash
    ON CONFLICT (hash) DO NOTHING
    """
    write(db, sql, [at, list(pages), [Jsonb(dict(body)) for body in pages.values()]])


def add_category(db: Db, category: Category) -> int:
    sql = """
    INSERT INTO catalog_category (parent_id, slug, name, ink, position, is_open, goods)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (slug) DO NOTHING RETURNING id
    """
    told = [category.parent_id, category.slug, category.name, category.ink, category.position, category.is_open]
    told.append(category.goods)
    return value(db, sql, told) or 0


def map_category(db: Db, category_id: int, goods: str | None) -> None:
    assert run(db, "UPDATE catalog_category SET goods = %s WHERE id = %s", [goods, category_id]) == 1


def add_product(db: Db, new: Product, at: datetime) -> int:
    sql = """
    INSERT INTO catalog_product (slug, category_id, seller_id, title, brand, headline, summary, facts, steps,
                                 refund_terms, warranty_days, image_id, state, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'draft', %s)
    ON CONFLICT (slug) DO NOTHING RETURNING id
    """
    return value(db, sql, [new.slug, new.category_id, new.seller_id, *_texts(new), at]) or 0


def edit_product(db: Db, edited: Product) -> None:
    sql = """
    UPDATE catalog_product SET category_id = %s, title = %s, brand = %s, headline = %s, summary = %s, facts = %s,
        steps = %s, refund_terms = %s, warranty_days = %s, image_id = %s
    WHERE id = %s AND state NOT IN ('frozen', 'closed')
    """
    assert run(db, sql, [edited.category_id, *_texts(edited), edited.id]) == 1, "what was taken down stays as it was"


def move_product(db: Db, product_id: int, before: str, after: str) -> None:
    sql = "UPDATE catalog_product SET state = %s WHERE id = %s AND state = %s"
    assert run(db, sql, [after, product_id, before]) == 1, "a state moves from the state it was seen in"


def add_sku(db: Db, new: Sku) -> int:
    sql = """
    INSERT INTO catalog_sku (code, product_id, name, kind, price_fen, list_price_fen, tiers, order_max, buyer_max,
                             validity, low_stock, position, is_open, form)
    VALUES (%s, %s, %s, %s, %s, NULL, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (code) DO NOTHING RETURNING id
    """
    told = [new.code, new.product_id, new.name, new.kind, new.price_fen, Jsonb(new.tiers)]
    return value(db, sql, [*told, *_limits(new), Jsonb(new.form)]) or 0


def edit_sku(db: Db, edited: Sku) -> None:
    sql = """
    UPDATE catalog_sku SET name = %s, order_max = %s, buyer_max = %s, validity = %s, low_stock = %s,
        position = %s, is_open = %s, push_secret = %s
    WHERE id = %s
    """
    assert run(db, sql, [edited.name, *_limits(edited), edited.push_secret, edited.id]) == 1


def set_price(db: Db, sku_id: int, change: PriceChange) -> None:
    sql = "UPDATE catalog_sku SET price_fen = %s, list_price_fen = %s, tiers = %s WHERE id = %s"
    assert run(db, sql, [change.price_fen, change.list_price_fen, Jsonb(change.tiers), sku_id]) == 1
    kept = """
    INSERT INTO catalog_price (id, sku_id, price_fen, list_price_fen, tiers, from_at, set_by, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [change.price_fen, change.list_price_fen, Jsonb(change.tiers), change.from_at, change.set_by, change.reason]
    run(db, kept, [new_id(), sku_id, *told])


def note_deals(db: Db, sold: Sequence[tuple[int, date, int, int, datetime]]) -> None:
    """Rows of (sku, day, lowest, last, last at), one per SKU and day."""
    run(db, NOTE_DEALS, [list(column) for column in zip(*sold, strict=True)])


FEE_RULE = """
SELECT rule.id, rule.seller_id, seller.name AS seller, rule.category_id, category.name AS category,
       rule.commission_bp, rule.effective_at, rule.ends_at, rule.set_by
FROM catalog_fee_rule AS rule
LEFT JOIN party_party AS seller ON seller.id = rule.seller_id
LEFT JOIN catalog_category AS category ON category.id = rule.category_id
"""


def fee_rules_by_id(db: Db, ids: Collection[int]) -> list[FeeRule]:
    """These versions of the fee rules."""
    return rows(db, FeeRule, f"{FEE_RULE} WHERE rule.id = ANY (%s) ORDER BY rule.id", [sorted(set(ids))])


def fee_rules(db: Db) -> list[FeeRule]:
    """Every version of the fee rules, the newest first."""
    sql = f"{FEE_RULE} ORDER BY rule.effective_at DESC, rule.id DESC LIMIT 200"
    return rows(db, FeeRule, sql)


def add_fee_rule(db: Db, new: FeeRule) -> int:
    sql = """
    INSERT INTO catalog_fee_rule (seller_id, category_id, commission_bp, effective_at, ends_at, set_by)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
    """
    told = [new.seller_id, new.category_id, new.commission_bp, new.effective_at, new.ends_at, new.set_by]
    found: int = value(db, sql, told)
    return found


def keep_image(db: Db, new: Image, at: datetime) -> None:
    sql = "INSERT INTO catalog_image (id, content, media_type, width, height, made_at) VALUES (%s, %s, %s, %s, %s, %s)"
    run(db, sql, [new.id, new.content, new.media_type, new.width, new.height, at])


def add_agreement(db: Db, new: Agreement) -> int | None:
    """The id, or None where somebody has published a version of this number."""
    sql = """
    INSERT INTO catalog_agreement (kind, version, title, body, published_at, effective_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (kind, version) DO NOTHING RETURNING id
    """
    told = [new.kind, new.version, new.title, new.body, new.published_at, new.effective_at]
    found: int | None = value(db, sql, told)
    return found


def agreement_by_id(db: Db, agreement_id: int) -> Agreement | None:
    return one(db, Agreement, f"{AGREEMENT} WHERE id = %s", [agreement_id])


def coming_agreements(db: Db, at: datetime) -> list[Agreement]:
    """Versions that are published and do not count yet, the soonest first."""
    return rows(db, Agreement, f"{AGREEMENT} WHERE effective_at > %s ORDER BY effective_at, kind", [at])


def add_comment(db: Db, new: Comment) -> None:
    sql = "INSERT INTO catalog_comment (id, agreement_id, words, made_at) VALUES (%s, %s, %s, %s)"
    run(db, sql, [new.id, new.agreement_id, new.words, new.made_at])


def comments(db: Db, agreement_id: int, before: tuple[datetime, UUID], most: int) -> list[Comment]:
    """What was said of a version, the newest first, from before one on."""
    sql = """
    SELECT id, agreement_id, words, made_at FROM catalog_comment
    WHERE agreement_id = %s AND (made_at, id) < (%s, %s) ORDER BY made_at DESC, id DESC LIMIT %s
    """
    return rows(db, Comment, sql, [agreement_id, *before, most])


def _texts(told: Product) -> list[Any]:
    texts = [told.title, told.brand, told.headline, told.summary, Jsonb(told.facts), Jsonb(told.steps)]
    return [*texts, told.refund_terms, told.warranty_days, told.image_id]


def _limits(told: Sku) -> list[Any]:
    return [told.order_max, told.buyer_max, told.validity, told.low_stock, told.position, told.is_open]
