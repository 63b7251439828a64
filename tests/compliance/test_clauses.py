"""C-31: clauses void in law are found in whatever text, with their article; lawful sentences that sound like them are not."""

from __future__ import annotations

import pytest

from kashu.compliance import void_clauses

VOID = {
    "last_word": ["本活动最终解释权归本店所有", "最 终 解 释 权 归商家", "本公司享有最终决定权", "解释权归平台所有", "最終解釋權歸本店所有"],
    "receipt_is_consent": ["签收即认可商品质量", "签收即视为合格", "查看卡密即视为同意", "确认收货即表示无异议"],
    "no_refund": ["虚拟商品概不退款", "一经售出，概不退换", "售出后不支持退款", "恕不退换", "付款后一律不予退款", "任何理由不退", "一经激活拆封不退。一经拆封恕不退货", "概 不 退 款"],
    "no_liability": ["平台不担责", "本店不承担任何责任", "由此造成的损失由买家自行承担", "后果自负", "卖家概不负责", "不负一切法律责任"],
    "no_suit": ["买家同意放弃诉讼权利", "不得向消协投诉", "放弃追究卖家的权利", "投诉者一律拉黑"],
    "one_sided_change": ["本店有权随时修改规则", "保留单方终止服务的权利", "规则变更恕不通知"],
    "forfeit": ["过期余额作废", "逾期未使用不退", "押金概不退", "到期清零"],
    "lost_card": ["卡片遗失不补", "丢失概不挂失"],
    "burden": ["争议只能由平台所在地法院管辖"],
}  # fmt: skip
LAWFUL = [
    "未查看卡密前可随时退款",
    "七天无理由退款",
    "支持退款，原路返回",
    "本页面不设置最终解释权条款",
    "签收前请检查外包装",
    "过期前三天短信提醒",
    "过期可申请延期或退款",
    "如有争议，可向消协投诉或向法院起诉",
    "因我们的原因不能兑换的，全额退款并赔偿",
    "卡密查看后因质量问题仍可退款",
    "规则变更将提前七天公示",
    "遗失可挂失补办",
    "买家责任由双方协商",
]


@pytest.mark.parametrize(("clause", "text"), [(id_, text) for id_, texts in VOID.items() for text in texts])
def test_a_void_clause_is_found_with_its_article(clause, text):
    found = void_clauses(text)
    assert clause in [one.id for one in found]
    assert all("§" in one.article and one.found for one in found)


@pytest.mark.parametrize("text", LAWFUL)
def test_a_lawful_sentence_stands(text):
    assert void_clauses(text) == []


def test_each_text_is_read_and_none_runs_into_the_next():
    assert [one.id for one in void_clauses("概不退款", "最终解释权归本店")] == ["no_refund", "last_word"]
    assert void_clauses("概不", "退款") == []
