"""Suppliers at the desk: who applies, who is due, one supplier's whole file, and every verb of its life."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import aftersale, audit, party
from kashu.audit import Approval, ApprovalRefusal, Deed
from kashu.kernel import clock
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db
from kashu.kernel.text import sha256_hex
from kashu.party import GRADES, TRADING, Application, NewSanction, Supplier, SupplierRefusal
from kashu.web.console.batches import APPROVAL_REFUSALS
from kashu.web.console.desk import PAGE_ROWS, page_of, say
from kashu.web.desk.handover import register_licence
from kashu.web.desk.shared import TEXT_MAX, by_instant, by_instant_of, day_of, show
from kashu.web.people import EMAIL, send_invitation
from kashu.web.rights import actor, is_alone, needs
from kashu.web.supplier.desk import REFUSALS
from kashu.web.supplier.onboarding import KINDS, LACKS
from kashu.wire import edge, papers

FIGURES_DAYS = 365
DUE_SOON_DAYS = 150  # since the last verification: a month is left
DIGEST = re.compile(r"^[0-9a-f]{64}\Z")
Told = dict[str, str]


@require_GET
@needs("suppliers.read")
def suppliers(request: HttpRequest) -> HttpResponse:
    """Who waits for a review, whose verification is due, and everybody else: each a page, each counted whole."""
    at = clock.now()
    soon, most = at - timedelta(days=DUE_SOON_DAYS), PAGE_ROWS + 1
    with edge.transaction() as db:
        waiting = page_of(
            party.suppliers(db, ["kyb_review"], after=by_instant(request, "waiting"), most=most), _applied
        )
        due = page_of(party.due_suppliers(db, soon, after=by_instant(request, "due"), most=most), _verified)
        every = page_of(party.suppliers(db, after=by_instant(request, "every"), most=most), _applied)
        named = party.parties_by(db, {one.party_id for page in (waiting, due, every) for one in page.rows})
        counts = party.open_counts(db, soon)
    told = {
        "counts": counts,
        "waiting": [(one, named[one.party_id]) for one in waiting.rows],
        "due": [
            (one, named[one.party_id], party.reverify_on(one.verified_at), party.is_reverify_due(one.verified_at, at))
            for one in due.rows if one.verified_at is not None
        ],
        "every": [(one, named[one.party_id]) for one in every.rows],
        "after": {"waiting": waiting.after, "due": due.after, "every": every.after},
    }  # fmt: skip
    return show(request, "suppliers", "suppliers", told)


@require_POST
@needs("suppliers.review")
def apply(request: HttpRequest) -> HttpResponse:
    """Open an application for an organisation, and send its first person the link."""
    told = told_in(request)
    email = told.get("email", "").lower()
    if not EMAIL.match(email):
        say(request, _("请填写对方的邮箱，用来发送邀请。数据没有改动。"), is_bad=True)
        return redirect("desk:suppliers")
    name, number, address, contact, phone = (
        told.get(one, "") for one in ("name", "number", "address", "contact", "phone")
    )
    is_registered = told.get("is_registered", "yes") == "yes"
    new = Application(name, number, address, contact, phone, is_registered)
    with edge.transaction() as db:
        done = party.apply(db, edge.ctx().ring, actor(request), new, clock.now())
    if isinstance(done, SupplierRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
        return redirect("desk:suppliers")
    send_invitation(request, done.party_id, email)
    say(request, _("申请已登记，邀请已发送，7 天内有效。"))
    return redirect("desk:supplier", party_id=done.party_id)


@require_GET
@needs("suppliers.read")
def supplier(request: HttpRequest, party_id: int) -> HttpResponse:
    at, ring = clock.now(), edge.ctx().ring
    with edge.transaction() as db:
        file = party.supplier_file(db, party_id, at)
        if file is None:
            raise Http404
        told: dict[str, Any] = {
            "file": file,
            "named": party.party(db, party_id),
            "sanctions": page_of(
                party.sanctions(db, party_id, before=by_instant_of(request, "sanctions"), most=PAGE_ROWS + 1),
                lambda one: (one.begins_at.isoformat(), str(one.id)),
            ),
            "screened_at": party.screened_at(db, party_id),
            "trail": reversed(audit.entries_of(db, 0, "party", str(party_id))),
            "approvals": [one for one in audit.open_approvals(db) if _is_about(one, party_id)],
            "figures": aftersale.figures(db, party_id, at, at - timedelta(days=FIGURES_DAYS)),
        }
    verified = file.supplier.verified_at
    told |= {
        "names": {one.id: ring.open_personal(one.name, f"principal {one.id}")[:1] + "**" for one in file.principals},
        "reverify_on": None if verified is None else party.reverify_on(verified),
        "kinds": {name: _(word) for name, word in KINDS.items()},
        "lacks": [_(LACKS[one]) for one in file.lacks],
        "grades": GRADES,
        "is_trading": file.supplier.state in TRADING,
        "today": biz_date(at),
    }
    return show(request, "supplier", "suppliers", told)


@require_POST
@needs("suppliers.review")
@reauthentication_required
def review(request: HttpRequest, party_id: int, verb: str) -> HttpResponse:
    """Every step a reviewer takes with a supplier."""
    if verb not in REVIEWS:
        raise Http404
    return perform(request, party_id, REVIEWS[verb])


@require_POST
@needs("suppliers.sanction")
@reauthentication_required
def sanction(request: HttpRequest, party_id: int) -> HttpResponse:
    return perform(request, party_id, _sanction)


@require_POST
@needs("suppliers.review")
@reauthentication_required
def confirm(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """The second person's yes: to a supplier of high risk, to a lower one, or to a hit that is somebody else."""
    at, alone = clock.now(), is_alone("suppliers.review")
    with edge.transaction() as db:
        asked = audit.approval(db, approval_id)
        act = "" if asked is None else asked.act
        do = CONFIRMS.get(act)
        done = ApprovalRefusal.GONE if do is None else do(db, actor(request), approval_id, at, is_alone=alone)
    tell(request, done)
    return redirect("desk:screening" if request.POST.get("back") == "/desk/screening" else "desk:suppliers")


