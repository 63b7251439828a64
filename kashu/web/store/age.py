"""The age of whoever checks out in this browser: asked where goods need it, kept for an hour, shown to nobody (C-70)."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from kashu import sales
from kashu.catalog import Offer
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.text import sha256_hex
from kashu.party import AgeCheck, AgeRefusal, Holder
from kashu.sales import Buyer
from kashu.web import device
from kashu.wire import age, edge

CONSENT = (
    "我单独同意：平台为核验年龄，把我的姓名和身份证号发给核验机构比对一次。平台不保存姓名、号码和证件，只留下无法还原的标记，"
    "用来计算未成年人的消费限额；不作他用。"
)
GUARDIAN = "我是本人的监护人，本人未满 14 周岁，我同意按上面的说明核验。"
STATUS = {
    AgeRefusal.NO_CONSENT: 403,
    AgeRefusal.NO_GUARDIAN: 403,
    AgeRefusal.INCOMPLETE: 422,
    AgeRefusal.NOT_VERIFIED: 422,
    AgeRefusal.UNAVAILABLE: 503,
    AgeRefusal.TOO_OFTEN: 429,
}
REFUSALS = {
    AgeRefusal.NO_CONSENT: "请先勾选核验年龄的单独同意。没有核验，没有下单，也没有扣款。",
    AgeRefusal.NO_GUARDIAN: "未满 14 周岁的，请由监护人勾选同意后再提交。没有核验，没有下单，也没有扣款。",
    AgeRefusal.INCOMPLETE: "姓名或身份证号填写有误，请核对后再提交。没有下单，也没有扣款。",
    AgeRefusal.NOT_VERIFIED: "姓名和身份证号没有通过核验，请核对后再提交。没有下单，也没有扣款。",
    AgeRefusal.UNAVAILABLE: "暂时不能核验年龄，请稍后再试。填写的内容都还在，没有下单，也没有扣款。",
    AgeRefusal.TOO_OFTEN: "核验次数过多，请一小时后再试。没有下单，也没有扣款。",
}


@dataclass(frozen=True, slots=True)
class Consent:
    """Words to agree to, the hash that says to which, and whether this form has."""

    words: str
    hash: str
    is_given: bool
    is_needed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sheet says about age: to be told, or known already; what was typed is given back to who typed it."""

    is_known: bool
    name: str
    number: str
    consents: tuple[Consent, ...]


def asked(request: HttpRequest, offer: Offer) -> Asked | None:
    """What is asked for goods that minors may not have freely; None for all others."""
    if offer.minors == "free":
        return None
    told, given = request.POST, _consents(request)
    hashes = {one: sha256_hex(one) for one in (CONSENT, GUARDIAN)}
    consents = tuple(Consent(_(one), key, key in given, one is CONSENT) for one, key in hashes.items())
    name, number = told.get("id_name", "")[:60], told.get("id_number", "")[:32]
    return Asked(holder_of(request) is not None, name, number, consents)


def is_told(request: HttpRequest) -> bool:
    return "id_number" in request.POST


def verify(request: HttpRequest, buyer: Buyer) -> Holder | AgeRefusal:
    """Have name and number of this form verified; who it was is known on this request, and remembered with its answer."""
    name, number = request.POST.get("id_name", ""), request.POST.get("id_number", "")
    check = AgeCheck(buyer.device, buyer.address, name, number, _consents(request), CONSENT, GUARDIAN)
    found = age.verify(edge.ctx(), check)
    if isinstance(found, Holder):
        request.kashu_age = age.token(edge.ctx().ring, buyer.device, found, clock.now())  # type: ignore[attr-defined]  # ours to keep for this request
    return found


def holder_of(request: HttpRequest) -> Holder | None:
    """Whose age is known in this browser."""
    told = getattr(request, "kashu_age", None)
    kept = request.COOKIES.get(age.COOKIE, "") if told is None else told
    return age.holder_of(edge.ctx().ring, device.identity(request), kept, clock.now()) if kept else None


def is_minor(request: HttpRequest) -> bool:
    return sales.is_minor(holder_of(request), biz_date(clock.now()))


def forget(request: HttpRequest) -> None:
    """Somebody else sits here now."""
    request.kashu_age = ""  # type: ignore[attr-defined]  # ours to keep for this request


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the browser keep what is known since this request, and keep a page with a number on it nowhere else."""
    told = getattr(request, "kashu_age", None)
    if told:
        secure = edge.ctx().public_url.startswith("https://")
        response.set_cookie(age.COOKIE, told, max_age=age.SECONDS, httponly=True, samesite="Lax", secure=secure)
    elif told is not None:
        response.delete_cookie(age.COOKIE, samesite="Lax")
    if is_told(request):
        response.headers["Cache-Control"] = "no-store"
    return response


def words(refusal: AgeRefusal) -> str:
    return _(REFUSALS[refusal])


def _consents(request: HttpRequest) -> frozenset[str]:
    return frozenset(one[:64] for one in request.POST.getlist("age_consent"))
