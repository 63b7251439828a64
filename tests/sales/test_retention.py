"""Kept for its time and no longer (C-20, C-52, C-54, S-08), by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import audit, cards, messages, sales
from kashu.cards import CardRecord
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import value, values
from kashu.kernel.ids import new_id
from kashu.sales import PurgeRefusal, RefundRefusal, RevealRefusal, queries
from kashu.sales.rules import erase_on, kept_until, over_before, served_on
from kashu.server import invariants
from tests import make
from tests.party import world

DAYS = 180
PHONE = "13900139321"
OVER, WARRANTY = date(2026, 5, 1), date(2026, 5, 31)


def card(**told):
    at = datetime(2026, 5, 1, tzinfo=UTC)
    base = CardRecord(1, 1, new_id(), "B", 1, "••••", None, date(9999, 12, 31), "sold", at, at, None, None, None)
    return replace(base, **told)


# ---- the rules


@pytest.mark.parametrize(
    ("told", "redeemed_on", "served"),
    [
        ({}, None, WARRANTY),
        ({}, date(2026, 7, 1), date(2026, 7, 1)),
        ({}, date(2026, 5, 2), WARRANTY),
        ({"expires_on": date(2027, 1, 1)}, None, date(2027, 1, 1)),
        ({"expires_on": date(2026, 5, 2)}, None, WARRANTY),
        ({"expires_on": date(2027, 1, 1)}, date(2026, 6, 2), date(2026, 6, 2)),
        ({"revealed_at": None}, None, None),
        ({"revealed_at": None, "expires_on": date(2027, 1, 1)}, None, date(2027, 1, 1)),
        ({"state": "void"}, None, OVER),
    ],
)
def test_a_card_has_served_when_it_is_used_up_and_its_warranty_over(told, redeemed_on, served):
    assert served_on(card(**told), WARRANTY, redeemed_on, OVER) == served


def test_an_orders_secrets_go_together_and_none_goes_while_one_may_be_wanted():
    assert erase_on([date(2026, 5, 1), date(2026, 6, 1)], DAYS) == date(2026, 6, 1) + timedelta(days=DAYS)
    assert erase_on([date(2026, 5, 1), None], DAYS) is None
    assert erase_on([], DAYS) is None


@given(
    over_at=st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
    days=st.integers(1_000, 1_200),
)
def test_three_years_are_three_years_whatever_the_day(over_at, days):
    at = over_at + timedelta(days=days)
    assert kept_until(over_at) >= over_at + timedelta(days=1_095)
    assert kept_until(over_at) <= over_at + timedelta(days=1_097)
    if at >= kept_until(over_at):
        assert over_at <= over_before(at), "the list of what is due leaves nothing out"


def test_the_leap_day_is_kept_a_day_longer():
    assert kept_until(datetime(2028, 2, 29, 12, tzinfo=UTC)) == datetime(2031, 3, 1, 12, tzinfo=UTC)


# ---- secrets (S-08)


@pytest.fixture
def shop(db, ring):
    """`shop(...)`: an order of this many cards, delivered, seen, and completed when its warranty was over."""

    def complete(quantity=2, seen=True, **told):
        who = make.buyer(PHONE, ring=ring)
        sku = make.sku(db)
        make.batch(db, ring, sku, quantity, **told)
        order = make.order(db, ring, sku, quantity, who)
        sales.settle(db, [make.notice(order)], clock.now())
        if seen:
            assert len(sales.reveal(db, ring, order.token, who, clock.now())) == quantity
        sales.keep_buyer_orders(db, list(sales.orders(db, [(order.pool_id, order.id)]).values()))
        at = clock.now() + timedelta(days=31)
        while sales.complete(db, at):
            pass
        return order, who, at

    return complete


def stored(db, order):
    return sales.orders(db, [(order.pool_id, order.id)])[order.id]


def erase(db, ring, order, at, days=DAYS):
    return sales.erase_secrets(db, ring, [(order.pool_id, order.id)], days, at)


def secrets_left(db, order):
    return value(db, "SELECT count(*) FROM cards_card WHERE order_id = %s AND sealed IS NOT NULL", [order.id])


def due(db, order, at):
    found, after = [], None
    while step := sales.to_erase(db, after, at):
        after = step[-1]
        found += [key for _due, key in step]
    return (order.pool_id, order.id) in found


def test_a_secret_is_erased_its_days_after_the_warranty_and_its_fingerprint_stays(db, ring, shop):
    order, who, over_at = shop()
    prints = cards.fingerprints(db, ring, [(line.pool_id, line.id) for line in order.lines])
    assert stored(db, order).completed_at == over_at
    assert due(db, order, over_at)

    early = over_at + timedelta(days=DAYS - 1)
    assert erase(db, ring, order, early) == 0
    assert secrets_left(db, order) == 2
    assert not due(db, order, early)  # it waits for its day
    late = over_at + timedelta(days=DAYS)
    assert due(db, order, late)
    assert erase(db, ring, order, late) == 1

    assert secrets_left(db, order) == 0
    assert cards.fingerprints(db, ring, [(line.pool_id, line.id) for line in order.lines]) == prints
    assert [cards.of_fingerprint(db, one)[0][1] for one in prints.values()] == [key[1] for key in prints]
    entry = audit.entries_of(db, order.pool_id, "order", str(order.id))[-1]
    assert (entry.verb, entry.after, entry.actor_kind) == ("order.erased", {"cards": 2}, "system")
    assert not due(db, order, late + timedelta(days=999))
    assert erase(db, ring, order, late) == 0
    for browser in (who, make.buyer()):
        assert sales.reveal(db, ring, order.token, browser, late) is RevealRefusal.ERASED
    assert invariants.check(db) == []


def test_a_card_that_is_good_for_longer_is_kept_for_longer(db, ring, shop):
    until = biz_date(clock.now()) + timedelta(days=400)
    order, _who, over_at = shop(expires_on=until)
    assert erase(db, ring, order, over_at + timedelta(days=DAYS)) == 0
    assert erase(db, ring, order, clock.now() + timedelta(days=400 + DAYS - 1)) == 0
    assert erase(db, ring, order, clock.now() + timedelta(days=400 + DAYS + 1)) == 1


def test_a_card_that_nobody_has_seen_waits_for_its_buyer(db, ring, shop):
    order, who, over_at = shop(seen=False)
    late = over_at + timedelta(days=700)
    assert erase(db, ring, order, late) == 0
    assert not due(db, order, late)
    assert due(db, order, late + timedelta(days=30))
    assert len(sales.reveal(db, ring, order.token, who, late)) == 2
    assert erase(db, ring, order, late + timedelta(days=30)) == 1


def test_a_longer_setting_holds_for_what_waits_already(db, ring, shop):
    order, _who, over_at = shop()
    assert erase(db, ring, order, over_at) == 0
    late = over_at + timedelta(days=DAYS)
    assert erase(db, ring, order, late, days=365) == 0
    assert erase(db, ring, order, over_at + timedelta(days=365), days=365) == 1


@pytest.mark.parametrize("trouble", ["disputed", "claim", "refund"])
def test_nothing_is_erased_while_anything_is_in_dispute(db, ring, shop, trouble):
    order, _who, over_at = shop()
    contest(db, order, trouble, over_at)
    late = over_at + timedelta(days=DAYS)
    assert erase(db, ring, order, late) == 0
    assert secrets_left(db, order) == 2
    assert not due(db, order, late)
    assert due(db, order, late + timedelta(days=30))  # it is not forgotten


def contest(db, order, trouble, at):
    key = (order.pool_id, order.id)
    if trouble == "disputed":
        db.execute("UPDATE sales_order SET state = 'disputed' WHERE id = %s", [order.id])
    else:
        told = (100, [])
        asked = sales.ask_claim_refund(db, make.STAFF, key, told, "坏了", solo_wait_seconds=None, at=at)
        assert isinstance(asked, audit.Approval)
        if trouble == "refund":
            sales.grant_claim_refund(db, make.SECOND, key, asked.id, at, is_alone=False)


def test_a_purchase_tells_its_machine_that_its_cards_are_gone(db, ring):
    sku, account = make.stocked(db, ring, 3), make.account(db)
    asked = make.purchase(sku, account, 3, reference="PO")
    sales.sell(db, ring, [asked], clock.now())
    pool_id, order_id = sales.order_of_reference(db, account.id, "PO")
    over_at = clock.now() + timedelta(days=31)
    while sales.complete(db, over_at):
        pass
    assert sales.erase_secrets(db, ring, [(pool_id, order_id)], DAYS, over_at + timedelta(days=DAYS)) == 1
    [again] = sales.sell(db, ring, [asked], clock.now())
    assert (again.state, again.cards) == ("erased", ())
    assert invariants.check(db) == []


def test_a_shared_secret_is_shown_no_more_to_whom_it_has_served(db, ring):
    sku = make.sku(db, kind="shared_secret")
    form = cards.Format("utf-8", "", ("secret",), has_header=False)
    new = cards.NewBatch(sku.id, make.supplier(db), "shared_secret", "", 0, "", "", form, 900, "")
    batch = cards.open_shared(db, ring, make.STAFF, new, ("", "SHARED-SECRET-0001"), 5, clock.now())
    make.put_on_sale(db, ring, batch.pool_id)
    who, other = make.buyer(), make.buyer()
    orders = [make.order(db, ring, sku, 1, buyer) for buyer in (who, other)]
    for order, buyer in zip(orders, (who, other), strict=True):
        sales.settle(db, [make.notice(order)], clock.now())
        sales.reveal(db, ring, order.token, buyer, clock.now())
    over_at = clock.now() + timedelta(days=31)
    while sales.complete(db, over_at):
        pass
    assert erase(db, ring, orders[0], over_at + timedelta(days=DAYS)) == 1
    assert sales.reveal(db, ring, orders[0].token, who, clock.now()) is RevealRefusal.ERASED
    [opened] = sales.reveal(db, ring, orders[1].token, other, over_at + timedelta(days=DAYS))
    assert opened.secret == "SHARED-SECRET-0001"


def test_for_whom_it_was_issued_goes_with_what_was_issued(db, ring):
    sku = make.sku(db, kind="manual")
    make.slots(db, ring, sku, 1)
    order = make.order(db, ring, sku, form={"phone": PHONE}, form_mark="x")
    sales.settle(db, [make.notice(order)], clock.now())
    key = (order.pool_id, order.id)
    assert sales.look(db, ring, make.STAFF, key, clock.now()) == {"phone": PHONE}
    assert sales.fulfilled(db, ring, make.STAFF, key, ("", "流水 1"), clock.now()) is None
    over_at = clock.now() + timedelta(days=31)
    while sales.complete(db, over_at):
        pass
    db.execute("UPDATE cards_card SET revealed_at = sold_at WHERE order_id = %s", [order.id])
    assert erase(db, ring, order, over_at + timedelta(days=DAYS)) == 1
    found = sales.fulfilments(db, [key])[order.id]
    assert (found.form_sealed, found.shown) == (b"", "充值手机号 139••••9321")
    assert invariants.check(db) == []


def test_the_key_of_a_batch_that_is_over_is_destroyed(db, ring, shop):
    """S-06: what is void, exported or shared lies under it still, and can be read no more."""
    order, _who, over_at = shop(2)
    pool_id = order.pool_id
    make.batch(db, ring, make.sku(db), 1)  # another, on sale
    erased_at = over_at + timedelta(days=DAYS)

    def shredded(at):
        return pool_id in cards.shred(db, pool_id - 1, DAYS, at)

    assert not shredded(erased_at)  # on sale
    cards.withdraw(db, make.STAFF, pool_id, "x", clock.now())
    assert not shredded(erased_at)  # a buyer may still look
    erase(db, ring, order, erased_at)
    assert not shredded(clock.now())  # not for days enough
    assert shredded(erased_at)
    batch = cards.batch(db, pool_id)
    assert batch.data_key == b""
    assert cards.put_on_sale(db, make.STAFF, pool_id, clock.now()) is cards.Refusal.WRONG_STATE
    assert audit.entries_of(db, pool_id, "batch", batch.code)[-1].verb == "batch.shredded"
    assert not shredded(erased_at)
    assert invariants.check(db) == []


def test_what_is_erased_goes_back_on_no_shelf(db, ring, shop):
    order, _who, over_at = shop(seen=False, expires_on=biz_date(clock.now()) + timedelta(days=2))
    assert erase(db, ring, order, over_at + timedelta(days=DAYS)) == 1
    assert sales.refund(db, make.STAFF, order.token, None, "x", clock.now()) is RefundRefusal.UNDER_WAY
    assert values(db, "SELECT DISTINCT state FROM cards_card WHERE order_id = %s", [order.id]) == ["sold"]


# ---- buyers: C-20 and C-54


def purge(db, ring, order, at):
    return sales.purge(db, ring, [(order.pool_id, order.id)], at)[order.id]


def test_no_order_is_purged_before_three_years_are_over(db, ring, shop):
    """C-20: three years from completion, to the second."""
    order, _who, over_at = shop()
    until = kept_until(over_at)
    for at in (over_at, over_at + timedelta(days=1_000), until - timedelta(seconds=1)):
        assert purge(db, ring, order, at) is PurgeRefusal.TOO_YOUNG
    found = stored(db, order)
    assert (found.purged_at, found.phone_tail, secrets_left(db, order)) == (None, "9321", 2)
    assert purge(db, ring, order, until) is None


@pytest.mark.parametrize("trouble", ["disputed", "claim", "refund"])
def test_no_order_is_purged_in_dispute(db, ring, shop, trouble):
    order, _who, over_at = shop()
    contest(db, order, trouble, over_at)
    assert purge(db, ring, order, kept_until(over_at) + timedelta(days=999)) is PurgeRefusal.IN_DISPUTE
    assert stored(db, order).phone_tail == "9321"


def test_an_order_that_is_not_over_is_not_purged(db, ring):
    order = make.order(db, ring, make.stocked(db, ring, 1))
    assert purge(db, ring, order, clock.now() + timedelta(days=9_999)) is PurgeRefusal.NOT_OVER
    sales.settle(db, [make.notice(order)], clock.now())
    assert purge(db, ring, order, clock.now() + timedelta(days=9_999)) is PurgeRefusal.NOT_OVER
    assert sales.purge(db, ring, [(1, order.id)], clock.now())[order.id] is PurgeRefusal.GONE


def test_a_purged_order_names_nobody_and_still_says_what_was_sold(db, ring, shop):
    order, who, over_at = shop(seen=False)
    draft = messages.Draft("delivered", str(order.id), PHONE, {"tail": "1234", "link": "x" * 22})
    make.box(db, ring)
    messages.write(db, ring, [draft], clock.now())
    at = kept_until(over_at)
    before = stored(db, order)
    books = value(db, "SELECT count(*) FROM ledger_sale_entry WHERE reason_id = %s", [order.id])
    assert purge(db, ring, order, at) is None

    found = stored(db, order)
    assert (found.purged_at, found.phone_sealed, found.phone_identity, found.phone_tail, found.open_id) == (
        at,
        None,
        None,
        "",
        "",
    )
    assert found.device not in (who.device, b"")
    assert found.address == b""
    kept = (
        "number",
        "token",
        "total_fen",
        "placed_at",
        "paid_at",
        "delivered_at",
        "completed_at",
        "consent_hash",
        "state",
    )
    assert [getattr(found, name) for name in kept] == [getattr(before, name) for name in kept]
    assert sales.possesses(db, order.pool_id, order.id, who.device) is False
    for name in (b"device:" + who.device, b"phone:" + who.phone_identity):
        assert sales.orders_of_buyer(db, name, 9) == []
    assert values(db, "SELECT to_mask FROM messages_message WHERE about = %s", [str(order.id)]) == [""]
    assert secrets_left(db, order) == 0  # never seen, kept as long as its order
    assert value(db, "SELECT count(*) FROM ledger_sale_entry WHERE reason_id = %s", [order.id]) == books
    verbs = [one.verb for one in audit.entries_of(db, order.pool_id, "order", str(order.id))]
    assert {"order.erased", "order.purged"} <= set(verbs)
    assert purge(db, ring, order, at) is PurgeRefusal.GONE
    assert invariants.check(db) == []


def test_a_purge_answers_each_of_many(db, ring, shop):
    (old, _, over_at), (young, _, _) = shop(), shop()
    db.execute("UPDATE sales_order SET completed_at = completed_at + interval '1 day' WHERE id = %s", [young.id])
    told = sales.purge(db, ring, [(one.pool_id, one.id) for one in (old, young)], kept_until(over_at))
    assert told == {old.id: None, young.id: PurgeRefusal.TOO_YOUNG}


def test_an_order_that_was_never_paid_is_purged_in_the_end(db, ring):
    order = make.order(db, ring, make.stocked(db, ring, 1), who=make.buyer(PHONE, ring=ring))
    at = clock.now() + timedelta(hours=1)
    while sales.expire(db, at):
        pass
    assert purge(db, ring, order, kept_until(at)) is None
    found = stored(db, order)
    assert (found.state, found.erased_at, found.phone_tail) == ("expired", None, "")


def test_orders_that_were_over_before_learn_when(db, shop):
    """The migration reads it from the trail, and may be done again."""
    order, _who, over_at = shop()
    db.execute("UPDATE sales_order SET completed_at = NULL, erase_on = NULL WHERE id = %s", [order.id])
    for _ in range(2):
        for sql in import_module("kashu.sales.migrations.0009_retention_found").FILL:
            db.execute(sql)
    assert stored(db, order).completed_at == over_at
    assert due(db, order, over_at)


def test_the_last_trade_is_of_either_side(db, ring):
    """C-20, C-54: what was sold, what was bought, and what moved on the account."""
    nobody, account, sku = make.supplier(db), make.account(db, 0), make.stocked(db, ring, 2)
    assert queries.last_trade_at(db, [nobody, account.party_id]) is None
    assert queries.last_trade_at(db, []) is None
    make.topup(db, account.id, 100_000)
    paid_in = queries.last_trade_at(db, [account.party_id])
    assert paid_in is not None
    [bought] = sales.sell(db, ring, [make.purchase(sku, account)], paid_in + timedelta(days=3))
    assert isinstance(bought, sales.Receipt)
    last = queries.last_trade_at(db, [nobody, account.party_id])
    assert last == paid_in + timedelta(days=3)
    seller = value(db, "SELECT seller_id FROM catalog_product WHERE id = %s", [sku.product_id])
    assert queries.last_trade_at(db, [seller]) >= last


def test_the_last_of_a_supplier_is_its_last_sale_and_its_longest_warranty(db, ring):
    """C-34, §5.3: how long its deposit is bound."""
    seller, at = make.supplier(db), clock.now()
    assert queries.last_of_supplier(db, seller) == (None, None)
    for days, when in ((365, at), (30, at + timedelta(days=5))):
        sku = make.sku(db, seller=seller, warranty_days=days)
        make.batch(db, ring, sku, 1, by=seller)
        sales.settle(db, [make.notice(make.order(db, ring, sku))], when)
    last, warranted = queries.last_of_supplier(db, seller)
    assert last == at + timedelta(days=5)
    assert warranted >= biz_date(at) + timedelta(days=365)


def test_a_deposit_and_an_order_of_a_suppliers_goods_are_trade_and_an_unpaid_one_is_not(db, ring):
    at, seller = clock.now(), make.supplier(db)
    sku = make.sku(db, seller=seller)
    make.batch(db, ring, sku, 2, by=seller)
    placed = make.order(db, ring, sku)
    assert queries.last_trade_at(db, [seller]) is None
    sales.settle(db, [make.notice(placed)], clock.now())
    assert queries.last_trade_at(db, [seller]) >= at
    other = world.active(db, ring, at - timedelta(days=5))
    assert queries.last_trade_at(db, [other]) == at - timedelta(days=5)
