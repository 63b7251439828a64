"""Messages out: what was sent to whom and when it arrived, who brings them, and by which texts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import messages
from kashu.kernel import clock
from kashu.messages import CHANNEL_OF, KINDS, PURPOSES, MessageRefusal, Sender, Template, queries
from kashu.messages.queries import Wanted
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of, say, show, whole
from kashu.web.rights import actor, needs
from kashu.wire import edge, posting

ID = re.compile(r"^[a-z0-9][a-z0-9-]{1,31}$")
SCHEMES = {"sms": ("https",), "mail": ("smtp", "smtps")}
TEXT_MAX = 200
REFUSALS = {
    MessageRefusal.NO_SUCH_SENDER: "没有这个发送通道。数据没有改动。",
    MessageRefusal.NO_SUCH_TEMPLATE: "没有这个模板，或已停用。数据没有改动。",
    MessageRefusal.WRONG_CHANNEL: "通道类型和用途对不上，已有通道不能改类型。数据没有改动。",
}
PURPOSE_NAMES = {
    "code": "验证码",
    "delivered": "送达通知",
    "issued": "办理完成",
    "refunded": "退款通知",
    "recalled": "召回通知",
    "card": "卡密短信",
    "invitation": "加入邀请",
    "reminder": "更新资料提醒",
    "licence": "证照到期提醒",
    "warning": "单人模式提醒",
}
KIND_NAMES = {
    "aliyun": "阿里云",
    "tencent": "腾讯云",
    "volcengine": "火山引擎",
    "smtp": "邮件服务器",
    "sandbox": "沙箱",
}


@require_GET
@needs("messages.read")
def log(request: HttpRequest) -> HttpResponse:
    """The log, the newest first; a number is found by its last four digits."""
    told = request.GET
    view = told.get("view", "all")
    with edge.transaction() as db:
        senders = messages.senders(db)
        wanted = Wanted(
            view if view in queries.VIEWS else "all",
            told.get("purpose", "") if told.get("purpose") in PURPOSES else "",
            told.get("sender", "") if told.get("sender") in {one.id for one in senders} else "",
            told.get("tail", "")[:4] if told.get("tail", "").isdigit() and told.get("tail", "").isascii() else "",
        )
        found = queries.newest(db, wanted, instant_cursor(request), PAGE_ROWS + 1)
        arrivals = queries.arrivals(db, clock.now())
    page = page_of(found, lambda one: (one.made_at.isoformat(), str(one.id)))
    names = {name: _(shown) for name, shown in PURPOSE_NAMES.items()}
    shown = {"page": page, "wanted": wanted, "senders": senders, "arrivals": arrivals, "purposes": names}
    return show(request, "messages", "messages", shown)


@require_GET
@needs("messages.read")
def senders(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@needs("settings.edit")
@reauthentication_required
def set_sender(request: HttpRequest) -> HttpResponse:
    """Open an account at a vendor, or change it; an empty secret keeps the one it has."""
    told, ctx = request.POST, edge.ctx()
    names = ("id", "kind", "title", "sign_name", "endpoint", "region", "app", "key_id", "secret")
    words = {name: told.get(name, "").strip() for name in names}
    place, kind = whole(told.get("place", "") or "0", 1_000), words["kind"]
    channel = CHANNEL_OF.get(kind, told.get("channel", "sms"))
    with edge.transaction() as db:
        known = messages.sender(db, words["id"]) if ID.match(words["id"]) else None
        is_good = bool(
            ID.match(words["id"]) and kind in KINDS and channel in SCHEMES and words["title"] and place is not None
        )
        is_good = is_good and all(len(text) <= TEXT_MAX and text.isprintable() for text in words.values())
        is_good = is_good and _is_endpoint(words["endpoint"], channel, is_strict=ctx.is_behind_proxy)
        needs_key = kind not in ("sandbox", "smtp")
        has_secret = bool(words["secret"] or (known is not None and known.sealed_secret))
        is_good = is_good and (not needs_key or bool(has_secret and words["key_id"] and words["sign_name"]))
        is_good = is_good and (kind != "smtp" or bool(words["endpoint"] and "@" in words["app"]))
        refusal = None
        if is_good:
            new = Sender(
                words["id"], kind, channel, words["title"][:40], words["sign_name"], words["endpoint"],
                words["region"], words["app"], words["key_id"], b"", place or 0, told.get("is_open", "yes") == "yes",
            )  # fmt: skip
            refusal = messages.set_sender(db, ctx.ring, actor(request), new, words["secret"], clock.now())
    if refusal is not None:
        say(request, _(REFUSALS[refusal]), is_bad=True)
    else:
        saved, wrong = (
            _("发送通道已保存。"),
            _("标识、名称、签名、接口账号和密钥都要填写，地址要用 https 或 smtp。数据没有改动。"),
        )
        say(request, saved if is_good else wrong, is_bad=not is_good)
    return redirect("console:message_senders")


@require_POST
@needs("settings.edit")
@reauthentication_required
def add_template(request: HttpRequest) -> HttpResponse:
    """Use a text that the vendor has approved; what our linter has against it is shown, and nothing is kept."""
    told = request.POST
    variables = _variables(told.get("variables", ""))
    if variables is None or told.get("purpose") not in PURPOSES:
        return _page(request, _("变量每行写「名称 最大长度 正则」，如：tail 4 [0-9A-Z]{4}。数据没有改动。"), status=422)
    purpose = told["purpose"]
    new = Template(
        0, told.get("sender", ""), purpose, told.get("template_id", "").strip()[:100], told.get("text", "").strip(),
        variables, purpose == "card" and told.get("carries_card") == "yes", "approved",
    )  # fmt: skip
    with edge.transaction() as db:
        found = messages.add_template(db, actor(request), new, clock.now())
    if isinstance(found, list):
        faults = "；".join(f"{one.rule}: {one.told}" for one in found)
        return _page(request, _("模板没有通过检查：%(faults)s。数据没有改动。") % {"faults": faults}, status=422)
    is_bad = isinstance(found, MessageRefusal)
    say(request, _(REFUSALS[found]) if isinstance(found, MessageRefusal) else _("模板已启用。"), is_bad=is_bad)
    return redirect("console:message_senders")


@require_POST
@needs("settings.edit")
def withdraw_template(request: HttpRequest, template_id: int) -> HttpResponse:
    with edge.transaction() as db:
        refusal = messages.withdraw_template(db, actor(request), template_id, clock.now())
    say(request, _(REFUSALS[refusal]) if refusal is not None else _("模板已停用。"), is_bad=refusal is not None)
    return redirect("console:message_senders")


def _page(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    ctx = edge.ctx()
    with edge.transaction() as db:
        found, templates = messages.senders(db), messages.templates(db)
    by_id = {one.id: one for one in found}
    told: dict[str, Any] = {
        "senders": found,
        "callbacks": {
            one.id: f"{ctx.callback_url}{posting.PREFIX}{one.id}?key={posting.callback_key(ctx.ring, one.id)}"
            for one in found
            if one.kind in posting.READERS
        },
        "templates": [
            (one, by_id[one.sender_id], messages.lint(one.kind, by_id[one.sender_id].sign_name, one))
            for one in templates
        ],
        "kinds": {kind: _(KIND_NAMES[kind]) for kind in KINDS},
        "purposes": {name: _(shown) for name, shown in PURPOSE_NAMES.items()},
        "error": error,
        "form": request.POST,
    }
    return show(request, "message_senders", "messages", told, status)


def _variables(told: str) -> list[dict[str, Any]] | None:
    """Lines of `name most regex`; the linter looks at what they say."""
    found = []
    for line in told.splitlines():
        if line.strip():
            name, _space, rest = line.strip().partition(" ")
            most, _space, regex = rest.strip().partition(" ")
            length = whole(most, 1_000)
            if length is None or not regex.strip():
                return None
            found.append({"name": name, "regex": regex.strip(), "max_len": length})
    return found if len(found) <= 10 else None


def _is_endpoint(told: str, channel: str, *, is_strict: bool) -> bool:
    """Whether this can be an address of a vendor: none is the vendor's own; in development it may be the sandbox."""
    if not told:
        return True
    try:
        url = urlsplit(told)
        port = url.port
    except ValueError:
        return False
    schemes = SCHEMES[channel] if is_strict or channel == "mail" else ("https", "http")
    is_plain = told.isascii() and " " not in told and not (url.query or url.fragment or url.username or url.password)
    return is_plain and bool(url.hostname) and port != 0 and url.scheme in schemes
