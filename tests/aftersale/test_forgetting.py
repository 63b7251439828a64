"""A guest asks to be forgotten (C-53, C-54): on day one, when the warranty is over, after three years; and what stands in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import aftersale, audit, messages, sales
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import rows, value
from kashu.kernel.text import canonical_json
from kashu.sales import ForgetRefusal
from kashu.server import invariants
from tests import make
from tests.aftersale import world
from tests.aftersale.world import BUYER

PHONE = "13900139654"
TEXTS = """
SELECT table_name AS name, column_name AS col, data_type AS kind FROM information_schema.columns
WHERE table_schema = 'public' AND data_type IN ('text', 'bytea', 'jsonb', 'character varying')
  AND table_name NOT IN ('audit_entry', 'sales_bucket', 'limit_hit')
"""


class Column:
    def __init__(self, name, col, kind):
        self.name, self.col, self.kind = name, col, kind


@pytest.fixture
def sold(db, ring):
    """`sold(…)`: a guest's delivered order with everything that is kept beside it, and its browser."""

    def sell(phone=PHONE, *, seen=True, **told):
        make.box(db, ring)
        who = replace(make.buyer(phone, ring=ring), open_id=make.name("douyin"))
        placed, _ = world.bought(db, ring, who=who, seen=seen, **told)
        order = stored(db, placed)
        sales.keep_buyer_orders(db, [order])
        if phone:
            sales.make_link(db, ring, order, clock.now())
            sales.send_code(db, ring, phone, who.device, who.address, clock.now())
            draft = messages.Draft("delivered", str(order.id), phone, {"tail": "1234", "token": "t" * 22})
            messages.write(db, ring, [draft], clock.now())
        return placed, who

    return sell


def stored(db, placed):
    return sales.orders(db, [(placed.pool_id, placed.id)])[placed.id]


def key(placed):
    return placed.pool_id, placed.id


def forget(db, who, *placed, at=None):
    told = aftersale.forget(db, BUYER, who.device, [key(one) for one in placed], at or clock.now())
    return [told[one.id] for one in placed]


def traces(db, *marks):
    """Where in the whole database one of these values still is. The trail, the names of locks and what was counted in the
    last hours are left out."""
    tables = {}
    for one in rows(db, Column, TEXTS):
        tables.setdefault(one.name, []).append(one)
    found = set()
    for table, cols in tables.items():
        asked = [(one, mark) for one in cols for mark in marks if isinstance(mark, bytes) or one.kind != "bytea"]
        told = [mark if one.kind == "bytea" or isinstance(mark, str) else mark.hex() for one, mark in asked]
        places = [one.col if one.kind == "bytea" else f"{one.col}::text" for one, _mark in asked]
        if asked:
            sums = ", ".join(f"bool_or(position(%s IN {place}) > 0)" for place in places)
            answer = db.execute(f"SELECT {sums} FROM {table}", told).fetchone()
            found |= {f"{table}.{one.col}" for (one, _mark), hit in zip(asked, answer, strict=True) if hit}
    return found


def complete(db, days=31):
    at = clock.now() + timedelta(days=days)
    while sales.complete(db, at):
        pass
    return at


def due(db, find, placed, at):
    found, after = [], None
    while step := find(db, after, at):
        after = step[-1]
        found += [one for _due, one in step]
    return key(placed) in found


def test_on_day_one_device_address_identity_and_links_are_gone_and_the_order_is_a_pseudonym(db, ring, sold):
    placed, who = sold()
    before = traces(db, who.device, who.address, who.phone_identity, who.open_id)
    assert {"sales_order.device", "sales_possession.device", "sales_link.phone_identity"} <= before
    assert forget(db, who, placed) == [None]

    assert traces(db, who.device, who.address, who.open_id) == set()
    assert traces(db, who.phone_identity) == {
        "sales_order.phone_identity", "sales_buyer_order.buyer", "sales_quota.bucket",
    }  # fmt: skip
    order = stored(db, placed)
    assert (order.phone_sealed, order.phone_tail, order.state) == (None, "", "delivered")
    assert (order.total_fen, order.number, order.placed_at) == (3_990, placed.number, placed.placed_at)
    [message] = messages.about(db, str(placed.id))
    assert (message.sealed, message.to_mask, message.state) == (b"", "", "refused")  # it is brought to nobody
    assert sales.held_orders(db, who.device) == []
    assert sales.reveal(db, ring, placed.token, who, clock.now()) is sales.RevealRefusal.NOT_YOURS
    assert [e.verb for e in audit.entries_of(db, *key_of(placed))][-1] == "order.forgotten"
    assert invariants.check(db) == []


