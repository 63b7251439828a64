"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kashu.web import notices
from kashu.web.portals import home_of
from kashu.web.rights import RIGHTS

THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "")
    person = getattr(request, "user", None)
    return {
        "theme": theme if theme in THEMES else "",
        "rights": RIGHTS.get(getattr(person, "role", ""), frozenset()),
        "own_portal": lambda: home_of(request) or "/console/",  # likewise
        "closing_on": notices.closing_on,  # asked when a page is drawn that says it
    }
