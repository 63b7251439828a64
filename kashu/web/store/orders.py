"""A buyer's orders: the page behind the link, the reveal, giving up and getting money back, finding orders again."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, cards, catalog, payments, sales
from kashu.aftersale import Claim, Compensation, Complaint
from kashu.audit import Actor
from kashu.cards import Masked, Opened
from kashu.kernel import clock, limits
from kashu.kernel.db import Db
from kashu.payments import Payment, Refund
from kashu.sales import CodeRefusal, Due, Fulfilment, Order, RefundRefusal, RevealRefusal, SaleLine
from kashu.sales import queries as sales_queries
from kashu.web import device
from kashu.wire import cashier, edge, metrics, verify
from kashu.wire.pay.protocol import GatewayError

LISTED_MAX = 50
PROOFS_MAX = 1_000  # as many cards as a guest's order can have
CHECKS_MAX = 10  # calls to the gateway per order and minute that a visitor can cause
REVEAL_REFUSALS = {
    RevealRefusal.NO_SUCH_ORDER: (404, "没有找到这笔订单。"),
    RevealRefusal.NOT_YOURS: (403, "这台设备不是下单设备。请用下单手机号收验证码后查看。"),
    RevealRefusal.NOT_DELIVERED: (409, "这笔订单还没有可查看的卡密。"),
    RevealRefusal.HELD_BY_RISK: (409, "订单正在核实，通过后即可查看；未通过会自动全额退款。"),
    RevealRefusal.ERASED: (410, "这笔订单的卡密已超过保存期，内容已清除，任何人都无法再查看。"),
    RevealRefusal.TOO_OFTEN: (429, "查看过于频繁，请一分钟后再试。"),
}
REFUND_REFUSALS = {
    RefundRefusal.NO_SUCH_ORDER: (404, "没有找到这笔订单。"),
    RefundRefusal.NOT_YOURS: (403, "这台设备不是下单设备，不能操作这笔订单。"),
    RefundRefusal.NOT_PAID: (409, "这笔订单没有可退的款项。"),
    RefundRefusal.ALREADY_SEEN: (409, "卡密已经查看，不适用随时退款。质量问题请申请售后。"),
    RefundRefusal.UNDER_WAY: (409, "退款已经在处理，或订单已经结束。"),
    RefundRefusal.OF_ACCOUNT: (403, "这是采购账户的订单，不能在这里退款。"),
    RefundRefusal.BEING_ISSUED: (409, "已经开始办理，不能再取消；没有办成会自动全额退款。"),
    RefundRefusal.TOO_MUCH: (422, "金额超过可退的部分。没有退款。"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as its page shows it."""

    order: Order
    lines: list[SaleLine]
    page: dict[str, object]
    cards: list[Masked]
    payment: Payment
    refunds: list[Refund]
    is_mine: bool
    waiting: Fulfilment | None
    complaints: list[Complaint]
    claims: list[Claim]
    compensations: list[Compensation]
    due: Due | None

    @property
    def delivery_seconds(self) -> float | None:
        if self.order.delivered_at is None or self.order.paid_at is None or self.order.paid_late:
            return None
        return max(0.0, (self.order.delivered_at - self.order.paid_at).total_seconds())

    @property
    def warranty_ends_on(self) -> date | None:
        return self.lines[0].warranty_ends_on

    @property
    def is_revealed(self) -> bool:
        return any(line.revealed_at is not None for line in self.lines)

    @property
    def is_called_invalid(self) -> bool:
        """Whether whoever honours a code of it, or who brought it, says that it is no good."""
        return any(line.redemption == "invalid" for line in self.lines)

    @property
    def may_complain(self) -> bool:
        """Whether a complaint can be opened: the order is this browser's and paid, and none of it is open."""
        is_free = not any(one.is_open for one in self.complaints)
        return self.is_mine and self.order.paid_at is not None and is_free

    @property
    def may_claim(self) -> bool:
        """Whether a guardian can ask for the money: there is some left, and nobody has asked yet."""
        has_paid = self.order.state in ("paid", "delivered", "completed", "disputed")
        return self.is_mine and has_paid and not any(one.state == "open" for one in self.claims)

    @property
    def objectionable(self) -> list[UUID]:
        """Complaints whose decision can still be objected to."""
        at = clock.now()
        decided = [one for one in self.complaints if one.state == "decided" and one.decided_at is not None]
        return [one.id for one in decided if self.may_complain and aftersale.may_object(one.decided_at or at, at)]

    @property
    def given_back(self) -> set[UUID]:
        """The refunds that the gateway has made."""
        return {one.id for one in self.refunds if one.state == "done"}

    @property
    def fake_fen(self) -> int:
        """What a counterfeit costs us on top of the refund: ten times the price, 500 yuan at least (C-32)."""
        return max(10 * self.order.total_fen, 50_000)


