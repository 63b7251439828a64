"""Redeeming codes of our own through the open API, on both lanes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import compliance, sales
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.server import wiring
from kashu.wire import edge
from kashu.wire.attestation import Attestor
from tests import make
from tests.api.conftest import ALL
from tests.api.test_contract import code


@pytest.fixture
def shop(machine, dsn, ring):
    """A shop's machine, and codes that were sold and that it redeems."""
    buyer = machine(scopes=(*ALL, "redemptions"))
    with connect(dsn) as db, db.transaction():
        sku = make.sku(db, kind="own_code")
        batch = make.batch(db, ring, sku, 3, numbered=False)
        db.execute(
            "UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [buyer.account.party_id, batch.pool_id]
        )
        [told] = sales.sell(db, ring, [make.purchase(sku, make.account(db), 3)], clock.now() - timedelta(days=3))
    return buyer, [card.secret for card in told.cards], sku


def redeem(lane, buyer, what, key=None, **told):
    return lane.post(buyer, "/open/v1/redemptions", json.dumps({"code": what} | told).encode(), key)


def undo(lane, buyer, what):
    return lane.post(buyer, "/open/v1/redemptions/undo", json.dumps({"code": what}).encode())


def test_a_code_is_redeemed_once_and_undone(lane, shop):
    buyer, codes, sku = shop
    first = redeem(lane, buyer, codes[0].lower(), key="till-1", place="一号店")
    assert first.status_code == 201
    told = first.json()
    assert told.keys() == {"id", "sku", "place", "redeemed_at", "told_at", "undone_at"}
    assert (told["sku"], told["place"], told["undone_at"]) == (sku.code, "一号店", None)
    assert codes[0] not in first.text
    assert redeem(lane, buyer, codes[0], key="till-1", place="一号店").json() == told
    assert code(redeem(lane, buyer, codes[0])) == (409, "already_redeemed")

    assert undo(lane, buyer, codes[0]).json()["undone_at"] is not None
    assert code(undo(lane, buyer, codes[0])) == (409, "not_redeemed")
    assert redeem(lane, buyer, codes[0]).status_code == 201


def test_a_code_that_is_no_good_is_told(lane, shop, dsn):
    buyer, codes, sku = shop

    def call(what, key=None, **told):
        body = json.dumps({"code": what, "reason": "刮开无码"} | told).encode()
        return lane.post(buyer, "/open/v1/redemptions/invalid", body, key)

    first = call(codes[0].lower(), place="一号店")
    assert first.status_code == 201
    told = first.json()
    assert (told["sku"], told["place"], told["reason"]) == (sku.code, "一号店", "刮开无码")
    assert codes[0] not in first.text
    assert call(codes[0], reason="别的").json() == told
    assert code(call(codes[1], reason="")) == code(call(codes[1], reason=" ")) == (422, "invalid")
    assert code(call("NO-SUCH-CODE")) == (404, "no_such_code")
    assert redeem(lane, buyer, codes[1]).status_code == 201
    assert code(call(codes[1])) == (409, "already_redeemed")


@pytest.fixture(params=["till", "web"])
def attested_lane(request, site, monkeypatch):
    """A lane of a house whose transactions are attested."""
    from kashu.api import routes

    attestor = Attestor("http://127.0.0.1:9", "k", lambda: b"secret")
    monkeypatch.setattr(wiring, "attestor", lambda _env: attestor)
    monkeypatch.setattr(edge, "_installed", [replace(edge.ctx(), attestor=attestor)])
    routes._desk.cache_clear()
    yield request.getfixturevalue(request.param)
    routes._desk.cache_clear()


def test_what_machines_redeem_is_to_be_attested(attested_lane, shop, dsn):
    buyer, codes, _ = shop
    done = redeem(attested_lane, buyer, codes[0], key="till-1").json()
    assert redeem(attested_lane, buyer, codes[0], key="till-1").json() == done
    assert undo(attested_lane, buyer, codes[0]).status_code == 200
    redeem(attested_lane, buyer, codes[1], redeemed_at="2020-01-01T00:00:00Z")
    with connect(dsn) as db:
        [number] = {one.order_no for one in compliance.attestations_of(db, "", 100) if one.subject == done["id"]}
        told = compliance.attestations_of(db, number, 10)
    assert sorted((one.event, one.subject) for one in told) == [("redeemed", done["id"]), ("undone", done["id"])]


def test_redemptions_are_listed_page_by_page(lane, shop):
    buyer, codes, _ = shop
    for one in codes:
        redeem(lane, buyer, one, place=one[-4:])
    page = lane.get(buyer, "/open/v1/redemptions?limit=2").json()
    rest = lane.get(buyer, f"/open/v1/redemptions?limit=2&after={page['next']}").json()
    assert [one["place"] for one in (*page["redemptions"], *rest["redemptions"])] == [
        one[-4:] for one in reversed(codes)
    ]
    assert rest["next"] is None
    assert code(lane.get(buyer, "/open/v1/redemptions?after=WyJ4IiwieSJd")) == (422, "invalid")


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({"code": "NO-SUCH-CODE"}, (404, "no_such_code")),
        ({"code": "X"}, (422, "invalid")),
        ({"code": "A" * 65}, (422, "invalid")),
        ({"place": "a\x00"}, (422, "invalid")),
        ({"redeemed_at": "yesterday"}, (422, "invalid")),
        ({"redeemed_at": "2026-01-01T00:00:00"}, (422, "invalid")),
        ({"redeemed_at": "2020-01-01T00:00:00Z"}, (422, "wrong_instant")),
        ({"more": 1}, (422, "invalid")),
    ],
)
def test_what_is_not_right_redeems_nothing(lane, shop, told, answer):
    buyer, codes, _ = shop
    body = json.dumps({"code": codes[0]} | told).encode()
    assert code(lane.post(buyer, "/open/v1/redemptions", body)) == answer
    assert redeem(lane, buyer, codes[0]).status_code == 201


def test_an_offline_till_tells_afterwards(lane, shop):
    buyer, codes, _ = shop
    taken = (clock.now() - timedelta(days=2)).isoformat()
    told = redeem(lane, buyer, codes[0], redeemed_at=taken).json()
    assert told["redeemed_at"][:19] == taken[:19]


def test_redeeming_takes_its_scope(lane, shop, machine):
    _, codes, _ = shop
    assert code(redeem(lane, machine(), codes[0])) == (403, "no_scope")
    assert code(redeem(lane, machine(scopes=("redemptions",)), codes[0])) == (404, "no_such_code")
