"""What people may ask about their own data (C-53): a copy as JSON and CSV, correction, deletion."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, party
from kashu.audit import Deed
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.text import no_formula
from kashu.party import SupplierRefusal
from kashu.party.models import Person
from kashu.web.console.desk import say
from kashu.web.rights import actor
from kashu.wire import edge


@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    person = cast("Person", request.user)
    with edge.transaction() as db:
        told = {"held": _held(db, person), "requests": party.requests(db, person_id=person.pk)}
    return render(request, "account/data.html", told)


@require_GET
@reauthentication_required
def export(request: HttpRequest, form: str) -> HttpResponse:
    """Everything held of the person who asks, and of nobody else; noted in the trail."""
    person = cast("Person", request.user)
    with edge.transaction() as db:
        held = _held(db, person)
        audit.record(db, [Deed(actor(request), "person.data.export", "person", str(person.pk))], clock.now())
    if form == "json":
        content, kind = json.dumps(held, ensure_ascii=False, default=str, indent=1), "application/json"
    else:
        out = io.StringIO()
        csv.writer(out).writerows([("field", "value"), *((name, _text(value)) for name, value in held.items())])
        content, kind = "\ufeff" + out.getvalue(), "text/csv; charset=utf-8"
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="my-data.{form}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@reauthentication_required
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a correction or a deletion; somebody answers within 15 days."""
    kind, words = request.POST.get("kind", ""), request.POST.get("words", "").strip()
    person = cast("Person", request.user)
    done: object = SupplierRefusal.NO_REASON
    if kind in ("correct", "delete"):
        with edge.transaction() as db:
            done = party.ask_about_data(db, edge.ctx().ring, actor(request), person.pk, kind, words, clock.now())
    is_bad = isinstance(done, SupplierRefusal)
    say(
        request,
        _("没有提交：更正要写明内容，同类请求一次一件。") if is_bad else _("已提交，15 天内答复。"),
        is_bad=is_bad,
    )
    return redirect("/accounts/data/")


def _held(db: Db, person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "joined": person.date_joined.isoformat(),
        "last_sign_in": person.last_login.isoformat() if person.last_login else None,
        "organisations": [
            {
                "name": one.name,
                "kind": one.kind,
                "is_owner": one.is_owner,
                "joined": one.joined_at,
                "left": one.ended_at,
            }
            for one in party.memberships(db, person.pk)
        ],
        "requests": [
            {"kind": one.kind, "state": one.state, "made_at": one.made_at, "answer": one.answer}
            for one in party.requests(db, person_id=person.pk)
        ],
    }


def _text(value: object) -> str:
    return no_formula(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
