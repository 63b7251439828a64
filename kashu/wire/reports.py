"""What authorities are told of suppliers: who they are, in January and July (C-11); what they earned, each quarter (C-12)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kashu import ledger, party
from kashu.audit import Actor
from kashu.kernel.clock import day_start
from kashu.kernel.db import Db
from kashu.kernel.ids import new_id
from kashu.kernel.money import yuan

REPORTED = ("active", "restricted", "suspended", "exiting")
IDENTITY = ("组别", "名称或姓名", "统一社会信用代码", "证件末四位", "实际经营地址", "联系方式", "状态")
INCOME = (
    "名称或姓名",
    "统一社会信用代码",
    "收入总额（元）",
    "退款（元）",
    "收入净额（元）",
    "扣除佣金后应付变动（元）",
)


@dataclass(frozen=True, slots=True)
class Report:
    """A file for an authority: its period, how many suppliers it tells of, its text and its hash."""

    period: str
    rows: int
    text: str
    sha256: str


def identities(db: Db, half: str) -> Report:
    """Every supplier that trades or is leaving, in two groups: registered, then those that need not be."""
    rows = []
    for one in party.suppliers(db, REPORTED):
        told = party.party(db, one.party_id)
        assert told is not None
        heads = [head for head in party.principals(db, one.party_id) if head.role == "legal_representative"]
        tail = heads[0].id_tail if heads and not one.is_registered else ""
        group = "已办理登记" if one.is_registered else "未办理登记"
        rows.append((group, told.name, told.uscc, tail, told.address, told.contact, one.state))
    return table(half, IDENTITY, sorted(rows, key=lambda row: row[0] != "已办理登记"))


def incomes(db: Db, quarter: str) -> Report:
    """What each supplier sold, gave back and is owed for a quarter, from the books."""
    since, until = quarter_of(quarter)
    rows = []
    for one in party.suppliers(db):
        told, sums = party.party(db, one.party_id), ledger.turnover(db, f"payable:{one.party_id}", since, until)
        assert told is not None
        if sums.gross_fen or sums.refunded_fen:
            money = (sums.gross_fen, sums.refunded_fen, sums.net_fen, sums.owed_fen)
            rows.append((told.name, told.uscc, *(yuan(fen) for fen in money)))
    return table(quarter, INCOME, rows)


def keep(db: Db, actor: Actor, kind: str, made: Report, at: datetime) -> None:
    """Note that a report was made; what was in it is told by its hash."""
    party.add_report(db, new_id(), kind, made.period, (made.rows, made.sha256, actor.name), at)


def half_of(day: date) -> str:
    """The period that is reported on a day: `2027-01` from January to June, `2027-07` after."""
    return f"{day.year}-{'01' if day.month < 7 else '07'}"


def is_missed(db: Db, day: date) -> bool:
    """Whether the window of this half-year, its first month, is over and nothing was reported."""
    is_open = day.month in (1, 7)
    return not is_open and party.report_made(db, "authority", half_of(day)) is None


def quarter_of(quarter: str) -> tuple[datetime, datetime]:
    """`2026-Q4` → its first instant, and the first after it, in Shanghai. ValueError for anything else."""
    year, _, number = quarter.partition("-Q")
    if not year.isdigit() or number not in ("1", "2", "3", "4"):
        raise ValueError(f"{quarter} is no quarter such as 2026-Q4")
    month, begin = int(number) * 3 - 2, int(year)
    after = date(begin + 1, 1, 1) if month == 10 else date(begin, month + 3, 1)
    return day_start(date(begin, month, 1)), day_start(after)


def table(period: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Report:
    """A file of a period as a spreadsheet reads it, with its hash."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    text = "\ufeff" + out.getvalue()
    return Report(period, len(rows), text, hashlib.sha256(text.encode()).hexdigest())


def _cell(text: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
