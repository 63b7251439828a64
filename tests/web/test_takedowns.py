"""The desk's pages of takedowns (C-14), public rules (C-06) and the closing (C-05), and what the public sees of them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from kashu import audit, catalog, compliance
from kashu.catalog import Agreement
from kashu.jobs.compliance import watch_takedowns
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.server.checks import check
from kashu.server.wiring import context
from kashu.wire import metrics
from tests import make
from tests.sales.test_takedowns import down
from tests.web.test_store import buy, goods, pay

__all__ = ["goods"]
PAGES = ["/desk/takedowns", "/desk/takedowns/1", "/desk/takedowns/1/report.txt", "/desk/agreements", "/desk/agreements/1/comments", "/desk/closing"]  # fmt: skip
ACTIONS = ["/desk/takedowns/new", "/desk/takedowns/1/report", "/desk/takedowns/1/decide", "/desk/agreements/publish",
           f"/desk/closing/{make.ids(1)[0]}"]  # fmt: skip
GROUNDS = {"origin": "complaint", "reference": "TS-7", "ground": "ECOM §29", "reason": "买家举报为盗版"}


@pytest.fixture
def taken(dsn, goods, browser, house):
    """A product that was bought once and then taken down: its takedown, its slug, and the buyer's order."""
    sku, slug = goods(stock=3)
    token = buy(browser, sku, slug)
    pay(house, token)
    with connect(dsn) as db, db.transaction():
        return down(db, sku), slug, token


@pytest.fixture
def rules(dsn, site):
    """A version of the privacy rules that is to come, ten days after the last."""
    at = clock.now()
    with connect(dsn) as db, db.transaction():
        make.agreements(db)
        last = catalog.agreements(db, "privacy")
        number = last[0].version + 1 if last else 1
        begin = max(at, last[0].effective_at) + timedelta(days=10) if last else at + timedelta(days=10)
        new = Agreement(0, "privacy", number, "隐私政策", f"新的条款 {number}", at, begin)
        made = catalog.publish_agreement(db, make.STAFF, new)
    assert isinstance(made, Agreement)
    return made


@pytest.mark.parametrize("role", ["owner", "compliance", "auditor", "support"])
def test_each_role_sees_what_it_may_and_changes_no_more(staff, role):
    from kashu.web.rights import RIGHTS

    desk = staff(role, is_sure=True)
    for page in PAGES:
        assert (desk.get(page).status_code in (200, 404)) == ("compliance.read" in RIGHTS[role]), page
    for address in ACTIONS:
        assert (desk.post(address).status_code in (302, 404)) == ("compliance.edit" in RIGHTS[role]), address
    assert (desk.post("/desk/closing/ask").status_code == 302) == ("settings.edit" in RIGHTS[role])
    assert (desk.post("/desk/takedowns/1/orders").status_code == 302) == ("compliance.read" in RIGHTS[role])


def test_every_address_of_these_pages_is_tested_for_rights(site):
    from kashu.web.desk.urls import urlpatterns

    told = {*PAGES, *ACTIONS, "/desk/closing/ask", "/desk/takedowns/1/orders"}
    shapes = {
        re.sub(r"<[^>]+>", "*", f"/desk/{one.pattern}")
        for one in urlpatterns
        if one.callback.__module__.rsplit(".", 1)[-1] in ("takedowns", "agreements", "closing")
    }
    assert shapes == {re.sub(r"/(1|[0-9a-f-]{36})(?=/|$)", "/*", address) for address in told}


def test_a_product_is_taken_down_from_its_review_and_its_page_says_so(staff, browser, goods, dsn):
    """C-14: the buyers' page says plainly that it is no longer sold, and nothing of what it said."""
    sku, slug = goods()
    desk = staff("compliance")
    assert f'value="{slug}"' in desk.get(f"/desk/takedowns?product={slug}&origin=review&reference=9").content.decode()
    nothing = desk.post("/desk/takedowns/new", {**GROUNDS, "product": slug, "ground": ""}, follow=True)
    assert "都要写明" in nothing.content.decode()
    assert browser.get(f"/s/{slug}").status_code == 200
    page = desk.post("/desk/takedowns/new", {**GROUNDS, "product": sku.code.lower()}, follow=True).content.decode()
    assert "已下架并停止销售" in page
    assert "关于平台内涉嫌违法商品处置情况的报告" in page
    assert "投诉举报（编号：TS-7）" in page
    gone = browser.get(f"/s/{slug}")
    assert gone.status_code == 410
    assert "不再销售" in gone.content.decode()
    assert "知微课堂" not in gone.content.decode()
    assert browser.get(f"/s/{slug}/checkout?sku={sku.code}").status_code == 302
    with connect(dsn) as db:
        [told] = [one for one in compliance.unreported(db, 200) if one.product_id == sku.product_id]
        assert told.made_by == desk.person.email
    console = staff("operator")
    product = console.get(f"/console/products/{sku.product_id}").content.decode()
    assert "已冻结" in product
    assert "/edit" not in product
    answer = console.post(f"/console/products/{sku.product_id}/state", {"state": "on_sale"}, follow=True)
    assert "已因违法下架" in answer.content.decode()


