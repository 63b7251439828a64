"""Reconciliation: days and channels at a glance, a bill with its proof, and what becomes of each difference."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, party, payments, settlement
from kashu.audit import ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.kernel.text import is_line
from kashu.settlement import Bill, BillRefusal, Case, CaseRefusal
from kashu.settlement import queries as settlement_queries
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show, whole
from kashu.web.rights import actor, is_alone, needs
from kashu.web.uploads import SealedFile, takes_files
from kashu.wire import edge
from kashu.wire.pay import bills
from kashu.wire.pay.bills.spooled import count

DAYS = 14
NOTE_CHARS_MAX, OWNER_CHARS_MAX, DUE_DAYS_MAX = 200, 80, 60
EDIT = "reconciliation.edit"
KIND_NAMES = {
    "long": "长款",
    "short": "短款",
    "amount_differs": "金额不符",
    "late": "跨日",
    "unknown": "不明",
    "duplicate": "重复",
}
WAYS = {
    "settled": "按到账处理",
    "refunded": "挂账并原路退回",
    "suspense": "挂账待查",
    "claim": "向通道追收",
    "difference": "记对账差额",
    "written_off": "核销为损失（两人）",
    "noted": "渠道已更正，仅登记（两人）",
    "neighbour_day": "邻日已对上",
    "appeared": "对方已出现",
    "overdue": "超过宽限",
    "superseded": "账单已替换",
    "withdrawn": "账单未成功",
}
BILL_REFUSALS = {
    BillRefusal.TRUNCATED: "文件不完整",
    BillRefusal.WRONG_HASH: "摘要不符",
    BillRefusal.WRONG_TOTALS: "合计不符",
    BillRefusal.BAD_ENCODING: "编码不对",
    BillRefusal.BAD_HEADER: "表头不对",
    BillRefusal.BAD_LINE: "有一行读不出",
    BillRefusal.BAD_AMOUNT: "金额读不出",
    BillRefusal.BAD_VALUE: "有一个值读不出",
    BillRefusal.OTHER_DAY: "不是这一天的账单",
    BillRefusal.OTHER_MERCHANT: "不是这个商户的账单",
    BillRefusal.TOO_LARGE: "文件过大",
    BillRefusal.TOO_MANY_BREAKS: "差错过多，已停止核对",
    BillRefusal.OUT_OF_PROOF: "账单与账簿的分项加总不符",
    BillRefusal.NO_FETCHER: "这个通道还不能自动下载账单",
    BillRefusal.NO_FORM: "不认识这种账单",
    BillRefusal.NO_ANSWER: "通道没有答复",
    BillRefusal.NO_SUCH_CHANNEL: "没有这个通道",
    BillRefusal.DAY_NOT_OVER: "这一天还没有结束",
    BillRefusal.UNDER_WAY: "这一天的账单正在处理",
    BillRefusal.SAME_FILE: "这份账单已经对过",
}
REFUSALS: dict[CaseRefusal | ApprovalRefusal, str] = {
    CaseRefusal.NO_SUCH_CASE: "没有这条差错。",
    CaseRefusal.NOT_OPEN: "这条差错已经处理过。",
    CaseRefusal.NOT_RESOLVED: "这条差错还没有处理。",
    CaseRefusal.NOT_FOR_THIS: "这种差错不能这样处理。",
    CaseRefusal.NOT_REVERSIBLE: "款项已经动过，不能撤销。",
    CaseRefusal.NEEDS_SECOND: "这项处理需要两人。",
    CaseRefusal.NEEDS_NO_SECOND: "这项处理不需要复核。",
    CaseRefusal.QUARANTINED: "与订单不符，不能按到账处理。",
    CaseRefusal.NOT_ALL_KNOWN: "找不到对应的付款或退款。",
    CaseRefusal.TOO_MUCH: "金额大于原付款，不能原路退回。",
    ApprovalRefusal.GONE: "申请已经处理过。",
    ApprovalRefusal.SAME_PERSON: "申请人不能自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "还在等待时间内，请稍后再确认。",
    ApprovalRefusal.ALREADY_ASKED: "同一差错已经在等待复核。",
}


@require_GET
@needs("reconciliation.read")
def overview(request: HttpRequest) -> HttpResponse:
    """Days by channels, and the open cases, those due first."""
    today = biz_date(clock.now())
    view = "resolved" if request.GET.get("view") == "resolved" else "open"
    with edge.transaction() as db:
        channels = [one for one in payments.channels(db).values() if one.is_open]
        latest = settlement_queries.latest(db, today - timedelta(days=DAYS))
        found = settlement.cases(db, view=view, after=instant_cursor(request), most=PAGE_ROWS + 1)
        counts = settlement_queries.open_counts(db)
    days = [today - timedelta(days=back) for back in range(1, DAYS + 1)]
    told = {
        "channels": channels,
        "table": [(day, [latest.get((day, one.id)) for one in channels]) for day in days],
        "page": page_of(found, lambda one: (one.due_at.isoformat(), str(one.id))),
        "open": [(_(KIND_NAMES[kind]), many) for kind, many in counts],
        "view": view,
        **_words(),
    }
    return show(request, "reconciliation", "reconciliation", told)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_POST
@needs(EDIT)
@takes_files
def upload(request: HttpRequest) -> HttpResponse:
    """A bill's file by hand."""
    file, told = request.FILES.get("file"), request.POST
    try:
        day = date.fromisoformat(told.get("day", ""))
    except ValueError:
        day = None
    kind = told.get("kind", "trade")
    if not isinstance(file, SealedFile) or day is None or kind not in settlement.KINDS:
        say(request, _("请选择通道、日期和文件。数据没有改动。"), is_bad=True)
        return redirect("console:reconciliation")
    kept = file.kept
    try:
        many = count(edge.ctx(), kept.name)
    except bills.BillRefusedError as refused:
        say(request, f"{_(BILL_REFUSALS[refused.reason])}{_('。数据没有改动。')}", is_bad=True)
        return redirect("console:reconciliation")
    with edge.transaction() as db:
        of = (told.get("channel", ""), day, kind)
        opened = settlement.open_bill(db, actor(request), of, (kept.name, kept.sha256, kept.size, many), clock.now())
    if isinstance(opened, BillRefusal):
        say(request, f"{_(BILL_REFUSALS[opened])}{_('。数据没有改动。')}", is_bad=True)
        return redirect("console:reconciliation")
    file.is_kept = True
    return redirect("console:bill", bill_id=opened.id)


