"""Payment channels at the desk: set up, keyed, proven, opened, limited, watched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import payments
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.kernel.db import Db
from kashu.kernel.money import parse_yuan
from kashu.payments import Channel, ChannelRefusal, Method, NewKey
from kashu.payments import queries as payment_queries
from kashu.web.console.desk import say, show, whole, with_charts
from kashu.web.console.settings import TEXT_MAX, is_base
from kashu.web.rights import actor, needs
from kashu.wire import edge, selftest

KEY_CHARS_MAX = 8_000
HEALTH_HOURS = 24
GATEWAYS = {
    "alipay": "https://openapi.alipay.com/gateway.do",
    "wechat": "https://api.mch.weixin.qq.com",
    "douyin": "https://api.douyinpay.com",
}
KINDS = {"alipay": "支付宝", "wechat": "微信支付", "douyin": "抖音支付"}
REFUSALS = {
    ChannelRefusal.NO_SUCH_CHANNEL: "没有这个通道。",
    ChannelRefusal.NO_SUCH_KIND: "没有这种通道。",
    ChannelRefusal.OTHER_KIND: "这个编号已是另一种通道。",
    ChannelRefusal.WITHOUT_KEYS: "商户号、应用 ID 与密钥齐全后才能启用。",
    ChannelRefusal.NOT_A_KEY: "密钥读不出来：需要 2048 位以上的 RSA 密钥，API 密钥为 32 个字符。",
    ChannelRefusal.IN_USE: "这个通道已经用过，商户号和应用 ID 不能再改；请另添加一个通道。",
    ChannelRefusal.KEY_IN_USE: "正在使用的密钥不能停用，请先添加新密钥。",
    ChannelRefusal.NO_SUCH_KEY: "没有这把密钥。",
}
PROOFS = {"gateway": "通道验签", "callback": "回调往返"}


@require_GET
@needs("payments.read")
def channels(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        told = {
            "channels": payments.channels(db).values(),
            "taken": payment_queries.taken(db, biz_date(at)),
            "calls": _calls(db, at - timedelta(hours=1)),
            "kinds": {kind: _(name) for kind, name in KINDS.items()},
        }
    return show(request, "channels", "channels", told)


@require_POST
@needs("channels.edit")
@reauthentication_required
def add(request: HttpRequest) -> HttpResponse:
    """A new instance, closed, without keys."""
    channel_id, kind = request.POST.get("id", "").strip(), request.POST.get("kind", "")
    if not _is_id(channel_id) or kind not in KINDS:
        say(request, _("编号为 2 到 32 位小写字母、数字或横线。数据没有改动。"), is_bad=True)
        return redirect("console:channels")
    with edge.transaction() as db:
        if channel_id in payments.channels(db):
            refusal: ChannelRefusal | None = ChannelRefusal.OTHER_KIND
        else:
            new = Channel(
                channel_id, kind, "", "", "", "", GATEWAYS[kind], [], 1, 1, 5_000_000, None, 100_000, None, None, False
            )
            refusal = payments.set_channel(db, actor(request), new, clock.now())
    if refusal is not None:
        say(request, _("这个编号已经有了。数据没有改动。"), is_bad=True)
        return redirect("console:channels")
    return redirect("console:channel", channel_id=channel_id)


@require_GET
@with_charts
@needs("payments.read")
def channel(request: HttpRequest, channel_id: str) -> HttpResponse:
    return _page(request, channel_id)


@require_POST
@needs("channels.edit")
@reauthentication_required
def change(request: HttpRequest, channel_id: str) -> HttpResponse:
    """Names, numbers, methods, weight and limits. What is open stays open only while it is whole."""
    with edge.transaction() as db:
        found = _found(db, channel_id)
    told = _told(request, found)
    if told is None:
        say(request, _("请核对：金额为元，权重 1 到 1000，网关为 https 地址。数据没有改动。"), is_bad=True)
        return redirect("console:channel", channel_id=channel_id)
    with edge.transaction() as db:
        refusal = payments.set_channel(db, actor(request), told, clock.now())
    return _after(request, channel_id, refusal, _("已保存。"))


@require_POST
@needs("channels.edit")
@reauthentication_required
def add_key(request: HttpRequest, channel_id: str) -> HttpResponse:
    """A key by its use; ours is sealed at once and never shown again."""
    new = NewKey(
        request.POST.get("use", "")[:8],
        request.POST.get("serial", "").strip()[:200],
        request.POST.get("key", "").strip()[:KEY_CHARS_MAX],
    )
    with edge.transaction() as db:
        _found(db, channel_id)
        refusal = payments.add_key(db, edge.ctx().ring, actor(request), channel_id, new, clock.now())
    return _after(request, channel_id, refusal, _("密钥已添加；旧密钥在停用前仍然有效。"))


@require_POST
@needs("channels.edit")
@reauthentication_required
def use_key(request: HttpRequest, channel_id: str) -> HttpResponse:
    use, serial = request.POST.get("use", ""), request.POST.get("serial", "")
    with edge.transaction() as db:
        refusal = payments.use_key(db, actor(request), channel_id, use, serial, clock.now())
    return _after(request, channel_id, refusal, _("已改用这把密钥。"))


@require_POST
@needs("channels.edit")
@reauthentication_required
def end_key(request: HttpRequest, channel_id: str) -> HttpResponse:
    use, serial = request.POST.get("use", ""), request.POST.get("serial", "")
    with edge.transaction() as db:
        refusal = payments.end_key(db, actor(request), channel_id, use, serial, clock.now())
    return _after(request, channel_id, refusal, _("密钥已停用。"))


@require_POST
@needs("channels.edit")
@reauthentication_required
def move(request: HttpRequest, channel_id: str, verb: str) -> HttpResponse:
    """Open a channel, once it has proven itself just now; or close it. What was paid through it is still taken."""
    with edge.transaction() as db:
        found = _found(db, channel_id)
    if verb == "close":
        with edge.transaction() as db:
            refusal = payments.set_channel(db, actor(request), replace(found, is_open=False), clock.now())
        return _after(request, channel_id, refusal, _("已停用。已经发起的支付仍会到账。"))
    findings = selftest.run(edge.ctx(), found) if found.sign_serial else []
    bad = [f"{_(PROOFS[one.what])}：{one.detail}" for one in findings if not one.is_good]
    if bad or not findings:
        told = "；".join(bad) or _(REFUSALS[ChannelRefusal.WITHOUT_KEYS])
        say(request, _("自检没有通过，没有启用。%(why)s") % {"why": told}, is_bad=True)
        return redirect("console:channel", channel_id=channel_id)
    if verb == "test":
        say(request, _("自检通过：通道验签与回调往返都正常。"))
        return redirect("console:channel", channel_id=channel_id)
    with edge.transaction() as db:
        refusal = payments.set_channel(db, actor(request), replace(found, is_open=True), clock.now())
    return _after(request, channel_id, refusal, _("自检通过，已启用。"))


def _page(request: HttpRequest, channel_id: str) -> HttpResponse:
    at = clock.now()
    with edge.transaction() as db:
        found = _found(db, channel_id)
        told = {
            "channel": found,
            "kind": _(KINDS[found.kind]),
            "methods": list(Method),
            "taken": payment_queries.taken(db, biz_date(at)).get(channel_id, (0, 0)),
            "calls": [
                one
                for one in payment_queries.calls(db, at - timedelta(hours=HEALTH_HOURS))
                if one.channel_id == channel_id
            ],
            "chart": _chart(payment_queries.health_slots(db, channel_id, at - timedelta(hours=HEALTH_HOURS))),
            "callback": f"{edge.ctx().callback_url}/callbacks/{channel_id}",
            "now": at,
        }
    return show(request, "channel", "channels", told)


def _calls(db: Db, since: datetime) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for one in payment_queries.calls(db, since):
        sums = told.setdefault(one.channel_id, {"ok": 0, "refused": 0, "unknown": 0})
        sums[one.told] += one.times
    return told


def _chart(slots: list[tuple[datetime, str, int]]) -> str:
    """Calls in quarters of an hour: answered, refused, without an answer."""
    if not slots:
        return ""
    times = sorted({slot for slot, _told, _times in slots})
    by = {(slot, told): many for slot, told, many in slots}
    names = {"ok": _("有应答"), "refused": _("被拒绝"), "unknown": _("无应答")}
    option = {
        "xAxis": {"type": "category", "data": [slot.astimezone(SHANGHAI).strftime("%H:%M") for slot in times]},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "bar",
                "stack": "calls",
                "barMaxWidth": 24,
                "name": name,
                "data": [by.get((slot, told), 0) for slot in times],
            }
            for told, name in names.items()
        ],
    }
    return json.dumps(option, ensure_ascii=False).replace("<", "\\u003c")


def _told(request: HttpRequest, found: Channel) -> Channel | None:
    form = request.POST
    text = {name: form.get(name, "").strip()[:TEXT_MAX] for name in ("title", "payee", "merchant", "app_id", "gateway")}
    fen: dict[str, Any] = {}
    for name in ("amount_fen_min", "amount_fen_max", "day_fen_max", "confirm_fen"):
        raw = form.get(name, "").strip()
        fen[name] = parse_yuan(raw) if raw else None
        if raw and not fen[name]:
            return None
    weight = whole(form.get("weight", ""), 1_000)
    least, most = fen["amount_fen_min"], fen["amount_fen_max"]
    if not weight or least is None or most is None or least > most:
        return None
    if not is_base(
        text["gateway"], needs_https=not text["gateway"].startswith(("http://127.0.0.1", "http://localhost"))
    ):
        return None
    methods: list[str] = [one.value for one in Method if one.value in form.getlist("methods")]
    return replace(
        found, title=text["title"], payee=text["payee"], merchant=text["merchant"], app_id=text["app_id"],
        gateway=text["gateway"], methods=methods, weight=weight, amount_fen_min=least, amount_fen_max=most,
        day_fen_max=fen["day_fen_max"], confirm_fen=fen["confirm_fen"],
    )  # fmt: skip


def _found(db: Db, channel_id: str) -> Channel:
    found = payments.channels(db).get(channel_id)
    if found is None:
        raise Http404
    return found


def _after(request: HttpRequest, channel_id: str, refusal: ChannelRefusal | None, done: str) -> HttpResponse:
    if refusal is None:
        say(request, done)
    else:
        say(request, _(REFUSALS[refusal]) + _("数据没有改动。"), is_bad=True)
    return redirect("console:channel", channel_id=channel_id)


def _is_id(text: str) -> bool:
    return 2 <= len(text) <= 32 and all(
        letter.isascii() and (letter.islower() or letter.isdigit() or letter == "-") for letter in text
    )