def test_orders_of_what_was_taken_down_stay_readable(browser, taken):
    _, slug, token = taken
    assert browser.get(f"/s/{slug}").status_code == 410
    page = browser.get(f"/o/{token}")
    assert page.status_code == 200
    assert "查看卡密" in page.content.decode()
    assert browser.post(f"/o/{token}/reveal").status_code == 200


def test_a_takedown_from_report_to_decision(staff, taken, dsn):
    made, _, _ = taken
    one, other = staff("compliance", is_sure=True), staff("owner", is_sure=True)
    address = f"/desk/takedowns/{made.id}"
    text = one.get(f"{address}/report.txt")
    assert text.content.decode() == made.draft
    assert text.headers["Content-Type"].startswith("text/plain")
    early = other.post(f"{address}/decide", {"decision": "误判", "lift": "yes"}, follow=True).content.decode()
    assert "先报告主管部门" in early
    told = {"report": made.draft + "附件二份", "authority": "杭州市市场监督管理局", "receipt": "R-9"}
    assert "已登记报告" in one.post(f"{address}/report", told, follow=True).content.decode()
    assert one.get(f"{address}/report.txt").content.decode().endswith("附件二份")
    page = other.post(f"{address}/decide", {"decision": "权利人已授权", "lift": "yes"}, follow=True).content.decode()
    assert "已恢复为草稿" in page
    with connect(dsn) as db:
        assert catalog.product(db, product_id=made.product_id).state == "draft"
    assert f'/desk/takedowns/{made.id}">' in one.get("/desk/takedowns").content.decode()


def test_affected_orders_leave_as_a_file_with_a_row_in_the_trail(staff, taken, dsn, mute_trail):
    """S-04: who, why and the file's hash are written before it is given; without a trail nothing is given."""
    made, _, token = taken
    desk, address = staff("compliance", is_sure=True), f"/desk/takedowns/{made.id}/orders"
    assert "请写明导出原因" in desk.post(address, {}, follow=True).content.decode()
    desk.raise_request_exception = False
    mute_trail()
    assert desk.post(address, {"reason": "报送"}).status_code == 503
    mute_trail()
    answer = desk.post(address, {"reason": "报送"})
    assert answer.headers["Cache-Control"] == "no-store"
    head, row, *_ = answer.content.decode("utf-8-sig").splitlines()
    assert head.startswith("订单号,状态")
    with connect(dsn) as db:
        number = value(db, "SELECT number FROM sales_order WHERE token = %s", [token])
        told = [
            one for one in audit.entries_of(db, 0, "product", str(made.product_id)) if one.verb == "takedown.orders"
        ]
    assert row.startswith(f"{number},已交付,1,39.90,个人")
    assert [(one.reason, one.after["rows"]) for one in told] == [("报送", 1)]


def test_what_is_overdue_is_on_the_board_in_the_check_and_in_the_figures(staff, taken, dsn, house):
    """C-14: un-reported after its hours alarms."""
    made, *_ = taken
    desk = staff("compliance")
    with connect(dsn) as db:
        db.execute(
            "UPDATE compliance_takedown SET made_at = made_at - interval '25 hours', due_at = made_at - interval '1 hour'"
            " WHERE id = %s",
            [made.id],
        )
    many = watch_takedowns(context(house))
    assert many >= 1
    assert metrics.TAKEDOWNS_OVERDUE._value.get() == many
    assert f"有 {many} 件违法下架超期" in desk.get("/desk/").content.decode()
    assert any("C-14" in one.told for one in check(house))
    with connect(dsn) as db, db.transaction():
        verbs = [one.verb for one in audit.entries_of(db, 0, "product", str(made.product_id))]
        assert verbs.count("takedown.overdue") == 1
        compliance.takedowns.report(db, make.STAFF, made.id, made.draft, ("局", ""), clock.now())


def test_a_new_version_is_published_commented_on_and_shown(staff, browser, rules, dsn):
    """C-06: in force, to come, past; each as a file; comments without a name, counted by address."""
    page = browser.get("/legal/privacy").content.decode()
    assert "公示中" in page
    assert rules.body in page
    file = browser.get(f"/legal/privacy/{rules.version}.txt")
    assert rules.body in file.content.decode()
    assert "attachment" in file.headers["Content-Disposition"]
    assert browser.get("/legal/privacy/999.txt").status_code == 404
    address, words = f"/legal/privacy/{rules.version}/comment", make.name("请把保存期限写清楚")
    assert "5 到 1000 字" in browser.post(address, {"words": "短"}).content.decode()
    assert "意见已收到" in browser.post(address, {"words": words}, follow=True).content.decode()
    assert words in staff("auditor").get(f"/desk/agreements/{rules.id}/comments").content.decode()
    assert words not in browser.get("/legal/privacy").content.decode()
    for _ in range(3):
        browser.post(address, {"words": words})
    assert browser.post(address, {"words": words}).status_code == 429
    assert make.visitor().post(address, {"words": words}).status_code == 302


