"""A line's cells and what they say: every value looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

from kashu.kernel.clock import SHANGHAI
from kashu.settlement import BillLine, BillRefusal
from kashu.wire.pay.bills.forms import NEEDED, Form, tidy
from kashu.wire.pay.bills.money import fen_of, parse_fen, parse_milli
from kashu.wire.pay.bills.stream import BillRefusedError

NUMBER = re.compile(r"[\x21-\x5b\x5d-\x7e]{0,64}", re.ASCII)  # no blank, no backslash, nothing that is not ASCII
COLUMNS_MAX = 64


@dataclass(frozen=True, slots=True)
class Expected:
    """What a bill has to be: of this day, of one of these merchants (any, where there are none)."""

    day: date
    merchants: frozenset[str] = field(default_factory=frozenset)


class Reader:
    """What turns the cells of a line into what they say; made from the header."""

    def __init__(self, header: list[str], form: Form, expected: Expected, line_no: int) -> None:
        names = [tidy(name) for name in header]
        if len(names) > COLUMNS_MAX or len(set(names)) < len(names):
            raise BillRefusedError(BillRefusal.BAD_HEADER, line_no, "columns twice, or too many")
        self.width, self.places = len(names), {name: at for at, name in enumerate(names)}
        found = {role: self._place(known) for role, known in form.columns.items()}
        missing = [role for role in NEEDED if found.get(role) is None]
        if missing:
            told = ", ".join("/".join(form.columns.get(role, (role,))) for role in missing)
            raise BillRefusedError(BillRefusal.BAD_HEADER, line_no, f"no column {told}")
        self.at, self.gateway, self.trade, self.state, self.amount = (found[role] or 0 for role in NEEDED)
        self.merchant, self.refund, self.fee = (found.get(role) for role in ("merchant", "refund_no", "fee"))
        self.refund_amount, self.direction = found.get("refund_amount"), found.get("direction")
        self.form, self.expected, self.day = form, expected, expected.day.isoformat()

    def line(self, cells: list[str], line_no: int) -> BillLine:
        kind = self.form.states.get(cells[self.state]) or self.form.states.get("*")
        if kind is None:
            raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, f"state {cells[self.state][:20]!r}")
        if (
            self.merchant is not None
            and self.expected.merchants
            and cells[self.merchant] not in self.expected.merchants
        ):
            raise BillRefusedError(BillRefusal.OTHER_MERCHANT, line_no, cells[self.merchant][:40])
        gateway_no, trade_no = cells[self.gateway], cells[self.trade]
        refund_no = cells[self.refund] if kind == "refund" and self.refund is not None else ""
        for told in (gateway_no, trade_no, refund_no):
            if NUMBER.fullmatch(told) is None:
                raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, "a number with odd characters")
        trade_no, refund_no = (told.replace(self.form.dash, "-") for told in (trade_no, refund_no))
        if not gateway_no:
            raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, "no number of the channel's")
        fee = None if self.fee is None else parse_milli(cells[self.fee] or "0")
        if self.fee is not None and fee is None:
            raise BillRefusedError(BillRefusal.BAD_AMOUNT, line_no, cells[self.fee][:24])
        amount_fen = self._amount(cells, kind, line_no)
        return BillLine(
            line_no, kind, gateway_no, trade_no, refund_no, amount_fen, fen_of(fee or 0), self._at(cells, line_no)
        )

    def _amount(self, cells: list[str], kind: str, line_no: int) -> int:
        """Signed: what came in is positive, what went back negative."""
        is_back = kind == "refund" and self.direction is None
        text = cells[self.refund_amount if is_back and self.refund_amount is not None else self.amount]
        fen = parse_fen(text)
        if fen is None:
            raise BillRefusedError(BillRefusal.BAD_AMOUNT, line_no, text[:24])
        if self.direction is not None:
            sign = self.form.spends.get(cells[self.direction])
            if sign is None or fen < 0:
                raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, f"direction {cells[self.direction][:10]!r}")
            return sign * fen
        if is_back:
            return -abs(fen)
        if fen < 0:
            raise BillRefusedError(BillRefusal.BAD_AMOUNT, line_no, text[:24])
        return fen

    def _at(self, cells: list[str], line_no: int) -> datetime:
        text = cells[self.at]
        if len(text) != 19 or text[10] != " ":
            raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, f"time {text[:24]!r}")
        if text[:10] != self.day:
            raise BillRefusedError(BillRefusal.OTHER_DAY, line_no, text[:10])
        try:
            return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
        except ValueError as error:
            raise BillRefusedError(BillRefusal.BAD_VALUE, line_no, f"time {text!r}") from error

    def _place(self, known: tuple[str, ...]) -> int | None:
        return next((self.places[tidy(name)] for name in known if tidy(name) in self.places), None)
