"""Recalls and pay-first compensation over HTTP: the buyer's page, the desk's two persons, what each role may (§2.3)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest

from kashu import aftersale, cards, party, payments, sales
from kashu.jobs.aftersale import pay_compensation, recall_cards
from kashu.jobs.messages import note_recall
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value, values
from kashu.server.wiring import context
from tests import make
from tests.aftersale.test_compensations import YESTERDAY, Batch
from tests.compliance.test_provenance import attach, verified
from tests.web.test_store import buy, house_channel, pay

NOWHERE = UUID(int=7)
ACTS = {
    "/desk/compensations/ask": "orders.claim",
    f"/desk/compensations/approvals/{NOWHERE}": "orders.claim",
    f"/desk/compensations/orders/1/{NOWHERE}": "orders.claim",
    f"/desk/compensations/{NOWHERE}/refuse": "complaints.decide",
}
READS = {"/desk/compensations": 200, f"/desk/compensations/{NOWHERE}": 404}


@pytest.fixture
def bought(house, ring, browser):
    """A delivered order of `browser` for cards of a brand: its token, the supplier and the root of the authorisation."""
    with connect(house.dsn) as db, db.transaction():
        house_channel(db, ring)
        owner = make.supplier(db)
        root = verified(db, ring, make.supplier(db), is_issuer=True)
        leaf, sku = verified(db, ring, owner, root), make.sku(db)
        batch = make.batch(db, ring, sku, 3, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, batch.pool_id])
        attach(db, batch, leaf)
        cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now())
        assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), cards.Batch)
        slug = value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])
    token = buy(browser, sku, slug, "13900139456")
    pay(house, token)
    browser.post(f"/o/{token}/reveal")
    return token, owner, root


def move(dsn, owner, state):
    with connect(dsn) as db:
        db.execute("UPDATE party_supplier SET state = %s WHERE party_id = %s", [state, owner])


def order_of(dsn, token):
    with connect(dsn) as db:
        return sales.by_token(db, token)


def one_of(dsn, token):
    with connect(dsn) as db:
        order = sales.by_token(db, token)
        return aftersale.compensations_of_order(db, order.pool_id, order.id)[0]


def wish_of(dsn, told, page):
    """Where the second person says yes to it; the page may show others' wishes as well."""
    with connect(dsn) as db:
        wish = aftersale.compensation(db, told.id).approval_id
    address = f"/desk/compensations/approvals/{wish}"
    assert address in page.content.decode()
    return address


def test_a_demand_from_the_order_page_to_the_money(staff, browser, bought, house):
    token, owner, _root = bought
    page = f"/o/{token}"
    assert "申请先行赔付" not in browser.get(page).content.decode()
    early = browser.post(f"{page}/compensation")
    assert (early.status_code, "可以提交投诉" in early.content.decode()) == (409, True)
    move(house.dsn, owner, "blacklisted")
    assert "申请先行赔付 ¥39.90" in browser.get(page).content.decode()
    stranger = make.visitor()
    assert "申请先行赔付" not in stranger.get(page).content.decode()
    assert stranger.post(f"{page}/compensation").status_code == 403
    assert browser.post("/o/nothing/compensation").status_code == 404
    assert browser.post(f"{page}/compensation").status_code == 302
    shown = browser.get(page).content.decode()
    assert ("待核对" in shown, "最晚" in shown, "申请先行赔付" in shown) == (True, True, False)
    assert browser.post(f"{page}/compensation").status_code == 409

    told = one_of(house.dsn, token)
    clerk, other = staff("support", is_sure=True), staff("finance", is_sure=True)
    listed = clerk.get("/desk/compensations").content.decode()
    assert (told.number in listed, "主体资格" in listed) == (True, True)
    assert "请至少勾选" in clerk.post("/desk/compensations/ask", {"reason": "x"}, follow=True).content.decode()
    nothing = {"ids": [str(told.id)], "reason": " "}
    assert "请写明理由" in clerk.post("/desk/compensations/ask", nothing, follow=True).content.decode()
    asked = clerk.post("/desk/compensations/ask", {"ids": [str(told.id), "'"], "reason": "工单 7"}, follow=True)
    address = wish_of(house.dsn, told, asked)
    assert "等待复核：1 笔，共 ¥39.90" in asked.content.decode()
    assert "不能由申请人自己复核" in clerk.post(address, follow=True).content.decode()
    assert "1 笔正在支付" in other.post(address, follow=True).content.decode()
    assert "已经处理过" in other.post(address, {"cancel": "yes"}, follow=True).content.decode()
    pay_compensation(context(house), {"compensation_id": str(told.id)})
    pay_compensation(context(house), {"compensation_id": str(told.id)})  # told again
    assert one_of(house.dsn, token).state == "paid"
    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
        assert [one.amount_fen for one in payments.refunds_of(db, order.pool_id, order.id)] == [3_990]
    assert "退款中" in browser.get(page).content.decode()
    assert "已赔付" in clerk.get(f"/desk/compensations/{told.id}").content.decode()
    assert "已赔付" in clerk.get(f"/console/orders/{order.pool_id}/{order.id}").content.decode()


