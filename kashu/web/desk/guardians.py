"""Guardians' claims at the desk: due within 15 days, granted by two persons, every look at a person audited (C-72)."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, audit, party
from kashu.aftersale import ClaimRefusal
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.sales import RefundRefusal
from kashu.web.console.batches import APPROVAL_REFUSALS
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.complaints import WORDS_MAX
from kashu.web.desk.shared import TEXT_MAX, by_instant_of, due_place, show
from kashu.web.desk.suppliers import evidence_of
from kashu.web.rights import actor, is_alone, needs
from kashu.web.store.aftersale import CLAIM_REFUSALS, RELATIONS
from kashu.web.store.orders import REFUND_REFUSALS
from kashu.wire import edge, papers


@require_GET
@needs("guardians.read")
def guardians(request: HttpRequest) -> HttpResponse:
    """Claims by their deadline; nobody's name is in the list."""
    most = PAGE_ROWS + 1
    with edge.transaction() as db:
        waiting = aftersale.claims(db, most, is_open=True, after=by_instant_of(request, "waiting"))
        over = aftersale.claims(db, most, is_open=False, after=by_instant_of(request, "over"))
    pages = {
        "waiting": page_of(waiting, due_place),
        "over": page_of(over, lambda one: (one.decided_at.isoformat(), str(one.id))),
    }
    told = {name: page.rows for name, page in pages.items()}
    after = {name: page.after for name, page in pages.items()}
    return show(request, "guardians", "guardians", told | {"after": after, "now": clock.now()})


@require_GET
@needs("guardians.read")
def guardian(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = aftersale.claim(db, claim_id)
        if found is None:
            raise Http404
        left, policies = aftersale.terms_of(db, found)
        told = {
            "one": found,
            "relation": _(RELATIONS[found.relation]),
            "left": None if isinstance(left, RefundRefusal) else left,
            "why_not": _(REFUND_REFUSALS[left][1]) if isinstance(left, RefundRefusal) else "",
            "is_free": policies == frozenset({"free"}),
            "approvals": [one for one in audit.open_approvals(db) if _is_grant_of(one, claim_id)],
            "trail": audit.entries_of(db, found.pool_id, "guardian", str(claim_id)),
            "missed": aftersale.breached(db, [claim_id]).get(claim_id, []),
            "now": clock.now(),
        }
    return show(request, "guardian", "guardians", told)


@require_POST
@needs("guardians.decide")
@reauthentication_required
@sensitive_variables()
def persons(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    """Names, numbers and words of a claim, for this one answer, with a reason (C-52)."""
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        shown = aftersale.show_persons(db, edge.ctx().ring, actor(request), claim_id, reason, clock.now())
    if isinstance(shown, ClaimRefusal):
        return _back(request, claim_id, shown)
    return show(request, "guardian_persons", "guardians", {"persons": shown, "claim_id": claim_id})


@require_POST
@needs("guardians.decide")
@reauthentication_required
def file(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    """The evidence, audited before it leaves (C-52)."""
    with edge.transaction() as db:
        found = aftersale.note_file_shown(db, actor(request), claim_id, clock.now())
    if found is None:
        raise Http404
    response = HttpResponse(b"".join(papers.content(edge.ctx(), found.spool)), content_type=found.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="guardian-{str(claim_id)[-8:]}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@needs("guardians.decide")
@reauthentication_required
def decide(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    """Reject a claim, or ask for it to be granted, which takes a second person."""
    at, told = clock.now(), request.POST
    why = (told.get("reason", "").strip()[:WORDS_MAX], evidence_of(told.get("evidence", "").strip()))
    deduction_fen = parse_yuan(told.get("deduction", "").strip() or "0")
    with edge.transaction() as db:
        if "reject" in told:
            done: object = aftersale.reject(db, actor(request), claim_id, why, at)
        elif deduction_fen is None:
            done = ClaimRefusal.TOO_MUCH
        else:
            wait, asked = _solo_wait(db), (deduction_fen, why)
            done = aftersale.ask_grant(db, actor(request), claim_id, asked, solo_wait_seconds=wait, at=at)
    return _back(request, claim_id, done)


@require_POST
@needs("guardians.decide")
@reauthentication_required
def confirm(request: HttpRequest, claim_id: UUID, approval_id: UUID) -> HttpResponse:
    """The second person's yes, or the first one taking the wish back."""
    at, alone = clock.now(), is_alone("guardians.decide")
    with edge.transaction() as db:
        if "cancel" in request.POST:
            done: object = aftersale.cancel_grant(db, actor(request), claim_id, approval_id, at)
        else:
            done = aftersale.grant(db, actor(request), claim_id, approval_id, at, is_alone=alone)
    return _back(request, claim_id, done)


def _back(request: HttpRequest, claim_id: UUID, done: object) -> HttpResponse:
    if done is ClaimRefusal.GONE:
        raise Http404
    told, is_bad = _("已办理，并记入审计日志。"), True
    if isinstance(done, ClaimRefusal):
        told = _(CLAIM_REFUSALS[done][1])
    elif isinstance(done, RefundRefusal):
        told = _(REFUND_REFUSALS[done][1])
    elif isinstance(done, ApprovalRefusal):
        told = _(APPROVAL_REFUSALS[done])
    else:
        is_bad = False
        if isinstance(done, Approval):
            told = _("已申请，请另一位同事复核；单人模式下等待结束后由你再次确认。")
    say(request, told, is_bad=is_bad)
    return redirect("desk:guardian", claim_id=claim_id)


def _solo_wait(db: Db) -> int | None:
    house = party.platform(db)
    return house.solo_wait_seconds if house.is_solo and is_alone("guardians.decide") else None


def _is_grant_of(one: Approval, claim_id: UUID) -> bool:
    return (one.act, one.object_id) == (aftersale.GRANT, str(claim_id))
