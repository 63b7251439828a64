"""What the pages tell of a batch's chain: how often it failed, what its days were, and an organisation's claim against it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import audit, cards, sales
from kashu.cards import Redeeming
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.ids import pool_of
from kashu.wire import verify
from tests import make


@pytest.fixture
def redeemed(site, dsn, ring):
    """A code of our own that was sold, seen and redeemed, its day told by a tally: pool and card."""
    with connect(dsn) as db, db.transaction():
        who, sku = make.organisation(db), make.sku(db, kind="own_code")
        batch = make.batch(db, ring, sku, 3, numbered=False)
        db.execute("UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [who, batch.pool_id])
        buyer = make.buyer()
        placed = make.order(db, ring, sku, 1, buyer)
        sales.settle(db, [make.notice(placed)], clock.now())
        [card] = sales.reveal(db, ring, placed.token, buyer, clock.now())
        sales.redeem(db, ring, Redeeming(who, card.secret, make.name("k"), "till", "一号店"), clock.now())
        told = cards.tally(db, batch.pool_id, clock.now() + timedelta(hours=26))
    return batch.pool_id, card, told


def test_a_redemption_and_its_day_are_on_both_pages(staff, browser, redeemed, ring, dsn):
    pool, card, told = redeemed
    desk = staff("compliance")
    html = desk.post("/desk/provenance", {"number": "", "secret": card.secret}).content.decode()
    assert "一号店" in html
    assert f"已汇入记录链第 {told.seq} 步" in html
    proof = browser.get(f"/verify/{verify.token(ring, card.pool_id, card.id)}").content.decode()
    assert "核销" in proof
    assert f"第 {told.seq} 步" in proof
    assert "一号店" not in proof, "where a buyer went is for nobody who only has the address"
    change = "UPDATE cards_redemption SET redeemed_at = redeemed_at + %s * interval '1 day' WHERE pool_id = %s"
    with connect(dsn) as db, db.transaction():
        db.execute(change, [-1, pool])
    html = desk.post("/desk/provenance", {"number": "", "secret": card.secret}).content.decode()
    assert f"订单或核销记录与第 {told.seq} 步的每日汇总不符" in html
    with connect(dsn) as db, db.transaction():
        db.execute(change, [1, pool])


def test_what_the_night_found_is_on_the_board_and_on_the_proof(staff, browser, redeemed, ring, dsn):
    """The public page says whether the tally is borne out, as it was last looked at: it reads no card but its own."""
    pool, card, _ = redeemed
    address, desk = f"/verify/{verify.token(ring, card.pool_id, card.id)}", staff("compliance")
    code = f'href="/console/batches/{pool}?check=1"'

    def pages():
        return browser.get(address).content.decode(), desk.get("/desk/provenance").content.decode()

    def look(days=0):
        with connect(dsn) as db, db.transaction():
            change = "UPDATE cards_redemption SET redeemed_at = redeemed_at + %s * interval '1 day' WHERE pool_id = %s"
            db.execute(change, [days, pool])
            cards.check_chain(db, pool, clock.now())

    assert "将于当夜核对" in pages()[0]
    look()
    proof, listed = pages()
    assert ("核对，与订单和核销记录一致" in proof, "与写入时一致" in proof, code in listed) == (True, True, False)
    look(-1)
    proof, listed = pages()
    assert ("核对，与订单和核销记录一致" in proof, "与写入时不符" in proof, code in listed) == (False, True, True)
    assert "批次记录与写入时不符：待查明" in desk.get("/desk/").content.decode()
    look(1)
    assert code not in pages()[1]


def test_a_batch_tells_how_often_it_failed_and_what_its_days_were(staff, site, dsn, ring):
    later = clock.now() + timedelta(days=3)  # after the day that the tally tells of
    with connect(dsn) as db, db.transaction():
        sku, buyer = make.sku(db), make.buyer()
        pool = make.batch(db, ring, sku, 5).pool_id
        placed = make.order(db, ring, sku, 2, buyer)
        sales.settle(db, [make.notice(placed)], clock.now())
        bad, _ = sales.reveal(db, ring, placed.token, buyer, clock.now())
        told = cards.tally(db, pool, clock.now() + timedelta(hours=26))
        key, back = (placed.pool_id, placed.id), (3_990, [(pool, bad.id)])
        asked = sales.ask_claim_refund(db, make.STAFF, key, back, "失效", solo_wait_seconds=None, at=later)
        sales.grant_claim_refund(db, make.SECOND, key, asked.id, later, is_alone=False)
    desk, address = staff("operator"), f"/console/batches/{pool}"
    html = desk.get(address).content.decode()
    assert "1 / 2" in html
    assert "50.0%" in html
    assert told.body["root"][:16] in html
    assert "与订单和核销一致" in desk.get(f"{address}?check=1").content.decode()
    change = "UPDATE cards_card SET revealed_at = revealed_at + %s * interval '1 second' WHERE pool_id = %s AND id = %s"
    with connect(dsn) as db, db.transaction():
        db.execute(change, [1, pool, bad.id])
    assert f"第 {told.seq} 步不符" in desk.get(f"{address}?check=1").content.decode()
    with connect(dsn) as db, db.transaction():
        db.execute(change, [-1, pool, bad.id])


def test_an_organisations_claim_goes_back_to_its_account(staff, site, dsn, ring):
    with connect(dsn) as db, db.transaction():
        sku, account = make.sku(db), make.account(db)
        pool = make.batch(db, ring, sku, 3).pool_id
        [receipt] = sales.sell(db, ring, [make.purchase(sku, account, 2)], clock.now())
        order = sales.by_number(db, pool_of(receipt.number), receipt.number)
        before = sales.accounts(db, [account.id])[account.id].balance_fen
    address = f"/console/orders/{order.pool_id}/{order.id}"
    first, second = staff("finance", is_sure=True), staff("finance", is_sure=True)
    assert "退回采购账户余额" in first.get(address).content.decode()
    assert "没有可核验的卡密" in first.post(f"{address}/dispute", follow=True).content.decode()
    assert staff("auditor").post(f"{address}/dispute").status_code == 403
    form = {"amount": "39.90", "reason": "失效", "cause": "goodwill", "cards": f"{pool}/{receipt.cards[0].id}"}
    assert "等待另一位同事复核" in first.post(f"{address}/claim", form, follow=True).content.decode()
    with connect(dsn) as db:
        [asked] = [one for one in audit.open_approvals(db) if one.object_id == str(order.id)]
    page = second.post(f"{address}/claim/{asked.id}/grant", follow=True).content.decode()
    assert "已退回采购账户" in page
    assert "¥39.90 · 失效" in page
    with connect(dsn) as db:
        assert sales.accounts(db, [account.id])[account.id].balance_fen == before + 3_990
        assert (
            value(db, "SELECT void_cause FROM cards_card WHERE pool_id = %s AND voided_at IS NOT NULL", [pool])
            == "goodwill"
        )
