"""Buying at the desk: one purchase or a bulk one, the files, prices, the statement, invoices."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import aftersale, audit, cards, catalog, ledger, sales
from kashu.audit import Deed
from kashu.kernel import clock, ids
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.paging import decode_cursor
from kashu.kernel.text import canonical_json, is_line
from kashu.sales import Bulk, InvoiceRefusal, Order, Purchase, SellRefusal
from kashu.web import portals
from kashu.web.buyer.desk import Desk, at_desk, show
from kashu.web.console.desk import PAGE_ROWS, page_of, say, whole, with_charts
from kashu.web.rights import actor
from kashu.wire import edge, sealedzip
from kashu.wire.open import bulk as open_bulk
from kashu.wire.open.messages import Stretch

USAGE_DAYS = 30
INLINE_MAX = 1_000
SKUS_MAX = 200
SHELF_MAX = 1_000
CHOICES_SHOWN = 60
PASSWORD_CHARS = range(12, 129)
FAR = datetime(9999, 1, 1, tzinfo=clock.SHANGHAI)
REFUSALS = {
    SellRefusal.ACCOUNT_CLOSED: "账户已冻结或关闭，没有扣款。请联系平台。",
    SellRefusal.NOT_FOR_SALE: "这个规格暂停销售，没有扣款。",
    SellRefusal.LICENCE_LAPSED: "这个规格的经营资质正在核验，暂停销售，没有扣款。",
    SellRefusal.NEEDS_SPLIT_PAYMENT: "第三方商品不能用预付款购买，没有扣款。",
    SellRefusal.OVER_LIMIT: "超过单笔张数或每日金额上限，没有扣款。",
    SellRefusal.SHORT_OF_FUNDS: "可用余额不足，没有扣款。请按合同打款，由平台入账后再买。",
    SellRefusal.OUT_OF_STOCK: "可售库存不足，没有扣款。可以减少数量再试。",
    SellRefusal.REFERENCE_TAKEN: "你的单号已经用过，没有扣款。",
    SellRefusal.TOO_MANY_OPEN: "已有 5 笔批量采购在进行，完成后再开始新的。没有扣款。",
    SellRefusal.PICK_TAKEN: "这个自选号已被选走，没有扣款。请换一个。",
    SellRefusal.FORM_WRONG: "充值信息没有填对，没有扣款。请核对后再提交。",
    SellRefusal.IDEMPOTENCY_MISMATCH: "这次提交已经用过，没有重复扣款。请刷新页面重新填写。",
}
INVOICE_REFUSALS = {
    InvoiceRefusal.NOTHING_BOUGHT: "所选月份没有采购，不能开票。",
    InvoiceRefusal.MONTH_NOT_OVER: "当月结束后才能申请开票。",
    InvoiceRefusal.STILL_ISSUING: "所选月份还有正在办理的订单，办完后再申请。",
    InvoiceRefusal.ASKED_BEFORE: "所选月份已经申请过发票。",
}


@require_GET
@with_charts
@at_desk
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The account at a glance: what can be spent, what was bought, what waits."""
    at = clock.now()
    today = biz_date(at)
    since = today - timedelta(days=USAGE_DAYS - 1)
    with edge.transaction() as db:
        usage = sales.usage_by_day(db, desk.account.id, since)
        told: dict[str, Any] = {
            "latest": _orders(db, sales.orders_of_account(db, desk.account.id, FAR, 8)),
            "bulks": [one for one in sales.bulks(db, desk.account.id, 20) if one.state != "done"],
            "topups": [one for one in sales.topups(db, desk.account.id, 20) if one.state == "asked"],
            "invoices": [one for one in sales.invoices(db, desk.account.id, 20) if one.state == "asked"],
        }
    told |= {
        "now": at,
        "spent_today": desk.account.spent_today(today) if desk.account.day_max_fen else _of(usage, today),
        "usage_fen": sum(fen for *_rest, fen in usage),
        "usage_count": sum(many for _day, many, _fen in usage),
        "usage": usage,
        "chart": _chart(usage, since),
    }
    return show(request, desk, "overview", "overview", told)


