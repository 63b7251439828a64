"""The shop as a browser without JavaScript sees it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from kashu import cards, compliance, party, payments, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from tests import make
from tests.compliance.test_provenance import verified


@pytest.fixture
def goods(house, ring):
    """`goods(stock)`: a committed SKU and the slug of its product; payments go to a gateway that is not there."""

    def open_shop(stock=3, **told):
        with connect(house.dsn) as db, db.transaction():
            house_channel(db, ring)
            sku = make.stocked(db, ring, stock, **told)
            slug = value(db, "SELECT slug FROM catalog_product WHERE id = %s", [sku.product_id])
        return sku, slug

    return open_shop


def test_a_product_page_says_what_it_must(browser, goods):
    sku, slug = goods(stock=3, price_fen=3_990)
    page = browser.get(f"/s/{slug}")
    html = page.content.decode()

    assert page.status_code == 200
    for told in ("39.90", "自营", "卡枢", "退款规则", "现有 3 张", "立即购买", sku.name):
        assert told in html
    for word in ("最终解释权", "概不退款", "手慢无", "仅剩最后"):
        assert word not in html


def test_a_third_party_is_marked_on_all_four_surfaces(browser, goods, house, ring):
    """C-16: list, detail, checkout, receipt."""
    with connect(house.dsn) as db, db.transaction():
        seller = make.supplier(db)
    sku, slug = goods(seller=seller)
    token = buy(browser, sku, slug)

    for address in ("/", f"/s/{slug}", f"/s/{slug}/checkout?sku={sku.code}", f"/o/{token}"):
        assert "第三方" in browser.get(address).content.decode(), address


def test_pages_carry_their_headers(browser, goods):
    _sku, slug = goods()
    page = browser.get(f"/s/{slug}")
    csp = page.headers["Content-Security-Policy"]

    assert "script-src 'self'" in csp
    assert "unsafe-inline" not in csp
    assert "frame-ancestors 'none'" in csp
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert re.search(r"<script(?![^>]*src=)", page.content.decode()) is None
    assert "style=" not in page.content.decode().split("</style>")[1]


def test_a_sold_out_page_offers_no_button(browser, goods):
    _sku, slug = goods(stock=1)
    html = browser.get(f"/s/{slug}").content.decode()
    assert "立即购买" in html
    sku2, slug2 = goods(stock=1)
    buy(browser, sku2, slug2)
    assert "已售罄" in browser.get(f"/s/{slug2}").content.decode()
    assert "立即购买" not in browser.get(f"/s/{slug2}").content.decode()


@pytest.mark.parametrize("cause", ["supplier", "authorisation"])
def test_a_page_whose_papers_lapsed_says_so_and_not_that_it_is_sold_out(browser, goods, house, ring, cause):
    """C-10, C-02: the seller's licence was taken back, or the authorisation of the cards."""
    with connect(house.dsn) as db, db.transaction():
        seller = make.supplier(db)
    sku, slug = goods(seller=seller)
    with connect(house.dsn) as db, db.transaction():
        placed = make.order(db, ring, sku)
        if cause == "supplier":
            [paper] = compliance.every_licence(db, seller, ["verified"], 9)
            compliance.licences.revoke(db, make.STAFF, paper.id, "登记机关吊销", clock.now())
        else:
            link = verified(db, ring, seller)
            db.execute("UPDATE cards_pool SET authorisation_id = %s WHERE sku_id = %s", [link.id, sku.id])
            compliance.authorisations.revoke(db, make.STAFF, link.id, "品牌方收回", clock.now())
        sales.cancel_stopped(db, clock.now())
    html = browser.get(f"/s/{slug}").content.decode()
    assert "正在核验，暂停销售" in html
    assert "已售罄" not in html
    assert "立即购买" not in html
    assert "到账后自动全额退回" in browser.get(f"/o/{placed.token}").content.decode()


def test_an_order_is_placed_once_however_often_the_form_is_sent(browser, goods):
    sku, slug = goods()
    form = sheet(browser, sku, slug)
    one, two = (browser.post(f"/s/{slug}/checkout", {**form, "place": "1"}) for _ in range(2))

    assert one.status_code == two.status_code == 302
    assert one["Location"] == two["Location"]


