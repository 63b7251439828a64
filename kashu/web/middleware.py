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
SECOND_FACTOR = "/accounts/2fa/"


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

    Somebody without one yet is led to set one up; `allauth` asks for it at every later sign-in.
    """

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PORTALS):
            return self._next(request)
        if not request.user.is_authenticated:
            return redirect(f"/accounts/login/?next={request.path_info}")
        methods = request.session.get("account_authentication_methods", [])
        if not any(one.get("method") == "mfa" for one in methods):
            step = "reauthenticate/" if is_mfa_enabled(request.user) else "totp/activate/"
            return redirect(f"{SECOND_FACTOR}{step}?next={request.path_info}")
        response = self._next(request)
        response.headers.setdefault("Cache-Control", "no-store")  # files that are streamed too
        return response
