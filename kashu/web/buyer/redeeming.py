"""Redeeming codes at the counter (核销), for shops that type or scan them."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from kashu import cards, catalog, sales
from kashu.cards import Redeeming, RedeemRefusal
from kashu.kernel import clock
from kashu.kernel.text import is_line
from kashu.web.buyer.desk import Desk, at_desk, show
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say
from kashu.web.rights import actor
from kashu.wire import attested, edge

REASON_MAX = 200
REFUSALS = {
    RedeemRefusal.NO_SUCH_CODE: "没有这个券码，请核对后重输。",
    RedeemRefusal.NOT_SOLD: "这个券码还没有售出，或已退款，不能核销。",
    RedeemRefusal.EXPIRED: "这个券码已过期，不能核销。",
    RedeemRefusal.ALREADY_REDEEMED: "这个券码已经核销过，不能再用。",
    RedeemRefusal.NOT_REDEEMED: "这个券码没有核销记录，不用撤销。",
    RedeemRefusal.TOO_LATE: "核销超过一小时，不能撤销。",
    RedeemRefusal.WRONG_INSTANT: "核销时间不对。",
    RedeemRefusal.TOO_OFTEN: "输错次数过多，请一小时后再试。",
}


@require_http_methods(["GET", "POST"])
@at_desk
def redemptions(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What was redeemed; posted, a code is redeemed, its redemption undone, or it is said to be no good."""
    if request.method == "GET":
        return _page(request, desk)
    told = request.POST
    code, place, key = (told.get(name, "").strip() for name in ("code", "place", "key"))
    code = code.upper()
    is_fit = 4 <= len(code) <= 64 and len(place) <= 64 and 16 <= len(key) <= 64 and is_line(code + place + key)
    if not is_fit:
        return _page(request, desk, _("请输入券码；门店名称最多 64 字。没有核销。"), 422)
    asked = Redeeming(desk.party.id, code, f"desk {key}", actor(request).name, place)
    if "invalid" in told:
        return _call_invalid(request, desk, asked)
    do = attested.undo_redemption if "undo" in told else attested.redeem
    with edge.transaction() as db:
        done = do(edge.ctx(), db, asked, clock.now())
    if isinstance(done, RedeemRefusal):
        return _page(request, desk, _(REFUSALS[done]), 429 if done is RedeemRefusal.TOO_OFTEN else 409)
    say(request, _("已撤销，券码可以再次使用。") if "undo" in told else _("核销成功。"))
    return redirect("buyer:redemptions")


def _call_invalid(request: HttpRequest, desk: Desk, asked: Redeeming) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()
    if not 1 <= len(reason) <= REASON_MAX or not is_line(reason):
        return _page(request, desk, _("请写明券码无效的原因，最多 200 字。没有登记。"), 422)
    with edge.transaction() as db:
        done = sales.call_invalid(db, edge.ctx().ring, asked, reason, clock.now())
    if isinstance(done, RedeemRefusal):
        return _page(request, desk, _(REFUSALS[done]), 429 if done is RedeemRefusal.TOO_OFTEN else 409)
    say(request, _("已登记无效，买家可以申请售后，平台会检查这一批券码。"))
    return redirect("buyer:redemptions")


def _page(request: HttpRequest, desk: Desk, error: str = "", status: int = 200) -> HttpResponse:
    with edge.transaction() as db:
        found = cards.redemptions(db, desk.party.id, instant_cursor(request), PAGE_ROWS + 1)
        codes = catalog.codes(db, {one.sku_id for one in found})
    page = page_of(found, lambda one: (one.told_at.isoformat(), str(one.id)))
    told = {"page": page, "codes": codes, "error": error, "told": request.POST, "key": secrets.token_urlsafe(16)}
    return show(request, desk, "redemptions", "redemptions", told, status)
