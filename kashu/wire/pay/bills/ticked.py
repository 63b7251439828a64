"""WeChat Pay's table, and Douyin Pay's: every value behind a tick, the totals at the end."""

from __future__ import annotations

from collections.abc import Iterator

from kashu.settlement import BillLine, BillRefusal
from kashu.wire.pay.bills.cells import Expected, Reader
from kashu.wire.pay.bills.forms import Form, Total, tidy
from kashu.wire.pay.bills.money import MILLI, parse_milli
from kashu.wire.pay.bills.stream import BillRefusedError


def read_ticked(text: Iterator[str], form: Form, expected: Expected) -> Iterator[BillLine]:
    """A header, lines whose every value begins with a tick, a header of totals, the totals."""
    line_no, names = 1, next(text, "").split(",")
    reader, first = Reader(names, form, expected, line_no), {one.name for one in form.totals}
    sums = _Sums([one for one in form.totals if not one.column or one.column in reader.places], reader)
    for line in text:
        line_no += 1
        if not line.startswith("`"):
            if line.strip() == "":
                continue
            heads = [tidy(name) for name in line.split(",")]
            if heads[0] not in first:
                raise BillRefusedError(BillRefusal.BAD_LINE, line_no)
            _foot(text, sums, heads, line_no)
            return
        cells = line[1:].split(",`")  # a comma within a value has no tick behind it
        if len(cells) != reader.width:
            if tidy(cells[0]) in first:
                _foot(text, sums, [tidy(name) for name in line.split(",")], line_no)
                return
            raise BillRefusedError(BillRefusal.BAD_LINE, line_no, f"{len(cells)} values instead of {reader.width}")
        sums.add(cells, line_no)
        yield reader.line(cells, line_no)
    raise BillRefusedError(BillRefusal.TRUNCATED, line_no, "no totals at the end")


class _Sums:
    """The totals of a bill, added up from its lines, in thousandths of a fen."""

    def __init__(self, totals: list[Total], reader: Reader) -> None:
        self.count, self.found = 0, {one.name: 0 for one in totals}
        self._plain = [(one.name, reader.places[one.column]) for one in totals if one.column and one.where is None]
        self._some = [
            (one.name, reader.places.get(one.column), reader.places[one.where[0]], one.where[1])
            for one in totals
            if one.where is not None and one.where[0] in reader.places
        ]
        self._counts = [one.name for one in totals if not one.column and one.where is None]

    def add(self, cells: list[str], line_no: int) -> None:
        self.count += 1
        for name, place in self._plain:
            self.found[name] += _milli(cells[place] or "0", line_no)
        for name, at, place, value in self._some:
            if cells[place] == value:
                self.found[name] += MILLI * 100 if at is None else _milli(cells[at], line_no)

    def expected(self, name: str) -> int | None:
        """A count is compared as if it were yuan: `3` is 3.00."""
        return self.count * MILLI * 100 if name in self._counts else self.found.get(name)


def _foot(text: Iterator[str], sums: _Sums, heads: list[str], line_no: int) -> None:
    row = next(text, "")
    cells = [cell.strip("` ") for cell in row.split(",")]
    if not row.startswith("`") or len(cells) != len(heads):
        raise BillRefusedError(BillRefusal.TRUNCATED, line_no + 1, "no totals at the end")
    for name, cell in zip(heads, cells, strict=True):
        ours = sums.expected(name)
        if ours is not None and parse_milli(cell) != ours:
            raise BillRefusedError(BillRefusal.WRONG_TOTALS, line_no + 1, f"{name} {cell[:24]}")
    if any(line.strip() for line in text):
        raise BillRefusedError(BillRefusal.BAD_LINE, line_no + 2, "after the totals")


def _milli(text: str, line_no: int) -> int:
    value = parse_milli(text)
    if value is None:
        raise BillRefusedError(BillRefusal.BAD_AMOUNT, line_no, text[:24])
    return value
