"""Authorisations as chains, and where a card comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import audit, cards, compliance, party, sales
from kashu.audit import Deed
from kashu.cards import PaperRefusal
from kashu.compliance import Authorisation, AuthorisationRefusal, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, whole
from kashu.web.desk.shared import TEXT_MAX, by_day, day_of, file_of, scan_of, show
from kashu.web.rights import actor, is_alone, needs
from kashu.web.uploads import takes_files
from kashu.wire import affected, edge

SHOWN_MAX = 300
SECRET_CHARS_MAX = 500
REFUSALS = {
    AuthorisationRefusal.NO_SUCH_AUTHORISATION: "没有这份授权。",
    AuthorisationRefusal.NO_SUCH_PARENT: "上级授权不存在，或还没有核验。数据没有改动。",
    AuthorisationRefusal.WRONG_DATES: "授权方、品牌、商品和起止日期都要填写。数据没有改动。",
    AuthorisationRefusal.WRONG_DAY: "最后有效日要在授权起始日的前一天到今天之间。数据没有改动。",
    AuthorisationRefusal.BEYOND_PARENT: "超出了上级授权的品牌、商品、地域、日期或转售权。数据没有改动。",
    AuthorisationRefusal.NOT_PASSED_ON: "上级授权不允许再授权。数据没有改动。",
    AuthorisationRefusal.WRONG_STATE: "这份授权已经处理过。",
    AuthorisationRefusal.SAME_PERSON: "不能由登记人自己审核，也不能由同一人审核两次。",
    AuthorisationRefusal.NEVER_ALONE: "这类商品须由两位审核人核验，单人模式不能办理。",
    AuthorisationRefusal.NO_REASON: "请写明依据。数据没有改动。",
    AuthorisationRefusal.TOO_MANY: "待审核的材料太多，请等审核完再提交。数据没有改动。",
    AuthorisationRefusal.LEAVING: "正在退出、已退出或被列入黑名单的供应商，不能再提交证照和授权。数据没有改动。",
    AuthorisationRefusal.NO_FILE: "没有授权书扫描件，不能核验。",
    AuthorisationRefusal.UNKNOWN_GOODS: "请至少选择一类商品。数据没有改动。",
}
RENEWAL_REFUSALS = {
    PaperRefusal.NO_SUCH_AUTHORISATION: "没有这份授权，或它现在不在有效期内。",
    PaperRefusal.NOT_A_RENEWAL: "不是续期：授权方、被授权方和品牌须相同，商品、地域和转售权不少于原授权，到期日更晚。",
    PaperRefusal.REVOKED: "原授权已撤销，不能续期。",
}


@require_GET
@needs("compliance.read")
def authorisations(request: HttpRequest) -> HttpResponse:
    today = biz_date(clock.now())
    with edge.transaction() as db:
        states = ["in_review", "verified", "revoked"]
        found = compliance.authorisations_of(db, None, states, PAGE_ROWS + 1, by_day(request))
        page = page_of(found, lambda one: (one.valid_to.isoformat(), one.id))
        held = compliance.authorisations_of(db, None, ["verified"], SHOWN_MAX, (today - timedelta(days=1), 2**62))
        told = {
            "found": [(one, (one.valid_to - today).days) for one in page.rows],
            "after": page.after,
            "parents": [one for one in held if one.holds(today) and one.may_pass_on],
            "parties": [one for one in party.parties(db) if one.state != "closed"],
            "goods": compliance.goods(db),
        }
    return show(request, "authorisations", "authorisations", told)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_POST
@needs("compliance.edit")
@takes_files
def register(request: HttpRequest) -> HttpResponse:
    with edge.transaction() as db:
        scan = scan_of(request, db)
        new = _read(request, scan if isinstance(scan, bytes) else None)
        answer: Authorisation | AuthorisationRefusal
        if new is None or isinstance(scan, LicenceRefusal) or party.party(db, new.grantee_id) is None:
            answer = AuthorisationRefusal.WRONG_DATES
        else:
            parent = None if new.parent_id is None else compliance.authorisation(db, new.parent_id)
            answer = compliance.authorisations.register(db, actor(request), _hung_on(new, parent), clock.now())
    return _back(request, answer, _("授权已登记，等待审核。"))


@require_GET
@needs("compliance.read")
def authorisation(request: HttpRequest, authorisation_id: int) -> HttpResponse:
    """A link with its chain, and what depends on it and on all below: unsold cards and every order."""
    before = instant_cursor(request) or affected.FAR
    with edge.transaction() as db:
        chain = _chain(db, authorisation_id)
        under = compliance.below(db, authorisation_id)
        orders = sales.orders_under(db, under, before, PAGE_ROWS + 1)
        told = {
            "link": chain[-1],
            "chain": chain,
            "unsold": cards.unsold_under(db, under),
            "renewals": _renewals(db, chain[-1]),
            "sold": sales.affected_under(db, under),
            "sha256": "" if chain[-1].file_sha256 is None else chain[-1].file_sha256.hex(),
            "earliest": chain[-1].valid_from - timedelta(days=1),
            "today": biz_date(clock.now()),
        }
        page = page_of(orders, lambda one: (one.placed_at.isoformat(), str(one.id)), PAGE_ROWS)
        late = sales.recalled(db, page.rows)
    told["orders"] = [(one, one.id in late) for one in page.rows]
    return show(request, "authorisation", "authorisations", told | {"page": page})


@require_POST
@needs("compliance.read")
@reauthentication_required
def orders_file(request: HttpRequest, authorisation_id: int) -> HttpResponse:
    """Every order under an authorisation as a file; who took it, why, and its hash are in the trail before it leaves (S-04)."""
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    if not reason:
        say(request, _("请写明导出原因。没有导出。"), is_bad=True)
        return redirect("desk:authorisation", authorisation_id)
    with edge.transaction() as db:
        link = _chain(db, authorisation_id)[-1]
        made = affected.of_authorisation(db, link, compliance.below(db, authorisation_id))
        after = {"rows": made.rows, "sha256": made.sha256}
        deed = Deed(actor(request), "authorisation.orders", "authorisation", str(link.id), after=after, reason=reason)
        audit.record(db, [deed], clock.now())
    return file_of(made.text, f"authorisation-{link.id}-orders.csv", "text/csv")


@require_POST
@needs("compliance.edit")
def decide(request: HttpRequest, authorisation_id: int) -> HttpResponse:
    is_good, reason = request.POST.get("verdict") == "good", request.POST.get("reason", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        answer = compliance.authorisations.decide(
            db,
            actor(request),
            authorisation_id,
            is_good=is_good,
            reason=reason,
            at=clock.now(),
            is_alone=is_alone("compliance.edit"),
        )
    done = _("已核验。") if is_good else _("已驳回。")
    if isinstance(answer, Authorisation) and answer.state == "in_review":
        done = _("已记下一位审核人，还需要另一位。")
    return _back(request, answer, done, authorisation_id)


@require_POST
@needs("compliance.edit")
def revoke(request: HttpRequest, authorisation_id: int) -> HttpResponse:
    reason, told = request.POST.get("reason", "").strip()[:TEXT_MAX], request.POST.get("last_day", "").strip()
    last_day = day_of(told)
    if told and last_day is None:
        return _back(request, AuthorisationRefusal.WRONG_DAY, "", authorisation_id)
    with edge.transaction() as db:
        answer = cards.revoke(db, actor(request), authorisation_id, reason, clock.now(), last_day)
    done = (
        ""
        if isinstance(answer, AuthorisationRefusal)
        else _("已撤销 %(n)s 份授权，其下未售卡密即刻停售；失效后入库的已售卡密正在召回。") % {"n": len(answer)}
    )
    return _back(request, answer, done, authorisation_id)


@require_POST
@needs("compliance.edit")
def renew(request: HttpRequest, authorisation_id: int) -> HttpResponse:
    """What is left to sell under this authorisation goes on under the one that renews it."""
    to = whole(request.POST.get("to", ""), 2**62) or 0
    with edge.transaction() as db:
        answer = cards.renew(db, actor(request), authorisation_id, to, clock.now())
    if isinstance(answer, PaperRefusal):
        say(request, _(RENEWAL_REFUSALS[answer]), is_bad=True)
    else:
        say(request, _("%(n)s 个批次已转到续期后的授权。") % {"n": len(answer)})
    return redirect("desk:authorisation", authorisation_id)


@sensitive_post_parameters("secret", "number")
@require_http_methods(["GET", "POST"])
@needs("compliance.read")
def search(request: HttpRequest) -> HttpResponse:
    """From a card in somebody's hand to the root authorisation. The card comes by POST, is looked up and forgotten."""
    told: dict[str, Any] = {"asked": request.method == "POST"}
    if request.method == "POST":
        number = request.POST.get("number", "").strip()[:SECRET_CHARS_MAX]
        secret = request.POST.get("secret", "").strip()[:SECRET_CHARS_MAX]
        with edge.transaction() as db:
            found = cards.trace(db, edge.ctx().ring, actor(request), number, secret, clock.now()) if secret else None
            if found is not None:
                origin = found.origin
                order = None if origin.order_id is None else sales.named(db, {origin.order_id})[origin.order_id]
                told |= {
                    "trace": found,
                    "order": order,
                    "supplier": party.party(db, origin.supplier_id),
                    "parties": {one.party_id: _name(db, one.party_id) for one in found.redemptions},
                    "is_untied": found.tally is not None and cards.mistold(db, [found.tally]) is not None,
                }
    else:
        with edge.transaction() as db:
            told["wrong"] = cards.wrong_chains(db, SHOWN_MAX)
    return show(request, "provenance", "provenance", told)


