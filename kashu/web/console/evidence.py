"""Evidence of one order, for who answers to a court, an authority or a buyer (C-20, C-23)."""

from __future__ import annotations

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kashu.kernel import clock
from kashu.web.console.desk import say
from kashu.web.rights import actor, may, needs
from kashu.wire import edge, evidence

REASON_CHARS = 200


@require_POST
@needs("evidence.read")
@reauthentication_required
def give(request: HttpRequest, pool_id: int, order_id: UUID) -> HttpResponse:
    """The pack as a file. Who took it, why, and its hash are in the trail before the first byte leaves (S-04)."""
    reason, is_personal = request.POST.get("reason", "").strip()[:REASON_CHARS], "personal" in request.POST
    if is_personal and not may(request.user, "evidence.personal"):
        raise PermissionDenied("evidence.personal")
    if not reason:
        say(request, _("请写明导出原因。没有导出。"), is_bad=True)
        return redirect("console:order", pool_id=pool_id, order_id=order_id)
    ring = edge.ctx().ring
    with edge.transaction() as db:
        given = evidence.give(
            db, ring, actor(request), (pool_id, order_id), reason, clock.now(), is_personal=is_personal
        )
    if given is None:
        raise Http404
    headers = {
        "Content-Disposition": f'attachment; filename="evidence-{given.number}.zip"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(given.content, content_type="application/zip", headers=headers)
