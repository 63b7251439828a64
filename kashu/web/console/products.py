"""Products, their SKUs and prices."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import cards, catalog, compliance, messages, party
from kashu.cards import queries as cards_queries
from kashu.catalog import INKS, KINDS, LATER, Category, PriceChange, Product, Refusal, Sku, queries
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.kernel.paging import decode_cursor
from kashu.web.console.desk import PAGE_ROWS, page_of, say, show, whole
from kashu.web.rights import actor, needs
from kashu.web.uploads import SmallFile, takes_files
from kashu.wire import edge, images
from kashu.wire.images import ImageRefusal

SLUG = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")
CODE = re.compile(r"^[A-Z0-9][A-Z0-9-]{1,31}$")
TEXT_MAX = 2_000
FIELD_KINDS = {
    "手机号": "phone",
    "数字": "digits",
    "文字": "text",
    "phone": "phone",
    "digits": "digits",
    "text": "text",
}
REFUSALS = {
    Refusal.TAKEN: "这个标识已被占用，请换一个。",
    Refusal.VOID_CLAUSE: "文字里有法律上无效的条款（如「概不退款」「最终解释权」），请删除后再保存。",
    Refusal.BRAND_FIXED: "有批次在售：它们的授权书是按现在的品牌和商品种类核对的。先撤下这些批次，再改品牌或类目。",
    Refusal.CATEGORY_CLOSED: "这个类目没有开放销售，不能上架。",
    Refusal.NOTHING_TO_SELL: "还没有可售的规格，先添加规格再上架。",
    Refusal.BLOCKED: "资质、授权或保证金不齐，暂不能上架。",
    Refusal.IN_REVIEW: "文字需要人工复核，已送合规台；复核通过后再上架或修改。",
    Refusal.TAKEN_DOWN: "这件商品已因违法下架，不能改动或上架；由合规台决定。",
    Refusal.REVIEW_DENIED: "文字属于禁售内容，不能上架；触发的规则列在商品页的「合规审查」里。",
    Refusal.NO_SUCH_MOVE: "当前状态不能这样变更。",
    Refusal.LIST_PRICE_UNPROVEN: "划线价没有依据：不得高于此前 7 日本店最低成交价（没有成交则为最近一次成交价），且须高于售价。",
    Refusal.FORM_WRONG: "直充和代充要写充值信息，每行「名称 类型」，类型为 手机号、数字 或 文字，最多 6 行；其他库存类型不写。",
    Refusal.TIERS_WRONG: "阶梯价不对：数量要递增且大于 1，单价要递减且低于售价，最多 10 档。",
}


@require_GET
@needs("products.read")
def products(request: HttpRequest) -> HttpResponse:
    key = decode_cursor(request.GET.get("after", ""), 1)
    before = whole(str(key[0]), 2**62) if key else None
    with edge.transaction() as db:
        found = queries.products(db, biz_date(clock.now()), before, PAGE_ROWS + 1)
    return show(request, "products", "products", {"page": page_of(found, lambda row: (row.id,))})


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_http_methods(["GET", "POST"])
@needs("products.edit")
@takes_files
def new_product(request: HttpRequest) -> HttpResponse:
    errors: dict[str, str] = {}
    if request.method == "POST":
        wanted, errors = read_product(request, None)
        if wanted is not None and not errors:
            with edge.transaction() as db:
                answer = catalog.open_product(db, actor(request), wanted, clock.now())
            if isinstance(answer, Product):
                say(request, _("已建为草稿。添加规格、导入卡密后上架。"))
                return redirect("console:product", product_id=answer.id)
            errors["form"] = _(REFUSALS[answer])
    with edge.transaction() as db:
        sellers = [one for one in party.parties(db) if one.state != "closed"]
        told = {"categories": catalog.categories(db), "sellers": sellers, "goods": compliance.goods(db)}
    told |= {"errors": errors, "form": request.POST}
    return show(request, "product_form", "products", told, 422 if errors else 200)


@require_GET
@needs("products.read")
def product(request: HttpRequest, product_id: int) -> HttpResponse:
    return _product_page(request, product_id)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_http_methods(["GET", "POST"])
@needs("products.edit")
@takes_files
def edit_product(request: HttpRequest, product_id: int) -> HttpResponse:
    with edge.transaction() as db:
        found = _found(db, product_id)
        told: dict[str, Any] = {
            "categories": catalog.categories(db),
            "sellers": [one for one in party.parties(db) if one.state != "closed" or one.id == found.seller_id],
            "product": found,
            "goods": compliance.goods(db),
        }
    errors: dict[str, str] = {}
    if request.method == "POST":
        wanted, errors = read_product(request, found)
        if wanted is not None and not errors:
            with edge.transaction() as db:
                answer = cards.edit_product(
                    db, actor(request), wanted, request.POST.get("reason", "")[:200], clock.now()
                )
            if isinstance(answer, Product):
                say(request, _("已保存。买家已下的订单仍按下单时的页面。"))
                return redirect("console:product", product_id=product_id)
            errors["form"] = _(REFUSALS[answer])
    form = request.POST if request.method == "POST" else as_form(found)
    return show(request, "product_form", "products", {**told, "errors": errors, "form": form}, 422 if errors else 200)


@require_POST
@needs("products.edit")
def move(request: HttpRequest, product_id: int) -> HttpResponse:
    after = request.POST.get("state", "")
    if after not in ("on_sale", "off_sale"):
        raise Http404
    with edge.transaction() as db:
        _found(db, product_id)
        refusal = catalog.move_product(
            db, actor(request), product_id, after, request.POST.get("reason", "")[:200], clock.now()
        )
    if refusal is None:
        say(request, _("已上架。") if after == "on_sale" else _("已下架。"))
    else:
        say(request, _(REFUSALS[refusal]), is_bad=True)
    return redirect("console:product", product_id=product_id)


@require_POST
@needs("products.edit")
def add_sku(request: HttpRequest, product_id: int) -> HttpResponse:
    wanted, error = read_sku(request, product_id)
    if wanted is None:
        return _product_page(request, product_id, error, 422)
    with edge.transaction() as db:
        _found(db, product_id)
        answer = catalog.add_sku(db, actor(request), wanted, clock.now())
    if isinstance(answer, Refusal):
        return _product_page(request, product_id, _(REFUSALS[answer]), 422)
    say(request, _("规格已添加。"))
    return redirect("console:product", product_id=product_id)


@require_POST
@needs("products.edit")
def set_price(request: HttpRequest, product_id: int, code: str) -> HttpResponse:
    told = request.POST
    price, tiers = parse_yuan(told.get("price", "")), _tiers(told.get("tiers", ""))
    list_price = parse_yuan(told["list_price"]) if told.get("list_price", "").strip() else None
    if not price or tiers is None or (told.get("list_price", "").strip() and list_price is None):
        return _product_page(request, product_id, _("价格应为元，最多两位小数；阶梯价每行写「数量 单价」。"), 422)
    with edge.transaction() as db:
        if code not in {sku.code for sku in catalog.skus_of(db, product_id)}:
            raise Http404
        who, reason = actor(request), told.get("reason", "")[:200]
        refusal = catalog.set_price(db, who, code, PriceChange(price, list_price, tiers, clock.now(), who.name, reason))
    if refusal is not None:
        return _product_page(request, product_id, _(REFUSALS[refusal]), 422)
    say(request, _("价格已更新，从现在起生效。"))
    return redirect("console:product", product_id=product_id)


@require_POST
@needs("products.edit")
def edit_sku(request: HttpRequest, product_id: int, code: str) -> HttpResponse:
    with edge.transaction() as db:
        found = next((sku for sku in catalog.skus_of(db, product_id) if sku.code == code), None)
        if found is None:
            raise Http404
        limits, pushes = _limits(request), request.POST.get("push_secret") == "yes"
        may_push = not pushes or (found.kind not in LATER and bool(messages.carriers(db, "card")))
        refusal = None
        if limits is not None and may_push:
            refusal = catalog.edit_sku(db, actor(request), replace(found, **limits, push_secret=pushes), clock.now())
    if limits is None:
        return _product_page(request, product_id, _("限购和预警应为整数。"), 422)
    if not may_push:
        told = _("没有声明携带卡密的短信模板，不能开启卡密短信。数据没有改动。")
        return _product_page(request, product_id, told, 422)
    if refusal is not None:
        return _product_page(request, product_id, _(REFUSALS[refusal]), 422)
    say(request, _("规格已保存。"))
    return redirect("console:product", product_id=product_id)


@require_POST
@needs("products.edit")
def add_category(request: HttpRequest) -> HttpResponse:
    told = request.POST
    slug, name, ink = told.get("slug", "").strip(), told.get("name", "").strip()[:40], told.get("ink", "green")
    parent = told.get("parent", "")
    if not SLUG.match(slug) or not name or ink not in INKS:
        say(request, _("类目标识只用小写字母、数字和连字符；名称必填。数据没有改动。"), is_bad=True)
    else:
        with edge.transaction() as db:
            goods = next((one.code for one in compliance.goods(db) if one.code == told.get("goods")), None)
            new = Category(0, whole(parent, 2**62), slug, name, ink, 0, told.get("is_open") == "yes", goods)
            answer = catalog.add_category(db, actor(request), new, clock.now())
        taken = isinstance(answer, Refusal)
        say(request, _(REFUSALS[answer]) if isinstance(answer, Refusal) else _("类目已添加。"), is_bad=taken)
    return redirect("console:new_product")


def _product_page(request: HttpRequest, product_id: int, error: str = "", status: int = 200) -> HttpResponse:
    now = clock.now()
    with edge.transaction() as db:
        found = _found(db, product_id)
        skus = catalog.skus_of(db, product_id)
        deals = catalog.deals(db, [sku.id for sku in skus], biz_date(now) - timedelta(days=90))
        told = {
            "product": found,
            "skus": skus,
            "struck_most": {s.id: catalog.struck_price_most([d for d in deals if d.sku_id == s.id], now) for s in skus},
            "history": {sku.id: catalog.price_history(db, sku.id, 5) for sku in skus},
            "kinds": KINDS,
            "review": (said := compliance.last_review(db, f"product:{product_id}")),
            "reasons": [compliance.in_chinese(one) for one in said.reasons] if said else [],
            "causes": _causes(db, found, [sku.id for sku in skus], now),
            "error": error,
            "form": request.POST,
        }
    return show(request, "product", "products", told, status)


def _causes(db: Db, found: Product, sku_ids: list[int], at: datetime) -> list[str]:
    """What stands in the way of its listing or its sale now: its seller's papers, or those of its cards."""
    causes = {one.value for one in compliance.standing(db, found.seller_id, found.goods, at).causes}
    causes |= {cause for one in cards_queries.stopped(db, biz_date(at), sku_ids) for cause in one.causes}
    return sorted(causes)


