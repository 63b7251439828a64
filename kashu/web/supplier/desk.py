"""What the supplier portal's views share: whose desk it is, what happened, and in which words."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from kashu import party
from kashu.party import Party, Supplier, SupplierRefusal
from kashu.party.models import Person
from kashu.web import portals
from kashu.web.portals import Refused, View
from kashu.web.rights import may
from kashu.wire import edge

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
    SupplierRefusal.DEPOSIT_CLAIMED: "还有未了结的投诉、赔付或监护人退款申请，保证金不能退。数据没有改动。",
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
    SupplierRefusal.IS_STAFF: "平台员工的账号不能为其他组织办事，请让邀请人改发到另一个邮箱。",
    SupplierRefusal.DECLARE_CHANGE: "已经公示的资料有变化，请在「资料变更」里申报，核验后更新。数据没有改动。",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A person of a supplier, which it is, and for whom else they work."""

    person: Person
    party: Party
    supplier: Supplier
    parties: list[Party]
    is_owner: bool

    @property
    def is_open(self) -> bool:
        return self.supplier.state not in ("closed", "blacklisted")


def at_desk(view: View) -> View:
    """Open a view to people of suppliers; `desk` comes as its second argument, and membership decides whose it is."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may(request.user, "supplier"):
            raise PermissionDenied("supplier")
        person = cast("Person", request.user)
        with edge.transaction() as db:
            mine = party.parties_of(db, person.pk)
            chosen = portals.chosen(request, "supplier", mine)
            standing = None if chosen is None else party.supplier(db, chosen.id)
            own = None if chosen is None else party.member(db, chosen.id, person.email)
        if chosen is None or standing is None:
            raise PermissionDenied("supplier")
        desk = Desk(person, chosen, standing, mine, own is not None and own.is_owner)
        response = view(request, desk, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def refused_as(refusal: SupplierRefusal | None, status: int) -> Refused:
    """A refusal in words; what is gone is not found."""
    if refusal is None:
        return None
    return 404 if refusal is SupplierRefusal.GONE else status, REFUSALS[refusal]


def show(
    request: HttpRequest, desk: Desk, template: str, nav: str, told: dict[str, Any], status: int = 200
) -> HttpResponse:
    return render(request, f"supplier/{template}.html", {"nav": nav, "desk": desk, **told}, status=status)
