"""The supplier portal over HTTP: onboarding, goods, books; and nobody else's things under any address."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kashu import aftersale, audit, cards, compliance, ledger, party, sales
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.kernel.db import connect, value, values
from kashu.kernel.money import yuan
from kashu.web.console.desk import PAGE_ROWS
from tests import make
from tests.aftersale.world import bought, complain
from tests.compliance.test_provenance import verified
from tests.party import world
from tests.web.test_pages import seen, walk

PDF = b"%PDF-1.7 " + b"x" * 100


@pytest.fixture
def at_desk(staff, dsn, ring):
    """`at_desk(stage)`: a signed-in person of a supplier that has come so far."""

    def sit(stage=world.active, browser=None):
        browser = browser or staff("supplier")
        with connect(dsn) as db, db.transaction():
            browser.party_id = stage(db, ring, clock.now())
            party.add_member(db, make.STAFF, browser.party_id, browser.person.pk, clock.now())
        return browser

    return sit


def goods(dsn, ring, party_id, stock=3):
    """A product of this seller, and a batch that it brought."""
    with connect(dsn) as db, db.transaction():
        make.licence(db, party_id, "business")
        sku = make.sku(db, seller=party_id)
        batch = make.batch(db, ring, sku, stock, by=party_id)
        return sku, batch


PAGES = ["", "onboarding", "onboarding/people", "onboarding/account", "onboarding/papers", "onboarding/sign",
         "onboarding/deposit", "licences", "products", "batches", "batches/new", "orders", "statement", "notices", "people"]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_a_supplier_and_for_nobody_else(at_desk, staff, browser, page):
    assert at_desk().get(f"/supplier/{page}").status_code == 200
    assert staff("owner").get(f"/supplier/{page}").status_code == 403
    assert staff("buyer").get(f"/supplier/{page}").status_code == 403
    assert browser.get(f"/supplier/{page}").status_code == 302


@pytest.mark.parametrize("stage", [world.applied, world.in_review, world.looked_at, world.signed])
def test_pages_open_at_every_stage(at_desk, stage):
    desk = at_desk(stage)
    assert [desk.get(f"/supplier/{page}").status_code for page in PAGES] == [200] * len(PAGES)


def test_a_person_without_an_organisation_is_told(staff):
    assert staff("supplier").get("/supplier/").status_code == 403


def test_a_supplier_sees_nothing_of_other_portals(at_desk):
    desk = at_desk()
    found = [desk.get(page).status_code for page in ("/console/", "/console/orders", "/buyer/", "/console/settings")]
    assert found == [403] * 4


def addresses():
    from kashu.web.supplier.urls import urlpatterns

    return {one.name: str(one.pattern) for one in urlpatterns}


def of_another(dsn, ring, at_desk):
    """Everything of another supplier that an address could name."""
    other = at_desk()
    sku, batch = goods(dsn, ring, other.party_id)
    with connect(dsn) as db, db.transaction():
        end = clock.now() + timedelta(days=9)
        sanction = party.sanction(db, world.REVIEWER, other.party_id, world.measure("warning", end), clock.now())
        invitation, _token = party.invite(db, ring, make.STAFF, other.party_id, "a@b.example", clock.now())
        mine = make.batch(db, ring, sku, 1, on_sale=False, by=other.party_id)
        notice = party.note_unreached(db, world.REVIEWER, other.party_id, "市场监管局", world.HASH, clock.now())
        complaint = complain(db, *bought(db, ring, sku=sku), clock.now())
    product = {"product_id": sku.product_id, "code": sku.code, "pool_id": mine.pool_id}
    theirs = {"notice_id": notice.id, "complaint_id": complaint.id, "person_id": other.person.pk}
    return other, product | theirs | {"sanction_id": sanction.id, "invitation_id": invitation.id}, batch


def test_no_address_opens_anothers_things(at_desk, staff, dsn, ring):
    """Every address of the portal that names a thing, with things of another supplier: none is found, nothing moves."""
    other, named, _batch = of_another(dsn, ring, at_desk)
    stranger = at_desk(browser=staff("supplier", is_sure=True))
    with connect(dsn) as db:
        before = len(audit.newest(db, None, 200)), snapshot(db, other.party_id, named)
    tried = 0
    for name, pattern in addresses().items():
        places = re.findall(r"<\w+:(\w+)>", pattern)
        if not set(places) & named.keys():
            continue
        tried += 1
        path = "/supplier/" + re.sub(r"<\w+:(\w+)>", lambda found: str(named[found[1]]), pattern)
        told = {"price": "1.00", "reason": "x", "words": "x"}
        answers = {stranger.get(path).status_code, stranger.post(path, told).status_code}
        assert answers <= {404, 405}, (name, path, answers)
        assert 404 in answers, (name, path, answers)
    assert tried == 12
    places = {place for pattern in addresses().values() for place in re.findall(r"<\w+:(\w+)>", pattern)}
    assert places == {*named, "step"}, "every address that names a thing is tried with another's"
    with connect(dsn) as db:
        assert snapshot(db, other.party_id, named) == before[1]


def price(db, code):
    return value(db, "SELECT price_fen FROM catalog_sku WHERE code = %s", [code])


def snapshot(db, party_id, named):
    return (
        price(db, named["code"]), cards.batch(db, named["pool_id"]).state,
        party.appeals(db, party_id), party.invitations(db, party_id), party.all_unreached(db, party_id),
        aftersale.complaint(db, named["complaint_id"]), party.members(db, party_id),
    )  # fmt: skip


def test_lists_hold_ones_own_only(at_desk, dsn, ring):
    other, named, batch = of_another(dsn, ring, at_desk)
    stranger = at_desk()
    with connect(dsn) as db:
        names = {party.party(db, other.party_id).name, named["code"], batch.code, str(other.party_id)}
    for page in PAGES:
        text = stranger.get(f"/supplier/{page}").content.decode()
        for name in names:
            assert f">{name}<" not in text, (page, name)


def test_the_organisation_of_another_cannot_be_chosen(at_desk):
    one, other = at_desk(), at_desk()
    one.post("/supplier/organisation", {"party": other.party_id})
    with_other = one.get("/supplier/").content.decode()
    assert f'value="{other.party_id}"' not in with_other


def test_one_person_works_for_several_and_switches(at_desk, dsn):
    desk = at_desk()
    first = desk.party_id
    at_desk(world.applied, desk)
    with connect(dsn) as db:
        names = [party.party(db, one).name for one in (first, desk.party_id)]
    assert f"<h1>{names[0]}</h1>" in desk.get("/supplier/").content.decode()
    desk.post("/supplier/organisation", {"party": desk.party_id})
    assert f"<h1>{names[1]}</h1>" in desk.get("/supplier/").content.decode()


def test_a_wizard_step_says_what_is_wrong_and_keeps_what_was_typed(at_desk, dsn):
    desk = at_desk(world.applied)
    told = {"role": "beneficial_owner", "name": "王五", "id_number": "110105194912310021", "share": "60"}
    assert desk.post("/supplier/onboarding/people/save", told).status_code == 403  # C-51
    agreed = desk.post("/supplier/onboarding/consent", {"purpose": "identity_document", "step": "people"})
    assert agreed["Location"] == "/supplier/onboarding/people"
    answer = desk.post("/supplier/onboarding/people/save", told)
    assert answer.status_code == 422
    page = desk.get("/supplier/onboarding/people").content.decode()
    assert 'value="王五"' in page
    assert "110105194912310021" not in page
    with connect(dsn) as db:
        assert party.principals(db, desk.party_id) == []
        assert "王五" not in str(db.execute("SELECT row_to_json(d)::text FROM party_draft AS d").fetchall())


def test_a_bank_account_without_consent_is_forbidden(at_desk, dsn):
    """C-51."""
    desk = at_desk(world.applied)
    told = {"bank": "招商银行", "number": "571900012345678"}
    assert desk.post("/supplier/onboarding/account/save", told).status_code == 403
    desk.post("/supplier/onboarding/consent", {"purpose": "bank_account"})
    assert desk.post("/supplier/onboarding/account/save", told).status_code == 302
    page = desk.get("/supplier/onboarding/account").content.decode()
    assert "5678" in page
    assert "571900012345678" not in page


def test_another_account_takes_a_fresh_proof_of_who_asks(at_desk, dsn, staff):
    """§2.1: a session left open changes no account; what was proven is kept, and its end is said."""
    desk, told = at_desk(), {"bank": "招商银行", "number": "571900012345678"}
    with connect(dsn) as db:
        before = party.bank_account(db, desk.party_id)
    answer = desk.post("/supplier/onboarding/account/save", told)
    assert (answer.status_code, "reauthenticate" in answer["Location"]) == (302, True)
    with connect(dsn) as db:
        assert party.bank_account(db, desk.party_id) == before
    desk.post("/accounts/reauthenticate/", {"password": desk.password})
    assert desk.post("/supplier/onboarding/account/save", told)["Location"] == "/supplier/onboarding/account"
    page = desk.get("/supplier/onboarding/account").content.decode()
    assert "待打款验证" in page
    assert f"原账户 ••••{before.tail} 保留" in page
    with connect(dsn) as db:
        asked = [one.subject for one in party.verifications(db, desk.party_id) if one.state == "asked"]
        assert str(party.bank_account(db, desk.party_id).id) in asked


def upload(desk, kind, content=PDF, **told):
    from django.core.files.uploadedfile import SimpleUploadedFile

    return desk.post(
        "/supplier/onboarding/upload", {"kind": kind, "file": SimpleUploadedFile("a.pdf", content), **told}
    )


def test_an_id_image_without_consent_is_forbidden_and_leaves_no_file(at_desk, dsn, site):
    """C-51."""
    from kashu.wire import edge

    desk, folder = at_desk(world.applied), edge.ctx().spool
    before = set(folder.glob("*.sealed"))
    assert upload(desk, "identity").status_code == 403
    assert set(folder.glob("*.sealed")) == before
    desk.post("/supplier/onboarding/consent", {"purpose": "identity_document"})
    assert upload(desk, "identity").status_code == 302
    assert len(set(folder.glob("*.sealed")) - before) == 1
    desk.post("/supplier/onboarding/consent", {"purpose": "identity_document", "withdraw": "yes"})
    assert upload(desk, "identity").status_code == 403


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"MZ\x90 not a paper", {}), (b"", {}), (PDF, {"valid_to": "31.12.2027"}), (PDF, {"valid_to": "2020-01-01"})],
)
def test_what_is_no_paper_is_refused(at_desk, dsn, content, told):
    desk = at_desk(world.applied)
    assert upload(desk, "business_licence", content, **told).status_code == 422
    with connect(dsn) as db:
        assert party.documents(db, desk.party_id) == []


def test_a_paper_lies_sealed_in_the_spool(at_desk, dsn, site):
    from kashu.wire import edge, papers

    desk = at_desk(world.applied)
    assert upload(desk, "business_licence").status_code == 302
    with connect(dsn) as db:
        [one] = party.documents(db, desk.party_id)
    assert (one.size, len(one.sha256)) == (len(PDF), 64)
    assert PDF not in (edge.ctx().spool / one.spool).read_bytes()
    assert b"".join(papers.content(edge.ctx(), one.spool)) == PDF


def test_from_application_to_contract_through_the_wizard(at_desk, dsn, ring):
    desk = at_desk(world.applied)
    assert "还缺" in desk.post("/supplier/onboarding/hand-in", follow=True).content.decode()
    desk.post("/supplier/onboarding/company/save", {"address": "杭州市 2 号", "contact": "0571-2"})
    for purpose in ("identity_document", "bank_account"):
        desk.post("/supplier/onboarding/consent", {"purpose": purpose})
    for role in ("legal_representative", "beneficial_owner"):
        told = {"role": role, "name": "张三", "id_number": world.person_number(), "share": "60"}
        assert desk.post("/supplier/onboarding/people/save", told).status_code == 302
    desk.post("/supplier/onboarding/account/save", {"bank": "招商银行", "number": f"5719{next(world.serial):011d}"})
    for kind in ("business_licence", "identity"):
        assert upload(desk, kind).status_code == 302
    desk.post("/supplier/onboarding/hand-in")
    with connect(dsn) as db, db.transaction():
        assert world.state(db, desk.party_id) == "kyb_review"
        assert {one.kind for one in party.verifications(db, desk.party_id)} == {"company", "person", "bank_account"}
        for one in party.documents(db, desk.party_id):
            party.decide_document(db, world.REVIEWER, one.id, "accepted", "", clock.now())
        world.prove(db, desk.party_id, clock.now())
        party.accept(db, world.REVIEWER, desk.party_id, world.WHY, clock.now())
        offered = world.contracts(db, clock.now())
    for one in offered:
        desk.post("/supplier/onboarding/agree", {"sha256": one.sha256})
    with connect(dsn) as db:
        assert world.state(db, desk.party_id) == "deposit"
        assert {one.signed_by for one in party.signatures(db, desk.party_id)} == {desk.person.email}


def test_a_supplier_changes_its_own_price(at_desk, dsn, ring):
    desk = at_desk()
    sku, _batch = goods(dsn, ring, desk.party_id)
    assert desk.post(f"/supplier/skus/{sku.code}/price", {"price": "45.00", "reason": ""}).status_code == 422
    assert desk.post(f"/supplier/skus/{sku.code}/price", {"price": "45.00", "reason": "成本上涨"}).status_code == 302
    with connect(dsn) as db:
        assert price(db, sku.code) == 4_500


def test_a_suspended_supplier_changes_nothing(at_desk, dsn, ring):
    desk = at_desk()
    sku, _batch = goods(dsn, ring, desk.party_id)
    with connect(dsn) as db, db.transaction():
        end = clock.now() + timedelta(days=9)
        party.sanction(db, world.REVIEWER, desk.party_id, world.measure("pause", end), clock.now())
    assert desk.post(f"/supplier/skus/{sku.code}/price", {"price": "45.00", "reason": "成本"}).status_code == 422
    assert bring(desk, sku).status_code == 422
    with connect(dsn) as db:
        assert price(db, sku.code) == 3_990


def bring(desk, sku, lines=b"KA-1----SECRET-AAAA-1111\nKA-2----SECRET-BBBB-2222\n"):
    from django.core.files.uploadedfile import SimpleUploadedFile

    told = {"sku": sku.code, "cost": "30.00", "file": SimpleUploadedFile("cards.txt", lines)}
    return desk.post("/supplier/batches/new", told)


def test_a_supplier_brings_cards_for_its_own_skus_only(at_desk, dsn, ring):
    desk, other = at_desk(), at_desk()
    sku, _batch = goods(dsn, ring, desk.party_id)
    theirs, _batch = goods(dsn, ring, other.party_id)
    assert bring(desk, theirs).status_code == 422
    answer = bring(desk, sku)
    assert answer.status_code == 302, answer.content.decode()
    page = desk.get(answer.url).content.decode()
    assert "SECRET-AAAA-1111" not in page
    pool = int(answer.url.rsplit("/", 1)[1])
    with connect(dsn) as db:
        found = cards.batch(db, pool)
    assert (found.supplier_id, found.state) == (desk.party_id, "uploaded")
    assert desk.post(f"{answer.url}/start").status_code == 302
    with connect(dsn) as db:
        assert cards.batch(db, pool).state == "loading"


def test_a_batchs_page_says_what_it_lacks_and_why_it_is_stopped(at_desk, dsn, ring):
    """Issue 5: who brought cards is told of the papers they want, of a freeze and of how many turned out bad."""
    desk, at = at_desk(), clock.now()
    with connect(dsn) as db, db.transaction():
        make.licence(db, desk.party_id, "business")
        sku = make.sku(db, seller=desk.party_id)
        mine = make.batch(db, ring, sku, 2, on_sale=False, by=desk.party_id)
    path = f"/supplier/batches/{mine.pool_id}"
    page = desk.get(path).content.decode()
    lacks = ("采购凭证", "第二人确认收货", "品牌授权")
    assert ["上架前还差" in page, *(word in page for word in lacks), "影响上架或销售" in page] == [True] * 4 + [False]
    with connect(dsn) as db, db.transaction():
        make.put_on_sale(db, ring, mine.pool_id)
        placed = make.order(db, ring, sku)
        sales.settle(db, [make.notice(placed)], at)
    page = desk.get(path).content.decode()
    assert ["上架前还差" in page, "售后失效" in page, "0 / 1" in page, "批次已冻结" in page] == [
        False,
        True,
        True,
        False,
    ]
    with connect(dsn) as db, db.transaction():
        assert cards.leaked(db, mine.pool_id, 2, at)
        end = at + timedelta(days=9)
        party.sanction(db, world.REVIEWER, desk.party_id, world.measure("pause", end), at)
    page = desk.get(path).content.decode()
    assert "有券码在售出前被使用" in page
    assert re.search("影响上架或销售：.*暂停", page)
    assert make.STAFF.name not in page
    assert make.REVIEWER.name not in page


def test_who_supplied_our_own_shelf_brings_more_of_it_at_the_cost_agreed(at_desk, dsn, ring):
    """Issue 5: the main case of supply. Who never did, or whose batch staff never put on sale, does not choose our SKUs."""
    desk, other = at_desk(), at_desk()
    with connect(dsn) as db, db.transaction():
        for one in (desk, other):
            make.licence(db, one.party_id, "business")
        ours, never, shared = make.sku(db), make.sku(db), make.sku(db, seller=other.party_id)
        make.batch(db, ring, ours, 1, cost_fen=2_500, by=desk.party_id)
        make.batch(db, ring, never, 1, on_sale=False, by=desk.party_id)
        make.batch(db, ring, shared, 1, by=desk.party_id)
    page = desk.get("/supplier/batches/new").content.decode()
    assert [one.code in page for one in (ours, never, shared)] == [True, False, False]
    assert "25.00" in page
    assert [bring(desk, one).status_code for one in (never, shared)] == [422, 422]
    assert bring(other, ours).status_code == 422
    priced = "卡号,卡密,成本\nKA-1,SECRET-OURS-1111,99.00\n".encode()
    answer = bring(desk, ours, priced)
    assert answer.status_code == 302, answer.content.decode()
    with connect(dsn) as db:
        found = cards.batch(db, int(answer.url.rsplit("/", 1)[1]))
    assert (found.supplier_id, found.sku_id, found.unit_cost_fen) == (desk.party_id, ours.id, 2_500)
    assert found.format["columns"] == ["number", "secret", "-"], "a price of theirs is not read"
    with connect(dsn) as db, db.transaction():
        db.execute("UPDATE catalog_sku SET is_open = false WHERE id = %s", [ours.id])
    assert bring(desk, ours).status_code == 422


def test_whoever_leaves_loads_no_file_they_had_brought_before(at_desk, dsn, ring):
    desk = at_desk()
    sku, _batch = goods(dsn, ring, desk.party_id)
    answer = bring(desk, sku)
    with connect(dsn) as db, db.transaction():
        assert party.leave(db, world.REVIEWER, desk.party_id, world.WHY, clock.now()) is None
    assert desk.post(f"{answer.url}/start").status_code == 409
    with connect(dsn) as db:
        assert cards.batch(db, int(answer.url.rsplit("/", 1)[1])).state == "uploaded"


def test_orders_show_goods_and_never_a_buyer(at_desk, dsn, ring):
    """C-55."""
    desk = at_desk()
    sku, _batch = goods(dsn, ring, desk.party_id)
    with connect(dsn) as db, db.transaction():
        placed = make.order(db, ring, sku, who=make.buyer("13912345678"))
        sales.settle(db, [make.notice(placed)], clock.now())
    page = desk.get("/supplier/orders").content.decode()
    assert placed.number in page
    assert "5678" not in page.replace(placed.number, "")
    books = desk.get("/supplier/statement").content.decode()
    with connect(dsn) as db:
        sql = "SELECT balance_fen FROM ledger_balance WHERE code = %s"
        owed = value(db, sql, [f"payable:{desk.party_id}"])
    assert f"+{yuan(owed)}" in books


@pytest.fixture
def booked(at_desk, dsn, ring):
    """A supplier with a sale and a refund of last month and stock for our own shelf of this one; the SKUs, the batch, the order."""
    desk, at = at_desk(), clock.now()
    sku, batch = goods(dsn, ring, desk.party_id)
    with connect(dsn) as db, db.transaction():
        placed = make.order(db, ring, sku)
        sales.settle(db, [make.notice(placed)], at)
        [line] = sales.lines_of(db, [placed.id])[placed.id]
        ours = make.sku(db)
        mine = make.batch(db, ring, ours, 2, by=desk.party_id)  # owed from the day it can be sold
        account = ledger.account(db, f"payable:{desk.party_id}", "liability", "x")
        last = datetime(at.astimezone(SHANGHAI).year, at.astimezone(SHANGHAI).month, 1, tzinfo=SHANGHAI) - timedelta(
            seconds=1
        )
        for fen, recipe in ((1_000, "line_delivered"), (-300, "line_returned")):
            sides = ((account, fen), (ledger.SALES, -fen))
            told = [ledger.Posting(batch.pool_id, line.id, f"{recipe}", one, part) for one, part in sides]
            ledger.post(db, told, last)
    return desk, (sku, ours), (batch, mine), placed, f"{last:%Y-%m}"


def test_a_statement_has_opening_and_closing_balance_and_an_order_and_sku_in_each_row(booked, dsn):
    """Issue 5: a month by itself, from its first moment in Shanghai; what we owe for cards of our own shelf as well."""
    desk, skus, (_batch, mine), placed, last = booked
    with connect(dsn) as db:
        now = value(db, "SELECT balance_fen FROM ledger_balance WHERE code = %s", [f"payable:{desk.party_id}"])
    before, page = (
        desk.get(f"/supplier/statement?month={last}").content.decode(),
        desk.get("/supplier/statement").content.decode(),
    )
    shown = [re.sub(r"<[^>]+>|\s", "", html) for html in (before, page)]
    assert ["期初余额¥0.00" in shown[0], "期末余额¥7.00" in shown[0]] == [True, True]
    assert ["期初余额¥7.00" in shown[1], f"目前余额¥{yuan(now, comma=True)}" in shown[1]] == [True, True]
    assert ["+10.00" in before, "+60.00" in before, "+60.00" in page] == [True, False, True]
    assert [placed.number in before, placed.number in page, mine.code in page, mine.code in before] == [
        True,
        True,
        True,
        False,
    ]
    assert all(f"{one.code} · " in page for one in skus)


def test_a_statement_is_a_file_as_well(booked):
    desk, (sku, _ours), (batch, _mine), placed, last = booked
    answer = desk.get(f"/supplier/statement.csv?month={last}")
    found = list(csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))
    assert answer["Content-Disposition"] == f'attachment; filename="kashu-statement-{last}.csv"'
    rows = [[placed.number, sku.code, batch.code, fen] for fen in ("-3.00", "10.00")]
    assert sorted(row[2:] for row in found[1:3]) == sorted(rows)
    assert [row[0] for row in found[3:]] == [last] * 3
    assert [row[5] for row in found[3:]] == ["0.00", "7.00", "7.00"]


@pytest.mark.parametrize("month", ["", "nonsense", "0001-01", "9999-12", "2026-13"])
def test_any_month_that_is_asked_for_opens_one(at_desk, month):
    desk = at_desk()
    assert desk.get("/supplier/statement", {"month": month}).status_code == 200
    assert desk.get("/supplier/statement.csv", {"month": month}).status_code == 200


def test_a_statement_is_of_nobody_else(booked, at_desk):
    _desk, _skus, (batch, mine), placed, last = booked
    stranger = at_desk()
    for month in (last, ""):
        text = stranger.get("/supplier/statement", {"month": month}).content.decode()
        text += b"".join(stranger.get("/supplier/statement.csv", {"month": month}).streaming_content).decode()
        assert [one for one in (placed.number, batch.code, mine.code) if one in text] == []


def test_an_appeal_is_made_on_the_page(at_desk, dsn):
    desk = at_desk()
    with connect(dsn) as db, db.transaction():
        end = clock.now() + timedelta(days=9)
        made = party.sanction(db, world.REVIEWER, desk.party_id, world.measure("pause", end), clock.now())
    assert desk.post(f"/supplier/notices/{made.id}/appeal", {"words": ""}).status_code == 422
    assert desk.post(f"/supplier/notices/{made.id}/appeal", {"words": "有物流凭证"}).status_code == 302
    assert "有物流凭证" in desk.get("/supplier/notices").content.decode()
    assert desk.post(f"/supplier/notices/{uuid4()}/appeal", {"words": "x"}).status_code == 404


def sent_link(dsn, ring, email):
    """The link in the newest message to this address."""
    import json

    with connect(dsn) as db:
        for message_id, sealed in db.execute(
            "SELECT id, sealed FROM messages_message WHERE purpose = 'invitation' ORDER BY made_at DESC"
        ).fetchall():
            to, told = json.loads(ring.open_personal(sealed, f"message {message_id}"))
            if to == email:
                return told["link"]
    raise AssertionError(email)


def test_somebody_is_invited_by_mail_and_comes_in_once(at_desk, staff, dsn, ring, browser):
    stale, email = at_desk(), f"{make.name('new')}@supplier.example"
    assert "/reauthenticate" in stale.post("/supplier/people/invite", {"email": email})["Location"]
    desk = at_desk(browser=staff("supplier", is_sure=True))
    assert desk.post("/supplier/people/invite", {"email": "nonsense"}).status_code == 422
    assert desk.post("/supplier/people/invite", {"email": email}).status_code == 302
    path = "/join/" + sent_link(dsn, ring, email).rsplit("/", 1)[1]
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"name": "小王", "password": "short"}).status_code == 422
    assert browser.post(path, {"name": "小王", "password": "correct horse battery"}).status_code == 302
    assert browser.get(path).status_code == 404
    with connect(dsn) as db:
        assert email in party.members(db, desk.party_id)


def test_a_link_that_ended_opens_nothing(at_desk, dsn, ring, browser):
    desk = at_desk()
    with connect(dsn) as db, db.transaction():
        long_ago = clock.now() - timedelta(days=7)
        _told, expired = party.invite(db, ring, make.STAFF, desk.party_id, "x@y.example", long_ago)
        told, revoked = party.invite(db, ring, make.STAFF, desk.party_id, "z@y.example", clock.now())
    assert desk.post(f"/supplier/people/invitations/{told.id}/revoke").status_code == 302
    for token in (expired, revoked, "nonsense"):
        answer = browser.post(f"/join/{token}", {"name": "小王", "password": "correct horse battery"})
        assert answer.status_code == 404
    with connect(dsn) as db:
        assert len(party.members(db, desk.party_id)) == 1


def test_an_invitation_does_not_take_over_an_account(at_desk, staff, dsn, ring, browser):
    """Whoever holds the link of a person with an account has to be that person."""
    desk, known, clerk = at_desk(), staff("supplier"), staff("support")
    with connect(dsn) as db, db.transaction():
        tokens = [
            party.invite(db, ring, make.STAFF, desk.party_id, one.person.email, clock.now())[1]
            for one in (known, clerk)
        ]
    assert browser.post(f"/join/{tokens[0]}", {"name": "x", "password": "another long password"}).status_code == 422
    answer = clerk.post(f"/join/{tokens[1]}", {})
    assert (answer.status_code, "平台员工的账号" in answer.content.decode()) == (422, True)
    assert known.post(f"/join/{tokens[0]}", {}).status_code == 302
    with connect(dsn) as db:
        assert set(party.members(db, desk.party_id)) == {desk.person.email, known.person.email}


def test_tokens_of_invitations_are_kept_as_hashes(at_desk, dsn, ring):
    desk = at_desk()
    with connect(dsn) as db, db.transaction():
        _told, token = party.invite(db, ring, make.STAFF, desk.party_id, "x@y.example", clock.now())
        rows = "\n".join(values(db, "SELECT row_to_json(i)::text FROM party_invitation AS i"))
        assert token not in rows
        assert "x@y.example" not in rows
        assert value(db, "SELECT count(*) FROM audit_entry WHERE after::text LIKE %s", [f"%{token}%"]) == 0


FORM = {"kind": "publication", "number": "", "scope": "图书，电子", "territory": "全国", "valid_from": "2026-01-01",
        "valid_to": "2030-01-01"}  # fmt: skip


def send(desk, path, **told):
    scan = {"file": SimpleUploadedFile("a.pdf", PDF)}
    return desk.post(f"/supplier/{path}", scan | told, follow=True).content.decode()


def of(db, party_id):
    return compliance.every_licence(db, party_id, ["in_review", "verified", "superseded", "revoked"], 20)


def test_a_licence_is_handed_in_verified_and_renewed_from_the_portal(at_desk, dsn):
    """A category licence from hand to hand: nobody at the platform types it again, and nobody of the supplier verifies it."""
    desk, number = at_desk(), make.name("CBW")
    assert "证照已提交" in send(desk, "licences/new", **FORM | {"number": number})
    with connect(dsn) as db, db.transaction():
        [first] = of(db, desk.party_id)
        assert (first.scope, first.territory, first.findings, first.state) == (
            ["图书", "电子"],
            "全国",
            [],
            "in_review",
        )
        own = audit.Actor("person", desk.person.email)
        told = {"is_good": True, "reason": "核对", "at": clock.now()}
        refused = compliance.licences.decide(db, own, first.id, **told)
        assert refused is compliance.LicenceRefusal.SAME_PERSON
        assert compliance.licences.decide(db, make.REVIEWER, first.id, **told).state == "verified"
    page = desk.get(f"/supplier/licences?licence={first.id}").content.decode()
    assert f'value="{number}"' in page
    assert "延续证照" in page
    assert "已经登记过" in send(desk, "licences/new", **FORM | {"number": number})
    assert "证照已提交" in send(desk, "licences/new", **FORM | {"number": number, "valid_to": "2031-01-01"})
    with connect(dsn) as db, db.transaction():
        assert {one.state for one in of(db, desk.party_id)} == {"verified", "in_review"}


def test_a_brands_authorisation_is_handed_in_and_renewed_from_the_portal(at_desk, dsn):
    desk, brand = at_desk(), make.name("品牌")
    told = {"brand": brand, "grantor": brand, "number": "SQ-1", "goods": ["membership"], "territory": "全国",
            "valid_from": "2026-01-01", "valid_to": "2030-01-01", "is_issuer": "yes"}  # fmt: skip
    assert "授权书已提交" in send(desk, "authorisations/new", **told)
    with connect(dsn) as db, db.transaction():
        [link] = compliance.authorisations_of(db, desk.party_id, ["in_review"], 9)
        assert (link.brand, link.goods, link.is_issuer, link.parent_id) == (brand, ["membership"], True, None)
        done = compliance.authorisations.decide(db, make.REVIEWER, link.id, is_good=True, reason="核对", at=clock.now())
    page = desk.get(f"/supplier/licences?link={link.id}").content.decode()
    assert "续期授权" in page
    assert "授权书已提交" in send(desk, "authorisations/new", **told | {"valid_to": "2031-01-01"})
    with connect(dsn) as db:
        [newer] = compliance.authorisations_of(db, desk.party_id, ["in_review"], 9)
        assert compliance.renews(newer, done)


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        ("licences/new", {"valid_to": ""}, "编号和起止日期都要填写"),
        ("licences/new", {"territory": ""}, "请填写地域"),
        ("licences/new", {"file": ""}, "扫描件须为"),
        ("licences/new", {"kind": "culture", "scope": "虚拟货币"}, "C-04"),
        ("authorisations/new", {"brand": "甲", "grantor": ""}, "授权方、品牌"),
        ("authorisations/new", {"brand": "甲", "grantor": "甲"}, "请至少选择一类商品"),
        ("authorisations/new", {"brand": "甲", "grantor": "甲", "file": ""}, "没有授权书扫描件"),
    ],
)
def test_a_paper_that_cannot_be_says_why_and_leaves_nothing(at_desk, dsn, path, change, told):
    desk = at_desk()
    assert told in send(desk, path, **FORM | {"number": make.name("N")} | change)
    with connect(dsn) as db:
        assert of(db, desk.party_id) == []
        assert compliance.authorisations_of(db, desk.party_id, ["in_review"], 9) == []


def test_the_overview_says_what_stands_in_the_way(at_desk, dsn, ring):
    desk = at_desk()
    _sku, _batch = goods(dsn, ring, desk.party_id)
    assert "影响上架" not in desk.get("/supplier/").content.decode()
    with connect(dsn) as db, db.transaction():
        ending = make.licence(db, desk.party_id, "publication", valid_to=biz_date(clock.now()) + timedelta(days=20))
        ends = biz_date(clock.now()) + timedelta(days=25)
        linked = verified(db, ring, desk.party_id, brand=make.name("品牌"), valid_to=ends)
        compliance.licences.watch(db, clock.now())
        end = clock.now() + timedelta(days=9)
        party.sanction(db, world.REVIEWER, desk.party_id, world.measure("throttle", end), clock.now())
    page = desk.get("/supplier/").content.decode()
    assert "影响上架" in page
    assert "2 份证照或授权即将到期或已过期" in page
    page = desk.get("/supplier/licences").content.decode()
    assert ending.number in page
    assert "20 天" in page
    assert re.search(rf"{linked.brand}.*25 天", page[page.index('id="links"') :], re.DOTALL)


@pytest.mark.parametrize("state", ["exiting", "blacklisted"])
def test_who_leaves_hands_nothing_in(at_desk, dsn, ring, state):
    """By the page, nor past it: what is asked of the domain itself is refused too."""
    desk = at_desk()
    with connect(dsn) as db, db.transaction():
        if state == "blacklisted":
            party.sanction(db, world.REVIEWER, desk.party_id, world.measure("blacklist"), clock.now())
        else:
            db.execute(
                "UPDATE party_supplier SET state = 'exiting', exiting_at = now() WHERE party_id = %s", [desk.party_id]
            )
    assert "不能再提交证照和授权" in send(desk, "licences/new", **FORM | {"number": make.name("N")})
    assert "不能再提交证照和授权" in send(desk, "authorisations/new", brand="甲", grantor="甲", goods="membership")
    assert 'id="hand-in"' not in desk.get("/supplier/licences").content.decode()
    with connect(dsn) as db:
        assert of(db, desk.party_id) == []
        assert compliance.authorisations_of(db, desk.party_id, ["in_review"], 9) == []


def test_a_card_number_that_looks_mistyped_is_said(at_desk):
    """Luhn is a warning: the account is kept, and whoever typed it is told to look again."""
    desk = at_desk(world.applied)
    desk.post("/supplier/onboarding/consent", {"purpose": "bank_account"})
    told = {"bank": "招商银行", "number": "4111111111111112"}
    assert "校验位不符" in desk.post("/supplier/onboarding/account/save", told, follow=True).content.decode()
    told["number"] = "4111111111111111"
    assert "校验位不符" not in desk.post("/supplier/onboarding/account/save", told, follow=True).content.decode()


def test_who_is_not_registered_declares_why_they_need_not_be(at_desk, dsn):
    """C-11, ECOM §10: it is reported with their name."""
    company, number = at_desk(world.applied), world.person_number()

    def alone(db, ring, at):
        return world.applied(db, ring, at, is_registered=False, number=number)

    desk = at_desk(alone)
    assert "自我声明" in desk.get("/supplier/onboarding").content.decode()
    assert "自我声明" not in company.get("/supplier/onboarding").content.decode()
    assert "请选择" in desk.post("/supplier/onboarding/exempt", {"ground": ""}, follow=True).content.decode()
    assert "已记录" in desk.post("/supplier/onboarding/exempt", {"ground": "labour"}, follow=True).content.decode()
    with connect(dsn) as db:
        assert party.reports.exemption(db, desk.party_id)[0] == "labour"
        company.post("/supplier/onboarding/exempt", {"ground": "labour"})
        assert party.reports.exemption(db, company.party_id) is None


@pytest.fixture
def team(at_desk, staff, dsn):
    """`team(n)`: an owner and so many others of one supplier, all signed in and just proven again."""

    def gather(many=1):
        owner = at_desk(world.applied, staff("supplier", is_sure=True))
        others = [staff("supplier", is_sure=True) for _ in range(many)]
        with connect(dsn) as db, db.transaction():
            for one in others:
                one.party_id = owner.party_id
                party.add_member(db, make.STAFF, owner.party_id, one.person.pk, clock.now())
        return owner, *others

    return gather


def test_an_owner_lets_a_member_go_and_all_they_had_ends_at_once(team, dsn, ring):
    owner, other = team()
    own = Actor("person", other.person.email)
    with connect(dsn) as db, db.transaction():
        key, _secret = party.make_key(db, ring, own, owner.party_id, "till", ["redemptions"], clock.now())
        kept, _secret = party.make_key(db, ring, make.STAFF, owner.party_id, "other", ["redemptions"], clock.now())
        party.invite(db, ring, own, owner.party_id, "friend@b.example", clock.now())
    path = f"/supplier/people/{other.person.pk}/remove"
    assert path in owner.get("/supplier/people").content.decode()
    assert other.get("/supplier/").status_code == 200
    answer = owner.post(path, follow=True).content.decode()
    assert "已移出" in answer
    assert other.get("/supplier/").status_code == 302  # signed out
    with connect(dsn) as db:
        assert party.members(db, owner.party_id) == [owner.person.email]
        live = {one.id: one.is_live(clock.now()) for one in party.api_keys(db, owner.party_id)}
        assert live == {key.id: False, kept.id: True}
        assert party.invitations(db, owner.party_id) == []
        [told] = [e for e in audit.entries_of(db, 0, "party", str(owner.party_id)) if e.verb == "party.member.end"]
    assert (told.actor, told.after) == (owner.person.email, {"person": other.person.pk, "keys": [key.id]})
    assert owner.post(path).status_code == 404


def test_who_is_removed_keeps_their_other_organisations_and_may_be_invited_again(team, at_desk, dsn, ring):
    owner, other = team()
    first = other.party_id
    at_desk(world.applied, other)
    owner.post(f"/supplier/people/{other.person.pk}/remove")
    with connect(dsn) as db, db.transaction():
        assert [one.id for one in party.parties_of(db, other.person.pk)] == [other.party_id]
        assert {one.id for one in party.parties_of(db, other.person.pk, ever=True)} == {first, other.party_id}
        party.add_member(db, make.STAFF, first, other.person.pk, clock.now())
        found = party.member(db, first, other.person.email)
    assert found.is_owner is False


def test_a_member_who_is_no_owner_lets_nobody_go(team, dsn):
    owner, one, two = team(2)
    assert f"/supplier/people/{two.person.pk}/remove" not in one.get("/supplier/people").content.decode()
    for verb in ("remove", "owner"):
        for who in (owner, two):
            answer = one.post(f"/supplier/people/{who.person.pk}/{verb}")
            assert (answer.status_code, "只有本单位的负责人" in answer.content.decode()) == (403, True)
    with connect(dsn) as db:
        assert len(party.members(db, owner.party_id)) == 3


def test_the_last_owner_stays_until_another_is_one(team, dsn):
    owner, other = team()
    for path in ("leave", f"{owner.person.pk}/remove"):
        answer = owner.post(f"/supplier/people/{path}")
        assert (answer.status_code, "至少要有一位负责人" in answer.content.decode()) == (409, True)
    assert "已成为负责人" in owner.post(f"/supplier/people/{other.person.pk}/owner", follow=True).content.decode()
    assert owner.post("/supplier/people/leave").status_code == 302
    assert owner.get("/supplier/").status_code == 302  # works for nobody any more
    with connect(dsn) as db:
        assert party.member(db, owner.party_id, other.person.email).is_owner
        assert party.members(db, owner.party_id) == [other.person.email]


def test_somebody_leaves_by_themselves_and_keeps_the_rest(team, at_desk, dsn):
    _owner, other = team()
    first = other.party_id
    at_desk(world.applied, other)
    other.post("/supplier/organisation", {"party": first})
    assert other.post("/supplier/people/leave")["Location"] == "/supplier/"
    assert other.get("/supplier/").status_code == 200
    with connect(dsn) as db:
        assert [one.id for one in party.parties_of(db, other.person.pk)] == [other.party_id]


@pytest.mark.parametrize("path", ["leave", "{}/remove", "{}/owner"])
def test_letting_go_asks_who_it_is_again(at_desk, dsn, path):
    owner = at_desk(world.applied)
    answer = owner.post(f"/supplier/people/{path.format(owner.person.pk)}")
    assert (answer.status_code, "reauthenticate" in answer["Location"]) == (302, True)
    with connect(dsn) as db:
        assert party.members(db, owner.party_id) == [owner.person.email]


def test_where_the_only_owner_is_gone_who_came_first_is_one(team, dsn):
    owner, one, two = team(2)
    with connect(dsn) as db, db.transaction():
        db.execute("UPDATE party_person SET is_active = false WHERE id = %s", [owner.person.pk])
        found = {told.email: told.is_owner for told in party.people(db, owner.party_id, (world.AT, 0), 9)}
    assert found == {one.person.email: True, two.person.email: False}


def test_an_application_is_withdrawn_and_its_name_is_free(at_desk, staff, dsn, ring):
    desk = at_desk(world.applied, staff("supplier", is_sure=True))
    with connect(dsn) as db:
        name = party.party(db, desk.party_id).name
    assert "撤回申请" in desk.get("/supplier/notices").content.decode()
    assert desk.post("/supplier/leave", {"reason": "不做了"}).status_code == 302
    with connect(dsn) as db, db.transaction():
        assert world.state(db, desk.party_id) == "closed"
        assert isinstance(party.apply(db, ring, make.STAFF, world.application(name=name), clock.now()), party.Supplier)


def test_a_licence_that_a_supplier_brings_is_reviewed_by_the_two_of_the_desk(at_desk, staff, dsn):
    """The way out where a high risk takes two reviewers who are not who brought it, and there are two in all."""
    desk, number = at_desk(), make.name("N")
    with connect(dsn) as db, db.transaction():
        party.set_risk(db, world.REVIEWER, desk.party_id, "high", "新公司", clock.now())
    assert "证照已提交" in send(desk, "licences/new", **FORM | {"number": number})
    with connect(dsn) as db:
        [found] = compliance.every_licence(db, desk.party_id, ["in_review"], 9)
        assert (found.made_by, found.file_sha256 is not None) == (desk.person.email, True)
        able = ["one@kashu.example", "two@kashu.example"]
        assert compliance.licences.reviewers_lacking(db, found, able) == 0
    good = {"verdict": "good", "reason": "官网查询一致"}
    for one in (staff("compliance"), staff("owner")):
        one.post(f"/desk/licences/{found.id}/decide", good)
    with connect(dsn) as db:
        assert compliance.licence(db, found.id).state == "verified"
    assert number in desk.get("/supplier/licences").content.decode()


def test_licences_and_authorisations_come_in_pages(at_desk, dsn):
    """More than a page of each; what is renewed need not stand on the page that is shown."""
    desk, tag, many = at_desk(), make.name("N"), PAGE_ROWS + 3
    last, numbers = date(2040, 1, 1), []
    with connect(dsn) as db, db.transaction():
        for n in range(100, 100 + many):
            end = last + timedelta(days=n)
            made = make.licence(db, desk.party_id, "publication", valid_to=end)
            numbers.append(made.number)
            link = compliance.Authorisation(
                0, None, "甲", None, desk.party_id, "", f"{tag}-{n}", ["membership"], ["全国"], False, True, True,
                date(2026, 1, 1), end,
            )  # fmt: skip
            assert isinstance(
                compliance.authorisations.register(db, make.STAFF, link, clock.now()), compliance.Authorisation
            )
    brands = [f"{tag}-{n}" for n in range(100, 100 + many)]
    assert seen(walk(desk, "/supplier/licences", "held", "licences"), r'mono">([^<]+)<') == numbers
    assert seen(walk(desk, "/supplier/licences", "links", "links"), rf"<td>({tag}-\d+)<") == brands
    page = desk.get(f"/supplier/licences?licence={made.id}").content.decode()
    assert f'value="{numbers[-1]}"' in page


def test_people_and_measures_come_in_pages(at_desk, staff, dsn):
    """More than a page of each: every one stands on one page, in order."""
    desk, many = at_desk(), PAGE_ROWS + 3
    tag, end = make.name("measure"), clock.now() + timedelta(days=9)
    with connect(dsn) as db, db.transaction():
        for n in range(100, 100 + many):
            told = world.measure("warning", end, reason=f"{tag}-{n}")
            party.sanction(db, world.REVIEWER, desk.party_id, told, clock.now() + timedelta(seconds=n))
        sql = """
        INSERT INTO party_person (password, email, name, role, is_active, date_joined)
        SELECT '!', %s || '-' || n || '@x.example', 'x', 'member', true, now() FROM generate_series(100, 99 + %s) AS n
        RETURNING id
        """
        for person_id in values(db, sql, [tag, many]):
            party.add_member(db, make.STAFF, desk.party_id, person_id, clock.now())
    everyone = [f"{tag}-{n}" for n in range(100, 100 + many)]
    assert seen(walk(desk, "/supplier/notices", "after"), rf"<dd>({tag}-\d+)<") == everyone[::-1]
    assert seen(walk(desk, "/supplier/people", "after"), rf"({tag}-\d+)@") == everyone
    auditor = walk(staff("auditor"), f"/desk/suppliers/{desk.party_id}", "sanctions", "sanctions")
    assert seen(auditor, rf"<small>({tag}-\d+)<") == everyone[::-1]
