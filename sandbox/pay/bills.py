"""Daily bills as the three channels write them, from given rows; for tests, the simulator and measurements.

What is known of the forms and what is assumed stands in `docs/algorithms/reconciliation.md`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TypedDict

SHANGHAI = timezone(timedelta(hours=8))
PIECE = 1 << 16
WECHATPAY_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHATPAY_FOOT = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_HEAD = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
FUND_FOOT = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
DOUYINPAY_HEAD = (
    "交易时间,应用ID,商户号,抖音支付订单号,商户订单号,交易类型,交易状态,币种,订单金额,抖音支付退款单号,商户退款单号,"
    "退款金额,商品名称,手续费,费率"
)
DOUYINPAY_FOOT = "总交易单数,订单总金额,退款总金额,手续费总金额"
ALIPAY_HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)


class Row(TypedDict):
    """A movement at the channel. `state` is SUCCESS or REFUND; the amount of a refund is positive."""

    trade_no: str
    gateway_no: str
    refund_id: str
    amount_fen: int
    fee_fen: int
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Faults:
    """What can be wrong with a bill. Rows are named by their gateway number."""

    extra: tuple[Row, ...] = ()  # a row that nobody was called back about
    missing: frozenset[str] = frozenset()
    more_fen: Mapping[str, int] = field(default_factory=dict)
    twice: frozenset[str] = frozenset()
    next_day: frozenset[str] = frozenset()  # the channel books it after midnight
    is_truncated: bool = False
    is_wrong_hash: bool = False


@dataclass(frozen=True, slots=True)
class BillFile:
    """A bill as it is downloaded, with the digest that the channel announces (of what is unpacked)."""

    content: bytes
    hash_type: str
    hash_value: str


NO_FAULTS = Faults()


def file(
    kind: str, rows: Iterable[Row], day: date, merchant: str, faults: Faults = NO_FAULTS, *, packed: bool = True
) -> BillFile:
    """A whole bill in memory: of `alipay`, `wechat`, `wechat_fund` or `douyin`."""
    plain = b"".join(stream(kind, rows_of_day(rows, day, faults), day, merchant))
    value = hashlib.sha1(plain, usedforsecurity=False).hexdigest()
    if faults.is_truncated:
        plain = plain[: len(plain) * 2 // 3]
    if faults.is_wrong_hash:
        value = hashlib.sha1(plain + b"?", usedforsecurity=False).hexdigest()
    content = (_zipped(plain, day, merchant) if kind == "alipay" else gzip.compress(plain)) if packed else plain
    return BillFile(content, "SHA1", value)


def rows_of_day(rows: Iterable[Row], day: date, faults: Faults = NO_FAULTS) -> Iterator[Row]:
    """The rows that a channel with these faults puts on the bill of a day."""
    for row in [*rows, *faults.extra]:
        at = row["at"].astimezone(SHANGHAI)
        number = row["gateway_no"]
        if number in faults.next_day:
            at = datetime(at.year, at.month, at.day, 0, 0, 30, tzinfo=SHANGHAI) + timedelta(days=1)
        if at.date() != day or number in faults.missing:
            continue
        told: Row = {**row, "at": at, "amount_fen": row["amount_fen"] + faults.more_fen.get(number, 0)}
        yield told
        if number in faults.twice:
            yield told


def stream(kind: str, rows: Iterable[Row], day: date, merchant: str) -> Iterator[bytes]:
    """A bill in pieces, unpacked, however long it is."""
    encoding = "gb18030" if kind == "alipay" else "utf-8"
    lines = {"wechat": _wechatpay, "wechat_fund": _fund, "douyin": _douyinpay, "alipay": _alipay}[kind]
    waiting, size = [], 0
    for line in lines(rows, day, merchant):
        waiting.append(line)
        size += len(line)
        if size > PIECE:
            yield "".join(waiting).encode(encoding)
            waiting, size = [], 0
    yield "".join(waiting).encode(encoding)


@dataclass(slots=True)
class _Sum:
    count: int = 0
    paid: int = 0
    back: int = 0
    fee: int = 0
    backs: int = 0

    def add(self, row: Row) -> None:
        self.count += 1
        is_back = row["state"] == "REFUND"
        self.backs += is_back
        self.back += row["amount_fen"] if is_back else 0
        self.paid += 0 if is_back else row["amount_fen"]
        self.fee += -row["fee_fen"] if is_back else row["fee_fen"]


def _wechatpay(rows: Iterable[Row], _day: date, merchant: str) -> Iterator[str]:
    yield WECHATPAY_HEAD + "\r\n"
    found = _Sum()
    for row in rows:
        found.add(row)
        is_back = row["state"] == "REFUND"
        paid, back = _yuan(0 if is_back else row["amount_fen"]), _yuan(row["amount_fen"] if is_back else 0)
        fee = _yuan(-row["fee_fen"] if is_back else row["fee_fen"]) + "000"
        ids = (f"5{row['gateway_no'][1:]}", row["refund_id"]) if is_back else ("0", "0")
        back_words = ("ORIGINAL", "SUCCESS") if is_back else ("", "")
        yield _ticked(
            _time(row["at"]), "wx0000000000000000", merchant, "0", "", row["gateway_no"], row["trade_no"],
            "o-payer", "JSAPI", row["state"], "OTHERS", "CNY", paid, "0.00", *ids, back, "0.00", *back_words,
            "数字商品, 一件", "", fee, "0.60%", paid, back, "",
        )  # fmt: skip
    yield WECHATPAY_FOOT + "\r\n"
    paid, back = _yuan(found.paid), _yuan(found.back)
    yield _ticked(str(found.count), paid, back, "0.00", _yuan(found.fee) + "000", paid, back)


def _fund(rows: Iterable[Row], _day: date, _merchant: str) -> Iterator[str]:
    yield FUND_HEAD + "\r\n"
    found = _Sum()
    for row in rows:
        found.add(row)
        is_back = row["state"] == "REFUND"
        word, way = ("退款", "支出") if is_back else ("交易", "收入")
        yield _ticked(
            _time(row["at"]), row["gateway_no"], f"F{row['gateway_no']}", word, word, way, _yuan(row["amount_fen"]),
            "0.00", "API", "", row["trade_no"],
        )  # fmt: skip
    yield FUND_FOOT + "\r\n"
    ins = found.count - found.backs
    yield _ticked(str(found.count), str(ins), _yuan(found.paid), str(found.backs), _yuan(found.back))


def _douyinpay(rows: Iterable[Row], _day: date, merchant: str) -> Iterator[str]:
    yield DOUYINPAY_HEAD + "\n"
    found = _Sum()
    for row in rows:
        found.add(row)
        is_back = row["state"] == "REFUND"
        paid, back = _yuan(0 if is_back else row["amount_fen"]), _yuan(row["amount_fen"] if is_back else 0)
        ids = (f"R{row['gateway_no']}", row["refund_id"]) if is_back else ("", "")
        fee = _yuan(-row["fee_fen"] if is_back else row["fee_fen"])
        yield _ticked(
            _time(row["at"]), "awz9w2wncdof4ba6", merchant, row["gateway_no"], row["trade_no"], "NATIVE", row["state"],
            "CNY", paid, *ids, back, "数字商品", fee, "0.60%", end="\n",
        )  # fmt: skip
    yield DOUYINPAY_FOOT + "\n"
    yield _ticked(str(found.count), _yuan(found.paid), _yuan(found.back), _yuan(found.fee), end="\n")


def _alipay(rows: Iterable[Row], day: date, merchant: str) -> Iterator[str]:
    following = day + timedelta(days=1)
    yield "#支付宝业务明细查询\r\n"
    yield f"#账号：[{merchant}0156]\r\n"
    yield f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{following:%Y年%m月%d日} 00:00:00]\r\n"
    yield f"#{'-' * 41}业务明细列表{'-' * 40}\r\n"
    yield ALIPAY_HEAD + "\r\n"
    found = _Sum()
    for row in rows:
        found.add(row)
        is_back = row["state"] == "REFUND"
        sign = -1 if is_back else 1
        paid, time = _yuan(sign * row["amount_fen"]), _time(row["at"])
        yield (
            f"{row['gateway_no']}\t,{row['trade_no']}\t,{'退款' if is_back else '交易'}\t,数字商品, 一件,{time},{time},"
            f"\t,\t,\t,\t,**客 (cus***@example.com)\t,{paid},{paid},0.00,0.00,0.00,0.00,0.00,\t,0.00,0.00,"
            f"{row['refund_id'] if is_back else ''}\t,{_yuan(-sign * row['fee_fen'])},0.00,\r\n"
        )
    yield f"#{'-' * 41}业务明细列表结束{'-' * 36}\r\n"
    yield f"#交易合计：{found.count - found.backs}笔，商家实收共{_yuan(found.paid)}元，商家优惠共0.00元\r\n"
    yield f"#退款合计：{found.backs}笔，商家实收退款共{_yuan(-found.back)}元，商家优惠退款共0.00元\r\n"
    yield f"#导出时间：[{following:%Y年%m月%d日} 09:00:00]\r\n"


def _zipped(plain: bytes, day: date, merchant: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            (f"{merchant}0156_{day:%Y%m%d}_业务明细.csv", plain),
            (f"{merchant}0156_{day:%Y%m%d}_业务明细(汇总).csv", b"#"),
        ):
            archive.writestr(name, content)
    return out.getvalue()


def _ticked(*values: str, end: str = "\r\n") -> str:
    return "`" + ",`".join(values) + end


def _yuan(fen: int) -> str:
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02d}"


def _time(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
