"""Transactions told to whoever attests them (交易核验), and what was answered."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import compliance
from kashu.kernel import clock
from kashu.web.console.desk import say
from kashu.web.desk.shared import show
from kashu.web.rights import actor, needs
from kashu.wire import edge

SHOWN_MAX, NUMBER_CHARS_MAX = 100, 24
EVENTS = {"delivered": "已送达", "redeemed": "已核销", "undone": "已撤销核销", "refunded": "已退款"}


@require_GET
@needs("compliance.read")
def attestations(request: HttpRequest) -> HttpResponse:
    order = request.GET.get("order", "").strip()[:NUMBER_CHARS_MAX]
    ctx = edge.ctx()
    with edge.transaction() as db:
        told = {
            "found": compliance.attestations_of(db, order, SHOWN_MAX),
            "events": {name: _(word) for name, word in EVENTS.items()},
            "counts": compliance.attestation_counts(db),
            "order": order,
            "url": "" if ctx.attestor is None else ctx.attestor.url,
        }
    return show(request, "attestations", "attestations", told)


@require_POST
@needs("compliance.edit")
def retry(request: HttpRequest, attestation_id: UUID) -> HttpResponse:
    """Tell it again, after days without an answer."""
    with edge.transaction() as db:
        done = compliance.attestations.retry(db, actor(request), attestation_id, clock.now())
    say(request, _("已重新排队。") if done else _("这一条不在等待重试。"), is_bad=not done)
    return redirect("desk:attestations")
