"""What a message may say, how often a number may be written to, and who is asked next: plain functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kashu.kernel.states import moves
from kashu.messages.types import PURPOSES, Fault, Purpose, Sender, Template, Try

# A message that is with a sender is `unknown` until the sender says: that is written before the call is made, so that
# a worker which dies in the middle leaves behind what is true.
MESSAGE = moves(
    "message",
    queued="unknown refused failed arrived",
    unknown="sent arrived failed queued refused",
    sent="arrived failed queued",
    failed="arrived",
    refused="arrived",
    arrived="",
)
ROUND_GAPS_SECONDS = (60, 600)  # who refused may be asked again: it was not taken there
TEXT_MAX, LOCAL_TEXT_MAX, VARIABLE_MAX, ALIYUN_VARIABLE_MAX, REGEX_MAX = 500, 2_000, 200, 35, 120
VARIABLE = re.compile(r"\$\{([a-z_]+)\}")
BRACED = re.compile(r"\$\{[^}]*\}?")
LINKS = ("https://a.cn/b", "http://a.cn", "www.a.cn", "a.cn/b")
SMS_KINDS = ("aliyun", "tencent", "volcengine")
# The vendors' topics (payments.md §4), by words that give them away.
TOPICS: dict[str, dict[str, tuple[str, ...]]] = {
    "aliyun": {
        "虚拟货币": ("虚拟货币", "虚拟币", "数字货币", "比特币"),
        "积分兑换": ("积分兑换", "积分换", "兑换积分"),
        "刷单": ("刷单", "刷信誉", "刷好评"),
        "运营商相关": ("运营商", "话费", "流量套餐", "流量包", "中国移动", "中国联通", "中国电信"),
    },
    "tencent": {
        "直播相关": ("直播",),
        "游戏相关": ("游戏", "手游", "网游"),
        "卡类推广": ("办卡", "领卡", "购卡", "卡推广"),
        "优惠券类推广": ("优惠券", "代金券", "抵用券", "领券"),
        "积分兑换": ("积分兑换", "积分换", "兑换积分"),
    },
    "volcengine": {},
}
MARKETING = ("优惠", "促销", "特价", "抢购", "秒杀", "折扣", "打折", "红包", "大促", "限时", "免费领", "推荐")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many in so many seconds, counted back from now: of codes to a number, or of all that goes to it."""

    of_codes: bool
    seconds: int
    most: int


# The strictest vendor's, whoever brings the message: Aliyun's per number. Its 50 notices a day for each template are
# never reached, because 40 a day is all that a number gets.
LIMITS = (
    Limit(of_codes=True, seconds=60, most=1),
    Limit(of_codes=True, seconds=3_600, most=5),
    Limit(of_codes=True, seconds=86_400, most=10),
    Limit(of_codes=False, seconds=86_400, most=40),
)
KEPT_FOR_CODES = 10  # of a day's 40: whoever got many notices must still be able to prove the phone
WINDOW_SECONDS = max(limit.seconds for limit in LIMITS)


@dataclass(frozen=True, slots=True)
class Choice:
    sender: Sender
    template: Template
    not_before: datetime | None = None


def free_at(purpose: Purpose, taken: Sequence[tuple[str, datetime]], at: datetime) -> datetime | None:
    """When one more may go to a number that was sent these (purpose, instant); None says now."""
    ends = []
    for limit in LIMITS:
        if limit.of_codes and not purpose.is_code:
            continue
        most = limit.most if purpose.is_code or limit.of_codes else limit.most - KEPT_FOR_CODES
        counted = sorted((when for name, when in taken if not limit.of_codes or PURPOSES[name].is_code), reverse=True)
        if len(counted) >= most:
            ends.append(counted[most - 1] + timedelta(seconds=limit.seconds))
    latest = max(ends, default=at)
    return latest if latest > at else None


def choose(
    senders: Collection[Sender], templates: Collection[Template], tries: Sequence[Try], values: Mapping[str, str]
) -> Choice | None:
    """Whom to ask next: who was asked least, then by place. Only who certainly did not take it is asked again."""
    found = []
    for sender in senders:
        template = next((one for one in templates if one.sender_id == sender.id and fits(one, values)), None)
        mine = [one for one in tries if one.sender_id == sender.id]
        may_again = len(mine) <= len(ROUND_GAPS_SECONDS) and all(one.state == "refused" for one in mine)
        if template is not None and may_again:
            wait = timedelta(seconds=ROUND_GAPS_SECONDS[len(mine) - 1]) if mine else timedelta()
            not_before = max(one.asked_at for one in mine) + wait if mine else None
            found.append((len(mine), sender.place, sender.id, Choice(sender, template, not_before)))
    return min(found, key=lambda one: one[:3])[3] if found else None


def may_double(purpose: Purpose, asked_at: datetime, at: datetime) -> bool:
    """Whether, after an answer that never came, somebody else may bring the message as well."""
    return purpose.double_seconds is not None and at - asked_at >= timedelta(seconds=purpose.double_seconds)


def fits(template: Template, values: Mapping[str, str]) -> bool:
    """Whether each value that is there has the form its variable may have. `card` is added last, and looked at then."""
    for variable in template.variables:
        name = variable["name"]
        if name not in values:
            if name != "card":
                return False
        elif len(values[name]) > variable["max_len"] or re.fullmatch(variable["regex"], values[name]) is None:
            return False
    return True


def render(template: Template, values: Mapping[str, str]) -> str:
    """The text as it is read, for those who bring what they are given, and for counting."""
    return VARIABLE.sub(lambda found: values[found[1]], template.text)


def ordered(template: Template, values: Mapping[str, str]) -> dict[str, str]:
    """A template's values and no others, in its order."""
    return {one["name"]: values[one["name"]] for one in template.variables}


