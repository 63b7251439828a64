"""Hits on lists, sanctions that can be lifted, appeals that wait, agreements that are offered: at the desk."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, party
from kashu.kernel import clock
from kashu.kernel.money import parse_yuan
from kashu.party import Contract
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import by_instant_of, by_place, show
from kashu.web.desk.suppliers import solo_wait, tell, told_in, why_of
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

BODY_MAX = 50_000


@require_GET
@needs("suppliers.read")
def screening(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        found = party.all_hits(db, by_place(request), PAGE_ROWS + 1)
        page = page_of(found, lambda one: (int(one.state == "open"), one.found_at.isoformat(), str(one.id)))
        named = party.parties_by(db, {one.party_id for one in page.rows})
        told = {
            "page": page,
            "lists": party.lists(db),
            "named": {one.id: one.name for one in named.values()},
            "approvals": {one.object_id: one for one in audit.open_approvals(db) if one.act == "supplier.hit.clear"},
        }
    return show(request, "screening", "screening", told)


@require_POST
@needs("suppliers.review")
@reauthentication_required
def decide_hit(request: HttpRequest, hit_id: UUID) -> HttpResponse:
    """Ask for a hit to be cleared, which takes a second person, or confirm that it is true (C-60)."""
    why, at = why_of(told_in(request)), clock.now()
    with edge.transaction() as db:
        if "confirm" in request.POST:
            done: object = party.confirm_hit(db, actor(request), hit_id, why, at)
        else:
            done = party.ask_clear(db, actor(request), hit_id, why, solo_wait_seconds=solo_wait(db), at=at)
    tell(request, done)
    return redirect("desk:screening")


@require_GET
@needs("suppliers.read")
def appeals(request: HttpRequest) -> HttpResponse:
    """Appeals nobody has answered, the oldest first, and blacklistings that are to be reported; each a page."""
    with edge.transaction() as db:
        waiting = party.open_appeals(db, by_instant_of(request, "waiting"), PAGE_ROWS + 1)
        unreported = party.unreported(db, after=by_instant_of(request, "unreported"), most=PAGE_ROWS + 1)
        asked = page_of(waiting, lambda one: (one.made_at.isoformat(), str(one.id)))
        barred = page_of(unreported, lambda one: (one.begins_at.isoformat(), str(one.id)))
        measures = party.sanctions_by(db, {one.sanction_id for one in asked.rows})
        named = party.parties_by(db, {one.party_id for one in (*measures.values(), *barred.rows)})
    told = {
        "waiting": [
            (one, measures[one.sanction_id], named[measures[one.sanction_id].party_id].name) for one in asked.rows
        ],
        "unreported": [(one, named[one.party_id].name) for one in barred.rows],
        "after": {"waiting": asked.after, "unreported": barred.after},
    }
    return show(request, "appeals", "appeals", told)


@require_POST
@needs("suppliers.sanction")
@reauthentication_required
def decide_appeal(request: HttpRequest, appeal_id: UUID) -> HttpResponse:
    after, alone = "upheld" if "uphold" in request.POST else "rejected", is_alone("suppliers.sanction")
    with edge.transaction() as db:
        why = why_of(told_in(request))
        done = party.decide_appeal(db, actor(request), appeal_id, after, why, clock.now(), is_alone=alone)
    tell(request, done)
    return redirect("desk:appeals")


@require_POST
@needs("suppliers.sanction")
@reauthentication_required
def end_sanction(request: HttpRequest, sanction_id: UUID, verb: str) -> HttpResponse:
    """Lift a sanction before its term, or note that the province was told of a blacklisting (C-15)."""
    why, at = why_of(told_in(request)), clock.now()
    with edge.transaction() as db:
        if verb == "lift":
            done = party.lift(db, actor(request), sanction_id, why, at)
        elif verb == "report":
            done = party.report_blacklisting(db, actor(request), sanction_id, why[1], at)
        else:
            raise Http404
    tell(request, done)
    return redirect("desk:appeals")


@require_GET
@needs("suppliers.read")
def contracts(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        told = {"contracts": [party.contract(db, kind) for kind in ("supply", "deposit")]}
    return show(request, "contracts", "contracts", told)


@require_POST
@needs("suppliers.deposit")
@reauthentication_required
def publish_contract(request: HttpRequest) -> HttpResponse:
    """A new version. A deposit agreement names amount, management, use and refund, or it is none (C-34)."""
    told, body = told_in(request), request.POST.get("body", "").strip()[:BODY_MAX]
    kind, fen = told.get("kind", ""), parse_yuan(told.get("deposit") or "0") or 0
    four = (told.get("management", ""), told.get("usage", ""), told.get("refund", ""))
    is_whole = kind == "supply" or (kind == "deposit" and fen > 0 and all(four))
    if not is_whole or not told.get("title") or not body:
        say(request, _("标题和全文必填；保证金协议还要写明数额、管理、使用和退还。没有发布。"), is_bad=True)
        return redirect("desk:contracts")
    with edge.transaction() as db:
        new = Contract(kind, 0, told["title"], body, fen, *four, "", "", clock.now())
        party.publish_contract(db, actor(request), new, clock.now())
    say(request, _("已发布新版本，此前的签署仍然有效。"))
    return redirect("desk:contracts")