@require_GET
def order(request: HttpRequest, token: str) -> HttpResponse:
    with edge.transaction() as db:
        seen = see(db, request, token)
    return page_of(request, seen)


@require_GET
def status(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """The state alone, for the page that waits."""
    with edge.transaction() as db:
        found = sales.by_token(db, token)
    if found is None:
        raise Http404
    return JsonResponse({"state": found.state}, headers={"Cache-Control": "no-store"})


@require_POST
def check(request: HttpRequest, token: str) -> HttpResponse:
    """`I have paid`: ask the gateway now instead of waiting for its notice."""
    with edge.transaction() as db:
        seen = see(db, request, token)
        is_patient = limits.allow(db, f"check:{seen.order.id}", clock.now(), most=CHECKS_MAX, seconds=60)
    if seen.payment.state in ("paying", "unknown", "closed") and is_patient:
        try:
            cashier.ask(edge.ctx(), seen.payment)
        except GatewayError:
            return page_of(request, seen, _("支付通道还没有回复。付款不会丢失，也不会重复扣款。"), 503)
    return redirect("store:order", token=token)


@require_POST
def reveal(request: HttpRequest, token: str) -> HttpResponse:
    """The cards in the clear: a POST, audited before the answer, never stored by anyone on the way."""
    with edge.transaction() as db:
        answer = sales.reveal(db, edge.ctx().ring, token, device.buyer(request), clock.now())
    with edge.transaction() as db:
        seen = see(db, request, token)
    if isinstance(answer, RevealRefusal):
        metrics.REVEALS.labels(answer.value).inc()
        code, told = REVEAL_REFUSALS[answer]
        return page_of(request, seen, _(told), code)
    metrics.REVEALS.labels("revealed").inc()
    if "csv" in request.POST:
        return _csv(seen, answer)
    return page_of(request, seen, opened=answer)


@require_POST
def refund(request: HttpRequest, token: str) -> HttpResponse:
    mine = device.identity(request)
    actor = Actor("buyer", mine.hex()[:12])
    with edge.transaction() as db:
        answer = sales.refund(db, actor, token, mine, "by the buyer", clock.now())
    return _after(request, token, answer if isinstance(answer, RefundRefusal) else None)


@require_POST
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    mine = device.identity(request)
    with edge.transaction() as db:
        answer = sales.cancel(db, Actor("buyer", mine.hex()[:12]), token, mine, clock.now())
    return _after(request, token, answer)


@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    return _lookup(request)


@require_POST
def send_code(request: HttpRequest) -> HttpResponse:
    phone = device.tidy_phone(request.POST.get("phone", ""))
    if not device.is_phone(phone):
        return _lookup(request, error=_("手机号应为 11 位数字，以 1 开头。"), status=422)
    ring = edge.ctx().ring
    address = ring.identity("address", device.address(request))
    with edge.transaction() as db:
        refusal = sales.send_code(db, ring, phone, device.identity(request), address, clock.now())
    if refusal is CodeRefusal.TOO_OFTEN:
        return _lookup(request, error=_("验证码发送过于频繁，请一小时后再试。"), status=429)
    return _lookup(request, phone=phone)


@require_POST
def check_code(request: HttpRequest) -> HttpResponse:
    phone, code = device.tidy_phone(request.POST.get("phone", "")), request.POST.get("code", "").strip()
    if not device.is_phone(phone):
        return _lookup(request, error=_("手机号应为 11 位数字，以 1 开头。"), status=422)
    with edge.transaction() as db:
        answer = sales.check_code(db, edge.ctx().ring, phone, code[:12], device.identity(request), clock.now())
    if answer is CodeRefusal.TOO_OFTEN:
        return _lookup(request, error=_("输错次数过多，这个验证码已作废，请重新获取。"), status=429)
    if isinstance(answer, CodeRefusal):
        return _lookup(request, phone=phone, error=_("验证码不对或已过期，请核对后重新输入。"), status=422)
    return _lookup(request, found=answer, mine=edge.ctx().ring.identity("phone", phone))


def _lookup(
    request: HttpRequest,
    *,
    phone: str = "",
    error: str = "",
    status: int = 200,
    found: int | None = None,
    mine: bytes | None = None,
) -> HttpResponse:
    """Orders this browser holds; with a proven phone, those of the phone too."""
    own = device.identity(request)
    with edge.transaction() as db:
        keys = sales.orders_of_buyer(db, b"device:" + own, LISTED_MAX)
        if mine is not None:
            keys += sales.orders_of_buyer(db, b"phone:" + mine, LISTED_MAX)
        held = sales.orders_possessed(db, own, keys)
        listed = sales_queries.orders_by_id(db, sorted(held))
        tokens = {one.id: one.token for one in sales.orders(db, [(row.pool_id, row.id) for row in listed]).values()}
    told = {"orders": listed, "tokens": tokens, "phone": phone, "error": error, "found": found}
    response = device.remember(request, render(request, "store/orders.html", told, status=status))
    response.headers["Cache-Control"] = "no-store"
    return response


def _after(request: HttpRequest, token: str, refusal: RefundRefusal | None) -> HttpResponse:
    if refusal is None:
        return redirect("store:order", token=token)
    with edge.transaction() as db:
        seen = see(db, request, token)
    code, told = REFUND_REFUSALS[refusal]
    return page_of(request, seen, _(told), code)


def see(db: Db, request: HttpRequest, token: str) -> Seen:
    found = sales.by_token(db, token)
    if found is None:
        raise Http404
    lines = sales.lines_of(db, [found.id])[found.id]
    page = catalog.page(db, lines[0].page_hash) or {}
    masked = cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])
    paid = payments.of_order(db, found.pool_id, found.id)
    mine = sales.possesses(db, found.pool_id, found.id, device.identity(request))
    current = next((one for one in paid if one.state == "paid"), paid[-1])
    waiting = sales.fulfilments(db, [(found.pool_id, found.id)]).get(found.id)
    refunds = payments.refunds_of(db, found.pool_id, found.id)
    key = (found.pool_id, found.id)
    complaints = [] if found.paid_at is None else aftersale.complaints_of_order(db, *key)
    claims = [] if found.paid_at is None else aftersale.claims_of_order(db, *key)
    owed = [] if found.paid_at is None else aftersale.compensations_of_order(db, *key)
    is_told = any(one.is_open or one.state == "refused" for one in owed)
    due = None if is_told else sales.seems_due(db, found, clock.now())
    return Seen(found, lines, page, masked, current, refunds, mine, waiting, complaints, claims, owed, due)


