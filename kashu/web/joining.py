"""An invitation's link: somebody makes their account with it, or, signed in, joins another organisation."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kashu import audit, party, sales
from kashu.audit import Actor, Deed
from kashu.kernel import clock, limits
from kashu.kernel.db import Db
from kashu.party import Party, SupplierRefusal
from kashu.party.models import MEMBER, Person
from kashu.web import device, errors, portals
from kashu.web.console.desk import say
from kashu.web.supplier.desk import REFUSALS
from kashu.wire import edge

TRIES_MAX, TRIES_SECONDS = 20, 600


@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a link. It is good for seven days, once, and for the address it was sent to."""
    at = clock.now()
    with edge.transaction() as db:
        bucket = f"join {device.address(request)}"
        is_fine = limits.allow(db, bucket, at, most=TRIES_MAX, seconds=TRIES_SECONDS)
        found = party.invitation(db, edge.ctx().ring, token, at) if is_fine else SupplierRefusal.GONE
        named = None if isinstance(found, SupplierRefusal) else _opening(db, found[0].party_id)
    if isinstance(found, SupplierRefusal) or named is None:
        return errors.page(
            request, 404, _("邀请链接无效"), _("链接已使用、已撤回或超过 7 天。请联系邀请你的人重新发送。")
        )
    _told, email = found
    known = Person.objects.filter(email=email).first()
    error = ""
    if request.method == "POST":
        error = _enter(request, token, email, known)
        if not error:
            return portals.act_for(request, named)
    page = {"named": named.name, "email": email, "is_known": known is not None, "error": error}
    response = render(request, "account/join.html", page, status=422 if error else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _opening(db: Db, party_id: int) -> Party | None:
    """The organisation that a link lets into; one whose purchase account was closed lets nobody in."""
    account = sales.account_of(db, party_id)
    return None if account is not None and account.state == "closed" else party.party(db, party_id)


def _enter(request: HttpRequest, token: str, email: str, known: Person | None) -> str:
    """Make the account where there is none, and let its person in; what went wrong, or nothing."""
    if known is not None and getattr(request.user, "pk", None) != known.pk:
        return _("这个邮箱已有账号，请先用它登录，再打开邀请链接。")
    if known is None:
        made = _open(request, email)
        if isinstance(made, str):
            return made
        known = made
    with edge.transaction() as db:
        own = request.session.session_key or ""
        joined = party.accept_invitation(db, edge.ctx().ring, token, (known.pk, email), clock.now(), session=own)
    if joined is SupplierRefusal.IS_STAFF:
        return _(REFUSALS[joined])
    if isinstance(joined, SupplierRefusal):
        return _("链接已使用、已撤回或超过 7 天。请联系邀请你的人重新发送。")
    say(request, _("已加入。首次登录时会要求绑定动态码。"))
    return ""


def _open(request: HttpRequest, email: str) -> Person | str:
    name, password = request.POST.get("name", "").strip()[:60], request.POST.get("password", "")
    if not name:
        return _("请填写姓名。")
    try:
        validate_password(password)
    except ValidationError:
        return _("密码至少 10 个字符，且不能是常见密码。")
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email, password, name=name, role=MEMBER)
            EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
            told = {"email": email, "role": MEMBER}
            with edge.transaction() as db:  # an account is in the trail, or there is none (S-04)
                audit.record(
                    db, [Deed(Actor("person", email), "person.open", "person", str(person.pk), after=told)], clock.now()
                )
    except IntegrityError:
        return _("这个邮箱已有账号，请先用它登录，再打开邀请链接。")
    return person
