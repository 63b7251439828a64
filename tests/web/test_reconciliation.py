"""The pages of reconciliation: who may see and do what, a bill by hand, a case to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kashu import audit, settlement
from kashu.jobs import bills as jobs
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.settlement import BillRefusal, CaseRefusal
from kashu.wire import edge
from sandbox.pay.bills import Faults, file
from tests import make
from tests.settlement.world import DAY, NOON, World

HOME = "/console/reconciliation"


@pytest.fixture
def day(site, dsn, ring):
    """A day at a channel of its own: two payments agree, one differs by a fen, one is strange. Not loaded yet."""
    with connect(dsn) as db, db.transaction():
        world = World(db, ring)
        for n in range(3):
            world.paid(NOON + timedelta(seconds=n))
        world.row(world.notice(world.placed()), trade_no="strange")
    numbers = [row["gateway_no"] for row in world.rows]
    world.made = file("wechat", world.rows, DAY, "m-1", Faults(more_fen={numbers[0]: 1}))
    return world


@pytest.fixture
def matched(day, dsn):
    with connect(dsn) as db, db.transaction():
        day.db = db
        day.bill = day.matched(faults=Faults(more_fen={day.rows[0]["gateway_no"]: 1}))
        day.found = {one.kind: one for one in day.cases()}
    return day


def test_a_bill_is_uploaded_and_matched(staff, day, dsn):
    browser = staff("finance")
    answer = browser.post(
        f"{HOME}/upload",
        {"channel": day.channel, "day": str(DAY), "file": SimpleUploadedFile("a.gz", day.made.content)},
    )
    assert answer.status_code == 302
    page = browser.get(answer.headers["Location"])
    assert "读取中" in page.content.decode()
    bill_id = answer.headers["Location"].rsplit("/", 1)[1]

    jobs.reconcile_bill(edge.ctx(), bill_id)

    shown = browser.get(answer.headers["Location"]).content.decode()
    assert "已对平" in shown
    assert "金额不符" in shown
    assert browser.get(f"{answer.headers['Location']}/progress").headers["HX-Refresh"] == "true"
    assert "已对平" in browser.get(HOME).content.decode()
    again = browser.post(
        f"{HOME}/upload", {"channel": day.channel, "day": str(DAY), "file": SimpleUploadedFile("a.gz", day.made.content)},
        follow=True,
    )  # fmt: skip
    assert "这份账单已经对过" in again.content.decode()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"day": "never"}, "请选择通道、日期和文件"),
        ({"channel": "nobody"}, "没有这个通道"),
        ({"file": SimpleUploadedFile("a.gz", b"\x1f\x8bnonsense")}, "文件不完整"),
    ],
)
def test_an_upload_that_is_none_says_why_and_leaves_nothing(staff, day, dsn, told, words):
    browser = staff("finance")
    sent = {"channel": day.channel, "day": str(DAY), "file": SimpleUploadedFile("a.gz", day.made.content)}
    before = set(edge.ctx().spool.glob("*.sealed"))
    answer = browser.post(f"{HOME}/upload", {**sent, **told}, follow=True)
    assert words in answer.content.decode()
    assert set(edge.ctx().spool.glob("*.sealed")) == before
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM settlement_bill WHERE channel_id = %s", [day.channel]) == 0


@pytest.mark.parametrize(
    ("role", "may_read", "may_edit"),
    [
        ("owner", True, True),
        ("finance", True, True),
        ("auditor", True, False),
        ("operator", False, False),
        ("support", False, False),
    ],
)
def test_who_may_do_what(staff, matched, role, may_read, may_edit):
    browser, case = staff(role, is_sure=True), matched.found["unknown"]
    for address in (
        HOME,
        f"{HOME}/bills/{matched.bill.id}",
        f"{HOME}/bills/{matched.bill.id}/progress",
        f"{HOME}/cases/{case.id}",
    ):
        assert browser.get(address).status_code == (200 if may_read else 403), address
    approval = make.ids(1)[0]
    for address in (f"{HOME}/upload", f"{HOME}/cases/{case.id}/assign", f"{HOME}/cases/{case.id}/resolve",
                    f"{HOME}/cases/{case.id}/reverse", f"{HOME}/cases/{case.id}/{approval}/confirm",
                    f"{HOME}/cases/{case.id}/{approval}/cancel"):  # fmt: skip
        assert (browser.post(address).status_code == 403) is not may_edit, address
    words = browser.get("/console/").content.decode()
    assert (f'href="{HOME}"' in words) is may_read
    if may_read:
        assert ("<form" in browser.get(f"{HOME}/cases/{case.id}").content.decode().split("<main")[-1]) or not may_edit


def test_a_visitor_is_asked_to_sign_in(browser, matched):
    assert browser.get(HOME).status_code == 302


def test_a_case_is_handed_on_resolved_and_reversed(staff, matched, dsn):
    browser, case = staff("finance", is_sure=True), matched.found["amount_differs"]
    here = f"{HOME}/cases/{case.id}"
    assert browser.post(f"{here}/assign", {"owner": "li@kashu.example", "days": "3"}).status_code == 302
    assert browser.post(f"{here}/assign", {"owner": "", "days": "3"}).status_code == 422
    assert browser.post(f"{here}/assign", {"owner": "x", "days": "²"}).status_code == 422
    assert "li@kashu.example" in browser.get(here).content.decode()

    assert browser.post(f"{here}/resolve", {"resolution": "difference", "note": ""}).status_code == 422
    done = browser.post(f"{here}/resolve", {"resolution": "difference", "note": "渠道多计一分"}, follow=True)
    assert "差错已处理，凭证已入账" in done.content.decode()
    again = browser.post(f"{here}/resolve", {"resolution": "difference", "note": "再来"}, follow=True)
    assert "这条差错已经处理过" in again.content.decode()
    assert state(dsn, case) == ("resolved", "difference")

    back = browser.post(f"{here}/reverse", {"note": "看错了"}, follow=True)
    assert "差错重新待处理" in back.content.decode()
    assert state(dsn, case) == ("open", "")


def test_what_takes_two_is_confirmed_by_the_second(staff, matched, dsn):
    first, second, case = staff("finance", is_sure=True), staff("owner", is_sure=True), matched.found["unknown"]
    here = f"{HOME}/cases/{case.id}"
    asked = first.post(f"{here}/resolve", {"resolution": "written_off", "note": "查无此单"}, follow=True)
    assert "已申请，等待复核" in asked.content.decode()
    with connect(dsn) as db, db.transaction():
        [approval] = [one for one in audit.open_approvals(db) if one.object_id == str(case.id)]
    assert "不能自己复核" in first.post(f"{here}/{approval.id}/confirm", follow=True).content.decode()
    assert state(dsn, case) == ("open", "")
    assert "凭证已入账" in second.post(f"{here}/{approval.id}/confirm", follow=True).content.decode()
    assert state(dsn, case) == ("resolved", "written_off")


def test_a_page_of_cases_has_a_budget_of_queries(staff, matched, monkeypatch):
    import psycopg

    asked, plain = [], psycopg.Connection.execute

    def counted(self, query, *args, **told):
        asked.append(query)
        return plain(self, query, *args, **told)

    browser = staff("finance")
    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    browser.get(HOME)
    assert len(asked) <= 8, asked


def test_there_is_a_word_for_every_refusal(site):
    from kashu.settlement.rules import AUTOMATIC, RESOLUTIONS
    from kashu.web.console import reconciliation as pages

    assert set(pages.BILL_REFUSALS) == set(BillRefusal)
    assert set(CaseRefusal) <= set(pages.REFUSALS)
    assert set(pages.WAYS) == {*RESOLUTIONS, *AUTOMATIC}


def test_nothing_of_ours_is_a_page(staff):
    browser = staff("finance")
    nothing = make.ids(1)[0]
    for address in (f"{HOME}/bills/{nothing}", f"{HOME}/bills/{nothing}/progress", f"{HOME}/cases/{nothing}"):
        assert browser.get(address).status_code == 404


def state(dsn, case):
    with connect(dsn) as db, db.transaction():
        found = settlement.case(db, case.id)
    assert clock.now() >= found.opened_at
    return found.state, found.resolution
