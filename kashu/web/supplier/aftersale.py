"""Complaints of a supplier's goods (C-39), and its public data when it changes (C-13). Nothing here tells a buyer (C-55)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, party
from kashu.aftersale import Complaint, ComplaintRefusal
from kashu.kernel import clock
from kashu.party import Change, ChangeRefusal, NewChange, Unreached
from kashu.web.console.desk import PAGE_ROWS, page_of
from kashu.web.desk.shared import by_place, day_of
from kashu.web.portals import Page, Refused
from kashu.web.rights import actor
from kashu.web.store.aftersale import COMPLAINT_REFUSALS, KINDS
from kashu.web.supplier.desk import Desk, at_desk
from kashu.wire import edge

TEXT_MAX = 2_000  # more than the domain takes, so that it says so itself
FIGURES_DAYS = 365
CHANGE_REFUSALS = {
    ChangeRefusal.NO_SUCH_SUPPLIER: "没有这家供应商。",
    ChangeRefusal.WRONG_STATE: "入驻完成前，请直接在「资料与签约」里修改。",
    ChangeRefusal.NOTHING_NEW: "没有填写与现在不同的内容。没有提交。",
    ChangeRefusal.TOO_LONG: "名称最多 80 字，地址和联系方式最多 120 字，说明最多 1000 字。没有提交。",
    ChangeRefusal.IN_FUTURE: "请填写变更发生的日期，不能晚于今天。没有提交。",
    ChangeRefusal.NAME_TAKEN: "这个名称已经登记过。数据没有改动。",
    ChangeRefusal.BLACKLISTED: "这个电话属于被列入黑名单的供应商，不能公示。数据没有改动。",
    ChangeRefusal.OPEN_ALREADY: "已有一件在处理，处理完再提交。",
    ChangeRefusal.NO_REASON: "请写明内容，并附上依据。数据没有改动。",
    ChangeRefusal.SAME_PERSON: "不能由同一人或本单位的人办理，请另一位同事操作。",
    ChangeRefusal.GONE: "已经处理过，或不存在。数据没有改动。",
}


def _complaints(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    at = clock.now()
    with edge.transaction() as db:
        page = page_of(aftersale.complaints_of_supplier(db, desk.party.id, PAGE_ROWS + 1, by_place(request)), _place)
        figures = aftersale.figures(db, desk.party.id, at, at - timedelta(days=FIGURES_DAYS))
    return {
        "complaints": [(one, aftersale.for_supplier(one.words), one.is_answer_late(at)) for one in page.rows],
        "after": page.after,
        "figures": figures,
        "kinds": {name: _(word) for name, word in KINDS.items()},
    }


def _changes(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    with edge.transaction() as db:
        page = page_of(party.changes(db, desk.party.id, after=by_place(request), most=PAGE_ROWS + 1), change_place)
        return {
            "changes": page.rows,
            "after": page.after,
            "notices": party.all_unreached(db, desk.party.id, most=PAGE_ROWS),
            "is_public": desk.supplier.state in party.PUBLIC,
            "form": request.POST,
        }


COMPLAINTS, CHANGES = Page("supplier", "complaints", _complaints), Page("supplier", "changes", _changes)
complaints, changes = (require_GET(at_desk(page.show)) for page in (COMPLAINTS, CHANGES))


@require_POST
@at_desk
def answer(request: HttpRequest, desk: Desk, complaint_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        done = aftersale.answer(db, actor(request), desk.party.id, complaint_id, _words(request), clock.now())
    refused = COMPLAINT_REFUSALS[done] if isinstance(done, ComplaintRefusal) else None
    return COMPLAINTS.after(request, desk, refused, _("答复已提交，平台会结合双方情况处理。"))


@require_POST
@at_desk
def declare(request: HttpRequest, desk: Desk) -> HttpResponse:
    told = {name: _words(request, name) for name in ("name", "address", "contact")}
    happened_on = day_of(request.POST.get("happened_on", ""))
    done: Change | ChangeRefusal = ChangeRefusal.IN_FUTURE
    if happened_on is not None:
        with edge.transaction() as db:
            new = NewChange(**told, happened_on=happened_on)
            done = party.declare_change(db, actor(request), desk.party.id, new, clock.now())
    return CHANGES.after(request, desk, _refused(done), _("变更已申报，核验后更新公示；在此之前仍公示原来的资料。"))


@require_POST
@at_desk
def answer_unreached(request: HttpRequest, desk: Desk, notice_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        done = party.answer_unreached(db, actor(request), desk.party.id, notice_id, _words(request), clock.now())
    return CHANGES.after(request, desk, _refused(done), _("说明已提交。资料有变化的，请一并申报。"))


def _words(request: HttpRequest, name: str = "words") -> str:
    return request.POST.get(name, "").strip()[:TEXT_MAX]


def _refused(done: object) -> Refused:
    if not isinstance(done, ChangeRefusal):
        return None
    return 404 if done is ChangeRefusal.GONE else 422, CHANGE_REFUSALS[done]


def change_place(one: Change) -> tuple[int, str, str]:
    return int(one.state != "declared"), one.verify_by.isoformat(), str(one.id)


def notice_place(one: Unreached) -> tuple[int, str, str]:
    return int(one.state == "settled"), (one.answer_by or one.remind_by).isoformat(), str(one.id)


def _place(one: Complaint) -> tuple[int, str, str]:
    is_waiting = one.answered_at is None and one.state in ("opened", "taken")
    return int(is_waiting), one.opened_at.isoformat(), str(one.id)
