"""Clauses that are void in law (C-31), found in any text that a supplier or the platform publishes."""

from __future__ import annotations

import re

from kashu.compliance.rules import spelling
from kashu.compliance.types import VoidClause

WHO = "(?:本?店|本?平台|我们|我方|卖家|商家|本公司|公司|主办方|活动方|客服)"
NO_RETURN = "(?:退款|退货|退换|退|换货|售后|赔付|赔偿)"

# The list is of ids, articles and patterns over normal text. `ALLOWED` are sentences that sound like one and are lawful.
CLAUSES = (
    ("last_word", "NETCON §1(5); PENAL §12(6)", "(?:最终|最后|全部|唯一|一切)的?(?:解释权|裁定权|决定权)|解释权.{0,6}归.{0,10}(?:所有|享有)"),
    ("receipt_is_consent", "NETCON §1(1)", "(?:签收|收货|收到货|确认收货|拆封|刮开|拆包|提取卡密|查看卡密|提卡)(?:后)?(?:即|就|则|等于)?(?:视为|代表|表示|默认|等同|即)?(?:质量|商品)?(?:合格|认可|同意|满意|无误|无异议)"),
    ("no_refund", "CPL §26; PENAL §12(1); PREPAID §9(1)", f"(?:概|一律|恕|绝|坚决|均|永)(?:不)(?:予|接受|支持|办理|给|提供|受理)?{NO_RETURN}|(?:售出|付款|发货|下单|拍下|开通|充值|购买|办理)(?:之)?后?(?:概|一律|恕|绝|均)?不(?:予|接受|支持|给|能|可以?|得)(?:办理)?{NO_RETURN}|一经(?:售出|拆封|发出|下单|购买|开通|充值).{{0,8}}(?:不|概|恕|一律)|任何(?:理由|原因|情况).{{0,4}}(?:不退|不予退|不得退|概不)"),
    ("no_liability", "NETCON §1(2),(3); CIV §506; PREPAID §9(3)", f"(?:(?:概|一律|均|都|完全|恕)不|不(?:承担|负)(?:任何|一切|全部)?|免除(?:一切|全部|任何)?)(?:承担|负)?(?:任何|一切|全部|法律|赔偿|连带)*责任|{WHO}(?:概|均|一律)?(?:不担责|不负责|免责|无责)|后果自负|风险自担|损失(?:由|均由)(?:买家|用户|消费者|您)(?:自行)?承担"),
    ("no_suit", "NETCON §1(4); PREPAID §9(6)", "放弃.{0,8}(?:诉讼|起诉|仲裁|投诉|举报|追究|维权|索赔)|不得.{0,6}(?:投诉|举报|起诉|诉讼|维权|向.{0,6}(?:消协|12315|监管|法院))|(?:投诉|差评|举报|维权)(?:者|的)?.{0,4}(?:拉黑|封号|取消|不予|后果|作废|停用)"),
    ("one_sided_change", "PREPAID §9(4); CIV §497", f"{WHO}?(?:有权|可以?|保留).{{0,6}}(?:随时|单方|任意|不经通知|无需通知).{{0,8}}(?:修改|变更|调整|终止|取消|停止|涨价|作废)(?:的权利)?|(?:修改|变更|调整).{{0,6}}(?:不另行|恕不|无需)通知"),
    ("forfeit", "PREPAID §9(2); CPL §26", "(?:过期|逾期|到期|超过有效期|未使用|未用完).{0,8}(?:余额|金额|款项|费用)?.{0,4}(?:作废|清零|没收|归.{0,4}所有|不退|不予退)|(?:余额|押金|定金|会费|预付款).{0,4}(?:概|一律|恕|均)?(?:不退|作废|清零|没收)"),
    ("lost_card", "PREPAID §9(2)", "(?:丢失|遗失|损坏|被盗).{0,4}(?:概|一律|恕|均)?不(?:补|挂失|予补|负责|退)"),
    ("burden", "CPL §26; PENAL §12(4)", "(?:违约金|赔偿金).{0,6}(?:[5-9][0-9]|100|百分之[五六七八九百])%?.{0,4}(?:以上|的)|(?:争议|纠纷).{0,8}(?:只能|必须|仅可?).{0,8}(?:本公司|平台|我方|卖家).{0,6}(?:法院|仲裁|所在地)"),
)  # fmt: skip
ALLOWED = re.compile(
    "(?:没有|取消|不设置|不设|不得以?|不会|不以|禁止|拒绝|删除|反对|杜绝|绝不)(?:设置|使用|写|用|出现|主张|约定)?.{0,4}$"
)
PATTERNS = tuple((id_, article, re.compile(pattern)) for id_, article, pattern in CLAUSES)
SPACES = re.compile(r"\s+")


def void_clauses(*texts: str) -> list[VoidClause]:
    """Every void clause in these texts, each kind once per text, spaces and disguises notwithstanding."""
    return [found for text in texts for found in _in(spelling.closed(spelling.loosened(text)))]


def _in(text: str) -> list[VoidClause]:
    found = []
    for id_, article, pattern in PATTERNS:
        for match in pattern.finditer(text):
            if not ALLOWED.search(text[max(0, match.start() - 8) : match.start()]):
                found.append(VoidClause(id_, article, match[0]))
                break
    return found