@require_POST
@needs("suppliers.review")
@reauthentication_required
def document(request: HttpRequest, party_id: int, document_id: UUID) -> HttpResponse:
    """A paper's file, audited before it leaves (C-52)."""
    with edge.transaction() as db:
        found = party.document(db, document_id)
        if found is None or found.party_id != party_id or not found.spool:
            raise Http404
        told = {"document": str(document_id), "kind": found.kind, "sha256": found.sha256}
        audit.record(
            db, [Deed(actor(request), "supplier.document.show", "party", str(party_id), after=told)], clock.now()
        )
    kind = papers.kind_of(edge.ctx(), found.spool) or "application/octet-stream"
    response = HttpResponse(b"".join(papers.content(edge.ctx(), found.spool)), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.kind}-{str(document_id)[-8:]}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@needs("suppliers.review")
def decide_document(request: HttpRequest, party_id: int, document_id: UUID) -> HttpResponse:
    after = "accepted" if "accept" in request.POST else "rejected"
    with edge.transaction() as db:
        found = party.document(db, document_id)
        if found is None or found.party_id != party_id:
            raise Http404
        reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
        done = party.decide_document(db, actor(request), document_id, after, reason, clock.now())
        if done is None and after == "accepted" and found.kind == "business_licence":
            register_licence(db, found)
    tell(request, done)
    return redirect("desk:supplier", party_id=party_id)


@require_POST
@needs("suppliers.review")
@reauthentication_required
def show_principal(request: HttpRequest, party_id: int, principal_id: UUID) -> HttpResponse:
    """Name and number of a person behind a supplier, for this one answer, with a reason (C-52)."""
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        found = next((one for one in party.principals(db, party_id) if one.id == principal_id), None)
        if found is None:
            raise Http404
        if not reason:
            say(request, _(REFUSALS[SupplierRefusal.NO_REASON]), is_bad=True)
            return redirect("desk:supplier", party_id=party_id)
        name, number = party.show_principal(db, edge.ctx().ring, actor(request), found, reason, clock.now())
    return show(request, "principal", "suppliers", {"name": name, "number": number, "party_id": party_id})


def _applied(one: Supplier) -> tuple[str, int]:
    return one.applied_at.isoformat(), one.party_id


def _verified(one: Supplier) -> tuple[str, int]:
    assert one.verified_at is not None
    return one.verified_at.isoformat(), one.party_id


