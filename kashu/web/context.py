"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kashu.web import notices
from kashu.web.rights import RIGHTS

THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "")
    role = getattr(getattr(request, "user", None), "role", "")
    return {
        "theme": theme if theme in THEMES else "",
        "rights": RIGHTS.get(role, frozenset()),
        "closing_on": notices.closing_on,  # asked when a page is drawn that says it
    }
