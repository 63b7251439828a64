"""Who works for an organisation, whatever its kind: invited, made an owner, let go; and going oneself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import messages, party
from kashu.kernel import clock
from kashu.messages import Draft
from kashu.party import SupplierRefusal
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.shared import by_instant
from kashu.web.portals import Desk, Page, Refused, home_of, is_for_another, is_patient, owners_only
from kashu.web.rights import View, actor
from kashu.web.supplier.desk import REFUSALS, refused_as
from kashu.wire import edge

FIRST = (datetime(1970, 1, 1, tzinfo=UTC), 0)
INVITATIONS_PER_DAY = 30
EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,120}\.[^@\s]{2,}\Z")
Verb = Callable[..., SupplierRefusal | None]
Do = Callable[..., HttpResponse]


def addresses(portal: str, at_desk: Callable[[View], View]) -> list[URLPattern]:
    """The page of an organisation's people in one portal, and what is posted from it."""
    page: Page[Desk] = Page(portal, "people", _tell)

    def posted(do: Do) -> View:
        """Nobody leaves, invites or lets go for another organisation than the page was of."""

        def own(request: HttpRequest, desk: Desk, **whom: object) -> HttpResponse:
            if is_for_another(request, desk):
                return page.show(request, desk, _("这个页面是为另一家组织打开的，现在已经切换。数据没有改动。"), 409)
            return do(page, request, desk, **whom)

        return own

    def sure(do: Do) -> View:
        return require_POST(at_desk(reauthentication_required(posted(do))))

    def owned(do: Do) -> View:
        return require_POST(at_desk(owners_only(reauthentication_required(posted(do)))))

    revoke = _deed(party.revoke_invitation, "邀请已撤回。")
    remove = _deed(party.remove_member, "已移出，其登录和密钥即刻失效。")
    make_owner = _deed(party.make_owner, "已成为负责人，需要重新登录。")
    return [
        path("people", require_GET(at_desk(page.show)), name="people"),
        path("people/invite", owned(_invite), name="invite"),
        path("people/invitations/<uuid:invitation_id>/revoke", require_POST(at_desk(posted(revoke))), name="revoke"),
        path("people/leave", sure(_leave), name="leave_organisation"),
        path("people/<id:person_id>/remove", owned(remove), name="remove_member"),
        path("people/<id:person_id>/owner", owned(make_owner), name="make_owner"),
    ]


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


def _invite(page: Page[Desk], request: HttpRequest, desk: Desk) -> HttpResponse:
    """Send somebody a link that lets them act for this organisation."""
    email = request.POST.get("email", "").strip().lower()
    if not EMAIL.match(email):
        return page.show(request, desk, _("邮箱没有填对。没有发送。"), 422)
    if not desk.is_open:
        return page.show(request, desk, _(REFUSALS[SupplierRefusal.WRONG_STATE]), 409)
    if not is_patient(desk, "invite", INVITATIONS_PER_DAY):
        return page.show(request, desk, _(REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    refusal = send_invitation(request, desk.party.id, email)
    return page.after(request, desk, _refused(refusal), _("邀请已发送，7 天内有效。"))


def _leave(page: Page[Desk], request: HttpRequest, desk: Desk) -> HttpResponse:
    """Somebody leaves the organisation; who works for none any more is signed out."""
    with edge.transaction() as db:
        refusal = party.leave_organisation(db, actor(request), desk.party.id, clock.now())
        is_over = not party.parties_of(db, desk.person.pk)
    if refusal is not None:
        return page.after(request, desk, _refused(refusal), "")
    if is_over:
        logout(request)
        return redirect("/accounts/login/")
    say(request, _("已退出该组织。"))
    return redirect(home_of(request))


def _deed(verb: Verb, done: str) -> Do:
    """What is done to an invitation or a member, whichever the address names."""

    def do(page: Page[Desk], request: HttpRequest, desk: Desk, **whom: object) -> HttpResponse:
        with edge.transaction() as db:
            refusal = verb(db, actor(request), desk.party.id, *whom.values(), clock.now())
        return page.after(request, desk, _refused(refusal), _(done))

    return do


def _tell(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    ring = edge.ctx().ring
    with edge.transaction() as db:
        waiting = [
            (one, ring.open_personal(one.email, f"invitation {one.id}")) for one in party.invitations(db, desk.party.id)
        ]
        found = party.people(db, desk.party.id, by_instant(request) or FIRST, PAGE_ROWS + 1)
        own = party.member(db, desk.party.id, desk.person.email)
    page = page_of(found, lambda one: (one.joined_at.isoformat(), one.person_id))
    return {"page": page, "own": own, "waiting": waiting, "now": clock.now()}


def _refused(refusal: SupplierRefusal | None) -> Refused:
    return refused_as(refusal, 403 if refusal is SupplierRefusal.NOT_OWNER else 409)
