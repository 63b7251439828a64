"""After the sale, for buyers: complaints with their terms (C-39), and a guardian's claim for a minor's purchase (C-72)."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kashu import aftersale, party, sales
from kashu.aftersale import (
    Claim,
    ClaimRefusal,
    CompensationRefusal,
    Complaint,
    ComplaintRefusal,
    NewClaim,
    Persons,
)
from kashu.audit import Actor
from kashu.kernel import clock, limits
from kashu.web import device
from kashu.web.store.orders import page_of, see
from kashu.web.uploads import SealedFile, takes_files
from kashu.wire import edge, papers

FORM_BYTES_MAX = 64 << 10  # what a claim's form may weigh beside its file
UPLOADS_MAX = 20  # files that are read for one order in a day
TEXT_MAX = 2_000  # more than the domain takes, so that it says so itself
COMPLAINT_REFUSALS = {
    ComplaintRefusal.NO_SUCH_ORDER: (404, "没有找到这笔订单。"),
    ComplaintRefusal.NOT_YOURS: (403, "这台设备不是下单设备，不能操作这笔订单。"),
    ComplaintRefusal.NOT_PAID: (409, "这笔订单还没有支付，不能投诉。"),
    ComplaintRefusal.OPEN_ALREADY: (409, "这笔订单已有一件投诉在处理，不用重复提交。"),
    ComplaintRefusal.TOO_MANY: (429, "今天提交的次数已到上限，请明天再来。"),
    ComplaintRefusal.WRONG_KIND: (422, "请选择投诉类型。没有提交。"),
    ComplaintRefusal.NO_WORDS: (422, "请写明情况。没有提交。"),
    ComplaintRefusal.TOO_LONG: (422, "最多写 1000 个字。没有提交。"),
    ComplaintRefusal.WRONG_STATE: (409, "这件投诉现在不能这样处理，请刷新后再看。"),
    ComplaintRefusal.TOO_LATE: (409, "已经超过提出异议的期限（处理决定后 15 天）。"),
    ComplaintRefusal.GONE: (404, "没有找到这件投诉。"),
    ComplaintRefusal.NO_REASON: (422, "请写明理由和依据。数据没有改动。"),
    ComplaintRefusal.SAME_PERSON: (409, "不能由同一人或该供应商的人处理，请另一位同事操作。"),
}
CLAIM_REFUSALS = {
    ClaimRefusal.NO_SUCH_ORDER: (404, "没有找到这笔订单。"),
    ClaimRefusal.NOT_YOURS: (403, "这台设备不是下单设备，不能操作这笔订单。"),
    ClaimRefusal.NOTHING_LEFT: (409, "这笔订单没有可退的款项，或已经在退款。"),
    ClaimRefusal.OPEN_ALREADY: (409, "这笔订单已有一件监护人申请在处理，不用重复提交。"),
    ClaimRefusal.TOO_MANY: (429, "今天提交的次数已到上限，请明天再来。"),
    ClaimRefusal.NO_CONSENT: (403, "请先单独同意处理身份信息，再提交。没有保存任何内容。"),
    ClaimRefusal.NO_WORDS: (422, "请写明情况。没有提交。"),
    ClaimRefusal.TOO_LONG: (422, "最多写 1000 个字。没有提交。"),
    ClaimRefusal.WRONG_RELATION: (422, "请选择与未成年人的关系。没有提交。"),
    ClaimRefusal.WRONG_NAME: (422, "监护人和未成年人的姓名都要填写，各不超过 60 个字。没有提交。"),
    ClaimRefusal.GUARDIAN_NUMBER: (422, "监护人的身份证号不对，请对照证件核对。没有提交。"),
    ClaimRefusal.MINOR_NUMBER: (422, "未成年人的身份证号不对，请对照证件核对。没有提交。"),
    ClaimRefusal.SAME_NUMBER: (422, "监护人和未成年人不能是同一个身份证号。没有提交。"),
    ClaimRefusal.GUARDIAN_YOUNG: (422, "监护人须年满 18 岁。没有提交。"),
    ClaimRefusal.NOT_A_MINOR: (422, "下单当日该使用人已满 18 岁，不适用监护人退款；可以提交投诉。"),
    ClaimRefusal.NO_DEDUCTION: (422, "只有已查看、且允许未成年人购买的商品才能扣减。数据没有改动。"),
    ClaimRefusal.TOO_MUCH: (422, "扣减须少于可退金额。全部不退请用驳回并写明理由。数据没有改动。"),
    ClaimRefusal.NO_REASON: (422, "请写明理由和依据，最多 1000 个字。数据没有改动。"),
    ClaimRefusal.SAME_PERSON: (409, "不能由同一人或该供应商的人处理，请另一位同事操作。"),
    ClaimRefusal.GONE: (404, "已经处理过，或不存在。数据没有改动。"),
}
DEMAND_REFUSALS = {
    CompensationRefusal.NO_SUCH_ORDER: (404, "没有找到这笔订单。"),
    CompensationRefusal.NOT_YOURS: (403, "这台设备不是下单设备，不能操作这笔订单。"),
    CompensationRefusal.NOTHING_DUE: (409, "这笔订单现在没有要先行赔付的卡密。卡密有问题可以提交投诉。"),
    CompensationRefusal.DECIDED: (409, "这笔订单的赔付已经决定过。不同意可以提交投诉，由另一位工作人员处理。"),
    CompensationRefusal.OPEN_ALREADY: (409, "这笔订单已有一件赔付在处理，不用重复提交。"),
    CompensationRefusal.TOO_MANY: (429, "今天提交的次数已到上限，请明天再来。"),
}
KINDS = {"goods": "商品问题", "delivery": "交付问题", "attitude": "服务态度", "other": "其他"}
RELATIONS = {"father": "父亲", "mother": "母亲", "grandparent": "祖父母或外祖父母", "other": "其他监护人"}
CONSENT = (
    "我是上述未成年人的监护人，单独同意平台为核实本次退款申请处理我和该未成年人的姓名、身份证号及证明材料；"
    "加密保存，只由经办人员查看并留痕，处理决定满三年后删除。"
)


@require_POST
def complain(request: HttpRequest, token: str) -> HttpResponse:
    told = (request.POST.get("kind", ""), request.POST.get("words", "").strip()[:TEXT_MAX])
    with edge.transaction() as db:
        mine = device.identity(request)
        answer = aftersale.open_complaint(db, _buyer(request), token, mine, told, clock.now())
    return _after(request, token, answer)


@require_POST
def step(request: HttpRequest, token: str, complaint_id: UUID, verb: str) -> HttpResponse:
    """What a buyer may do with a complaint: object to its decision, or take it back."""
    mine, words = device.identity(request), request.POST.get("words", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        if verb == "object":
            told = (complaint_id, words)
            answer = aftersale.object_to(db, _buyer(request), token, mine, told, clock.now())
        elif verb == "withdraw":
            answer = aftersale.withdraw(db, _buyer(request), token, mine, complaint_id, clock.now())
        else:
            raise Http404
    return _after(request, token, answer)


@require_POST
def demand(request: HttpRequest, token: str) -> HttpResponse:
    """先行赔付: the money of cards whose supplier is barred, or whose goods were taken down (§2.3)."""
    with edge.transaction() as db:
        answer = aftersale.demand(db, _buyer(request), token, device.identity(request), clock.now())
    if not isinstance(answer, CompensationRefusal):
        return redirect("store:order", token=token)
    with edge.transaction() as db:
        seen = see(db, request, token)
    status, words = DEMAND_REFUSALS[answer]
    return page_of(request, seen, _(words), status)


@csrf_exempt  # checked by `takes_files`, once it is known who asks
@require_http_methods(["GET", "POST"])
def guardian(request: HttpRequest, token: str) -> HttpResponseBase:
    """A guardian's form. Nothing of a file is read before it is known that the order is this browser's."""
    with edge.transaction() as db:
        seen = see(db, request, token)
        bucket = f"guardian:{seen.order.id}"
        is_patient = request.method == "GET" or limits.allow(db, bucket, clock.now(), most=UPLOADS_MAX, seconds=86_400)
    if not seen.is_mine:
        return page_of(request, seen, _(CLAIM_REFUSALS[ClaimRefusal.NOT_YOURS][1]), 403)
    if request.method == "GET":
        return _form(request, token)
    if not is_patient:
        return _form(request, token, _(CLAIM_REFUSALS[ClaimRefusal.TOO_MANY][1]), 429)
    if _weight(request) > papers.BYTES_MAX + FORM_BYTES_MAX:
        return _form(request, token, _("只收 10 MB 以内的 PDF、JPG、PNG。没有提交。"), 413)
    return _hand_in(request, token)


@takes_files
def _hand_in(request: HttpRequest, token: str) -> HttpResponseBase:
    told, file, at = request.POST, request.FILES.get("file"), clock.now()
    if told.get("consent") != "yes":
        status, words = CLAIM_REFUSALS[ClaimRefusal.NO_CONSENT]
        return _form(request, token, _(words), status)
    kind = None
    if isinstance(file, SealedFile) and 0 < file.kept.size <= papers.BYTES_MAX:
        kind = papers.kind_of(edge.ctx(), file.kept.name)
    if not isinstance(file, SealedFile) or kind is None:
        return _form(request, token, _("只收 10 MB 以内的 PDF、JPG、PNG。没有提交。"), 422)
    names = ("guardian_name", "guardian_number", "minor_name", "minor_number", "words")
    persons = Persons(*(told.get(name, "").strip()[:TEXT_MAX] for name in names))
    new = NewClaim(persons, told.get("relation", ""), file.kept.name, file.kept.size, file.kept.sha256, kind)
    holder = (token, device.identity(request))
    with edge.transaction() as db:
        order = sales.by_token(db, token)
        assert order is not None
        party.give_consent(db, _buyer(request), aftersale.subject_of(order), aftersale.PURPOSE, CONSENT, at)
        answer = aftersale.open_claim(db, edge.ctx().ring, _buyer(request), holder, new, at)
    if isinstance(answer, ClaimRefusal):
        status, words = CLAIM_REFUSALS[answer]
        return _form(request, token, _(words), status)
    assert isinstance(answer, Claim)
    file.is_kept = True
    return redirect("store:order", token=token)


@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    """How complaints go, and within which terms: for everybody to read (C-39, ECOM §59)."""
    told = {
        "terms": {name: one.days for name, one in aftersale.TERMS.items()},
        "object_days": aftersale.OBJECT_DAYS,
        "day_max": aftersale.DAY_MAX,
    }
    return render(request, "store/complaints.html", told)


def _after(request: HttpRequest, token: str, answer: Complaint | ComplaintRefusal) -> HttpResponse:
    if not isinstance(answer, ComplaintRefusal):
        return redirect("store:order", token=token)
    with edge.transaction() as db:
        seen = see(db, request, token)
    status, words = COMPLAINT_REFUSALS[answer]
    return page_of(request, seen, _(words), status)


def _form(request: HttpRequest, token: str, error: str = "", status: int = 200) -> HttpResponse:
    """The form again, with what may be shown again: never an ID number."""
    with edge.transaction() as db:
        seen = see(db, request, token)
    typed = request.POST if status == 422 else {}
    told = {
        "seen": seen,
        "order": seen.order,
        "page": seen.page,
        "error": error,
        "relations": {name: _(word) for name, word in RELATIONS.items()},
        "consent": _(CONSENT),
        "days": aftersale.TERMS["guardian"].days,
        "form": {name: typed.get(name, "") for name in ("guardian_name", "minor_name", "relation", "words")},
    }
    response = render(request, "store/guardian.html", told, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _weight(request: HttpRequest) -> int:
    """How much the request says it is; what says nothing is not read."""
    told = str(request.META.get("CONTENT_LENGTH") or "")
    return int(told) if told.isascii() and told.isdigit() else 1 << 62


def _buyer(request: HttpRequest) -> Actor:
    return Actor("buyer", device.identity(request).hex()[:12])
