"""The compliance board: what waits, what is due, what stands still, each with its clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

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
from kashu.web.console.desk import PAGE_ROWS, page_of
from kashu.web.desk import waits
from kashu.web.desk.shared import by_day, by_instant, cursor, key_number, show
from kashu.web.rights import needs
from kashu.wire import edge

SOON_DAYS = 180
ANY_GOODS = ("membership",)  # who sells nothing yet: what every kind of goods takes
CLOCKS = {
    "take_up": ("投诉：1 个工作日内受理", "/desk/complaints"),
    "answer": ("投诉：供应商 2 个工作日内答复", "/desk/complaints"),
    "decide": ("投诉：7 个工作日内决定", "/desk/complaints"),
    "review": ("投诉异议：7 个工作日内复核", "/desk/complaints"),
    "guardian": ("监护人退款：15 天内决定", "/desk/guardians"),
    "compensate": ("召回与先行赔付：2 个工作日内", "/desk/compensations"),
    "publish": ("资料变更：7 个工作日内核验公示", "/desk/changes"),
    "remind": ("无法联系：5 个工作日内提醒", "/desk/changes"),
    "sanction": ("无法联系：逾期未说明，应处罚", "/desk/changes"),
    "request": ("个人信息请求：15 天内答复", "/desk/privacy"),
}


@require_GET
@needs("compliance.read")
def board(request: HttpRequest) -> HttpResponse:
    """Every list a page, every count of the whole."""
    at, most = clock.now(), PAGE_ROWS + 1
    today = biz_date(at)
    until = today + timedelta(days=SOON_DAYS)
    with edge.transaction() as db:
        counts = compliance.open_counts(db, today, until, at)
        soon = page_of(
            compliance.every_licence(db, None, ["verified"], most, by_day(request, "soon"), until=until),
            lambda one: (one.valid_to.isoformat(), one.id),
        )
        own = party.parties(db, "platform")
        missing = compliance.missing_of_platform(db, own[0].id, at) if own else ["business"]
        ending = compliance.unrenewed(db, today, until, most, by_day(request, "links"))
        links_by = compliance.authorisations_by(db, ending)
        links = page_of([links_by[one] for one in ending], lambda one: (one.valid_to.isoformat(), one.id))
        after = cursor(request, "alerts", date.fromisoformat, str, key_number, str)
        alerts = page_of(
            compliance.alerts(db, today, most, after),
            lambda one: (one.due_on.isoformat(), one.paper, one.paper_id, one.what),
        )
        held = compliance.licences_by(db, {one.paper_id for one in alerts.rows if one.paper == "licence"})
        linked = compliance.authorisations_by(db, {one.paper_id for one in alerts.rows if one.paper == "authorisation"})
        down = page_of(
            compliance.unreported(db, most, by_instant(request, "down")), lambda one: (one.due_at.isoformat(), one.id)
        )
        causes = _stopped(db, at)
        begin = (cursor(request, "stopped", key_number) or (0,))[0]
        stopped = page_of([one for one in sorted(causes) if one > begin][:most], lambda one: (one,))
        named = party.parties_by(db, stopped.rows)
        counted = {one.name: one for one in aftersale.counts(db, at)} | waits.counts(db, at)
    next_of = {"soon": soon.after, "links": links.after, "alerts": alerts.after}
    next_of |= {"down": down.after, "stopped": stopped.after}
    told = {
        "counts": counts,
        "stopped_count": len(causes),
        "soon": [(one, (one.valid_to - today).days) for one in soon.rows],
        "missing": missing,
        "links": [(one, (one.valid_to - today).days, ending[one.id]) for one in links.rows],
        "alerts": [
            (one, _due(one.what), (held if one.paper == "licence" else linked)[one.paper_id]) for one in alerts.rows
        ],
        "stopped": [(named[one], sorted(causes[one])) for one in stopped.rows],
        "down": [(one, one.is_overdue(at)) for one in down.rows],
        "after": next_of,
        "clocks": [_clock(name, counted.get(name)) for name in (*CLOCKS, *waits.TITLES)],
        "unknown_years": clock.unknown_years(today),
    }
    return show(request, "board", "board", told)


def _due(what: str) -> str:
    """What a paper's alert calls for, in words."""
    name, _sep, number = what.partition("_")
    if name == "report":
        return _("%(year)s 年度报告") % {"year": number}
    return _("%(days)s 天内到期") % {"days": number} if number else _("已过期")


def _stopped(db: Db, at: datetime) -> dict[int, set[str]]:
    """What stands in the way of each supplier: for any kind of goods that it has on sale, or for cards of its own.

    All of them, by a few statements: what is shown is a page, what is counted is not.
    """
    sold = catalog_queries.goods_on_sale(db)
    trading = {one.party_id for one in party.suppliers(db, party.TRADING)}
    found = {
        seller_id: {cause.value for cause in causes}
        for seller_id, causes in compliance.stopped(db, {one: sold.get(one, ANY_GOODS) for one in trading}, at).items()
    }
    for one in cards_queries.stopped(db, biz_date(at)):
        if one.supplier_id in trading:
            found.setdefault(one.supplier_id, set()).update(one.causes)
    return found


def _clock(name: str, found: ClockCount | None) -> dict[str, str | int]:
    title, href = (CLOCKS | waits.TITLES)[name]
    running, overdue = (found.running, found.overdue) if found is not None else (0, 0)
    return {"title": _(title), "href": href, "running": running, "overdue": overdue}
