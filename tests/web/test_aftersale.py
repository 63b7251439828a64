"""Complaints, guardians' claims and public data over HTTP: buyers, suppliers and staff each see and do their part."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kashu import aftersale, audit, party, payments, sales
from kashu.jobs.aftersale import forget_persons, watch_clocks
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.server import checks
from kashu.server.wiring import context
from tests import make
from tests.aftersale.world import BORN
from tests.party import world as suppliers
from tests.party.world import person_number
from tests.web.test_store import buy, house_channel, pay

NOWHERE = UUID(int=7)
PAGES = {"/desk/complaints": "complaints.read", "/desk/guardians": "guardians.read", "/desk/changes": "suppliers.read"}
ONES = {f"/desk/complaints/{NOWHERE}": "complaints.read", f"/desk/guardians/{NOWHERE}": "guardians.read"}
ACTIONS = {
    f"/desk/complaints/{NOWHERE}/decide": "complaints.decide",
    f"/desk/guardians/{NOWHERE}/persons": "guardians.decide",
    f"/desk/guardians/{NOWHERE}/file": "guardians.decide",
    f"/desk/guardians/{NOWHERE}/decide": "guardians.decide",
    f"/desk/guardians/{NOWHERE}/approvals/{NOWHERE}": "guardians.decide",
    "/desk/changes/unreached": "suppliers.review",
    f"/desk/changes/unreached/{NOWHERE}/remind": "suppliers.review",
    f"/desk/changes/{NOWHERE}/decide": "suppliers.review",
}
PDF = b"%PDF-1.7 birth certificate"
WHY = {"reason": "核对记录后认定", "evidence": "工单 2026-11"}


@pytest.fixture
def bought(house, ring, browser):
    """A paid order of `browser` for a supplier's goods: its token and the supplier."""
    with connect(house.dsn) as db, db.transaction():
        house_channel(db, ring)
        seller = suppliers.active(db, ring, clock.now())
        make.licence(db, seller, "business")
        sku = make.sku(db, seller=seller)
        make.batch(db, ring, sku, 2, by=seller)
        slug = value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])
    token = buy(browser, sku, slug, "13900139456")
    pay(house, token)
    return token, seller


def at_desk_of(staff, dsn, seller):
    desk = staff("supplier")
    with connect(dsn) as db, db.transaction():
        party.add_member(db, make.STAFF, seller, desk.person.pk, clock.now())
    return desk


def complaint_of(dsn, token):
    with connect(dsn) as db, db.transaction():
        order = sales.by_token(db, token)
        return aftersale.complaints_of_order(db, order.pool_id, order.id)[0]


def claim_form(**changed):
    told = {"guardian_name": "王大年", "guardian_number": person_number(), "minor_name": "王小满", "consent": "yes",
            "minor_number": person_number(BORN), "relation": "mother", "words": "孩子用我的手机买的"}  # fmt: skip
    return told | {"file": SimpleUploadedFile("a.pdf", PDF)} | changed


def claim_of(dsn, token):
    with connect(dsn) as db, db.transaction():
        order = sales.by_token(db, token)
        return next(iter(aftersale.claims_of_order(db, order.pool_id, order.id)), None)


def test_a_buyer_whose_card_is_called_invalid_is_told_where_to_complain(browser, bought, dsn):
    """核销失败: whoever honours a code says that it is no good; its buyer's way is open, and shown."""
    token, _ = bought
    assert "告知无效" not in browser.get(f"/o/{token}").content.decode()
    with connect(dsn) as db, db.transaction():
        line = (
            "SELECT l.pool_id, l.id FROM sales_line AS l JOIN sales_order AS o ON o.id = l.order_id WHERE o.token = %s"
        )
        sales.store.note_redemption(db, *db.execute(line, [token]).fetchone(), "invalid")
    page = browser.get(f"/o/{token}").content.decode()
    assert "告知无效" in page
    assert '<details class="fold" open>' in page
    assert browser.post(f"/o/{token}/complaints", {"kind": "goods", "words": "店里说码无效"}).status_code == 302


