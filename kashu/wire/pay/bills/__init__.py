"""Daily bills of payment channels: unpacked, checked and read line by line in bounded memory."""

from kashu.wire.pay.bills.cells import Expected
from kashu.wire.pay.bills.forms import FORMS, Form, form_of, with_columns
from kashu.wire.pay.bills.money import parse_fen
from kashu.wire.pay.bills.reading import parse
from kashu.wire.pay.bills.stream import BILL_BYTES_MAX, BillRefusedError, checked, count_lines, unpack

__all__ = [
    "BILL_BYTES_MAX",
    "FORMS",
    "BillRefusedError",
    "Expected",
    "Form",
    "checked",
    "count_lines",
    "form_of",
    "parse",
    "parse_fen",
    "unpack",
    "with_columns",
]
