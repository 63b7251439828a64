"""After a purchase: an organisation demands the money of cards that may no longer be honoured (先行赔付, §2.3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kashu import aftersale
from kashu.aftersale import CompensationRefusal
from kashu.kernel import clock
from kashu.web.buyer.desk import Desk, at_desk
from kashu.web.buyer.purchases import order_of
from kashu.web.console.desk import say
from kashu.web.desk.compensations import REFUSALS
from kashu.web.rights import actor
from kashu.wire import edge


@require_POST
@at_desk
def demand(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """Of cards whose supplier is barred or whose goods were taken down: back onto the account, once two persons agree."""
    with edge.transaction() as db:
        order = order_of(db, desk, number)
        done = aftersale.demand_for(db, actor(request), (order.pool_id, order.id), clock.now())
    if isinstance(done, CompensationRefusal):
        say(request, _(REFUSALS[done]), is_bad=True)
    else:
        say(request, _("已登记，等待核对支付。"))
    return redirect("buyer:purchase", number=number)