def mask(channel: str, to: str) -> str:
    """Who a message goes to, as lists may show it."""
    if channel == "sms":
        return f"****{to[-4:]}"
    name, _, host = to.partition("@")
    return f"{name[:1]}***@{host}"[:80]


def lint(kind: str, sign_name: str, template: Template) -> list[Fault]:
    """What the vendor, or we, would have against a template, before anybody is asked to approve it."""
    faults = _shape(template) + _contents(template)
    if faults or kind not in SMS_KINDS:
        return faults
    lengths = sum(int(one["max_len"]) for one in template.variables)
    plain = VARIABLE.sub("", template.text)
    if len(sign_name) + 2 + len(plain) + lengths > TEXT_MAX:
        faults.append(Fault("length", f"more than {TEXT_MAX} characters with its sign and the longest values"))
    if re.search(r"\}\$\{", template.text):
        faults.append(Fault("adjacent", "two variables beside each other"))
    if not re.search(r"[\u4e00-\u9fffA-Za-z]", plain):
        faults.append(Fault("all_variables", "nothing but variables"))
    if template.text.lstrip().startswith("【"):
        faults.append(Fault("sign", "the vendor puts the sign in front by itself"))
    for one in template.variables:
        if kind == "aliyun" and int(one["max_len"]) > ALIYUN_VARIABLE_MAX:
            faults.append(Fault("variable_length", f"{one['name']} is longer than {ALIYUN_VARIABLE_MAX}"))
        if any(re.fullmatch(str(one["regex"]), link) for link in LINKS):
            faults.append(Fault("link_in_variable", f"{one['name']} may hold a link"))
    for topic, words in TOPICS[kind].items():
        faults += [Fault("topic", f"{topic}: {word}") for word in words if word in template.text]
    faults += [Fault("marketing", word) for word in MARKETING if word in template.text]
    return faults


def sandbox_templates(site: str) -> list[Template]:
    """What the sandbox's box shows, as a vendor would put it on a phone."""
    texts = {
        "code": "【卡枢】验证码 ${code}，用于查询订单，5 分钟内有效。请勿告诉他人。",
        "delivered": f"【卡枢】订单尾号 ${{tail}} 的卡密已送达，在这台手机上打开：{site}/m/${{link}} 。也可到「我的订单」用手机号查询。",
        "issued": "【卡枢】订单尾号 ${tail} 已经办理完成，请在下单页面查看，或到「我的订单」用手机号查询。",
        "refunded": "【卡枢】订单尾号 ${tail} 已全额退款，将原路退回你的支付账户。",
        "recalled": "【卡枢】订单尾号 ${tail} 的卡密因品牌授权无效被召回，请不要使用。核对后退回你的支付账户，进度见「我的订单」。",
        "invitation": "【卡枢】${name} 邀请你加入，7 天内打开这个链接：${link}",
        "reminder": "【卡枢】主管部门反映无法通过公示的地址或联系方式联系 ${name}，请在 ${by} 前登录供应商台说明并更新资料。",
        "licence": "【卡枢】${name}：${what}，期限 ${by}。请登录供应商台「证照」办理；逾期后，依赖它的商品自动停售。",
        "warning": "【卡枢】单人模式：${asked_by} 申请 ${act}（${thing}），${when} 起可执行。"
        "不是你本人操作，请立即登录运营台撤回并修改密码。",
    }
    return [
        Template(
            0, f"sandbox-{PURPOSES[purpose].channel}", purpose, purpose, text,
            [{"name": name, "regex": ".+", "max_len": VARIABLE_MAX} for name in PURPOSES[purpose].variables],
            False, "approved",
        )
        for purpose, text in texts.items()
    ]  # fmt: skip


def _shape(template: Template) -> list[Fault]:
    """Whether it can be read as a template at all."""
    purpose, used = PURPOSES.get(template.purpose), VARIABLE.findall(template.text)
    if purpose is None:
        return [Fault("purpose", f"no purpose is called {template.purpose}")]
    faults = []
    if not 1 <= len(template.text) <= LOCAL_TEXT_MAX:
        faults.append(Fault("length", f"not 1 to {LOCAL_TEXT_MAX} characters"))
    if len(BRACED.findall(template.text)) != len(used):
        faults.append(Fault("undeclared", "a variable is written ${name}, in lower-case letters"))
    if not all(_is_variable(one) for one in template.variables):
        return [
            *faults,
            Fault("regex", f"a variable has a name, a regex that compiles, and a max_len of 1 to {VARIABLE_MAX}"),
        ]
    names = [one["name"] for one in template.variables]
    if len(set(names)) != len(names) or set(names) != set(used):
        faults.append(Fault("undeclared", "the variables in the text are not those that are declared"))
    if unknown := sorted(set(names) - set(purpose.variables)):
        faults.append(Fault("purpose", f"{template.purpose} has no {', '.join(unknown)}"))
    return faults


def _contents(template: Template) -> list[Fault]:
    """The key travels in one kind of template only, and only where it says so."""
    has_card = "${card}" in template.text
    if template.carries_card != has_card or (template.purpose == "card") != has_card:
        return [Fault("card", "only a template for `card` carries the key, declares it, and has the variable")]
    return []


def _is_variable(told: Any) -> bool:
    if not isinstance(told, dict) or set(told) != {"name", "regex", "max_len"}:
        return False
    name, regex, most = told["name"], told["regex"], told["max_len"]
    if not isinstance(name, str) or not isinstance(regex, str) or isinstance(most, bool) or not isinstance(most, int):
        return False
    try:
        re.compile(regex)
    except re.error:
        return False
    return VARIABLE.fullmatch(f"${{{name}}}") is not None and len(regex) <= REGEX_MAX and 1 <= most <= VARIABLE_MAX
