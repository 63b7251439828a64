"""A supplier's own licences: what the register says of them, and new ones handed in, which the platform then reviews."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from kashu import compliance
from kashu.compliance import KINDS, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.party import SupplierRefusal
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.licences import REFUSALS
from kashu.web.desk.shared import by_day, licence_in
from kashu.web.supplier.desk import REFUSALS as SUPPLIER_REFUSALS
from kashu.web.supplier.desk import Desk, at_desk, show
from kashu.web.uploads import takes_files
from kashu.wire import edge

WAITING_MAX = 20
SHOWN = ["in_review", "verified", "rejected", "revoked", "superseded"]
GONE = ("exiting", "closed", "blacklisted")


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_http_methods(["GET", "POST"])
@at_desk
@takes_files
def licences(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Handed in by the supplier itself, a licence leaves both reviewers of the platform free to review it."""
    error = ""
    if request.method == "POST":
        error = _hand_in(request, desk)
        if not error:
            say(request, _("证照已提交，等待平台审核。"))
            return redirect("supplier:licences")
    today = biz_date(clock.now())
    with edge.transaction() as db:
        found = compliance.every_licence(db, desk.party.id, SHOWN, PAGE_ROWS + 1, by_day(request))
    page = page_of(found, lambda one: (one.valid_to.isoformat(), one.id))
    told = {
        "page": page,
        "standings": {one.id: compliance.standing_of(one, today) for one in page.rows},
        "kinds": KINDS.items(),
        "may_hand_in": desk.supplier.state not in GONE,
        "error": error,
        "form": request.POST,
    }
    return show(request, desk, "licences", "licences", told, 422 if error else 200)


def _hand_in(request: HttpRequest, desk: Desk) -> str:
    """What went wrong, or nothing."""
    if desk.supplier.state in GONE:
        return _(SUPPLIER_REFUSALS[SupplierRefusal.WRONG_STATE])
    with edge.transaction() as db:
        if len(compliance.every_licence(db, desk.party.id, ["in_review"], WAITING_MAX)) >= WAITING_MAX:
            return _(SUPPLIER_REFUSALS[SupplierRefusal.TOO_MANY])
        answer = licence_in(request, db, desk.party.id)
    return _(REFUSALS[answer]) if isinstance(answer, LicenceRefusal) else ""
