"""Onboarding, step by step: what is missing is said, what was typed is kept, what is wrong is told where it was typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from kashu import party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.money import parse_yuan
from kashu.party import Lack, NewDocument, SupplierFile, SupplierRefusal
from kashu.web.console.desk import say
from kashu.web.desk.shared import day_of
from kashu.web.portals import is_patient, owners_only
from kashu.web.rights import actor
from kashu.web.supplier.desk import REFUSALS, Desk, at_desk, show
from kashu.web.uploads import SealedFile, takes_files
from kashu.wire import edge, papers

STEPS = {
    "company": ("主体信息", (Lack.COMPANY, Lack.ADDRESS, Lack.CONTACT)),
    "people": ("法定代表人与受益所有人", (Lack.LEGAL_REPRESENTATIVE, Lack.BENEFICIAL_OWNER)),
    "account": ("对公账户", (Lack.BANK_ACCOUNT,)),
    "papers": ("证照与证件", (Lack.BUSINESS_LICENCE, Lack.IDENTITY)),
    "sign": ("签约", ()),
    "deposit": ("保证金", ()),
}
LACKS = {
    Lack.COMPANY: "主体名称和统一社会信用代码",
    Lack.ADDRESS: "实际经营地址",
    Lack.CONTACT: "对外联系方式",
    Lack.BUSINESS_LICENCE: "营业执照",
    Lack.LEGAL_REPRESENTATIVE: "法定代表人",
    Lack.BENEFICIAL_OWNER: "受益所有人",
    Lack.IDENTITY: "法定代表人证件",
    Lack.BANK_ACCOUNT: "本单位收款账户",
}
KINDS = {
    "business_licence": "营业执照",
    "identity": "法定代表人证件",
    "bank_proof": "开户证明",
    "authority": "授权委托书",
    "other": "其他材料",
}
CONSENTS = {
    "identity_document": "我单位已取得证件持有人的单独同意：平台为核验身份、履行名单筛查义务处理其证件影像和号码，加密保存，不作他用；可随时撤回。",
    "bank_account": "我单位同意：平台为打款验证和结算处理本单位银行账户信息，加密保存，不作他用；可随时撤回。",
}
ROLES = ("legal_representative", "beneficial_owner")
FIELDS = {"company": ("address", "contact"), "people": ("role", "name", "share"), "account": ("bank",)}
TEXT_MAX = 120
SAVES_PER_DAY = FILES_PER_DAY = 200


@require_GET
@at_desk
def onboarding(request: HttpRequest, desk: Desk, step: str = "company") -> HttpResponse:
    if step not in STEPS:
        raise Http404
    return _page(request, desk, step)


@require_POST
@at_desk
def save(request: HttpRequest, desk: Desk, step: str) -> HttpResponseBase:
    """Take a step's form in; what cannot be taken stays as a draft beside its error.

    The account to pay out to is its owners' to name; another one than was handed in with the application takes a fresh
    proof of who asks as well.
    """
    return (_take_account if step == "account" else _take)(request, desk, step)


def _take(request: HttpRequest, desk: Desk, step: str) -> HttpResponse:
    do = {"company": _company, "people": _person, "account": _account}.get(step)
    if do is None:
        raise Http404
    if not is_patient(desk, "save", SAVES_PER_DAY):  # each may be a question to an authority
        return _page(request, desk, step, _(REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    told = {name: text.strip()[:TEXT_MAX] for name, text in request.POST.items() if isinstance(text, str)}
    error = "" if "draft" in told else do(request, desk, told)
    if error or "draft" in told:
        kept = json.dumps({name: told.get(name, "") for name in FIELDS[step]}, ensure_ascii=False)
        with edge.transaction() as db:
            party.save_draft(db, edge.ctx().ring, desk.party.id, step, kept, clock.now())
    if error == _(REFUSALS[SupplierRefusal.NO_CONSENT]):
        return _page(request, desk, step, error, 403)
    if error:
        return _page(request, desk, step, error, 422)
    say(request, _("草稿已保存。") if "draft" in told else _("已保存。"))
    return redirect("supplier:step", step=step)


@owners_only
def _take_account(request: HttpRequest, desk: Desk, step: str) -> HttpResponse:
    is_change = desk.supplier.state != "applied" and "draft" not in request.POST
    return (_take_afresh if is_change else _take)(request, desk, step)


_take_afresh = reauthentication_required(_take)


@require_POST
@at_desk
@owners_only
def consent(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Give or take back one consent, for one purpose (C-51)."""
    purpose, subject = request.POST.get("purpose", ""), f"party {desk.party.id}"
    if purpose not in CONSENTS:
        raise Http404
    if not is_patient(desk, "save", SAVES_PER_DAY):
        return _page(request, desk, "papers", _(REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    with edge.transaction() as db:
        if "withdraw" in request.POST:
            party.withdraw_consent(db, actor(request), subject, purpose, clock.now())
        else:
            party.give_consent(db, actor(request), subject, purpose, CONSENTS[purpose], clock.now())
    say(
        request,
        _("同意已撤回，之后不再接收这类资料。撤回前收到的不受影响，依法保存到退出满三年。")
        if "withdraw" in request.POST
        else _("已记录你的单独同意。"),
    )
    asked_on = "people" if request.POST.get("step") == "people" else "papers"
    return redirect("supplier:step", step="account" if purpose == "bank_account" else asked_on)


@csrf_exempt  # checked by `takes_files`, once the rights are
@require_POST
@at_desk
@takes_files
def upload(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A paper, sealed from its first byte. A sensitive one without its consent is refused with 403 (C-51)."""
    if not is_patient(desk, "file", FILES_PER_DAY):
        return _page(request, desk, "papers", _(REFUSALS[SupplierRefusal.TOO_MANY]), 429)
    told, file = request.POST, request.FILES.get("file")
    kind, until = told.get("kind", ""), told.get("valid_to", "").strip()
    valid_to = day_of(until)
    if until and valid_to is None:
        return _page(request, desk, "papers", _("到期日写成 2027-12-31。没有保存。"), 422)
    if kind not in KINDS or not isinstance(file, SealedFile):
        return _page(request, desk, "papers", _("请选择材料种类和文件。没有保存。"), 422)
    if not 0 < file.kept.size <= papers.BYTES_MAX or papers.kind_of(edge.ctx(), file.kept.name) is None:
        return _page(request, desk, "papers", _("只收 10 MB 以内的 PDF、JPG、PNG。没有保存。"), 422)
    new = NewDocument(
        kind, (file.name or kind)[:TEXT_MAX], told.get("number", "").strip()[:64], {}, file.kept.name, file.kept.size,
        file.kept.sha256, valid_to,
    )  # fmt: skip
    with edge.transaction() as db:
        done = party.submit(db, edge.ctx().ring, actor(request), desk.party.id, new, clock.now())
    if isinstance(done, SupplierRefusal):
        status = 403 if done is SupplierRefusal.NO_CONSENT else 422
        return _page(request, desk, "papers", _(REFUSALS[done]), status)
    file.is_kept = True
    say(request, _("材料已提交，等待审核。"))
    return redirect("supplier:step", step="papers")


@require_POST
@at_desk
def exempt(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Who is not registered declares why they need not be; authorities are told so (C-11)."""
    with edge.transaction() as db:
        ground = request.POST.get("ground", "")
        done = party.reports.declare_exempt(db, actor(request), desk.party.id, ground, clock.now())
    say(request, _("请选择无须登记的情形。") if done else _("已记录你的声明。"), is_bad=done is not None)
    return redirect("supplier:step", step="company")


@require_POST
@at_desk
def hand_in(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Everything is there: the review begins, and authorities are asked."""
    with edge.transaction() as db:
        done = party.begin_review(db, edge.ctx().ring, actor(request), desk.party.id, clock.now())
        if done is None:
            party.ask_verifications(db, actor(request), desk.party.id, clock.now())
    if isinstance(done, list):
        missing = "、".join(_(LACKS[one]) for one in done)
        say(request, _("还缺：%(missing)s。") % {"missing": missing}, is_bad=True)
    elif done is not None:
        say(request, _(REFUSALS[done]), is_bad=True)
    else:
        say(request, _("已提交审核，通常 3 个工作日内答复。"))
    return redirect("supplier:overview")


@require_POST
@at_desk
@owners_only
def sign(request: HttpRequest, desk: Desk) -> HttpResponse:
    with edge.transaction() as db:
        done = party.sign(db, actor(request), desk.party.id, request.POST.get("sha256", ""), clock.now())
    say(request, _(REFUSALS[done]) if done else _("已签署。"), is_bad=done is not None)
    return redirect("supplier:step", step="sign")


def _company(request: HttpRequest, desk: Desk, told: Mapping[str, str]) -> str:
    if not told.get("address") or not told.get("contact"):
        return _("经营地址和联系方式都要填写，买家会看到。")
    with edge.transaction() as db:
        done = party.set_particulars(db, actor(request), desk.party.id, told["address"], told["contact"], clock.now())
    return _(REFUSALS[done]) if done else ""


def _person(request: HttpRequest, desk: Desk, told: Mapping[str, str]) -> str:
    share = parse_yuan(told.get("share") or "0")  # hundredths of a per cent are basis points
    if told.get("role") not in ROLES or not told.get("name") or share is None or share > 10_000:
        return _("姓名和身份都要填写，持股比例为 0 到 100。")
    person = (told["role"], told["name"], told.get("id_number", ""), share)
    with edge.transaction() as db:
        done = party.set_principal(db, edge.ctx().ring, actor(request), desk.party.id, person, clock.now())
        if not isinstance(done, SupplierRefusal) and desk.supplier.state != "applied":
            party.ask_verifications(db, actor(request), desk.party.id, clock.now())
    return _(REFUSALS[done]) if isinstance(done, SupplierRefusal) else ""


def _account(request: HttpRequest, desk: Desk, told: Mapping[str, str]) -> str:
    account = (desk.party.name, told.get("bank", ""), told.get("number", ""))
    with edge.transaction() as db:
        done = party.set_bank_account(db, edge.ctx().ring, actor(request), desk.party.id, account, clock.now())
        if not isinstance(done, SupplierRefusal) and desk.supplier.state != "applied":
            party.ask_verifications(db, actor(request), desk.party.id, clock.now())
    if not isinstance(done, SupplierRefusal) and party.check_bank_account(account[2]).warning:
        say(request, _("账号的校验位不符，可能输错了一位，请对照开户证明再核对一次。"), is_bad=True)
    return _(REFUSALS[done]) if isinstance(done, SupplierRefusal) else ""


def steps_of(file: SupplierFile) -> list[dict[str, Any]]:
    """The steps with what each lacks."""
    signed = {one.kind for one in file.signatures}
    is_done = {"sign": signed >= {"supply", "deposit"}, "deposit": bool(signed) and file.deposit.is_full}
    return [
        {
            "name": name,
            "title": _(title),
            "missing": [_(LACKS[one]) for one in needs if one in file.lacks],
            "is_done": is_done.get(name, not set(needs) & set(file.lacks)),
        }
        for name, (title, needs) in STEPS.items()
    ]


def _page(request: HttpRequest, desk: Desk, step: str, error: str = "", status: int = 200) -> HttpResponse:
    at, subject = clock.now(), f"party {desk.party.id}"
    with edge.transaction() as db:
        file = party.supplier_file(db, desk.party.id, at)
        assert file is not None
        draft = party.draft(db, edge.ctx().ring, desk.party.id, step)
        told: dict[str, Any] = {
            "file": file,
            "own": party.party(db, desk.party.id),
            "kept": party.kept_bank_account(db, desk.party.id),
            "contracts": [one for kind in ("supply", "deposit") if (one := party.contract(db, kind)) is not None],
            "exempt": party.reports.exemption(db, desk.party.id),
            "consents": {name: party.has_consent(db, subject, name) for name in CONSENTS},
            "names": {
                one.id: edge.ctx().ring.open_personal(one.name, f"principal {one.id}") for one in file.principals
            },
        }
    told |= {
        "step": step,
        "steps": steps_of(file),
        "error": error,
        "draft": json.loads(draft) if draft else {},
        "consent_words": {name: _(words) for name, words in CONSENTS.items()},
        "kinds": {name: _(word) for name, word in KINDS.items()},
        "grounds": {name: _(word) for name, word in party.reports.GROUNDS.items()},
        "signed": {one.sha256 for one in file.signatures},
        "today": biz_date(at),
    }
    return show(request, desk, "onboarding", "onboarding", told, status)
