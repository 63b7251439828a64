"""What authorities are told of suppliers (C-11, C-12), against the register and the books."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import pytest

from kashu import ledger, party, sales
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
    made = reports.identities(db, "2027-01")
    told = rows(made)
    assert made.rows == len(told) == len(party.suppliers(db, reports.REPORTED))
    groups = [row["组别"] for row in told]
    assert groups == sorted(groups, key=lambda group: group != "已办理登记")
    named = {row["名称或姓名"]: row for row in told}
    assert named[party.party(db, mine).name]["统一社会信用代码"] == party.party(db, mine).uscc
    assert named[party.party(db, alone).name]["组别"] == "未办理登记"
    assert len(named[party.party(db, alone).name]["证件末四位"]) == 4


def test_a_missed_window_is_seen(db):
    """C-11: January and July; from the month after, a report that was not made is missed."""
    assert not reports.is_missed(db, date(2031, 1, 31))
    assert reports.is_missed(db, date(2031, 2, 1))
    made = reports.identities(db, reports.half_of(date(2031, 1, 20)))
    reports.keep(db, make.STAFF, "authority", made, clock.now())
    assert not reports.is_missed(db, date(2031, 2, 1))
    assert reports.is_missed(db, date(2031, 8, 1))


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
    assert any(row["名称或姓名"].startswith("'=") for row in rows(reports.identities(db, "2027-01")))
