"""Hot statements walk their own indexes: on a big shelf any other plan is hundreds of times slower."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from kashu.cards import store as cards_store
from kashu.compliance import store as compliance_store
from kashu.kernel import clock
from kashu.sales import store as sales_store
from tests import make

REVOKED = {"id": 1, "day": date(2026, 1, 1), "reason": "-"}


@pytest.fixture(scope="module")
def filled(house, ring):
    """A shop of many pools and sold cards, with statistics."""
    from kashu import sales
    from kashu.kernel.db import connect

    with connect(house.dsn) as db, db.transaction():
        sku = make.sku(db)
        for _ in range(3):
            make.batch(db, ring, sku, 3_000)
        picks = make.sku(db, kind="pick")
        make.batch(db, ring, picks, 6_000)
        placed = [make.order(db, ring, sku, 20, make.buyer()) for _ in range(30)]
        sales.settle(db, [make.notice(one) for one in placed], clock.now())
    with connect(house.owner_dsn) as db:
        db.execute("ANALYZE")
    return sku, placed, picks


def test_picking_walks_the_shelf(db, filled):
    told = {
        "pools": [placed.pool_id for placed in filled[1][:3]],
        "skus": [1] * 3,
        "suppliers": [1] * 3,
        "wants": [3] * 3,
        "from_on": [date(2026, 1, 1)] * 3,
        "from_id": [1] * 3,
        "today": date(2026, 1, 1),
    }
    assert "Index Scan using cards_card_on_shelf" in plan(db, cards_store.PICK, told)


def test_choosing_pools_walks_the_pools_for_sale(db, filled):
    db.execute("SET LOCAL enable_seqscan = off")
    found = plan(db, cards_store.POOLS, {"skus": [filled[0].id], "day": date(2026, 1, 1)})
    assert "cards_pool_for_sale" in found
    for key in ("catalog_sku_pkey", "catalog_product_pkey", "catalog_category_pkey"):
        assert key in found, "what papers say of a pool is found by keys"
    assert "Seq Scan on catalog_" not in found


def test_handing_over_and_putting_back_find_cards_by_line(db, filled):
    lines = [[placed.pool_id for placed in filled[1][:3]], [placed.lines[0].id for placed in filled[1][:3]]]
    assert "cards_card_of_line" in plan(db, cards_store.HAND_OVER, [clock.now(), *lines])
    assert "cards_card_of_line" in plan(db, cards_store.PUT_BACK, lines)


def test_what_is_due_is_found_by_its_day(db, filled):
    """However many orders there are, the nightly job reads those that are due."""
    db.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    nobody = UUID(int=0)
    assert "sales_order_to_erase" in plan(db, sales_store.TO_ERASE, [date(2026, 1, 1), date.min, nobody, 20])
    assert "sales_order_to_purge" in plan(db, sales_store.TO_PURGE, [clock.now(), clock.now(), nobody, 20])


def test_what_is_kept_of_cards_is_found_by_line(db, filled):
    lines = [[placed.pool_id for placed in filled[1][:3]], [placed.lines[0].id for placed in filled[1][:3]]]
    for sql in (cards_store.RECORDS, cards_store.SEALED):
        assert "cards_card_of_line" in plan(db, sql, lines)


def test_what_can_be_picked_is_read_in_order_and_no_further(db, filled):
    told = {"sku": filled[2].id, "day": date(2026, 1, 1), "after": "", "like": "", "most": 25, "looked": 250}
    assert "cards_card_choices" in plan(db, cards_store.CHOICES, told)


def test_a_picked_card_is_found_by_its_label(db, filled):
    db.execute("SET LOCAL enable_seqscan = off")
    wanted = {"skus": [filled[2].id] * 3, "labels": ["a", "b", "c"], "day": date(2026, 1, 1)}
    labelled = plan(db, cards_store.PICK_LABELLED, wanted | {"surcharges": [0] * 3})
    assert "cards_card_choices" in labelled or "cards_card_of_label" in labelled
    assert "cards_card_of_label" in plan(db, cards_store.SURCHARGES, wanted)


def test_lapsed_orders_are_found_by_their_deadline(db, filled):
    db.execute("SET LOCAL enable_seqscan = off")
    told = {"at": clock.now(), "pools": None, "most": 100}
    assert "sales_order_lapsing_anywhere" in plan(db, sales_store.LAPSED, told)


def test_a_search_for_a_fingerprint_walks_its_key(db, filled):
    found = plan(
        db,
        "SELECT pool_id FROM cards_fingerprint WHERE fingerprint BETWEEN %s AND %s LIMIT 20",
        [b"\1" * 32, b"\1" * 31 + b"\2"],
    )
    assert "cards_fingerprint_pkey" in found


def test_a_trace_walks_keys_from_the_print_to_the_root(db, filled):
    db.execute("SET LOCAL enable_seqscan = off")
    origin = plan(db, cards_store.ORIGIN_OF_PRINT, [b"\1" * 32])
    for key in ("cards_fingerprint_pkey", "cards_card_pkey", "cards_batch_pkey", "cards_pool_pkey"):
        assert key in origin
    assert "cards_provenance_pkey" in plan(db, cards_store.STEPS, [filled[1][0].pool_id])
    assert "compliance_authorisation_pkey" in plan(db, compliance_store.CHAIN, [1])
    assert "sales_line_of_parent" in plan(db, sales_store.NAMED, [[filled[1][0].id]])


def test_what_an_authorisation_touches_is_found_without_the_rest(db, filled):
    """Its pools are found by what their chains say, the shelf by the one that only it is in."""
    under = cards_store.authorisation_of(db, filled[1][0].pool_id)
    db.execute("SET LOCAL enable_seqscan = off")
    assert "cards_provenance_of_authorisation" in plan(db, cards_store.POOLS_UNDER, {"under": [under]})
    assert "cards_card_on_shelf" in plan(db, cards_store.UNSOLD_UNDER, [[under]])
    assert "compliance_authorisation_of_parent" in plan(db, compliance_store.REVOKE, REVOKED)


def test_a_sample_reads_the_shelf_and_nothing_else(db, filled):
    db.execute("SET LOCAL enable_seqscan = off")
    assert "cards_card_on_shelf" in plan(db, cards_store.DRAW, [filled[1][0].pool_id, 60])


def plan(db, sql, params):
    return "\n".join(row[0] for row in db.execute("EXPLAIN " + sql, params))
