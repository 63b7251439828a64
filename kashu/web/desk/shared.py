"""What the desk's views share: its pages, and scans that are handed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kashu import compliance
from kashu.compliance import Licence, LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.paging import decode_cursor
from kashu.web.console.desk import whole
from kashu.web.rights import actor
from kashu.web.uploads import SealedFile
from kashu.wire import edge, spool

TEXT_MAX, SCOPES_MAX = 200, 20
YEARS = range(1900, 2200)  # of these days every one has a next, and an instant in every zone


def show(request: HttpRequest, template: str, nav: str, told: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, f"desk/{template}.html", {"nav": nav, **told}, status=status)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def file_of(words: str, name: str, kind: str) -> HttpResponse:
    """A file to download, kept nowhere on its way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(words, content_type=f"{kind}; charset=utf-8", headers=headers)


def day_of(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def scan_of(request: HttpRequest, db: Db) -> bytes | LicenceRefusal | None:
    """The scan that came with a form, kept and sealed; None where there was none."""
    file = request.FILES.get("file")
    if not isinstance(file, SealedFile):
        return None
    ctx = edge.ctx()
    if file.kept.size > compliance.FILE_BYTES_MAX:
        return LicenceRefusal.NOT_A_FILE
    content = b"".join(spool.read(ctx.spool, ctx.ring, file.kept.name))
    return compliance.licences.keep_file(db, ctx.ring, actor(request), file.name or "scan", content, clock.now())


def licence_in(request: HttpRequest, db: Db, owner_id: int) -> Licence | LicenceRefusal:
    """Hand in the licence of a form with its scan, brought by whoever sent it."""
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("kind", "number", "subject", "territory")}
    begin, end = day_of(request.POST.get("valid_from", "")), day_of(request.POST.get("valid_to", ""))
    named = request.POST.get("scope", "").replace("，", ",").replace("、", ",").split(",")
    if begin is None or end is None:
        return LicenceRefusal.WRONG_DATES
    scan = scan_of(request, db)
    if isinstance(scan, LicenceRefusal):
        return scan
    scope = [one.strip()[:TEXT_MAX] for one in named if one.strip()][:SCOPES_MAX]
    new = Licence(
        0, owner_id, told["kind"], told["number"], told["subject"], scope, told["territory"], begin, end,
        file_sha256=scan,
    )  # fmt: skip
    return compliance.licences.submit(db, actor(request), new, clock.now())


def cursor(request: HttpRequest, name: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Where the page of a list begins, each part as what it is; None for the first page and for nonsense."""
    key = decode_cursor(request.GET.get(name, ""), len(kinds))
    try:
        return None if key is None else tuple(kind(str(part)) for kind, part in zip(kinds, key, strict=True))
    except ValueError:
        return None


def key_number(text: str) -> int:
    found = whole(text, 2**62)
    if found is None:
        raise ValueError(text)
    return found


def by_day(request: HttpRequest, name: str = "after") -> tuple[date, int] | None:
    return cursor(request, name, date.fromisoformat, key_number)


def by_instant(request: HttpRequest, name: str = "after") -> tuple[datetime, int] | None:
    return cursor(request, name, datetime.fromisoformat, key_number)


def by_instant_of(request: HttpRequest, name: str = "after") -> tuple[datetime, UUID] | None:
    return cursor(request, name, datetime.fromisoformat, UUID)


def by_place(request: HttpRequest, name: str = "after") -> tuple[bool, datetime, UUID] | None:
    """Of a list in two parts: which one, then by instant."""
    found = cursor(request, name, key_number, datetime.fromisoformat, UUID)
    return None if found is None else (bool(found[0]), found[1], found[2])


def due_place(one: Any) -> tuple[str, str]:
    """Where something with a deadline stands in a list by deadlines."""
    return one.due_at.isoformat(), str(one.id)