def _found(db: Db, product_id: int) -> Product:
    found = catalog.product(db, product_id=product_id)
    if found is None:
        raise Http404
    return found


def read_product(request: HttpRequest, before: Product | None) -> tuple[Product | None, dict[str, str]]:
    told, errors = request.POST, {}
    slug = before.slug if before else told.get("slug", "").strip()
    if not SLUG.match(slug):
        errors["slug"] = _("只用小写字母、数字和连字符，最多 40 个字符。")
    if not told.get("title", "").strip():
        errors["title"] = _("标题必填。")
    if any(len(value) > TEXT_MAX for value in told.values() if isinstance(value, str)):
        errors["form"] = _("有一栏超过 2000 字。")
    days = whole(told.get("warranty_days", "30"), 3_650)
    if days is None:
        errors["warranty_days"] = _("质保天数应为 0 到 3650 的整数。")
    with edge.transaction() as db:
        known = {one.id for one in catalog.categories(db)}, {one.id for one in party.parties(db)}
    category, seller = whole(told.get("category", ""), 2**62), whole(told.get("seller", ""), 2**62)
    if category not in known[0] or (before is None and seller not in known[1]):
        errors["category"] = _("请选择类目和销售方。")
    image_id = before.image_id if before else None
    upload = request.FILES.get("image")
    if isinstance(upload, SmallFile):
        picture = images.encode(upload.content)
        if isinstance(picture, ImageRefusal):
            errors["image"] = _("图片应为 JPEG、PNG 或 WebP，且不超过 8 MB、4000 万像素。")
        elif not errors:
            with edge.transaction() as db:
                catalog.keep_image(db, actor(request), picture, clock.now())
            image_id = picture.id
    if errors:
        return None, errors
    facts = [[part.strip() for part in re.split(r"[:：]", line, maxsplit=1)] for line in _lines(told.get("facts", ""))]
    return Product(
        id=before.id if before else 0,
        slug=slug,
        category_id=category or 0,
        category="",
        ink="",
        seller_id=before.seller_id if before else seller or 0,
        seller="",
        is_third_party=False,
        title=told["title"].strip()[:80],
        brand=told.get("brand", "").strip()[:20],
        headline=told.get("headline", "").strip()[:20],
        summary=told.get("summary", "").strip()[:60],
        facts=[fact for fact in facts if len(fact) == 2][:8],
        steps=_lines(told.get("steps", ""))[:8],
        refund_terms=told.get("refund_terms", "").strip()[:120],
        warranty_days=days or 0,
        image_id=image_id,
        state=before.state if before else "draft",
    ), {}


