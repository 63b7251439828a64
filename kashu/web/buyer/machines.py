"""What a buyer's machines need: API keys and webhooks. Making either takes a fresh second look at who asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import party
from kashu.kernel import clock
from kashu.party import SCOPES, TOPICS, KeyRefusal, WebhookRefusal
from kashu.web.buyer.desk import Desk, at_desk, show
from kashu.web.console.desk import say
from kashu.web.portals import owners_only
from kashu.web.rights import actor
from kashu.wire import edge

OVERLAPS = {"0": 0, "3600": 3_600, "86400": 86_400, "604800": 604_800}
MESSAGES_SHOWN = 50
KEY_REFUSALS = {
    KeyRefusal.TOO_MANY: "有效密钥最多 20 把，请先吊销不用的。",
    KeyRefusal.NO_SUCH_KEY: "没有这把密钥。",
    KeyRefusal.NOT_LIVE: "这把密钥已经失效。",
    KeyRefusal.WRONG_SCOPE: "请至少选择一项权限。",
}
WEBHOOK_REFUSALS = {
    WebhookRefusal.WRONG_URL: "地址要以 https:// 开头，不含空格和账号密码。",
    WebhookRefusal.WRONG_TOPIC: "请至少选择一类通知。",
    WebhookRefusal.TOO_MANY: "通知地址最多 10 个。",
    WebhookRefusal.NO_SUCH_WEBHOOK: "没有这个通知地址，或它已停用。",
}


@require_GET
@at_desk
def keys(request: HttpRequest, desk: Desk) -> HttpResponse:
    return _keys(request, desk)


@require_POST
@at_desk
@owners_only
@reauthentication_required
def make_key(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A new key; its secret is in the answer that makes it, and nowhere else."""
    name = request.POST.get("name", "").strip()[:60]
    if not name:
        return _keys(request, desk, error=_("请填写密钥的用途，例如系统名称。"))
    with edge.transaction() as db:
        told = party.make_key(
            db, edge.ctx().ring, actor(request), desk.party.id, name, request.POST.getlist("scopes"), clock.now()
        )
    if isinstance(told, KeyRefusal):
        return _keys(request, desk, error=_(KEY_REFUSALS[told]))
    return _keys(request, desk, made={"id": told[0].id, "secret": told[1]})


@require_POST
@at_desk
@owners_only
@reauthentication_required
def rotate_key(request: HttpRequest, desk: Desk, key_id: str) -> HttpResponse:
    """A successor; the old key stays good for the chosen overlap."""
    overlap = OVERLAPS.get(request.POST.get("overlap", ""), 0)
    with edge.transaction() as db:
        told: tuple[party.ApiKey, str] | KeyRefusal = KeyRefusal.NO_SUCH_KEY
        if _is_mine(party.api_key(db, key_id), desk):
            told = party.rotate_key(db, edge.ctx().ring, actor(request), key_id, overlap, clock.now())
    if isinstance(told, KeyRefusal):
        return _keys(request, desk, error=_(KEY_REFUSALS[told]))
    return _keys(request, desk, made={"id": told[0].id, "secret": told[1]})


@require_POST
@at_desk
def revoke_key(request: HttpRequest, desk: Desk, key_id: str) -> HttpResponse:
    with edge.transaction() as db:
        told: KeyRefusal | None = KeyRefusal.NO_SUCH_KEY
        if _is_mine(party.api_key(db, key_id), desk):
            told = party.revoke_key(db, actor(request), key_id, clock.now())
    say(request, _(KEY_REFUSALS[told]) if told else _("密钥已吊销，立即生效。"), is_bad=told is not None)
    return redirect("buyer:keys")


@require_GET
@at_desk
def webhooks(request: HttpRequest, desk: Desk) -> HttpResponse:
    return _webhooks(request, desk)


@require_POST
@at_desk
@owners_only
@reauthentication_required
def add_webhook(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A new address; the secret that signs its messages is shown this once."""
    wanted = (desk.party.id, request.POST.get("url", "").strip(), request.POST.getlist("topics"))
    with edge.transaction() as db:
        told = party.add_webhook(
            db, edge.ctx().ring, actor(request), wanted, clock.now(), needs_https=edge.ctx().is_behind_proxy
        )
    if isinstance(told, WebhookRefusal):
        return _webhooks(request, desk, error=_(WEBHOOK_REFUSALS[told]))
    return _webhooks(request, desk, made={"url": told[0].url, "secret": told[1]})


@require_POST
@at_desk
def close_webhook(request: HttpRequest, desk: Desk, webhook_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        told = party.close_webhook(db, actor(request), desk.party.id, webhook_id, clock.now())
    say(request, _(WEBHOOK_REFUSALS[told]) if told else _("已停用，不再发送。"), is_bad=told is not None)
    return redirect("buyer:webhooks")


@require_POST
@at_desk
def send_again(request: HttpRequest, desk: Desk, message_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        told = party.send_again(db, actor(request), desk.party.id, message_id, clock.now())
    say(
        request,
        _("这条通知不存在，或还在发送中。") if told else _("已重新发送，消息编号不变。"),
        is_bad=told is not None,
    )
    return redirect("buyer:webhooks")


def _is_mine(key: party.ApiKey | None, desk: Desk) -> bool:
    return key is not None and key.party_id == desk.party.id


def _keys(request: HttpRequest, desk: Desk, *, error: str = "", made: dict[str, str] | None = None) -> HttpResponse:
    with edge.transaction() as db:
        found = party.api_keys(db, desk.party.id)
    told = {"keys": found, "scopes": SCOPES, "error": error, "made": made, "now": clock.now()}
    return show(request, desk, "keys", "keys", told, 422 if error else 200)


def _webhooks(request: HttpRequest, desk: Desk, *, error: str = "", made: dict[str, str] | None = None) -> HttpResponse:
    with edge.transaction() as db:
        found = party.webhooks(db, [desk.party.id])
        told: dict[str, Any] = {"hooks": [(one, party.messages(db, one.id, MESSAGES_SHOWN)) for one in found]}
    told |= {"topics": TOPICS, "error": error, "made": made}
    return show(request, desk, "webhooks", "webhooks", told, 422 if error else 200)
