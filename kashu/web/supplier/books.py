"""What was sold, what is owed, and what the platform holds against the supplier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import catalog, compliance, party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.sales import queries
from kashu.web import portals
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of
from kashu.web.desk.shared import by_instant_of
from kashu.web.portals import Page, owners_only
from kashu.web.rights import actor
from kashu.web.supplier.desk import Desk, at_desk, refused_as, show
from kashu.web.supplier.licences import causes_of
from kashu.web.supplier.onboarding import steps_of
from kashu.wire import edge

FAR = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
REASON_MAX = 160
ALERTS_MAX = 200


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
        alerts = compliance.alerts(db, biz_date(at), ALERTS_MAX, party_id=desk.party.id)
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
        "alerts": len({(one.paper, one.paper_id) for one in alerts}),
        "is_urgent": any(one.severity == "critical" for one in alerts),
    }
    return show(request, desk, "overview", "overview", told)


@require_POST
@at_desk
def choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Whose desk this is, for people who work for several."""
    return portals.choose(request, desk)


@require_GET
@at_desk
def orders(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Paid lines of their goods; nothing that tells the buyer (C-55)."""
    with edge.transaction() as db:
        found = queries.lines_of_supplier(db, desk.party.id, instant_cursor(request) or FAR, PAGE_ROWS + 1)
    page = page_of(found, lambda one: (one.placed_at.isoformat(), str(one.id)))
    return show(request, desk, "orders", "orders", {"page": page})


def _notices(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    with edge.transaction() as db:
        found = party.sanctions(db, desk.party.id, before=by_instant_of(request), most=PAGE_ROWS + 1)
        page = page_of(found, lambda one: (one.begins_at.isoformat(), str(one.id)))
        return {
            "page": page,
            "appeals": party.appeals_of(db, {one.id for one in page.rows}),
            "coming": catalog.coming_agreements(db, clock.now()),
            "down": compliance.takedowns_of(db, desk.party.id, 50),
            "may_leave": desk.supplier.state in (*party.TRADING, "deposit"),
            "may_withdraw": desk.supplier.state in party.BEFORE_DEPOSIT,
        }


NOTICES = Page("supplier", "notices", _notices)
notices = require_GET(at_desk(NOTICES.show))


@require_POST
@at_desk
def appeal(request: HttpRequest, desk: Desk, sanction_id: UUID) -> HttpResponse:
    words = request.POST.get("words", "").strip()
    with edge.transaction() as db:
        refusal = party.appeal(db, actor(request), desk.party.id, sanction_id, words, clock.now())
    return NOTICES.after(request, desk, refused_as(refusal, 422), _("申诉已提交，由另一位工作人员答复。"))


@require_POST
@at_desk
@owners_only
@reauthentication_required
def leave(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A supplier goes, of its own will, under the rules that are in force: what comes later binds it no more (C-06)."""
    reason, at = request.POST.get("reason", "").strip()[:REASON_MAX], clock.now()
    with edge.transaction() as db:
        rules = catalog.agreement(db, "trade", at)
        under = "" if rules is None else f"{rules.kind} v{rules.version}"
        go = party.withdraw if desk.supplier.state in party.BEFORE_DEPOSIT else party.leave
        refusal = go(db, actor(request), desk.party.id, (reason, under), at)
    done = (
        _("申请已撤回，名称和证号可以重新申请。")
        if desk.supplier.state in party.BEFORE_DEPOSIT
        else _("已开始退出：不再销售新的订单，已有订单按现行规则履行。")
    )
    return NOTICES.after(request, desk, refused_as(refusal, 409), done)
