"""Complaints at the desk: by deadline, one in full, and every step staff take with it (C-39)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, audit, party
from kashu.aftersale import OUTCOMES, ComplaintRefusal
from kashu.kernel import clock
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import by_instant_of, due_place, show
from kashu.web.desk.suppliers import FIGURES_DAYS, evidence_of
from kashu.web.rights import actor, is_alone, needs
from kashu.web.store.aftersale import COMPLAINT_REFUSALS, KINDS
from kashu.wire import edge

WORDS_MAX = 2_000  # more than the domain takes, so that it says so itself


@require_GET
@needs("complaints.read")
def complaints(request: HttpRequest) -> HttpResponse:
    """What waits, the nearest deadline first; whoever complains often and never rightly is marked."""
    at, most = clock.now(), PAGE_ROWS + 1
    with edge.transaction() as db:
        waiting = page_of(aftersale.open_complaints(db, most, after=by_instant_of(request, "waiting")), due_place)
        over = page_of(
            aftersale.open_complaints(db, most, is_open=False, after=by_instant_of(request, "over")),
            lambda one: (one.opened_at.isoformat(), str(one.id)),
        )
        named = party.parties_by(db, {one.supplier_id for page in (waiting, over) for one in page.rows})
    told = {
        "waiting": [(one, named[one.supplier_id].name, one.is_answer_late(at)) for one in waiting.rows],
        "over": [(one, named[one.supplier_id].name) for one in over.rows],
        "after": {"waiting": waiting.after, "over": over.after},
        "kinds": {name: _(word) for name, word in KINDS.items()},
        "now": at,
    }
    return show(request, "complaints", "complaints", told)


@require_GET
@needs("complaints.read")
def complaint(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        found = aftersale.complaint(db, complaint_id)
        if found is None:
            raise Http404
        told = {
            "one": found,
            "is_late": found.is_answer_late(at),
            "supplier": party.party(db, found.supplier_id),
            "figures": aftersale.figures(db, found.supplier_id, at, at - timedelta(days=FIGURES_DAYS)),
            "missed": aftersale.breached(db, [found.id]).get(found.id, []),
            "trail": audit.entries_of(db, found.pool_id, "complaint", str(found.id)),
            "kind": _(KINDS[found.kind]),
            "outcomes": OUTCOMES,
            "now": at,
        }
    return show(request, "complaint", "complaints", told)


@require_POST
@needs("complaints.decide")
def step(request: HttpRequest, complaint_id: UUID, verb: str) -> HttpResponse:
    """Take a complaint up, decide it, or decide an objection to that."""
    at, alone = clock.now(), is_alone("complaints.decide")
    outcome, words = request.POST.get("outcome", ""), request.POST.get("reason", "").strip()[:WORDS_MAX]
    why = (words, evidence_of(request.POST.get("evidence", "").strip()))
    with edge.transaction() as db:
        if verb == "take-up":
            done = aftersale.take_up(db, actor(request), complaint_id, at)
        elif verb == "decide":
            done = aftersale.decide(db, actor(request), complaint_id, outcome, why, at)
        elif verb == "review":
            done = aftersale.review(db, actor(request), complaint_id, outcome, why, at, is_alone=alone)
        else:
            raise Http404
    if done is ComplaintRefusal.GONE:
        raise Http404
    is_bad = isinstance(done, ComplaintRefusal)
    said = _(COMPLAINT_REFUSALS[done][1]) if isinstance(done, ComplaintRefusal) else _("已办理，并记入审计日志。")
    say(request, said, is_bad=is_bad)
    return redirect("desk:complaint", complaint_id=complaint_id)
