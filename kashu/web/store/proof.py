"""Where a card comes from, for anybody who has its address: from the right holder to its redemption, without the secret.

Whether the chain is whole is seen here; whether what became of the batch's cards bears out its tallies was looked at by
night, since that reads all of them.
"""

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
        steps, looked = cards.steps(db, origin.pool_id), cards.checked(db, origin.pool_id)
        tally = cards.tally_of(steps, origin.revealed_at)
        seen = {
            "origin": origin,
            "chain": [] if origin.authorisation_id is None else compliance.chain(db, origin.authorisation_id),
            "steps": steps,
            "is_wrong": cards.broken(steps) is not None or (looked is not None and looked.is_wrong),
            "redemptions": cards.redemptions_of(db, origin.pool_id, origin.card_id),
            "tally": tally,
            "borne_out_at": looked.checked_at if looked and tally and looked.seq >= tally.seq else None,
            "supplier": party.party(db, origin.supplier_id),
            "title": catalog.title_of(db, origin.sku_id),
            "today": biz_date(clock.now()),
        }
    response = render(request, "store/proof.html", seen)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
