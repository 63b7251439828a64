"""Deposits at the desk: noted by one person, confirmed by another, as they come in and as they go back (C-34)."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from kashu import aftersale, audit, party
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.sales import queries as sales_queries
from kashu.web.desk.suppliers import Told, perform, solo_wait, tell
from kashu.web.rights import actor, is_alone, needs
from kashu.wire import edge

RIGHT = "suppliers.deposit"
FLOWS = ("in", "back")


@require_POST
@needs(RIGHT)
@reauthentication_required
def ask(request: HttpRequest, party_id: int, verb: str) -> HttpResponse:
    """Note a deposit that came in, or goes back; nothing is booked before a second person has confirmed it."""
    if verb not in FLOWS:
        raise Http404

    def do(db: Db, request: HttpRequest, party_id: int, told: Told) -> object:
        noted = (verb, parse_yuan(told.get("amount", "")) or 0, told.get("reference", ""))
        sold, wait = aftermath(db, party_id), solo_wait(db, RIGHT)
        return party.ask_deposit(db, actor(request), party_id, noted, sold=sold, solo_wait_seconds=wait, at=clock.now())

    return perform(request, party_id, do)


@require_POST
@needs(RIGHT)
@reauthentication_required
def confirm(request: HttpRequest, party_id: int, approval_id: UUID) -> HttpResponse:
    """The second person's yes, or the wish taken back."""
    at, alone = clock.now(), is_alone(RIGHT)
    with edge.transaction() as db:
        asked = audit.approval(db, approval_id)
        if asked is None or asked.body.get("party_id") != party_id:
            raise Http404
        if "cancel" in request.POST:
            done: object = party.cancel_deposit(db, actor(request), approval_id, at)
        else:
            sold = aftermath(db, party_id)
            done = party.confirm_deposit(db, actor(request), approval_id, at, sold=sold, is_alone=alone)
    tell(request, done)
    return redirect("desk:supplier", party_id=party_id)


def aftermath(db: Db, party_id: int) -> party.Aftermath:
    """What a supplier's sales still bind its deposit for."""
    return party.Aftermath(*sales_queries.last_of_supplier(db, party_id), aftersale.is_supplier_contested(db, party_id))
