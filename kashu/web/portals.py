"""What the portals of organisations share: for which of theirs a person acts."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from kashu.party import Party


def chosen(request: HttpRequest, key: str, mine: Sequence[Party]) -> Party | None:
    """The organisation that was chosen last in this session, or else the first."""
    last = request.session.get(key)
    return next((one for one in mine if one.id == last), mine[0] if mine else None)


def choose(request: HttpRequest, key: str, mine: Sequence[Party]) -> None:
    """Remember for whom a person acts from now on; anybody else's organisation changes nothing."""
    asked = request.POST.get("party", "")
    for one in mine:
        if str(one.id) == asked:
            request.session[key] = one.id
