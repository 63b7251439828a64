"""证照: a supplier's licences and brand authorisations with the days they have left; handed in here, renewed here."""

from __future__ import annotations

from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kashu import compliance
from kashu.cards import queries as cards_queries
from kashu.catalog import queries as catalog_queries
from kashu.compliance import KINDS, Authorisation, AuthorisationRefusal, Licence, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.web.console.desk import PAGE_ROWS, page_of, say, whole
from kashu.web.desk.licences import REFUSALS as LICENCE_REFUSALS
from kashu.web.desk.provenance import REFUSALS as LINK_REFUSALS
from kashu.web.desk.shared import TEXT_MAX, by_day, day_of, scan_of
from kashu.web.rights import actor
from kashu.web.supplier.desk import Desk, at_desk, show
from kashu.web.uploads import takes_files
from kashu.wire import edge

SHOWN_MAX = 200
STATES = ["in_review", "verified", "rejected", "revoked"]
SHUT = ("exiting", "closed", "blacklisted")  # who hands nothing in any more
ANY_GOODS = ("membership",)  # who sells nothing yet: what every kind of goods takes


@require_GET
@at_desk
def licences(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`?licence=` or `?link=` fills a form in with what is to be renewed."""
    at = clock.now()
    today = biz_date(at)
    with edge.transaction() as db:
        held = page_of(
            compliance.every_licence(db, desk.party.id, STATES, PAGE_ROWS + 1, by_day(request, "held")), _place
        )
        links = page_of(
            compliance.authorisations_of(db, desk.party.id, STATES, PAGE_ROWS + 1, by_day(request, "links")), _place
        )
        renewed = compliance.licence(db, whole(request.GET.get("licence", ""), 2**62) or 0)
        link = compliance.authorisation(db, whole(request.GET.get("link", ""), 2**62) or 0)
        goods = [one for one in compliance.goods(db) if not one.is_shut]
        needs = [one for one in compliance.requirements(db) if one.who == "seller" and one.licence != "business"]
        found = compliance.alerts(db, today, SHOWN_MAX, party_id=desk.party.id)
    alerts = {(one.paper, one.paper_id): one.severity for one in found}
    told = {
        "held": [
            (one, compliance.standing_of(one, today), _left(one, today), alerts.get(("licence", one.id)))
            for one in held.rows
        ],
        "links": [(one, _left(one, today), alerts.get(("authorisation", one.id))) for one in links.rows],
        "after": {"held": held.after, "links": links.after},
        "kinds": {code: _(title) for code, title in KINDS.items()},
        "goods": goods,
        "needs": [(one, need) for one in goods for need in needs if need.goods == one.code],
        "licence": renewed if renewed is not None and renewed.party_id == desk.party.id else None,
        "link": link if link is not None and link.grantee_id == desk.party.id else None,
        "may_hand_in": desk.supplier.state not in SHUT,
    }
    return show(request, desk, "licences", "licences", told)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_POST
@at_desk
@takes_files
def hand_in(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A licence, for the first time or renewed under its number; the older one stands until this one is verified."""
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("kind", "number", "territory")}
    begin, end = day_of(request.POST.get("valid_from", "")), day_of(request.POST.get("valid_to", ""))
    scope = [one.strip() for one in request.POST.get("scope", "").replace("，", ",").replace("、", ",").split(",")]
    if desk.supplier.state in SHUT:
        return _back(request, _(LICENCE_REFUSALS[LicenceRefusal.LEAVING]), "")
    with edge.transaction() as db:
        scan = scan_of(request, db)
        answer: Licence | LicenceRefusal
        if begin is None or end is None:
            answer = LicenceRefusal.WRONG_DATES
        elif not isinstance(scan, bytes):
            answer = LicenceRefusal.NOT_A_FILE
        else:
            new = Licence(
                0, desk.party.id, told["kind"], told["number"], desk.party.name, [one for one in scope if one][:20],
                told["territory"], begin, end, file_sha256=scan,
            )  # fmt: skip
            answer = compliance.licences.submit(db, actor(request), new, clock.now())
    error = _(LICENCE_REFUSALS[answer]) if isinstance(answer, LicenceRefusal) else ""
    return _back(request, error, _("证照已提交，核验后生效；在此之前原证照继续有效。"))


@csrf_exempt  # same
@require_POST
@at_desk
@takes_files
def hand_in_link(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A brand's authorisation of this supplier. What it hangs on, if the grantor is not the brand, the platform adds."""
    if desk.supplier.state in SHUT:
        return _back(request, _(LICENCE_REFUSALS[LicenceRefusal.LEAVING]), "")
    with edge.transaction() as db:
        scan = scan_of(request, db)
        answer: Authorisation | AuthorisationRefusal
        if not isinstance(scan, bytes):
            answer = AuthorisationRefusal.NO_FILE
        else:
            new = _link(request, desk, scan)
            answer = (
                compliance.authorisations.register(db, actor(request), new, clock.now())
                if new is not None
                else AuthorisationRefusal.WRONG_DATES
            )
    error = _(LINK_REFUSALS[answer]) if isinstance(answer, AuthorisationRefusal) else ""
    return _back(request, error, _("授权书已提交，核验后生效。续期的，未售卡密由平台转到新的授权。"))


def causes_of(db: Db, party_id: int, at: datetime) -> list[str]:
    """What stands in a supplier's way now: for what it has on sale, or for cards of its that lie on the shelf."""
    sold = catalog_queries.goods_on_sale(db).get(party_id, ANY_GOODS)
    found = {cause.value for kind in sold for cause in compliance.standing(db, party_id, kind, at).causes}
    of_cards = [one for one in cards_queries.stopped(db, biz_date(at)) if one.supplier_id == party_id]
    return sorted(found.union(*(one.causes for one in of_cards)))


def _link(request: HttpRequest, desk: Desk, scan: bytes) -> Authorisation | None:
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("grantor", "number", "brand")}
    begin, end = day_of(request.POST.get("valid_from", "")), day_of(request.POST.get("valid_to", ""))
    area = [one.strip() for one in request.POST.get("territory", "").replace("、", ",").split(",") if one.strip()]
    if begin is None or end is None or not told["brand"] or not told["grantor"] or not area:
        return None
    return Authorisation(
        0, None, told["grantor"], None, desk.party.id, told["number"], told["brand"],
        request.POST.getlist("goods")[:20], area[:40], False, request.POST.get("may_resell") == "yes",
        request.POST.get("is_issuer") == "yes", begin, end, file_sha256=scan,
    )  # fmt: skip


def _place(paper: Licence | Authorisation) -> tuple[str, int]:
    return paper.valid_to.isoformat(), paper.id


def _left(paper: Licence | Authorisation, today: date) -> int | None:
    """The days that a paper in force has left."""
    return (paper.valid_to - today).days if paper.state == "verified" else None


def _back(request: HttpRequest, error: str, done: str) -> HttpResponse:
    say(request, error or done, is_bad=bool(error))
    return redirect("supplier:licences")