def as_form(found: Product) -> dict[str, str]:
    return {
        "slug": found.slug,
        "title": found.title,
        "brand": found.brand,
        "headline": found.headline,
        "summary": found.summary,
        "facts": "\n".join("：".join(fact) for fact in found.facts),
        "steps": "\n".join(found.steps),
        "refund_terms": found.refund_terms,
        "warranty_days": str(found.warranty_days),
        "category": str(found.category_id),
        "seller": str(found.seller_id),
    }


def read_sku(request: HttpRequest, product_id: int) -> tuple[Sku | None, str]:
    told = request.POST
    code, name = told.get("code", "").strip().upper(), told.get("name", "").strip()[:20]
    price, tiers, limits = parse_yuan(told.get("price", "")), _tiers(told.get("tiers", "")), _limits(request)
    if not CODE.match(code):
        return None, _("规格编码用大写字母、数字和连字符，2 到 32 个字符。")
    if not name or not price:
        return None, _("规格名称和售价必填；售价单位元，最多两位小数。")
    if tiers is None or limits is None or told.get("kind") not in KINDS:
        return None, _("限购和预警应为整数；阶梯价每行写「数量 单价」。")
    fields = _fields(told.get("fields", ""))
    if fields is None:
        return None, _(REFUSALS[Refusal.FORM_WRONG])
    return Sku(
        0,
        code,
        product_id,
        kind=told["kind"],
        price_fen=price,
        list_price_fen=None,
        tiers=tiers,
        form=fields,
        **{**limits, "name": name},
    ), ""


