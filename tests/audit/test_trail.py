"""The audit trail: sealed in commit order, and every way of falsifying it is found."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.seal import Keyring
from tests import make


@pytest.fixture
def trail(house, ring):
    """A trail of three deeds, sealed and signed, on a connection of the owner that is rolled back."""
    with connect(house.owner_dsn, autocommit=False) as db:
        with connect(house.dsn) as app, app.transaction():
            audit.record(
                app, [Deed(make.STAFF, "test.deed", "thing", f"{n}", reason=make.SEED) for n in range(3)], clock.now()
            )
        db.execute("SELECT")
        while audit.seal(db):
            pass
        audit.sign_head(db, ring, clock.now())
        yield db
        db.rollback()


def test_a_true_trail_verifies(trail, ring):
    assert audit.verify(trail, ring) == []


@pytest.mark.parametrize(
    ("falsify", "kind"),
    [
        ("UPDATE audit_entry SET actor = 'somebody else' WHERE id = %s", "altered"),
        ("UPDATE audit_entry SET at = at - interval '1 day' WHERE id = %s", "altered"),
        ("UPDATE audit_entry SET reason = '' WHERE id = %s", "altered"),
        ("DELETE FROM audit_entry WHERE id = %s", "missing"),
        ("UPDATE audit_seal SET hash = decode(repeat('00', 32), 'hex') WHERE entry_id = %s", "altered"),
        ("DELETE FROM audit_seal WHERE entry_id = %s", "gap"),
    ],
)
def test_a_falsified_trail_is_found(trail, ring, falsify, kind):
    middle = value(trail, "SELECT entry_id FROM audit_seal ORDER BY seq DESC OFFSET 1 LIMIT 1")
    trail.execute(falsify, [middle])

    assert kind in {fault.kind for fault in audit.verify(trail, ring)}


def test_whoever_makes_many_entries_does_not_hide_what_comes_after(db):
    thing = make.name("thing")
    for n in range(5):
        audit.record(db, [Deed(make.STAFF, f"test.{n}", "thing", thing)], clock.now() + timedelta(seconds=n))
    assert [one.verb for one in audit.entries_of(db, 0, "thing", thing, 3)] == ["test.2", "test.3", "test.4"]


def test_an_entry_slipped_in_afterwards_is_found(trail, ring):
    first = value(trail, "SELECT entry_id FROM audit_seal ORDER BY seq LIMIT 1")
    trail.execute(
        "INSERT INTO audit_entry SELECT pool_id, gen_random_uuid(), xact, at, actor_kind, actor, 'forged', object_kind,"
        " object_id, before, after, reason FROM audit_entry WHERE id = %s",
        [first],
    )
    assert "slipped_in" in {fault.kind for fault in audit.verify(trail, ring)}


def test_a_chain_rewritten_as_a_whole_breaks_its_signed_heads(trail, ring):
    trail.execute("DELETE FROM audit_head")
    audit.sign_head(trail, Keyring(1, {1: os.urandom(32)}), clock.now())
    assert "forged_head" in {fault.kind for fault in audit.verify(trail, ring)}


def test_an_open_transaction_is_waited_for_and_keeps_its_place(house, ring):
    """An entry whose transaction is still open must not be passed by: the chain could never take it in."""
    slow = connect(house.dsn, autocommit=False)
    slow.execute("SELECT")
    with connect(house.dsn) as db:
        audit.record(slow, [Deed(Actor("system", "slow"), "test.slow", "thing", make.SEED)], clock.now())
        with db.transaction():
            audit.record(db, [Deed(Actor("system", "fast"), "test.fast", "thing", make.SEED)], clock.now())
        with db.transaction():
            while audit.seal(db):
                pass
        assert sealed(db, "test.fast") == 0
        slow.commit()
        slow.close()
        with db.transaction():
            while audit.seal(db):
                pass
        assert sealed(db, "test.slow") == sealed(db, "test.fast") == 1
        with db.transaction():
            assert audit.verify(db, ring) == []


def sealed(db, verb):
    return value(
        db,
        "SELECT count(*)::int FROM audit_seal AS seal JOIN audit_entry AS entry"
        " ON entry.pool_id = seal.pool_id AND entry.id = seal.entry_id WHERE entry.verb = %s AND entry.object_id = %s",
        [verb, make.SEED],
    )
