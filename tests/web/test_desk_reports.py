"""Files for authorities at the desk (C-11, C-12): who may make them, what is in the trail, and when a duty is done."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from kashu import party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value, values
from kashu.wire import reports
from tests import make
from tests.party import world


@pytest.fixture
def alone(dsn, ring):
    """A seller without registration: (party, ID number)."""
    number = world.person_number()
    with connect(dsn) as db, db.transaction():
        party_id = world.with_papers(db, ring, is_registered=False, number=number)
        db.execute("UPDATE party_supplier SET state = 'active', verified_at = now() WHERE party_id = %s", [party_id])
    return party_id, number


def made_by(dsn, person):
    with connect(dsn) as db:
        return [one for one in party.reports.every(db, 500) if one.made_by == person.email]


def test_a_file_with_whole_numbers_takes_its_own_right_and_a_row_for_each(staff, dsn, alone):
    party_id, number = alone
    answer = staff("compliance", is_sure=True).post("/desk/reports/authority")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("text/csv; charset=utf-8", "no-store")
    told = {
        row["网址链接"].rpartition("#p")[2]: row
        for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    }
    assert told[str(party_id)]["身份证件号码"] == number
    with connect(dsn) as db:
        sql = "SELECT reason FROM audit_entry WHERE verb = 'supplier.principal.show' AND object_id = %s"
        assert values(db, sql, [str(party_id)]) == [f"C-11 {reports.half_of(biz_date(clock.now()))}"]


@pytest.mark.parametrize("role", ["auditor", "finance", "operator", "support"])
def test_nobody_else_makes_one(staff, dsn, role):
    clerk = staff(role, is_sure=True)
    assert clerk.post("/desk/reports/authority").status_code == 403
    assert clerk.post(f"/desk/reports/{make.ids(1)[0]}/sent").status_code == 403
    assert clerk.get("/desk/reports").status_code == (200 if role == "auditor" else 403)
    assert made_by(dsn, clerk.person) == []


def test_looking_makes_nothing_and_making_takes_a_fresh_proof(staff, dsn):
    clerk = staff("compliance")
    assert clerk.get("/desk/reports/authority").status_code == 405
    assert "reauthenticate" in clerk.post("/desk/reports/authority")["Location"]
    assert made_by(dsn, clerk.person) == []


@pytest.mark.parametrize(("kind", "period"), [("tax", "x"), ("tax", ""), ("authority", "2027-02"), ("rumours", "")])
def test_nonsense_is_not_found(staff, kind, period):
    assert staff("owner", is_sure=True).post(f"/desk/reports/{kind}", {"period": period}).status_code == 404


def test_the_house_reports_itself(staff, dsn):
    clerk = staff("compliance", is_sure=True)
    assert "平台基本信息" in clerk.get("/desk/").content.decode()
    told = clerk.post("/desk/reports/own").content.decode("utf-8-sig")
    assert told.startswith("平台名称,平台域名,业务类型")
    assert [(one.kind, one.period) for one in made_by(dsn, clerk.person)] == [("own", "start")]


def test_a_file_that_was_made_is_sent_with_a_receipt_once(staff, dsn):
    clerk = staff("compliance", is_sure=True)
    clerk.post("/desk/reports/tax", {"period": "2026-Q3"})
    [made] = made_by(dsn, clerk.person)
    assert "未报送" in staff("auditor").get("/desk/reports").content.decode()
    address, told = f"/desk/reports/{made.id}/sent", {"authority": "杭州市税务局", "receipt": "SW-2026-77"}
    assert "都要填写" in clerk.post(address, told | {"receipt": " "}, follow=True).content.decode()
    assert "已登记报送" in clerk.post(address, told, follow=True).content.decode()
    assert "没有这份文件" in clerk.post(address, told, follow=True).content.decode()
    assert "SW-2026-77" in clerk.get("/desk/reports").content.decode()
    with connect(dsn) as db:
        assert (
            value(db, "SELECT count(*) FROM audit_entry WHERE verb = 'report.sent' AND object_id = %s", [str(made.id)])
            == 1
        )


BOARD = {
    "个人信息请求": "/desk/privacy",
    "报送供应商身份信息": "/desk/reports",
    "报送供应商收入信息": "/desk/reports",
    "供应商复核": "/desk/suppliers",
    "名单命中": "/desk/screening",
    "处罚申诉": "/desk/appeals",
    "黑名单": "/desk/appeals",
    "上架复核": "/desk/reviews",
}


def clocks(desk):
    """What the board says of each matter: (running, overdue)."""
    html = desk.get("/desk/").content.decode()
    rows = re.findall(
        r'<a class="id" href="([^"]+)">([^<：]+)[^<]*</a></td><td class="r num"[^>]*>(\d+)</td><td class="r num"[^>]*>(.*?)</td>',
        html,
    )
    return {title: (href, int(running), int(re.sub(r"<[^>]+>", "", late))) for href, title, running, late in rows}


def test_the_board_shows_every_clock_there_is(staff):
    shown = clocks(staff("compliance"))
    assert {title: shown[title][0] for title in BOARD} == BOARD


def test_what_waits_moves_the_board(staff, dsn, ring, alone):
    desk, person = staff("compliance"), staff("supplier", is_sure=True)
    before = clocks(desk)
    person.post("/accounts/data/ask", {"kind": "correct", "words": "姓名"})
    with connect(dsn) as db, db.transaction():
        db.execute("UPDATE party_request SET made_at = made_at - interval '20 days', due_at = due_at - interval '20 days'"
                   " WHERE person_id = %s", [person.person.pk])  # fmt: skip
        party_id = world.active(db, ring, clock.now())
        listed = [party.Listed(party.party(db, party_id).name)]
        party.load_list(db, ring, world.REVIEWER, "board-list", world.sha256_hex(make.name("l")), listed, clock.now())
        party.screen(db, ring, [party_id], clock.now())
        db.execute(
            "UPDATE party_supplier SET verified_at = now() - interval '300 days' WHERE party_id = %s", [alone[0]]
        )
    after = clocks(desk)
    moved = {title: (after[title][1] - before[title][1], after[title][2] - before[title][2]) for title in BOARD}
    assert (moved["个人信息请求"], moved["名单命中"], moved["供应商复核"]) == ((1, 1), (1, 0), (1, 1))


def test_a_report_that_was_not_sent_in_time_is_told_by_check(house, monkeypatch):
    from kashu.server import checks

    def told():
        return [one.told for one in checks.check(house) if "C-11, C-12" in one.told]

    monkeypatch.setattr(reports, "duties", lambda _db, day: [reports.Duty("authority", "2020-01", day, day, None)])
    assert told() == []
    late = clock.biz_date(clock.now()) - timedelta(days=1)
    monkeypatch.setattr(reports, "duties", lambda _db, _day: [reports.Duty("authority", "2020-01", late, late, None)])
    assert told() == ["reports to authorities were not sent in time: 2020-01 (C-11, C-12)"]
