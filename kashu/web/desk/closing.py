"""The platform's closing at the desk (C-05): asked for by an owner, confirmed by a second person, shown from then on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, compliance, party
from kashu.audit import Approval, ApprovalRefusal
from kashu.compliance import CLOSING_DAYS, ClosingRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.web import notices
from kashu.web.console.desk import say
from kashu.web.desk.shared import TEXT_MAX, day_of, show
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

REFUSALS: dict[ClosingRefusal | ApprovalRefusal, str] = {
    ClosingRefusal.TOO_SOON: "停业日至少要在 30 日之后。数据没有改动。",
    ClosingRefusal.NO_REASON: "请写明原因。数据没有改动。",
    ClosingRefusal.NOTHING_TO_CHANGE: "停业日已经是这样，没有改动。",
    ApprovalRefusal.GONE: "这项申请已经处理过了。",
    ApprovalRefusal.SAME_PERSON: "不能由申请人自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "单人模式的等待时间还没到。",
    ApprovalRefusal.ALREADY_ASKED: "已有一项停业申请在等待复核。",
}


@require_GET
@needs("compliance.read")
def closing(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        told = {
            "closing_day": compliance.closing_on(db),
            "asked": [one for one in audit.open_approvals(db) if one.act == compliance.closing.ACT],
        }
    return show(request, "closing", "closing", told | {"earliest": biz_date(at + timedelta(days=CLOSING_DAYS))})


@require_POST
@needs("settings.edit")
@reauthentication_required
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a day, or for the day that was set to be taken back."""
    reason, is_back = request.POST.get("reason", "").strip()[:TEXT_MAX], "take_back" in request.POST
    day = None if is_back else day_of(request.POST.get("closing_on", ""))
    if day is None and not is_back:
        say(request, _("请填写停业日。数据没有改动。"), is_bad=True)
        return redirect("desk:closing")
    with edge.transaction() as db:
        done = compliance.closing.ask(db, actor(request), day, reason, solo_wait_seconds=_solo_wait(db), at=clock.now())
    if isinstance(done, Approval):
        say(request, _("已申请，请另一位同事复核；单人模式下等待结束后由你再次确认。"))
    else:
        say(request, _(REFUSALS[done]), is_bad=True)
    return redirect("desk:closing")


@require_POST
@needs("compliance.edit")
@reauthentication_required
def confirm(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """The second person's yes, or the wish taken back while it waits."""
    at, alone = clock.now(), is_alone("compliance.edit")
    with edge.transaction() as db:
        asked = audit.approval(db, approval_id)
        done: object = ApprovalRefusal.GONE
        if asked is not None and asked.act == compliance.closing.ACT and "cancel" in request.POST:
            done = audit.cancel(db, actor(request), approval_id, at)
        elif asked is not None:
            done = compliance.closing.confirm(db, actor(request), approval_id, at, is_alone=alone)
    notices.forget()
    if isinstance(done, ClosingRefusal | ApprovalRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
    else:
        say(request, _("已办理，并记入审计日志。"))
    return redirect("desk:closing")


def _solo_wait(db: Db) -> int | None:
    house = party.platform(db)
    return house.solo_wait_seconds if house.is_solo and is_alone("compliance.edit") else None
