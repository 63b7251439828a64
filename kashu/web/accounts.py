"""How people sign in: no sign-up, second factors sealed at rest."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import clock
from kashu.wire import edge


class StaffOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Accounts are opened by the owner in the console, never by visitors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        return False

    def post_login(self, request: HttpRequest, user: Any, **told: Any) -> Any:
        with edge.transaction() as db:
            audit.record(db, [Deed(Actor("person", user.email), "person.sign_in", "person", str(user.pk))], clock.now())
        return super().post_login(request, user, **told)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        named = str(credentials.get("email") or credentials.get("username") or "")[:120]
        with edge.transaction() as db:
            audit.record(db, [Deed(Actor("person", named), "person.refused", "person", named)], clock.now())


class SealedMfa(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is not typed
    """TOTP secrets and recovery seeds are sealed under the key ring."""

    def encrypt(self, text: str) -> str:
        return edge.ctx().ring.seal_personal(text, "second factor").hex()

    def decrypt(self, encrypted_text: str) -> str:
        return edge.ctx().ring.open_personal(bytes.fromhex(encrypted_text), "second factor")
