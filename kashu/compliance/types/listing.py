from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

CATEGORIES = {
    "platform_coin": "平台币",
    "tipping": "打赏额度与代刷礼物",
    "account": "账号买卖租借",
    "financial_account": "电话卡、银行卡与支付账户",
    "shared_account": "共享或成品会员号",
    "fake_traffic": "刷量涨粉",
    "fake_orders": "刷单控评",
    "fan_ranking": "打榜应援",
    "cheat": "外挂与代练",
    "crack": "破解与盗版",
    "sms_receive": "接码",
    "device_spoof": "改机群控",
    "vpn": "翻墙工具",
    "chance": "抽奖与随机发放",
    "gambling": "赌博",
    "cash_out": "套现与跑分",
    "invoice": "发票买卖",
    "academic_fraud": "代考代写与假证",
    "porn": "色情",
    "multi_purpose_value": "多用途预付值",
    "region_gift_card": "区域限制礼品卡",
    "phone_topup": "话费流量",
    "game_currency": "游戏虚拟货币",
    "wealth_promise": "承诺收益",
    "medical_promise": "承诺疗效",
    "banned_goods": "禁止交易的物品或服务",
    "game_card": "游戏点卡",
    "gift_card": "礼品卡",
    "stored_value": "单用途储值卡",
    "fuel_card": "加油卡",
    "top_up_on_behalf": "代充代办",
    "school_material": "学科教辅",
    "finance_course": "理财投资课",
    "medical_course": "医疗健康服务",
    "licence_origin": "授权来源",
    "vague_goods": "商品说明不清",
    "absolute_claim": "绝对化用语",
    "price_claim": "没有依据的价格用语",
    "unnamed_brand": "标题里的品牌与品牌栏不符",
    "suspicious_offer": "可疑的出售方式",
    "suspicious_platform": "疑似平台权益",
    "suspicious_game": "游戏相关",
    "suspicious_tool": "疑似作弊工具",
    "suspicious_money": "资金与概率",
    "suspicious_adult": "疑似成人或药品",
    "resembling": "与被拒商品相似",
    "unread": "无法辨认的文字",
}


class Verdict(StrEnum):
    """What the machine says. `queue` waits for a person; `allow` is no proof of papers, only of words."""

    ALLOW = "allow"
    QUEUE = "queue"
    DENY = "deny"


class GoodsClass(StrEnum):
    """What kind of value a listing sells (1.5)."""

    ENTITLEMENT = "ENTITLEMENT"
    SINGLE_PURPOSE_VALUE = "SINGLE_PURPOSE_VALUE"
    MULTI_PURPOSE_VALUE = "MULTI_PURPOSE_VALUE"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the goods beside their words: what papers say of them, and the class of value of their kind.

    Papers: an authorisation that goes back to the issuer, allows resale, and who verified it.
    """

    is_rooted_in_issuer: bool = False
    allows_resale: bool = False
    verified_by: frozenset[str] = frozenset()
    is_solo: bool = False
    goods_class: GoodsClass = GoodsClass.ENTITLEMENT

    @property
    def opens(self) -> bool:
        """Two people, never one in solo mode."""
        return self.is_rooted_in_issuer and self.allows_resale and len(self.verified_by) >= 2 and not self.is_solo


class ImageText(Protocol):
    """Reads the words in a picture, so that they can be reviewed like a title."""

    def words(self, content: bytes, media_type: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the rule and the words, as the text was read."""

    id: str
    category: str
    rule: str
    ground: str
    grade: str
    verdict: Verdict
    found: str

    def __str__(self) -> str:
        return f"{self.id} [{self.rule}] {self.ground} ({self.grade}): {self.found}"


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    goods_class: GoodsClass
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class VoidClause:
    """A clause that binds nobody, and the article that says so."""

    id: str
    article: str
    found: str
