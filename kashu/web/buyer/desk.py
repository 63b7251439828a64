"""What the buyer portal's views share: whose desk it is, and telling what happened."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from kashu import party, sales
from kashu.party import Party
from kashu.party.models import Person
from kashu.sales import Account
from kashu.web import portals
from kashu.web.portals import View
from kashu.web.rights import may
from kashu.wire import edge


@dataclass(frozen=True, slots=True)
class Desk:
    """A person of an organisation with a purchase account, and for whom else they work."""

    person: Person
    party: Party
    account: Account
    parties: list[Party]
    is_owner: bool

    @property
    def is_open(self) -> bool:
        return self.account.state != "closed"


def at_desk(view: View) -> View:
    """Open a view to people of organisations that have a purchase account; `desk` comes as its second argument."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may(request.user, "buyer"):
            raise PermissionDenied("buyer")
        person = cast("Person", request.user)
        with edge.transaction() as db:
            mine = party.parties_of(db, person.pk)
            chosen = portals.chosen(request, "buyer", mine)
            account = sales.account_of(db, chosen.id) if chosen is not None else None
            own = party.member(db, chosen.id, person.email) if chosen is not None else None
        if chosen is None or account is None:
            raise PermissionDenied("buyer")
        desk = Desk(person, chosen, account, mine, own is not None and own.is_owner)
        response = view(request, desk, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def show(
    request: HttpRequest, desk: Desk, template: str, nav: str, told: dict[str, Any], status: int = 200
) -> HttpResponse:
    return render(
        request, f"buyer/{template}.html", {"nav": nav, "desk": desk, "account": desk.account, **told}, status=status
    )
