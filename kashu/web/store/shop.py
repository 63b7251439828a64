"""The shop: its window, its product pages, its checkout."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
import psycopg_pool
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import cards, catalog, compliance, party, payments, sales
from kashu.cards import queries as cards_queries
from kashu.catalog import Offer, Product, Sku
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.money import yuan
from kashu.party import AgeRefusal
from kashu.sales import Checkout, Overspent, Refusal, Source
from kashu.sales import queries as sales_queries
from kashu.web import device
from kashu.web.store import age
from kashu.web.store.cashier import agent, lead, ways_of
from kashu.wire import checkout as checkouts
from kashu.wire import edge
from kashu.wire.age import COOKIE
from kashu.wire.effort import Effort

SHELF_SHOWN_MAX = 1_000
CHOICES_SHOWN = 24
DEAL_DAYS = 90
MEASURED_SECONDS = 60
_measured: dict[str, tuple[float, float | None]] = {}

REFUSALS = {
    Refusal.NOT_FOR_SALE: "这件商品暂停销售，没有下单，也没有扣款。",
    Refusal.LICENCE_LAPSED: "这件商品的经营资质正在核验，暂停销售。没有下单，也没有扣款。",
    Refusal.SELLER_LIMIT: "这家店今天可售的数量已经卖完，请明天再来。没有下单，也没有扣款。",
    Refusal.AGE_UNKNOWN: "这类商品须先核验年龄，请填写姓名和身份证号后再提交。没有下单，也没有扣款。",
    Refusal.MINOR_FORBIDDEN: "这类商品不向未成年人销售。没有下单，也没有扣款。",
    Refusal.MINOR_UNDER_8: "未满 8 周岁不能购买这类商品。没有下单，也没有扣款。",
    Refusal.OUT_OF_STOCK: "可售库存不足，没有下单，也没有扣款。可以减少数量再试。",
    Refusal.OVER_LIMIT: "数量超出单笔限购，请调整后再提交。",
    Refusal.BUYER_LIMIT: "已达到每人限购数量，没有下单。",
    Refusal.TOO_MANY_UNPAID: "还有未支付的订单占着库存。请先支付或取消它们，再下新单。",
    Refusal.PAGE_CHANGED: "页面内容或价格刚刚有变化，请核对后再提交。没有下单。",
    Refusal.NO_CONSENT: "请先勾选数字商品的退款说明。",
    Refusal.KEY_REUSED: "这次提交已经用过，请返回商品页重新下单。",
    Refusal.CHANNEL_CLOSED: "所选支付方式暂停使用，请换一种。",
    Refusal.PICK_TAKEN: "请先选择一个；刚才选的可能已被别人选走。没有下单，也没有扣款。",
    Refusal.FORM_WRONG: "充值信息没有填对，请核对后再提交。没有下单，也没有扣款。",
}
OVERSPENT = {
    Refusal.MINOR_ORDER_MAX: "未成年人购买这类商品，每单不超过 ¥%(most)s，本月还可以买 ¥%(left)s。没有下单，也没有扣款。",
    Refusal.MINOR_MONTH_MAX: "未成年人购买这类商品，每月不超过 ¥%(most)s，本月还可以买 ¥%(left)s。没有下单，也没有扣款。",
}
BUSY = "现在下单的人很多，正在核对是否为真人操作，请稍等几秒再提交。没有下单。"


@dataclass(frozen=True, slots=True)
class Choice:
    """A SKU on its page, with what is true of it now."""

    sku: Sku
    offer: Offer | None
    list_price_fen: int | None
    page_hash: bytes
    on_shelf: int
    is_stopped: bool  # papers keep it from being sold; it is not sold out


@dataclass(frozen=True, slots=True)
class Picking:
    """What can be picked of a SKU, and what is; `surcharge_fen` is what that costs more."""

    choices: list[cards.Choice]
    pick: str
    surcharge_fen: int
    like: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Shown:
    product: Product
    choices: list[Choice]
    chosen: Choice
    licences: list[compliance.Licence]


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        found = catalog_queries.window(db, is_minor=age.is_minor(request))
        told = {"window": found, "licences": _own_licences(db)}
    return render(request, "store/home.html", told)


@require_GET
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """A product page. Everything on it is true now, or says from when it is."""
    with edge.transaction() as db:
        shown = _shown(db, slug, request.GET.get("sku", ""))
        told = {"shown": shown, "p99": _p99(db), "own_licences": _own_licences(db), "source": _source(request)}
    if shown is None:  # plainly that it is no longer sold, and nothing of what it said (C-14)
        return render(request, "store/taken_down.html", status=410)
    told["is_hidden"] = _is_hidden(request, shown)
    return render(request, "store/product.html", told)


@require_http_methods(["GET", "POST"])
def checkout(request: HttpRequest, slug: str) -> HttpResponse:
    """The checkout sheet over the product page; posting it places the order."""
    if request.method == "POST" and "place" in request.POST:
        return _place(request, slug)
    if request.method == "POST" and "other" in request.POST:
        age.forget(request)
    return _sheet(request, slug)


def _sheet(
    request: HttpRequest, slug: str, error: str = "", status: int = 200, work: dict[str, Any] | None = None
) -> HttpResponse:
    told = request.POST if request.method == "POST" else request.GET
    with edge.transaction() as db:
        shown = _shown(db, slug, told.get("sku", ""))
        at = clock.now()
        text, text_hash = sales.consent(db, at)
        ways = ways_of(db, request, at)
        own = _own_licences(db)
        p99 = _p99(db)
        picking = None if shown is None else _picking(db, shown.chosen, told)
    offer = None if shown is None else shown.chosen.offer
    if shown is None or offer is None or _is_hidden(request, shown):
        return age.remember(request, device.remember(request, redirect("store:product", slug=slug)))
    quantity = _quantity(told.get("quantity", "1"), told.get("step", ""), offer.order_max)
    quote = catalog.quote(offer.price_fen, offer.tiers, quantity)
    page = {
        "shown": shown,
        "p99": p99,
        "own_licences": own,
        "sheet": True,
        "quantity": quantity,
        "quote": quote,
        "picking": picking,
        "fields": [{**one, "value": request.POST.get(checkouts.FIELD + one["name"], "")} for one in offer.form],
        "total_fen": quote.total_fen + (picking.surcharge_fen if picking else 0),
        "consent": text,
        "consent_hash": text_hash,
        "age": age.asked(request, offer),
        "is_agreed": request.POST.get("consent") == text_hash,
        "ways": ways,
        "here": f"{edge.ctx().public_url}/s/{slug}",
        "pay": told.get("pay", ""),
        "phone": told.get("phone", ""),
        "key": told.get("key") or secrets.token_urlsafe(16),
        "error": error,
        "work": "" if work is None else json.dumps(work),
        "refusals": [(one.value, _(told)) for one, told in REFUSALS.items() if one is not Refusal.AGE_UNKNOWN],
        "busy": _(BUSY),
        "source": _source(request),
        "hold_minutes": sales.hold_seconds(edge.ctx().hold_seconds, shown.chosen.on_shelf) // 60,
    }
    return age.remember(request, device.remember(request, render(request, "store/product.html", page, status=status)))


def _place(request: HttpRequest, slug: str) -> HttpResponse:
    """The form's own way, for browsers that run no script; the page's script takes `/checkout`."""
    phone = device.tidy_phone(request.POST.get("phone", ""))
    if phone and not device.is_phone(phone):
        return _sheet(request, slug, _("手机号应为 11 位数字，以 1 开头。"), 422)
    buyer, ctx = device.buyer(request, phone), edge.ctx()
    asked = checkouts.asked(request.POST.dict(), buyer, ctx.ring, agent(request), age.holder_of(request))
    if asked is None:
        return _sheet(request, slug, _("请求不完整，没有下单。请再试一次。"), 422)
    work = checkouts.to_do(request.POST.dict(), asked, _effort())
    if work is not None:
        return _sheet(request, slug, _(BUSY), 429, work)
    [answer] = checkouts.place_all(ctx.pool, ctx.ring, [asked], clock.now(), ctx.hold_seconds)
    if answer is Refusal.AGE_UNKNOWN and age.is_told(request):
        holder = age.verify(request, buyer)
        if isinstance(holder, AgeRefusal):
            return _sheet(request, slug, age.words(holder), age.STATUS[holder])
        known = replace(asked, holder=holder)
        [answer] = checkouts.place_all(ctx.pool, ctx.ring, [known], clock.now(), ctx.hold_seconds)
    if isinstance(answer, Refusal | Overspent):
        return _sheet(request, slug, *_refused(answer))
    with edge.transaction() as db:
        order = sales.orders(db, [(answer.pool_id, answer.id)])[answer.id]
        payment = payments.of_order(db, answer.pool_id, answer.id)[-1]
    return age.remember(request, device.remember(request, lead(request, order, payment, is_new=True)))


def _refused(answer: Refusal | Overspent) -> tuple[str, int]:
    """Why nothing was ordered, in words, and the status that says so."""
    if isinstance(answer, Refusal):
        return _(REFUSALS[answer]), checkouts.STATUS.get(answer, 422)
    told = {"most": yuan(answer.fen_max), "left": yuan(answer.left_fen)}
    return _(OVERSPENT[answer.refusal]) % told, checkouts.STATUS[answer.refusal]


@require_POST
def quick_checkout(request: HttpRequest) -> HttpResponse:
    """What the page's script posts: the till's address, here as a batch of one."""
    ctx = edge.ctx()
    token = request.COOKIES.get(COOKIE, "")
    browser = (device.name_of(request), device.address(request), agent(request), token)
    arrival = checkouts.Arrival(request.POST.dict(), *browser)
    found = checkouts.weigh(arrival, _effort(), ctx.ring)
    if isinstance(found, Checkout):
        try:
            [placed] = checkouts.place_all(ctx.pool, ctx.ring, [found], clock.now(), ctx.hold_seconds)
            found = checkouts.answer(placed)
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            found = checkouts.unavailable()
    headers = {"Cache-Control": "no-store"}
    if found.retry_after is not None:
        headers["Retry-After"] = str(found.retry_after)
    return HttpResponse(found.body, status=found.status, content_type=found.content_type, headers=headers)


@lru_cache(maxsize=1)
def _effort() -> Effort:
    return Effort(edge.ctx().ring)


def _is_hidden(request: HttpRequest, shown: Shown) -> bool:
    """Whether these goods are forbidden to whom this browser is known to belong to (C-73)."""
    offer = shown.chosen.offer
    return offer is not None and offer.minors == "forbidden" and age.is_minor(request)


def _source(request: HttpRequest) -> Source:
    told = request.POST if request.method == "POST" else request.GET
    return checkouts.source_of(told.dict())


def _picking(db: Db, chosen: Choice, told: Mapping[str, str]) -> Picking | None:
    """The cards of a SKU that can be picked (自选), those looked for where something is; and the one that was chosen."""
    if chosen.sku.kind != "pick":
        return None
    like, pick = _word(told.get("like", ""))[:32], _word(told.get("choose") or told.get("pick", ""))[:64]
    at = biz_date(clock.now())
    found = cards.choices(db, chosen.sku.id, at, "", like, CHOICES_SHOWN + 1)
    mine = cards.surcharges(db, [(chosen.sku.id, pick)], at).get((chosen.sku.id, pick)) if pick else None
    return Picking(found[:CHOICES_SHOWN], pick if mine is not None else "", mine or 0, like, len(found) > CHOICES_SHOWN)


def _word(text: str) -> str:
    """What may be looked for or picked, in the form that labels have."""
    return cards.tidy_label(text) or ""


def _quantity(told: str, step: str, most: int) -> int:
    try:
        wanted = int(told)
    except ValueError:
        wanted = 1
    wanted += {"plus": 1, "minus": -1}.get(step, 0)
    return max(1, min(wanted, most))


def _shown(db: Db, slug: str, code: str) -> Shown | None:
    """What a product's page shows; None for one that was taken down."""
    found = catalog.product(db, slug=slug)
    if found is None or found.state == "draft":
        raise Http404
    if found.state in catalog.DOWN:
        return None
    at = clock.now()
    skus = [sku for sku in catalog.skus_of(db, found.id) if sku.is_open]
    offers = catalog.offers(db, [sku.code for sku in skus], at)
    ids = [sku.id for sku in skus]
    stock = cards.on_shelf(db, ids, biz_date(at), SHELF_SHOWN_MAX) if ids else {}
    empty = [one for one in ids if not stock.get(one)]
    stopped = {one.sku_id for one in cards_queries.stopped(db, biz_date(at), empty)} if empty else set()
    deals = catalog.deals(db, ids, biz_date(at) - timedelta(days=DEAL_DAYS))
    choices = []
    for sku in skus:
        offer = offers.get(sku.code)
        struck, page_hash = None, b""
        if offer is not None:
            mine = [deal for deal in deals if deal.sku_id == sku.id]
            struck = (
                offer.list_price_fen if catalog.has_struck_price(offer.list_price_fen, mine, offer.price_from) else None
            )
            page_hash = catalog.page_hash(catalog.page_body(offer, struck))
        is_stopped = sku.id in stopped or (offer is not None and bool(offer.blocks))
        choices.append(Choice(sku, offer, struck, page_hash, stock.get(sku.id, 0), is_stopped))
    if not choices:
        raise Http404
    chosen = next((one for one in choices if one.sku.code == code), None)
    first = chosen or next((one for one in choices if one.on_shelf), choices[0])
    return Shown(found, choices, first, compliance.in_force_on(db, biz_date(at), found.seller_id))


