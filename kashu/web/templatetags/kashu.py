"""The kit's words in templates: money, time, masks, icons."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import segno
from django import template
from django.conf import settings
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from kashu.kernel import clock, money
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.text import mask
from kashu.web.icons import ICONS
from kashu.web.words import KIND_TONES, STATE_TONES, VERBS

register = template.Library()


@register.filter
def yuan(fen: int) -> str:
    """`3990` → `39.90`."""
    return money.yuan(fen)


@register.filter
def yuan_comma(fen: int) -> str:
    return money.yuan(fen, comma=True)


@register.filter
def ledger(fen: int) -> str:
    """A side of the books without a currency sign, negative with U+2212."""
    return money.yuan(abs(fen), comma=True)


@register.filter
def count(number: int) -> str:
    return f"{number:,}"


@register.filter
def when(instant: datetime | None) -> str:
    """`今天 21:49`, `11-22 21:49`, another year's with its year."""
    if instant is None:
        return "—"
    here, today = instant.astimezone(SHANGHAI), clock.biz_date(clock.now())
    if here.date() == today:
        return _("今天 %(time)s") % {"time": f"{here:%H:%M}"}
    return f"{here:%m-%d %H:%M}" if here.year == today.year else f"{here:%Y-%m-%d %H:%M}"


@register.filter
def stamp(instant: datetime | None) -> str:
    """`2026-11-22 21:49:02`, for desks."""
    return "—" if instant is None else f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


@register.filter
def minute(instant: datetime) -> str:
    """`2026-12-05 00:00`, where it is announced rather than recorded."""
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


@register.filter
def short_stamp(instant: datetime | None) -> str:
    return "—" if instant is None else f"{instant.astimezone(SHANGHAI):%m-%d %H:%M:%S}"


@register.filter
def clock_ms(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%H:%M:%S}.{instant.microsecond // 1000:03d}"


@register.filter
def iso(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).isoformat(timespec="milliseconds")


@register.filter
def day(told: date | None) -> str:
    """A date, or that there is none (a card that never expires)."""
    return _("长期有效") if told is None or told.year == 9999 else told.isoformat()


@register.filter
def until(due_at: datetime | None) -> str:
    """The last day of a term, whose end is the midnight after it."""
    if due_at is None:
        return "—"
    return (due_at.astimezone(SHANGHAI) - timedelta(microseconds=1)).date().isoformat()


@register.filter
def seconds(told: timedelta | float | None) -> str:
    """`1.8`: a duration in seconds with one decimal."""
    if told is None:
        return "—"
    return f"{told.total_seconds() if isinstance(told, timedelta) else told:.1f}"


@register.filter
def tail(number: str) -> str:
    """What a buyer knows an order by."""
    return number[-4:]


@register.filter
def hexed(raw: bytes, chars: int = 8) -> str:
    return bytes(raw).hex()[:chars]


@register.filter
def percent(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.1f}" if whole else "0"


@register.filter
def masked(secret: str) -> str:
    return mask(secret)


@register.filter
def verb(name: str) -> str:
    """What the trail calls `order.delivered`, in words."""
    return _(VERBS.get(name, name))


@register.filter
def verdict(name: str) -> str:
    """What became of a payment notice, in words."""
    words = {"paid": "支付成功", "late": "迟到付款", "paid_twice": "重复付款，已退回", "quarantined": "已隔离"}
    return _(words.get(name, name))


@register.filter
def role_name(role: str) -> str:
    names = {"owner": "所有者", "operator": "运营", "finance": "财务", "support": "客服", "auditor": "审计", "compliance": "合规",
             "member": "组织成员"}  # fmt: skip
    return _(names.get(role, role))


@register.filter
def party_kind(kind: str) -> str:
    """What an organisation is to the platform, in words."""
    names = {"buyer": "采购方", "supplier": "供应商", "platform": "自营"}
    return _(names.get(kind, kind))


@register.filter
def why(reason: str) -> str:
    """A reason in words where it is one of ours; what a person wrote stays as it is."""
    words = {
        "everything is handed in": "资料齐全",
        "goods may not be sold now": "资质或授权失效，不能再卖",
        "signed": "协议已签署",
        "not done in time": "没有在时限内办成",
        "refused by the supplier": "供应商没有受理",
        "by the buyer": "买家取消",
    }
    return _(words.get(reason, reason))


@register.filter
def kind_name(kind: str) -> str:
    """A kind of stock, in words."""
    names = {"single_use": "一次一卡", "shared_secret": "循环卡", "pick": "自选", "own_code": "自发码",
             "on_demand": "直充", "manual": "代充"}  # fmt: skip
    return _(names.get(kind, kind))


@register.filter
def get(table: Any, key: Any) -> Any:
    return table.get(key)


@register.simple_tag(takes_context=True)
def icon(context: Context, name: str, css: str = "") -> SafeString:
    """An icon of the kit; its symbol is printed once by `sprite`."""
    _page_icons(context).add(name)
    return format_html('<svg class="i {}" aria-hidden="true"><use href="#i-{}"/></svg>', css, name)


@register.simple_tag(takes_context=True)
def sprite(context: Context) -> SafeString:
    """The symbols of the icons this page has used so far: last in the body."""
    used = sorted(_page_icons(context))
    drawn = [(name, mark_safe(ICONS[name])) for name in used]  # noqa: S308  # our own drawings
    symbols = format_html_join("", '<symbol id="i-{}" viewBox="0 0 20 20">{}</symbol>', drawn)
    return format_html("<svg hidden>{}</svg>", symbols)


@register.simple_tag
def chip(state: str, kind: str = "") -> SafeString:
    """The state of one object, in its one word and tone."""
    tone, word = KIND_TONES.get((kind, state)) or STATE_TONES.get(state, ("", state))
    return format_html('<span class="chip" data-tone="{}">{}</span>', tone, _(word))


@register.simple_tag
def qr(text: str, *, is_payment: bool = False) -> SafeString:
    """A QR code as one SVG path, made on the server."""
    code = segno.make(text, error="m", micro=False)
    rows = [list(row) for row in code.matrix]
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    side = len(rows)
    label = _("支付二维码") if is_payment else _("兑换二维码")
    return format_html(
        '<svg class="qr" viewBox="0 0 {} {}" shape-rendering="crispEdges" role="img" aria-label="{}">'
        '<path fill="currentColor" d="{}"/></svg>', side, side, label, path,
    )  # fmt: skip


@register.simple_tag
def store_css() -> SafeString:
    """The storefront's stylesheet, flattened for old webviews, to be inlined."""
    return mark_safe(_store_css())  # noqa: S308  # our own file


def _store_css() -> str:
    if not _CSS:
        folder = settings.STATICFILES_DIRS[0]
        _CSS.append((folder / "built" / "store.css").read_text())
    return _CSS[0]


def _page_icons(context: Context) -> set[str]:
    found: set[str] = context["request"].__dict__.setdefault("kashu_icons", set())
    return found


_CSS: list[str] = []
