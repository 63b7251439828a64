"""Who works for a supplier: invited, made an owner, let go; and going oneself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import messages, party
from kashu.kernel import clock
from kashu.messages import Draft
from kashu.party import SupplierRefusal
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import by_instant
from kashu.web.rights import actor
from kashu.web.supplier.desk import REFUSALS, Desk, Page, Refused, at_desk, is_patient, refused_as
from kashu.wire import edge

FIRST = (datetime(1970, 1, 1, tzinfo=UTC), 0)
INVITATIONS_PER_DAY = 30
EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,120}\.[^@\s]{2,}\Z")


def _people(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    ring = edge.ctx().ring
    with edge.transaction() as db:
        waiting = [
            (one, ring.open_personal(one.email, f"invitation {one.id}")) for one in party.invitations(db, desk.party.id)
        ]
        found = party.people(db, desk.party.id, by_instant(request) or FIRST, PAGE_ROWS + 1)
        own = party.member(db, desk.party.id, desk.person.email)
    page = page_of(found, lambda one: (one.joined_at.isoformat(), one.person_id))
    return {"page": page, "own": own, "waiting": waiting, "now": clock.now()}


PEOPLE = Page("people", _people)
people = require_GET(at_desk(PEOPLE.show))


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
def remove(request: HttpRequest, desk: Desk, person_id: int) -> HttpResponse:
    """An owner lets a member go; what they had for this organisation ends at once."""
    with edge.transaction() as db:
        refusal = party.remove_member(db, actor(request), desk.party.id, person_id, clock.now())
    return PEOPLE.after(request, desk, _refused(refusal), _("已移出，其登录和密钥即刻失效。"))


@require_POST
@at_desk
@reauthentication_required
def make_owner(request: HttpRequest, desk: Desk, person_id: int) -> HttpResponse:
    with edge.transaction() as db:
        refusal = party.make_owner(db, actor(request), desk.party.id, person_id, clock.now())
    return PEOPLE.after(request, desk, _refused(refusal), _("已成为负责人。"))


@require_POST
@at_desk
@reauthentication_required
def leave(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Somebody leaves the organisation; who works for none any more is signed out."""
    with edge.transaction() as db:
        refusal = party.leave_organisation(db, actor(request), desk.party.id, clock.now())
        is_over = not party.parties_of(db, desk.person.pk)
    if refusal is not None:
        return PEOPLE.after(request, desk, _refused(refusal), "")
    if is_over:
        logout(request)
        return redirect("/accounts/login/")
    say(request, _("已退出该组织。"))
    return redirect("supplier:overview")


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


def _refused(refusal: SupplierRefusal | None) -> Refused:
    return refused_as(refusal, 403 if refusal is SupplierRefusal.NOT_OWNER else 409)
