"""Papers of a batch: by which document and under which authorisation it was bought, and who counted it (S-07)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kashu import cards, compliance
from kashu.cards import Batch, PaperRefusal, Papers, Refusal, Step
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.web.console.arrivals import REFUSALS as STOCK_REFUSALS
from kashu.web.console.desk import say, whole
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

TALLIES_SHOWN = 7
REFUSALS = {
    PaperRefusal.NO_SUCH_BATCH: "没有这个批次。",
    PaperRefusal.TOO_LATE: "批次已经上架过或已确认过，不能再改。",
    PaperRefusal.NO_DOCUMENT: "请填写采购凭证编号和金额。数据没有改动。",
    PaperRefusal.NO_SUCH_AUTHORISATION: "这份授权不属于该供应商，也不是该供应商授予平台的。数据没有改动。",
    PaperRefusal.OUTSIDE_ITS_DATES: "收货日期不在授权有效期内，这批货不能入库。数据没有改动。",
    PaperRefusal.OTHER_GOODS: "授权的品牌或商品与这件商品不符。数据没有改动。",
    PaperRefusal.NOT_FOR_ALL: "授权地域不是全国，或不可转售，不能凭它向公众销售。数据没有改动。",
    PaperRefusal.NOT_REGISTERED: "还没有登记采购凭证，登记后再确认收货。",
    PaperRefusal.NOT_LOADED: "卡密还没有入库，入库后再确认收货。",
    PaperRefusal.SAME_PERSON: "收货人和登记凭证的人不能自己确认，请另一位同事操作。",
}


def state_of(db: Db, batch: Batch, steps: list[Step]) -> dict[str, Any]:
    """What a batch lacks before it may be for sale, why it is stopped, and what became of its cards: the supplier sees it too."""
    rate = cards.failure_rate(db, batch.pool_id)
    return {
        "lacks": [] if batch.state not in ("loaded", "withdrawn") else cards.lacks(db, batch, clock.now()),
        "probed": next((step for step in reversed(steps) if step.event == "probed"), None),
        "frozen": next((step for step in reversed(steps) if step.event == "frozen"), None)
        if cards.is_frozen(steps)
        else None,
        "failures": rate,
        "failed_percent": f"{rate.failed * 100 / max(rate.sold, 1):.1f}%",
        "chance_percent": f"{rate.chance * 100:.0f}%",
        "is_probed": cards.is_probed(db, batch),
    }


def told_of(db: Db, batch: Batch, *, is_checked: bool = False) -> dict[str, Any]:
    """What the page of a batch says about its papers; when asked, whether its cards bear out each daily tally."""
    steps = cards.steps(db, batch.pool_id)
    held = cards.authorisation_of(db, batch.pool_id)
    return state_of(db, batch, steps) | {
        "is_bought": batch.kind in cards.BOUGHT,
        "is_branded": cards.is_branded(db, batch),
        "tallies": [(datetime.fromisoformat(one.body["until"]), one) for one in cards.tallies(steps)[-TALLIES_SHOWN:]],
        "mistold": cards.mistold(db, steps) if is_checked else None,
        "is_checked": is_checked,
        "steps": steps,
        "broken": cards.broken(steps),
        "purchased": cards.papers_of(steps),
        "confirmed": cards.receipt_of(steps),
        "authorisation": None if held is None else compliance.authorisation(db, held),
        "fitting": cards.fitting(db, batch, clock.now()),
    }


@require_POST
@needs("batches.edit")
def attach(request: HttpRequest, pool_id: int) -> HttpResponse:
    amount = parse_yuan(request.POST.get("amount", ""))
    quantity = whole(request.POST.get("quantity", ""), 10**8)
    document = request.POST.get("document", "").strip()
    if amount is None or quantity is None:
        document = ""
    papers = Papers(document, amount or 0, quantity or 0, whole(request.POST.get("authorisation", ""), 2**62))
    with edge.transaction() as db:
        answer = cards.attach(db, actor(request), pool_id, papers, clock.now())
    return _back(request, pool_id, answer, _("采购凭证已登记。"))


@require_POST
@needs("batches.confirm")
def confirm(request: HttpRequest, pool_id: int) -> HttpResponse:
    with edge.transaction() as db:
        answer = cards.confirm(db, actor(request), pool_id, clock.now(), is_alone=is_alone("batches.confirm"))
    return _back(request, pool_id, answer, _("收货已由第二人确认。"))


@require_POST
@needs("batches.confirm")
def clear(request: HttpRequest, pool_id: int) -> HttpResponse:
    """Let a stopped batch go on."""
    with edge.transaction() as db:
        answer = cards.clear(db, actor(request), pool_id, request.POST.get("reason", "").strip()[:200], clock.now())
    is_bad = isinstance(answer, Refusal)
    say(request, _(STOCK_REFUSALS[answer]) if isinstance(answer, Refusal) else _("冻结已解除。"), is_bad=is_bad)
    return redirect("console:batch", pool_id=pool_id)


@require_POST
@needs("batches.edit")
def probe(request: HttpRequest, pool_id: int) -> HttpResponse:
    """Have another sample checked."""
    with edge.transaction() as db:
        answer = cards.draw_again(db, pool_id, clock.now())
    is_bad = isinstance(answer, Refusal)
    say(request, _(STOCK_REFUSALS[answer]) if isinstance(answer, Refusal) else _("已发出抽检。"), is_bad=is_bad)
    return redirect("console:batch", pool_id=pool_id)


def _back(request: HttpRequest, pool_id: int, answer: Batch | PaperRefusal, done: str) -> HttpResponse:
    is_bad = isinstance(answer, PaperRefusal)
    say(request, _(REFUSALS[answer]) if isinstance(answer, PaperRefusal) else done, is_bad=is_bad)
    return redirect("console:batch", pool_id=pool_id)