def test_the_desk_publishes_with_notice_and_without_void_clauses(staff, rules, dsn):
    """C-06 and C-31."""
    desk = staff("compliance", is_sure=True)
    last = rules.effective_at
    form = {"kind": "privacy", "title": "隐私政策", "body": "我们只收集必要的信息。", "effective_on": str(biz_date(last) + timedelta(days=2))}  # fmt: skip

    def publish(**changed):
        return desk.post("/desk/agreements/publish", form | changed, follow=True).content.decode()

    assert "至少公示 7 日" in publish(effective_on=str(biz_date(clock.now()) + timedelta(days=7)))
    void = publish(body="最终解释权归平台所有")
    assert "法律上无效" in void
    assert "PENAL" in void
    assert "都要填写" in publish(effective_on="")
    assert "都要填写" in publish(kind="other")
    assert "已发布" in publish()
    with connect(dsn) as db:
        newest = catalog.agreements(db, "privacy")[0]
    assert (newest.version, newest.body) == (rules.version + 1, form["body"])


def test_a_supplier_hears_of_rules_to_come_and_may_leave_under_the_present_ones(staff, rules, dsn, ring):
    """C-06, ECOM §34: whoever does not agree may leave, and what it owes is under the rules of before."""
    from kashu import party

    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
    browser = staff("supplier", is_sure=True)
    with connect(dsn) as db, db.transaction():
        party.add_member(db, make.STAFF, owner, browser.person.pk, clock.now())
    assert "将有新版本" in browser.get("/supplier/").content.decode()
    page = browser.get("/supplier/notices").content.decode()
    assert f"/legal/privacy#v{rules.version}" in page
    assert 'action="/supplier/leave"' in page
    assert browser.post("/supplier/leave", {"reason": ""}).status_code == 409
    assert "已开始退出" in browser.post("/supplier/leave", {"reason": "不同意新规则"}, follow=True).content.decode()
    with connect(dsn) as db:
        assert party.supplier(db, owner).state == "exiting"
        [left] = [one for one in audit.entries_of(db, 0, "party", str(owner)) if one.verb == "supplier.exiting"]
        assert re.fullmatch(r"trade v\d+", left.after["evidence"])
    assert 'action="/supplier/leave"' not in browser.get("/supplier/notices").content.decode()


def test_a_supplier_sees_why_its_goods_were_taken_down(staff, dsn, ring):
    from kashu import party

    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
        made = down(db, make.sku(db, seller=owner))
    browser = staff("supplier")
    with connect(dsn) as db, db.transaction():
        party.add_member(db, make.STAFF, owner, browser.person.pk, clock.now())
    page = browser.get("/supplier/notices").content.decode()
    assert made.reason in page
    assert made.made_by not in page


def test_a_closing_is_announced_by_two_and_shown_everywhere(staff, browser, dsn, desk):
    """C-05: refused when less than thirty days ahead; shown in the store and the portals from then on."""
    from kashu.web import notices

    owner, other = staff("owner", is_sure=True), staff("compliance", is_sure=True)
    day = biz_date(clock.now()) + timedelta(days=45)
    soon = owner.post("/desk/closing/ask", {"closing_on": str(day - timedelta(days=20)), "reason": "x"}, follow=True)
    assert "30 日之后" in soon.content.decode()
    owner.post("/desk/closing/ask", {"closing_on": str(day), "reason": "业务调整"})
    try:
        with connect(dsn) as db:
            [asked] = [one for one in audit.open_approvals(db) if one.act == compliance.closing.ACT]
        told = owner.post(f"/desk/closing/{asked.id}", follow=True).content.decode()
        assert "不能由申请人自己复核" in told
        assert "停止销售" not in browser.get("/").content.decode()
        assert "已办理" in other.post(f"/desk/closing/{asked.id}", follow=True).content.decode()
        for page in (browser.get("/"), other.get("/desk/"), owner.get("/console/"), desk().get("/buyer/")):
            assert f"平台将自 {day:%Y-%m-%d} 起停止销售" in page.content.decode()
    finally:
        with connect(dsn) as db, db.transaction():
            db.execute("UPDATE audit_approval SET state = 'cancelled' WHERE act = %s AND state = 'waiting'", [compliance.closing.ACT])  # fmt: skip
            if compliance.closing_on(db) is not None:
                again = compliance.closing.ask(db, make.STAFF, None, "测试结束", solo_wait_seconds=None, at=clock.now())
                compliance.closing.confirm(db, make.SECOND, again.id, clock.now(), is_alone=False)
        notices.forget()


def test_a_page_is_drawn_without_the_notice_where_the_database_is_gone(site, monkeypatch):
    import psycopg

    from kashu.web import notices

    def gone():
        raise psycopg.OperationalError("gone")

    notices.forget()
    monkeypatch.setattr("kashu.wire.edge.transaction", gone)
    assert notices.closing_on() is None
