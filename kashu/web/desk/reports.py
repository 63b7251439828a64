"""What authorities are told of suppliers (C-11, C-12): what is due, the files that were made, and what was sent for which receipt."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.party import SupplierRefusal
from kashu.web.console.desk import say
from kashu.web.desk.shared import TEXT_MAX, show
from kashu.web.rights import actor, needs
from kashu.wire import edge, reports

SHOWN_MAX = 100
KINDS = {
    "authority": "供应商身份信息（市场监管，1 月、7 月）",
    "tax": "供应商收入信息（税务，每季度后一个月）",
    "own": "平台基本信息（税务，开展业务 30 日内）",
}


@require_GET
@needs("compliance.read")
def page(request: HttpRequest) -> HttpResponse:
    day = biz_date(clock.now())
    with edge.transaction() as db:
        due = [(one, one.is_missed(day)) for one in reports.duties(db, day)]
        made = party.reports.every(db, SHOWN_MAX)
    kinds = {name: _(word) for name, word in KINDS.items()}
    told = {"due": [pair for pair in due if pair[0].sent_at is None], "made": made, "kinds": kinds}
    return show(request, "reports", "reports", told | {"half": reports.half_of(day)})


@require_POST
@needs("reports.give")
@reauthentication_required
def make(request: HttpRequest, kind: str) -> HttpResponse:
    """The file of this half-year's suppliers (C-11), of a quarter's incomes or of ourselves (C-12). Making it is not sending it.

    The first holds whole ID numbers of who is not registered: hence a right of its own, and a row for each (C-52).
    """
    at, ctx, period = clock.now(), edge.ctx(), request.POST.get("period", "")
    with edge.transaction() as db:
        try:
            if kind == "authority":
                half = reports.tidy_half(period, biz_date(at))
                made = reports.identities(db, ctx.ring, actor(request), half, ctx.public_url, at)
            elif kind == "tax":
                made = reports.incomes(db, period)
            elif kind == "own":
                made = reports.own(db, ctx.public_url, at)
            else:
                raise Http404
        except ValueError:
            raise Http404 from None
        party.reports.keep(db, actor(request), kind, made.period, (made.rows, made.sha256), at)
    response = HttpResponse(made.text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="report-{kind}-{made.period}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@needs("reports.give")
def sent(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """Note that a file was sent: to whom, and which receipt there is for it. That ends the clock."""
    authority, receipt = (request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("authority", "receipt"))
    with edge.transaction() as db:
        done = party.reports.note_sent(db, actor(request), report_id, authority, receipt, clock.now())
    if done is SupplierRefusal.GONE:
        say(request, _("没有这份文件，或已登记报送。"), is_bad=True)
    elif isinstance(done, SupplierRefusal):
        say(request, _("报送对象和回执都要填写。没有登记。"), is_bad=True)
    else:
        say(request, _("已登记报送。"))
    return redirect("desk:reports")
