"""Orders and redemptions tied to the chain of their batch (§2.5): a day's events are one hash, and a change of one is found."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import cards, sales
from kashu.cards import Redeeming, rules
from kashu.jobs.tallies import tally as tally_all
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.server.wiring import context
from tests import make
from tests.race.at_once import at_once


def tomorrow():
    """An instant by which what happens now is a day that is over."""
    return clock.now() + timedelta(hours=26)


def leaves(many):
    return [sha256(b"%d" % n).digest() for n in range(many)]


def test_the_root_is_that_of_rfc_6962():
    """Nodes are told apart from leaves; an odd one goes up as it is."""
    one, two, three = leaves(3)
    pair = sha256(b"\1" + one + two).digest()
    assert rules.root([one]) == one
    assert rules.root([one, two]) == pair
    assert rules.root([one, two, three]) == sha256(b"\1" + pair + three).digest()
    assert rules.root([]) == sha256(b"").digest()


@given(st.integers(1, 40), st.integers(0, 39))
def test_any_other_leaf_gives_another_root(many, place):
    told = leaves(many)
    changed = [*told]
    changed[place % many] = sha256(b"changed").digest()
    assert rules.root(told) != rules.root(changed)
    assert rules.root(told) != rules.root([*told, told[-1]])


@pytest.fixture
def sold(db, ring):
    """A batch of codes of our own: one was sold, seen, redeemed and taken back, one seen, one sold and not seen."""
    who = make.organisation(db)
    sku = make.sku(db, kind="own_code")
    batch = make.batch(db, ring, sku, 5, numbered=False)
    db.execute("UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [who, batch.pool_id])
    buyers = [make.buyer() for _ in range(3)]
    placed = [make.order(db, ring, sku, 1, one) for one in buyers]
    sales.settle(db, [make.notice(one) for one in placed], clock.now())
    shown = [
        sales.reveal(db, ring, one.token, by, clock.now())[0]
        for one, by in zip(placed[:2], buyers[:2], strict=True)
    ]  # fmt: skip
    asked = Redeeming(who, shown[0].secret, make.name("k"), "till", "一号店")
    assert isinstance(sales.redeem(db, ring, asked, clock.now()), cards.Redemption)
    undone = Redeeming(who, shown[0].secret, make.name("k"), "till")
    assert isinstance(sales.undo_redemption(db, ring, undone, clock.now()), cards.Redemption)
    return batch.pool_id, shown


def test_a_day_is_a_step_of_the_chain(db, sold):
    """What was seen, redeemed and undone; a card nobody has seen may come back, and is in no tally yet."""
    pool_id, _ = sold
    told = cards.tally(db, pool_id, tomorrow())
    assert {name: told.body[name] for name in ("seen", "redeemed", "undone")} == {"seen": 2, "redeemed": 1, "undone": 1}
    assert len(told.body["root"]) == 64
    steps = cards.steps(db, pool_id)
    assert steps[-1] == told
    assert cards.broken(steps) is None
    assert cards.mistold(db, steps) is None
    assert cards.tally(db, pool_id, tomorrow()) is None, "nothing new, no step"


def test_today_is_not_tallied_yet(db, sold):
    pool_id, _ = sold
    begun = clock.day_start(clock.biz_date(clock.now()))
    assert cards.tally(db, pool_id, begun + timedelta(hours=2)) is None


CHANGES = [
    "UPDATE cards_card SET revealed_at = revealed_at + interval '1 second' WHERE pool_id = %s AND revealed_at IS NOT NULL",
    "UPDATE cards_card SET order_id = gen_random_uuid() WHERE pool_id = %s AND revealed_at IS NOT NULL",
    "UPDATE cards_card SET revealed_at = NULL WHERE pool_id = %s AND revealed_at IS NOT NULL",
    "UPDATE cards_card SET revealed_at = sold_at WHERE pool_id = %s AND state = 'sold' AND revealed_at IS NULL",
    "UPDATE cards_redemption SET redeemed_at = redeemed_at - interval '1 hour' WHERE pool_id = %s",
    "UPDATE cards_redemption SET undone_at = NULL WHERE pool_id = %s",
    "UPDATE cards_redemption SET party_id = (SELECT max(id) FROM party_party) WHERE pool_id = %s",
]


def test_whatever_is_changed_afterwards_is_found(db, sold):
    pool_id, _ = sold
    told = cards.tally(db, pool_id, tomorrow())
    for change in CHANGES:
        db.execute("SAVEPOINT sound")
        assert db.execute(change, [pool_id]).rowcount > 0, change
        assert cards.mistold(db, cards.steps(db, pool_id)) == told.seq, change
        db.execute("ROLLBACK TO sound")
    assert cards.mistold(db, cards.steps(db, pool_id)) is None


def test_a_later_day_has_a_step_of_its_own_and_leaves_the_first_as_it_is(db, ring, sold):
    pool_id, shown = sold
    first = cards.tally(db, pool_id, tomorrow())
    later = clock.now() + timedelta(days=2)
    line = shown[1].sale_line_id
    cards.void(db, [(pool_id, shown[1].id)], [line], "goodwill", later)
    second = cards.tally(db, pool_id, later + timedelta(hours=26))
    assert second.body["void"] == 1
    assert second.body["since"] == first.body["until"]
    steps = cards.steps(db, pool_id)
    assert cards.mistold(db, steps) is None
    db.execute("UPDATE cards_card SET void_cause = 'bad_card' WHERE pool_id = %s AND voided_at IS NOT NULL", [pool_id])
    assert cards.mistold(db, steps) == second.seq
    assert cards.mistold(db, [first]) is None


def test_a_card_is_traced_to_its_order_its_redemption_and_the_tally(db, ring, sold):
    pool_id, shown = sold
    secret = shown[0].secret
    before = cards.trace(db, ring, make.STAFF, "", secret, clock.now())
    assert before.tally is None
    assert [one.undone_at is None for one in before.redemptions] == [False]
    told = cards.tally(db, pool_id, tomorrow())
    found = cards.trace(db, ring, make.STAFF, "", secret, clock.now())
    assert found.tally == told
    assert cards.trace(db, ring, make.STAFF, "", shown[1].secret, clock.now()).redemptions == ()


def test_two_jobs_at_once_tell_a_day_once(dsn, ring):
    """Control: neither job sees what the other one is about to tell, unless it waits for the pool."""
    at = tomorrow()
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db)
        batch, who = make.batch(db, ring, sku, 2), make.buyer()
        placed = make.order(db, ring, sku, 1, who)
        sales.settle(db, [make.notice(placed)], clock.now())
        sales.reveal(db, ring, placed.token, who, clock.now())
    answers = at_once(dsn, 4, lambda db, _: cards.tally(db, batch.pool_id, at))
    assert sorted(type(one).__name__ for one in answers) == ["NoneType", "NoneType", "NoneType", "Step"]
    with connect(dsn) as db:
        steps = cards.steps(db, batch.pool_id)
        assert len(cards.tallies(steps)) == 1
        assert cards.broken(steps) is None


def test_the_job_tells_of_every_batch_and_one_that_fails_stops_none(house, ring, monkeypatch):
    at = tomorrow()
    with connect(house.dsn) as db, db.transaction():
        pools = []
        for _ in range(2):
            sku, who = make.sku(db), make.buyer()
            pools.append(make.batch(db, ring, sku, 2).pool_id)
            placed = make.order(db, ring, sku, 1, who)
            sales.settle(db, [make.notice(placed)], clock.now())
            sales.reveal(db, ring, placed.token, who, clock.now())
    real = cards.tally

    def tally(db, pool_id, _at):
        assert pool_id != pools[0], "broken"
        return real(db, pool_id, at)

    monkeypatch.setattr(cards, "tally", tally)
    assert tally_all(context(house)) >= 1
    with connect(house.dsn) as db:
        assert [len(cards.tallies(cards.steps(db, pool))) for pool in pools] == [0, 1]