@require_POST
@at_desk
def choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Whose desk this is, for people who work for several."""
    return portals.choose(request, desk)


@require_GET
@at_desk
def purchases(request: HttpRequest, desk: Desk) -> HttpResponse:
    key = decode_cursor(request.GET.get("after", ""), 1)
    try:
        before = datetime.fromisoformat(str(key[0])) if key else FAR
    except ValueError:
        before = FAR
    with edge.transaction() as db:
        found = _orders(db, sales.orders_of_account(db, desk.account.id, before, PAGE_ROWS + 1))
        bulks = sales.bulks(db, desk.account.id, 20)
    page = page_of(found, lambda one: (one.placed_at.isoformat(),))
    return show(request, desk, "purchases", "purchases", {"page": page, "bulks": bulks})


@require_http_methods(["GET", "POST"])
@at_desk
def new_purchase(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Up to a thousand cards, there at once."""
    if request.method == "GET":
        return _form(request, desk)
    asked = _asked(request, desk, INLINE_MAX, "desk")
    if isinstance(asked, str):
        return _form(request, desk, asked)
    with edge.transaction() as db:
        [told] = sales.sell(db, edge.ctx().ring, [asked], clock.now())
    if isinstance(told, SellRefusal):
        return _form(request, desk, _(REFUSALS[told]))
    say(request, _("采购完成，卡密已交付。"))
    return redirect("buyer:purchase", number=told.number)


@require_http_methods(["GET", "POST"])
@at_desk
def one_piece(request: HttpRequest, desk: Desk, code: str) -> HttpResponse:
    """What is bought one by one: a card that is picked (自选), or what is issued to somebody (直充, 代充)."""
    with edge.transaction() as db:
        row = next((one for one in _price_rows(db, desk, [code]) if one["offer"].is_singly), None)
        if row is None:
            raise Http404
        like = (cards.tidy_label(request.GET.get("like", "")) or "")[:32]
        at = biz_date(clock.now())
        is_pick = row["offer"].kind == "pick"
        choices = cards.choices(db, row["offer"].sku_id, at, "", like, CHOICES_SHOWN) if is_pick else []
    told, error = request.POST, ""
    if request.method == "POST":
        form = {one["name"]: told.get(f"f_{one['name']}", "")[:64] for one in row["offer"].form}
        asked = _asked(request, desk, 1, "desk one", cards.tidy_label(told.get("pick", "")) or "", form)
        if isinstance(asked, str):
            error = asked
        else:
            with edge.transaction() as db:
                [done] = sales.sell(db, edge.ctx().ring, [replace(asked, code=code)], clock.now())
            if not isinstance(done, SellRefusal):
                is_done = done.state == "delivered"
                say(
                    request, _("采购完成，卡密已交付。") if is_done else _("已扣款，正在办理；没有办成会全额退回余额。")
                )
                return redirect("buyer:purchase", number=done.number)
            error = _(REFUSALS[done])
    fields = [{**one, "value": told.get(f"f_{one['name']}", "")} for one in row["offer"].form]
    page = {"row": row, "choices": choices, "like": like, "fields": fields, "told": told, "error": error,
            "key": secrets.token_urlsafe(16)}  # fmt: skip
    return show(request, desk, "one", "new", page, 422 if error else 200)


@require_POST
@at_desk
def new_bulk(request: HttpRequest, desk: Desk) -> HttpResponse:
    """More than fit on a page: bought by a job, fetched as a sealed file."""
    asked, password = _asked(request, desk, sales.BULK_MAX, "desk bulk"), request.POST.get("password", "")
    if isinstance(asked, str):
        return _form(request, desk, asked)
    if len(password) not in PASSWORD_CHARS:
        return _form(request, desk, _("文件密码需要 12 到 128 个字符。没有扣款。"))
    with edge.transaction() as db:
        kind = "xlsx" if request.POST.get("kind") == "xlsx" else "csv"
        told = sales.ask_bulk(db, edge.ctx().ring, actor(request), asked, password, clock.now(), file_kind=kind)
    if isinstance(told, SellRefusal):
        return _form(request, desk, _(REFUSALS[told]))
    return redirect("buyer:bulk", bulk_id=told.id)


@require_GET
@at_desk
def bulk(request: HttpRequest, desk: Desk, bulk_id: UUID) -> HttpResponse:
    return show(request, desk, "bulk", "purchases", {"bulk": _bulk(desk, bulk_id)})


@require_GET
@at_desk
def bulk_progress(request: HttpRequest, desk: Desk, bulk_id: UUID) -> HttpResponse:
    """The moving part of the page; it asks again while there is something to wait for."""
    return render(request, "buyer/bulk_progress.html", {"bulk": _bulk(desk, bulk_id)})


