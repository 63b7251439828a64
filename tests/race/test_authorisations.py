"""A link is verified while the one above it is revoked: whichever comes first, nothing stands under what fell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import cards, compliance
from kashu.compliance import store
from kashu.kernel import clock
from kashu.kernel.db import connect
from tests import make
from tests.compliance.test_provenance import TODAY, attach, decide, link, verified
from tests.race.at_once import at_once


@pytest.fixture
def hanging(dsn, ring):
    """A root that is verified, and a link under it that waits for its reviewer."""
    with connect(dsn) as db, db.transaction():
        root = verified(db, ring, make.supplier(db), is_issuer=True)
        new = link(db, ring, make.supplier(db), root)
        return root, compliance.authorisations.register(db, make.STAFF, new, clock.now())


def states(dsn, *links):
    with connect(dsn) as db:
        return [compliance.authorisation(db, one.id).state for one in links]


def test_control_a_revocation_does_not_see_what_is_being_verified(dsn, hanging):
    root, taken = hanging
    with connect(dsn, autocommit=False) as looking, connect(dsn) as db:
        assert {one.state for one in store.chain(looking, taken.id)[:-1]} == {"verified"}
        assert store.revoke(db, root.id, TODAY, "授权被撤回") == [root.id]
        store.decide(looking, taken.id, "verified", "核对原件")
        looking.commit()
    assert states(dsn, root, taken) == ["revoked", "verified"]


@pytest.mark.parametrize("turn", range(4))
def test_nothing_stands_under_what_fell_at_the_same_moment(dsn, hanging, turn):
    root, taken = hanging

    def race(db, n):
        if n == turn % 2:
            return decide(db, taken)
        return compliance.authorisations.revoke(db, make.STAFF, root.id, "授权被撤回", clock.now())

    answers = at_once(dsn, 2, race)
    assert not [one for one in answers if isinstance(one, Exception)]
    assert states(dsn, root, taken) in (["revoked", "revoked"], ["revoked", "in_review"])


@pytest.mark.parametrize("turn", range(4))
def test_what_is_revoked_at_the_same_moment_is_not_renewed(dsn, ring, turn):
    with connect(dsn) as db, db.transaction():
        root, owner = verified(db, ring, make.supplier(db), is_issuer=True), make.supplier(db)
        old = verified(db, ring, owner, root, valid_to=TODAY + timedelta(200))
        new = verified(db, ring, owner, root)
        batch = make.batch(db, ring, make.sku(db), 2, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, batch.pool_id])
        attach(db, batch, old)

    def race(db, n):
        if n == turn % 2:
            return cards.renew(db, make.STAFF, old.id, new.id, clock.now())
        return compliance.authorisations.revoke(db, make.STAFF, old.id, "授权被撤回", clock.now())

    answers = at_once(dsn, 2, race)
    with connect(dsn) as db:
        held = cards.authorisation_of(db, batch.pool_id)
    assert (answers[turn % 2], held) in (([batch.pool_id], new.id), (cards.PaperRefusal.REVOKED, old.id))
