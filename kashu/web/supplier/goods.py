"""A supplier's own goods: products and prices of which it is the seller, batches that it brings."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import cards, catalog
from kashu.cards import Batch, Refusal
from kashu.cards import queries as cards_queries
from kashu.catalog import PriceChange, Sku
from kashu.catalog import Refusal as CatalogRefusal
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.kernel.paging import decode_cursor
from kashu.party import SupplierRefusal
from kashu.web.console import papers
from kashu.web.console.arrivals import REFUSALS, receive_file
from kashu.web.console.desk import PAGE_ROWS, page_of, say, whole
from kashu.web.portals import is_patient
from kashu.web.rights import actor
from kashu.web.supplier.desk import REFUSALS as PORTAL_REFUSALS
from kashu.web.supplier.desk import Desk, at_desk, show
from kashu.web.supplier.onboarding import FILES_PER_DAY
from kashu.web.uploads import takes_files
from kashu.wire import edge, preview

FAR = (datetime(9999, 1, 1, tzinfo=UTC), 2**62)
SELLING = ("active", "restricted")
FROM_FILES = ("single_use", "pick")


@require_GET
@at_desk
def products(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What the supplier sells, with stock and prices."""
    key = decode_cursor(request.GET.get("after", ""), 1)
    before = whole(str(key[0]), 2**62) if key else None
    with edge.transaction() as db:
        found = catalog_queries.products(db, biz_date(clock.now()), before, PAGE_ROWS + 1, desk.party.id)
    return show(request, desk, "products", "products", {"page": page_of(found, lambda one: (one.id,))})


@require_GET
@at_desk
def product(request: HttpRequest, desk: Desk, product_id: int) -> HttpResponse:
    return product_page(request, desk, product_id)


@require_POST
@at_desk
def set_price(request: HttpRequest, desk: Desk, code: str) -> HttpResponse:
    """A new price of one of the supplier's own SKUs, from now on; batch prices stay as they were agreed."""
    price, reason = parse_yuan(request.POST.get("price", "")), request.POST.get("reason", "").strip()[:120]
    with edge.transaction() as db:
        found = _own_sku(db, desk, code)
    if not price or not reason or desk.supplier.state not in SELLING:
        return product_page(
            request, desk, found.product_id, _("请填写价格和原因；只有正常经营时可以调价。价格没有改动。"), 422
        )
    with edge.transaction() as db:
        change = PriceChange(price, None, found.tiers, clock.now(), actor(request).name, reason)
        refusal = catalog.set_price(db, actor(request), code, change)
    if refusal is CatalogRefusal.TAKEN_DOWN:
        return product_page(request, desk, found.product_id, _("这件商品已因违法下架，不能改动。"), 409)
    if isinstance(refusal, CatalogRefusal):
        return product_page(request, desk, found.product_id, _("价格应高于每一档批发价。价格没有改动。"), 409)
    say(request, _("价格已更新，此前的订单不变。"))
    return redirect("supplier:product", product_id=found.product_id)