def test_staff_take_a_demand_down_and_refuse_it_with_a_reason(staff, browser, bought, dsn):
    token, owner, _root = bought
    order = order_of(dsn, token)
    desk = staff("owner", is_sure=True)
    here, there = (
        f"/desk/compensations/orders/{order.pool_id}/{order.id}",
        f"/console/orders/{order.pool_id}/{order.id}",
    )
    assert "替买家登记赔付" not in desk.get(there).content.decode()
    assert "没有要赔付的卡密" in desk.post(here, follow=True).content.decode()
    move(dsn, owner, "blacklisted")
    assert "替买家登记赔付" in desk.get(there).content.decode()
    assert "已登记" in desk.post(here, follow=True).content.decode()
    told = one_of(dsn, token)
    assert told.made_by == desk.person.email
    address = f"/desk/compensations/{told.id}"
    assert "请写明理由和依据" in desk.post(f"{address}/refuse", {}, follow=True).content.decode()
    done = desk.post(f"{address}/refuse", {"reason": "品牌方确认已使用", "evidence": "来函"}, follow=True)
    assert "品牌方确认已使用" in done.content.decode()
    shown = browser.get(f"/o/{token}").content.decode()
    assert ("品牌方确认已使用" in shown, "可以提交投诉" in shown, "申请先行赔付" in shown) == (True, True, False)
    assert browser.post(f"/o/{token}/compensation").status_code == 409
    assert "品牌方确认已使用" not in make.visitor().get(f"/o/{token}").content.decode()


def test_a_wish_is_taken_back_and_a_whole_page_is_asked_for(staff, browser, bought, dsn):
    token, owner, _root = bought
    move(dsn, owner, "blacklisted")
    browser.post(f"/o/{token}/compensation")
    told, desk = one_of(dsn, token), staff("owner", is_sure=True)
    asked = desk.post(
        "/desk/compensations/ask", {"page": [str(told.id)], "whole": "yes", "reason": "全部"}, follow=True
    )
    address = wish_of(dsn, told, asked)
    assert "申请已撤回" in desk.post(address, {"cancel": "yes"}, follow=True).content.decode()
    assert one_of(dsn, token).state == "owed"