def _fields(text: str) -> list[dict[str, str]] | None:
    """A SKU's form as lines of a name for buyers and a type; machines know each field by its type and place."""
    found: list[dict[str, str]] = []
    for line in _lines(text):
        label, _space, kind = line.rpartition(" ")
        if kind not in FIELD_KINDS or not label.strip():
            return None
        same = sum(one["kind"] == FIELD_KINDS[kind] for one in found)
        name = FIELD_KINDS[kind] + (str(same + 1) if same else "")
        found.append({"name": name, "label": label.strip(), "kind": FIELD_KINDS[kind]})
    return found


def _limits(request: HttpRequest) -> dict[str, Any] | None:
    told = request.POST
    names = ("order_max", "buyer_max", "low_stock", "position")
    numbers = {name: whole(told[name]) if told.get(name, "").strip() else 0 for name in names}
    if None in numbers.values() or (numbers["order_max"] or 10) > 1_000:
        return None
    return {
        "name": told.get("name", "").strip()[:20],
        "order_max": numbers["order_max"] or 10,
        "buyer_max": numbers["buyer_max"] or None,
        "validity": told.get("validity", "").strip()[:60],
        "low_stock": numbers["low_stock"] if told.get("low_stock", "").strip() else 10,
        "position": numbers["position"],
        "is_open": told.get("is_open", "yes") == "yes",
    }


def _tiers(text: str) -> list[dict[str, int]] | None:
    found = []
    for line in _lines(text):
        parts = line.split()
        fen = parse_yuan(parts[1]) if len(parts) == 2 else None
        least = whole(parts[0], 10_000)
        if fen is None or least is None:
            return None
        found.append({"from": least, "price_fen": fen})
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
