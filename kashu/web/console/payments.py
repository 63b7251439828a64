"""Payments at the desk: lists, one payment with its notices as they came, refunds that wait for a person."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import payments, sales
from kashu.kernel import clock
from kashu.payments import queries as payment_queries
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show
from kashu.web.rights import actor, needs
from kashu.wire import cashier, edge
from kashu.wire.pay.protocol import GatewayError


@require_GET
@needs("payments.read")
def payments_list(request: HttpRequest) -> HttpResponse:
    view = request.GET.get("view", "all")
    view = view if view in payment_queries.VIEWS else "all"
    with edge.transaction() as db:
        found = payment_queries.payments(db, view, instant_cursor(request), PAGE_ROWS + 1)
    page = page_of(found, lambda one: (one.created_at.isoformat(), str(one.id)))
    return show(request, "payments", "payments", {"page": page, "view": view})


@require_GET
@needs("payments.read")
def payment(request: HttpRequest, pool_id: int, payment_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = payments.payment(db, pool_id, payment_id)
        if found is None:
            raise Http404
        told = {
            "payment": found,
            "notices": payment_queries.notices(db, found.channel_id, found.trade_no),
            "refunds": [one for one in payments.refunds_of(db, pool_id, found.order_id) if one.payment_id == found.id],
        }
    return show(request, "payment", "payments", told)


@require_POST
@needs("orders.refund")
def ask(request: HttpRequest, pool_id: int, payment_id: UUID) -> HttpResponse:
    """Ask the gateway now."""
    with edge.transaction() as db:
        found = payments.payment(db, pool_id, payment_id)
    if found is None:
        raise Http404
    try:
        state = cashier.ask(edge.ctx(), found)
    except GatewayError:
        say(request, _("支付通道没有回应，数据没有改动。请稍后再试。"), is_bad=True)
    else:
        say(request, _("支付通道答复：%(states)s") % {"states": state.value})
    return redirect("console:payment", pool_id=pool_id, payment_id=payment_id)


@require_GET
@needs("payments.read")
def quarantine(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        told = {"events": payments.quarantined(db)}
    return show(request, "quarantine", "payments", told)


@require_GET
@needs("payments.read")
def refunds(request: HttpRequest) -> HttpResponse:
    """Refunds that are not done: what the gateway refused comes first."""
    with edge.transaction() as db:
        told = {"refunds": payments.refunds_to_look_at(db)}
    return show(request, "refunds", "payments", told)


@require_POST
@needs("orders.refund")
def refund_again(request: HttpRequest, pool_id: int, refund_id: UUID) -> HttpResponse:
    """Send a refused refund again, under its number."""
    with edge.transaction() as db:
        is_sent = sales.refund_again(db, actor(request), pool_id, refund_id, clock.now())
    if is_sent:
        say(request, _("已用原退款单号重新发起，不会重复退款。"))
    else:
        say(request, _("这笔退款不在被拒绝的状态。数据没有改动。"), is_bad=True)
    return redirect("console:refunds")