def test_a_complaint_from_the_order_page_to_its_review(staff, browser, bought, dsn):
    """C-39: the buyer sees every step and deadline; C-55: the supplier never sees the buyer."""
    token, seller = bought
    page = f"/o/{token}"
    assert "投诉这笔订单" in browser.get(page).content.decode()
    words = "兑换提示无效，请打 13900139456"
    assert browser.post(f"{page}/complaints", {"kind": "goods", "words": words}).status_code == 302
    told = complaint_of(dsn, token)
    shown = browser.get(page).content.decode()
    assert words in shown
    assert shown.count("最晚") == 3  # taken up, answered, decided
    again = browser.post(f"{page}/complaints", {"kind": "goods", "words": "再来"})
    assert (again.status_code, "已有一件投诉" in again.content.decode()) == (409, True)

    trader = at_desk_of(staff, dsn, seller)
    seen = trader.get("/supplier/complaints").content.decode()
    assert "兑换提示无效" in seen
    assert "13900139456" not in seen
    answered = trader.post(f"/supplier/complaints/{told.id}/answer", {"words": "已核查，可换卡"})
    assert answered.status_code == 302
    assert trader.post(f"/supplier/complaints/{told.id}/answer", {"words": "再答"}).status_code == 409
    assert trader.post(f"/supplier/complaints/{NOWHERE}/answer", {"words": "x"}).status_code == 404

    clerk, other = staff("support"), staff("compliance")
    assert told.number in clerk.get("/desk/complaints").content.decode()
    address = f"/desk/complaints/{told.id}"
    clerk.post(f"{address}/take-up")
    clerk.post(f"{address}/decide", {"outcome": "rejected", **WHY})
    assert "投诉不成立" in browser.get(page).content.decode()
    objection = browser.post(f"{page}/complaints/{told.id}/object", {"words": "有截图"})
    assert objection.status_code == 302
    assert "不能由同一人" in clerk.post(f"{address}/review", {"outcome": "upheld", **WHY}, follow=True).content.decode()
    other.post(f"{address}/review", {"outcome": "upheld", **WHY})
    assert complaint_of(dsn, token).final_outcome == "upheld"
    assert "投诉成立" in browser.get(page).content.decode()
    assert "复核决定" in other.get(address).content.decode()
    file = other.get(f"/desk/suppliers/{seller}").content.decode()
    assert re.search(r"近一年投诉</dt><dd class=\"num\">1</dd><dt>成立</dt><dd class=\"num\">1</dd>", file)


def test_the_link_in_another_browser_shows_no_words_and_opens_nothing(bought, browser, dsn):
    token, _seller = bought
    browser.post(f"/o/{token}/complaints", {"kind": "delivery", "words": "一直没到"})
    stranger = make.visitor()
    page = stranger.get(f"/o/{token}").content.decode()
    assert "一直没到" not in page
    assert "投诉这笔订单" not in page
    told = complaint_of(dsn, token)
    assert stranger.post(f"/o/{token}/complaints/{told.id}/withdraw").status_code == 403
    assert stranger.post(f"/o/{token}/complaints", {"kind": "goods", "words": "x"}).status_code == 403
    assert stranger.get(f"/o/{token}/guardian").status_code == 403
    assert stranger.post(f"/o/{token}/guardian", claim_form()).status_code == 403
    assert browser.post(f"/o/{token}/complaints/{told.id}/other", {}).status_code == 404
    assert browser.post(f"/o/{token}/complaints/{told.id}/withdraw").status_code == 302
    assert complaint_of(dsn, token).state == "withdrawn"
    long = browser.post(f"/o/{token}/complaints", {"kind": "goods", "words": "长" * 1_001})
    assert (long.status_code, "最多写 1000 个字" in long.content.decode()) == (422, True)


def test_steps_and_terms_are_published_and_the_footer_leads_there(browser, site):
    """C-39, ECOM §59."""
    page = browser.get("/legal/complaints")
    html = page.content.decode()
    assert page.status_code == 200
    for told in (
        "1 个工作日内受理",
        "2 个工作日内答复",
        "7 个工作日内作出处理决定",
        "15 天内可以提出一次异议",
        "12315",
    ):
        assert told in html
    assert 'href="/legal/complaints"' in browser.get("/").content.decode()
    assert "within 7 working days" in make.visitor("en").get("/legal/complaints").content.decode()


