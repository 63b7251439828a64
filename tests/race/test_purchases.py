"""Purchases at the same moment: one key, one balance, one shelf. Each race has a control that shows it is one."""

from __future__ import annotations

import threading

import psycopg
import pytest

from kashu import ledger, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.sales import Receipt, SellRefusal
from kashu.server import invariants
from tests import make
from tests.race.at_once import at_once


@pytest.fixture
def world(dsn, ring):
    """A committed SKU and account."""

    def open_world(stock, balance_fen=10**9, **told):
        with connect(dsn) as db, db.transaction():
            sku = make.stocked(db, ring, stock, kind=told.pop("kind", "single_use"))
            return sku, make.account(db, balance_fen, **told)

    return open_world


def test_control_without_a_lock_two_purchases_see_the_same_balance(dsn, world):
    _, account = world(1, 100)
    barrier = threading.Barrier(2)

    def look(db, _n):
        found = sales.accounts(db, [account.id])[account.id].balance_fen
        barrier.wait()
        return found

    assert at_once(dsn, 2, look) == [100, 100]


def test_a_balance_is_spent_once(dsn, ring, world):
    sku, account = world(20, 3_990 * 3)

    told = at_once(dsn, 10, lambda db, _: sales.sell(db, ring, [make.purchase(sku, account)], clock.now())[0])

    assert sorted(type(one).__name__ for one in told) == ["Receipt"] * 3 + ["SellRefusal"] * 7
    assert {one for one in told if isinstance(one, SellRefusal)} == {SellRefusal.SHORT_OF_FUNDS}
    with connect(dsn) as db:
        assert sales.accounts(db, [account.id])[account.id].balance_fen == 0


def test_twins_under_one_key_are_one_purchase(dsn, ring, world):
    sku, account = world(20)
    purchase = make.purchase(sku, account, reference="PO-1")

    told = at_once(dsn, 8, lambda db, _: sales.sell(db, ring, [purchase], clock.now())[0])

    assert all(one == told[0] for one in told)
    assert isinstance(told[0], Receipt)
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM sales_order WHERE account_id = %s", [account.id]) == 1


def test_a_twin_that_waits_too_long_is_told_and_can_come_again(dsn, ring, world):
    sku, account = world(5)
    purchase = make.purchase(sku, account)
    with connect(dsn) as first, first.transaction():
        [done] = sales.sell(first, ring, [purchase], clock.now())
        with connect(dsn) as second:
            second.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
                sales.sell(second, ring, [purchase], clock.now())
    with connect(dsn) as second, second.transaction():
        assert sales.sell(second, ring, [purchase], clock.now()) == [done]


def test_one_reference_at_once_under_many_keys_is_one_purchase(dsn, ring, world):
    sku, account = world(20)
    told = at_once(
        dsn, 6, lambda db, _: sales.sell(db, ring, [make.purchase(sku, account, reference="PO")], clock.now())[0]
    )
    assert sum(isinstance(one, Receipt) for one in told) == 1
    assert {one for one in told if not isinstance(one, Receipt)} == {SellRefusal.REFERENCE_TAKEN}


