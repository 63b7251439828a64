"""What the open API answers to reads. Each takes the caller and a request, in a transaction of its own."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

from kashu import audit, cards, catalog, ledger, sales
from kashu.audit import Actor, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.ids import pool_of
from kashu.kernel.paging import decode_cursor, encode_cursor
from kashu.kernel.seal import Keyring
from kashu.wire.context import Context
from kashu.wire.open.auth import Caller
from kashu.wire.open.messages import (
    PAGE_MAX,
    AccountTold,
    ChoicesTold,
    ChoiceTold,
    EntryTold,
    FieldTold,
    Request,
    Response,
    SkusTold,
    SkuTold,
    StatementTold,
    TierTold,
    answer,
)
from kashu.wire.open.problems import problem
from kashu.wire.open.purchases import receipt_told

PAGE = 50
SHELF_MAX = 1_000
REFERENCE_CHARS_MAX = 64
ENTRY_KINDS = {
    "line_purchased": "purchase",
    "purchase_paid": "purchase",
    "purchase_returned": "refund",
    "purchase_granted": "refund",
    "topup_credited": "topup",
}


class BadQueryError(ValueError):
    """A query that this address does not take; its text says which part."""


def skus(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every read takes the same
    """SKUs for sale, in order of their codes, at the account's own prices."""
    limit, after = page_of(query_of(request, "limit", "after"), 1)
    codes = catalog.codes_on_sale(db, str(after[0]) if after else "", limit + 1)
    offers = catalog.offers(db, codes[:limit], at)
    ids = [offer.sku_id for offer in offers.values()]
    shelf = cards.on_shelf(db, ids, biz_date(at), SHELF_MAX) if ids else {}
    prices = sales.prices(db, [caller.account_id], ids, at)
    told = []
    for code in codes[:limit]:
        if code not in offers:  # closed by its category or its seller
            continue
        offer = offers[code]
        agreed = prices.get((caller.account_id, offer.sku_id))
        own = min(offer.price_fen, agreed.price_fen) if agreed else offer.price_fen
        tiers = [TierTold(tier["from"], tier["price_fen"]) for tier in offer.tiers if tier["price_fen"] < own]
        told.append(SkuTold(code, offer.title, offer.sku_name, offer.kind, own, tiers, shelf.get(offer.sku_id, 0),
                            offer.is_third_party, offer.validity,
                            [FieldTold(one["name"], one["label"], one["kind"]) for one in offer.form]))  # fmt: skip
    return answer(SkusTold(told, encode_cursor(codes[limit - 1]) if len(codes) > limit else None))


def choices(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every read takes the same
    """The cards of a SKU that can be picked, in order of their labels."""
    told = query_of(request, "limit", "after", "q")
    limit, after = page_of(told, 1)
    code = request.path.split("/")[-2]
    offer = catalog.offers(db, [code], at).get(code)
    if offer is None:
        return problem("not_for_sale")
    found = cards.choices(
        db,
        offer.sku_id,
        biz_date(at),
        str(after[0]) if after else "",
        cards.tidy_label(told.get("q", "")) or "",
        limit + 1,
    )
    shown = [ChoiceTold(one.label, one.surcharge_fen) for one in found[:limit]]
    return answer(ChoicesTold(shown, encode_cursor(shown[-1].label) if len(found) > limit else None))


def account(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every read takes the same
    """The purchase account: its balance and limits."""
    query_of(request)
    found = sales.accounts(db, [caller.account_id])[caller.account_id]
    spent = found.spent_today(biz_date(at))
    return answer(AccountTold(
        found.id, found.party, found.state, found.balance_fen, found.order_max, found.day_max_fen, spent
    ))  # fmt: skip


def statements(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every read takes the same
    """The account's movements, the newest first."""
    limit, after = page_of(query_of(request, "limit", "after"), 1)
    try:
        before = UUID(str(after[0])) if after else None
    except ValueError:
        raise BadQueryError("after is not a cursor of ours") from None
    found = ledger.statement(db, caller.account_id, before, limit + 1)
    told = [
        EntryTold(str(one.id), ENTRY_KINDS.get(one.recipe, one.recipe), one.amount_fen, one.memo, one.posted_at)
        for one in found[:limit]
    ]
    return answer(StatementTold(told, encode_cursor(told[-1].id) if len(found) > limit else None))


def order(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """One purchase with its cards, by its id."""
    query_of(request)
    number = request.path.rpartition("/")[2]
    pool_id = pool_of(number)
    found = None if pool_id is None else sales.by_number(db, pool_id, number)
    if found is None or found.account_id != caller.account_id:
        return problem("not_found")
    return _shown(db, ctx.ring, caller, (found.pool_id, found.id), at)


def orders(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """One purchase with its cards, by your reference."""
    told = query_of(request, "reference")
    if not 1 <= len(told.get("reference", "")) <= REFERENCE_CHARS_MAX:
        raise BadQueryError("reference is needed, of at most 64 characters")
    key = sales.order_of_reference(db, caller.account_id, told["reference"])
    return problem("not_found") if key is None or key[0] == 0 else _shown(db, ctx.ring, caller, key, at)


def _shown(db: Db, ring: Keyring, caller: Caller, key: tuple[int, UUID], at: datetime) -> Response:
    """A purchase shown again: audited before it is answered, as every look at a card is (S-04)."""
    actor = Actor("buyer", f"account {caller.account_id}")
    deed = Deed(actor, "order.shown", "order", str(key[1]), after={"key": caller.key_id}, pool_id=key[0])
    audit.record(db, [deed], at)
    [receipt] = sales.receipts(db, ring, [key])
    return answer(receipt_told(receipt))


def query_of(request: Request, *names: str) -> dict[str, str]:
    """The query's fields, each once, each known."""
    try:
        told = parse_qsl(request.query, keep_blank_values=True, strict_parsing=bool(request.query), errors="strict")
    except ValueError:
        raise BadQueryError("the query cannot be read") from None
    found = dict(told)
    if len(found) != len(told) or not set(found) <= set(names):
        raise BadQueryError(f"known here: {', '.join(names) or 'no field'}, each once")
    if any("\x00" in text for text in found.values()):
        raise BadQueryError("a zero byte is no text")
    return found


def page_of(told: dict[str, str], fields: int) -> tuple[int, list[str | int]]:
    """How many rows, and the cursor they come after."""
    limit = told.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 6 and 1 <= int(limit) <= PAGE_MAX):
        raise BadQueryError(f"limit is from 1 to {PAGE_MAX}")
    if "after" not in told:
        return int(limit), []
    cursor = decode_cursor(told["after"], fields)
    if cursor is None:
        raise BadQueryError("after is not a cursor of ours")
    return int(limit), cursor