def test_a_visit_from_a_live_room_is_remembered(browser, goods, house):
    sku, slug = goods()
    page = browser.get(f"/s/{slug}/checkout?sku={sku.code}&live_room=room-7&author=a1&link=l9").content.decode()
    form = {**fields(page), "consent": consent(page), "pay": "douyin"}
    token = token_of(browser.post(f"/s/{slug}/checkout", {**form, "place": "1"}))

    with connect(house.dsn) as db, db.transaction():
        order = sales.by_token(db, token)
    assert (order.source_entry, order.live_room, order.author, order.link) == ("live", "room-7", "a1", "l9")


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"consent": ""}, 422, "请先勾选数字商品的退款说明"),
        ({"quantity": "500"}, 422, "数量超出单笔限购"),
        ({"page": "00" * 32}, 409, "页面内容或价格刚刚有变化"),
        ({"page": "zz"}, 422, "请求不完整"),
        ({"key": ""}, 422, "请求不完整"),
        ({"phone": "12345"}, 422, "手机号应为 11 位数字"),
        ({"pay": "nobody"}, 422, "所选支付方式暂停使用"),
        ({"quantity": "-1"}, 422, "请求不完整"),
        ({"quantity": "٣"}, 302, ""),
    ],
)
def test_each_refusal_is_told_and_nothing_is_ordered(browser, goods, house, change, status, told):
    sku, slug = goods(stock=5)
    answer = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), **change, "place": "1"})

    assert answer.status_code == status
    assert told in answer.content.decode()
    if status != 302:
        with connect(house.dsn) as db:
            assert value(db, "SELECT count(*)::int FROM sales_line WHERE sku_id = %s", [sku.id]) == 0


def test_too_many_unpaid_orders_are_refused_with_the_way_out(browser, goods):
    sku, slug = goods(stock=9)
    for _ in range(3):
        buy(browser, sku, slug)
    answer = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), "place": "1"})
    assert answer.status_code == 429
    assert "还有未支付的订单" in answer.content.decode()


def test_quantity_steps_work_without_script(browser, goods):
    sku, slug = goods(tiers=[{"from": 2, "price_fen": 3_500}])
    form = sheet(browser, sku, slug)
    page = browser.post(f"/s/{slug}/checkout", {**form, "step": "plus"}).content.decode()
    assert fields(page)["quantity"] == "2"
    assert "70.00" in page


def test_when_the_gateway_is_silent_the_order_waits_and_says_so(browser, goods, house):
    sku, slug = goods()
    token = buy(browser, sku, slug)
    answer = browser.post(f"/o/{token}/pay")
    assert answer.status_code == 503
    assert "没有扣款" in answer.content.decode()
    with connect(house.dsn) as db:
        assert (
            value(
                db,
                "SELECT state FROM payments_payment WHERE trade_no = (SELECT number FROM sales_order WHERE token = %s)",
                [token],
            )
            == "unknown"
        )


def test_a_delivered_card_is_masked_until_its_holder_asks(browser, goods, house, ring):
    sku, slug = goods()
    token = buy(browser, sku, slug)
    pay(house, token)
    page = browser.get(f"/o/{token}")
    html = page.content.decode()
    secret = secret_of(house, ring, token)

    assert "卡密已送达" in html
    assert secret not in html
    assert page.headers["Cache-Control"] == "no-store"
    shown = browser.post(f"/o/{token}/reveal")
    assert secret in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    assert secret not in browser.get(f"/o/{token}").content.decode()


def test_the_link_in_another_browser_shows_no_card(browser, goods, house, ring, site):
    sku, slug = goods()
    token = buy(browser, sku, slug)
    pay(house, token)
    stranger = make.visitor()
    assert "用手机号验证" in stranger.get(f"/o/{token}").content.decode()
    answer = stranger.post(f"/o/{token}/reveal")
    assert answer.status_code == 403
    assert secret_of(house, ring, token) not in answer.content.decode()
    assert stranger.post(f"/o/{token}/refund").status_code == 403
    assert stranger.post(f"/o/{token}/cancel").status_code == 403


