"""What the linter finds, one planted fault each; how often a number may be written to; who is asked next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.kernel.ids import new_id
from kashu.messages import PURPOSES, rules
from kashu.messages.types import Sender, Template, Try

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
TAIL = {"name": "tail", "regex": "[0-9A-Z]{4}", "max_len": 4}
LINK = {"name": "link", "regex": "[A-Za-z0-9_-]{22}", "max_len": 22}
CODE = {"name": "code", "regex": "[0-9]{6}", "max_len": 6}
CARD = {"name": "card", "regex": "[A-Z0-9-]{4,35}", "max_len": 35}
TEXT = "订单尾号 ${tail} 已送达，打开 shop.example/m/${link} 查看。"


def template(text=TEXT, variables=(TAIL, LINK), purpose="delivered", sender="a", carries_card=False):
    return Template(1, sender, purpose, "SMS_1", text, list(variables), carries_card, "approved")


def found(kind, told, sign="卡枢"):
    return {fault.rule for fault in rules.lint(kind, sign, told)}


@pytest.mark.parametrize("kind", ["aliyun", "tencent", "volcengine", "smtp", "sandbox"])
def test_an_honest_template_passes_everywhere(kind):
    assert rules.lint(kind, "卡枢", template()) == []


def long(name, most):
    return {"name": name, "regex": "[A-Z0-9-]+", "max_len": most}


@pytest.mark.parametrize(
    ("kind", "told", "rule"),
    [
        ("aliyun", template("订单 ${tail}${link} 已送达"), "adjacent"),
        ("tencent", template("订单 ${tail}${link} 已送达"), "adjacent"),
        ("volcengine", template("${tail}，${link}"), "all_variables"),
        ("aliyun", template(variables=(TAIL, long("link", 36))), "variable_length"),
        ("tencent", template(TEXT + "卡" * 480), "length"),
        ("volcengine", template(TEXT + "卡" * 480), "length"),
        ("tencent", template(variables=(TAIL, {**LINK, "regex": r"\S{1,22}"})), "link_in_variable"),
        ("aliyun", template(TEXT + "可充虚拟币"), "topic"),
        ("aliyun", template(TEXT + "积分换礼"), "topic"),
        ("aliyun", template(TEXT + "拒绝刷单"), "topic"),
        ("aliyun", template(TEXT + "话费已到"), "topic"),
        ("tencent", template(TEXT + "直播间见"), "topic"),
        ("tencent", template(TEXT + "游戏点券"), "topic"),
        ("tencent", template(TEXT + "马上领卡"), "topic"),
        ("tencent", template(TEXT + "赠优惠券"), "topic"),
        ("tencent", template(TEXT + "积分兑换"), "topic"),
        ("aliyun", template(TEXT + "限时抢购"), "marketing"),
        ("tencent", template(TEXT + "限时抢购"), "marketing"),
        ("volcengine", template("【卡枢】" + TEXT), "sign"),
        ("aliyun", template(variables=(TAIL,)), "undeclared"),
        ("aliyun", template(variables=(TAIL, LINK, CODE)), "undeclared"),
        ("aliyun", template(variables=(TAIL, TAIL, LINK)), "undeclared"),
        ("aliyun", template("订单 ${Tail} 已送达", ()), "undeclared"),
        ("aliyun", template("订单 ${tail 已送达", ()), "undeclared"),
        ("smtp", template(variables=(TAIL, {**LINK, "regex": "["})), "regex"),
        ("smtp", template(variables=(TAIL, {**LINK, "max_len": 0})), "regex"),
        ("smtp", template(variables=(TAIL, {**LINK, "max_len": True})), "regex"),
        ("smtp", template(variables=(TAIL, {"name": "link"})), "regex"),
        ("smtp", template("验证码 ${code} 有效", (CODE,)), "purpose"),
        ("smtp", template(purpose="nothing"), "purpose"),
        ("aliyun", template("卡密 ${card} 请收好", (CARD,)), "card"),
        ("aliyun", template("卡密 ${card} 请收好", (CARD,), "card"), "card"),
        ("aliyun", template("订单 ${tail} 已送达", (TAIL,), "card", carries_card=True), "card"),
        ("aliyun", template(carries_card=True), "card"),
        ("sandbox", template("长" * 2_001, ()), "length"),
    ],
)
def test_a_planted_fault_is_found(kind, told, rule):
    assert rule in found(kind, told)


def test_a_key_travels_where_the_template_says_so():
    assert (
        found("aliyun", template("订单 ${tail} 的卡密 ${card} 请收好", (TAIL, CARD), "card", carries_card=True))
        == set()
    )


def test_what_one_vendor_forbids_another_may_carry():
    assert found("volcengine", template(TEXT + "直播间见")) == set()
    assert found("aliyun", template(TEXT + "直播间见")) == set()


@pytest.mark.parametrize(
    ("values", "fit"),
    [
        ({"tail": "8D1X", "link": "a" * 22}, True),
        ({"tail": "8D1X"}, False),
        ({"tail": "8D1X", "link": "a" * 23}, False),
        ({"tail": "8d1x", "link": "a" * 22}, False),
        ({"tail": "8D1X", "link": "http://a.cn/aaaaaaaaaaa"}, False),
        ({"tail": "8D1X", "link": "a" * 21 + "\n"}, False),
    ],
)
def test_a_value_fits_or_is_not_sent(values, fit):
    assert rules.fits(template(), values) is fit


def ago(*seconds, purpose="code"):
    return [(purpose, AT - timedelta(seconds=one)) for one in seconds]


@pytest.mark.parametrize(
    ("purpose", "taken", "wait"),
    [
        ("code", [], None),
        ("code", ago(60), None),
        ("code", ago(59), 1),
        ("code", ago(100, 200, 300, 400), None),
        ("code", ago(100, 200, 300, 400, 3_000), 600),
        ("code", ago(*range(4_000, 4_010)), 86_400 - 4_009),
        ("delivered", ago(*range(10)), None),
        ("delivered", ago(*range(100, 129), purpose="delivered"), None),
        ("delivered", ago(*range(100, 130), purpose="delivered"), 86_400 - 129),
        ("code", ago(*range(100, 139), purpose="delivered"), None),
        ("code", ago(*range(100, 140), purpose="delivered"), 86_400 - 139),
    ],
)
def test_the_strictest_vendors_limits_count_back_from_now(purpose, taken, wait):
    expected = AT + timedelta(seconds=wait) if wait is not None else None
    assert rules.free_at(PURPOSES[purpose], taken, AT) == expected


@given(
    st.lists(st.tuples(st.sampled_from(sorted(PURPOSES)), st.integers(0, 90_000)), max_size=80),
    st.sampled_from(sorted(PURPOSES)),
)
def test_when_it_is_free_it_is_free(told, name):
    taken = [(purpose, AT - timedelta(seconds=back)) for purpose, back in told]
    free = rules.free_at(PURPOSES[name], taken, AT)
    if free is not None:
        assert free > AT
        assert rules.free_at(PURPOSES[name], taken, free) is None


def sender(name, place):
    return Sender(name, "aliyun", "sms", name, "卡枢", "", "", "", "k", b"s", place, True)


def tried(name, state, seconds=100):
    return Try(new_id(), 1, name, state, "", AT - timedelta(seconds=seconds), None, "")


VALUES = {"tail": "8D1X", "link": "a" * 22}
TWO = [sender("b", 2), sender("a", 1)]
TEMPLATES = [template(sender="a"), template(sender="b")]


def chosen(*tries, senders=TWO, templates=TEMPLATES, values=VALUES):
    choice = rules.choose(senders, templates, tries, values)
    return choice and choice.sender.id


def test_the_first_place_goes_first_and_a_refusal_goes_to_the_next():
    assert chosen() == "a"
    assert chosen(tried("a", "refused")) == "b"


@pytest.mark.parametrize("state", ["unknown", "taken", "failed"])
def test_who_may_have_it_is_never_asked_again(state):
    assert chosen(tried("a", state)) == "b"
    assert chosen(tried("a", state), tried("b", state)) is None


def test_when_all_have_refused_the_first_is_asked_again_after_a_while_and_not_for_ever():
    both = [tried("a", "refused", 50), tried("b", "refused", 40)]
    choice = rules.choose(TWO, TEMPLATES, both, VALUES)
    assert (choice.sender.id, choice.not_before) == ("a", AT - timedelta(seconds=50) + timedelta(seconds=60))
    assert chosen(*both * 3) is None


def test_a_sender_without_a_template_that_fits_is_passed_over():
    assert chosen(templates=TEMPLATES[1:]) == "b"
    assert chosen(values={**VALUES, "tail": "toolong"}) is None
    short = replace(TEMPLATES[0], variables=[TAIL, {**LINK, "max_len": 21}])
    assert chosen(templates=[short, TEMPLATES[1]]) == "b"


def test_a_second_copy_only_where_it_is_harmless():
    assert not rules.may_double(PURPOSES["card"], AT - timedelta(days=1), AT)
    assert not rules.may_double(PURPOSES["delivered"], AT - timedelta(seconds=599), AT)
    assert rules.may_double(PURPOSES["delivered"], AT - timedelta(seconds=600), AT)


def test_a_list_shows_the_end_of_a_number_and_no_more():
    assert rules.mask("sms", "13800138000") == "****8000"
    assert rules.mask("mail", "owner@kashu.example") == "o***@kashu.example"


@pytest.mark.parametrize("one", rules.sandbox_templates("http://127.0.0.1:8000"), ids=lambda one: one.purpose)
def test_our_own_texts_pass(one):
    assert rules.lint("sandbox", "", one) == []
