"""The cashier: from an unpaid order to the channel's own pay page, code or script, and to another way of paying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from kashu import payments, sales
from kashu.kernel import clock, limits
from kashu.kernel.db import Db
from kashu.payments import Channel, Payment, Shape
from kashu.sales import Order
from kashu.web import device
from kashu.wire import cashier, edge
from kashu.wire import entry as entries
from kashu.wire.pay import wechatpay
from kashu.wire.pay.protocol import GatewayError

TRIES_MAX = 10  # calls to gateways per order and minute that a visitor can cause
TITLES = {
    "douyin": (gettext_noop("抖音支付"), "抖"),
    "wechat": (gettext_noop("微信支付"), "微"),
    "alipay": (gettext_noop("支付宝"), "支"),
}
SCAN = {
    "douyin": gettext_noop("打开抖音扫一扫"),
    "wechat": gettext_noop("打开微信扫一扫"),
    "alipay": gettext_noop("打开支付宝扫一扫"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay that works where this browser is."""

    kind: str
    title: str
    mark: str


def agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")


def ways_of(db: Db, request: HttpRequest, at: datetime) -> list[Way]:
    """The kinds of channel that can pay here and have an open instance, in the order in which they are offered."""
    routes, told = payments.routes(db, at), []
    for kind in payments.KINDS:
        method = entries.method_of(agent(request), kind)
        if any(one.kind == kind and method in one.methods for one in routes):
            told.append(Way(kind, _(TITLES[kind][0]), TITLES[kind][1]))
    return told


@require_GET
def go(request: HttpRequest, token: str) -> HttpResponse:
    """From a placed order on to where it is paid."""
    with edge.transaction() as db:
        order = _order(db, token)
        payment, _channel = _current(db, order)
        is_patient = limits.allow(db, f"pay:{order.id}", clock.now(), most=TRIES_MAX, seconds=60)
    return lead(request, order, payment, is_direct=True) if is_patient else redirect("store:order", token=token)


@require_POST
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """On to where an unpaid order is paid, or paid in another way."""
    kind = request.POST.get("pay", "")
    with edge.transaction() as db:
        order = _order(db, token)
        payment, channel = _current(db, order)
        is_patient = limits.allow(db, f"pay:{order.id}", clock.now(), most=TRIES_MAX, seconds=60)
        if kind and not sales.possesses(db, order.pool_id, order.id, device.identity(request)):
            raise Http404  # who only has the link may pay, not end the payment of somebody else
    if order.state != "placed":
        return redirect("store:order", token=token)
    if not is_patient:
        return _page(request, order, _("操作过于频繁，请一分钟后再试。"), 429)
    method = entries.method_of(agent(request), kind or channel.kind)
    if kind or (payment.state == "closed" and method):
        try:
            changed = cashier.change(edge.ctx(), payment, kind or channel.kind, method)
        except GatewayError:
            return _page(request, order, _("上一次支付还没有结果，暂时不能换支付方式。没有重复扣款。"), 503)
        if changed is None:
            return _page(request, order, _("这笔订单现在不能用这种方式支付。"), 409)
        payment = changed
    return lead(request, order, payment)


@require_GET
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The cashier's page: how much, to whom, and then how (C-65)."""
    with edge.transaction() as db:
        order = _order(db, token)
    if order.state != "placed":
        return redirect("store:order", token=token)
    return _page(request, order)


@require_GET
def payer(request: HttpRequest, token: str) -> HttpResponse:
    """Back from WeChat, which says who the payer is in our official account; JSAPI payments need to know."""
    with edge.transaction() as db:
        order = _order(db, token)
        payment, channel = _current(db, order)
        is_patient = limits.allow(db, f"pay:{order.id}", clock.now(), most=TRIES_MAX, seconds=60)
    if not is_patient or order.state != "placed" or channel.kind != "wechat" or payment.method != "jsapi":
        return redirect("store:order", token=token)
    ctx = edge.ctx()
    try:
        openid = wechatpay.openid_of(ctx.http, channel, ctx.ring, request.GET.get("code", "")[:128])
        return lead(request, order, payment, openid)
    except GatewayError:
        return _page(request, order, _("微信没有回应，没有扣款。请稍后再试。"), 503)


def lead(
    request: HttpRequest,
    order: Order,
    payment: Payment,
    openid: str = "",
    *,
    is_direct: bool = False,
    is_new: bool = False,
) -> HttpResponse:
    """Open the trade where it is not open yet, and go on: to the cashier's page, or directly to the channel's.

    Only what a page's script asked for goes directly; a form may lead nowhere but to ourselves (form-action).
    """
    if order.state != "placed":
        return redirect("store:order", token=order.token)
    ctx = edge.ctx()
    with edge.transaction() as db:
        channel = payments.channels(db)[payment.channel_id]
    # WeChat's H5 address is good for minutes only; asking again under the same number gives a fresh one.
    is_stale = channel.kind == "wechat" and payment.method == "h5" and is_direct
    if not payment.pay_url or is_stale:
        if channel.kind == "wechat" and payment.method == "jsapi" and not openid:
            if not is_direct:
                return redirect("store:order_cashier", token=order.token)
            return redirect(wechatpay.consent_url(channel, f"{ctx.public_url}/o/{order.token}/payer"))
        subject = _("卡枢订单 %(tail)s") % {"tail": order.number[-4:]}
        where = device.address(request)
        try:
            payment = cashier.open_trade(ctx, payment, subject, f"{ctx.public_url}/o/{order.token}", (where, openid))
        except GatewayError:
            with edge.transaction() as db:
                is_over = _order(db, order.token).state != "placed"
            if is_new or is_over:
                return redirect("store:order_cashier", token=order.token)
            return _page(request, order, _("支付通道暂时没有回应，没有扣款。请稍后再试，或换一种支付方式。"), 503)
    if is_direct and payment.shape == Shape.REDIRECT:
        return redirect(payment.pay_url)
    return redirect("store:order_cashier", token=order.token)


def _page(request: HttpRequest, order: Order, error: str = "", status: int = 200) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        payment, channel = _current(db, order)
        told = {
            "order": order,
            "payment": payment,
            "channel": channel,
            "title": _(TITLES[channel.kind][0]),
            "scan": _(SCAN[channel.kind]),
            "ways": [one for one in ways_of(db, request, at) if one.kind != channel.kind or payment.state == "closed"],
            "error": error,
            "now": at,
        }
    response = render(request, "store/cashier.html", told, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _order(db: Db, token: str) -> Order:
    found = sales.by_token(db, token)
    if found is None:
        raise Http404
    return found


def _current(db: Db, order: Order) -> tuple[Payment, Channel]:
    payment = payments.of_order(db, order.pool_id, order.id)[-1]
    return payment, payments.channels(db)[payment.channel_id]
