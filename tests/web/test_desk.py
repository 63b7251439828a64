"""The compliance desk: who may, what is decided there, and what buyers see of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kashu import cards, compliance, sales
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from kashu.kernel.paging import encode_cursor
from kashu.wire import verify
from tests import make
from tests.compliance.test_provenance import attach, verified
from tests.party import world

PAGES = ["/desk/", "/desk/licences", "/desk/authorisations", "/desk/provenance", "/desk/reviews",
         "/desk/attestations", "/desk/value"]  # fmt: skip
NOBODY = "01a20000-0000-7000-8000-000000000000"
SCAN = b"%PDF-1.7 a licence"


def actions(licence_id, link_id):
    return [
        ("/desk/licences/new", {}),
        (f"/desk/licences/{licence_id}/decide", {"verdict": "good", "reason": "x"}),
        (f"/desk/licences/{licence_id}/revoke", {"reason": "x"}),
        (f"/desk/licences/{licence_id}/renewal", {}),
        ("/desk/authorisations/new", {}),
        (f"/desk/authorisations/{link_id}/decide", {"verdict": "good", "reason": "x"}),
        (f"/desk/authorisations/{link_id}/revoke", {"reason": "x"}),
        (f"/desk/authorisations/{link_id}/renew", {"to": "1"}),
        ("/desk/reviews/1/decide", {"verdict": "allow"}),
        ("/desk/categories/1", {"goods": ""}),
        (f"/desk/attestations/{NOBODY}/retry", {}),
    ]


@pytest.fixture
def papers(site, dsn, ring):
    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
        return owner, make.licence(db, owner, "publication"), verified(db, ring, owner, is_issuer=True)


@pytest.mark.parametrize("role", ["owner", "compliance", "auditor", "operator", "finance", "support", "member"])
def test_each_role_sees_what_it_may_and_changes_no_more(staff, papers, dsn, role):
    from kashu.web.rights import RIGHTS

    desk, (_, licence, link) = staff(role), papers
    sees, edits = "compliance.read" in RIGHTS[role], "compliance.edit" in RIGHTS[role]
    for page in [*PAGES, f"/desk/licences/{licence.id}", f"/desk/authorisations/{link.id}"]:
        assert desk.get(page).status_code == (200 if sees else 403), page
    assert desk.post(f"/desk/files/{link.file_sha256.hex()}").status_code == (200 if sees else 403)
    assert desk.post(f"/desk/authorisations/{link.id}/orders").status_code == (302 if sees else 403)
    for address, told in actions(licence.id, link.id):
        if not edits:
            assert desk.post(address, told).status_code == 403, address
    with connect(dsn) as db:
        assert compliance.licence(db, licence.id).state == "verified"


def test_every_address_of_the_desk_is_tested_for_rights(site):
    from kashu.web.desk.urls import urlpatterns

    told = {
        *PAGES,
        *(address for address, _ in actions(1, 1)),
        "/desk/licences/1",
        "/desk/authorisations/1",
        "/desk/authorisations/1/orders",
        "/desk/files/x",
    }
    # the others: test_desk_suppliers, test_takedowns
    ours = ("attestations", "board", "value", "licences", "provenance", "reviews")
    shapes = {
        re.sub(r"<[^>]+>", "*", f"/desk/{one.pattern}")
        for one in urlpatterns
        if one.callback.__module__.rsplit(".", 1)[-1] in ours
    }
    assert shapes == {re.sub(rf"/(1|x|{NOBODY})(?=/|$)", "/*", address) for address in told}


def test_a_licence_from_hand_to_hand(staff, dsn, papers):
    owner = papers[0]
    number = make.name("CBW")
    form = {
        "party": owner, "kind": "publication", "number": number, "subject": "", "scope": "图书，电子", "territory": "全国",
        "valid_from": "2026-01-01", "valid_to": "2030-01-01",
    }  # fmt: skip
    one, other = staff("compliance"), staff("owner")
    answer = one.post("/desk/licences/new", {**form, "file": SimpleUploadedFile("a.pdf", SCAN)}, follow=True)
    assert "证照已登记" in answer.content.decode()
    with connect(dsn) as db:
        licence_id = value(db, "SELECT id FROM compliance_licence WHERE number = %s", [number])
        assert compliance.licence(db, licence_id).scope == ["图书", "电子"]
    address = f"/desk/licences/{licence_id}"
    told = {"verdict": "good", "reason": "官网查询一致"}
    assert "不能由登记人自己审核" in one.post(f"{address}/decide", told, follow=True).content.decode()
    assert "请写明依据" in other.post(f"{address}/decide", {"verdict": "good"}, follow=True).content.decode()
    assert "已核验" in other.post(f"{address}/decide", told, follow=True).content.decode()
    digest = re.search(r"/desk/files/([0-9a-f]{64})", one.get(address).content.decode())[1]
    assert one.post(f"/desk/files/{digest}").content == SCAN
    assert "已登记吊销" in other.post(f"{address}/revoke", {"reason": "收回"}, follow=True).content.decode()


def test_a_licence_that_nobody_could_verify_says_so_when_it_is_registered_and_when_it_is_reviewed(
    staff, papers, dsn, monkeypatch
):
    from kashu.web.desk import licences

    one, other, owner = staff("compliance"), staff("owner"), papers[0]
    monkeypatch.setattr(licences, "able", lambda _right: [one.person.email, other.person.email])
    with connect(dsn) as db, db.transaction():
        db.execute("UPDATE party_supplier SET risk = 'high' WHERE party_id = %s", [owner])
    form = {
        "party": owner,
        "kind": "telecom",
        "number": make.name("N"),
        "valid_from": "2026-01-01",
        "valid_to": "2030-01-01",
        "territory": "全国",
    }
    said, way_out = "现在还差 1 位", "让供应商在供应商台的「证照」里自己提交"
    page = one.post("/desk/licences/new", form, follow=True)
    assert all(words in page.content.decode() for words in (said, way_out))
    review = other.get(page.redirect_chain[-1][0]).content.decode()
    assert all(words in review for words in (said, way_out))
    monkeypatch.setattr(licences, "able", lambda _right: [one.person.email, other.person.email, "third@kashu.example"])
    assert said not in other.get(page.redirect_chain[-1][0]).content.decode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"valid_to": ""}, "编号和起止日期都要填写"),
        ({"kind": "culture", "scope": "虚拟货币"}, "C-04"),
        ({"kind": "other"}, "请选择证照种类"),
        ({"party": "x"}, "编号和起止日期都要填写"),
        ({"file": SimpleUploadedFile("a.exe", b"MZ")}, "扫描件须为"),
    ],
)
def test_a_licence_that_cannot_be_says_why(staff, papers, change, told):
    form = {
        "party": papers[0],
        "kind": "publication",
        "number": make.name("N"),
        "valid_from": "2026-01-01",
        "valid_to": "2030-01-01",
    }
    answer = staff("compliance").post("/desk/licences/new", form | change, follow=True)
    assert told in answer.content.decode()


def test_a_chain_is_registered_decided_and_falls(staff, papers, dsn):
    owner, _, root = papers
    with connect(dsn) as db, db.transaction():
        child = make.supplier(db)
    one, other = staff("compliance"), staff("owner")
    form = {
        "parent": root.id, "grantee": child, "number": "SQ-9", "brand": root.brand, "goods": ["membership"],
        "territory": "全国", "valid_from": root.valid_from, "valid_to": root.valid_to,
        "file": SimpleUploadedFile("a.pdf", SCAN),
    }  # fmt: skip
    assert "等待审核" in one.post("/desk/authorisations/new", form, follow=True).content.decode()
    with connect(dsn) as db:
        link_id = value(db, "SELECT max(id) FROM compliance_authorisation WHERE grantee_id = %s", [child])
        assert compliance.authorisation(db, link_id).grantor_id == owner
    page = other.get(f"/desk/authorisations/{link_id}").content.decode()
    assert "不可转售：不能凭它销售" in page
    assert "地域不是全国" not in page
    told = {"verdict": "good", "reason": "原件"}
    assert "已核验" in other.post(f"/desk/authorisations/{link_id}/decide", told, follow=True).content.decode()
    fallen = other.post(f"/desk/authorisations/{root.id}/revoke", {"reason": "收回"}, follow=True)
    assert "已撤销 2 份授权" in fallen.content.decode()
    again = one.post("/desk/authorisations/new", {**form, "file": SimpleUploadedFile("a.pdf", SCAN)}, follow=True)
    assert "上级授权不存在" in again.content.decode()


def test_what_is_left_of_a_lapsed_authorisation_goes_on_under_its_renewal(staff, papers, dsn, ring):
    owner, _, old = papers
    with connect(dsn) as db, db.transaction():
        batch = make.batch(db, ring, make.sku(db), 2, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, batch.pool_id])
        attach(db, batch, old)
    desk, page = staff("compliance"), f"/desk/authorisations/{old.id}"
    assert "转到新授权" not in desk.get(page).content.decode()
    with connect(dsn) as db, db.transaction():
        new = verified(db, ring, owner, is_issuer=True, number="SQ-2027", valid_to=old.valid_to + timedelta(365))
    assert "SQ-2027" in desk.get(page).content.decode()
    assert "不是续期" not in desk.post(f"{page}/renew", {"to": new.id}, follow=True).content.decode()
    with connect(dsn) as db:
        assert cards.authorisation_of(db, batch.pool_id) == new.id
    assert "没有这份授权" in desk.post(f"{page}/renew", {"to": "x"}, follow=True).content.decode()


@pytest.fixture
def sold(site, dsn, ring):
    """A card sold under an authorisation: its secret, and its place."""
    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
        link = verified(db, ring, owner, verified(db, ring, make.supplier(db), is_issuer=True))
        sku = make.sku(db)
        batch = make.batch(db, ring, sku, 1, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, batch.pool_id])
        attach(db, batch, link)
        cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now())
        assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), cards.Batch)
        placed = make.order(db, ring, sku)
        sales.settle(db, [make.notice(placed)], clock.now())
        [card] = sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())
    return placed, card, link


def test_a_root_shows_what_was_sold_below_it(staff, sold):
    """Whoever is about to revoke a root sees every order that it touches, not only those of its own batches."""
    placed, _, link = sold
    html = staff("compliance").get(f"/desk/authorisations/{link.parent_id}").content.decode()
    assert placed.number in html
    assert "已付款 1 笔，¥39.90" in html


def test_every_order_under_a_fallen_authorisation_is_counted_paged_and_given_as_a_file(
    staff, sold, dsn, ring, monkeypatch
):
    """(2) of §2.5: however many there are, none is left out; with what is to be done about each."""
    from kashu.web.desk import provenance
    from kashu.wire import affected

    _, _, link = sold
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db)
        batch = make.batch(db, ring, sku, 6, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [link.grantee_id, batch.pool_id])
        attach(db, batch, link)
        cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now())
        assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), cards.Batch)
        placed = [make.order(db, ring, sku) for _ in range(5)]
        sales.settle(db, [make.notice(one) for one in placed[:4]], clock.now())
        compliance.authorisations.revoke(db, make.REVIEWER, link.id, "品牌方收回", clock.now())
        late = "UPDATE cards_batch SET received_at = received_at + interval '2 days' WHERE pool_id = %s"
        db.execute(late, [batch.pool_id])
    monkeypatch.setattr(provenance, "PAGE_ROWS", 4)
    monkeypatch.setattr(affected, "STEP", 2)
    desk, address, shown = staff("compliance", is_sure=True), f"/desk/authorisations/{link.id}", []
    page = desk.get(address).content.decode()
    assert "已付款 5 笔" in page
    assert "未付款 1" in page
    while True:
        shown += re.findall(r'class="id mono" href="/console/orders/[^"]+">([^<]+)<', page)
        after = re.search(r'href="\?after=([^"#]+)#orders"', page)
        if after is None:
            break
        page = desk.get(f"{address}?after={after[1]}").content.decode()
    assert len(shown) == len(set(shown)) == 6
    assert "请写明导出原因" in desk.post(f"{address}/orders", {"reason": " "}, follow=True).content.decode()
    told = desk.post(f"{address}/orders", {"reason": "通知买家"}).content.decode("utf-8-sig").splitlines()
    assert {line.split(",")[0] for line in told[1:]} == set(shown)
    assert sum("召回并赔付" in line for line in told) == 5
    assert sum("照常兑现" in line for line in told) == 1
    with connect(dsn) as db:
        verb = "SELECT after->>'rows' FROM audit_entry WHERE verb = 'authorisation.orders' AND object_id = %s"
        assert value(db, verb, [str(link.id)]) == "6"
    monkeypatch.setattr(affected, "ROWS_MAX", 4)
    told = desk.post(f"{address}/orders", {"reason": "通知买家"}).content.decode().splitlines()
    assert "其余 2 笔没有列出" in told[-1]


def test_the_way_of_a_card_is_found_by_its_secret(staff, sold):
    placed, card, link = sold
    desk = staff("compliance")
    html = desk.post("/desk/provenance", {"number": card.number, "secret": card.secret}).content.decode()
    assert placed.number in html
    assert link.grantee in html
    assert card.secret not in html
    assert "没有这张卡密" in desk.post("/desk/provenance", {"number": "", "secret": "nothing"}).content.decode()


def test_anybody_sees_where_a_card_comes_from_and_nobody_its_secret(browser, sold, ring):
    """The signed page (`/verify/…`): the chain and the batch, never the secret; a changed address opens nothing."""
    placed, card, link = sold
    told = verify.token(ring, card.pool_id, card.id)
    html = browser.get(f"/verify/{told}").content.decode()
    assert link.grantee in html
    assert "与写入时一致" in html
    assert card.secret not in html
    assert placed.number not in html
    for changed in (told[:-1] + ("A" if told[-1] != "A" else "B"), told[1:], "x", told + "A", "é"):
        assert browser.get(f"/verify/{changed}").status_code == 404
    assert verify.place_of(ring, verify.token(ring, 1, 2)) == (1, 2)


def test_papers_of_a_batch_on_its_page(staff, dsn, ring):
    with connect(dsn) as db, db.transaction():
        owner = make.supplier(db)
        link = verified(db, ring, owner, is_issuer=True)
        batch = make.batch(db, ring, make.sku(db), 3, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, batch.pool_id])
    desk, address = staff("operator"), f"/console/batches/{batch.pool_id}"
    assert "请填写采购凭证编号和金额" in desk.post(f"{address}/papers", {"document": ""}, follow=True).content.decode()
    form = {"document": "HT-77", "amount": "120.00", "quantity": "3", "authorisation": link.id}
    assert "采购凭证已登记" in desk.post(f"{address}/papers", form, follow=True).content.decode()
    assert "不能自己确认" in desk.post(f"{address}/confirm", follow=True).content.decode()
    assert "收货已由第二人确认" in staff("operator").post(f"{address}/confirm", follow=True).content.decode()
    html = desk.get(address).content.decode()
    assert "HT-77" in html
    assert link.grantor in html
    assert staff("support").post(f"{address}/papers", form).status_code == 403
    with connect(dsn) as db:
        assert cards.authorisation_of(db, batch.pool_id) == link.id


def test_the_board_names_who_is_stopped_and_by_what(staff, dsn, ring):
    """A licence of the goods themselves, an authorisation of cards; and nobody who only applies."""
    with connect(dsn) as db, db.transaction():
        seller, other = make.supplier(db), make.supplier(db)
        paper = make.licence(db, seller, "publication")
        sku = make.sku(db, seller=seller, goods="publication")
        batch = make.batch(db, ring, make.sku(db), 1)
        link = verified(db, ring, other)
        owner = "UPDATE cards_pool SET supplier_id = %s, authorisation_id = %s WHERE id = %s"
        db.execute(owner, [other, link.id, batch.pool_id])
        applicant = world.applied(db, ring, clock.now())
    desk = staff("compliance")
    assert stopped(desk, seller) == stopped(desk, other) == stopped(desk, applicant) == ""
    with connect(dsn) as db, db.transaction():
        compliance.licences.revoke(db, make.STAFF, paper.id, "主管部门收回", clock.now())
        compliance.authorisations.revoke(db, make.STAFF, link.id, "品牌方收回", clock.now())
    assert "类目资质" in stopped(desk, seller)
    assert "品牌授权" in stopped(desk, other)
    assert "类目资质" in staff("owner").get(f"/console/products/{sku.product_id}").content.decode()


def stopped(desk, party_id):
    """What the board says of a supplier, on the page of its list where it would stand."""
    page = desk.get(f"/desk/?stopped={encode_cursor(party_id - 1)}").content.decode()
    rows = re.findall(rf'/desk/suppliers/{party_id}">.*?</tr>', page)
    return rows[0] if rows else ""


def test_a_category_is_mapped_to_its_goods(staff, dsn):
    """Default-deny: unmapped it sells nothing; mapped by the desk it asks for what those goods need."""
    from kashu import catalog

    with connect(dsn) as db, db.transaction():
        sku = make.sku(db, goods=None, on_sale=False)
        product, category = db.execute(
            "SELECT product.id, product.category_id FROM catalog_sku AS sku"
            " JOIN catalog_product AS product ON product.id = sku.product_id WHERE sku.id = %s",
            [sku.id],
        ).fetchone()
        blocked = catalog.move_product(db, make.STAFF, product, "on_sale", "", clock.now())
        assert blocked is catalog.Refusal.BLOCKED
    desk = staff("compliance")
    assert "没有这个类目" in desk.post(f"/desk/categories/{category}", {"goods": "x"}, follow=True).content.decode()
    assert "已改" in desk.post(f"/desk/categories/{category}", {"goods": "membership"}, follow=True).content.decode()
    with connect(dsn) as db, db.transaction():
        assert catalog.move_product(db, make.STAFF, product, "on_sale", "", clock.now()) is None
    for kind in ("course", ""):
        assert "先全部下架" in desk.post(f"/desk/categories/{category}", {"goods": kind}, follow=True).content.decode()
    assert "已改" in desk.post(f"/desk/categories/{category}", {"goods": "membership"}, follow=True).content.decode()
    with connect(dsn) as db, db.transaction():
        trail = "SELECT count(*) FROM audit_entry WHERE verb = 'category.map' AND object_id = %s"
        assert value(db, trail, [str(category)]) == 2, "what was refused moved nothing"
        assert catalog.move_product(db, make.STAFF, product, "off_sale", "", clock.now()) is None
    assert "已改" in desk.post(f"/desk/categories/{category}", {"goods": "course"}, follow=True).content.decode()


VALUE = [
    ("face=1000&filing=330100AAB", "符合规定"),
    ("face=1000.01&filing=330100AAB", "面额过高"),
    ("face=5000&named=yes&filing=1&expires=2030-01-01", "记名卡不得设有效期"),
    ("face=100&filing=", "没有备案编号"),
    ("face=100&filing=1&expires=2027-01-01", "不得少于三年"),
    ("face=abc", "最多两位小数"),
    ("bought=10000", "须实名登记"),
    ("bought=9999.99", "无须实名"),
    ("bought=10&remote=yes", "须银行转账"),
    ("bought=", "最多两位小数"),
    ("issuer=brand&quarter=2020-03-31&prepaid=100&held=40", "证明缺失"),
    ("issuer=nobody&quarter=x&prepaid=1&held=1", "请填写金额和季度末日"),
    ("unused=1000&paid=2026-01-01&lpr=3.10&deposit=0.95&region=北京", "最迟退款日"),
    ("unused=1000&paid=2999-01-01&lpr=3.10&deposit=0.95", "两种利率"),
    ("unused=1000&paid=2026-01-01&lpr=300&deposit=1", "两种利率"),
]


def test_prepaid_value_is_worked_out_by_its_rules(staff):
    """C-40 to C-44: such goods are shut, and what the law says of them can be asked."""
    desk = staff("compliance")
    for query, told in VALUE:
        assert told in desk.get(f"/desk/value?{query}").content.decode(), query


def test_an_authorisation_that_ends_is_on_the_board_and_in_the_list_with_its_state(staff, dsn, ring):
    with connect(dsn) as db, db.transaction():
        ending = verified(db, ring, make.supplier(db), valid_to=biz_date(clock.now()) + timedelta(days=20))
        compliance.licences.watch(db, clock.now())
    desk = staff("compliance")
    board = desk.get("/desk/").content.decode()
    [row] = re.findall(rf'<tr><td><a class="id" href="/desk/authorisations/{ending.id}">30 天内到期</a>.*?</tr>', board)
    assert "知微课堂 品牌授权" in row
    assert re.search(rf'id="links".*href="/desk/authorisations/{ending.id}".*20 天', board, re.DOTALL)
    [listed] = re.findall(
        rf'<tr><td><a class="id" href="/desk/authorisations/{ending.id}">.*?</tr>',
        desk.get("/desk/authorisations").content.decode(),
    )
    assert "即将到期" in listed
