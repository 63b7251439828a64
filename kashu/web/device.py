"""The browser as a buyer: a random name in a cookie, and the address it speaks from."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from kashu.sales import Buyer
from kashu.wire import buyers, edge
from kashu.wire.buyers import COOKIE, is_phone, tidy_phone

__all__ = ["address", "buyer", "identity", "is_phone", "name_of", "remember", "tidy_phone"]
YEAR_SECONDS = 31_536_000


def name_of(request: HttpRequest) -> str:
    """The browser's name; a new one, kept on the request, where it has none."""
    found: str = getattr(request, "kashu_device", "") or request.COOKIES.get(COOKIE, "")
    if not buyers.is_name(found):
        found = buyers.new_name()
    request.kashu_device = found  # type: ignore[attr-defined]  # ours to keep for this request
    return found


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    secure = edge.ctx().public_url.startswith("https://")
    response.set_cookie(COOKIE, name_of(request), max_age=YEAR_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return response


def identity(request: HttpRequest) -> bytes:
    return edge.ctx().ring.identity("device", name_of(request))


def address(request: HttpRequest) -> str:
    forwarded, peer = request.headers.get("X-Forwarded-For", ""), str(request.META.get("REMOTE_ADDR", ""))
    return buyers.address_of(forwarded, peer, is_behind_proxy=edge.ctx().is_behind_proxy)


def buyer(request: HttpRequest, phone: str = "") -> Buyer:
    return buyers.buyer(edge.ctx().ring, name_of(request), address(request), phone)