def test_five_thousand_buyers_for_four_thousand_cards(dsn, ring, world):
    """Batches on eight connections, as eight tills would send them: every card is sold once, and no more."""
    sku, _ = world(4_000)
    tills, each, batch = 8, 625, 25
    with connect(dsn) as db, db.transaction():
        accounts = [make.account(db, 10**9) for _ in range(tills)]

    def till(_db, n):
        told = []
        with connect(dsn) as db:
            for _ in range(each // batch):
                with db.transaction():
                    told += sales.sell(db, ring, [make.purchase(sku, accounts[n]) for _ in range(batch)], clock.now())
        return told

    answers = [one for told in at_once(dsn, tills, till, transaction=False) for one in told]

    sold = [one for one in answers if isinstance(one, Receipt)]
    assert len(answers) == 5_000
    assert len(sold) == 4_000
    assert len({card.secret for one in sold for card in one.cards}) == 4_000
    assert {one for one in answers if not isinstance(one, Receipt)} == {SellRefusal.OUT_OF_STOCK}
    with connect(dsn) as db:
        assert ledger.check(db) == []
        assert [one for one in invariants.check(db) if "purchase" in one.invariant or "sold" in one.invariant] == []


def test_one_picked_card_goes_to_one_of_many(dsn, ring, world):
    """The same label at once, through both ways of selling: one gets it, the others are told that it is taken."""
    sku, account = world(3, kind="pick")
    with connect(dsn) as db, db.transaction():
        asked = [make.checkout(db, sku, pick="N2", surcharge_fen=100) for _ in range(8)]

    def work(db, n):
        if n % 2:
            return sales.place(db, ring, [asked[n]], clock.now())[0]
        return sales.sell(db, ring, [make.purchase(sku, account, pick="N2")], clock.now())[0]

    told = at_once(dsn, 8, work)

    assert sorted(str(getattr(one, "value", type(one).__name__)) for one in told)[1:] == ["pick_taken"] * 7
    with connect(dsn) as db, db.transaction():
        assert invariants.check(db) == []
        taken = "SELECT count(*) FROM cards_card WHERE label = 'N2' AND state <> 'on_shelf' AND pool_id IN (SELECT id FROM cards_pool WHERE sku_id = %s)"
        assert value(db, taken, [sku.id]) == 1


def test_control_without_its_lock_two_would_send_one_order(dsn, ring):
    """Two workers that only looked would both find the order waiting."""
    key = waiting_order(dsn, ring)
    barrier = threading.Barrier(2)

    def look(db, _n):
        found = sales.fulfilments(db, [key])[key[1]].state
        barrier.wait()
        return found

    assert at_once(dsn, 2, look) == ["waiting", "waiting"]


def test_an_order_is_sent_to_its_supplier_once(dsn, ring):
    key = waiting_order(dsn, ring)
    told = at_once(dsn, 6, lambda db, _: sales.send(db, ring, key, clock.now()))
    assert sorted(type(one).__name__ for one in told) == ["FulfilRefusal"] * 5 + ["Sending"]


@pytest.mark.parametrize("turn", range(4))
def test_done_and_not_done_at_once_is_one_of_them(dsn, ring, turn):
    key = waiting_order(dsn, ring)

    def work(db, n):
        if (n + turn) % 2:
            return sales.fulfilled(db, ring, make.STAFF, key, ("SN", "ok"), clock.now())
        return sales.unfulfilled(db, make.STAFF, key, "no", clock.now())

    told = at_once(dsn, 6, work)

    assert sorted(str(one) for one in told) == ["None", *["ended"] * 5]
    with connect(dsn) as db, db.transaction():
        assert invariants.check(db) == []
        assert ledger.check(db) == []


def waiting_order(dsn, ring):
    """A purchase that is to be issued by a supplier, committed."""
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db, kind="on_demand")
        make.slots(db, ring, sku, 1)
        wanted = make.purchase(sku, make.account(db), form={"phone": "13800138000"})
        [told] = sales.sell(db, ring, [wanted], clock.now())
        return db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [told.number]).fetchone()


def test_checkouts_and_purchases_share_one_shelf(dsn, ring, world):
    sku, account = world(10)
    with connect(dsn) as db, db.transaction():
        checkouts = [make.checkout(db, sku) for _ in range(10)]

    def ask(db, n):
        if n % 2:
            return sales.sell(db, ring, [make.purchase(sku, account)], clock.now())[0]
        return sales.place(db, ring, [checkouts[n // 2]], clock.now())[0]

    told = at_once(dsn, 20, ask)
    assert sum(isinstance(one, Receipt | sales.Placed) for one in told) == 10


def test_a_nonce_is_used_once_in_all_tills(dsn, ring, world):
    from kashu import party

    _, account = world(1)
    with connect(dsn) as db, db.transaction():
        key, _ = party.make_key(db, ring, make.STAFF, account.party_id, "k", ("account.read",), clock.now())
    told = at_once(dsn, 8, lambda db, _: party.admit(db, [(key.id, "n" * 16)], clock.now())[0])
    assert sorted(str(one) for one in told) == ["None"] + ["nonce_replayed"] * 7
