from __future__ import annotations

import logging
import time
from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import Resolver404, resolve

from kashu.web import errors
from kashu.wire import metrics

log = logging.getLogger(__name__)
Next = Callable[[HttpRequest], HttpResponseBase]
PORTALS = ("/console/", "/desk/", "/buyer/", "/supplier/", "/accounts/data/")
MACHINES = ("/open/", "/callbacks/")
ACCOUNTS, SECOND_FACTOR = "/accounts/", "/accounts/2fa/"
DOORS = ("/accounts/login/", "/accounts/logout/", "/accounts/2fa/reauthenticate/", "/accounts/2fa/authenticate/")


class Observe:
    """Times every request by its view's name, never by its path: paths carry tokens."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response = self._next(request)
        try:
            view = resolve(request.path_info).view_name or "unnamed"
        except Resolver404:
            view = "none"
        seconds = time.perf_counter() - begun
        metrics.REQUEST_SECONDS.labels(view, str(response.status_code)).observe(seconds)
        if response.status_code >= 500:
            log.error("web.failed", extra={"view": view, "status": response.status_code})
        return response


class PlainText:
    """Refuses a zero byte wherever text comes in: no field of ours takes one, and the database would not either."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._next(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponseBase | None:
        if request.path_info.startswith(MACHINES):  # they are answered in their own words
            return None
        # Forms with files are read by the views that take them, after their own checks.
        sent = {} if request.content_type == "multipart/form-data" else request.POST
        told = [*_texts(request.GET), *(_texts(request.POST) if sent else [])]
        return errors.bad_request(request) if any("\x00" in text for text in told) else None


def _texts(sent: QueryDict) -> list[str]:
    return [text for name, values in sent.lists() for text in (name, *map(str, values))]


class StaffSecondFactor:
    """Portals open to people whose session has passed a second factor, and to nobody else.

    Somebody without one yet is led to set one up; `allauth` asks for it at every later sign-in. For who has one, the pages
    of their own account are behind it as well: a session that was opened with the password before the factor was bound
    could otherwise see the recovery codes or take the factor away with the password alone.
    """

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        is_portal = path.startswith(PORTALS)
        if not is_portal and (not path.startswith(ACCOUNTS) or path in DOORS):
            return self._next(request)
        if not request.user.is_authenticated:
            return redirect(f"/accounts/login/?next={path}") if is_portal else self._next(request)
        methods = request.session.get("account_authentication_methods", [])
        if not any(one.get("method") == "mfa" for one in methods):
            if is_mfa_enabled(request.user):
                return redirect(f"{SECOND_FACTOR}reauthenticate/?next={path}")
            if is_portal:
                return redirect(f"{SECOND_FACTOR}totp/activate/?next={path}")
        response = self._next(request)
        response.headers.setdefault("Cache-Control", "no-store")  # files that are streamed too
        return response
