"""Bulk purchases: asked for, bought in steps, packed, fetched whole and in parts, on both lanes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace

import openpyxl
import pytest
import pyzipper

from kashu import sales
from kashu.jobs.bulk import buy_bulk
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.server import invariants
from kashu.server.wiring import context
from tests.api.test_contract import code

PASSWORD = "correct horse battery"


@pytest.fixture
def ctx(house, tmp_path):
    return replace(context(house), spool=tmp_path)


def ask(lane, buyer, sku, quantity, key=None, reference="", changed=None):
    body = {"sku": sku.code, "quantity": quantity, "password": PASSWORD, "reference": reference} | (changed or {})
    return lane.post(buyer, "/open/v1/bulk-purchases", json.dumps(body).encode(), key)


def opened(content, password=PASSWORD):
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        text = archive.read(archive.namelist()[0]).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_bulk_purchase_is_bought_packed_and_fetched(lane, machine, stocked, ctx, dsn):
    buyer, sku = machine(10**8), stocked(2_500)
    asked = ask(lane, buyer, sku, 2_300, reference="BULK-1")
    assert (asked.status_code, asked.json()["state"], asked.json()["bought"]) == (202, "running", 0)
    where = f"/open/v1/bulk-purchases/{asked.json()['id']}"
    assert code(lane.get(buyer, f"{where}/file")) == (409, "not_ready")

    buy_bulk(ctx, {"bulk_id": asked.json()["id"]})

    told = lane.get(buyer, where).json()
    assert (told["state"], told["bought"], told["total_fen"], told["stopped_by"]) == ("done", 2_300, 2_300 * 3_990, "")
    whole = lane.get(buyer, f"{where}/file")
    assert len(whole.content) == told["file_bytes"]
    assert hashlib.sha256(whole.content).hexdigest() == told["file_sha256"]
    cards = opened(whole.content)
    assert len({card["secret"] for card in cards}) == 2_300
    assert cards[0]["secret"].startswith("KZ7F-")
    with connect(dsn) as db:
        assert [one for one in invariants.check(db) if "bulk" in one.invariant or "purchase" in one.invariant] == []


def test_a_bulk_purchase_may_be_a_workbook_of_texts(lane, machine, stocked, ctx):
    buyer, sku = machine(10**8), stocked(1_200)
    asked = ask(lane, buyer, sku, 1_100, changed={"format": "xlsx"}).json()
    assert code(ask(lane, buyer, sku, 1, changed={"format": "pdf"})) == (422, "invalid")
    buy_bulk(ctx, {"bulk_id": asked["id"]})
    fetched = lane.get(buyer, f"/open/v1/bulk-purchases/{asked['id']}/file").content
    with pyzipper.AESZipFile(io.BytesIO(fetched)) as archive:
        archive.setpassword(PASSWORD.encode())
        [name] = archive.namelist()
        sheet = openpyxl.load_workbook(io.BytesIO(archive.read(name)), read_only=True).active
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert name.endswith(".xlsx")
    assert rows[0] == ["number", "secret", "expires_on"]
    assert len({secret for _number, secret, *_rest in rows[1:]}) == 1_100
    assert lane.get(buyer, f"/open/v1/bulk-purchases/{asked['id']}").json()["format"] == "xlsx"


def test_a_broken_download_goes_on_where_it_stopped(lane, machine, stocked, ctx):
    buyer, sku = machine(10**8), stocked(100)
    asked = ask(lane, buyer, sku, 100).json()
    buy_bulk(ctx, {"bulk_id": asked["id"]})
    target = f"/open/v1/bulk-purchases/{asked['id']}/file"
    whole = lane.get(buyer, target).content

    def part(told):
        return lane.ask("GET", target, buyer.signed("GET", target) | {"Range": told})

    first, rest = part("bytes=0-99"), part("bytes=100-")
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole
    assert first.headers["content-range"] == f"bytes 0-99/{len(whole)}"
    assert code(part(f"bytes={len(whole)}-")) == (416, "range")


def test_the_same_key_is_one_bulk_purchase(till, web, machine, stocked):
    buyer, sku = machine(10**8), stocked(10)
    first = ask(till, buyer, sku, 10, key="b1")
    assert ask(web, buyer, sku, 10, key="b1").json() == first.json()
    assert code(ask(web, buyer, sku, 9, key="b1")) == (422, "idempotency_mismatch")
    assert code(till.buy(buyer, sku, key="b1")) == (422, "idempotency_mismatch")


def test_what_cannot_be_had_ends_the_buying_and_is_said(lane, machine, stocked, ctx):
    buyer, sku = machine(10**8), stocked(1_400)
    asked = ask(lane, buyer, sku, 3_000).json()
    buy_bulk(ctx, {"bulk_id": asked["id"]})
    told = lane.get(buyer, f"/open/v1/bulk-purchases/{asked['id']}").json()
    assert (told["state"], told["bought"], told["stopped_by"]) == ("done", 1_000, "out_of_stock")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"quantity": 1_000_001}, (422, "over_limit")),
        ({"password": "short"}, (422, "invalid")),
        ({"sku": "NO-SUCH"}, (404, "not_for_sale")),
    ],
)
def test_a_bulk_purchase_that_is_refused(lane, machine, stocked, more, told):
    assert code(ask(lane, machine(), stocked(1), 1, changed=more)) == told


def test_somebody_elses_bulk_purchase_is_not_there(lane, machine, stocked):
    asked = ask(lane, machine(), stocked(5), 2).json()
    other = machine()
    assert code(lane.get(other, f"/open/v1/bulk-purchases/{asked['id']}")) == (404, "not_found")
    assert code(lane.get(other, f"/open/v1/bulk-purchases/{asked['id']}/file")) == (404, "not_found")
    assert code(lane.get(other, "/open/v1/bulk-purchases/nonsense")) == (404, "not_found")


def test_a_killed_worker_leaves_whole_steps_and_the_next_goes_on(till, machine, stocked, ctx, house, ring, dsn):
    buyer, sku = machine(10**8), stocked(3_000)
    asked = ask(till, buyer, sku, 3_000).json()
    for _ in range(2):  # what a worker did before it died
        with connect(dsn) as db, db.transaction():
            from uuid import UUID

            assert sales.buy_step(db, ring, UUID(asked["id"]), clock.now())
    with connect(dsn) as db:
        assert value(db, "SELECT bought FROM sales_bulk WHERE id = %s", [asked["id"]]) == 2_000

    buy_bulk(ctx, {"bulk_id": asked["id"]})
    buy_bulk(ctx, {"bulk_id": asked["id"]})

    with connect(dsn) as db:
        assert value(db, "SELECT bought FROM sales_bulk WHERE id = %s", [asked["id"]]) == 3_000
        assert value(db, "SELECT count(*) FROM sales_order WHERE account_id = %s", [buyer.account.id]) == 3
        assert values(db, "SELECT sealed_password FROM sales_bulk WHERE id = %s", [asked["id"]]) == [None]


def test_files_are_forgotten_after_a_week(till, machine, stocked, ctx, dsn, ring):
    from datetime import timedelta

    buyer, sku = machine(10**8), stocked(5)
    asked = ask(till, buyer, sku, 5).json()
    buy_bulk(ctx, {"bulk_id": asked["id"]})
    with connect(dsn) as db, db.transaction():
        assert sales.forget_files(db, clock.now() + timedelta(days=6)) == 0
        while sales.forget_files(db, clock.now() + timedelta(days=8)):  # a few at a time; other tests have files too
            pass
    assert code(till.get(buyer, f"/open/v1/bulk-purchases/{asked['id']}/file")) == (410, "gone")
