"""Recalls and pay-first compensation at the desk (§2.3): what is owed, asked for by one person, confirmed by another."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, audit, party
from kashu.aftersale import CompensationRefusal
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import TEXT_MAX, by_instant_of, due_place, show
from kashu.web.desk.suppliers import evidence_of, solo_wait
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

RIGHT = "orders.claim"
WORDS_MAX = 2_000  # more than the domain takes, so that it says so itself
REFUSALS: dict[CompensationRefusal | ApprovalRefusal, str] = {
    CompensationRefusal.NO_SUCH_ORDER: "没有找到这笔订单。",
    CompensationRefusal.NOT_YOURS: "没有找到这笔订单。",
    CompensationRefusal.NOTHING_DUE: "这笔订单现在没有要赔付的卡密：供应商和授权正常，或卡密已核销、已退款。",
    CompensationRefusal.DECIDED: "这笔订单的赔付已经决定过。",
    CompensationRefusal.OPEN_ALREADY: "这笔订单已有一件赔付在处理。",
    CompensationRefusal.TOO_MANY: "一次最多 200 笔，请分批。数据没有改动。",
    CompensationRefusal.NO_REASON: "请写明理由和依据。数据没有改动。",
    CompensationRefusal.TOO_LONG: "最多写 1000 个字。数据没有改动。",
    CompensationRefusal.WRONG_STATE: "请至少勾选一笔待核对的赔付；有的可能刚被别人处理过，请刷新后再看。",
    CompensationRefusal.SAME_PERSON: "不能由申请人自己或该供应商的人办理，请另一位同事操作。",
    CompensationRefusal.GONE: "没有找到，或已经处理过。",
    ApprovalRefusal.GONE: "这项申请已经处理过了。",
    ApprovalRefusal.SAME_PERSON: "不能由申请人自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "单人模式的等待时间还没到。",
    ApprovalRefusal.ALREADY_ASKED: "这些赔付已有一项申请在等待复核。",
}


@require_GET
@needs("compensations.read")
def compensations(request: HttpRequest) -> HttpResponse:
    """What is still to be paid, the nearest deadline first, what waits for a second person, and what is over."""
    at, most = clock.now(), PAGE_ROWS + 1
    with edge.transaction() as db:
        waiting = page_of(aftersale.compensations(db, most, after=by_instant_of(request, "waiting")), due_place)
        over = page_of(
            aftersale.compensations(db, most, is_open=False, after=by_instant_of(request, "over")),
            lambda one: ("" if one.ended_at is None else one.ended_at.isoformat(), str(one.id)),
        )
        named = party.parties_by(
            db, {each for page in (waiting, over) for one in page.rows for each in one.supplier_ids}
        )
        asked = [one for one in audit.open_approvals(db) if one.act == aftersale.PAY]
    told = {
        "waiting": [(one, [named[each].name for each in one.supplier_ids]) for one in waiting.rows],
        "over": [(one, [named[each].name for each in one.supplier_ids]) for one in over.rows],
        "after": {"waiting": waiting.after, "over": over.after},
        "asked": asked,
        "now": at,
    }
    return show(request, "compensations", "compensations", told)


@require_GET
@needs("compensations.read")
def compensation(request: HttpRequest, compensation_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = aftersale.compensation(db, compensation_id)
        if found is None:
            raise Http404
        told = {
            "one": found,
            "suppliers": list(party.parties_by(db, set(found.supplier_ids)).values()),
            "missed": aftersale.breached(db, [found.id]).get(found.id, []),
            "trail": audit.entries_of(db, found.pool_id, "compensation", str(found.id)),
            "now": clock.now(),
        }
    return show(request, "compensation", "compensations", told)


@require_POST
@needs(RIGHT)
@reauthentication_required
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for those that were ticked, or for the whole page, to be paid."""
    names = request.POST.getlist("page" if "whole" in request.POST else "ids")[: aftersale.PAY_MAX + 1]
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    ids = [one for one in map(_id_of, names) if one is not None]
    with edge.transaction() as db:
        done = aftersale.ask_payment(
            db, actor(request), ids, reason, solo_wait_seconds=solo_wait(db, RIGHT), at=clock.now()
        )
    if isinstance(done, Approval):
        return _back(request, None, _("已申请，请另一位同事复核；单人模式下等待结束后由你再次确认。"))
    return _back(request, done, "")


@require_POST
@needs(RIGHT)
@reauthentication_required
def confirm(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """The second person's yes, or the wish taken back while it waits."""
    at = clock.now()
    with edge.transaction() as db:
        if "cancel" in request.POST:
            return _back(request, aftersale.cancel_payment(db, actor(request), approval_id, at), _("申请已撤回。"))
        done = aftersale.confirm_payment(db, actor(request), approval_id, at, is_alone=is_alone(RIGHT))
    if isinstance(done, int):
        return _back(request, None, _("%(n)s 笔正在支付：卡密作废，钱原路退回。") % {"n": done})
    return _back(request, done, "")


@require_POST
@needs("complaints.decide")
def refuse(request: HttpRequest, compensation_id: UUID) -> HttpResponse:
    why = (request.POST.get("reason", "").strip()[:WORDS_MAX], evidence_of(request.POST.get("evidence", "").strip()))
    with edge.transaction() as db:
        done = aftersale.refuse(db, actor(request), compensation_id, why, clock.now())
    if isinstance(done, CompensationRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
    else:
        say(request, _("已办理，并记入审计日志。"))
    return redirect("desk:compensation", compensation_id=compensation_id)


@require_POST
@needs(RIGHT)
def demand(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Take a demand down for a buyer who calls, or for an organisation."""
    with edge.transaction() as db:
        done = aftersale.demand_for(db, actor(request), (pool_id, order_id), clock.now())
    if isinstance(done, CompensationRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
        return redirect("console:order", pool_id=pool_id, order_id=order_id)
    say(request, _("已登记，等待核对支付。"))
    return redirect("desk:compensation", compensation_id=done.id)


def _id_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _back(request: HttpRequest, refusal: CompensationRefusal | ApprovalRefusal | None, done: str) -> HttpResponse:
    say(request, done if refusal is None else _(REFUSALS[refusal]), is_bad=refusal is not None)
    return redirect("desk:compensations")
