"""Orders and redemptions tied to the chain of their batch (§2.5): a day's events are one hash, and a change of one is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import cards, sales
from kashu.cards import Checked, Redeeming, rules, store
from kashu.jobs import tallies
from kashu.jobs.tallies import tally as tally_all
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.server import invariants
from kashu.server.wiring import context
from kashu.wire import metrics
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


# ---- what the night looks at


def test_what_does_not_agree_is_kept_until_it_does(db, sold):
    """The night looks at what grew; what it found is asked by `kashu invariants`, by the board and by `/verify`."""
    pool_id, _ = sold
    told = cards.tally(db, pool_id, tomorrow())
    assert pool_id in due(db)
    sound = cards.check_chain(db, pool_id, clock.now())
    assert (sound.is_wrong, sound.seq, sound.head) == (False, told.seq, told.hash)
    assert pool_id not in due(db)
    before = cards.count_wrong_chains(db)
    for change in CHANGES:
        db.execute("SAVEPOINT sound")
        db.execute(change, [pool_id])
        found = cards.check_chain(db, pool_id, clock.now())
        assert (found.broken, found.mistold) == (None, told.seq), change
        assert cards.count_wrong_chains(db) == before + 1
        assert pool_id in due(db), "looked at each night until somebody has found out why"
        db.execute("ROLLBACK TO sound")
    assert not cards.check_chain(db, pool_id, clock.now()).is_wrong
    assert (cards.count_wrong_chains(db), cards.checked(db, pool_id).is_wrong) == (before, False)


def test_the_invariants_ask_what_was_found_and_look_at_some_themselves(db, sold):
    pool_id, _ = sold
    told = cards.tally(db, pool_id, tomorrow())
    db.execute(CHANGES[0], [pool_id])
    many = len(due(db))
    [wrong] = [one for one in cards.unsound(db, clock.now(), many) if one.pool_id == pool_id]
    assert (wrong.mistold, cards.checked(db, pool_id)) == (told.seq, None), "a look that is kept nowhere"
    cards.check_chain(db, pool_id, clock.now())
    breached = {one.invariant: one.found for one in invariants.check(db)}
    assert f"{wrong.code} {told.seq}" in breached["chains and tallies are as they were written"]


def due(db):
    """Every pool that the night would look at."""
    found, after = set(), 0
    while pools := cards.to_check(db, after):
        found.update(pools)
        after = pools[-1]
    return found


REWRITES = {
    "the last step is gone": lambda steps: steps[:-1],
    "the last step is another, with a hash that fits": lambda steps: [*steps[:-1], forged(steps[-1])],
    "all of it is gone": lambda steps: [],
}


def forged(step):
    other = replace(step, actor="somebody")
    return replace(other, hash=rules.link(other))


@pytest.mark.parametrize("how", REWRITES)
def test_a_chain_that_was_written_anew_breaks_no_link_and_is_found(house, ring, how):
    """Whoever owns the database may rewrite a chain whole; where it was when it was looked at says so."""
    with connect(house.owner_dsn, autocommit=False) as db:
        pool_id = make.batch(db, ring, make.sku(db), 1).pool_id
        seen = cards.check_chain(db, pool_id, clock.now())
        changed = REWRITES[how](cards.steps(db, pool_id))
        db.execute("DELETE FROM cards_provenance WHERE pool_id = %s", [pool_id])
        for step in changed:
            store.add_step(db, step)
        assert rules.broken(changed) is None
        assert pool_id in due(db)
        assert cards.check_chain(db, pool_id, clock.now()).broken == seen.seq
        assert cards.check_chain(db, pool_id, clock.now()).broken == seen.seq, "and the next night as well"
        db.rollback()


def test_a_step_that_was_changed_is_found_by_night(house, ring):
    with connect(house.owner_dsn, autocommit=False) as db:
        pool_id = make.batch(db, ring, make.sku(db), 1).pool_id
        db.execute("UPDATE cards_provenance SET actor = 'x' WHERE pool_id = %s AND seq = 2", [pool_id])
        assert cards.check_chain(db, pool_id, clock.now()).broken == 2
        db.rollback()


def test_what_did_not_grow_has_its_turn_within_thirty_nights(db, sold):
    """A thirtieth a night, that which was looked at longest ago."""
    pool_id, _ = sold
    long_ago = clock.now() - timedelta(days=300)
    cards.check_chain(db, pool_id, long_ago)
    assert cards.longest_unchecked(db, clock.now())[0] == pool_id
    many = db.execute("SELECT count(*) FROM cards_checked").fetchone()[0]
    assert len(cards.longest_unchecked(db, clock.now())) == -(-many // 30)
    assert cards.longest_unchecked(db, long_ago) == []


def test_a_large_pool_is_read_in_parts():
    steps = [cards.Step(1, n, clock.now(), "tallied", "a", {"seen": 40, "root": "x"}, b"", b"") for n in range(5)]
    assert [[one.seq for one in part] for part in rules.stretches(steps, 100)] == [[0, 1], [2, 3], [4]]
    assert [len(part) for part in rules.stretches(steps, 10)] == [1] * 5
    assert rules.stretches([], 10) == []


def test_the_night_raises_an_alarm_and_one_that_fails_stops_none(house, ring, monkeypatch, caplog):
    with connect(house.dsn) as db, db.transaction():
        pools = [make.batch(db, ring, make.sku(db), 1).pool_id for _ in range(3)]
    real, odd = cards.check_chain, Checked(pools[1], "B-ODD", clock.now(), 0, b"", None, 4)

    def look(db, pool_id, at):
        assert pool_id != pools[0], "unreadable"
        if pool_id == pools[1]:
            store.keep_checked(db, odd)
            return odd
        return real(db, pool_id, at)

    monkeypatch.setattr(cards, "check_chain", look)
    monkeypatch.setattr(cards, "to_check", lambda _, after: [one for one in pools if one > after])
    monkeypatch.setattr(cards, "longest_unchecked", lambda *_: [])
    many, wrong = tallies.check_chains(context(house))
    assert (many, wrong >= 1, metrics.CHAINS_WRONG._value.get()) == (3, True, wrong)
    assert [one.batch for one in caplog.records if one.message == "chain.wrong"] == ["B-ODD"]
    monkeypatch.setattr(cards, "check_chain", real)
    tallies.check_chains(context(house))
    with connect(house.dsn) as db:
        assert [cards.checked(db, one).is_wrong for one in pools] == [False] * 3


def test_a_night_ends_and_the_next_one_goes_on(house, ring, monkeypatch):
    with connect(house.dsn) as db, db.transaction():
        pools = [make.batch(db, ring, make.sku(db), 1).pool_id for _ in range(2)]
    monkeypatch.setattr(cards, "to_check", lambda _, after: [one for one in pools if one > after])
    monkeypatch.setattr(cards, "longest_unchecked", lambda *_: [])
    monkeypatch.setattr(tallies, "LOOK_SECONDS_MAX", -1)
    assert tallies.check_chains(context(house))[0] == 0
    monkeypatch.undo()
    with connect(house.dsn) as db:
        assert set(pools) <= due(db)
