"""The compliance board: what waits, what is due, what stands still, each with its clock."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kashu import aftersale, compliance, party
from kashu.aftersale import ClockCount
from kashu.cards import queries as cards_queries
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.party import Party
from kashu.web.desk import waits
from kashu.web.desk.shared import show
from kashu.web.rights import needs
from kashu.wire import edge

SHOWN_MAX = 200
ANY_GOODS = ("membership",)  # who sells nothing yet: what every kind of goods takes
CLOCKS = {
    "take_up": ("投诉：1 个工作日内受理", "/desk/complaints"),
    "answer": ("投诉：供应商 2 个工作日内答复", "/desk/complaints"),
    "decide": ("投诉：7 个工作日内决定", "/desk/complaints"),
    "review": ("投诉异议：7 个工作日内复核", "/desk/complaints"),
    "guardian": ("监护人退款：15 天内决定", "/desk/guardians"),
    "publish": ("资料变更：7 个工作日内核验公示", "/desk/changes"),
    "remind": ("无法联系：5 个工作日内提醒", "/desk/changes"),
    "sanction": ("无法联系：逾期未说明，应处罚", "/desk/changes"),
    "request": ("个人信息请求：15 天内答复", "/desk/privacy"),
}


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
        stopped = _stopped(db, at)
        down = compliance.unreported(db, SHOWN_MAX)
        counted = {one.name: one for one in aftersale.counts(db, at)} | waits.counts(db, at)
    soon = [one for one in verified if one.valid_to <= today + timedelta(days=180)]
    told = {
        "waiting": len(waiting),
        "links": len(links),
        "soon": [(one, (one.valid_to - today).days) for one in soon],
        "missing": missing,
        "alerts": [
            (one, _due(one.what), next((own for own in verified if own.id == one.licence_id), None)) for one in alerts
        ],
        "stopped": stopped,
        "down": [(one, one.is_overdue(at)) for one in down],
        "overdue": sum(one.is_overdue(at) for one in down),
        "clocks": [_clock(name, counted.get(name)) for name in (*CLOCKS, *waits.TITLES)],
        "unknown_years": clock.unknown_years(today),
    }
    return show(request, "board", "board", told)


def _due(what: str) -> str:
    """What a licence's alert calls for, in words."""
    name, _sep, number = what.partition("_")
    if name == "report":
        return _("%(year)s 年度报告") % {"year": number}
    return _("%(days)s 天内到期") % {"days": number} if number else _("已过期")


def _stopped(db: Db, at: datetime) -> list[tuple[Party, list[str]]]:
    """Suppliers with what stands in their way: for any kind of goods that they have on sale, or for cards of theirs."""
    sold = catalog_queries.goods_on_sale(db)
    of_cards: dict[int, set[str]] = defaultdict(set)
    for one in cards_queries.stopped(db, biz_date(at)):
        of_cards[one.supplier_id].update(one.causes)
    found = []
    trading = {one.party_id for one in party.suppliers(db, party.TRADING)}
    for supplier in [one for one in party.parties(db, "supplier") if one.id in trading]:
        stands = [compliance.standing(db, supplier.id, kind, at) for kind in sold.get(supplier.id, ANY_GOODS)]
        causes = {cause.value for one in stands for cause in one.causes} | of_cards[supplier.id]
        if causes:
            found.append((supplier, sorted(causes)))
    return found


def _clock(name: str, found: ClockCount | None) -> dict[str, str | int]:
    title, href = (CLOCKS | waits.TITLES)[name]
    running, overdue = (found.running, found.overdue) if found is not None else (0, 0)
    return {"title": _(title), "href": href, "running": running, "overdue": overdue}
