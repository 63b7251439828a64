"""The desk's pages of suppliers: who may do what, two persons where it takes two, and what leaves is audited."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import aftersale, audit, party
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, value
from tests import make
from tests.aftersale.world import BUYER, bought, complain
from tests.party import world

PAGES = ["suppliers", "screening", "appeals", "contracts"]
WHY = {"reason": "资料齐全", "evidence": "公示系统截图 2026-11-02"}


@pytest.fixture
def at_stage(dsn, ring):
    def make_one(stage=world.looked_at):
        with connect(dsn) as db, db.transaction():
            return stage(db, ring, clock.now())

    return make_one


@pytest.fixture
def stands(dsn):
    def told(party_id):
        with connect(dsn) as db:
            return world.state(db, party_id)

    return told


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_for_those_who_may_read(staff, browser, page):
    assert [staff(role).get(f"/desk/{page}").status_code for role in ("owner", "compliance", "auditor")] == [200] * 3
    assert [staff(role).get(f"/desk/{page}").status_code for role in ("support", "supplier", "buyer")] == [403] * 3
    assert browser.get(f"/desk/{page}").status_code == 302


@pytest.mark.parametrize("stage", [world.applied, world.in_review, world.signed, world.active])
def test_a_supplier_is_shown_at_every_stage_and_masked(staff, at_stage, stage, dsn):
    party_id = at_stage(stage)
    page = staff("compliance").get(f"/desk/suppliers/{party_id}").content.decode()
    with connect(dsn) as db:
        assert party.party(db, party_id).name in page
    assert "张三" not in page


def test_an_auditor_changes_nothing(staff, at_stage, stands):
    party_id, auditor = at_stage(), staff("auditor", is_sure=True)
    for path in ("review/accept", "review/risk", "deposit/in", "sanction"):
        assert auditor.post(f"/desk/suppliers/{party_id}/{path}", WHY).status_code == 403
    assert stands(party_id) == "kyb_review"


def test_an_application_is_opened_and_its_person_invited(staff, dsn):
    desk, told = staff("compliance"), world.application()
    form = {"name": told.name, "number": told.number, "address": "杭州", "contact": "0571", "phone": told.phone}
    assert desk.post("/desk/suppliers/apply", form).status_code == 302
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM party_party WHERE name = %s", [told.name]) == 0  # nobody to invite
    desk.post("/desk/suppliers/apply", form | {"email": "first@supplier.example"})
    with connect(dsn) as db:
        [party_id] = [one.id for one in party.parties(db, "supplier") if one.name == told.name]
        [waiting] = party.invitations(db, party_id)
        sql = "SELECT count(*) FROM messages_message WHERE purpose = 'invitation' AND about = %s"
        assert value(db, sql, [str(waiting.id)]) == 1


def test_a_reviewer_passes_a_supplier_with_reason_and_evidence(staff, at_stage, stands):
    party_id = at_stage()
    sure = staff("compliance", is_sure=True)
    sure.post(f"/desk/suppliers/{party_id}/review/accept", {"reason": "", "evidence": ""})
    assert stands(party_id) == "kyb_review"
    sure.post(f"/desk/suppliers/{party_id}/review/accept", WHY)
    assert stands(party_id) == "contract"


def test_a_high_risk_takes_two_reviewers(staff, at_stage, stands, dsn):
    party_id = at_stage()
    one, two = staff("compliance", is_sure=True), staff("compliance", is_sure=True)
    one.post(f"/desk/suppliers/{party_id}/review/risk", {"risk": "high", "reason": "新公司"})
    one.post(f"/desk/suppliers/{party_id}/review/risk", {"risk": "medium", "reason": "嫌麻烦"})  # is asked for only
    one.post(f"/desk/suppliers/{party_id}/review/accept", WHY)
    assert stands(party_id) == "kyb_review"
    with connect(dsn) as db, db.transaction():
        [lower] = [one for one in audit.open_approvals(db) if one.object_id == str(party_id)]
        assert lower.act == "supplier.risk.lower"
        audit.cancel(db, world.REVIEWER, lower.id, clock.now())
    one.post(f"/desk/suppliers/{party_id}/review/ask-accept", WHY)
    with connect(dsn) as db:
        [asked] = [one for one in audit.open_approvals(db) if one.object_id == str(party_id)]
    one.post(f"/desk/suppliers/approvals/{asked.id}")
    assert stands(party_id) == "kyb_review"
    two.post(f"/desk/suppliers/approvals/{asked.id}")
    assert stands(party_id) == "contract"


def test_a_paper_leaves_with_an_audit_row_and_under_its_own_supplier_only(staff, at_stage, dsn, ring, site):
    """C-52."""
    from kashu.wire import edge, spool

    party_id, other = at_stage(world.with_papers), at_stage(world.with_papers)
    kept = spool.keep(edge.ctx().spool, ring, [b"%PDF-1.7 scan"])
    with connect(dsn) as db, db.transaction():
        told = world.paper("other", spool=kept.name, size=kept.size, sha256=kept.sha256)
        paper = party.submit(db, ring, world.APPLICANT, party_id, told, clock.now())
    desk = staff("compliance", is_sure=True)
    page = f"/desk/suppliers/{party_id}/documents/{paper.id}"
    assert desk.get(page).status_code == 405  # a link in a letter opens nothing in the name of who follows it
    assert "reauthenticate" in staff("compliance").post(page)["Location"]
    assert desk.post(f"/desk/suppliers/{other}/documents/{paper.id}").status_code == 404
    answer = desk.post(f"/desk/suppliers/{party_id}/documents/{paper.id}")
    assert (answer.content, answer["Content-Type"], answer["Cache-Control"]) == (
        b"%PDF-1.7 scan", "application/pdf", "no-store",
    )  # fmt: skip
    with connect(dsn) as db:
        shown = [e for e in audit.entries_of(db, 0, "party", str(party_id)) if e.verb == "supplier.document.show"]
    assert [one.actor for one in shown] == [desk.person.email]
    assert staff("finance").post(f"/desk/suppliers/{party_id}/documents/{paper.id}").status_code == 403


def test_a_persons_number_is_shown_with_a_reason_and_audited(staff, at_stage, dsn, ring):
    """C-52."""
    party_id, desk = at_stage(), staff("compliance", is_sure=True)
    with connect(dsn) as db:
        head = party.principals(db, party_id)[0]
    path = f"/desk/suppliers/{party_id}/principals/{head.id}"
    assert desk.post(path, {"reason": ""}).status_code == 302
    page = desk.post(path, {"reason": "核对证件"})
    assert "张三" in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    with connect(dsn) as db:
        rows = [e for e in audit.entries_of(db, 0, "party", str(party_id)) if e.verb == "supplier.principal.show"]
    assert [one.reason for one in rows] == ["核对证件"]


def test_a_hit_is_cleared_by_two(staff, at_stage, stands, dsn, ring):
    """C-60."""
    party_id = at_stage(world.active)
    with connect(dsn) as db, db.transaction():
        listed = [party.Listed(party.party(db, party_id).name)]
        party.load_list(db, ring, world.REVIEWER, "desk-list", world.sha256_hex(make.name("l")), listed, clock.now())
        party.screen(db, ring, [party_id], clock.now())
        [hit] = party.hits(db, party_id)
    one, two = staff("compliance", is_sure=True), staff("compliance", is_sure=True)
    assert hit.list_id in one.get("/desk/screening").content.decode()
    one.post(f"/desk/screening/{hit.id}", WHY)
    with connect(dsn) as db:
        [asked] = [one for one in audit.open_approvals(db) if one.object_id == str(hit.id)]
    one.post(f"/desk/suppliers/approvals/{asked.id}")
    assert stands(party_id) == "restricted"
    assert "复核排除" in two.get("/desk/screening").content.decode()
    two.post(f"/desk/suppliers/approvals/{asked.id}", {"back": "/desk/screening"})
    assert stands(party_id) == "active"


def test_a_sanction_is_imposed_appealed_and_overturned_by_another(staff, at_stage, stands, dsn):
    """C-15."""
    party_id = at_stage(world.active)
    one, two = staff("compliance", is_sure=True), staff("compliance", is_sure=True)
    until = biz_date(clock.now()) + timedelta(days=7)
    told = WHY | {"grade": "pause", "ground": "规则 3.2", "until": until.isoformat(), "is_public": "yes"}
    one.post(f"/desk/suppliers/{party_id}/sanction", told | {"until": ""})
    assert stands(party_id) == "active"
    one.post(f"/desk/suppliers/{party_id}/sanction", told)
    assert stands(party_id) == "suspended"
    with connect(dsn) as db, db.transaction():
        [made] = party.sanctions(db, party_id)
        party.appeal(db, world.APPLICANT, party_id, made.id, "有凭证", clock.now())
        [asked] = party.appeals(db, party_id)
    assert "有凭证" in one.get("/desk/appeals").content.decode()
    one.post(f"/desk/appeals/{asked.id}", WHY | {"uphold": "yes"})
    assert stands(party_id) == "suspended"
    two.post(f"/desk/appeals/{asked.id}", WHY | {"uphold": "yes"})
    assert stands(party_id) == "active"


def test_a_deposit_is_noted_by_finance_confirmed_by_another_and_the_shop_opened(staff, at_stage, stands, dsn):
    party_id = at_stage(world.signed)
    finance, desk = staff("finance", is_sure=True), staff("compliance", is_sure=True)
    assert desk.post(f"/desk/suppliers/{party_id}/deposit/in", {"amount": "1", "reference": "x"}).status_code == 403
    desk.post(f"/desk/suppliers/{party_id}/review/activate", WHY)
    assert stands(party_id) == "deposit"
    finance.post(f"/desk/suppliers/{party_id}/deposit/in", {"amount": "10000.00", "reference": make.name("bank")})
    with connect(dsn) as db:
        [asked] = [one for one in audit.open_approvals(db) if one.body.get("party_id") == party_id]
    path = f"/desk/suppliers/{party_id}/deposit/{asked.id}"
    assert desk.post(path).status_code == 403
    assert finance.post(f"/desk/suppliers/{party_id + 1}/deposit/{asked.id}").status_code == 404
    assert "不能由申请人自己复核" in finance.post(path, follow=True).content.decode()
    page = staff("finance").get(f"/desk/suppliers/{party_id}").content.decode()
    assert f'action="{path}"' in page
    assert "¥10,000.00" in page
    with connect(dsn) as db:
        assert party.deposit(db, party_id).held_fen == 0
    staff("owner", is_sure=True).post(path)
    with connect(dsn) as db:
        assert party.deposit(db, party_id).held_fen == 1_000_000
    desk.post(f"/desk/suppliers/{party_id}/review/activate", WHY)
    assert stands(party_id) == "active"


def test_a_deposit_goes_back_once_nothing_of_its_orders_is_warranted_or_open(staff, at_stage, dsn, ring):
    """§5.3: the page asks sales and complaints, which suppliers know nothing of."""
    now = clock.now()
    party_id = at_stage(lambda db, ring, at: world.left(db, ring, at - timedelta(days=100)))
    finance, path = staff("finance", is_sure=True), f"/desk/suppliers/{party_id}/deposit/back"
    lasts = "UPDATE sales_line SET supplier_id = %s, delivered_at = %s, warranty_ends_on = %s WHERE order_id = %s"

    def answer(warranted_days):
        with connect(dsn) as db, db.transaction():
            until = biz_date(now) + timedelta(days=warranted_days)
            db.execute(lasts, [party_id, now - timedelta(days=95), until, placed.id])
        sent = {"amount": "10000.00", "reference": make.name("bank")}
        return finance.post(path, sent, follow=True).content.decode()

    with connect(dsn) as db, db.transaction():
        placed, who = bought(db, ring)
        complaint = complain(db, placed, who, now)
    assert "还在锁定期" in answer(0)
    assert "还有未了结的投诉" in answer(-1)
    with connect(dsn) as db, db.transaction():
        aftersale.withdraw(db, BUYER, placed.token, who.device, complaint.id, now)
    answer(-1)
    with connect(dsn) as db:
        [asked] = [one for one in audit.open_approvals(db) if one.body.get("party_id") == party_id]
    assert asked.act == "supplier.deposit.back"


def test_a_deposit_agreement_without_its_four_parts_is_not_published(staff, dsn):
    """C-34."""
    owner = staff("owner", is_sure=True)
    told = {
        "kind": "deposit",
        "title": "协议",
        "body": "全文",
        "deposit": "1",
        "management": "",
        "usage": "y",
        "refund": "z",
    }
    with connect(dsn) as db:
        before = value(db, "SELECT count(*) FROM party_contract")
    owner.post("/desk/contracts/publish", told)
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM party_contract") == before
    owner.post("/desk/contracts/publish", told | {"management": "x"})
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM party_contract") == before + 1


def test_an_accepted_business_licence_goes_on_to_the_register(staff, at_stage, dsn):
    from kashu import compliance

    party_id, desk = at_stage(world.in_review), staff("compliance")
    with connect(dsn) as db:
        papers = {one.kind: one for one in party.documents(db, party_id)}
    for kind in ("identity", "business_licence"):
        desk.post(f"/desk/suppliers/{party_id}/documents/{papers[kind].id}/decide", {"accept": "yes"})
    with connect(dsn) as db:
        [one] = [one for one in compliance.every_licence(db, None, ["in_review"], 500) if one.party_id == party_id]
        assert (one.kind, one.number, one.made_by) == ("business", party.party(db, party_id).uscc, world.APPLICANT.name)
