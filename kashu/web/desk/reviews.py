"""Listings that wait for a person: what was read, why, and the decision with what it rests on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import compliance
from kashu.compliance import ReviewRefusal
from kashu.kernel import clock
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import TEXT_MAX, by_instant, show
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

REFUSALS = {
    ReviewRefusal.NO_SUCH_REVIEW: "没有这条复核。",
    ReviewRefusal.NOT_WAITING: "这条复核已经处理过。",
    ReviewRefusal.SAME_PERSON: "不能复核自己提交的文字，也不能一人复核两次。",
    ReviewRefusal.NO_EVIDENCE: "请写明依据。数据没有改动。",
}


@require_GET
@needs("compliance.read")
def reviews(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        found = compliance.waiting_reviews(db, PAGE_ROWS + 1, by_instant(request))
    page = page_of(found, lambda one: (one.made_at.isoformat(), one.id))
    told = [
        (one, one.thing.partition(":")[2], [compliance.in_chinese(why) for why in one.reasons]) for one in page.rows
    ]
    return show(request, "reviews", "reviews", {"waiting": told, "after": page.after})


@require_POST
@needs("compliance.edit")
def decide(request: HttpRequest, review_id: int) -> HttpResponse:
    is_good, evidence = request.POST.get("verdict") == "good", request.POST.get("evidence", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        answer = compliance.reviews.decide(
            db,
            actor(request),
            review_id,
            is_good=is_good,
            evidence=evidence,
            at=clock.now(),
            is_alone=is_alone("compliance.edit"),
        )
    if isinstance(answer, ReviewRefusal):
        say(request, _(REFUSALS[answer]), is_bad=True)
    elif answer.state == "waiting":
        say(request, _("已记下一位复核人，还需要另一位。"))
    else:
        say(request, _("已通过，可以上架。") if is_good else _("已驳回。"))
    return redirect("desk:reviews")