def test_a_recall_from_the_revocation_to_the_buyers_phone(staff, browser, bought, house):
    """§2.3: what came after the last valid day is recalled; the buyer is told on the page and by SMS, before the money comes."""
    token, _owner, root = bought
    desk, address = staff("compliance", is_sure=True), f"/desk/authorisations/{root.id}"
    late = (biz_date(clock.now()) + timedelta(1)).isoformat()
    for day in (late, "2026-13-99", "1990-01-01"):
        refused = desk.post(f"{address}/revoke", {"reason": "收回", "last_day": day}, follow=True)
        assert "最后有效日要在" in refused.content.decode(), day
    yesterday = (biz_date(clock.now()) - timedelta(1)).isoformat()
    done = desk.post(f"{address}/revoke", {"reason": "品牌方：从未授权", "last_day": yesterday}, follow=True)
    assert ("正在召回" in done.content.decode(), "召回并赔付" in done.content.decode()) == (True, True)
    assert "正在召回，请不要使用" in browser.get(f"/o/{token}").content.decode()
    ctx = context(house)
    recall_cards(ctx, {"authorisation": root.id, "turn": 0})
    recall_cards(ctx, {"authorisation": root.id, "turn": 3})
    told, order = one_of(house.dsn, token), order_of(house.dsn, token)
    assert (told.effect, told.made_by) == ("recall", "system")
    assert "这批卡密已召回" in browser.get(f"/o/{token}").content.decode()
    note_recall(ctx, {"pool_id": order.pool_id, "order_id": str(order.id)})
    with connect(house.dsn) as db:
        again = "SELECT count(*) FROM outbox WHERE topic = 'authorisation.revoked' AND (body->>'authorisation')::bigint = %s"
        assert value(db, again, [root.id]) == 2  # the revocation itself, and the look a day later
        sql = "SELECT purpose FROM messages_message WHERE about = %s ORDER BY purpose"
        assert "recalled" in values(db, sql, [str(order.id)])


@pytest.mark.parametrize("role", ["owner", "compliance", "operator", "finance", "support", "auditor", "member"])
def test_each_role_sees_what_it_may_and_does_no_more(staff, role):
    from kashu.web.desk.urls import urlpatterns
    from kashu.web.rights import RIGHTS

    desk = staff(role, is_sure=True)
    for address, answer in READS.items():
        assert desk.get(address).status_code == (answer if "compensations.read" in RIGHTS[role] else 403), address
    for address, right in ACTS.items():
        assert (desk.post(address).status_code == 403) is (right not in RIGHTS[role]), address
    shapes = {
        re.sub(r"<[^>]+>", "*", f"/desk/{one.pattern}")
        for one in urlpatterns
        if one.callback.__module__.endswith(".compensations")
    }
    assert shapes == {re.sub(rf"/(1|{NOWHERE})(?=/|$)", "/*", address) for address in (*READS, *ACTS)}


def test_an_organisation_sees_a_recall_and_demands_what_is_owed(desk, house, ring):
    """The purchase's page and the webhook `purchase.recalled` tell it; its money is on its account once two persons agree."""
    buyer = desk()
    with connect(house.dsn) as db, db.transaction():
        shop = Batch(db, ring)
        [bill] = sales.sell(db, ring, [make.purchase(shop.sku, buyer.account, 2)], clock.now())
        party.add_webhook(
            db,
            ring,
            make.STAFF,
            (buyer.account.party_id, "https://mcn.example/hook", ["purchase.recalled"]),
            clock.now(),
            needs_https=True,
        )
    page = f"/buyer/purchases/{bill.number}"
    assert "申请先行赔付" not in buyer.get(page).content.decode()
    assert "没有要赔付的卡密" in buyer.post(f"{page}/compensation", follow=True).content.decode()
    assert desk().post(f"{page}/compensation").status_code == 404  # another organisation's
    move(house.dsn, shop.owner, "blacklisted")
    assert "申请先行赔付" in buyer.get(page).content.decode()
    move(house.dsn, shop.owner, "active")
    with connect(house.dsn) as db, db.transaction():
        shop.db = db
        shop.revoke(YESTERDAY)
    recall_cards(context(house), {"authorisation": shop.root.id, "turn": 9})
    assert "2 张卡密已召回" in buyer.get(page).content.decode()
    with connect(house.dsn) as db:
        [(pool_id, order_id)] = db.execute(
            "SELECT pool_id, id FROM sales_order WHERE number = %s", [bill.number]
        ).fetchall()
    note_recall(context(house), {"pool_id": pool_id, "order_id": str(order_id)})
    note_recall(context(house), {"pool_id": pool_id, "order_id": str(order_id)})  # told again
    with connect(house.dsn) as db:
        [body] = values(
            db, "SELECT body FROM party_webhook_message WHERE topic = 'purchase.recalled' AND about = %s", [bill.number]
        )
    assert (body["data"]["cards"], body["data"]["amount_fen"]) == (2, 2 * 3_990)
