"""What authorities are told of suppliers (C-11, C-12), against the register and the books."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import pytest

from kashu import audit, ledger, party, sales
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import value
from kashu.kernel.money import parse_yuan
from kashu.wire import reports
from tests import make
from tests.party import world


def rows(made):
    return list(csv.DictReader(io.StringIO(made.text.removeprefix("\ufeff"))))


def test_two_groups_and_as_many_rows_as_suppliers(db, ring):
    """C-11."""
    mine = world.active(db, ring)
    world.applied(db, ring)
    alone = world.with_papers(db, ring, is_registered=False, number=world.person_number())
    db.execute("UPDATE party_supplier SET state = 'active', verified_at = now() WHERE party_id = %s", [alone])
    made = identities(db, ring)
    told = rows(made)
    assert made.rows == len(told) == len(party.suppliers(db, reports.REPORTED))
    groups = [row["组别"] for row in told]
    assert groups == sorted(groups, key=lambda group: group != reports.REGISTERED)
    named = {row["名称（姓名）"]: row for row in told}
    assert named[party.party(db, mine).name]["统一社会信用代码"] == party.party(db, mine).uscc
    assert named[party.party(db, alone).name]["组别"] == reports.UNREGISTERED


LISTED = {  # NETTRADE §25, by group
    "已办理市场主体登记": ["名称（姓名）", "统一社会信用代码", "实际经营地址", "联系方式", "网店名称", "网址链接"],
    "未办理市场主体登记": ["名称（姓名）", "身份证件号码", "实际经营地址", "联系方式", "网店名称", "网址链接",
                         "无须登记的情形（自我声明）", "年交易额超过 10 万元"],
}  # fmt: skip


def test_every_column_that_the_law_lists_is_filled(db, ring):
    """C-11: the whole ID number of who is not registered, and why they need not be; a mark where they sell too much for it."""
    mine, number = world.active(db, ring), world.person_number()
    alone = world.with_papers(db, ring, is_registered=False, number=number)
    db.execute("UPDATE party_supplier SET state = 'active', verified_at = now() WHERE party_id = %s", [alone])
    assert party.reports.declare_exempt(db, world.APPLICANT, mine, "petty", clock.now()) is not None  # it is registered
    assert party.reports.declare_exempt(db, world.APPLICANT, alone, "nonsense", clock.now()) is not None
    assert party.reports.declare_exempt(db, world.APPLICANT, alone, "petty", clock.now()) is None
    told = {row["网址链接"]: row for row in rows(identities(db, ring))}
    for party_id in (mine, alone):
        row = told[f"https://shop.example/legal/licences#p{party_id}"]
        assert [name for name in LISTED[row["组别"]] if not row[name]] == []
    row = told[f"https://shop.example/legal/licences#p{alone}"]
    assert (row["身份证件号码"], row["统一社会信用代码"], row["年交易额超过 10 万元"]) == (number, "", "否")
    assert row["无须登记的情形（自我声明）"].startswith("个人从事零星小额交易活动")
    assert told[f"https://shop.example/legal/licences#p{mine}"]["身份证件号码"] == ""
    shown = [one for one in audit.entries_of(db, 0, "party", str(alone)) if one.verb == "supplier.principal.show"]
    assert [(one.actor, one.reason) for one in shown] == [(make.STAFF.name, "C-11 2027-01")]


def test_who_sells_above_the_petty_amount_is_marked(db, ring, monkeypatch):
    alone = world.with_papers(db, ring, is_registered=False, number=world.person_number())
    db.execute("UPDATE party_supplier SET state = 'active', verified_at = now() WHERE party_id = %s", [alone])
    monkeypatch.setattr(ledger, "turnover", lambda *_: ledger.Turnover(10_000_001, 0, 0))
    told = {row["网址链接"]: row for row in rows(identities(db, ring))}
    assert told[f"https://shop.example/legal/licences#p{alone}"]["年交易额超过 10 万元"] == "是"


def identities(db, ring):
    return reports.identities(db, ring, make.STAFF, "2027-01", "https://shop.example", clock.now())


@pytest.fixture
def since(db):
    """The house has had suppliers since March 2030, and no others."""
    db.execute("UPDATE party_supplier SET applied_at = '2030-03-05T04:00:00Z'")
    make.supplier(db)
    db.execute("UPDATE party_supplier SET applied_at = '2030-03-05T04:00:00Z'")


def missed(db, day):
    return [(one.kind, one.period) for one in reports.duties(db, day) if one.is_missed(day)]


def send(db, kind, period):
    made = party.reports.keep(db, make.STAFF, kind, period, (1, "0" * 64), clock.now())
    assert party.reports.note_sent(db, make.STAFF, made.id, "市场监管局", "HZ-1", clock.now()).sent_at is not None


def test_a_window_is_missed_until_it_was_sent_and_making_a_file_is_not_sending_it(db, since):
    """C-11: January and July; C-12: the month after each quarter. What was missed in January is still missed in July."""
    send(db, "own", "start")
    assert missed(db, date(2030, 7, 31)) == [("tax", "2030-Q1")]
    assert missed(db, date(2030, 8, 1)) == [("tax", "2030-Q1"), ("authority", "2030-07"), ("tax", "2030-Q2")]
    party.reports.keep(db, make.STAFF, "authority", "2030-07", (1, "0" * 64), clock.now())
    assert ("authority", "2030-07") in missed(db, date(2030, 8, 1))
    assert ("authority", "2030-07") in missed(db, date(2031, 2, 1))
    send(db, "authority", "2030-07")
    assert missed(db, date(2030, 8, 1)) == [("tax", "2030-Q1"), ("tax", "2030-Q2")]
    assert reports.is_missed(db, date(2030, 8, 1))
    for period in ("2030-Q1", "2030-Q2"):
        send(db, "tax", period)
    assert not reports.is_missed(db, date(2030, 8, 1))
    assert missed(db, date(2031, 2, 1)) == [("tax", "2030-Q3"), ("authority", "2031-01"), ("tax", "2030-Q4")]


def test_a_window_that_is_open_is_due_and_not_missed(db, since):
    due = {(one.kind, one.period): one for one in reports.duties(db, date(2031, 1, 20))}
    one = due["authority", "2031-01"]
    assert (one.opens_on, one.due_on, one.is_missed(date(2031, 1, 31))) == (date(2031, 1, 1), date(2031, 1, 31), False)
    assert due["tax", "2030-Q4"].due_on == date(2031, 1, 31)
    assert reports.duties(db, date(2030, 3, 4)) == []


def test_the_house_tells_of_itself_within_thirty_days_of_its_first_supplier(db, since):
    """C-12, TAX810 §3: due once, missed from the next day on until it was sent with a receipt."""
    [one] = [one for one in reports.duties(db, date(2030, 3, 5)) if one.kind == "own"]
    assert (one.period, one.opens_on, one.due_on) == ("start", date(2030, 3, 5), date(2030, 4, 4))
    assert ("own", "start") not in missed(db, date(2030, 4, 4))
    assert ("own", "start") in missed(db, date(2030, 4, 5))
    house = party.party(db, make.platform(db))
    make.licence(db, house.id, "telecom", ["B25"])
    [told] = [
        row for row in rows(reports.own(db, "https://shop.example/", clock.now())) if row["运营主体名称"] == house.name
    ]
    assert [name for name, said in told.items() if not said and name != "统一社会信用代码"] == []
    assert (told["平台域名"], told["统一社会信用代码"], told["开始日期"]) == ("shop.example", house.uscc, "2030-03-05")
    send(db, "own", "start")
    assert ("own", "start") not in missed(db, date(2031, 1, 1))


def test_without_suppliers_nothing_is_due(db):
    db.execute("UPDATE party_supplier SET state = 'applied'")
    assert reports.duties(db, date(2031, 2, 1)) == []


def test_a_quarter_reconciles_with_the_books_to_the_fen(db, ring):
    """C-12: gross, refunds and net; what is owed is the change of the seller's account."""
    seller = world.active(db, ring, clock.now())
    make.licence(db, seller, "business")
    sku = make.sku(db, 3_991, seller=seller)
    make.batch(db, ring, sku, 5, by=seller)
    now = clock.now()
    quarter = f"{now.astimezone(SHANGHAI).year}-Q{(now.astimezone(SHANGHAI).month + 2) // 3}"
    for quantity in (1, 2):
        placed = make.order(db, ring, sku, quantity)
        sales.settle(db, [make.notice(placed)], now)
    since, until = reports.quarter_of(quarter)
    sums = ledger.turnover(db, f"payable:{seller}", since, until)
    assert (sums.gross_fen, sums.refunded_fen) == (3 * 3_991, 0)
    assert sums.owed_fen == value(db, "SELECT balance_fen FROM ledger_balance WHERE code = %s", [f"payable:{seller}"])
    [told] = [row for row in rows(reports.incomes(db, quarter)) if row["名称或姓名"] == party.party(db, seller).name]
    assert parse_yuan(told["收入总额（元）"]) == 3 * 3_991
    assert parse_yuan(told["扣除佣金后应付变动（元）"]) == sums.owed_fen


@pytest.mark.parametrize(
    ("quarter", "since", "until"),
    [("2026-Q1", (2026, 1, 1), (2026, 4, 1)), ("2026-Q4", (2026, 10, 1), (2027, 1, 1))],
)
def test_a_quarter_begins_at_midnight_in_shanghai(quarter, since, until):
    assert reports.quarter_of(quarter) == (datetime(*since, tzinfo=SHANGHAI), datetime(*until, tzinfo=SHANGHAI))


@pytest.mark.parametrize("quarter", ["2026", "2026-Q5", "x-Q1", "2026Q1"])
def test_nonsense_is_no_quarter(quarter):
    with pytest.raises(ValueError, match="no quarter"):
        reports.quarter_of(quarter)


def test_no_cell_is_a_formula(db, ring):
    world.active(db, ring, name=make.name("=HYPERLINK(1)"))
    assert any(row["名称（姓名）"].startswith("'=") for row in rows(identities(db, ring)))
