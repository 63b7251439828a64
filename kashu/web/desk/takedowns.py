"""Illegal goods at the desk (C-14): taken down, told of in time, decided about; with what was shown and sold."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, catalog, compliance, sales
from kashu.audit import Deed
from kashu.catalog import Product
from kashu.compliance import ORIGINS, Grounds, Takedown, TakedownRefusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.paging import decode_cursor
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, whole
from kashu.web.desk.shared import TEXT_MAX, by_instant, file_of, show
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import affected, edge

REPORT_MAX = 20_000
REASON_MAX = 1_000
ENDED = ["reported", "upheld", "lifted"]
REFUSALS = {
    TakedownRefusal.NO_SUCH_PRODUCT: "没有这件商品，请核对商品标识或规格编码。没有下架。",
    TakedownRefusal.NO_SUCH_TAKEDOWN: "没有这次下架。",
    TakedownRefusal.ALREADY_DOWN: "这件商品已因违法下架。",
    TakedownRefusal.WRONG_STATE: "现在不能这样处理：先报告主管部门，再作决定；已有决定的不再更改。",
    TakedownRefusal.NO_REASON: "来源、法律依据和事实都要写明。数据没有改动。",
    TakedownRefusal.SAME_PERSON: "不能由下架的人自己恢复，请另一位同事复核。",
}


@require_GET
@needs("compliance.read")
def takedown_list(request: HttpRequest) -> HttpResponse:
    """Those that are to be reported, by their deadline, and what became of the others."""
    key = decode_cursor(request.GET.get("after", ""), 1)
    before = (whole(str(key[0]), 2**62) if key else None) or 2**62
    with edge.transaction() as db:
        waiting = compliance.unreported(db, PAGE_ROWS + 1, by_instant(request, "waiting"))
        due = page_of(waiting, lambda one: (one.due_at.isoformat(), one.id))
        told = {
            "waiting": due.rows,
            "after": {"waiting": due.after},
            "page": page_of(compliance.every_takedown(db, ENDED, before, PAGE_ROWS + 1), lambda one: (one.id,)),
        }
    fresh = {name: request.GET.get(name, "")[:TEXT_MAX] for name in ("product", "origin", "reference")}
    origins = [(name, _(words)) for name, words in ORIGINS.items()]
    return show(request, "takedowns", "takedowns", told | {"origins": origins, "fresh": fresh, "now": clock.now()})


@require_POST
@needs("compliance.edit")
def take_down(request: HttpRequest) -> HttpResponse:
    told = {
        name: request.POST.get(name, "").strip() for name in ("origin", "reference", "ground", "reason", "evidence")
    }
    grounds = Grounds(
        told["origin"], told["reference"][:TEXT_MAX], told["ground"][:TEXT_MAX], told["reason"][:REASON_MAX],
        told["evidence"][:TEXT_MAX],
    )  # fmt: skip
    with edge.transaction() as db:
        product = _product(db, request.POST.get("product", "").strip()[:64])
        answer: Takedown | TakedownRefusal = TakedownRefusal.NO_SUCH_PRODUCT
        if product is not None:
            hours = edge.ctx().takedown_report_hours
            answer = sales.take_down(db, actor(request), product.id, grounds, clock.now(), hours)
    if isinstance(answer, TakedownRefusal):
        say(request, _(REFUSALS[answer]), is_bad=True)
        return redirect("desk:takedowns")
    say(request, _("已下架并停止销售。请核对报告草稿，在期限内报告主管部门。"))
    return redirect("desk:takedown", takedown_id=answer.id)


@require_GET
@needs("compliance.read")
def takedown(request: HttpRequest, takedown_id: int) -> HttpResponse:
    """One takedown: what was shown, what was sold, the report, the decision."""
    before = instant_cursor(request) or affected.FAR
    with edge.transaction() as db:
        found = _found(db, takedown_id)
        orders = sales.affected_orders(db, found, before, PAGE_ROWS + 1)
        told = {
            "one": found,
            "origin": _(ORIGINS[found.origin]),
            "product": catalog.product(db, product_id=found.product_id),
            "snapshot": compliance.snapshot(db, found.snapshot) or {},
            "sold": sales.affected(db, found),
            "trail": audit.entries_of(db, 0, "product", str(found.product_id))[-30:],
        }
    page = page_of(orders, lambda one: (one.placed_at.isoformat(), str(one.id)))
    return show(request, "takedown", "takedowns", told | {"page": page, "now": clock.now()})


@require_GET
@needs("compliance.read")
def text(request: HttpRequest, takedown_id: int) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """The report as it was given, or its draft."""
    with edge.transaction() as db:
        found = _found(db, takedown_id)
    return file_of(found.report or found.draft, f"takedown-{found.id}.txt", "text/plain")


@require_POST
@needs("compliance.edit")
def report(request: HttpRequest, takedown_id: int) -> HttpResponse:
    """Note to whom the report was given, in which words, and what they gave for it."""
    words = request.POST.get("report", "").replace("\r\n", "\n")[:REPORT_MAX]
    to = (request.POST.get("authority", "").strip()[:TEXT_MAX], request.POST.get("receipt", "").strip()[:TEXT_MAX])
    with edge.transaction() as db:
        answer = compliance.takedowns.report(db, actor(request), takedown_id, words, to, clock.now())
    return _back(request, takedown_id, answer, _("已登记报告。"))


@require_POST
@needs("compliance.edit")
@reauthentication_required
def decide(request: HttpRequest, takedown_id: int) -> HttpResponse:
    after = "lifted" if "lift" in request.POST else "upheld"
    words, alone = request.POST.get("decision", "").strip()[:REASON_MAX], is_alone("compliance.edit")
    with edge.transaction() as db:
        answer = sales.decide_takedown(db, actor(request), takedown_id, after, words, clock.now(), is_alone=alone)
    done = _("已恢复为草稿，重新上架时再次审查。") if after == "lifted" else _("已永久关闭这件商品。")
    return _back(request, takedown_id, answer, done)


@require_POST
@needs("compliance.read")
@reauthentication_required
def orders_file(request: HttpRequest, takedown_id: int) -> HttpResponse:
    """The affected orders as a file; who took it, why, and its hash are in the trail before it leaves (S-04)."""
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    if not reason:
        say(request, _("请写明导出原因。没有导出。"), is_bad=True)
        return redirect("desk:takedown", takedown_id=takedown_id)
    with edge.transaction() as db:
        found = _found(db, takedown_id)
        made = affected.of_takedown(db, found)
        after = {"takedown": found.id, "rows": made.rows, "sha256": made.sha256}
        deed = Deed(actor(request), "takedown.orders", "product", str(found.product_id), after=after, reason=reason)
        audit.record(db, [deed], clock.now())
    return file_of(made.text, f"takedown-{found.id}-orders.csv", "text/csv")


def _product(db: Db, told: str) -> Product | None:
    """A product by its number, its slug or the code of one of its SKUs."""
    number = whole(told, 2**62)
    found = catalog.product(db, product_id=number) if number is not None else None
    if found is None:
        found = catalog.product(db, slug=told.lower()) or catalog.product_of_code(db, told.upper())
    return found


def _found(db: Db, takedown_id: int) -> Takedown:
    found = compliance.takedown(db, takedown_id)
    if found is None:
        raise Http404
    return found


def _back(request: HttpRequest, takedown_id: int, answer: Takedown | TakedownRefusal, done: str) -> HttpResponse:
    if answer is TakedownRefusal.NO_SUCH_TAKEDOWN:
        raise Http404
    is_bad = isinstance(answer, TakedownRefusal)
    say(request, _(REFUSALS[answer]) if isinstance(answer, TakedownRefusal) else done, is_bad=is_bad)
    return redirect("desk:takedown", takedown_id=takedown_id)
