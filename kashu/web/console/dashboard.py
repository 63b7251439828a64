"""The day at a glance: exceptions first, then figures, each with a promise or a comparison."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kashu import audit, payments
from kashu.kernel import clock
from kashu.kernel.clock import biz_date, day_start
from kashu.sales import queries
from kashu.web.console.desk import show, with_charts
from kashu.web.rights import needs
from kashu.wire import edge

PROMISE_SECONDS = 3
LATENCY_HOURS = 3


@require_GET
@with_charts
@needs("dashboard")
def dashboard(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    today = day_start(biz_date(now))
    week_ago = today - timedelta(days=7)
    with edge.transaction() as db:
        told = {
            "now": now,
            "day": queries.day(db, today, now),
            "same_time": queries.day(db, week_ago, now - timedelta(days=7)),
            "low": queries.low_stock(db, biz_date(now)),
            "incidents": queries.incidents(db, now - timedelta(days=1)),
            "refunds": queries.refunds_waiting(db),
            "quarantined": payments.quarantined(db, 20),
            "approvals": audit.open_approvals(db),
            "promise": PROMISE_SECONDS,
        }
        hours = [queries.hours(db, start, start + timedelta(days=1)) for start in (today, week_ago)]
        latency = queries.latency(db, now - timedelta(hours=LATENCY_HOURS))
    told["hours_chart"] = _hours(hours[0], hours[1], now)
    told["latency_chart"] = _latency(latency)
    told["latency_rows"] = latency[-12:]
    told["hours_table"] = [(hour, hours[0].get(hour, 0), hours[1].get(hour, 0)) for hour in range(24)]
    return show(request, "dashboard", "dashboard", told)


def _hours(today: dict[int, int], before: dict[int, int], now: datetime) -> str:
    here = now.astimezone(clock.SHANGHAI).hour
    names = [f"{hour:02d}" for hour in range(24)]
    return _json(
        {
            "format": "yuan",
            "xAxis": {"data": names, "axisLabel": {"interval": 2}},
            "yAxis": {"minInterval": 1},
            "series": [
                {
                    "name": _("今天"),
                    "type": "line",
                    "showSymbol": False,
                    "data": [today.get(hour, 0) // 100 for hour in range(here + 1)],
                    "lineStyle": {"width": 2.4},
                    "areaStyle": {"color": "var(--brand-soft)", "opacity": 0.75},
                },
                {
                    "name": _("上周同日"),
                    "type": "line",
                    "showSymbol": False,
                    "data": [before.get(hour, 0) // 100 for hour in range(24)],
                    "lineStyle": {"width": 1.4, "type": "dashed", "color": "var(--c6)"},
                    "itemStyle": {"color": "var(--c6)"},
                },
            ],
        }
    )


def _latency(slots: list[tuple[datetime, float, float]]) -> str:
    promise = {
        "silent": True,
        "symbol": "none",
        "data": [{"yAxis": PROMISE_SECONDS}],
        "lineStyle": {"color": "var(--ink-3)", "type": "dashed"},
        "label": {"formatter": _("承诺 3 秒"), "position": "insideStartTop", "color": "var(--ink-3)", "fontSize": 11},
    }
    names = [slot.astimezone(clock.SHANGHAI).strftime("%H:%M") for slot, *_rest in slots]
    top = max([PROMISE_SECONDS + 1, *[p99 for *_rest, p99 in slots]])
    return _json(
        {
            "format": "sec",
            "xAxis": {"data": names, "boundaryGap": False},
            "yAxis": {"max": round(top + 0.5), "min": 0},
            "series": [
                {
                    "name": "p99",
                    "type": "line",
                    "data": [round(float(p99), 2) for *_rest, p99 in slots],
                    "lineStyle": {"width": 2, "color": "var(--c2)"},
                    "itemStyle": {"color": "var(--c2)"},
                    "markLine": promise,
                },
                {
                    "name": "p50",
                    "type": "line",
                    "data": [round(float(p50), 2) for _slot, p50, _p99 in slots],
                    "lineStyle": {"width": 2, "color": "var(--c1)"},
                    "itemStyle": {"color": "var(--c1)"},
                },
            ],
        }
    )


def _json(option: dict[str, object]) -> str:
    """JSON for a script element: nothing in it can end the element."""
    return json.dumps(option, ensure_ascii=False).replace("<", "\\u003c")
