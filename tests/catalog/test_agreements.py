"""Public rules have versions with notice (C-06), and the same conditions have one price (C-38)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from kashu import catalog
from kashu.audit import Actor
from kashu.catalog import Agreement, Refusal, store
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
    late = version(number, timedelta(days=7) - timedelta(seconds=1))
    assert catalog.publish_agreement(db, make.STAFF, late) is Refusal.TOO_SOON
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        store.add_agreement(db, late)
    made = catalog.publish_agreement(db, make.STAFF, version(number, timedelta(days=7)))
    assert catalog.agreement(db, "trade", now + timedelta(days=6)).version == before.version
    assert catalog.agreement(db, "trade", now + timedelta(days=8)).id == made.id


def test_versions_count_in_their_order_and_a_number_is_given_once(db):
    make.agreements(db)
    number = catalog.agreements(db, "trade")[0].version
    made = catalog.publish_agreement(db, make.STAFF, version(number + 1, timedelta(days=30)))
    assert catalog.publish_agreement(db, make.STAFF, version(number + 2, timedelta(days=29))) is Refusal.TOO_SOON
    assert catalog.publish_agreement(db, make.STAFF, version(number + 1, timedelta(days=40))) is Refusal.TAKEN
    assert [one for one in catalog.coming_agreements(db, clock.now()) if one.kind == "trade"] == [made]


def test_a_version_to_come_is_open_for_comments_until_it_counts(db):
    """C-06, ECOM §34."""
    make.agreements(db)
    at, number = clock.now(), catalog.agreements(db, "trade")[0].version
    made = catalog.publish_agreement(db, make.STAFF, version(number + 1, timedelta(days=8)))
    public = Actor("buyer", "0f3a")
    said = catalog.comment(db, public, made.id, "  建议把退款期限\n\n写清楚 ", at)
    assert said.words == "建议把退款期限\n写清楚"
    assert catalog.comment(db, public, made.id, "太短", at) is Refusal.WORDS_WRONG
    assert catalog.comment(db, public, made.id, "长" * 1_001, at) is Refusal.WORDS_WRONG
    assert not isinstance(catalog.comment(db, public, made.id, "长" * 1_000, at + timedelta(seconds=1)), Refusal)
    assert catalog.comment(db, public, made.id, "现在才说已经晚了", made.effective_at) is Refusal.NOT_OPEN
    assert catalog.comment(db, public, 2**40, "没有这个版本的规则", at) is Refusal.NOT_OPEN
    far = (at + timedelta(days=1), said.id)
    newest = catalog.comments(db, made.id, far, 1)
    assert [one.words[0] for one in newest] == ["长"]
    assert catalog.comments(db, made.id, (newest[0].made_at, newest[0].id), 9) == [said]


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
