"""Orders that are paid and being issued (直充, 代充): who waits, taken on by hand, done or given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import catalog, sales
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.text import is_line
from kashu.sales import FulfilRefusal
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show
from kashu.web.rights import actor, needs
from kashu.wire import edge

TEXT_MAX, REASON_MAX = 512, 200
REFUSALS = {
    FulfilRefusal.NO_SUCH_ORDER: "没有找到这笔订单。",
    FulfilRefusal.ENDED: "这笔订单已经办完或已经退款，没有改动。",
    FulfilRefusal.BEING_ISSUED: "这笔订单正在办理。",
    FulfilRefusal.WISH_OPEN: "买家要求全额退款，请先答复：退款，或说明不能退款的原因。没有标记完成。",
}

SAID = {
    "done": "已标记完成，买家现在能看到结果。",
    "failed": "已标记未办成，款项全额退回。",
    "declined": "已答复买家，订单页能看到。现在可以标记完成。",
}


@require_GET
@needs("orders.read")
def fulfilments(request: HttpRequest) -> HttpResponse:
    """What is waited for, the soonest due first."""
    with edge.transaction() as db:
        found = sales.fulfilments_open(db, instant_cursor(request), PAGE_ROWS + 1)
        told = _about_all(db, [one.key for one in found[:PAGE_ROWS]])
        stops = sales.effects_on_paid(db, list(told), clock.now())
    page = page_of(found, lambda one: (one.due_at.isoformat() if one.due_at else "", str(one.order_id)))
    return show(
        request, "fulfilments", "fulfilments", {"page": page, "about": told, "stops": stops, "now": clock.now()}
    )


@require_POST
@needs("orders.fulfil")
def look(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Take an order on: its form is shown, and who looked is in the trail."""
    with edge.transaction() as db:
        told = sales.look(db, edge.ctx().ring, actor(request), (pool_id, order_id), clock.now())
    if isinstance(told, FulfilRefusal):
        return _refused(request, told)
    return _page(request, (pool_id, order_id), told)


@require_POST
@needs("orders.fulfil")
def end(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """Done, with what the buyer is to see; or not to be done, with why: the money goes back. `declined`: it does not, and why."""
    key, outcome = (pool_id, order_id), request.POST.get("outcome", "")
    text = request.POST.get("text", "").strip()
    if outcome not in SAID:
        raise Http404
    if not text or len(text) > (TEXT_MAX if outcome == "done" else REASON_MAX) or not is_line(text):
        with edge.transaction() as db:
            told = sales.look(db, edge.ctx().ring, actor(request), key, clock.now())
        if isinstance(told, FulfilRefusal):
            return _refused(request, told)
        return _page(request, key, told, _("请填写一行说明，不能留空，也不能太长。数据没有改动。"), 422)
    with edge.transaction() as db:
        if outcome == "done":
            refusal = sales.fulfilled(db, edge.ctx().ring, actor(request), key, ("", text), clock.now())
        elif outcome == "declined":
            refusal = sales.decline_wish(db, actor(request), key, text, clock.now())
        else:
            refusal = sales.unfulfilled(db, actor(request), key, text, clock.now())
    if refusal is not None:
        return _refused(request, refusal)
    say(request, _(SAID[outcome]))
    return redirect("console:fulfilments")


def _page(
    request: HttpRequest, key: tuple[int, UUID], form: dict[str, str], error: str = "", status: int = 200
) -> HttpResponse:
    with edge.transaction() as db:
        about, waiting = _about(db, key), sales.fulfilments(db, [key])[key[1]]
        stop = sales.effects_on_paid(db, [key[1]], clock.now()).get(key[1])
    labels = {field["name"]: field["label"] for field in about["page"].get("form", [])}
    told = {
        **about,
        "waiting": waiting,
        "stop": stop,
        "form": [(labels.get(name, name), text) for name, text in form.items()],
    }
    response = show(request, "fulfilment", "fulfilments", {**told, "error": error}, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _about(db: Db, key: tuple[int, UUID]) -> dict[str, Any]:
    """The order and the page that it was bought from."""
    return _about_all(db, [key])[key[1]]


def _about_all(db: Db, keys: Sequence[tuple[int, UUID]]) -> dict[UUID, dict[str, Any]]:
    orders, lines = sales.orders(db, keys), sales.lines_of(db, [order_id for _pool, order_id in keys])
    hashes = {order_id: lines[order_id][0].page_hash for order_id in orders}
    pages = {one: catalog.page(db, one) or {} for one in set(hashes.values())}
    return {order_id: {"order": order, "page": pages[hashes[order_id]]} for order_id, order in orders.items()}


def _refused(request: HttpRequest, refusal: FulfilRefusal) -> HttpResponse:
    say(request, _(REFUSALS[refusal]), is_bad=True)
    return redirect("console:fulfilments")
