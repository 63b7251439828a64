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

register = template.Library()
STATE_TONES = {
    "placed": ("warn", "待支付"),
    "paid": ("info", "支付已确认"),
    "delivered": ("ok", "已送达"),
    "completed": ("ok", "已完成"),
    "expired": ("", "已关闭"),
    "cancelled": ("", "已取消"),
    "refunding": ("info", "退款中"),
    "refunded": ("", "已退款"),
    "disputed": ("warn", "售后中"),
    "on_sale": ("ok", "在售"),
    "off_sale": ("", "已下架"),
    "draft": ("warn", "草稿"),
    "uploaded": ("warn", "待核对"),
    "loading": ("info", "入库中"),
    "loaded": ("warn", "待上架"),
    "withdrawn": ("", "已撤下"),
    "active": ("ok", "正常"),
    "frozen": ("warn", "已冻结"),
    "closed": ("", "已关闭"),
    "asked": ("warn", "待复核"),
    "credited": ("ok", "已入账"),
    "running": ("info", "采购中"),
    "packing": ("info", "打包中"),
    "done": ("ok", "已完成"),
    "waiting": ("warn", "待送达"),
    "given_up": ("bad", "已放弃"),
    "issued": ("ok", "已开具"),
    "refused": ("", "未开具"),
}
VERBS = {
    "order.place": "下单并留货，页面快照已存证",
    "order.delivered": "卡密送达",
    "order.paid": "支付到账，等待办理",
    "order.sent": "已提交给供应商",
    "order.form_shown": "查看充值信息，开始办理",
    "order.fulfilled": "办理完成",
    "order.expired": "留货结束，已释放",
    "order.cancelled": "买家取消",
    "order.reveal": "买家查看卡密",
    "order.refunding": "发起退款",
    "order.refunded": "退款完成",
    "order.completed": "质保结束，订单完成",
    "order.purchased": "采购并交付",
    "order.shown": "再次查看卡密",
    "order.link": "短信链接已生成",
    "order.link_opened": "用短信链接打开订单",
    "order.link_refused": "短信链接被拒绝",
    "order.pushed": "卡密随短信送出，视为已查看",
    "order.evidence": "导出存证包",
    "order.erased": "卡密内容到期清除",
    "order.purged": "保存期满，个人信息已清除",
    "payment.paid": "支付成功通知",
    "payment.late": "迟到的支付通知",
    "payment.paid_twice": "重复付款通知",
    "payment.quarantined": "通知被隔离",
    "batch.receive": "接收文件",
    "batch.format": "更改读法",
    "batch.loading": "开始入库",
    "batch.loaded": "入库完成",
    "batch.on_sale": "整批上架",
    "batch.withdrawn": "整批撤下",
    "batch.cancelled": "整批撤销",
    "batch.content": "更换循环卡内容",
    "batch.slots": "增加份数",
    "batch.export": "导出未售卡密",
    "batch.shredded": "批次密钥已销毁",
    "batch.export.ask": "申请导出",
    "batch.export.approve": "复核导出",
    "batch.export.cancel": "撤回导出申请",
    "batch.export_file": "下载导出文件",
    "bill.open": "登记账单",
    "bill.loaded": "账单读取完成",
    "bill.matched": "账单核对完成",
    "bill.failed": "账单未成功",
    "bill.columns": "设定账单列名",
    "case.assign": "转交差错",
    "case.resolve": "处理差错",
    "case.resolve.ask": "申请处理差错",
    "case.resolve.approve": "复核差错处理",
    "case.resolve.cancel": "撤回差错处理申请",
    "case.reverse": "撤销差错处理",
    "case.closed": "差错自动关闭",
}
KIND_TONES = {
    ("batch", "cancelled"): ("", "已撤销"),
    ("message", "queued"): ("info", "待发"),
    ("message", "unknown"): ("warn", "等待答复"),
    ("message", "sent"): ("info", "已交通道"),
    ("message", "arrived"): ("ok", "已到达"),
    ("message", "failed"): ("bad", "未到达"),
    ("message", "refused"): ("bad", "没有发出"),
    ("invoice", "asked"): ("warn", "待开具"),
    ("payment", "created"): ("", "未发起"),
    ("payment", "paying"): ("info", "支付中"),
    ("payment", "unknown"): ("warn", "结果未知"),
    ("payment", "paid"): ("ok", "已支付"),
    ("payment", "closed"): ("", "已关闭"),
    ("refund", "requested"): ("info", "待发起"),
    ("refund", "unknown"): ("warn", "结果未知"),
    ("refund", "refused"): ("bad", "被拒绝"),
    ("refund", "done"): ("ok", "已退回"),
    ("review", "waiting"): ("warn", "待复核"),
    ("review", "allowed"): ("ok", "已通过"),
    ("review", "refused"): ("bad", "禁售"),
    ("licence", "in_review"): ("warn", "待审核"),
    ("licence", "verified"): ("ok", "在效"),
    ("licence", "expiring"): ("warn", "即将到期"),
    ("licence", "expired"): ("bad", "已过期"),
    ("licence", "rejected"): ("bad", "已驳回"),
    ("licence", "revoked"): ("bad", "已吊销"),
    ("licence", "superseded"): ("", "已换新"),
    ("cause", "category_licence"): ("bad", "类目资质"),
    ("cause", "authorisation"): ("bad", "品牌授权"),
    ("cause", "supplier"): ("bad", "主体资格"),
    ("cause", "reverify"): ("warn", "逾期未复核"),
    ("cause", "deposit"): ("warn", "保证金不足"),
    ("severity", "critical"): ("bad", "紧急"),
    ("severity", "warning"): ("warn", "警告"),
    ("severity", "notice"): ("", "提醒"),
    ("verdict", "paid"): ("ok", "已入账"),
    ("verdict", "late"): ("warn", "留货后到账"),
    ("verdict", "repeated"): ("", "重复通知"),
    ("verdict", "paid_twice"): ("warn", "重复付款，已退回"),
    ("verdict", "to_confirm"): ("info", "先查询再发货"),
    ("verdict", "quarantined"): ("bad", "已隔离"),
    ("call", "ok"): ("ok", "有应答"),
    ("call", "refused"): ("warn", "被拒绝"),
    ("call", "unknown"): ("bad", "无应答"),
    ("key", "sign"): ("", "我方私钥"),
    ("key", "verify"): ("", "平台公钥"),
    ("key", "open"): ("", "API 密钥"),
    ("key", "app"): ("", "公众号密钥"),
    ("bill", "fetching"): ("info", "下载中"),
    ("bill", "loading"): ("info", "读取中"),
    ("bill", "loaded"): ("info", "已读取"),
    ("bill", "matching"): ("info", "核对中"),
    ("bill", "matched"): ("ok", "已对平"),
    ("bill", "failed"): ("bad", "未成功"),
    ("bill", "superseded"): ("", "已被替换"),
    ("case", "open"): ("warn", "待处理"),
    ("case", "resolved"): ("ok", "已处理"),
    ("fulfilment", "unpaid"): ("warn", "待支付"),
    ("fulfilment", "waiting"): ("warn", "等待办理"),
    ("fulfilment", "sent"): ("info", "已提交供应商"),
    ("fulfilment", "done"): ("ok", "已办完"),
    ("fulfilment", "failed"): ("", "未办成"),
}


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
             "buyer": "采购方"}  # fmt: skip
    return _(names.get(role, role))


@register.filter
def why(reason: str) -> str:
    """Why an order ended, in words where it is a word of ours."""
    words = {
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