def _own_licences(db: Db) -> list[compliance.Licence]:
    return [one for one in compliance.in_force_on(db, biz_date(clock.now())) if one.party_id == _platform_id(db)]


def _platform_id(db: Db) -> int:
    found = party.parties(db, "platform")
    return found[0].id if found else 0


def _p99(db: Db) -> float | None:
    """Paid → readable over the last seven days, measured at most once a minute; None is printed as nothing."""
    until, p99 = _measured.get("p99", (0.0, None))
    if time.monotonic() >= until:
        p99, orders = sales_queries.p99_of_week(db, clock.now() - timedelta(days=7))
        p99 = p99 if orders >= 20 else None
        _measured["p99"] = (time.monotonic() + MEASURED_SECONDS, p99)
    return p99


@require_GET
def image(request: HttpRequest, image_id: UUID) -> HttpResponse:  # noqa: ARG001  # Django's signature
    with edge.transaction() as db:
        found = catalog.image(db, image_id)
    if found is None:
        raise Http404
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Disposition": "inline"}
    return HttpResponse(found.content, content_type=found.media_type, headers=headers)


@require_GET
def licences(request: HttpRequest) -> HttpResponse:
    """Every licence in force, of the platform and of each seller (C-01)."""
    with edge.transaction() as db:
        told = {"licences": compliance.in_force_on(db, biz_date(clock.now())), "parties": party.parties(db)}
    return render(request, "store/licences.html", told)


@require_GET
def sanctions(request: HttpRequest) -> HttpResponse:
    """Measures against suppliers that are published, with reason and term (C-15)."""
    with edge.transaction() as db:
        names = {one.id: one.name for one in party.parties(db)}
        found = [(one, names.get(one.party_id, "")) for one in party.public_sanctions(db)]
    return render(request, "store/sanctions.html", {"found": found})