def _name(db: Db, party_id: int) -> str:
    found = party.party(db, party_id)
    return found.name if found else ""


def _chain(db: Db, authorisation_id: int) -> list[Authorisation]:
    found = compliance.chain(db, authorisation_id)
    if not found:
        raise Http404
    return found


def _renewals(db: Db, link: Authorisation) -> list[Authorisation]:
    """The authorisations in force that go on where this one ends."""
    today = biz_date(clock.now())
    held = (
        compliance.authorisations_of(db, link.grantee_id, ["verified"], SHOWN_MAX) if link.state == "verified" else []
    )
    return [one for one in held if one.holds(today) and compliance.renews(one, link)]


def _read(request: HttpRequest, scan: bytes | None) -> Authorisation | None:
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("grantor", "number", "brand")}
    begin, end = day_of(request.POST.get("valid_from", "")), day_of(request.POST.get("valid_to", ""))
    grantee = whole(request.POST.get("grantee", ""), 2**62)
    if begin is None or end is None or grantee is None or not told["brand"]:
        return None
    parent = whole(request.POST.get("parent", ""), 2**62)
    flags = {name: request.POST.get(name) == "yes" for name in ("may_pass_on", "may_resell", "is_issuer")}
    area = [
        one.strip()[:TEXT_MAX] for one in request.POST.get("territory", "").replace("、", ",").split(",") if one.strip()
    ]
    return Authorisation(
        0, parent, told["grantor"], None, grantee, told["number"], told["brand"], request.POST.getlist("goods")[:20],
        area[:40] or ["全国"], flags["may_pass_on"], flags["may_resell"], flags["is_issuer"] and parent is None, begin, end,
        file_sha256=scan,
    )  # fmt: skip


def _hung_on(new: Authorisation, parent: Authorisation | None) -> Authorisation:
    """A link that hangs on another is granted by whom that one was granted to."""
    if parent is not None:
        return replace(new, grantor=parent.grantee, grantor_id=parent.grantee_id)
    return replace(new, grantor=new.grantor or new.brand)


def _back(
    request: HttpRequest, answer: Authorisation | AuthorisationRefusal | list[int], done: str, back: int | None = None
) -> HttpResponse:
    is_bad = isinstance(answer, AuthorisationRefusal)
    say(request, _(REFUSALS[answer]) if isinstance(answer, AuthorisationRefusal) else done, is_bad=is_bad)
    return redirect("desk:authorisation", back) if back is not None else redirect("desk:authorisations")
