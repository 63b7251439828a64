"""How people sign in: no sign-up, second factors sealed at rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import clock
from kashu.party.models import Person
from kashu.web import device
from kashu.web.portals import home_of
from kashu.wire import edge

FRESH_SECONDS = 300


class StaffOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts are opened by the owner in the console, never by visitors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        return False

    def is_reauthentication_required(self, *, app: str, **told: Any) -> bool:
        """Setting up the first second factor right after the password is one act, not two."""
        if app == "allauth.mfa" and self.request is not None and not is_mfa_enabled(self.request.user):
            methods = self.request.session.get("account_authentication_methods", [])
            return not methods or time.time() - methods[-1]["at"] > FRESH_SECONDS
        return bool(super().is_reauthentication_required(app=app, **told))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Each to their own portal."""
        return home_of(request) or str(super().get_login_redirect_url(request))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Sign-in limits count per subscriber, seen through our proxy as everywhere else."""
        return device.address(request)

    def post_login(self, request: HttpRequest, user: Any, **told: Any) -> Any:
        with edge.transaction() as db:
            audit.record(db, [Deed(Actor("person", user.email), "person.sign_in", "person", str(user.pk))], clock.now())
        return super().post_login(request, user, **told)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        named = str(credentials.get("email") or credentials.get("username") or "")[:120]
        with edge.transaction() as db:
            audit.record(db, [Deed(Actor("person", named), "person.refused", "person", "")], clock.now())


class FirstFactor(ActivateTOTPView):  # type: ignore[misc]  # allauth is not typed
    """Binding a second factor, which takes a code of it, has passed it.

    Without this, who had just given password and code was asked for the password again before the recovery codes, and
    for a code again before their portal; and the one that they had just typed was good no more. It counts as a fresh proof
    of who they are: the password was asked for in the last five minutes (`is_reauthentication_required`), the code now.
    Their other sessions, which gave a password only, end.
    """

    def form_valid(self, form: ActivateTOTPForm) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        bound = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        if bound.wrap().validate_code(form.cleaned_data["code"]):  # used up; by somebody else, if not
            post_authentication(self.request, bound, reauthenticated=True)
        for session in UserSession.objects.filter(user=self.request.user).exclude(
            session_key=self.request.session.session_key
        ):
            session.end()
        return answer


def noted(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view that may change how somebody signs in: what changed is in the trail, or it did not change (S-04)."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        person = request.user
        with transaction.atomic():
            before = _ways_in(person.pk)
            answer = view(request, *args, **kwargs)
            after = _ways_in(person.pk)
            if before != after:
                was, now = ({"factors": sorted(kind for kind, _ in factors)} for factors, _ in (before, after))
                password = {"password": "changed" if before[1] != after[1] else "same"}
                who = Actor("person", person.email)
                deed = Deed(who, "person.factors", "person", str(person.pk), was, {**now, **password})
                with edge.transaction() as db:
                    audit.record(db, [deed], clock.now())
        return answer

    return told


def _ways_in(person_id: int) -> tuple[list[tuple[str, int]], str]:
    """The second factors of a person, and the mark of their password."""
    factors = Authenticator.objects.filter(user_id=person_id).order_by("id").values_list("type", "id")
    return list(factors), Person.objects.values_list("password", flat=True).get(pk=person_id)


class SealedMfa(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """TOTP secrets and recovery seeds are sealed under the key ring."""

    def encrypt(self, text: str) -> str:
        return edge.ctx().ring.seal_personal(text, "second factor").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return edge.ctx().ring.open_personal(bytes.fromhex(encrypted_text), "second factor")
