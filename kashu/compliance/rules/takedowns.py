"""Takedowns (C-14) and the closing of the platform (C-05), as plain functions: the moves, and what an authority is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kashu.compliance.types import ORIGINS, Facts, Grounds
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.money import yuan
from kashu.kernel.states import moves

TAKEDOWN = moves("takedown", frozen="reported", reported="upheld lifted", upheld="", lifted="")
CLOSING_DAYS = 30  # C-05, ECOM §16
BATCHES_TOLD_MAX = 50
MEASURES = (
    "商品已冻结下架，商品页停止展示，店铺、采购台与开放接口同时停止销售；",
    "该商品各批次库存停止出售，未付款订单的留货由系统取消；",
    "已付款尚未交付的订单由系统原路全额退款；",
    "商品页面、价格、销售方与货源信息已留存快照，并以摘要固定；",
    "恢复销售须由另一位工作人员复核决定。",
)


def report(told: Grounds, facts: Facts, sha256: bytes, by: str, at: datetime) -> str:
    """The draft of what the authority is told: who, what, when, on what ground, how far it went, what was done."""
    sold = facts.affected
    batches = [*facts.batches[:BATCHES_TOLD_MAX], *(["等"] if len(facts.batches) > BATCHES_TOLD_MAX else [])]
    lines = [
        "关于平台内涉嫌违法商品处置情况的报告",
        "",
        "一、报告单位",
        f"平台经营者：{facts.platform}（统一社会信用代码：{facts.platform_uscc or '未登记'}）",
        f"经办人：{by}",
        "",
        "二、涉嫌违法商品",
        f"商品名称：{facts.title}",
        f"商品页：{facts.page}",
        f"规格编码：{'、'.join(facts.skus) or '无'}",
        f"销售方：{facts.seller}（统一社会信用代码：{facts.seller_uscc or '未登记'}）",
        f"销售方地址与联系方式：{facts.seller_address or '未登记'}；{facts.seller_contact or '未登记'}",
        f"货源批次：{'、'.join(batches) or '无'}",
        "",
        "三、发现经过与依据",
        f"来源：{ORIGINS[told.origin]}{f'（编号：{told.reference}）' if told.reference else ''}",
        f"法律依据：{told.ground}",
        f"事实：{told.reason}",
        f"证据：{told.evidence or '见留存快照'}",
        "",
        "四、涉及的交易",
        f"已付款订单 {sold.orders} 笔，合计 {yuan(sold.total_fen)} 元；未付款订单 {sold.unpaid} 笔。",
        f"已付款订单中：已交付 {sold.delivered} 笔，待交付 {sold.waiting} 笔，已退款或退款中 {sold.refunded} 笔（{yuan(sold.refunded_fen)} 元）。",
        "",
        "五、已采取的措施",
        f"{_stamp(at)}（北京时间）起：",
        *(f"{number}. {one}" for number, one in enumerate(MEASURES, 1)),
        f"快照摘要（SHA-256）：{sha256.hex()}",
        "",
        "六、报告依据",
        "《中华人民共和国电子商务法》第二十九条、第三十八条；《中华人民共和国消费者权益保护法》第四十四条。",
        "",
        f"{facts.platform}",
        f"{at.astimezone(SHANGHAI):%Y 年 %m 月 %d 日}",
    ]
    return "\n".join(lines) + "\n"


def may_close(today: date, closing_on: date) -> bool:
    """Whether a closing is announced long enough ahead."""
    return closing_on >= today + timedelta(days=CLOSING_DAYS)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