def key_of(placed):
    return placed.pool_id, "order", str(placed.id)


def test_while_the_order_runs_its_phone_still_opens_it_and_afterwards_nothing_does(db, ring, sold):
    placed, who = sold()
    forget(db, who, placed)
    again = make.buyer(PHONE, ring=ring)
    sales.send_code(db, ring, PHONE, again.device, again.address, clock.now())
    db.execute("UPDATE sales_code SET code_hash = %s WHERE device = %s", [code_hash(ring, again), again.device])
    assert sales.check_code(db, ring, PHONE, "123456", again.device, clock.now()) == 1
    assert [one.id for one in sales.held_orders(db, again.device)] == [placed.id]

    early = clock.now() + timedelta(days=5)
    assert not due(db, sales.to_forget, placed, early)
    over_at = complete(db)
    assert due(db, sales.to_forget, placed, over_at)
    assert sales.forget_rest(db, [key(placed)], over_at) == 1
    assert traces(db, who.phone_identity) <= {"sales_code.phone_identity"}
    assert sales.held_orders(db, again.device) == []
    assert not due(db, sales.to_forget, placed, over_at + timedelta(days=400))
    assert invariants.check(db) == []


def code_hash(ring, who):
    return ring.identity("phone code", f"{who.phone_identity.hex()} {who.device.hex()} 123456")


def test_after_three_years_the_rest_is_erased_by_the_clock(db, ring, sold):
    """C-54: deleted on day one, kept as a pseudonym for the three years of ECOM §31, then purged."""
    placed, who = sold()
    forget(db, who, placed)
    over_at = complete(db)
    sales.forget_rest(db, [key(placed)], over_at)
    almost = over_at + timedelta(days=3 * 365 - 5)
    assert sales.purge(db, ring, [key(placed)], almost) == {placed.id: sales.PurgeRefusal.TOO_YOUNG}
    late = over_at + timedelta(days=3 * 365 + 2)
    assert due(db, sales.to_purge, placed, late)
    assert sales.purge(db, ring, [key(placed)], late) == {placed.id: None}
    assert stored(db, placed).purged_at == late
    assert invariants.check(db) == []


def test_what_is_over_is_forgotten_as_a_whole_at_once(db, ring, sold):
    placed, who = sold()
    complete(db)
    assert forget(db, who, placed) == [None]
    assert traces(db, who.phone_identity) <= {"sales_code.phone_identity"}
    assert value(db, "SELECT forget_on FROM sales_order WHERE id = %s", [placed.id]) is None


def test_codes_are_swept_with_the_links(db, ring, sold):
    _, who = sold()
    late = clock.now() + timedelta(days=40)
    while sales.forget_links(db, late):
        pass
    assert traces(db, who.device) - {"sales_order.device", "sales_possession.device", "sales_buyer_order.buyer", "sales_quota.bucket", "sales_key.scope"} == set()  # fmt: skip


def test_the_form_of_a_top_up_goes_when_the_order_is_over(db, ring):
    sku, who = make.sku(db, kind="manual"), make.buyer("13900139655", ring=ring)
    make.slots(db, ring, sku, 2)
    placed = make.order(db, ring, sku, 1, who, form={"phone": "13800138111"})
    sales.settle(db, [make.notice(placed)], clock.now())
    assert forget(db, who, placed) == [ForgetRefusal.UNDER_WAY]
    sales.look(db, ring, make.STAFF, key(placed), clock.now())
    assert sales.fulfilled(db, ring, make.STAFF, key(placed), ("NO-1", "已充"), clock.now()) is None
    assert forget(db, who, placed) == [None]
    assert sales.fulfilments(db, [key(placed)])[placed.id].form_sealed != b""  # an after-sale may still need it
    over_at = complete(db)
    sales.forget_rest(db, [key(placed)], over_at)
    told = sales.fulfilments(db, [key(placed)])[placed.id]
    assert (told.form_sealed, told.shown) == (b"", "")


# ---- what stands in the way


def test_nobody_is_forgotten_by_another_browser_or_twice(db, ring, sold):
    placed, who = sold()
    stranger = make.buyer()
    assert forget(db, stranger, placed) == [ForgetRefusal.NOT_YOURS]
    assert stored(db, placed).forgotten_at is None
    assert forget(db, who, placed) == [None]
    assert forget(db, who, placed) == [ForgetRefusal.NOT_YOURS]  # this browser holds it no more
    nobody = replace(placed, id=make.ids(1)[0])
    assert forget(db, who, nobody) == [ForgetRefusal.NO_SUCH_ORDER]


