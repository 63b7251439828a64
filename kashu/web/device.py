"""The browser as a buyer: a random name in a cookie, and the address it speaks from."""

from __future__ import annotations

import ipaddress
import re
import secrets

from django.http import HttpRequest, HttpResponse

from kashu.sales import Buyer
from kashu.wire import edge

COOKIE = "kashu_device"
NAME = re.compile(r"^[A-Za-z0-9_-]{22}$")
YEAR_SECONDS = 31_536_000
PHONE = re.compile(r"1[3-9][0-9]{9}")


def name_of(request: HttpRequest) -> str:
    """The browser's name; a new one, kept on the request, where it has none."""
    found: str = getattr(request, "kashu_device", "") or request.COOKIES.get(COOKIE, "")
    if not NAME.match(found):
        found = secrets.token_urlsafe(16)
    request.kashu_device = found  # type: ignore[attr-defined]  # ours to keep for this request
    return found


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    secure = edge.ctx().public_url.startswith("https://")
    response.set_cookie(COOKIE, name_of(request), max_age=YEAR_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return response


def identity(request: HttpRequest) -> bytes:
    return edge.ctx().ring.identity("device", name_of(request))


def address(request: HttpRequest) -> str:
    """The address a request came from. Behind our proxy it is the last hop the proxy wrote, never the first."""
    if edge.ctx().is_behind_proxy:
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        if hops[-1].strip():
            return subscriber(hops[-1].strip())
    return subscriber(str(request.META.get("REMOTE_ADDR", "")))


def subscriber(address: str) -> str:
    """What one subscriber has: an IPv4 address, or the /64 of an IPv6 one (the rest they choose as they like)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def buyer(request: HttpRequest, phone: str = "") -> Buyer:
    ring = edge.ctx().ring
    return Buyer(
        identity(request),
        ring.identity("address", address(request)),
        phone,
        ring.identity("phone", phone) if phone else None,
    )


def is_phone(text: str) -> bool:
    """A mobile number of mainland China, digits only."""
    return PHONE.fullmatch(text) is not None


def tidy_phone(text: str) -> str:
    return re.sub(r"[\s-]", "", text).removeprefix("+86")
