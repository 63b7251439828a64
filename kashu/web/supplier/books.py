"""What was sold, what is owed, what the platform holds against the supplier, and who works for it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import cards, catalog, compliance, ledger, messages, party
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.messages import Draft
from kashu.party import SupplierRefusal
from kashu.sales import queries
from kashu.web import portals
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of
from kashu.web.rights import actor
from kashu.web.supplier.desk import CHOSEN, REFUSALS, Desk, Page, at_desk, is_patient, refused_as, show
from kashu.web.supplier.licences import causes_of
from kashu.web.supplier.onboarding import steps_of
from kashu.wire import edge

FAR = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
REASON_MAX = 160
INVITATIONS_PER_DAY = 30
ALERTS_MAX = 200
EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,120}\.[^@\s]{2,}\Z")


@require_GET
@at_desk
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Where the supplier stands, and what calls for it."""
    at = clock.now()
    with edge.transaction() as db:
        file = party.supplier_file(db, desk.party.id, at)
        assert file is not None
        lines = queries.lines_of_supplier(db, desk.party.id, FAR, 8)
        coming = catalog.coming_agreements(db, at)
        causes = causes_of(db, desk.party.id, at)
        alerts = compliance.alerts(db, ALERTS_MAX, desk.party.id)
    verified = desk.supplier.verified_at
    told = {
        "file": file,
        "steps": steps_of(file),
        "lines": lines,
        "coming": coming,
        "in_force": [one for one in file.sanctions if one.state == "in_force"],
        "reverify_on": party.reverify_on(verified) if verified else None,
        "is_due": verified is not None and party.is_reverify_due(verified, at),
        "now": at,
        "causes": causes,
        "alerts": len({one.licence_id for one in alerts}),
        "is_urgent": any(one.severity == "critical" for one in alerts),
    }
    return show(request, desk, "overview", "overview", told)


@require_POST
@at_desk
def choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Whose desk this is, for people who work for several."""
    portals.choose(request, CHOSEN, desk.parties)
    return redirect("supplier:overview")


@require_GET
@at_desk
def orders(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Paid lines of their goods; nothing that tells the buyer (C-55)."""
    with edge.transaction() as db:
        found = queries.lines_of_supplier(db, desk.party.id, instant_cursor(request) or FAR, PAGE_ROWS + 1)
    page = page_of(found, lambda one: (one.placed_at.isoformat(), str(one.id)))
    return show(request, desk, "orders", "orders", {"page": page})


@require_GET
@at_desk
def statement(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What the books say is owed for third-party sales, and what lies there as deposit."""
    with edge.transaction() as db:
        skus = [one.id for one in catalog_queries.skus(db, desk.party.id)]
        pools = cards.pools_of(db, skus)
        before = instant_cursor(request) or FAR
        found = ledger.movements(db, f"payable:{desk.party.id}", pools, before, PAGE_ROWS + 1)
        held = party.deposit(db, desk.party.id)
    page = page_of(found, lambda one: (one.posted_at.isoformat(), str(one.id)))
    return show(request, desk, "statement", "statement", {"page": page, "deposit": held})


def _notices(_request: HttpRequest, desk: Desk) -> dict[str, Any]:
    with edge.transaction() as db:
        return {
            "sanctions": party.sanctions(db, desk.party.id),
            "appeals": party.appeals(db, desk.party.id),
            "coming": catalog.coming_agreements(db, clock.now()),
            "down": compliance.takedowns_of(db, desk.party.id, 50),
            "may_leave": desk.supplier.state in party.TRADING,
        }


def _people(_request: HttpRequest, desk: Desk) -> dict[str, Any]:
    ring = edge.ctx().ring
    with edge.transaction() as db:
        waiting = [
            (one, ring.open_personal(one.email, f"invitation {one.id}")) for one in party.invitations(db, desk.party.id)
        ]
        return {"members": party.members(db, desk.party.id), "waiting": waiting, "now": clock.now()}


NOTICES, PEOPLE = Page("notices", _notices), Page("people", _people)
notices, people = (require_GET(at_desk(page.show)) for page in (NOTICES, PEOPLE))


@require_POST
@at_desk
def appeal(request: HttpRequest, desk: Desk, sanction_id: UUID) -> HttpResponse:
    words = request.POST.get("words", "").strip()
    with edge.transaction() as db:
        refusal = party.appeal(db, actor(request), desk.party.id, sanction_id, words, clock.now())
    return NOTICES.after(request, desk, refused_as(refusal, 422), _("申诉已提交，由另一位工作人员答复。"))


@require_POST
@at_desk
@reauthentication_required
def leave(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A supplier goes, of its own will, under the rules that are in force: what comes later binds it no more (C-06)."""
    reason, at = request.POST.get("reason", "").strip()[:REASON_MAX], clock.now()
    with edge.transaction() as db:
        rules = catalog.agreement(db, "trade", at)
        under = "" if rules is None else f"{rules.kind} v{rules.version}"
        refusal = party.leave(db, actor(request), desk.party.id, (reason, under), at)
    return NOTICES.after(
        request, desk, refused_as(refusal, 409), _("已开始退出：不再销售新的订单，已有订单按现行规则履行。")
    )


@require_POST
@at_desk
def invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Send somebody a link that lets them act for this organisation."""
    email = request.POST.get("email", "").strip().lower()
    if not EMAIL.match(email):
        return PEOPLE.show(request, desk, _("邮箱没有填对。没有发送。"), 422)
    if not is_patient(desk, "invite", INVITATIONS_PER_DAY):
        return PEOPLE.show(request, desk, _(REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    refusal = send_invitation(request, desk.party.id, email)
    return PEOPLE.after(request, desk, refused_as(refusal, 409), _("邀请已发送，7 天内有效。"))


@require_POST
@at_desk
def revoke(request: HttpRequest, desk: Desk, invitation_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        refusal = party.revoke_invitation(db, actor(request), desk.party.id, invitation_id, clock.now())
    return PEOPLE.after(request, desk, refused_as(refusal, 404), _("邀请已撤回。"))


@require_POST
@at_desk
@reauthentication_required
def remove(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Somebody works for this organisation no more; their account stays their own."""
    with edge.transaction() as db:
        refusal = party.remove_member(db, actor(request), desk.party.id, request.POST.get("email", ""), clock.now())
    return PEOPLE.after(request, desk, refused_as(refusal, 409), _("已移出，对方即刻不能再代表本单位操作。"))


def send_invitation(request: HttpRequest, party_id: int, email: str) -> SupplierRefusal | None:
    """Invite, and write the message in the same transaction; the link is in the message only."""
    ctx, at = edge.ctx(), clock.now()
    with edge.transaction() as db:
        done = party.invite(db, ctx.ring, actor(request), party_id, email, at)
        if isinstance(done, SupplierRefusal):
            return done
        named = party.party(db, party_id)
        assert named is not None
        values = {"name": named.name, "link": f"{ctx.public_url}/join/{done[1]}"}
        messages.write(db, ctx.ring, [Draft("invitation", str(done[0].id), email, values)], at)
    return None