def perform(request: HttpRequest, party_id: int, do: Callable[..., object]) -> HttpResponse:
    with edge.transaction() as db:
        if party.supplier(db, party_id) is None:
            raise Http404
        done = do(db, request, party_id, told_in(request))
    tell(request, done)
    return redirect("desk:supplier", party_id=party_id)


def tell(request: HttpRequest, done: object) -> None:
    if isinstance(done, SupplierRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
    elif done is ApprovalRefusal.ALREADY_ASKED:
        say(request, _("同一事项已有未完成的申请。"), is_bad=True)
    elif isinstance(done, ApprovalRefusal):
        say(request, _(APPROVAL_REFUSALS[done]), is_bad=True)
    elif isinstance(done, Approval):
        say(request, _("已申请，请另一位同事复核；单人模式下等待结束后由你再次确认。"))
    else:
        say(request, _("已办理，并记入审计日志。"))


def told_in(request: HttpRequest) -> Told:
    return {name: text.strip()[:TEXT_MAX] for name, text in request.POST.items() if isinstance(text, str)}


def why_of(told: Told) -> tuple[str, str]:
    """The reason, and the hash of the evidence: as it was given, or of the words that name it."""
    return told.get("reason", ""), evidence_of(told.get("evidence", ""))


def evidence_of(told: str) -> str:
    """The hash of evidence: as it was given, or of the words that name it; none of none."""
    return told if DIGEST.match(told) or not told else sha256_hex(told)


def solo_wait(db: Db, right: str = "suppliers.review") -> int | None:
    """How long a sole operator waits; None where a second person has the right."""
    house = party.platform(db)
    return house.solo_wait_seconds if house.is_solo and is_alone(right) else None


def _is_about(one: Approval, party_id: int) -> bool:
    return (one.object_kind, one.object_id) == ("party", str(party_id)) or one.body.get("party_id") == party_id


def _stage(verb: Callable[..., object]) -> Callable[..., object]:
    def do(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
        return verb(db, actor(request), party_id, why_of(told), clock.now())

    return do


def _ask_accept(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
    wait, at = solo_wait(db), clock.now()
    return party.ask_accept(db, actor(request), party_id, why_of(told), solo_wait_seconds=wait, at=at)


def _reverify(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
    return party.reverify(db, edge.ctx().ring, actor(request), party_id, why_of(told), clock.now())


def _verify(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:  # noqa: ARG001  # one shape for all
    return party.ask_verifications(db, actor(request), party_id, clock.now())


def _note(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
    """What a person looked up of a question that is open."""
    asked = next((one for one in party.verifications(db, party_id) if str(one.id) == told.get("verification")), None)
    if asked is None or asked.state != "asked" or told.get("state") not in ("matched", "mismatched", "not_found"):
        return SupplierRefusal.GONE
    seen, subject = why_of(told), (asked.kind, asked.subject)
    return party.note_verification(db, actor(request), party_id, subject, told["state"], seen, clock.now())


def _risk(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
    """A risk at once, unless it is a high one that is called less: that is asked for, and a second person says yes."""
    risk, reason, at = told.get("risk", ""), told.get("reason", ""), clock.now()
    done = party.set_risk(db, actor(request), party_id, risk, reason, at)
    if done is not SupplierRefusal.NEEDS_TWO:
        return done
    return party.ask_lower_risk(db, actor(request), party_id, (risk, reason), solo_wait_seconds=solo_wait(db), at=at)


def _sanction(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
    until, (reason, evidence) = day_of(told.get("until", "")), why_of(told)
    ends_at = None if until is None else day_start(until + timedelta(days=1))
    is_public = told.get("is_public", "") == "yes"
    new = NewSanction(told.get("grade", ""), told.get("ground", ""), reason, evidence, ends_at, is_public)
    return party.sanction(db, actor(request), party_id, new, clock.now())


CONFIRMS = {
    "supplier.accept": party.confirm_accept,
    "supplier.hit.clear": party.clear,
    "supplier.risk.lower": party.confirm_lower_risk,
}
REVIEWS = {
    "accept": _stage(party.accept),
    "ask-accept": _ask_accept,
    "send-back": _stage(party.send_back),
    "refuse": _stage(party.refuse),
    "activate": _stage(party.activate),
    "leave": _stage(party.leave),
    "close": _stage(party.close),
    "reverify": _reverify,
    "verify": _verify,
    "note": _note,
    "risk": _risk,
}