def test_a_guardians_claim_from_the_form_to_the_refund(staff, browser, bought, dsn, site):
    """C-51, C-52, C-72."""
    from kashu.wire import edge

    token, _seller = bought
    page, spool = f"/o/{token}/guardian", edge.ctx().spool
    assert "监护人申请退款" in browser.get(page).content.decode()
    before = len(list(spool.glob("*.sealed")))
    assert browser.post(page, claim_form(consent="")).status_code == 403
    assert browser.post(page, claim_form(file=SimpleUploadedFile("a.pdf", b"MZ"))).status_code == 422
    wrong = browser.post(page, claim_form(minor_number="110105201506010010"))
    assert (wrong.status_code, "未成年人的身份证号不对" in wrong.content.decode()) == (422, True)
    assert "110105201506010010" not in wrong.content.decode()  # an ID number is not shown again
    assert len(list(spool.glob("*.sealed"))) == before  # a refused claim leaves no file
    assert claim_of(dsn, token) is None
    assert browser.post(page, claim_form()).status_code == 302
    told = claim_of(dsn, token)
    assert PDF not in (spool / told.spool).read_bytes()
    assert "监护人退款申请" in browser.get(f"/o/{token}").content.decode()

    one, two = staff("compliance", is_sure=True), staff("finance", is_sure=True)
    address = f"/desk/guardians/{told.id}"
    assert "王小满" not in one.get("/desk/guardians").content.decode() + one.get(address).content.decode()
    assert one.post(f"{address}/persons", {"reason": ""}).status_code == 302
    shown = one.post(f"{address}/persons", {"reason": "核对身份"})
    assert ("王小满" in shown.content.decode(), shown["Cache-Control"]) == (True, "no-store")
    file = one.post(f"{address}/file")
    assert (file.content, file["Content-Type"], file["Cache-Control"]) == (PDF, "application/pdf", "no-store")
    assert "只有已查看" in one.post(f"{address}/decide", {**WHY, "deduction": "1"}, follow=True).content.decode()
    one.post(f"{address}/decide", WHY)
    with connect(dsn) as db:
        [asked] = [each for each in audit.open_approvals(db) if each.object_id == str(told.id)]
    confirm = f"{address}/approvals/{asked.id}"
    one.post(confirm)
    assert claim_of(dsn, token).state == "open"  # one person is not two
    two.post(confirm)
    assert claim_of(dsn, token).state == "granted"
    with connect(dsn) as db:
        assert [each.amount_fen for each in payments.refunds_of(db, told.pool_id, told.order_id)] == [3_990]
        verbs = [each.verb for each in audit.entries_of(db, told.pool_id, "guardian", str(told.id))]
    assert verbs[0] == "guardian.open"
    assert {"guardian.show", "guardian.file", "guardian.granted"} < set(verbs)
    assert "同意退款" in browser.get(f"/o/{token}").content.decode()


def test_a_form_that_says_it_is_too_heavy_is_not_read(browser, bought):
    token, _seller = bought
    heavy = browser.post(f"/o/{token}/guardian", claim_form(), CONTENT_LENGTH=str(11 << 20))
    assert heavy.status_code == 413


