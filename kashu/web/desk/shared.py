"""What the desk's views share: its pages, and scans that are handed in."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kashu import compliance
from kashu.compliance import LicenceRefusal
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.web.rights import actor
from kashu.web.uploads import SealedFile
from kashu.wire import edge, spool

TEXT_MAX = 200
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
