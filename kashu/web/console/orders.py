"""Orders for the desk: found, read as a document, refunded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, audit, cards, catalog, ledger, party, payments, sales
from kashu.audit import ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.ids import pool_of
from kashu.kernel.money import parse_yuan
from kashu.sales import Credit, RefundRefusal, queries
from kashu.sales.queries import Search
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show, whole, with_charts
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import cashier, edge
from kashu.wire.pay.protocol import GatewayError

REFUND_REFUSALS: dict[RefundRefusal | ApprovalRefusal, str] = {
    RefundRefusal.NO_SUCH_ORDER: "没有找到这笔订单。",
    RefundRefusal.NOT_PAID: "这笔订单没有可退的款项。",
    RefundRefusal.ALREADY_SEEN: "买家已经查看卡密，不能直接退款，请走售后流程。",
    RefundRefusal.UNDER_WAY: "退款已经在处理，或订单已经结束。",
    RefundRefusal.OF_ACCOUNT: "这是采购账户的订单，不能原路退款；还在办理的请到「充值办理」处理。",
    RefundRefusal.BEING_ISSUED: "已经开始办理，请在「充值办理」里处理。",
}
CLAIM_REFUSALS: dict[RefundRefusal | ApprovalRefusal, str] = {
    **REFUND_REFUSALS,
    RefundRefusal.TOO_MUCH: "金额超过可退余额，或所选卡密已作废。",
    RefundRefusal.CARDS_LEFT: "退还全部余额时，要把剩下的卡密一起作废。",
    RefundRefusal.REDEEMED: "有卡密已经核销，不能作废。",
    ApprovalRefusal.GONE: "申请已经处理过。",
    ApprovalRefusal.SAME_PERSON: "申请人不能自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "还在等待时间内，请稍后再确认。",
    ApprovalRefusal.ALREADY_ASKED: "这笔订单已有退款申请在等待复核。",
}
NOTHING = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the way from payment to reveal, placed on an axis of three seconds."""

    name: str
    at: datetime
    seconds: float
    left: str
    width: str
    tone: str


@require_GET
@needs("orders.read")
def orders(request: HttpRequest) -> HttpResponse:
    view = request.GET.get("view", "all")
    view = view if view in queries.VIEWS else "all"
    asked = request.GET.get("q", "").strip()[:80]
    with edge.transaction() as db:
        search = _search(db, asked)
        found = queries.order_list(db, view, search, instant_cursor(request), PAGE_ROWS + 1)
    page = page_of(found, lambda row: (row.placed_at.isoformat(), str(row.id)))
    told = {"page": page, "view": view, "views": queries.VIEWS, "q": asked}
    return show(request, "orders_rows" if request.headers.get("HX-Request") else "orders", "orders", told)


@require_POST
@needs("orders.read")
def find_card(request: HttpRequest) -> HttpResponse:
    """A whole card is searched by its fingerprint: it comes as a POST and leaves as a hash, never in an address."""
    ring = edge.ctx().ring
    secret, number = request.POST.get("secret", "").strip(), request.POST.get("number", "").strip()
    return redirect(f"/console/orders?q=fp:{ring.fingerprint(number, secret).hex()[:32]}")


@require_GET
@with_charts
@needs("orders.read")
def order(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = sales.orders(db, [(pool_id, order_id)]).get(order_id)
        if found is None:
            raise Http404
        lines = sales.lines_of(db, [order_id])[order_id]
        paid = payments.of_order(db, pool_id, order_id)
        refunds = payments.refunds_of(db, pool_id, order_id)
        given = sales.credits_of(db, pool_id, order_id)
        reasons = [order_id, *(line.id for line in lines), *(one.id for one in refunds), *(one.id for one in given)]
        events = payments.events_of(db, [one.trade_no for one in paid])
        told = {
            "order": found,
            "lines": lines,
            "snapshot": catalog.page(db, lines[0].page_hash) or {},
            "sellers": {one.id: one for one in party.parties(db)},
            "cards": cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines]),
            "payments": paid,
            "waiting": sales.fulfilments(db, [(pool_id, order_id)]).get(order_id),
            "events": events,
            "refunds": refunds,
            "credits": given,
            "left_fen": sales.left_fen(db, found)
            if found.account_id is not None or any(one.state == "paid" for one in paid)
            else 0,
            "claims": [
                one for one in audit.open_approvals(db) if (one.act, one.object_id) == (sales.CLAIM, str(order_id))
            ],
            "compensations": aftersale.compensations_of_order(db, pool_id, order_id),
            "due": sales.seems_due(db, found, clock.now()),
            "postings": ledger.postings_of(db, [pool_id, *(line.pool_id for line in lines)], reasons),
            "trail": audit.entries_of(db, pool_id, "order", str(order_id)),
            "spans": _spans(found.paid_at, found.delivered_at, lines[0].revealed_at, events),
        }
    return show(request, "order", "orders", told)


@require_POST
@needs("orders.refund")
def refund(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:200]
    here = redirect("console:order", pool_id=pool_id, order_id=order_id)
    if not reason:
        say(request, _("请写明退款原因。数据没有改动。"), is_bad=True)
        return here
    with edge.transaction() as db:
        found = sales.orders(db, [(pool_id, order_id)]).get(order_id)
        if found is None:
            raise Http404
        answer = sales.refund(db, actor(request), found.token, None, reason, clock.now())
    if isinstance(answer, RefundRefusal):
        say(request, _(REFUND_REFUSALS[answer]), is_bad=True)
    else:
        say(request, _("已发起全额退款，原路退回。"))
    return here