def test_public_data_changes_by_the_desk_and_the_clock_is_on_the_board(staff, dsn, ring, monkeypatch):
    """C-13."""
    with connect(dsn) as db, db.transaction():
        make.box(db, ring)
        seller = suppliers.active(db, ring, clock.now())
    trader, clerk = at_desk_of(staff, dsn, seller), staff("compliance", is_sure=True)
    past = trader.post("/supplier/onboarding/company/save", {"address": "别处", "contact": "1"})
    assert (past.status_code, "资料变更" in past.content.decode()) == (422, True)
    assert trader.post("/supplier/changes/declare", {"address": "新址 9 号"}).status_code == 422  # no day
    day = (clock.biz_date(clock.now()) - timedelta(days=30)).isoformat()
    assert trader.post("/supplier/changes/declare", {"address": "新址 9 号", "happened_on": day}).status_code == 302
    assert "申报超时" in trader.get("/supplier/changes").content.decode()
    with connect(dsn) as db:
        [told] = party.changes(db, seller)
    assert "新址 9 号" in clerk.get("/desk/changes").content.decode()
    clerk.post(f"/desk/changes/{told.id}/decide", {**WHY, "publish": "yes"})
    clerk.post("/desk/changes/unreached", {"party": seller, "authority": "市场监管局", "evidence": "函 12 号"})
    with connect(dsn) as db:
        assert party.party(db, seller).address == "新址 9 号"
        [notice] = party.all_unreached(db, seller)
    clerk.post(f"/desk/changes/unreached/{notice.id}/remind")
    assert "无法联系到你单位" in trader.get("/supplier/changes").content.decode()
    assert trader.post(f"/supplier/changes/unreached/{notice.id}/answer", {"words": "新址 9 号"}).status_code == 302
    assert trader.post(f"/supplier/changes/unreached/{notice.id}/answer", {"words": "再答"}).status_code == 404
    clerk.post(f"/desk/changes/unreached/{notice.id}/settle", WHY)
    with connect(dsn) as db:
        assert party.unreached(db, notice.id).state == "settled"
        sql = "SELECT count(*)::int FROM messages_message WHERE about LIKE %s"
        assert value(db, sql, [f"{notice.id}:%"]) == 1
    board = clerk.get("/desk/").content.decode()
    assert "资料变更：7 个工作日内核验公示" in board
    assert "监护人退款：15 天内决定" in board
    monkeypatch.setattr(clock, "CALENDAR_YEARS", frozenset({2004}))
    assert f"缺少 {clock.biz_date(clock.now()).year}" in clerk.get("/desk/").content.decode()


def test_a_missing_calendar_is_said_by_the_check(house, monkeypatch):
    year = clock.biz_date(clock.now()).year
    monkeypatch.setattr(clock, "CALENDAR_YEARS", frozenset({2004}))
    assert any(f"working days of {year}" in one.told for one in checks.check(house))


def test_the_timetable_tells_what_is_late_once_and_forgets_in_time(house, dsn, ring):
    """C-39, C-54: the hourly job, on a complaint that is a month old and one that ended long ago."""
    from tests.aftersale import world

    month, ages = clock.now() - timedelta(days=30), clock.now() - timedelta(days=1_200)
    with connect(dsn) as db, db.transaction():
        late, old = (world.bought(db, ring) for _ in range(2))
        told, gone = world.complain(db, *late, at=month), world.decided(db, *old, at=ages)
    assert watch_clocks(context(house)) >= 3
    assert watch_clocks(context(house)) == 0
    assert forget_persons(context(house)) >= 1
    with connect(dsn) as db, db.transaction():
        assert aftersale.breached(db, [told.id])[told.id] == ["take_up", "answer", "decide"]
        assert aftersale.complaint(db, gone.id).words == ""
        aftersale.withdraw(db, world.BUYER, late[0].token, late[1].device, told.id, clock.now())


@pytest.mark.parametrize("role", ["compliance", "auditor", "operator", "finance", "support"])
def test_each_role_sees_what_it_may_and_does_no_more(staff, role):
    from kashu.web.rights import RIGHTS

    desk = staff(role)
    for page, right in PAGES.items():
        assert desk.get(page).status_code == (200 if right in RIGHTS[role] else 403), page
    for page, right in ONES.items():
        assert desk.get(page).status_code == (404 if right in RIGHTS[role] else 403), page
    for address, right in ACTIONS.items():
        assert (desk.post(address).status_code == 403) is (right not in RIGHTS[role]), address


def test_every_address_of_ours_at_the_desk_is_tested_for_rights(site):
    from kashu.web.desk.urls import urlpatterns

    ours = ("complaints", "guardians", "changes")
    shapes = {
        re.sub(r"<[^>]+>", "*", f"/desk/{one.pattern}")
        for one in urlpatterns
        if one.callback.__module__.rsplit(".", 1)[-1] in ours
    }
    told = {*PAGES, *ONES, *ACTIONS}
    assert shapes == {re.sub(r"/(decide|remind)$", "/*", one.replace(str(NOWHERE), "*")) if "guardians" not in one and not one.startswith(f"/desk/changes/{NOWHERE}") else one.replace(str(NOWHERE), "*") for one in told}  # fmt: skip