@require_GET
@at_desk
def bulk_file(request: HttpRequest, desk: Desk, bulk_id: UUID) -> HttpResponseBase:
    found = _bulk(desk, bulk_id)
    with edge.transaction() as db:
        if found.state != "done" or sales.piece(db, bulk_id, 0) is None:
            raise Http404
        audit.record(db, [Deed(actor(request), "bulk.fetch", "bulk", str(bulk_id))], clock.now())
    coming = open_bulk.pieces(edge.ctx().pool, Stretch(bulk_id, 0, found.file_bytes))
    headers = {
        "Content-Disposition": f'attachment; filename="kashu-{bulk_id}.zip"',
        "Content-Length": str(found.file_bytes),
    }
    return StreamingHttpResponse(coming, content_type="application/zip", headers=headers)


@require_GET
@at_desk
def purchase(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """One purchase, its cards masked; they leave in a sealed file."""
    return _purchase_page(request, desk, number)


@require_POST
@at_desk
def purchase_file(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """The cards as CSV or XLSX in a ZIP that only the given password opens; every download is in the trail."""
    password, kind = request.POST.get("password", ""), request.POST.get("kind", "csv")
    if len(password) not in PASSWORD_CHARS or kind not in ("csv", "xlsx"):
        return _purchase_page(request, desk, number, _("文件密码需要 12 到 128 个字符。"))
    with edge.transaction() as db:
        order = order_of(db, desk, number)
        if order.delivered_at is None:
            raise Http404
        if order.erased_at is not None:
            return _purchase_page(request, desk, number, _("卡密已超过保存期，内容已清除，不能再下载。"))
        after = {"kind": kind, "cards": order.quantity}
        deed = Deed(actor(request), "order.shown", "order", str(order.id), after=after, pool_id=order.pool_id)
        audit.record(db, [deed], clock.now())
        [told] = sales.receipts(db, edge.ctx().ring, [(order.pool_id, order.id)])
    content = sealedzip.seal(told.cards, f"kashu-{number}", password, kind=kind)
    headers = {"Content-Disposition": f'attachment; filename="kashu-{number}.zip"'}
    return HttpResponse(content, content_type="application/zip", headers=headers)


@require_GET
@at_desk
def prices(request: HttpRequest, desk: Desk) -> HttpResponse:
    with edge.transaction() as db:
        told = {"rows": _price_rows(db, desk)}
    return show(request, desk, "prices", "prices", told)


@require_GET
@at_desk
def statement(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Every movement of the account, its top-ups and its invoices."""
    key = decode_cursor(request.GET.get("after", ""), 1)
    try:
        before = UUID(str(key[0])) if key else None
    except ValueError:
        before = None
    with edge.transaction() as db:
        found = ledger.statement(db, desk.account.id, before, PAGE_ROWS + 1)
        told = {
            "page": page_of(found, lambda one: (str(one.id),)),
            "topups": sales.topups(db, desk.account.id, 20),
            "invoices": sales.invoices(db, desk.account.id, 24),
            "last_month": (biz_date(clock.now()).replace(day=1) - timedelta(days=1)).strftime("%Y-%m"),
        }
    return show(request, desk, "statement", "statement", told)


@require_POST
@at_desk
def ask_invoice(request: HttpRequest, desk: Desk) -> HttpResponse:
    try:
        month = date.fromisoformat(f"{request.POST.get('month', '')}-01")
    except ValueError:
        month = None
    title, tax_no = (request.POST.get(name, "").strip()[:80] for name in ("title", "tax_no"))
    if month is None or not title or not tax_no:
        say(request, _("月份、发票抬头和税号都要填写。没有提交。"), is_bad=True)
        return redirect("buyer:statement")
    with edge.transaction() as db:
        told = sales.ask_invoice(db, actor(request), desk.account.id, (month, title, tax_no), clock.now())
    if isinstance(told, InvoiceRefusal):
        say(request, _(INVOICE_REFUSALS[told]), is_bad=True)
    else:
        say(request, _("发票申请已提交。"))
    return redirect("buyer:statement")


def _asked(
    request: HttpRequest, desk: Desk, most: int, kind: str, pick: str = "", form: Mapping[str, str] | None = None
) -> Purchase | str:
    """The purchase a form asks for; `kind` keeps the keys of the page's forms apart."""
    told = request.POST
    if portals.is_for_another(request, desk):
        return _("这个页面是为另一家组织打开的，现在已经切换。没有扣款。")
    quantity, key = whole(told.get("quantity", ""), most), told.get("key", "")
    code, reference = told.get("sku", "")[:32], told.get("reference", "").strip()
    if not quantity:
        return _("数量应为 1 到 %(n)s 的整数。没有扣款。") % {"n": most}
    if not 16 <= len(key) <= 64 or not key.isascii() or len(reference) > 64:
        return _("请求不完整，没有扣款。请再试一次。")
    if not all(is_line(text) for text in (reference, pick, *(form or {}).values())):
        return _("请求不完整，没有扣款。请再试一次。")
    told_of = canonical_json([code, quantity, reference, pick, dict(form or {})])
    asked = edge.ctx().ring.identity("purchase", told_of).hex()
    by = actor(request).name
    return Purchase(desk.account.id, f"{kind} {key}", asked, code, quantity, reference, by, pick, form or {})


def _form(request: HttpRequest, desk: Desk, error: str = "") -> HttpResponse:
    with edge.transaction() as db:
        rows = _price_rows(db, desk)
    many = [one for one in rows if not one["offer"].is_singly]
    told = {"rows": rows, "many": many, "error": error, "told": request.POST, "key": secrets.token_urlsafe(16)}
    return show(request, desk, "new", "new", told, 422 if error else 200)


def _price_rows(db: Db, desk: Desk, codes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What this account can buy (of these, where some are named), and what it pays."""
    at = clock.now()
    offers = catalog.offers(db, codes or catalog.codes_on_sale(db, "", SKUS_MAX), at)
    own = {code: offer for code, offer in offers.items() if not offer.is_third_party}
    skus = [offer.sku_id for offer in own.values()]
    shelf = cards.on_shelf(db, skus, biz_date(at), SHELF_MAX) if skus else {}
    agreed = sales.prices(db, [desk.account.id], skus, at)
    rows = []
    for code, offer in sorted(own.items()):
        contract = agreed.get((desk.account.id, offer.sku_id))
        mine = min(offer.price_fen, contract.price_fen) if contract else offer.price_fen
        tiers = [tier for tier in offer.tiers if tier["price_fen"] < mine]
        rows.append({"code": code, "offer": offer, "mine": mine, "contract": contract, "tiers": tiers,
                     "on_shelf": shelf.get(offer.sku_id, 0)})  # fmt: skip
    return rows


def _purchase_page(request: HttpRequest, desk: Desk, number: str, error: str = "") -> HttpResponse:
    with edge.transaction() as db:
        order = order_of(db, desk, number)
        lines = sales.lines_of(db, [order.id])[order.id]
        told = {
            "order": order,
            "line": lines[0],
            "code": catalog.codes(db, [lines[0].sku_id])[lines[0].sku_id],
            "cards": cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])[:50],
            "page": catalog.page(db, lines[0].page_hash) or {},
            "waiting": sales.fulfilments(db, [(order.pool_id, order.id)]).get(order.id),
            "compensations": (owed := aftersale.compensations_of_order(db, order.pool_id, order.id)),
            "due": None if any(one.is_open for one in owed) else sales.seems_due(db, order, clock.now()),
            "error": error,
        }
    return show(request, desk, "purchase", "purchases", told, 422 if error else 200)


def order_of(db: Db, desk: Desk, number: str) -> Order:
    pool_id = ids.pool_of(number)
    found = sales.by_number(db, pool_id, number) if pool_id is not None else None
    if found is None or found.account_id != desk.account.id:
        raise Http404
    return found


def _bulk(desk: Desk, bulk_id: UUID) -> Bulk:
    with edge.transaction() as db:
        found = sales.bulk(db, bulk_id)
    if found is None or found.account_id != desk.account.id:
        raise Http404
    return found


def _orders(db: Db, keys: list[tuple[int, UUID]]) -> list[Order]:
    found = sales.orders(db, keys)
    return [found[order_id] for _pool, order_id in keys if order_id in found]


def _of(usage: list[tuple[date, int, int]], day: date) -> int:
    return next((fen for one, _many, fen in usage if one == day), 0)


def _chart(usage: list[tuple[date, int, int]], since: date) -> str:
    days = [since + timedelta(days=n) for n in range(USAGE_DAYS)]
    bars = {
        "name": _("采购额"),
        "type": "bar",
        "data": [_of(usage, day) // 100 for day in days],
        "itemStyle": {"color": "var(--c1)"},
    }
    option = {"format": "yuan", "xAxis": {"data": [f"{day:%m-%d}" for day in days], "axisLabel": {"interval": 4}},
              "yAxis": {"minInterval": 1}, "series": [bars]}  # fmt: skip
    return json.dumps(option, ensure_ascii=False).replace("<", "\\u003c")
