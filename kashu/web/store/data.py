"""A buyer's own data, by possession of their orders (C-53, C-54): a copy, a phone put right, being forgotten."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, sales
from kashu.audit import Actor
from kashu.kernel import clock, limits
from kashu.sales import CodeRefusal, ForgetRefusal
from kashu.sales import queries as sales_queries
from kashu.web import device
from kashu.wire import edge, owndata

COPIES_MAX, COPIES_SECONDS = 10, 3_600
KINDS = {"json": "application/json; charset=utf-8", "csv": "text/csv; charset=utf-8"}
REFUSALS = {
    ForgetRefusal.NO_SUCH_ORDER: "没有找到这笔订单。",
    ForgetRefusal.NOT_YOURS: "这台设备没有这笔订单，不能操作。",
    ForgetRefusal.GONE: "这笔订单的个人信息已经删除。",
    ForgetRefusal.UNDER_WAY: "订单还在进行（待支付、待交付或退款中），履行合同仍需要这些信息。结束后可以再申请。",
    ForgetRefusal.UNSEEN: "卡密还没有查看，订单也没有留手机号：删除后谁都无法再取得卡密。请先查看或申请退款。",
    ForgetRefusal.IN_DISPUTE: "投诉、监护人申请或退款还在处理，处理完才能删除。",
}


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What is held, of which orders, and what can be done about it."""
    return _page(request)


@require_POST
def copy(request: HttpRequest) -> HttpResponse:
    """All of it as a file, for the browser that holds the orders."""
    mine, form = device.identity(request), request.POST.get("form", "json")
    if form not in KINDS:
        form = "json"
    with edge.transaction() as db:
        is_patient = limits.allow(db, f"copy:{mine.hex()}", clock.now(), most=COPIES_MAX, seconds=COPIES_SECONDS)
        orders = sales.held_orders(db, mine) if is_patient else []
        made = owndata.copy(db, edge.ctx().ring, _buyer(mine), orders, form, clock.now()) if is_patient else b""
    if not is_patient:
        return _page(request, error=_("下载过于频繁，请一小时后再试。"), status=429)
    response = HttpResponse(made, content_type=KINDS[form])
    response.headers["Content-Disposition"] = f'attachment; filename="my-orders.{form}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Forget the buyer of the orders that are ticked; what cannot be forgotten yet says why."""
    mine, wanted = device.identity(request), set(request.POST.getlist("order"))
    if request.POST.get("sure") != "yes" or not wanted:
        return _page(request, error=_("请勾选订单，并确认已了解删除的后果。没有删除。"), status=422)
    with edge.transaction() as db:
        keys = [(one.pool_id, one.id) for one in sales.held_orders(db, mine) if one.token in wanted]
        told = aftersale.forget(db, _buyer(mine), mine, keys, clock.now())
    done = sum(refusal is None for refusal in told.values())
    kept = {order_id: _(REFUSALS[refusal]) for order_id, refusal in told.items() if refusal is not None}
    return _page(request, done=done, kept=kept, status=200 if done else 409)


@require_POST
def phone(request: HttpRequest) -> HttpResponse:
    """Put an order's phone right: the new number gets a code first, and counts once the code is right."""
    mine, at = device.identity(request), clock.now()
    number, token = device.tidy_phone(request.POST.get("phone", "")), request.POST.get("order", "")
    if not device.is_phone(number):
        return _page(request, error=_("手机号应为 11 位数字，以 1 开头。"), status=422)
    ring, code = edge.ctx().ring, request.POST.get("code", "").strip()[:12]
    with edge.transaction() as db:
        order = next((one for one in sales.held_orders(db, mine) if one.token == token), None)
        if order is None:
            refusal: ForgetRefusal | CodeRefusal | None = ForgetRefusal.NOT_YOURS
        elif not code:
            address = ring.identity("address", device.address(request))
            refusal = sales.send_code(db, ring, number, mine, address, at)
        else:
            proven = sales.check_code(db, ring, number, code, mine, at)
            refusal = proven if isinstance(proven, CodeRefusal) else None
            if refusal is None:
                key = (order.pool_id, order.id)
                refusal = sales.correct_phone(db, ring, _buyer(mine), key, number, mine, at)
    if isinstance(refusal, CodeRefusal):
        is_often = refusal is CodeRefusal.TOO_OFTEN
        said = _("验证过于频繁，请一小时后再试。") if is_often else _("验证码不对或已过期，请核对后重新输入。")
        return _page(request, asked=(token, number), error=said, status=429 if is_often else 422)
    if refusal is not None:
        return _page(request, error=_(REFUSALS[refusal]), status=403 if refusal is ForgetRefusal.NOT_YOURS else 409)
    return _page(request, corrected=True) if code else _page(request, asked=(token, number))


def _page(request: HttpRequest, *, status: int = 200, **told: object) -> HttpResponse:
    mine = device.identity(request)
    with edge.transaction() as db:
        orders = sales.held_orders(db, mine)
        named = {one.id: one for one in sales_queries.orders_by_id(db, sorted(one.id for one in orders))}
    shown = {"kept": {}, "orders": [(one, named.get(one.id)) for one in orders], **told}
    response = device.remember(request, render(request, "store/data.html", shown, status=status))
    response.headers["Cache-Control"] = "no-store"
    return response


def _buyer(mine: bytes) -> Actor:
    return Actor("buyer", mine.hex()[:12])
