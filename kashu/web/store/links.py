"""The short link of a message: a page with a button, and the button gives this browser the order."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kashu import sales
from kashu.kernel import clock
from kashu.sales import LinkRefusal
from kashu.web import device
from kashu.wire import edge

LINK_REFUSALS = {
    LinkRefusal.NO_SUCH_LINK: (404, "这个链接不对，请检查是否完整。"),
    LinkRefusal.EXPIRED: (410, "这个链接已过期。用下单手机号收验证码，一样可以查看。"),
    LinkRefusal.USED: (403, "这个链接已在另一个浏览器打开过。用下单手机号收验证码，一样可以查看。"),
    LinkRefusal.TOO_OFTEN: (429, "操作过于频繁，请一分钟后再试。"),
}


@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Looked at, it does nothing: previews and scanners of messages look at every link. Only the button opens it."""
    if request.method != "POST":
        return _page(request)
    with edge.transaction() as db:
        found = sales.open_link(db, edge.ctx().ring, token, device.buyer(request), clock.now())
    if isinstance(found, LinkRefusal):
        status, told = LINK_REFUSALS[found]
        return _page(request, _(told), status)
    return device.remember(request, redirect("store:order", token=found.token))


def _page(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    response = device.remember(request, render(request, "store/link.html", {"error": error}, status=status))
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
