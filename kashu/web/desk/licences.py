"""Licences at the desk: by expiry, handed in, decided, revoked, renewed."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kashu import cards, catalog, compliance, party
from kashu.catalog import Refusal
from kashu.compliance import KINDS, Licence, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.web.console.desk import PAGE_ROWS, page_of, say, whole
from kashu.web.desk.shared import TEXT_MAX, by_day, licence_in, show
from kashu.web.rights import able, actor, is_alone, needs
from kashu.web.uploads import takes_files
from kashu.wire import edge

LISTS = {"waiting": ["in_review"], "held": ["verified"], "ended": ["rejected", "revoked", "superseded"]}
REFUSALS = {
    LicenceRefusal.NO_SUCH_LICENCE: "没有这份证照。",
    LicenceRefusal.NO_SUCH_KIND: "请选择证照种类。数据没有改动。",
    LicenceRefusal.UNOBTAINABLE: "2019 年起不再核发这一范围（网络游戏、虚拟货币），不能登记（C-04）。数据没有改动。",
    LicenceRefusal.WRONG_DATES: "编号和起止日期都要填写，止日不能早于起日。数据没有改动。",
    LicenceRefusal.ALREADY_THERE: "同一主体的这份证照已经登记过。数据没有改动。",
    LicenceRefusal.WRONG_STATE: "这份证照已经处理过，或还不能这样处理。",
    LicenceRefusal.SAME_PERSON: "不能由登记人自己审核；高风险主体需要两位不同的审核人。",
    LicenceRefusal.NOT_A_FILE: "扫描件须为 PDF、PNG 或 JPEG，且不超过 10 MiB。数据没有改动。",
    LicenceRefusal.NO_REASON: "请写明依据。数据没有改动。",
    LicenceRefusal.NO_FILE: "没有扫描件，不能核验。请驳回，并请对方重新提交。",
    LicenceRefusal.NO_TERRITORY: "请填写地域：全国，或证照上的省市。数据没有改动。",
    LicenceRefusal.TOO_MANY: "待审核的材料太多，请等审核完再提交。数据没有改动。",
    LicenceRefusal.LEAVING: "正在退出、已退出或被列入黑名单的供应商，不能再提交证照和授权。数据没有改动。",
}
MAP_REFUSALS = {
    Refusal.NO_SUCH_MOVE: "没有这个类目或商品种类。数据没有改动。",
    Refusal.GOODS_FIXED: "这个类目下有商品或批次在售，是按现在的商品种类审核、核对授权的。先全部下架、撤下，再改种类，之后重新审核上架。",
}
TOO_FEW = (
    "这家是高风险主体，须由登记人以外的两位审核人核验，现在还差 %(n)s 位，这样登记的证照不能通过。"
    "请驳回这份，让供应商在供应商台的「证照」里自己提交，或先增加审核人。"
)
FINDINGS = {
    "expired": "已过有效期",
    "not_yet": "尚未生效",
    "another_subject": "证照主体与登记名称不一致",
    "another_uscc": "编号与登记的统一社会信用代码不一致",
    "no_file": "没有扫描件",
    "narrow_territory": "地域不是全国：要求全国范围的类目不能凭它销售",
}


@require_GET
@needs("compliance.read")
def licences(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    today, soonest = biz_date(at), lambda one: (one.valid_to.isoformat(), one.id)
    with edge.transaction() as db:
        pages = {
            name: page_of(compliance.every_licence(db, None, states, PAGE_ROWS + 1, by_day(request, name)), soonest)
            for name, states in LISTS.items()
        }
        told = {
            "counts": compliance.open_counts(db, today, today, at),
            "waiting": pages["waiting"].rows,
            "held": [
                (one, compliance.standing_of(one, today), (one.valid_to - today).days) for one in pages["held"].rows
            ],
            "ended": pages["ended"].rows,
            "after": {name: page.after for name, page in pages.items()},
            "parties": [one for one in party.parties(db) if one.state != "closed"],
            "kinds": KINDS.items(),
            "needs": compliance.requirements(db),
            "goods": compliance.goods(db),
            "categories": catalog.categories(db),
        }
    return show(request, "licences", "licences", told)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_POST
@needs("compliance.edit")
@takes_files
def submit(request: HttpRequest) -> HttpResponse:
    """Register a licence. Where too few are left to review it, whoever registers it hears so now."""
    owner = whole(request.POST.get("party", ""), 2**62)
    answer: Licence | LicenceRefusal = LicenceRefusal.WRONG_DATES
    lacking = 0
    with edge.transaction() as db:
        if owner is not None and party.party(db, owner) is not None:
            answer = licence_in(request, db, owner)
        if isinstance(answer, Licence):
            lacking = _lacking(db, answer)
    if isinstance(answer, Licence) and lacking:
        say(request, f"{_('证照已登记。')}{_(TOO_FEW) % {'n': lacking}}", is_bad=True)
        return redirect("desk:licence", answer.id)
    return _back(request, answer, _("证照已登记，等待审核。"))


@require_POST
@needs("compliance.edit")
def map_category(request: HttpRequest, category_id: int) -> HttpResponse:
    """What kind of goods a category holds."""
    with edge.transaction() as db:
        answer = cards.map_category(db, actor(request), category_id, request.POST.get("goods") or None, clock.now())
    said = _(MAP_REFUSALS[answer]) if answer else _("类目的商品种类已改，所需资质随之生效。")
    say(request, said, is_bad=answer is not None)
    return redirect("desk:licences")


@require_GET
@needs("compliance.read")
def licence(request: HttpRequest, licence_id: int) -> HttpResponse:
    with edge.transaction() as db:
        found = compliance.licence(db, licence_id)
        if found is None:
            raise Http404
        lacking = _lacking(db, found)
    told = {
        "too_few": _(TOO_FEW) % {"n": lacking} if lacking else "",
        "licence": found,
        "standing": compliance.standing_of(found, biz_date(clock.now())),
        "findings": [_(FINDINGS[one]) for one in found.findings],
        "sha256": "" if found.file_sha256 is None else found.file_sha256.hex(),
    }
    return show(request, "licence", "licences", told)


@require_POST
@needs("compliance.edit")
def decide(request: HttpRequest, licence_id: int) -> HttpResponse:
    is_good, reason = request.POST.get("verdict") == "good", request.POST.get("reason", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        answer = compliance.licences.decide(
            db,
            actor(request),
            licence_id,
            is_good=is_good,
            reason=reason,
            at=clock.now(),
            is_alone=is_alone("compliance.edit"),
        )
    done = _("已核验，即刻生效。") if is_good else _("已驳回。")
    if isinstance(answer, Licence) and answer.state == "in_review":
        done = _("已记下一位审核人，还需要另一位。")
    return _back(request, answer, done, licence_id)


@require_POST
@needs("compliance.edit")
def revoke(request: HttpRequest, licence_id: int) -> HttpResponse:
    with edge.transaction() as db:
        reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
        answer = compliance.licences.revoke(db, actor(request), licence_id, reason, clock.now())
    return _back(request, answer, _("已登记吊销，依赖它的商品即刻停售。"), licence_id)


@require_POST
@needs("compliance.edit")
def renewal(request: HttpRequest, licence_id: int) -> HttpResponse:
    """A renewal was filed, or a year reported."""
    year = whole(request.POST.get("year", ""), 2_200)
    with edge.transaction() as db:
        answer = compliance.licences.note_renewal(db, actor(request), licence_id, clock.now(), year)
    return _back(request, answer, _("已登记。"), licence_id)


@require_POST
@needs("compliance.read")
def file(request: HttpRequest, sha256: str) -> HttpResponse:
    """A scan; who looked is in the trail before it is given."""
    try:
        digest = bytes.fromhex(sha256)
    except ValueError as error:
        raise Http404 from error
    with edge.transaction() as db:
        found = compliance.licences.open_file(db, edge.ctx().ring, actor(request), digest, clock.now())
    if found is None:
        raise Http404
    _name, media_type, content = found
    return HttpResponse(content, content_type=media_type, headers={
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{sha256[:12]}.{media_type.rsplit("/", 1)[-1]}"',
    })  # fmt: skip


def _lacking(db: Db, found: Licence) -> int:
    right = "compliance.edit"
    return compliance.licences.reviewers_lacking(db, found, able(right), is_alone=is_alone(right))


def _back(
    request: HttpRequest, answer: Licence | LicenceRefusal, done: str, licence_id: int | None = None
) -> HttpResponse:
    is_bad = isinstance(answer, LicenceRefusal)
    say(request, _(REFUSALS[answer]) if isinstance(answer, LicenceRefusal) else done, is_bad=is_bad)
    return redirect("desk:licence", licence_id) if licence_id is not None else redirect("desk:licences")