def test_a_phone_and_its_code_open_the_order_on_another_device(browser, goods, house, ring, site):
    sku, slug = goods()
    token = buy(browser, sku, slug, phone="13900139" + f"{make.numbers.__next__() % 1000:03d}")
    pay(house, token)
    with connect(house.dsn) as db, db.transaction():
        order = sales.by_token(db, token)
        sales.keep_buyer_orders(db, [order])
    phone = ring.open_personal(order.phone_sealed, f"order phone {order.id}")
    other = make.visitor()
    other.post("/orders/code", {"phone": phone})
    code = sent_code(house, ring, phone)
    wrong = "000000" if code != "000000" else "111111"
    assert other.post("/orders/check", {"phone": phone, "code": wrong}).status_code == 422
    found = other.post("/orders/check", {"phone": phone, "code": code})
    assert "找到 1 笔订单" in found.content.decode()
    assert secret_of(house, ring, token) in other.post(f"/o/{token}/reveal").content.decode()
    assert other.post("/orders/check", {"phone": phone, "code": code}).status_code == 422


def test_a_code_is_worth_five_tries(browser, house, ring):
    phone = "13700137000"
    browser.post("/orders/code", {"phone": phone})
    code = sent_code(house, ring, phone)
    wrong = "000000" if code != "000000" else "111111"
    answers = [browser.post("/orders/check", {"phone": phone, "code": wrong}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert browser.post("/orders/check", {"phone": phone, "code": code}).status_code == 429


def test_a_buyer_may_take_an_unseen_card_back(browser, goods, house):
    sku, slug = goods()
    token = buy(browser, sku, slug)
    pay(house, token)
    assert browser.post(f"/o/{token}/refund").status_code == 302
    assert "退款中" in browser.get(f"/o/{token}").content.decode()
    assert browser.post(f"/o/{token}/refund").status_code == 409


def test_an_unpaid_order_can_be_given_up(browser, goods):
    sku, slug = goods(stock=1)
    token = buy(browser, sku, slug)
    assert browser.post(f"/o/{token}/cancel").status_code == 302
    assert "订单已关闭" in browser.get(f"/o/{token}").content.decode()
    buy(browser, sku, slug)


def test_a_visitor_cannot_leave_files_behind(browser, house):
    """Uploads are read where they are expected, by those who may, and nowhere else."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    spool = house.env.var / "spool"
    before = len(list(spool.glob("*"))) if spool.exists() else 0
    for address in ("/orders/code", "/callbacks/test-pay", "/console/batches/new", "/accounts/login/"):
        browser.post(address, {"phone": "1", "file": SimpleUploadedFile("x.txt", b"x" * 100_000)})
    assert (len(list(spool.glob("*"))) if spool.exists() else 0) == before


@pytest.mark.parametrize(
    "phone", ["138１２３４５６７８", "13812345678\n", "１３８12345678", "23812345678", "1381234567"]
)
def test_a_phone_is_eleven_plain_digits(phone):
    from kashu.wire import buyers

    assert not buyers.is_phone(phone)
    assert buyers.is_phone("13812345678")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_subscriber_is_one_address_or_one_network(address, told):
    from kashu.wire import buyers

    assert buyers.subscriber(address) == told


@pytest.mark.parametrize("token", ["x", "1A-" + "y" * 22, "%00", "1A-" + "y" * 300, "..", "ZZZZZZZZZZZZZZZZ-a"])
def test_a_token_that_is_none_is_not_found(browser, token):
    assert browser.get(f"/o/{token}").status_code == 404
    assert browser.post(f"/o/{token}/reveal").status_code == 404


@pytest.mark.parametrize(
    "address", ["/s/no-such", "/img/00000000-0000-0000-0000-000000000000", "/legal/nothing", "/nowhere"]
)
def test_what_is_not_there_says_so_in_the_users_words(browser, address):
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "没有找到这个页面" in answer.content.decode()


def test_every_licence_in_force_is_shown(browser, house):
    """C-01."""
    with connect(house.dsn) as db, db.transaction():
        from datetime import date

        owner = make.platform(db)
        number = make.licence(db, owner, "culture", valid_to=date(2030, 1, 1)).number
        lapsed = make.licence(db, owner, "culture", valid_to=date(2025, 1, 1)).number
    html = browser.get("/legal/licences").content.decode()
    assert number in html
    assert lapsed not in html


def test_published_sanctions_are_shown_with_reason_and_term(browser, house):
    """C-15."""
    with connect(house.dsn) as db, db.transaction():
        seller = make.supplier(db)
        name = party.party(db, seller).name
        ends = clock.now() + timedelta(days=7)
        for grade, reason, is_public in (("warning", "发货超时", True), ("warning", "内部记录", False)):
            measure = party.NewSanction(grade, "规则 3.2", reason, "0" * 64, ends, is_public)
            party.sanction(db, make.REVIEWER, seller, measure, clock.now())
    html = browser.get("/legal/sanctions").content.decode()
    assert name in html
    assert "发货超时" in html
    assert "内部记录" not in html


def test_english_is_spoken_to_those_who_ask(site, goods):

    _sku, slug = goods()
    html = make.visitor("en").get(f"/s/{slug}").content.decode()
    assert '<html lang="en"' in html
    assert "Buy now" in html


def house_channel(db, ring):
    make.channel(db)


def sheet(browser, sku, slug):
    page = browser.get(f"/s/{slug}/checkout?sku={sku.code}").content.decode()
    return {**fields(page), "consent": consent(page), "pay": "douyin", "phone": ""}


def fields(page):
    return dict(
        re.findall(
            r'<input type="hidden" name="(sku|quantity|key|page|live_room|author|video|community|link)" value="([^"]*)"',
            page,
        )
    )


def consent(page):
    return re.search(r'name="consent" value="([0-9a-f]{64})"', page)[1]


def buy(browser, sku, slug, phone=""):
    answer = browser.post(f"/s/{slug}/checkout", {**sheet(browser, sku, slug), "phone": phone, "place": "1"})
    assert answer.status_code == 302, answer.content.decode()
    return token_of(answer)


def token_of(answer):
    return re.search(r"/o/([^/]+)", answer["Location"])[1]


def pay(house, token):
    with connect(house.dsn) as db, db.transaction():
        order = sales.by_token(db, token)
        [payment] = payments.of_order(db, order.pool_id, order.id)
        assert sales.settle(db, [make.notice_of(payment)], clock.now()) == ["paid"]


def secret_of(house, ring, token):
    from kashu.cards.rules import unpack

    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
        found = db.execute(
            "SELECT card.id, card.sealed, batch.pool_id, batch.data_key FROM cards_card card"
            " JOIN cards_batch batch ON batch.pool_id = card.pool_id WHERE card.order_id = %s LIMIT 1", [order.id],
        ).fetchone()  # fmt: skip
    return unpack(ring.open_data_key(found[2], found[3]).open(found[0], found[1]))[1]


def sent_code(house, ring, phone):
    with connect(house.dsn) as db:
        for sealed in [
            row[0]
            for row in db.execute(
                "SELECT body->>'sealed' FROM outbox WHERE topic = 'code.send' ORDER BY recorded_at DESC"
            )
        ]:
            told, code = ring.open_personal(bytes.fromhex(sealed), "phone code").split(" ")
            if told == phone:
                return code
    raise AssertionError("no code was sent")


def test_every_card_has_its_own_proof(browser, goods, house, ring):
    """An order out of two batches shows both, and each card where it comes from."""
    sku, slug = goods(stock=1)
    with connect(house.dsn) as db, db.transaction():
        make.batch(db, ring, sku, 1)
    told = {**sheet(browser, sku, slug), "quantity": "2", "place": "1"}
    token = token_of(browser.post(f"/s/{slug}/checkout", told))
    pay(house, token)
    html = browser.get(f"/o/{token}").content.decode()
    proofs = re.findall(r'href="(/verify/[^"]+)"', html)
    assert len(set(proofs)) == 2
    with connect(house.dsn) as db:
        order = sales.by_token(db, token)
        lines = sales.lines_of(db, [order.id])[order.id]
        codes = {one.batch for one in cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])}
    assert len(codes) == 2
    assert [code for code in codes if code not in html] == []
    assert [browser.get(one).status_code for one in proofs] == [200, 200]
