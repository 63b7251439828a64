"""What authorities are told of suppliers: who they are, in January and July (C-11); what they earned, each quarter (C-12).

And of the house itself, once, when it begins (C-12). The authorities hand out templates of their own (平台内经营者身份信息数据
报送模板; 互联网平台企业基本信息报送表): these files hold what the rules list, for whoever fills those in.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from kashu import compliance, ledger, party
from kashu.audit import Actor
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db
from kashu.kernel.money import yuan
from kashu.kernel.seal import Keyring
from kashu.kernel.text import no_formula

REPORTED = ("active", "restricted", "suspended", "exiting")
REGISTERED, UNREGISTERED = "已办理市场主体登记", "未办理市场主体登记"
# What NETTRADE §25 lists of both groups; what only one of them has is blank in the other.
IDENTITY = (
    "组别",
    "名称（姓名）",
    "统一社会信用代码",
    "身份证件号码",
    "实际经营地址",
    "联系方式",
    "网店名称",
    "网址链接",
    "无须登记的情形（自我声明）",
    "年交易额超过 10 万元",
    "状态",
)
OWN = ("平台名称", "平台域名", "业务类型", "运营主体名称", "统一社会信用代码", "增值电信业务经营许可证编号", "开始日期")
BUSINESS = "网络商品销售平台"  # the first kind of 国家税务总局公告 2025 年第 15 号
START, START_DAYS = "start", 30  # TAX810 §3: within so many days of beginning
PETTY_FEN_MAX, YEAR_DAYS = 10_000_000, 365  # NETTRADE §8: who is above it is marked
HALVES_BACK, QUARTERS_BACK = 4, 8
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


def tidy_half(period: str, day: date) -> str:
    """A half-year that was asked for, or that of a day. ValueError for anything else."""
    if period and period not in {told for told, *_ in _halves(day)}:
        raise ValueError(f"{period} is no half-year such as 2027-01")
    return period or half_of(day)


@dataclass(frozen=True, slots=True)
class Duty:
    """A report that the law asks for: its period, the window in which it is due, and when it was sent."""

    kind: str
    period: str
    opens_on: date
    due_on: date
    sent_at: datetime | None

    def is_missed(self, day: date) -> bool:
        return self.sent_at is None and day > self.due_on


def identities(db: Db, ring: Keyring, actor: Actor, half: str, site: str, at: datetime) -> Report:
    """Every supplier that trades or is leaving, in two groups: registered, then those that need not be.

    The authority is told whole ID numbers of the second; each is in the trail before it is opened.
    """
    rows = []
    for one in party.suppliers(db, REPORTED):
        told = party.party(db, one.party_id)
        assert told is not None
        number, exempt, is_above = "", "", ""
        if not one.is_registered:
            number = party.reports.number_of_head(db, ring, actor, one.party_id, f"C-11 {half}", at)
            declared = party.reports.exemption(db, one.party_id)
            exempt = "" if declared is None else f"{party.reports.GROUNDS[declared[0]]}（{biz_date(declared[1])}）"
            sums = ledger.turnover(db, f"payable:{one.party_id}", at - timedelta(days=YEAR_DAYS), at)
            is_above = "是" if sums.gross_fen > PETTY_FEN_MAX else "否"
        page = f"{site}/legal/licences#p{one.party_id}"
        group = REGISTERED if one.is_registered else UNREGISTERED
        rows.append((group, told.name, told.uscc, number, told.address, told.contact, told.name, page, exempt, is_above,
                     one.state))  # fmt: skip
    return table(half, IDENTITY, sorted(rows, key=lambda row: row[0] != REGISTERED))


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


def own(db: Db, site: str, at: datetime) -> Report:
    """What the house itself is: told once, within thirty days of the first supplier; and again by hand where it changes."""
    first, rows = party.reports.first_supplier_at(db), []
    began = "" if first is None else biz_date(first).isoformat()
    for house in party.parties(db, "platform"):
        held = [one.number for one in compliance.in_force_on(db, biz_date(at), house.id) if one.kind == "telecom"]
        domain = urlsplit(site).hostname or ""
        rows.append((house.name, domain, BUSINESS, house.name, house.uscc, "；".join(held), began))
    return table(START, OWN, rows)


def half_of(day: date) -> str:
    """The period that is reported on a day: `2027-01` from January to June, `2027-07` after."""
    return f"{day.year}-{'01' if day.month < 7 else '07'}"


def duties(db: Db, day: date) -> list[Duty]:
    """What has to be reported by law: each window that has opened since there are suppliers, the oldest first.

    It is done once it was sent: a file that somebody made and kept is not. What was missed stays missed until it is sent late.
    """
    first = party.reports.first_supplier_at(db)
    if first is None:
        return []
    began = biz_date(first)
    told = [("own", START, began, began + timedelta(days=START_DAYS))]
    told += [("authority", *one) for one in _halves(day)] + [("tax", *one) for one in _quarters(day)]
    return sorted(
        (
            Duty(kind, period, opens, due, party.reports.report_sent(db, kind, period))
            for kind, period, opens, due in told
            if opens <= day and due >= began
        ),
        key=lambda one: (one.due_on, one.kind),
    )


def is_missed(db: Db, day: date) -> bool:
    """Whether a window is over whose report was not sent."""
    return any(one.is_missed(day) for one in duties(db, day))


def _halves(day: date) -> list[tuple[str, date, date]]:
    """January and July (C-11), back from a day: period, first and last day of its window."""
    found = []
    year, month = day.year, 1 if day.month < 7 else 7
    for _ in range(HALVES_BACK):
        found.append((f"{year}-{month:02d}", date(year, month, 1), date(year, month, 31)))
        year, month = (year, 1) if month == 7 else (year - 1, 7)
    return found


def _quarters(day: date) -> list[tuple[str, date, date]]:
    """Quarters that are over, back from a day; the window is the month after (C-12)."""
    found = []
    year, number = day.year, (day.month + 2) // 3
    for _ in range(QUARTERS_BACK):
        year, number = (year, number - 1) if number > 1 else (year - 1, 4)
        opens = biz_date(quarter_of(f"{year}-Q{number}")[1])
        found.append((f"{year}-Q{number}", opens, date(opens.year, opens.month, 30 if opens.month == 4 else 31)))
    return found


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
    writer.writerows([[no_formula(cell) for cell in row] for row in rows])
    text = "\ufeff" + out.getvalue()
    return Report(period, len(rows), text, hashlib.sha256(text.encode()).hexdigest())
