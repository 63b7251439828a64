"""What the supplier portal's views share: whose desk it is, what happened, and in which words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from kashu import party
from kashu.kernel import clock, limits
from kashu.party import Party, Supplier, SupplierRefusal
from kashu.party.models import Person
from kashu.web import portals
from kashu.web.console.desk import say
from kashu.web.rights import may
from kashu.wire import edge

CHOSEN = "supplier_party"
DAY_SECONDS = 86_400
REFUSALS = {
    SupplierRefusal.NO_SUCH_SUPPLIER: "没有这家供应商。",
    SupplierRefusal.WRONG_STATE: "现在的状态不能做这一步，请刷新后再看。数据没有改动。",
    SupplierRefusal.WRONG_NUMBER: "证号或名称不对，请对照证件核对。数据没有改动。",
    SupplierRefusal.NAME_TAKEN: "这个名称已经登记过。数据没有改动。",
    SupplierRefusal.NUMBER_TAKEN: "这个证号已经登记过。数据没有改动。",
    SupplierRefusal.BLACKLISTED: "该主体、人员、账户或电话在黑名单中，不能入驻。可向平台申诉。",
    SupplierRefusal.INCOMPLETE: "资料还没有全部审核通过。数据没有改动。",
    SupplierRefusal.NOT_VERIFIED: "主体、人员或账户还没有外部核验通过。数据没有改动。",
    SupplierRefusal.LISTED: "有名单命中尚未解除。数据没有改动。",
    SupplierRefusal.SAME_PERSON: "不能由同一人或本单位的人办理，请另一位同事操作。",
    SupplierRefusal.NEEDS_TWO: "高风险供应商需要两人复核，请申请后由另一位同事确认。",
    SupplierRefusal.NO_CONSENT: "请先单独同意处理这类敏感信息，再提交。",
    SupplierRefusal.NOT_OWN_NAME: "收款账户必须是供应商本单位的户名。数据没有改动。",
    SupplierRefusal.NO_AGREEMENT: "请先签署现行版本的协议。数据没有改动。",
    SupplierRefusal.DEPOSIT_SHORT: "保证金没有足额到账。数据没有改动。",
    SupplierRefusal.DEPOSIT_LOCKED: "保证金还在锁定期，或尚未退清。数据没有改动。",
    SupplierRefusal.REFERENCE_TAKEN: "这个银行流水号已经登记过。数据没有改动。",
    SupplierRefusal.TOO_MANY: "数量已到上限，或已有一件在处理。数据没有改动。",
    SupplierRefusal.NO_REASON: "请写明原因，并附上依据。数据没有改动。",
    SupplierRefusal.WRONG_TERM: "警示、限流、暂停要有 365 天以内的期限；关闭和黑名单没有期限。",
    SupplierRefusal.GONE: "已经处理过，或不存在。数据没有改动。",
    SupplierRefusal.EXPIRED: "已经过期。数据没有改动。",
    SupplierRefusal.NOT_GROWN_UP: "该人员未满 18 岁。数据没有改动。",
    SupplierRefusal.OWN_REQUEST: "这是你自己的请求，不能由你自己办理，请另一位同事办理。数据没有改动。",
    SupplierRefusal.NOT_OWNER: "只有本单位的负责人可以这样做。数据没有改动。",
    SupplierRefusal.LAST_OWNER: "本单位至少要有一位负责人，请先让另一位成员成为负责人。数据没有改动。",
    SupplierRefusal.DECLARE_CHANGE: "已经公示的资料有变化，请在「资料变更」里申报，核验后更新。数据没有改动。",
}
View = Callable[..., HttpResponseBase]
Refused = tuple[int, str] | None  # a status, and why, in Chinese


@dataclass(frozen=True, slots=True)
class Desk:
    """A person of a supplier, and which of theirs it is."""

    person: Person
    party: Party
    supplier: Supplier
    parties: list[Party]


def at_desk(view: View) -> View:
    """Open a view to people of suppliers; `desk` comes as its second argument, and membership decides whose it is."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may(request.user, "supplier"):
            raise PermissionDenied("supplier")
        person = cast("Person", request.user)
        with edge.transaction() as db:
            mine = [one for one in party.parties_of(db, person.pk) if one.kind == "supplier"]
            chosen = portals.chosen(request, CHOSEN, mine)
            standing = None if chosen is None else party.supplier(db, chosen.id)
        if chosen is None or standing is None:
            raise PermissionDenied("supplier")
        response = view(request, Desk(person, chosen, standing, mine), *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def is_patient(desk: Desk, what: str, most: int) -> bool:
    """Count what costs us or others something, message, question or room: so many a day of one organisation."""
    with edge.transaction() as db:
        return limits.allow(db, f"supplier:{desk.party.id}:{what}", clock.now(), most=most, seconds=DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that things are posted from, by the name of its template, address and place among the pages; what it tells."""

    name: str
    tell: Callable[[HttpRequest, Desk], dict[str, Any]]

    def show(self, request: HttpRequest, desk: Desk, error: str = "", status: int = 200) -> HttpResponse:
        return show(request, desk, self.name, self.name, {**self.tell(request, desk), "error": error}, status)

    def after(self, request: HttpRequest, desk: Desk, refused: Refused, done: str) -> HttpResponse:
        """What was posted was refused, and the page says so, or it was done, and the page is as it is now."""
        if refused is not None:
            status, words = refused
            return self.show(request, desk, _(words), status)
        say(request, done)
        return redirect(f"supplier:{self.name}")


def refused_as(refusal: SupplierRefusal | None, status: int) -> Refused:
    """A refusal in words; what is gone is not found."""
    if refusal is None:
        return None
    return 404 if refusal is SupplierRefusal.GONE else status, REFUSALS[refusal]


def show(
    request: HttpRequest, desk: Desk, template: str, nav: str, told: dict[str, Any], status: int = 200
) -> HttpResponse:
    return render(request, f"supplier/{template}.html", {"nav": nav, "desk": desk, **told}, status=status)
