"""A database that is full or gone: a clean refusal on both lanes, nothing half done, and the same key works afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from kashu import sales
from kashu.kernel.db import Pool, connect
from kashu.server.wiring import context
from kashu.till.app import App
from tests.api.test_contract import code

FULL = """
CREATE FUNCTION planted_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER planted_full BEFORE INSERT ON sales_line FOR EACH STATEMENT EXECUTE FUNCTION planted_full();
"""


@pytest.fixture
def full_disk(house):
    """Every sale fails as it does when PostgreSQL cannot write; ended by calling it."""
    with connect(house.owner_dsn) as db:
        db.execute(FULL)

    def end():
        with connect(house.owner_dsn) as db:
            db.execute("DROP TRIGGER IF EXISTS planted_full ON sales_line; DROP FUNCTION IF EXISTS planted_full()")

    yield end
    end()


def test_a_full_disk_is_a_clean_refusal(lane, machine, stocked, full_disk, dsn):
    buyer, sku = machine(), stocked(3)
    refused = lane.buy(buyer, sku, key="k1", reference="PO")
    assert code(refused) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    with connect(dsn) as db:
        assert sales.accounts(db, [buyer.account.id])[buyer.account.id].balance_fen == 1_000_000
    full_disk()
    assert lane.buy(buyer, sku, key="k1", reference="PO").status_code == 201


def test_a_till_whose_database_is_gone_says_so_at_once(house, ring, machine):
    pool = Pool("host=127.0.0.1 port=1 dbname=none user=none connect_timeout=1")
    headers = machine().signed("POST", "/open/v1/purchases", b'{"sku": "AB", "quantity": 1}', "k")

    async def ask():
        app = App(replace(context(house), pool=pool))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till", timeout=30) as client:
            return await client.post("/open/v1/purchases", content=b'{"sku": "AB", "quantity": 1}', headers=headers)

    try:
        assert code(asyncio.run(ask())) == (503, "unavailable")
    finally:
        pool.close()
