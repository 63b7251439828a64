"""A database that is full or gone: a clean refusal on both lanes, nothing half done, and the same key works afterwards."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from kashu import sales
from kashu.jobs.bulk import buy_bulk
from kashu.kernel.db import Pool, connect, values
from kashu.server.wiring import context
from kashu.till.app import App
from tests.api.test_contract import code

FULL = """
CREATE FUNCTION planted_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER planted_full BEFORE INSERT ON sales_line FOR EACH STATEMENT EXECUTE FUNCTION planted_full();
"""
STATES = """
SELECT DISTINCT card.state FROM cards_card AS card JOIN cards_pool AS pool ON pool.id = card.pool_id WHERE pool.sku_id = %s
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


def test_a_purchase_without_its_trail_is_refused_without_a_card(lane, machine, stocked, mute_trail, dsn):
    """S-04: nothing sold, nothing taken, and the same key works once the trail does."""
    buyer, sku = machine(), stocked(3)
    mute_trail()
    refused = lane.buy(buyer, sku, key="k1", reference="PO")
    assert code(refused) == (503, "unavailable")
    assert b"KZ7F" not in refused.content
    with connect(dsn) as db:
        assert sales.accounts(db, [buyer.account.id])[buyer.account.id].balance_fen == 1_000_000
        assert values(db, STATES, [sku.id]) == ["on_shelf"]
    mute_trail()
    assert lane.buy(buyer, sku, key="k1", reference="PO").status_code == 201


def test_cards_are_not_shown_again_without_a_trail(lane, machine, stocked, mute_trail):
    buyer, sku = machine(), stocked(1)
    told = lane.buy(buyer, sku, key="k1", reference="PO").json()
    secret = told["cards"][0]["secret"].encode()
    mute_trail()
    again = [
        lane.get(buyer, f"/open/v1/orders/{told['id']}"),
        lane.get(buyer, "/open/v1/orders?reference=PO"),
        lane.buy(buyer, sku, key="k1", reference="PO"),
    ]
    assert [code(one) for one in again] == [(503, "unavailable")] * 3
    assert [one for one in again if secret in one.content] == []
    mute_trail()
    assert secret in lane.get(buyer, f"/open/v1/orders/{told['id']}").content


def test_a_bulk_file_does_not_leave_without_a_trail(lane, machine, stocked, mute_trail, house, tmp_path):
    buyer, sku = machine(10**8), stocked(20)
    body = json.dumps({"sku": sku.code, "quantity": 20, "password": "correct horse battery"}).encode()
    asked = lane.post(buyer, "/open/v1/bulk-purchases", body).json()
    buy_bulk(replace(context(house), spool=tmp_path), {"bulk_id": asked["id"]})
    file = f"/open/v1/bulk-purchases/{asked['id']}/file"
    mute_trail()
    assert code(lane.get(buyer, file)) == (503, "unavailable")
    mute_trail()
    assert lane.get(buyer, file).content.startswith(b"PK")
