"""Public rules at the desk (C-06): their versions, new ones with notice, what the public says of those to come."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import catalog, compliance
from kashu.catalog import NOTICE_DAYS, Agreement, Refusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date, day_start
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say
from kashu.web.desk.shared import TEXT_MAX, day_of, show
from kashu.web.rights import actor, needs
from kashu.wire import edge
from kashu.wire.affected import FAR

BODY_MAX = 50_000
KINDS = {"trade": "交易规则", "privacy": "隐私政策", "digital_consent": "数字商品说明"}
REFUSALS = {
    Refusal.VOID_CLAUSE: "文字里有法律上无效的条款，没有发布：",
    Refusal.TOO_SOON: "新版本至少公示 7 日再生效，且不早于已公示的版本。没有发布。",
    Refusal.TAKEN: "刚刚有人发布了新版本，请刷新后再试。没有发布。",
}


@require_GET
@needs("compliance.read")
def agreements(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        coming = catalog.coming_agreements(db, at)
        told = {
            "kinds": [(kind, _(title), catalog.agreements(db, kind)) for kind, title in KINDS.items()],
            "coming": [(one, len(catalog.comments(db, one.id, FAR, 1_000))) for one in coming],
            "in_force": {kind: catalog.agreement(db, kind, at) for kind in KINDS},
        }
    earliest = biz_date(at + timedelta(days=NOTICE_DAYS + 1))
    return show(request, "agreements", "agreements", told | {"now": at, "earliest": earliest})


@require_POST
@needs("compliance.edit")
@reauthentication_required
def publish(request: HttpRequest) -> HttpResponse:
    """A new version. It counts from the beginning of its day in Shanghai, and until then anybody may comment on it."""
    kind, at = request.POST.get("kind", ""), clock.now()
    title = request.POST.get("title", "").strip()[:TEXT_MAX]
    body = request.POST.get("body", "").replace("\r\n", "\n").strip()[:BODY_MAX]
    day = day_of(request.POST.get("effective_on", ""))
    if kind not in KINDS or not title or not body or day is None:
        say(request, _("种类、标题、全文和生效日都要填写。没有发布。"), is_bad=True)
        return redirect("desk:agreements")
    with edge.transaction() as db:
        last = max((one.version for one in catalog.agreements(db, kind)), default=0)
        new = Agreement(0, kind, last + 1, title, body, at, day_start(day))
        answer = catalog.publish_agreement(db, actor(request), new)
    if isinstance(answer, Refusal):
        say(request, _(REFUSALS[answer]) + _clauses(answer, title, body), is_bad=True)
    else:
        say(request, _("已发布，公示和征求意见从现在开始。"))
    return redirect("desk:agreements")


@require_GET
@needs("compliance.read")
def comments(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """What the public said of a version."""
    with edge.transaction() as db:
        found = catalog.agreement_by_id(db, agreement_id)
        if found is None:
            raise Http404
        said = catalog.comments(db, agreement_id, instant_cursor(request) or FAR, PAGE_ROWS + 1)
    page = page_of(said, lambda one: (one.made_at.isoformat(), str(one.id)))
    return show(request, "comments", "agreements", {"one": found, "page": page, "now": clock.now()})


def _clauses(answer: Refusal, *texts: str) -> str:
    """What was found void, and by which article (C-31)."""
    found = compliance.void_clauses(*texts) if answer is Refusal.VOID_CLAUSE else []
    return "；".join(f"「{one.found}」（{one.article}）" for one in found)
