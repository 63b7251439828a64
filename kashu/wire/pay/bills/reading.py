"""Lines of a bill from its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kashu.settlement import BillLine
from kashu.wire.pay.bills.cells import Expected
from kashu.wire.pay.bills.forms import Form
from kashu.wire.pay.bills.hashed import read_hashed
from kashu.wire.pay.bills.stream import lines
from kashu.wire.pay.bills.ticked import read_ticked


def parse(chunks: Iterable[bytes], form: Form, expected: Expected) -> Iterator[BillLine]:
    """The lines of a bill, in its order. Raises BillRefusedError, at its end too: none is to be believed before."""
    read = read_hashed if form.style == "hashed" else read_ticked
    return read(lines(chunks, form.encoding), form, expected)
