"""Alipay's detail: heads and totals behind `#`, a header and lines between them, tabs behind values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kashu.settlement import BillLine, BillRefusal
from kashu.wire.pay.bills.cells import Expected, Reader
from kashu.wire.pay.bills.forms import Form, tidy
from kashu.wire.pay.bills.money import parse_milli
from kashu.wire.pay.bills.stream import BillRefusedError

LIST = "业务明细列表"
ACCOUNT = re.compile(r"#账号[:：]\s*\[(\d{8,32})\]", re.ASCII)
BEGINS = re.compile(r"#起始日期[:：]\s*\[(\d{4})年(\d{2})月(\d{2})日", re.ASCII)
FOOT = re.compile(r"#+(交易|退款)合计[:：]\s*(\d+)笔[,，]商家实收(?:退款)?共(-?[\d.]+)元", re.ASCII)
RECEIVED = "商家实收(元)"
HEAD_LINES_MAX = 20


def read_hashed(text: Iterator[str], form: Form, expected: Expected) -> Iterator[BillLine]:
    """The lines between the two marks; the totals behind them are added up again."""
    line_no = _head(text, expected)
    reader = Reader(next(text, "").split(","), form, expected, line_no + 1)
    received, name = reader.places.get(RECEIVED), reader.places.get(form.name_column)
    sums = {"payment": [0, 0], "refund": [0, 0]}
    line_no += 1
    for line in text:
        line_no += 1
        if line.startswith("#"):
            if LIST not in line or "结束" not in line:
                raise BillRefusedError(BillRefusal.BAD_LINE, line_no)
            _foot(text, sums if received is not None else {}, line_no)
            return
        if not line.strip():
            continue
        cells = [cell.strip(" \t") for cell in line.split(",")]
        extra = len(cells) - reader.width
        if extra > 0 and name is not None:
            # A comma in the goods' name, which is not quoted. If it was in another value, the time that follows the
            # name is no time, and the bill is refused.
            cells[name : name + extra + 1] = [",".join(cells[name : name + extra + 1])]
        if len(cells) != reader.width:
            raise BillRefusedError(BillRefusal.BAD_LINE, line_no, f"{len(cells)} values instead of {reader.width}")
        found = reader.line(cells, line_no)
        sums[found.kind][0] += 1
        if received is not None:
            fen = parse_milli(cells[received])
            if fen is None:
                raise BillRefusedError(BillRefusal.BAD_AMOUNT, line_no, cells[received][:24])
            sums[found.kind][1] += fen
        yield found
    raise BillRefusedError(BillRefusal.TRUNCATED, line_no, "no end of the list")


def _head(text: Iterator[str], expected: Expected) -> int:
    """Read up to the list: whose bill, and of which day. Says how many lines that were."""
    for line_no, line in enumerate(text, 1):
        account, begins = ACCOUNT.match(line), BEGINS.match(line)
        if account and expected.merchants and not any(account[1].startswith(one) for one in expected.merchants):
            raise BillRefusedError(BillRefusal.OTHER_MERCHANT, line_no, account[1])
        if begins and "-".join(begins.groups()) != expected.day.isoformat():
            raise BillRefusedError(BillRefusal.OTHER_DAY, line_no, "-".join(begins.groups()))
        if line.startswith("#-") and LIST in line:
            return line_no
        if not line.startswith("#") or line_no >= HEAD_LINES_MAX:
            break
    raise BillRefusedError(BillRefusal.BAD_HEADER, 0, tidy(LIST))


def _foot(text: Iterator[str], sums: dict[str, list[int]], line_no: int) -> None:
    told: dict[str, tuple[int, int | None]] = {}
    for at, line in enumerate(text, line_no + 1):
        found = FOOT.match(line)
        if found:
            told["payment" if found[1] == "交易" else "refund"] = (int(found[2]), parse_milli(found[3]))
        elif line.strip() and not line.startswith("#"):
            raise BillRefusedError(BillRefusal.BAD_LINE, at, "after the totals")
    if set(told) != {"payment", "refund"}:
        raise BillRefusedError(BillRefusal.TRUNCATED, line_no, "no totals at the end")
    for kind, (count, total) in sums.items():
        if told[kind] != (count, total):
            raise BillRefusedError(BillRefusal.WRONG_TOTALS, line_no, f"{kind} {told[kind][0]}")
