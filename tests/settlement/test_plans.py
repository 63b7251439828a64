"""The statements of a step walk their indexes whatever the statistics say: a bill has millions of lines and thousands of steps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import sales
from kashu.kernel.clock import day_start
from kashu.kernel.db import connect
from kashu.settlement.store import matching
from tests.settlement.world import DAY, NOON, World

MORE = """
INSERT INTO payments_payment (pool_id, id, order_id, channel_id, trade_no, amount_fen, state, gateway_no, created_at,
                              expires_at, paid_at)
SELECT 77, gen_random_uuid(), gen_random_uuid(), %s, 'T' || n, 100, 'paid', 'G' || n, now(), now(), now()
FROM generate_series(1, 5000) AS n
"""


@pytest.fixture
def db(house):
    """A connection of the owner's, who may take statistics; its work is thrown away."""
    with connect(house.owner_dsn, autocommit=False) as found:
        found.execute("SELECT")
        yield found
        found.rollback()


@pytest.fixture
def told(db, ring):
    world = World(db, ring)
    for n in range(5):
        world.paid(NOON + timedelta(seconds=n))
    bill = world.matched()
    db.execute(MORE, [world.channel])
    db.execute("ANALYZE payments_payment")
    begins = day_start(DAY)
    return {
        "bill": bill.id, "channel": world.channel, "account": sales.psp_account(db, world.channel), "day": DAY,
        "from": begins, "to": begins + timedelta(days=1), "after": 0, "until": 5, "states": ["matched"], "at_once": [],
    }  # fmt: skip


def test_a_stretch_of_lines_asks_an_index_for_each_thing_it_needs(db, told):
    found = plan(db, matching.LINES, told)
    for index in (
        "payments_payment_pool_id_channel_id_trade_no_key", "payments_transaction_pkey",
        "payments_refund_pkey", "ledger_sale_entry_of_reason", "settlement_bill_line_of_number",
    ):  # fmt: skip
        assert index in found, index
    assert "Hash" not in found
    assert "Seq Scan" not in found


def test_a_window_of_the_books_is_found_by_its_time(db, told):
    found = plan(db, matching.BOOKS, {**told, "to": told["from"] + timedelta(minutes=5)})
    for index in ("ledger_sale_entry_of_day", "payments_payment_of_order", "settlement_bill_line_of_number"):
        assert index in found, index
    assert "Seq Scan" not in found


def test_open_cases_are_read_in_the_order_of_their_deadlines(db, told):
    db.execute("SET LOCAL enable_sort = off")
    found = plan(db, "SELECT id FROM settlement_case WHERE state = 'open' ORDER BY due_at, id LIMIT 50", {})
    assert "settlement_case_open" in found


def plan(db, sql, params):
    """As on tables that are large: a scan of the whole is never the cheapest."""
    db.execute("SET LOCAL enable_seqscan = off")
    return "\n".join(row[0] for row in db.execute("EXPLAIN " + sql, params))
