"""Requests of persons about their data at the desk."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, party
from kashu.audit import Deed
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.party.models import Person
from kashu.sales import queries as sales_queries
from kashu.web.console.desk import PAGE_ROWS, page_of
from kashu.web.desk.shared import TEXT_MAX, by_instant_of, due_place, show
from kashu.web.desk.suppliers import tell
from kashu.web.rights import actor, needs
from kashu.wire import edge


@require_GET
@needs("privacy.answer")
def requests(request: HttpRequest) -> HttpResponse:
    ring = edge.ctx().ring
    with edge.transaction() as db:
        found = party.requests(db, is_open=True, after=by_instant_of(request), most=PAGE_ROWS + 1)
        page = page_of(found, due_place)
        waiting = [(one, ring.open_personal(one.words, f"request {one.id}")) for one in page.rows]
        if waiting:  # who read what people wrote is in the trail before it is shown
            shown = [Deed(actor(request), "privacy.read", "request", str(one.id)) for one, _words in waiting]
            audit.record(db, shown, clock.now())
    people = {one.pk: one for one in Person.objects.filter(pk__in={one.person_id for one, _words in waiting})}
    told = {"waiting": waiting, "after": page.after, "people": people, "now": clock.now()}
    return show(request, "privacy", "privacy", told)


@require_POST
@needs("privacy.answer")
@reauthentication_required
def answer(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Grant a deletion, note a correction as made, or refuse either with a reason."""
    words, at = request.POST.get("answer", "").strip()[:TEXT_MAX], clock.now()
    with edge.transaction() as db:
        found = party.request(db, request_id)
        if found is None or found.state != "open":
            raise Http404
        if "refuse" in request.POST:
            done: object = party.answer_request(db, actor(request), request_id, "refused", words, at)
        elif found.kind == "delete":
            last, ring = _last_trade(db, found.person_id), edge.ctx().ring
            done = party.decide_deletion(db, ring, actor(request), request_id, last, at)
        else:
            done = party.answer_request(db, actor(request), request_id, "done", words, at)
    tell(request, done)
    return redirect("desk:privacy")


def _last_trade(db: Db, person_id: int) -> date | None:
    """The last day on which an organisation that they work or worked for sold or bought: three years are kept from it."""
    last = sales_queries.last_trade_at(db, [one.id for one in party.parties_of(db, person_id, ever=True)])
    return None if last is None else biz_date(last)
