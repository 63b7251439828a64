"""Public rules have versions with notice (C-06), and the same conditions have one price (C-38)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from kashu import catalog
from kashu.catalog import Agreement, Refusal
from kashu.kernel import clock
from tests import make


def version(number, after, body="新的条款"):
    at = clock.now()
    return Agreement(0, "trade", number, "交易规则", body, at, at + after)


def test_a_new_version_is_published_seven_days_before_it_counts(db):
    make.agreements(db)
    now = clock.now()
    before = catalog.agreement(db, "trade", now)
    number = before.version + 1
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        catalog.publish_agreement(db, make.STAFF, version(number, timedelta(days=7) - timedelta(seconds=1)))
    made = catalog.publish_agreement(db, make.STAFF, version(number, timedelta(days=7)))
    assert catalog.agreement(db, "trade", now + timedelta(days=6)).version == before.version
    assert catalog.agreement(db, "trade", now + timedelta(days=8)).id == made.id


def test_public_rules_hold_no_void_clause(db):
    """C-31."""
    told = version(9, timedelta(days=8), "本平台拥有最终解释权")
    assert catalog.publish_agreement(db, make.STAFF, told) is Refusal.VOID_CLAUSE


def test_two_buyers_pay_the_same_for_the_same(db, ring):
    """A quote is not told who asks; a newcomer and somebody who has bought before are asked for the same."""
    of = make.stocked(db, ring, 9, tiers=[{"from": 2, "price_fen": 3_500}])
    known = make.buyer(phone="13800138000", ring=ring)
    make.order(db, ring, of, 1, known)
    for pieces in (1, 2):
        totals = {make.order(db, ring, of, pieces, who).total_fen for who in (known, make.buyer())}
        assert len(totals) == 1
