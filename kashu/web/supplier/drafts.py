"""A supplier's products before they are listed: it writes the page and the SKUs, the platform reads them and lists them."""

from __future__ import annotations

import secrets
from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kashu import cards, catalog
from kashu.catalog import Category, Product, Refusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.party import SupplierRefusal
from kashu.web.console.desk import say
from kashu.web.console.products import REFUSALS, as_form, read_product, read_sku
from kashu.web.portals import is_patient
from kashu.web.rights import actor
from kashu.web.supplier.desk import REFUSALS as PORTAL_REFUSALS
from kashu.web.supplier.desk import Desk, at_desk, show
from kashu.web.supplier.goods import FROM_FILES, SELLING, product_page
from kashu.wire import edge

DRAFTS_PER_DAY = 50
LISTED = "这件商品不再是草稿，内容由平台修改。数据没有改动。"


@require_http_methods(["GET", "POST"])
@at_desk
def new_product(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A page of the supplier's own; nobody sees it before staff have it read and listed."""
    if request.method == "GET":
        return _form(request, desk, None, {}, {})
    blank = Product(0, f"s{desk.party.id}-{secrets.token_hex(4)}", 0, "", "", desk.party.id, "", True, "", "", "", "",
                    [], [], "", 0, None, "draft")  # fmt: skip
    wanted, errors = _read(request, desk, blank)
    if wanted is not None and not errors:
        with edge.transaction() as db:
            answer = catalog.open_product(db, actor(request), wanted, clock.now())
        if isinstance(answer, Product):
            say(request, _("草稿已保存。添加规格后，由平台审核上架。"))
            return redirect("supplier:product", product_id=answer.id)
        errors["form"] = _(REFUSALS[answer])
    return _form(request, desk, None, errors, request.POST.dict())


@require_http_methods(["GET", "POST"])
@at_desk
def edit_draft(request: HttpRequest, desk: Desk, product_id: int) -> HttpResponse:
    with edge.transaction() as db:
        found = _own(db, desk, product_id)
    if found.state != "draft":
        return product_page(request, desk, product_id, _(LISTED), 409)
    if request.method == "GET":
        return _form(request, desk, found, {}, as_form(found))
    wanted, errors = _read(request, desk, found)
    if wanted is not None and not errors:
        with edge.transaction() as db:
            answer: object = catalog.hold_draft(db, desk.party.id, product_id)
            if isinstance(answer, Product):
                answer = cards.edit_product(db, actor(request), wanted, "", clock.now())
        if isinstance(answer, Product):
            say(request, _("草稿已保存。添加规格后，由平台审核上架。"))
            return redirect("supplier:product", product_id=product_id)
        assert isinstance(answer, Refusal)
        errors["form"] = _(LISTED) if answer is Refusal.NO_SUCH_MOVE else _(REFUSALS[answer])
    return _form(request, desk, found, errors, request.POST.dict())


@require_POST
@at_desk
def add_sku(request: HttpRequest, desk: Desk, product_id: int) -> HttpResponse:
    """A SKU of a draft, of the kinds whose cards a supplier brings in files."""
    with edge.transaction() as db:
        _own(db, desk, product_id)
    wanted, error = read_sku(request, product_id)
    if wanted is None or wanted.kind not in FROM_FILES or desk.supplier.state not in SELLING:
        return product_page(request, desk, product_id, error or _("请选择库存类型；只有正常经营时可以添加规格。"), 422)
    if not is_patient(desk, "draft", DRAFTS_PER_DAY):
        return product_page(request, desk, product_id, _(PORTAL_REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    with edge.transaction() as db:
        answer: object = catalog.hold_draft(db, desk.party.id, product_id)
        if isinstance(answer, Product):
            answer = catalog.add_sku(db, actor(request), replace(wanted, position=0), clock.now())
    if answer is Refusal.NO_SUCH_MOVE:
        return product_page(request, desk, product_id, _(LISTED), 409)
    if isinstance(answer, Refusal):
        return product_page(request, desk, product_id, _(REFUSALS[answer]), 422)
    say(request, _("规格已添加。"))
    return redirect("supplier:product", product_id=product_id)


def _read(request: HttpRequest, desk: Desk, before: Product) -> tuple[Product | None, dict[str, str]]:
    if desk.supplier.state not in SELLING:
        return None, {"form": _("只有正常经营时可以建立商品。没有保存。")}
    if not is_patient(desk, "draft", DRAFTS_PER_DAY):
        return None, {"form": _(PORTAL_REFUSALS[SupplierRefusal.TOO_MANY])}
    with edge.transaction() as db:
        is_open = request.POST.get("category", "") in {str(one.id) for one in _categories(db)}
    if not is_open:
        return None, {"category": _("请选择类目。")}
    return read_product(request, before)


def _categories(db: Db) -> list[Category]:
    """Those in which something may be listed at all (C-04)."""
    return [one for one in catalog.categories(db) if one.is_open and one.goods is not None]


def _own(db: Db, desk: Desk, product_id: int) -> Product:
    found = catalog.product(db, product_id=product_id)
    if found is None or found.seller_id != desk.party.id:
        raise Http404
    return found


def _form(
    request: HttpRequest, desk: Desk, found: Product | None, errors: dict[str, str], form: dict[str, str]
) -> HttpResponse:
    with edge.transaction() as db:
        told = {"categories": _categories(db), "product": found, "errors": errors, "form": form}
    return show(request, desk, "product_form", "products", told, 422 if errors else 200)
