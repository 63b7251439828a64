"""Public rules (C-06): the version in force, what is to come and open for comments, everything that was, as files too."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import catalog
from kashu.audit import Actor
from kashu.catalog import COMMENT_CHARS_MAX, Agreement, Refusal
from kashu.kernel import clock, limits
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import Db
from kashu.web import device
from kashu.wire import edge

COMMENTS_PER_HOUR = 5  # of one address; of everybody together:
COMMENTS_PER_DAY = 1_000
REFUSALS = {
    Refusal.NOT_OPEN: (409, "这个版本已经生效或不存在，不再征求意见。"),
    Refusal.WORDS_WRONG: (422, "意见应为 5 到 1000 字。没有提交。"),
}


@require_GET
def agreement(request: HttpRequest, kind: str) -> HttpResponse:
    return _page(request, kind)


@require_GET
def text(request: HttpRequest, kind: str, version: int) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """One version as a plain file, for keeping."""
    with edge.transaction() as db:
        found = next((one for one in _versions(db, kind) if one.version == version), None)
    if found is None:
        raise Http404
    begin = found.effective_at.astimezone(SHANGHAI)
    when = _("第 %(v)s 版，%(day)s（北京时间）起生效") % {"v": found.version, "day": f"{begin:%Y-%m-%d %H:%M}"}
    told = f"{found.title}\n{when}\n\n{found.body}\n"
    headers = {"Content-Disposition": f'attachment; filename="{kind}-v{found.version}.txt"'}
    return HttpResponse(told, content_type="text/plain; charset=utf-8", headers=headers)


@require_POST
def comment(request: HttpRequest, kind: str, version: int) -> HttpResponse:
    """What somebody says of a version to come. Nobody is asked who they are; an address may speak so often in an hour."""
    at, ring = clock.now(), edge.ctx().ring
    address = ring.identity("address", device.address(request)).hex()[:24]
    with edge.transaction() as db:
        found = next((one for one in _versions(db, kind) if one.version == version), None)
        if found is None:
            raise Http404
        is_patient = limits.allow(db, f"comment:{address}", at, most=COMMENTS_PER_HOUR, seconds=3_600)
        is_patient = is_patient and limits.allow(db, "comment", at, most=COMMENTS_PER_DAY, seconds=86_400)
        answer: object = None
        if is_patient:
            answer = catalog.comment(db, Actor("buyer", address[:12]), found.id, request.POST.get("words", ""), at)
    if not is_patient:
        return _page(request, kind, _("意见提交过于频繁，请一小时后再试。没有提交。"), 429)
    if isinstance(answer, Refusal):
        status, told = REFUSALS[answer]
        return _page(request, kind, _(told), status)
    return redirect(f"{reverse('store:agreement', args=[kind])}?said=1")


def _page(request: HttpRequest, kind: str, error: str = "", status: int = 200) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        versions = _versions(db, kind)
    current = next((one for one in versions if one.effective_at <= at), None)
    told = {
        "kind": kind,
        "current": current,
        "coming": [one for one in reversed(versions) if one.effective_at > at],
        "past": [one for one in versions if one.effective_at <= at and one is not current],
        "error": error,
        "said": "said" in request.GET,
        "words": request.POST.get("words", "")[:COMMENT_CHARS_MAX],
        "most": COMMENT_CHARS_MAX,
    }
    return render(request, "store/agreement.html", told, status=status)


def _versions(db: Db, kind: str) -> list[Agreement]:
    found = catalog.agreements(db, kind.replace("-", "_"))
    if not found:
        raise Http404
    return found
