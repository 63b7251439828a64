"""Public data of suppliers at the desk: declared changes verified and published, suppliers nobody reaches reminded (C-13)."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, party
from kashu.kernel import clock
from kashu.party import ChangeRefusal
from kashu.web.console.desk import PAGE_ROWS, page_of, say, whole
from kashu.web.desk.shared import by_place, show
from kashu.web.desk.suppliers import told_in, why_of
from kashu.web.rights import actor, needs
from kashu.web.supplier.aftersale import CHANGE_REFUSALS, change_place, notice_place
from kashu.wire import edge


@require_GET
@needs("suppliers.read")
def changes(request: HttpRequest) -> HttpResponse:
    """Declared changes and notices of suppliers nobody reaches, what is due first in front; each a page."""
    most = PAGE_ROWS + 1
    with edge.transaction() as db:
        every = page_of(party.changes(db, after=by_place(request, "changes"), most=most), change_place)
        notices = page_of(party.all_unreached(db, after=by_place(request, "notices"), most=most), notice_place)
        own = party.parties_by(db, {one.party_id for page in (every, notices) for one in page.rows})
        missed = aftersale.breached(db, [one.id for page in (every, notices) for one in page.rows])
        suppliers = party.parties(db, "supplier")
    told = {
        "changes": [(one, own[one.party_id], missed.get(one.id, [])) for one in every.rows],
        "notices": [(one, own[one.party_id], missed.get(one.id, [])) for one in notices.rows],
        "after": {"changes": every.after, "notices": notices.after},
        "suppliers": [one for one in suppliers if one.state != "closed"],
        "now": clock.now(),
    }
    return show(request, "changes", "changes", told)


@require_POST
@needs("suppliers.review")
@reauthentication_required
def decide_change(request: HttpRequest, change_id: UUID) -> HttpResponse:
    """Publish a change that was verified, or refuse it with a reason."""
    after = "published" if "publish" in request.POST else "refused"
    with edge.transaction() as db:
        done = party.decide_change(
            db, edge.ctx().ring, actor(request), change_id, after, why_of(told_in(request)), clock.now()
        )
    return _back(request, done)


@require_POST
@needs("suppliers.review")
def note_unreached(request: HttpRequest) -> HttpResponse:
    """An authority says that a supplier cannot be reached."""
    told = told_in(request)
    party_id = whole(told.get("party", ""), 2**62) or 0
    with edge.transaction() as db:
        authority, evidence = told.get("authority", ""), why_of(told)[1]
        done = party.note_unreached(db, actor(request), party_id, authority, evidence, clock.now())
    return _back(request, done)


@require_POST
@needs("suppliers.review")
def step_unreached(request: HttpRequest, notice_id: UUID, verb: str) -> HttpResponse:
    """Remind a supplier, or close the notice with what came of it."""
    at = clock.now()
    with edge.transaction() as db:
        if verb == "remind":
            done = party.remind(db, edge.ctx().ring, actor(request), notice_id, at)
        elif verb == "settle":
            done = party.settle_unreached(db, actor(request), notice_id, why_of(told_in(request)), at)
        else:
            raise Http404
    return _back(request, done)


def _back(request: HttpRequest, done: object) -> HttpResponse:
    is_bad = isinstance(done, ChangeRefusal)
    said = _(CHANGE_REFUSALS[done]) if isinstance(done, ChangeRefusal) else _("已办理，并记入审计日志。")
    say(request, said, is_bad=is_bad)
    return redirect("desk:changes")