@require_GET
@at_desk
def batches(request: HttpRequest, desk: Desk) -> HttpResponse:
    key = decode_cursor(request.GET.get("after", ""), 2)
    try:
        before = FAR if key is None else (datetime.fromisoformat(str(key[0])), whole(str(key[1]), 2**62) or 0)
    except ValueError:
        before = FAR
    with edge.transaction() as db:
        found = cards_queries.batches(db, before, PAGE_ROWS + 1, desk.party.id)
    page = page_of(found, lambda row: (row.received_at.isoformat(), row.pool_id))
    return show(request, desk, "batches", "batches", {"page": page})


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_http_methods(["GET", "POST"])
@at_desk
@takes_files
def new_batch(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Bring a file of cards by the same import as the console's: for one of the supplier's own SKUs, or one of our own sale
    that it supplied before, at what it cost then: what we owe for it is not whoever brings it to name.
    """
    with edge.transaction() as db:
        agreed = cards_queries.supplied(db, desk.party.id)
        skus = [one for one in catalog_queries.skus(db, desk.party.id) if one.kind in FROM_FILES]
        ours = [one for one in catalog_queries.skus(db) if one.id in agreed] if agreed else []
    error = ""
    if request.method == "POST":
        chosen = next((one for one in (*skus, *ours) if one.code == request.POST.get("sku", "")), None)
        is_ours = chosen is not None and chosen.id in agreed
        cost = agreed[chosen.id] if chosen and is_ours else parse_yuan(request.POST.get("cost", ""))
        if not is_patient(desk, "file", FILES_PER_DAY):
            error = _(PORTAL_REFUSALS[SupplierRefusal.TOO_MANY])
        elif chosen is None:
            error = _("请选择自己的规格，或供过货的自营规格。")
        elif desk.supplier.state not in SELLING:
            error = _("现在不能导入卡密：只有正常经营时可以。")
        elif cost is None:
            error = _("单张成本应为元，最多两位小数。")
        else:
            made = receive_file(request, chosen, desk.party.id, cost, ("cost",) if is_ours else ())
            if isinstance(made, Batch):
                return redirect("supplier:batch", pool_id=made.pool_id)
            error = made
    told = {"skus": skus, "ours": [(one, agreed[one.id]) for one in ours], "error": error, "form": request.POST}
    return show(request, desk, "batch_new", "batches", told, 422 if error else 200)


@require_GET
@at_desk
def batch(request: HttpRequest, desk: Desk, pool_id: int) -> HttpResponse:
    return _batch_page(request, desk, pool_id)


@require_POST
@at_desk
def start_batch(request: HttpRequest, desk: Desk, pool_id: int) -> HttpResponse:
    """Confirm how the file is read. Whether it goes on sale is the platform's decision (S-07)."""
    with edge.transaction() as db:
        _own_batch(db, desk, pool_id)
        is_selling = desk.supplier.state in SELLING
        answer = cards.start(db, actor(request), pool_id, clock.now()) if is_selling else None
    if answer is None:
        return _batch_page(request, desk, pool_id, _("现在不能导入卡密：只有正常经营时可以。"), 409)
    if isinstance(answer, Refusal):
        return _batch_page(request, desk, pool_id, _(REFUSALS[answer]), 409)
    say(request, _("开始校验入库；入库后由平台核对来源并上架。"))
    return redirect("supplier:batch", pool_id=pool_id)


def product_page(request: HttpRequest, desk: Desk, product_id: int, error: str = "", status: int = 200) -> HttpResponse:
    with edge.transaction() as db:
        found = catalog.product(db, product_id=product_id)
        if found is None or found.seller_id != desk.party.id:
            raise Http404
        skus = catalog.skus_of(db, product_id)
        history = {one.code: catalog.price_history(db, one.id, 5) for one in skus}
    told = {
        "product": found,
        "skus": skus,
        "history": history,
        "error": error,
        "kinds": FROM_FILES,
        "form": request.POST,
    }
    return show(request, desk, "product", "products", told, status)


def _batch_page(request: HttpRequest, desk: Desk, pool_id: int, error: str = "", status: int = 200) -> HttpResponse:
    with edge.transaction() as db:
        found = _own_batch(db, desk, pool_id)
        told = {
            "batch": found,
            "code": catalog.codes(db, [found.sku_id]).get(found.sku_id, ""),
            "stock": cards.stock(db, [pool_id]).get(pool_id, cards.Stock()),
            "papers": papers.state_of(db, found, cards.steps(db, pool_id)),
            "stops": [] if found.state == "cancelled" else cards.stops(db, found, clock.now()),
            "reasons": cards.reject_counts(db, pool_id) if found.rejected else {},
            "error": error,
        }
    if found.state == "uploaded" and found.spool:
        form = cards.Format.from_json(found.format)
        told |= {"form": form, "rows": preview.sample(edge.ctx(), found.spool, form, biz_date(clock.now()))}
    return show(request, desk, "batch", "batches", told, status)


def _own_sku(db: Db, desk: Desk, code: str) -> Sku:
    row = next((one for one in catalog_queries.skus(db, desk.party.id) if one.code == code), None)
    if row is None:
        raise Http404
    return next(one for one in catalog.skus_of(db, row.product_id) if one.code == code)


def _own_batch(db: Db, desk: Desk, pool_id: int) -> Batch:
    found = cards.batch(db, pool_id)
    if found is None or found.supplier_id != desk.party.id:
        raise Http404
    return found