@require_POST
@needs("orders.claim")
@reauthentication_required
def ask_claim(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Ask for a claim's refund: so much back, these cards void. A second person confirms, or the same one after the wait."""
    amount_fen, reason = parse_yuan(request.POST.get("amount", "")), request.POST.get("reason", "").strip()[:200]
    told = [whole(one, 2**62) for text in request.POST.getlist("cards")[:1_000] for one in text.split("/", 1)]
    here = redirect("console:order", pool_id=pool_id, order_id=order_id)
    if not amount_fen or not reason or len(told) % 2 or None in told:
        say(request, _("退款金额（元）和原因都要填写。数据没有改动。"), is_bad=True)
        return here
    voided = [(told[at] or 0, told[at + 1] or 0) for at in range(0, len(told), 2)]
    cause = "goodwill" if request.POST.get("cause") == "goodwill" else "bad_card"
    with edge.transaction() as db:
        platform = party.platform(db)
        wait = platform.solo_wait_seconds if platform.is_solo and is_alone("orders.claim") else None
        asked = (amount_fen, voided)
        answer = sales.ask_claim_refund(
            db, actor(request), (pool_id, order_id), asked, reason, solo_wait_seconds=wait, at=clock.now(), cause=cause
        )
    return _claimed(request, here, answer, _("已提交，等待另一位同事复核。"))


@require_POST
@needs("orders.claim")
@reauthentication_required
def grant_claim(request: HttpRequest, pool_id: int, order_id: UUID, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        answer = sales.grant_claim_refund(
            db, actor(request), (pool_id, order_id), approval_id, clock.now(), is_alone=is_alone("orders.claim")
        )
    here = redirect("console:order", pool_id=pool_id, order_id=order_id)
    is_credit = isinstance(answer, Credit)
    return _claimed(
        request, here, answer, _("已退回采购账户。") if is_credit else _("卡密已作废，退款已发起，原路退回。")
    )


@require_POST
@needs("orders.claim")
def dispute(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Have the supplier asked about the cards of an order that its buyer disputes (验卡)."""
    with edge.transaction() as db:
        answer = sales.dispute(db, actor(request), (pool_id, order_id), clock.now())
    if answer is RefundRefusal.NO_SUCH_ORDER:
        raise Http404
    if answer:
        say(request, _("已请供应商核验 %(n)s 张卡密，答复会记入批次。") % {"n": answer})
    else:
        say(request, _("没有可核验的卡密：供应商不提供验卡，或卡密没有被查看过。"), is_bad=True)
    return redirect("console:order", pool_id=pool_id, order_id=order_id)


@require_POST
@needs("orders.claim")
def cancel_claim(request: HttpRequest, pool_id: int, order_id: UUID, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        answer = audit.cancel(db, actor(request), approval_id, clock.now())
    here = redirect("console:order", pool_id=pool_id, order_id=order_id)
    return _claimed(request, here, answer, _("申请已撤回。"))


def _claimed(request: HttpRequest, here: HttpResponse, answer: object, done: str) -> HttpResponse:
    if isinstance(answer, RefundRefusal | ApprovalRefusal):
        say(request, _(CLAIM_REFUSALS[answer]) + _("数据没有改动。"), is_bad=True)
    else:
        say(request, done)
    return here


@require_POST
@needs("orders.refund")
def ask_again(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Ask the gateway about every payment of an order: what was quarantined by a fault of ours is cured here."""
    with edge.transaction() as db:
        found = [one for one in payments.of_order(db, pool_id, order_id) if one.pay_url]
    try:
        states = [cashier.ask(edge.ctx(), one).value for one in found]
    except GatewayError:
        say(request, _("支付通道没有回应，数据没有改动。请稍后再试。"), is_bad=True)
    else:
        say(request, _("支付通道答复：%(states)s") % {"states": "、".join(states) or "—"})
    return redirect("console:order", pool_id=pool_id, order_id=order_id)


def _search(db: Db, asked: str) -> Search:
    """An order number, the last four digits of a phone, a card's fingerprint (`fp:…`), or a batch's code."""
    if not asked:
        return Search()
    if asked.startswith("fp:"):
        try:
            start = bytes.fromhex(asked[3:])
        except ValueError:
            return Search(order_ids=(NOTHING,))
        found = (
            [cards.line_of_card(db, pool, card) for pool, card, _print in cards.of_fingerprint(db, start)]
            if start
            else []
        )
        return Search(order_ids=tuple(one[1] for one in found if one and one[1]) or (NOTHING,))
    if len(asked) == 4 and asked.isdigit():
        return Search(phone_tail=asked)
    return Search(number=asked.upper()) if pool_of(asked.upper()) is not None else Search(order_ids=(NOTHING,))


def _spans(
    paid_at: datetime | None, delivered_at: datetime | None, revealed_at: datetime | None, events: list[payments.Event]
) -> list[Span]:
    """Where the seconds went between money and card, against the promise of three."""
    if paid_at is None or delivered_at is None:
        return []
    told = min((one.received_at for one in events if one.verdict in ("paid", "late")), default=delivered_at)
    marks = [
        (_("支付成功，通知到达"), paid_at, told, "var(--c4)"),
        (_("验签、认领卡密并记账，页面可读"), told, delivered_at, "var(--c1)"),
    ]
    spans = []
    for name, begin, end, tone in marks:
        seconds = max(0.0, (end - begin).total_seconds())
        left = min(97.0, max(0.0, (begin - paid_at).total_seconds()) / 3 * 100)
        spans.append(Span(name, end, seconds, f"{left:.1f}%", f"{min(100 - left, seconds / 3 * 100):.1f}%", tone))
    if revealed_at is not None:
        spans.append(
            Span(_("买家查看卡密"), revealed_at, (revealed_at - paid_at).total_seconds(), "0%", "0%", "var(--c3)")
        )
    return spans
