"""What console views share: pages of lists, and telling what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from csp.decorators import csp_update
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kashu.kernel.paging import Page, decode_cursor, encode_cursor

Row = TypeVar("Row")
PAGE_ROWS = 30
with_charts = csp_update({"style-src-attr": ["'unsafe-inline'"]})


def page_of(found: Sequence[Row], key: Any, rows: int = PAGE_ROWS) -> Page[Row]:
    """A page from one row more than it shows; `key` gives the cursor's parts of a row."""
    more = len(found) > rows
    return Page(found[:rows], encode_cursor(*key(found[rows - 1])) if more else None)


def instant_cursor(request: HttpRequest) -> tuple[datetime, UUID] | None:
    """The (instant, id) a page begins after; None for the first page and for nonsense."""
    key = decode_cursor(request.GET.get("after", ""), 2)
    try:
        return None if key is None else (datetime.fromisoformat(str(key[0])), UUID(str(key[1])))
    except ValueError:
        return None


def whole(text: str, most: int = 2**31 - 1) -> int | None:
    """A whole number in ASCII digits, at most `most`; None for anything else (`"²".isdigit()` is true)."""
    tidy = text.strip()
    if not tidy.isascii() or not tidy.isdigit() or len(tidy) > 19 or int(tidy) > most:
        return None
    return int(tidy)


def show(request: HttpRequest, template: str, nav: str, told: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, f"console/{template}.html", {"nav": nav, **told}, status=status)


def say(request: HttpRequest, told: str, *, is_bad: bool = False) -> None:
    (messages.error if is_bad else messages.success)(request, told)