@require_GET
@needs("reconciliation.read")
def bill(request: HttpRequest, bill_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = _bill(db, bill_id)
        told = {
            "bill": found,
            "kinds": settlement.counts_by_kind(db, bill_id),
            "cases": settlement.cases(db, view="all", bill_id=bill_id, most=PAGE_ROWS),
            "trail": audit.entries_of(db, 0, "bill", str(bill_id)),
        }
    return show(request, "bill", "reconciliation", {**told, **_words(), "trouble": _trouble(found)})


@require_GET
@needs("reconciliation.read")
def progress(request: HttpRequest, bill_id: UUID) -> HttpResponse:
    """The part of the page that moves while a bill is under way."""
    with edge.transaction() as db:
        found = _bill(db, bill_id)
    response = show(request, "bill_progress", "reconciliation", {"bill": found})
    if found.state in ("matched", "failed", "superseded") or (found.state == "loaded" and found.kind != "trade"):
        response.headers["HX-Refresh"] = "true"
    return response


@require_GET
@needs("reconciliation.read")
def case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    return _page(request, case_id)


@require_POST
@needs(EDIT)
def assign(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Hand a case to somebody, with so many working days."""
    owner = request.POST.get("owner", "").strip()
    days = whole(request.POST.get("days", ""), DUE_DAYS_MAX)
    if not owner or len(owner) > OWNER_CHARS_MAX or not is_line(owner) or not days:
        return _page(request, case_id, _("请填写负责人和 1 到 60 个工作日。数据没有改动。"), 422)
    at = clock.now()
    with edge.transaction() as db:
        answer = settlement.assign(db, actor(request), case_id, owner, settlement.due_at(at, days), at)
    return _after(request, case_id, answer, _("已转交。"))


@require_POST
@needs(EDIT)
@reauthentication_required
def resolve(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Resolve a case; what takes two persons is asked for."""
    way, note = request.POST.get("resolution", ""), request.POST.get("note", "").strip()
    if way not in settlement.RESOLUTIONS or not note or len(note) > NOTE_CHARS_MAX or not is_line(note):
        return _page(request, case_id, _("请选择处理方式并写一行依据。数据没有改动。"), 422)
    at = clock.now()
    with edge.transaction() as db:
        answer: object = settlement.resolve(db, actor(request), case_id, way, note, at)
        if answer is CaseRefusal.NEEDS_SECOND:
            house = party.platform(db)
            wait = house.solo_wait_seconds if house.is_solo and is_alone(EDIT) else None
            answer = settlement.ask_resolution(db, actor(request), case_id, (way, note), solo_wait_seconds=wait, at=at)
    done = _("差错已处理，凭证已入账。") if isinstance(answer, Case) else _("已申请，等待复核。")
    return _after(request, case_id, answer, done)


@require_POST
@needs(EDIT)
@reauthentication_required
def confirm(request: HttpRequest, case_id: UUID, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        answer = settlement.confirm_resolution(
            db, actor(request), case_id, approval_id, clock.now(), is_alone=is_alone(EDIT)
        )
    return _after(request, case_id, answer, _("差错已处理，凭证已入账。"))


@require_POST
@needs(EDIT)
def cancel(request: HttpRequest, case_id: UUID, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        answer = settlement.cancel_resolution(db, actor(request), case_id, approval_id, clock.now())
    return _after(request, case_id, answer, _("申请已撤回。"))


@require_POST
@needs(EDIT)
@reauthentication_required
def reverse(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """Take a resolution back, with its posting."""
    note = request.POST.get("note", "").strip()[:NOTE_CHARS_MAX]
    if not note or not is_line(note):
        return _page(request, case_id, _("请写明原因。数据没有改动。"), 422)
    with edge.transaction() as db:
        answer = settlement.reverse(db, actor(request), case_id, note, clock.now())
    return _after(request, case_id, answer, _("已撤销，差错重新待处理。"))


def _page(request: HttpRequest, case_id: UUID, error: str = "", status: int = 200) -> HttpResponse:
    with edge.transaction() as db:
        found = settlement.case(db, case_id)
        if found is None:
            raise Http404
        told: dict[str, Any] = {
            "case": found,
            "bill": _bill(db, found.bill_id),
            "trail": audit.entries_of(db, 0, "case", str(case_id)),
            "approvals": [one for one in audit.open_approvals(db) if one.object_id == str(case_id)],
        }
    ways = [name for name, way in settlement.RESOLUTIONS.items() if found.kind in way.kinds]
    way = settlement.RESOLUTIONS.get(found.resolution)
    told |= {"choices": ways, "can_reverse": way is not None and not way.is_final, "error": error, **_words()}
    told["now"], told["asked"] = clock.now(), [(one, one.body.get("resolution", "")) for one in told["approvals"]]
    return show(request, "case", "reconciliation", told, status)


def _after(request: HttpRequest, case_id: UUID, answer: object, done: str) -> HttpResponse:
    if isinstance(answer, CaseRefusal | ApprovalRefusal):
        say(request, f"{_(REFUSALS[answer])}{_('数据没有改动。')}", is_bad=True)
        if answer is CaseRefusal.NO_SUCH_CASE:
            raise Http404
    else:
        say(request, done)
    return redirect("console:case", case_id=case_id)


def _bill(db: Db, bill_id: UUID) -> Bill:
    found = settlement.bill(db, bill_id)
    if found is None:
        raise Http404
    return found


def _trouble(found: Bill) -> str:
    """Why a bill failed, in words, with the line and what was seen there."""
    name, _line, detail = (*found.trouble.split(" ", 2), "", "")[:3]
    known = {one.value: words for one, words in BILL_REFUSALS.items()}
    return f"{_(known[name])} {'' if _line in ('', '0') else f'#{_line}'} {detail}".strip() if name in known else ""


def _words() -> dict[str, dict[str, str]]:
    return {
        "kind_names": {name: _(text) for name, text in KIND_NAMES.items()},
        "ways": {name: _(text) for name, text in WAYS.items()},
    }
