"""The compliance board: what waits, what is due, what stands still, each with its clock."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from kashu import compliance, party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.web.desk.shared import show
from kashu.web.rights import needs
from kashu.wire import edge

SHOWN_MAX = 200


@require_GET
@needs("compliance.read")
def board(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    today = biz_date(at)
    with edge.transaction() as db:
        waiting = compliance.every_licence(db, None, ["in_review"], SHOWN_MAX)
        verified = compliance.every_licence(db, None, ["verified"], SHOWN_MAX)
        links = compliance.authorisations_of(db, None, ["in_review"], SHOWN_MAX)
        own = party.parties(db, "platform")
        missing = compliance.missing_of_platform(db, own[0].id, at) if own else ["business"]
        alerts = compliance.alerts(db, SHOWN_MAX)
        down = compliance.unreported(db, SHOWN_MAX)
        stopped = [
            (one, sorted(compliance.standing(db, one.id, "membership", at).causes))
            for one in party.parties(db, "supplier")
        ]
    soon = [one for one in verified if one.valid_to <= today + timedelta(days=180)]
    told = {
        "waiting": len(waiting),
        "links": len(links),
        "soon": [(one, (one.valid_to - today).days) for one in soon],
        "missing": missing,
        "alerts": alerts,
        "down": [(one, one.is_overdue(at)) for one in down],
        "overdue": sum(one.is_overdue(at) for one in down),
        "stopped": [(one, causes) for one, causes in stopped if causes],
    }
    return show(request, "board", "board", told)
