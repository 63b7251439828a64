"""Commission by seller, category and period: the most particular rule counts, and a sale keeps the one it was made under."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import catalog, sales
from kashu.catalog import FeeRule, Refusal
from kashu.kernel import clock
from kashu.kernel.db import value
from tests import make


def rule(bp, seller=None, category=None, begin=None, end=None):
    return FeeRule(0, seller, None, category, None, bp, begin or clock.now(), end, "")


def offer(db, sku, at):
    return catalog.offers(db, [sku.code], at)[sku.code]


def test_the_most_particular_rule_in_force_counts(db):
    seller = make.supplier(db)
    sku = make.sku(db, seller=seller)
    at = clock.now()
    category = offer(db, sku, at).category_id
    assert offer(db, sku, at).commission_bp == 600
    for told in (rule(700, category=category, begin=at), rule(800, seller=seller, begin=at),
                 rule(500, seller, category, at, at + timedelta(days=7))):  # fmt: skip
        assert isinstance(catalog.add_fee_rule(db, make.STAFF, told, at), FeeRule)
    assert offer(db, sku, at).commission_bp == 500
    assert offer(db, sku, at + timedelta(days=8)).commission_bp == 800
    assert offer(db, make.sku(db, seller=make.supplier(db)), at).commission_bp == 600


def test_a_sale_keeps_its_rule_whatever_comes_later(db, ring):
    seller = make.supplier(db)
    sku = make.stocked(db, ring, 2, seller=seller)
    placed = make.order(db, ring, sku)
    at = clock.now()
    catalog.add_fee_rule(db, make.STAFF, rule(800, seller=seller, begin=at), at)
    sales.settle(db, [make.notice(placed)], clock.now())
    [line] = sales.lines_of(db, [placed.id])[placed.id]
    assert line.commission_fen == 3_990 * 600 // 10_000
    [later] = sales.lines_of(db, [make.order(db, ring, sku).id]).values()
    assert later[0].commission_fen == 3_990 * 800 // 10_000
    assert later[0].fee_rule_id != line.fee_rule_id


@pytest.mark.parametrize("away", [timedelta(seconds=-1), timedelta(days=-30)])
def test_no_rule_reaches_back(db, away):
    at = clock.now()
    assert catalog.add_fee_rule(db, make.STAFF, rule(700, begin=at + away), at) is Refusal.FEE_IN_THE_PAST
    assert catalog.add_fee_rule(db, make.STAFF, rule(700, begin=at, end=at), at) is Refusal.FEE_IN_THE_PAST


def test_a_rule_cannot_be_rewritten(db):
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        value(db, "UPDATE catalog_fee_rule SET commission_bp = 0 WHERE id = 1 RETURNING id")
