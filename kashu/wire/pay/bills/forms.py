"""The bills' forms as data: which column means what. Facts and assumptions are told apart in reconciliation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

ROLES = (
    "at",
    "merchant",
    "gateway_no",
    "trade_no",
    "refund_no",
    "state",
    "amount",
    "refund_amount",
    "fee",
    "direction",
)
NEEDED = ("at", "gateway_no", "trade_no", "state", "amount")
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A figure at the foot of a bill: the sum of a column, or the count of lines, of all or of some of them."""

    name: str
    column: str = ""
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How one channel writes one kind of bill. A role has every column name that is known for it."""

    name: str
    kind: str
    encoding: str
    style: str
    columns: Mapping[str, Names]
    states: Mapping[str, str]
    totals: tuple[Total, ...] = ()
    name_column: str = ""
    dash: str = "-"  # what the channel writes where our numbers have a dash
    spends: Mapping[str, int] = field(default_factory=dict)  # a direction column's words, with their sign


WECHATPAY = Form(
    "wechat", "trade", "utf-8", "ticked",
    {
        "at": ("交易时间",),
        "merchant": ("商户号",),
        "gateway_no": ("微信订单号",),
        "trade_no": ("商户订单号",),
        "refund_no": ("商户退款单号",),
        "state": ("交易状态",),
        "amount": ("订单金额", "总金额"),
        "refund_amount": ("申请退款金额", "退款金额"),
        "fee": ("手续费",),
    },
    {"SUCCESS": "payment", "REFUND": "refund", "REVOKED": "refund"},
    (
        Total("总交易单数"),
        Total("应结订单总金额", "应结订单金额"),
        Total("退款总金额", "退款金额"),
        Total("充值券退款总金额", "充值券退款金额"),
        Total("手续费总金额", "手续费"),
        Total("订单总金额", "订单金额"),
        Total("申请退款总金额", "申请退款金额"),
        Total("总交易额", "总金额"),
        Total("总退款金额", "退款金额"),
    ),
)  # fmt: skip
AMOUNT = "收支金额(元)"
WECHATPAY_FUND = Form(
    "wechat", "fund", "utf-8", "ticked",
    {
        "at": ("记账时间",),
        "gateway_no": ("微信支付业务单号",),
        "trade_no": ("业务凭证号",),
        "state": ("业务类型",),
        "amount": (AMOUNT,),
        "direction": ("收支类型",),
    },
    {"交易": "payment", "退款": "refund", "扣除交易手续费": "fee", "分账": "split", "*": "other"},
    (
        Total("资金流水总笔数"),
        Total("收入笔数", "", ("收支类型", "收入")),
        Total("收入金额", AMOUNT, ("收支类型", "收入")),
        Total("支出笔数", "", ("收支类型", "支出")),
        Total("支出金额", AMOUNT, ("收支类型", "支出")),
    ),
    spends={"收入": 1, "支出": -1},
)  # fmt: skip
ALIPAY = Form(
    "alipay", "trade", "gb18030", "hashed",
    {
        "at": ("完成时间",),
        "gateway_no": ("支付宝交易号",),
        "trade_no": ("商户订单号",),
        "refund_no": ("退款批次号/请求号",),
        "state": ("业务类型",),
        "amount": ("订单金额(元)",),
        "refund_amount": ("订单金额(元)",),
        "fee": ("服务费(元)",),
    },
    {"交易": "payment", "退款": "refund"},
    name_column="商品名称",
    dash="_",
)  # fmt: skip
DOUYINPAY = Form(  # assumed: the public SDKs tell the addresses, the hash and gzip, but no column
    "douyin", "trade", "utf-8", "ticked",
    {
        "at": ("交易时间",),
        "merchant": ("商户号",),
        "gateway_no": ("抖音支付订单号",),
        "trade_no": ("商户订单号",),
        "refund_no": ("商户退款单号",),
        "state": ("交易状态",),
        "amount": ("订单金额",),
        "refund_amount": ("退款金额",),
        "fee": ("手续费",),
    },
    {"SUCCESS": "payment", "REFUND": "refund"},
    (Total("总交易单数"), *(Total(f"{name[:-2]}总{name[-2:]}", name) for name in ("订单金额", "退款金额")),
     Total("手续费总金额", "手续费")),
)  # fmt: skip
FORMS: Mapping[tuple[str, str], Form] = MappingProxyType(
    {(one.name, one.kind): one for one in (WECHATPAY, WECHATPAY_FUND, ALIPAY, DOUYINPAY)}
)


def form_of(channel_kind: str, bill_kind: str, columns: Mapping[str, Sequence[str]] | None = None) -> Form | None:
    """The form of a channel's bill, with the column names that were set for it; None where none is known."""
    form = FORMS.get((channel_kind, bill_kind))
    return with_columns(form, columns) if form is not None and columns else form


def with_columns(form: Form, columns: Mapping[str, Sequence[str]]) -> Form:
    """A form whose columns have other names, as data. ValueError for a role that is none."""
    unknown = set(columns) - set(ROLES)
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
    told = {role: tuple(tidy(name) for name in names) for role, names in columns.items() if names}
    renamed = {form.columns[role][0]: told[role][0] for role in told if form.columns.get(role)}
    totals = tuple(replace(one, column=renamed.get(one.column, one.column)) for one in form.totals)
    return replace(form, columns={**form.columns, **told}, totals=totals)


def tidy(name: str) -> str:
    """A column's name as we compare it: no tick, no blanks, brackets of one kind."""
    return name.strip(" \t`\ufeff").replace("（", "(").replace("）", ")")
