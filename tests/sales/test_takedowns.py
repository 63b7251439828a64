"""Goods taken down as illegal (C-14): nothing more is sold, what was shown is kept, and the authority is told in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import audit, cards, catalog, compliance, ledger, sales
from kashu.catalog import PriceChange
from kashu.compliance import Grounds, Takedown, TakedownRefusal
from kashu.compliance.rules import TAKEDOWN
from kashu.kernel import clock
from kashu.kernel.db import value, values
from kashu.payments import Verdict
from kashu.sales import Placed, Refusal, SellRefusal
from tests import make

WHY = Grounds("notice", "杭市监〔2026〕12 号", "ECOM §29；C-04", "销售未经许可的游戏虚拟货币", "来函扫描件")


def down(db, sku, by=make.STAFF, at=None, **changed):
    return sales.take_down(db, by, sku.product_id, replace(WHY, **changed), at or clock.now())


def reported(db, found, by=make.STAFF):
    return compliance.takedowns.report(db, by, found.id, found.draft, ("杭州市市场监督管理局", "R-1"), clock.now())


def state(db, sku):
    return catalog.product(db, product_id=sku.product_id).state


@pytest.fixture
def sku(db, ring):
    return make.stocked(db, ring, 5)


def test_a_takedown_stops_store_and_till_at_once(db, ring, sku):
    """C-14."""
    asked, account = make.checkout(db, sku), make.account(db)
    assert isinstance(down(db, sku), Takedown)
    assert state(db, sku) == "frozen"
    assert sales.place(db, ring, [asked], clock.now()) == [Refusal.NOT_FOR_SALE]
    assert sales.sell(db, ring, [make.purchase(sku, account)], clock.now()) == [SellRefusal.NOT_FOR_SALE]
    assert cards.on_shelf(db, [sku.id], clock.now().date(), 10) == {sku.id: 0}
    assert value(db, "SELECT count(*) FROM cards_card AS c JOIN cards_pool AS p ON p.id = c.pool_id WHERE p.sku_id = %s AND c.state <> 'on_shelf'", [sku.id]) == 0  # fmt: skip


def test_a_batch_that_comes_later_is_stopped_as_well(db, ring, sku):
    """It is not put on sale; and one that was put on sale a moment before sells nothing."""
    down(db, sku)
    later = make.batch(db, ring, sku, 3, on_sale=False)
    make.papered(db, ring, later.pool_id)
    assert cards.put_on_sale(db, make.STAFF, later.pool_id, clock.now()) is cards.Refusal.BLOCKED
    db.execute("UPDATE cards_pool SET sellable = true, reason = '' WHERE id = %s", [later.pool_id])
    assert cards.on_shelf(db, [sku.id], clock.now().date(), 10) == {sku.id: 0}


def test_unpaid_orders_end_and_paid_ones_are_refunded_or_readable(db, ring, sku):
    """The existing ways: a hold is cancelled, money that comes goes back, what was delivered stays readable."""
    while sales.cancel_stopped(db, clock.now()) or sales.refund_stopped(db, clock.now()):
        pass  # what tests that commit left behind
    who = make.buyer()
    unpaid, late, bought = (make.order(db, ring, sku, 1, one) for one in (make.buyer(), make.buyer(), who))
    sales.settle(db, [make.notice(bought)], clock.now())
    slots = make.sku(db, kind="on_demand")
    make.slots(db, ring, slots, 3)
    waiting = make.order(db, ring, slots, form={"phone": "13800138000"})
    sales.settle(db, [make.notice(waiting)], clock.now())
    down(db, sku)
    down(db, slots)

    assert sales.settle(db, [make.notice(late)], clock.now()) == [Verdict.LATE]
    assert sales.cancel_stopped(db, clock.now()) == 1
    assert sales.refund_stopped(db, clock.now()) == 1
    found = {one.id: one.state for one in sales.orders(db, [(o.pool_id, o.id) for o in (unpaid, late, bought, waiting)]).values()}  # fmt: skip
    assert found == {unpaid.id: "cancelled", late.id: "refunding", bought.id: "delivered", waiting.id: "refunding"}
    [card] = sales.reveal(db, ring, bought.token, who, clock.now())
    assert card.secret
    assert ledger.check(db) == []


def test_what_was_shown_is_kept_by_its_hash(db, ring, sku):
    """Page, prices, seller and where the cards come from; the page itself is kept like that of a buyer."""
    offer = catalog.offers(db, [sku.code], clock.now())[sku.code]
    page = catalog.page_hash(catalog.page_body(offer, None))
    made = down(db, sku)
    kept = compliance.snapshot(db, made.snapshot)
    assert compliance.takedowns.snapshot_hash(kept) == made.snapshot
    assert kept["skus"][0]["page"] == page.hex()
    assert kept["skus"][0]["price_fen"] == 3_990
    assert catalog.page(db, page) == kept["skus"][0]["body"]
    assert kept["seller"]["name"] == offer.seller
    assert [one["pool_id"] for one in kept["batches"]] == cards.pools_of(db, [sku.id])
    assert kept["batches"][0]["head"]


def test_the_draft_tells_who_what_when_on_what_ground_and_how_much(db, ring, sku):
    placed = make.order(db, ring, sku, 2)
    sales.settle(db, [make.notice(placed)], clock.now())
    make.order(db, ring, sku)
    made = down(db, sku)
    for words in (
        "卡枢", "知微课堂年度会员兑换码", sku.code, WHY.reference, WHY.ground, WHY.reason, "已付款订单 1 笔，合计 79.80 元；未付款订单 1 笔",
        "已交付 1 笔", made.snapshot.hex(), "第二十九条", "第四十四条",
    ):  # fmt: skip
        assert words in made.draft
    assert made.due_at == made.made_at + timedelta(hours=24)


def test_affected_orders_are_counted_and_paged(db, ring, sku):
    orders = [make.order(db, ring, sku) for _ in range(3)]
    sales.settle(db, [make.notice(one) for one in orders[:2]], clock.now())
    account = make.account(db)
    sales.sell(db, ring, [make.purchase(sku, account)], clock.now())
    other = make.stocked(db, ring, 1)
    make.order(db, ring, other)
    made = down(db, sku)
    told = sales.affected(db, made)
    assert (told.orders, told.delivered, told.unpaid, told.total_fen) == (3, 3, 1, 3 * 3_990)
    far = (clock.now() + timedelta(days=1), orders[0].id)
    found = sales.affected_orders(db, made, far, 3)
    last = (found[-1].placed_at, found[-1].id)
    rest = sales.affected_orders(db, made, last, 3)
    assert len(found) == 3
    assert len({one.id for one in found + rest}) == 4
    assert {one.id for one in orders} <= {one.id for one in found + rest}
    assert [one.account_id for one in found + rest].count(account.id) == 1


def test_nothing_of_a_frozen_listing_is_changed(db, sku):
    down(db, sku)
    at, product = clock.now(), catalog.product(db, product_id=sku.product_id)
    no = catalog.Refusal.TAKEN_DOWN
    assert catalog.edit_product(db, make.STAFF, replace(product, title="别的"), "", at) is no
    assert catalog.move_product(db, make.STAFF, product.id, "on_sale", "", at) is no
    assert catalog.add_sku(db, make.STAFF, replace(sku, code=make.name("S").upper()), at) is no
    assert catalog.edit_sku(db, make.STAFF, replace(sku, name="季卡"), at) is no
    assert catalog.set_price(db, make.STAFF, sku.code, PriceChange(1, None, [], at, "x", "")) is no
    assert down(db, sku) is TakedownRefusal.ALREADY_DOWN


@pytest.mark.parametrize("change", [{"ground": " "}, {"reason": ""}, {"origin": "mood"}])
def test_no_takedown_without_ground_and_reason(db, sku, change):
    assert down(db, sku, **change) is TakedownRefusal.NO_REASON
    assert state(db, sku) == "on_sale"
    assert sales.take_down(db, make.STAFF, 2**40, WHY, clock.now()) is TakedownRefusal.NO_SUCH_PRODUCT


def test_it_is_reported_before_it_is_decided_and_lifted_by_another_person(db, ring, sku):
    """C-14: frozen → reported → lifted by a second person with a reason → a draft again, to be listed anew."""
    made = down(db, sku)

    def lift(by, why="经核实已取得许可"):
        return sales.decide_takedown(db, by, made.id, "lifted", why, clock.now(), is_alone=False)

    assert lift(make.SECOND) is TakedownRefusal.WRONG_STATE
    blank = compliance.takedowns.report(db, make.STAFF, made.id, " ", ("局", ""), clock.now())
    assert blank is TakedownRefusal.NO_REASON
    assert reported(db, made).state == "reported"
    assert reported(db, made) is TakedownRefusal.WRONG_STATE
    assert lift(make.STAFF) is TakedownRefusal.SAME_PERSON
    assert lift(make.SECOND, " ") is TakedownRefusal.NO_REASON
    assert state(db, sku) == "frozen"
    assert lift(make.SECOND).state == "lifted"
    assert state(db, sku) == "draft"
    assert catalog.move_product(db, make.STAFF, sku.product_id, "on_sale", "", clock.now()) is None
    assert isinstance(sales.place(db, ring, [make.checkout(db, sku)], clock.now())[0], Placed)
    verbs = [one.verb for one in audit.entries_of(db, 0, "product", str(sku.product_id))]
    assert verbs[-6:] == ["product.frozen", "takedown.begin", "takedown.report", "takedown.lifted", "product.draft", "product.on_sale"]  # fmt: skip


def test_what_is_upheld_is_closed_for_good(db, sku):
    made = down(db, sku)
    reported(db, made)
    done = sales.decide_takedown(db, make.STAFF, made.id, "upheld", "主管部门认定违法", clock.now(), is_alone=False)
    assert done.state == "upheld"
    assert state(db, sku) == "closed"
    assert (
        catalog.move_product(db, make.STAFF, sku.product_id, "on_sale", "", clock.now()) is catalog.Refusal.TAKEN_DOWN
    )
    assert down(db, sku) is TakedownRefusal.ALREADY_DOWN
    assert cards.on_shelf(db, [sku.id], clock.now().date(), 10) == {sku.id: 0}


def test_who_is_really_alone_may_lift_after_the_wait(db, sku):
    db.execute("UPDATE party_platform SET is_solo = true, solo_wait_seconds = 600")
    made = down(db, sku)
    reported(db, made)

    def lift(after, *, alone):
        at = made.made_at + timedelta(seconds=after)
        return sales.decide_takedown(db, make.STAFF, made.id, "lifted", "误判", at, is_alone=alone)

    assert lift(599, alone=True) is TakedownRefusal.SAME_PERSON
    assert lift(600, alone=False) is TakedownRefusal.SAME_PERSON
    assert lift(600, alone=True).state == "lifted"


def test_what_is_not_reported_in_time_is_told_once_and_stays_on_the_board(db, sku):
    """C-14: un-reported after so many hours alarms."""
    db.execute("UPDATE compliance_takedown SET warned_at = due_at WHERE state = 'frozen'")
    at = clock.now()
    made = sales.take_down(db, make.STAFF, sku.product_id, WHY, at, 2)
    due, before = made.due_at, compliance.overdue_takedowns(db, at + timedelta(hours=2) - timedelta(seconds=1))
    assert compliance.takedowns.watch(db, due - timedelta(seconds=1)) == []
    assert [one.id for one in compliance.takedowns.watch(db, due)] == [made.id]
    assert compliance.takedowns.watch(db, due + timedelta(hours=1)) == []
    assert compliance.overdue_takedowns(db, due) >= before + 1
    assert made.id in [one.id for one in compliance.unreported(db, 200)]
    late = compliance.takedowns.report(db, make.STAFF, made.id, made.draft, ("局", ""), due + timedelta(hours=2))
    assert late.state == "reported"
    [told] = values(db, "SELECT after FROM audit_entry WHERE verb = 'takedown.report' AND object_id = %s", [str(sku.product_id)])  # fmt: skip
    assert told["late"] is True


@given(st.lists(st.sampled_from(["reported", "upheld", "lifted", "frozen"]), max_size=6))
def test_no_way_leads_to_a_decision_but_through_the_report(steps):
    now, way = "frozen", ["frozen"]
    for step in steps:
        if TAKEDOWN.allows(now, step):
            now = step
            way.append(now)
    assert way == ["frozen", "reported", now][: len(way)]
    assert not [step for step in ("upheld", "lifted") if TAKEDOWN.allows("frozen", step)]
