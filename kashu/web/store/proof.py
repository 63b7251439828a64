"""Where a card comes from, for anybody who has its address: from the right holder to its redemption, without the secret."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kashu import cards, catalog, compliance, party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.wire import edge, verify


@require_GET
def page(request: HttpRequest, told: str) -> HttpResponse:
    place = verify.place_of(edge.ctx().ring, told)
    if place is None:
        raise Http404
    with edge.transaction() as db:
        origin = cards.origin(db, *place)
        if origin is None:
            raise Http404
        steps = cards.steps(db, origin.pool_id)
        seen = {
            "origin": origin,
            "chain": [] if origin.authorisation_id is None else compliance.chain(db, origin.authorisation_id),
            "steps": steps,
            "broken": cards.broken(steps),
            "redemptions": cards.redemptions_of(db, origin.pool_id, origin.card_id),
            "tally": cards.tally_of(steps, origin.revealed_at),
            "supplier": party.party(db, origin.supplier_id),
            "title": catalog.title_of(db, origin.sku_id),
            "today": biz_date(clock.now()),
        }
    response = render(request, "store/proof.html", seen)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