def test_an_order_under_way_keeps_its_buyer(db, ring):
    who = make.buyer(PHONE, ring=ring)
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    assert forget(db, who, placed) == [ForgetRefusal.UNDER_WAY]
    sales.cancel(db, BUYER, placed.token, who.device, clock.now())
    assert forget(db, who, placed) == [None]


def test_cards_nobody_has_seen_are_not_lost_with_a_browser(db, ring, sold):
    placed, who = sold("", seen=False)
    assert forget(db, who, placed) == [ForgetRefusal.UNSEEN]
    sales.reveal(db, ring, placed.token, who, clock.now())
    assert forget(db, who, placed) == [None]


@pytest.mark.parametrize("thing", ["complaint", "claim", "refund"])
def test_what_is_argued_about_keeps_its_buyer(db, ring, sold, thing):
    placed, who = sold()
    if thing == "complaint":
        told = world.complain(db, placed, who)
    elif thing == "claim":
        told = world.claim(db, ring, placed, who)
    else:
        told = sales.ask_claim_refund(
            db, make.STAFF, key(placed), (100, []), "坏了", solo_wait_seconds=None, at=clock.now()
        )
    assert forget(db, who, placed) == [ForgetRefusal.IN_DISPUTE]
    if thing == "complaint":
        aftersale.withdraw(db, BUYER, placed.token, who.device, told.id, clock.now())
        assert forget(db, who, placed) == [None]
        assert value(db, "SELECT buyer FROM aftersale_complaint WHERE id = %s", [told.id]) is None


def test_an_open_complaint_keeps_an_order_from_being_purged(db, ring, sold):
    """C-20: nothing in dispute is purged, however old."""
    placed, who = sold()
    over_at = complete(db)
    late = over_at + timedelta(days=3 * 365 + 2)
    world.complain(db, placed, who, late)
    held = aftersale.contested(db, [key(placed)])
    assert sales.purge(db, ring, [key(placed)], late, held) == {placed.id: sales.PurgeRefusal.IN_DISPUTE}


def test_the_rest_waits_while_something_is_argued_about(db, ring, sold):
    placed, who = sold()
    forget(db, who, placed)
    over_at = complete(db)
    assert sales.forget_rest(db, [key(placed)], over_at, {placed.id}) == 0
    assert stored(db, placed).phone_identity == who.phone_identity
    tomorrow = over_at + timedelta(days=1)
    assert value(db, "SELECT forget_on FROM sales_order WHERE id = %s", [placed.id]) == biz_date(tomorrow)


def test_money_that_comes_for_a_forgotten_order_goes_back(db, ring):
    """Nobody is left who could have the cards."""
    who = make.buyer(PHONE, ring=ring)
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    notice = make.notice(placed)
    sales.cancel(db, BUYER, placed.token, who.device, clock.now())
    assert forget(db, who, placed) == [None]
    sales.settle(db, [notice], clock.now())
    assert stored(db, placed).state == "refunding"
    assert invariants.check(db) == []


# ---- a phone put right


def test_a_phone_is_put_right_and_the_wrong_one_opens_nothing(db, ring, sold):
    placed, who = sold()
    wrong = make.buyer(PHONE, ring=ring)  # who has the number that was typed by mistake, and used it
    db.execute(
        "INSERT INTO sales_possession (pool_id, order_id, device, granted_at, how) VALUES (%s, %s, %s, now(), 'code')",
        [*key(placed), wrong.device],
    )
    new = "13900139777"
    assert sales.correct_phone(db, ring, BUYER, key(placed), new, wrong.address, clock.now()) is ForgetRefusal.NOT_YOURS
    assert sales.correct_phone(db, ring, BUYER, key(placed), new, who.device, clock.now()) is None
    order = stored(db, placed)
    assert (ring.open_personal(order.phone_sealed, f"order phone {order.id}"), order.phone_tail) == (new, "9777")
    assert not sales.possesses(db, *key(placed), wrong.device)
    assert sales.possesses(db, *key(placed), who.device)
    assert sales.orders_of_buyer(db, b"phone:" + who.phone_identity, 9) == []
    assert sales.orders_of_buyer(db, b"phone:" + ring.identity("phone", new), 9) == [key(placed)]
    entry = audit.entries_of(db, *key_of(placed))[-1]
    assert (entry.verb, entry.before, entry.after) == (
        "order.phone_corrected", {"phone": "****9654"}, {"phone": "****9777"},
    )  # fmt: skip
    assert new not in canonical_json([entry.before, entry.after])
    forget(db, who, placed)
    assert sales.correct_phone(db, ring, BUYER, key(placed), new, who.device, clock.now()) is ForgetRefusal.NOT_YOURS