def page_of(
    request: HttpRequest, seen: Seen, error: str = "", status: int = 200, opened: list[Opened] | None = None
) -> HttpResponse:
    told = {
        "seen": seen,
        "order": seen.order,
        "page": seen.page,
        "error": error,
        "opened": opened or [],
        "now": clock.now(),
        "proofs": _proofs(seen),
        "batches": list(dict.fromkeys(one.batch for one in seen.cards)),
    }
    names = {"placed": "store/order_wait.html", "paid": "store/order_issue.html"}
    name = names.get(seen.order.state, "store/order.html")
    response = render(request, name, told, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _proofs(seen: Seen) -> list[tuple[Masked, str]]:
    """Each card, with the address under which anybody can see where it comes from."""
    ring = edge.ctx().ring
    return [(one, verify.token(ring, one.pool_id, one.id)) for one in seen.cards[:PROOFS_MAX]]


def _csv(seen: Seen, opened: list[Opened]) -> HttpResponse:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_("卡号"), _("卡密"), _("有效期至")])
    writer.writerows(
        [card.number, card.secret, "" if card.expires_on.year == 9999 else card.expires_on] for card in opened
    )
    headers = {
        "Content-Disposition": f'attachment; filename="kashu-{seen.order.number[-4:]}.csv"',
        "Cache-Control": "no-store",
    }
    return HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
