"""Kinds of stock on the screens: the store, the console that sets them up and issues them, the buyer portal."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from kashu import cards, compliance, sales
from kashu.audit import entries_of
from kashu.jobs.imports import load_file
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.server.wiring import context
from kashu.wire import edge
from kashu.wire.attestation import Attestor
from tests import make
from tests.web.test_buyer import balance
from tests.web.test_store import house_channel, pay, sheet, token_of


@pytest.fixture
def shop(house, ring):
    """`shop(kind)`: a SKU of that kind on sale, and the slug of its product."""

    def open_shop(kind, stock=3, **told):
        with connect(house.dsn) as db, db.transaction():
            house_channel(db, ring)
            sku = make.sku(db, kind=kind, **told)
            (make.slots if kind in ("on_demand", "manual") else make.batch)(db, ring, sku, stock)
            return sku, value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])

    return open_shop


def asked(browser, sku, slug, **more):
    """The sheet as it is after these fields were sent, and what a browser would post of it."""
    page = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), **more}).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return page, {**sheet(browser, sku, slug), **hidden}


def key_of(house, token):
    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
    return order.pool_id, order.id


# ---- the store


def test_a_link_fills_nothing_in_and_agrees_to_nothing(browser, shop):
    sku, slug = shop("manual")
    agreed = sheet(browser, sku, slug)["consent"]
    page = browser.get(f"/s/{slug}/checkout?sku={sku.code}&consent={agreed}&f_phone=13900000000").content.decode()
    assert "13900000000" not in page
    assert not re.search(r'name="consent"[^>]* checked', page)
    page = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), "step": "plus"}).content.decode()
    assert re.search(r'name="consent"[^>]* checked', page), "what the buyer ticked stays ticked"


def test_a_card_is_picked_on_the_sheet_and_its_surcharge_is_in_the_price(browser, shop, house):
    sku, slug = shop("pick")
    first, _ = asked(browser, sku, slug)
    assert "请先选一个" in first
    assert "N1" in first

    page, form = asked(browser, sku, slug, choose="N3")
    assert "提交订单并支付" in page
    assert "41.90" in page
    assert (form["pick"], form["surcharge"]) == ("N3", "200")
    answer = browser.post(f"/s/{slug}/checkout", {**form, "place": "1"})
    assert answer.status_code == 302
    token = token_of(answer)
    pay(house, token)
    assert "N3" in browser.post(f"/o/{token}/reveal").content.decode()

    again = make.visitor().post(f"/s/{slug}/checkout", {**form, "key": "other-key-1", "place": "1"})
    assert again.status_code == 409
    assert "已被别人选走" in again.content.decode()


def test_numbers_are_looked_for(browser, shop):
    sku, slug = shop("pick", stock=30)
    page, _ = asked(browser, sku, slug, like="17", look="1")
    assert re.findall(r'name="choose" value="(\w+)"', page) == ["N17"]
    page, _ = asked(browser, sku, slug)
    assert len(re.findall(r'name="choose"', page)) == 24
    assert "没有找到" in asked(browser, sku, slug, like="<script>")[0]


@pytest.mark.parametrize(
    "told", [{"surcharge": "0"}, {"surcharge": "-1"}, {"surcharge": "x"}, {"pick": "x" * 65}, {"pick": "N\x00"}]
)
def test_a_price_that_the_browser_made_up_buys_nothing(browser, shop, house, told):
    sku, slug = shop("pick")
    _, form = asked(browser, sku, slug, choose="N3")
    answer = browser.post(f"/s/{slug}/checkout", {**form, **told, "place": "1"})
    assert answer.status_code in (400, 409, 422)
    with connect(house.dsn) as db:
        assert value(db, "SELECT count(*) FROM sales_line WHERE sku_id = %s", [sku.id]) == 0


def test_what_is_issued_asks_for_whom_and_says_how_far_it_is(browser, shop, house, ring):
    sku, slug = shop("manual")
    empty = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), "place": "1"})
    assert empty.status_code == 422
    assert "充值信息没有填对" in empty.content.decode()
    assert "充值手机号" in empty.content.decode()

    answer = browser.post(
        f"/s/{slug}/checkout", {**sheet(browser, sku, slug), "f_phone": "138 0013 8000", "place": "1"}
    )
    token = token_of(answer)
    pay(house, token)
    page = browser.get(f"/o/{token}").content.decode()
    assert "等待工作人员办理" in page
    assert "138••••8000" in page
    assert "13800138000" not in page
    assert browser.get(f"/o/{token}/status").json() == {"state": "paid"}
    assert browser.post(f"/o/{token}/reveal").status_code == 409

    with connect(house.dsn) as db, db.transaction():
        assert sales.fulfilled(db, ring, make.STAFF, key_of(house, token), ("", "已充值 8 元"), clock.now()) is None
    assert "已办理完成" in browser.get(f"/o/{token}").content.decode()
    assert "已充值 8 元" in browser.post(f"/o/{token}/reveal").content.decode()


def test_a_guest_calls_it_off_before_anybody_began(browser, shop, house):
    sku, slug = shop("manual")
    told = {**sheet(browser, sku, slug), "f_phone": "13800138000", "place": "1"}
    token = token_of(browser.post(f"/s/{slug}/checkout", told))
    pay(house, token)
    assert "不充了，全额退款" in browser.get(f"/o/{token}").content.decode()
    assert make.visitor().post(f"/o/{token}/refund").status_code == 403
    assert browser.post(f"/o/{token}/refund").status_code == 302
    assert "退款中" in browser.get(f"/o/{token}").content.decode()


LAPSED = "经营这类商品的许可已经失效"


@pytest.fixture
def lapsing(browser, shop, house):
    """A paid order of a seller whose licence ends when the second answer is called."""
    with connect(house.dsn) as db, db.transaction():
        seller = make.supplier(db)
        paper = make.licence(db, seller, "publication")
    sku, slug = shop("manual", seller=seller, goods="publication")
    told = {**sheet(browser, sku, slug), "f_phone": "13800138000", "place": "1"}
    token = token_of(browser.post(f"/s/{slug}/checkout", told))
    pay(house, token)

    def lapse():
        with connect(house.dsn) as db, db.transaction():
            compliance.licences.revoke(db, make.STAFF, paper.id, "主管部门收回", clock.now())
            sales.refund_stopped(db, clock.now())
        assert "正在核验，暂停销售" in browser.get(f"/s/{slug}").content.decode()

    return token, lapse


def wish_of(house, token):
    with connect(house.dsn) as db:
        key = sales.by_token(db, token)
        return sales.fulfilments(db, [(key.pool_id, key.id)])[key.id].wish


def test_under_a_lapsed_category_the_buyer_is_told_and_takes_the_money(browser, house, lapsing):
    """§2.3, paid but undelivered: the clock does nothing unasked; the page says that the licence ended, with both choices."""
    token, lapse = lapsing
    assert LAPSED not in browser.get(f"/o/{token}").content.decode()
    lapse()
    page = browser.get(f"/o/{token}").content.decode()
    assert LAPSED in page
    assert 'name="choice" value="deliver"' in page
    assert 'name="choice" value="refund"' in page
    stranger = make.visitor()
    assert LAPSED in stranger.get(f"/o/{token}").content.decode()
    assert 'value="refund"' not in stranger.get(f"/o/{token}").content.decode()
    assert stranger.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 403
    assert browser.post(f"/o/{token}/choice", {"choice": "all"}).status_code == 404
    assert browser.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 302
    assert "退款中" in browser.get(f"/o/{token}").content.decode()
    assert browser.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 409


def test_under_a_lapsed_category_the_buyer_waits(browser, house, ring, lapsing):
    token, lapse = lapsing
    lapse()
    assert browser.post(f"/o/{token}/choice", {"choice": "deliver"}).status_code == 302
    page = browser.get(f"/o/{token}").content.decode()
    assert "你选择了等待办理" in page
    assert 'value="refund"' in page, "as long as it is not done, the choice stays open"
    with connect(house.dsn) as db, db.transaction():
        assert sales.fulfilled(db, ring, make.STAFF, key_of(house, token), ("", "已充值 8 元"), clock.now()) is None
    assert "已办理完成" in browser.get(f"/o/{token}").content.decode()


@pytest.mark.parametrize("is_granted", [True, False])
def test_a_wish_for_the_money_is_answered_before_it_is_delivered(browser, staff, house, lapsing, is_granted):
    """Somebody is at it already: the choice is a wish then, which staff see and cannot pass over."""
    token, lapse = lapsing
    pool_id, order_id = key_of(house, token)
    address, clerk = f"/console/fulfilments/{pool_id}/{order_id}", staff("support")
    assert clerk.post(address).status_code == 200
    assert browser.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 409, "nothing has lapsed"
    lapse()
    listed = clerk.get("/console/fulfilments").content.decode()
    assert "许可已失效" in listed
    assert LAPSED in clerk.post(address).content.decode()

    assert browser.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 302
    page = browser.get(f"/o/{token}").content.decode()
    assert "你选择了全额退款" in page
    assert 'value="deliver"' in page
    assert "买家要求退款" in clerk.get("/console/fulfilments").content.decode()
    assert "买家要求全额退款" in clerk.post(address).content.decode()
    done = clerk.post(f"{address}/end", {"outcome": "done", "text": "流水 1"}, follow=True).content.decode()
    assert "请先答复" in done
    assert wish_of(house, token) == "refund"

    if is_granted:
        clerk.post(f"{address}/end", {"outcome": "failed", "text": "应买家要求"})
        assert "退款中" in browser.get(f"/o/{token}").content.decode()
        return
    assert clerk.post(f"{address}/end", {"outcome": "declined", "text": " "}).status_code == 422
    clerk.post(f"{address}/end", {"outcome": "declined", "text": "已经给 13800138000 充值"})
    page = browser.get(f"/o/{token}").content.decode()
    assert "工作人员对退款要求的答复：已经给 138••••8000 充值" in page
    assert 'value="refund"' not in page
    assert browser.post(f"/o/{token}/choice", {"choice": "refund"}).status_code == 409
    assert wish_of(house, token) == "declined"
    with connect(house.dsn) as db:
        verbs = [one.verb for one in entries_of(db, pool_id, "order", str(order_id))]
    assert {"order.choice", "order.choice_declined"} <= set(verbs)
    assert (
        "没有改动" in clerk.post(f"{address}/end", {"outcome": "declined", "text": "x"}, follow=True).content.decode()
    )
    clerk.post(f"{address}/end", {"outcome": "done", "text": "流水 1"})
    assert "已办理完成" in browser.get(f"/o/{token}").content.decode()


def test_a_wish_is_taken_back(browser, staff, house, lapsing):
    token, lapse = lapsing
    pool_id, order_id = key_of(house, token)
    address, clerk = f"/console/fulfilments/{pool_id}/{order_id}", staff("support")
    clerk.post(address)
    lapse()
    for choice in ("refund", "deliver"):
        assert browser.post(f"/o/{token}/choice", {"choice": choice}).status_code == 302
    assert "买家选择了等待办理" in clerk.post(address).content.decode()
    clerk.post(f"{address}/end", {"outcome": "done", "text": "流水 1"})
    assert "已办理完成" in browser.get(f"/o/{token}").content.decode()


# ---- the console


def test_orders_wait_for_a_person_who_takes_them_on_and_ends_them(staff, browser, shop, house):
    sku, slug = shop("manual")
    told = {**sheet(browser, sku, slug), "f_phone": "13800138000", "place": "1"}
    tokens = []
    for n in range(2):
        answer = browser.post(f"/s/{slug}/checkout", {**told, "key": f"key-{n}-{make.name('k')}"})
        tokens.append(token_of(answer))
        pay(house, tokens[-1])
    first, second = (key_of(house, token) for token in tokens)
    clerk = staff("support")
    listed = clerk.get("/console/fulfilments").content.decode()
    assert str(first[1]) in listed
    assert "13800138000" not in listed
    address = f"/console/fulfilments/{first[0]}/{first[1]}"
    shown = clerk.post(address)
    assert "13800138000" in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    with connect(house.dsn) as db:
        assert "order.form_shown" in [one.verb for one in entries_of(db, first[0], "order", str(first[1]))]
    assert browser.post(f"/o/{tokens[0]}/refund").status_code == 409

    assert clerk.post(f"{address}/end", {"outcome": "done", "text": " "}).status_code == 422
    assert clerk.post(f"{address}/end", {"outcome": "else", "text": "x"}).status_code == 404
    assert (
        "已标记完成"
        in clerk.post(f"{address}/end", {"outcome": "done", "text": "流水 1"}, follow=True).content.decode()
    )
    assert "没有改动" in clerk.post(f"{address}/end", {"outcome": "failed", "text": "x"}, follow=True).content.decode()
    other = f"/console/fulfilments/{second[0]}/{second[1]}"
    assert (
        "全额退回"
        in clerk.post(f"{other}/end", {"outcome": "failed", "text": "账号不存在"}, follow=True).content.decode()
    )
    assert "退款中" in browser.get(f"/o/{tokens[1]}").content.decode()
    assert "账号不存在" in clerk.get(f"/console/orders/{second[0]}/{second[1]}").content.decode()


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_who_may_not_issue_sees_no_form(staff, browser, shop, house, role):
    sku, slug = shop("manual")
    told = {**sheet(browser, sku, slug), "f_phone": "13800138000", "place": "1"}
    token = token_of(browser.post(f"/s/{slug}/checkout", told))
    pay(house, token)
    key = key_of(house, token)
    nobody = staff(role)
    assert nobody.get("/console/fulfilments").status_code == 200
    assert nobody.post(f"/console/fulfilments/{key[0]}/{key[1]}").status_code == 403
    assert (
        nobody.post(f"/console/fulfilments/{key[0]}/{key[1]}/end", {"outcome": "done", "text": "x"}).status_code == 403
    )


def sku_form(**told):
    return {
        "code": make.name("K").upper(),
        "name": "规格",
        "price": "9.90",
        "kind": "single_use",
        "order_max": "5",
    } | told


def test_a_sku_of_every_kind_is_added_with_what_it_asks_for(staff, house):
    with connect(house.dsn) as db, db.transaction():
        product = make.sku(db).product_id
    desk = staff("operator")
    address = f"/console/products/{product}/skus"
    wanted = sku_form(kind="on_demand", fields="充值手机号 手机号\n备用号 手机号\n昵称 文字")
    assert desk.post(address, wanted).status_code == 302
    with connect(house.dsn) as db:
        form, most = db.execute("SELECT form, order_max FROM catalog_sku WHERE code = %s", [wanted["code"]]).fetchone()
    assert [(one["name"], one["label"], one["kind"]) for one in form] == [
        ("phone", "充值手机号", "phone"), ("phone2", "备用号", "phone"), ("text", "昵称", "text"),
    ]  # fmt: skip
    assert most == 1
    for wrong in (
        {"kind": "manual"},
        {"fields": "手机号 手机号"},
        {"kind": "manual", "fields": "手机号 密码"},
        {"kind": "manual", "fields": "\n".join(f"栏{n} 文字" for n in range(7))},
    ):
        answer = desk.post(address, sku_form(**wrong))
        assert answer.status_code == 422
        assert "充值信息" in answer.content.decode()
    assert desk.post(address, sku_form(kind="pick")).status_code == 302
    assert "自选" in desk.get(f"/console/products/{product}").content.decode()


def test_codes_of_our_own_are_made_by_a_job_and_sold(staff, house, ring, dsn):
    with connect(house.dsn) as db, db.transaction():
        sku, supplier = make.sku(db, kind="own_code"), make.platform(db)
    desk = staff("operator")
    told = {
        "sku": sku.code,
        "supplier": supplier,
        "cost": "0",
        "pattern": "kc-****-****-****-****?",
        "alphabet": "plain",
        "count": "2500",
    }
    for wrong, why in (
        ({"pattern": "KC-****", "count": "1000"}, "容易被猜中"),
        ({"pattern": "KC ***"}, "规则只用"),
        ({"count": "0"}, "1 到 1000000"),
    ):
        answer = desk.post("/console/batches/new", told | wrong)
        assert answer.status_code == 422
        assert why in answer.content.decode()

    address = desk.post("/console/batches/new", told)["Location"]
    pool_id = int(address.rsplit("/", 1)[-1])
    ctx = context(house)
    assert load_file(ctx, pool_id).accepted == 2_500
    ctx.http.close()
    assert desk.post(f"{address}/sale").status_code == 302
    with connect(dsn) as db, db.transaction():
        [bought] = sales.sell(db, ring, [make.purchase(sku, make.account(db), 3)], clock.now())
    assert all(re.fullmatch(r"KC-[2-9A-Z]{4}(-[2-9A-Z]{4}){3}[0-9A-Z]", card.secret) for card in bought.cards)


def test_an_import_of_codes_that_died_goes_on_and_makes_no_more_than_were_asked_for(house, ring):
    with connect(house.dsn) as db, db.transaction():
        sku = make.sku(db, kind="own_code")
        form = cards.Format("utf-8", "", ("secret",), False, "****************", "plain")
        new = cards.NewBatch(sku.id, make.platform(db), "own_code", "x", 0, "", "", form, 0, "", 12_000)
        batch = cards.open_codes(db, ring, make.STAFF, new, clock.now())
    ctx = context(house)

    class DiedError(Exception):
        pass

    def die(told):
        if told.lines_done >= 5_000:
            raise DiedError

    with pytest.raises(DiedError):
        load_file(ctx, batch.pool_id, die)
    assert load_file(ctx, batch.pool_id).accepted == 12_000
    ctx.http.close()


def test_slots_are_opened_for_a_supplier_of_ours_only(staff, house, ring):
    with connect(house.dsn) as db, db.transaction():
        sku, source, other = make.sku(db, kind="on_demand"), make.source(db, ring), make.supplier(db)
    desk = staff("operator")
    told = {
        "sku": sku.code,
        "supplier": source.supplier_id,
        "cost": "15",
        "cap": "20",
        "source": source.id,
        "source_code": "VIP",
    }
    for wrong in ({"supplier": other}, {"source": ""}, {"source": "no-such"}, {"cap": "0"}):
        assert desk.post("/console/batches/new", told | wrong).status_code == 422
    address = desk.post("/console/batches/new", told)["Location"]
    assert source.id in desk.get(address).content.decode()
    assert desk.post(f"{address}/sale").status_code == 409, "the brand's authorisation is missing"
    with connect(house.dsn) as db, db.transaction():
        link = make.authorised(db, ring, source.supplier_id, "知微课堂", "membership")
    assert "登记授权" in desk.get(address).content.decode()
    assert "采购凭证已登记" in desk.post(f"{address}/papers", {"authorisation": link}, follow=True).content.decode()
    assert desk.post(f"{address}/sale").status_code == 302
    assert "份数已增加" in desk.post(f"{address}/content", {"more": "5"}, follow=True).content.decode()
    with connect(house.dsn) as db:
        assert cards.on_shelf(db, [sku.id], clock.biz_date(clock.now()), 99) == {sku.id: 25}


def test_a_source_is_registered_with_a_sealed_secret(staff, house):
    with connect(house.dsn) as db, db.transaction():
        supplier = make.supplier(db)
    desk = staff("owner", is_sure=True)
    told = {
        "id": make.name("src").lower(),
        "title": "直充",
        "supplier": supplier,
        "url": "https://api.example.com/",
        "key_id": "k1",
        "secret": "s3cr3t-of-source",
    }
    for wrong in (
        {"url": "ftp://x"},
        {"url": "https://"},
        {"id": "Bad Id"},
        {"secret": ""},
        {"supplier": "0"},
        {"key_id": ""},
    ):
        assert "没有改动" in desk.post("/console/settings/sources", told | wrong, follow=True).content.decode()
    page = desk.post("/console/settings/sources", told, follow=True).content.decode()
    assert "直充货源已保存" in page
    assert "s3cr3t-of-source" not in page
    with connect(house.dsn) as db:
        [kept] = [one for one in cards.sources(db) if one.id == told["id"]]
        before = kept.sealed_secret
        assert kept.url == "https://api.example.com"
        assert value(db, "SELECT count(*) FROM audit_entry AS t WHERE t::text LIKE '%%s3cr3t-of-source%%'") == 0
    desk.post("/console/settings/sources", told | {"secret": "", "is_open": "no"})
    with connect(house.dsn) as db:
        [kept] = [one for one in cards.sources(db) if one.id == told["id"]]
    assert (kept.is_open, kept.sealed_secret) == (False, before)
    assert staff("operator", is_sure=True).post("/console/settings/sources", told).status_code == 403


# ---- the buyer portal


def one(browser, sku, **told):
    page = browser.get(f"/buyer/purchases/one/{sku.code}").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)[1]
    return browser.post(f"/buyer/purchases/one/{sku.code}", {"sku": sku.code, "quantity": "1", "key": key, **told})


def test_a_picked_card_is_bought_at_the_desk(desk, shop, dsn):
    buyer, (sku, _) = desk(), shop("pick")
    page = html.unescape(buyer.get(f"/buyer/purchases/one/{sku.code}").content.decode())
    assert re.findall(r'<option value="(N\d)"', page) == ["N1", "N2", "N3"]
    assert buyer.get(f"/buyer/purchases/one/{sku.code}?like=2").content.decode().count('<option value="N') == 1
    answer = one(buyer, sku, pick="N2")
    assert answer.status_code == 302
    assert "自选 N2" in buyer.get(answer["Location"]).content.decode()
    assert "已被选走" in one(buyer, sku, pick="N2").content.decode()
    assert balance(dsn, buyer.account) == 1_000_000 - 4_090


def test_what_is_issued_is_bought_at_the_desk_and_given_back_when_it_fails(desk, shop, dsn):
    buyer, (sku, _) = desk(), shop("manual")
    assert "没有填对" in one(buyer, sku, f_phone="123").content.decode()
    answer = one(buyer, sku, f_phone="13800138000")
    page = buyer.get(answer["Location"]).content.decode()
    assert "正在办理" in page
    assert "138••••8000" in page
    number = answer["Location"].rsplit("/", 1)[-1]
    assert buyer.post(f"/buyer/purchases/{number}/file", {"password": "x" * 12, "kind": "csv"}).status_code == 404
    with connect(dsn) as db, db.transaction():
        key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [number]).fetchone()
        sales.unfulfilled(db, make.STAFF, key, "账号不存在", clock.now())
    assert "账号不存在" in buyer.get(answer["Location"]).content.decode()
    assert "未办成退回" in buyer.get("/buyer/statement").content.decode()
    assert balance(dsn, buyer.account) == 1_000_000


def test_what_is_bought_by_the_many_has_no_page_for_one(desk, shop):
    buyer, (sku, _) = desk(), shop("single_use")
    assert buyer.get(f"/buyer/purchases/one/{sku.code}").status_code == 404


def test_a_shop_redeems_at_the_counter(desk, shop, house, ring, staff, monkeypatch):
    monkeypatch.setattr(edge, "_installed", [replace(edge.ctx(), attestor=Attestor("http://127.0.0.1:9", "k", bytes))])
    counter, (sku, _) = desk(), shop("own_code")
    with connect(house.dsn) as db, db.transaction():
        batch = make.batch(db, ring, sku, 1, numbered=False, expires_on=clock.biz_date(clock.now()))
        db.execute(
            "UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [counter.account.party_id, batch.pool_id]
        )
        [told] = sales.sell(db, ring, [make.purchase(sku, make.account(db))], clock.now())
    code = told.cards[0].secret

    def post(**more):
        page = counter.get("/buyer/redemptions").content.decode()
        key = re.search(r'name="key" value="([^"]+)"', page)[1]
        return counter.post("/buyer/redemptions", {"code": code, "key": key, "place": "一号店"} | more, follow=True)

    assert "核销成功" in post(code=code.lower()).content.decode()
    again = post()
    assert again.status_code == 409
    assert "已经核销过" in again.content.decode()
    assert "没有这个券码" in post(code="NOT-A-CODE").content.decode()
    assert post(code="x").status_code == 422
    assert post(place="a\x00b").status_code == 400
    assert "已撤销" in post(undo="1").content.decode()
    assert "请写明券码无效的原因" in post(invalid="1").content.decode()
    assert post(invalid="1", reason="x" * 201).status_code == 422
    assert "没有这个券码" in post(invalid="1", code="NOT-A-CODE", reason="刮开无码").content.decode()
    assert "已登记无效" in post(invalid="1", reason="刮开无码").content.decode()
    with connect(house.dsn) as db:
        noted = compliance.attestations_of(db, told.number, 9)
    assert [one.event for one in noted] == ["undone", "redeemed"]
    assert "一号店" in counter.get("/buyer/redemptions").content.decode()
    assert desk().get("/buyer/redemptions").content.decode().count("一号店") == 0
    assert counter.account.party
    page = staff("operator").get(f"/console/batches/{batch.pool_id}").content.decode()
    assert counter.account.party in page


def test_codes_are_made_for_who_redeems_them(staff, house, dsn):
    with connect(dsn) as db, db.transaction():
        sku, shop_id, no_account = make.sku(db, kind="own_code"), make.account(db).party_id, make.organisation(db)
        told = {
            "sku": sku.code,
            "supplier": make.platform(db),
            "cost": "0",
            "pattern": "****************",
            "alphabet": "plain",
            "count": "10",
        }
    desk = staff("operator")
    for wrong in ("999999", "x", no_account):
        assert desk.post("/console/batches/new", told | {"redeemer": wrong}).status_code == 422
    address = desk.post("/console/batches/new", told | {"redeemer": shop_id})["Location"]
    with connect(dsn) as db:
        assert (
            value(db, "SELECT redeemer_id FROM cards_batch WHERE pool_id = %s", [int(address.rsplit("/", 1)[-1])])
            == shop_id
        )
