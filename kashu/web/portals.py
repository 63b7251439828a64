"""What the portals of organisations share: for which of theirs a person acts, and pages that things are posted from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from kashu import party
from kashu.kernel import clock, limits
from kashu.party import Party
from kashu.party.models import MEMBER, Person
from kashu.web.console.desk import say
from kashu.wire import edge

HOMES = {"buyer": "/buyer/", "supplier": "/supplier/"}
OWN_DATA = "/accounts/data/"  # what is left to who works for nobody
DAY_SECONDS = 86_400
Refused = tuple[int, str] | None  # a status, and why, in Chinese


class Desk(Protocol):
    """A person, and for which of their organisations they act."""

    @property
    def person(self) -> Person: ...
    @property
    def party(self) -> Party: ...
    @property
    def parties(self) -> list[Party]: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def is_owner(self) -> bool: ...


View = Callable[..., HttpResponseBase]
D = TypeVar("D", bound=Desk)


def chosen(request: HttpRequest, kind: str, mine: Sequence[Party]) -> Party | None:
    """Of a person's organisations of one kind, the one that was chosen last in this session, or else the first."""
    last, own = request.session.get(_key(kind)), [one for one in mine if one.kind == kind]
    return next((one for one in own if one.id == last), own[0] if own else None)


def act_for(request: HttpRequest, one: Party) -> HttpResponse:
    """Act for this organisation from now on, in the portal of its kind."""
    request.session[_key(one.kind)], request.session["portal"] = one.id, one.kind
    return redirect(HOMES[one.kind])


def choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Act for another of one's organisations; anybody else's changes nothing."""
    asked = request.POST.get("party", "")
    return act_for(request, next((one for one in desk.parties if str(one.id) == asked), desk.party))


def is_for_another(request: HttpRequest, desk: Desk) -> bool:
    """Whether a form was drawn for another organisation: somebody went over to this one since, in another window."""
    return request.POST.get("acting", str(desk.party.id)) != str(desk.party.id)


def home_of(request: HttpRequest) -> str:
    """The portal of who works for organisations, that of the last one or of the first; nothing for who works for the platform."""
    person = getattr(request, "user", None)
    if not isinstance(person, Person) or person.role != MEMBER:
        return ""
    with edge.transaction() as db:
        kinds = [one.kind for one in party.parties_of(db, person.pk) if one.kind in HOMES]
    last = request.session.get("portal")
    return HOMES[last if last in kinds else kinds[0]] if kinds else OWN_DATA


def owners_only(view: View) -> View:
    """Leave to an organisation's owners what binds it, opens it to others or ends it; stands right below `at_desk`.

    What only ends something that was made, a key, a webhook or an invitation, is left to every member: who sees a leak
    stops it.
    """

    @functools.wraps(view)
    def guarded(request: HttpRequest, desk: Desk, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not desk.is_owner:
            raise PermissionDenied("organisation.owner")
        return view(request, desk, *args, **kwargs)

    guarded.is_owners = True  # type: ignore[attr-defined]  # for who goes through all addresses
    return guarded


def is_patient(desk: Desk, what: str, most: int) -> bool:
    """Count what costs us or others something, message, question or room: so many a day of one organisation."""
    with edge.transaction() as db:
        return limits.allow(db, f"party:{desk.party.id}:{what}", clock.now(), most=most, seconds=DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Page(Generic[D]):
    """A page that things are posted from: its portal, the name of its template, address and place there; what it tells."""

    portal: str
    name: str
    tell: Callable[[HttpRequest, D], dict[str, Any]]

    def show(self, request: HttpRequest, desk: D, error: str = "", status: int = 200) -> HttpResponse:
        told = {"nav": self.name, "desk": desk, **self.tell(request, desk), "error": error}
        return render(request, f"{self.portal}/{self.name}.html", told, status=status)

    def after(self, request: HttpRequest, desk: D, refused: Refused, done: str) -> HttpResponse:
        """What was posted was refused, and the page says so, or it was done, and the page is as it is now."""
        if refused is not None:
            status, words = refused
            return self.show(request, desk, _(words), status)
        say(request, done)
        return redirect(f"{self.portal}:{self.name}")


def _key(kind: str) -> str:
    return f"{kind}_party"
