"""The same contract on both lanes: status, body and codes are the same wherever a machine asks."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest

from kashu import party, sales
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from tests import make


def code(response):
    assert response.headers["content-type"] == "application/problem+json", response.text
    told = response.json()
    assert told["status"] == response.status_code
    return response.status_code, told["code"]


def test_a_purchase_is_answered_with_its_cards(lane, machine, stocked):
    buyer, sku = machine(), stocked(3)
    response = lane.buy(buyer, sku, 2, reference="PO-1")

    assert response.status_code == 201
    told = response.json()
    assert told.keys() == {
        "id",
        "sku",
        "quantity",
        "price_fen",
        "total_fen",
        "reference",
        "cards",
        "state",
        "delivered_at",
    }
    assert (told["sku"], told["quantity"], told["total_fen"], told["reference"]) == (sku.code, 2, 7_980, "PO-1")
    assert [card.keys() for card in told["cards"]] == [{"number", "secret", "expires_on"}] * 2
    assert response.headers["cache-control"] == "no-store"


def test_the_same_key_gives_the_same_answer_on_both_lanes(till, web, machine, stocked):
    buyer, sku = machine(), stocked(3)
    first = till.buy(buyer, sku, key="order-1")
    assert first.content == web.buy(buyer, sku, key="order-1").content == till.buy(buyer, sku, key="order-1").content
    assert code(web.buy(buyer, sku, 2, key="order-1")) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"quantity": 9}, (409, "out_of_stock")),
        ({"quantity": 1_001}, (422, "over_limit")),
        ({"quantity": 300}, (402, "short_of_funds")),
        ({"quantity": 0}, (422, "invalid")),
        ({"quantity": "2"}, (422, "invalid")),
        ({"sku": "NO-SUCH"}, (404, "not_for_sale")),
        ({"sku": "no such"}, (422, "invalid")),
        ({"reference": "x" * 65}, (422, "invalid")),
        ({"reference": "a\x00b"}, (422, "invalid")),
        ({"more": 1}, (422, "invalid")),
    ],
)
def test_a_refusal_has_its_code_and_leaves_the_key_free(lane, machine, stocked, asked, told):
    buyer, sku = machine(), stocked(2)
    body = json.dumps({"sku": sku.code, "quantity": 1, "reference": ""} | asked).encode()
    assert code(lane.post(buyer, "/open/v1/purchases", body, key="again")) == told
    assert lane.buy(buyer, sku, key="again").status_code == 201


def test_third_party_goods_need_split_payment(lane, machine, dsn, ring):
    with connect(dsn) as db, db.transaction():
        sku = make.stocked(db, ring, 1, seller=make.supplier(db))
    assert code(lane.buy(machine(), sku)) == (403, "needs_split_payment")


def test_a_reference_is_taken_once(lane, machine, stocked):
    buyer, sku = machine(), stocked(3)
    assert lane.buy(buyer, sku, reference="PO").status_code == 201
    assert code(lane.buy(buyer, sku, reference="PO")) == (409, "reference_taken")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"sku": 1}', b"[" * 5_000])
def test_a_body_that_cannot_be_read(lane, machine, body):
    status, told = code(lane.post(machine(), "/open/v1/purchases", body))
    assert (status, told) in {(400, "malformed"), (422, "invalid")}


def test_a_body_that_is_too_large(lane, machine):
    assert code(lane.post(machine(), "/open/v1/purchases", b" " * 70_000)) == (413, "too_large")


@pytest.mark.parametrize("gone", ["Kashu-Key", "Kashu-Timestamp", "Kashu-Nonce", "Kashu-Signature"])
def test_a_missing_header_is_said(lane, machine, gone):
    buyer = machine()
    headers = buyer.signed("GET", "/open/v1/account")
    del headers[gone]
    assert code(lane.ask("GET", "/open/v1/account", headers)) == (401, "missing_credentials")


@pytest.mark.parametrize("away", [-310, 310, -86_400])
def test_a_timestamp_out_of_its_window(lane, machine, away):
    stamp = str(int(time.time()) + away)
    assert code(lane.get(machine(), "/open/v1/account", stamp=stamp)) == (401, "stale_timestamp")


@pytest.mark.parametrize("stamp", ["soon", "-1", "1e9", "9" * 13])
def test_a_timestamp_that_is_none(lane, machine, stamp):
    headers = machine().signed("GET", "/open/v1/account")
    headers["Kashu-Timestamp"] = stamp
    assert code(lane.ask("GET", "/open/v1/account", headers)) == (401, "stale_timestamp")


def test_a_wrong_secret_and_an_unknown_key_are_told_alike(lane, machine):
    buyer = machine()
    wrong = lane.get(buyer, "/open/v1/account", secret="other")
    buyer.key_id = "kk_AAAAAAAAAAAAAAAAAAAA"
    unknown = lane.get(buyer, "/open/v1/account")
    assert code(wrong) == code(unknown) == (401, "bad_signature")
    assert wrong.content == unknown.content


def test_what_was_signed_cannot_be_changed(lane, machine, stocked):
    buyer, sku = machine(), stocked(3)
    body = json.dumps({"sku": sku.code, "quantity": 1}).encode()
    headers = buyer.signed("POST", "/open/v1/purchases", body, "k1")
    more = body.replace(b": 1}", b": 2}")
    assert code(lane.ask("POST", "/open/v1/purchases", headers, more)) == (401, "bad_signature")
    assert code(lane.ask("POST", "/open/v1/purchases?x=1", headers, body)) == (401, "bad_signature")
    assert code(lane.ask("POST", "/open/v1/purchases", headers | {"Idempotency-Key": "k2"}, body)) == (
        401,
        "bad_signature",
    )
    assert lane.ask("POST", "/open/v1/purchases", headers, body).status_code == 201


def test_a_write_cannot_be_replayed_a_read_can(lane, machine, stocked):
    buyer, sku = machine(), stocked(3)
    body = json.dumps({"sku": sku.code, "quantity": 1}).encode()
    headers = buyer.signed("POST", "/open/v1/purchases", body, "k1")
    assert lane.ask("POST", "/open/v1/purchases", headers, body).status_code == 201
    assert code(lane.ask("POST", "/open/v1/purchases", headers, body)) == (401, "nonce_replayed")

    read = buyer.signed("GET", "/open/v1/account")
    assert [lane.ask("GET", "/open/v1/account", read).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
def test_a_write_needs_a_key(lane, machine, stocked, key):
    assert code(lane.buy(machine(), stocked(1), key=key)) == (422, "idempotency_key")


def test_a_revoked_key_is_dead_at_once(lane, machine, stocked, dsn):
    buyer, sku = machine(), stocked(3)
    assert lane.buy(buyer, sku).status_code == 201
    with connect(dsn) as db, db.transaction():
        assert party.revoke_key(db, make.STAFF, buyer.key_id, clock.now()) is None
    assert code(lane.buy(buyer, sku)) == (401, "bad_signature")
    assert code(lane.get(buyer, "/open/v1/account")) == (401, "bad_signature")


def test_a_rotated_key_overlaps_and_ends(lane, machine, dsn, ring):
    buyer = machine()
    with connect(dsn) as db, db.transaction():
        new, secret = party.rotate_key(db, ring, make.STAFF, buyer.key_id, 3_600, clock.now())
    assert lane.get(buyer, "/open/v1/account").status_code == 200
    after = type(buyer)(new.id, secret)
    assert lane.get(after, "/open/v1/account").status_code == 200
    with connect(dsn) as db:
        db.execute(
            "UPDATE party_api_key SET expires_at = %s WHERE id = %s", [clock.now() - timedelta(seconds=1), buyer.key_id]
        )
    assert code(lane.get(buyer, "/open/v1/account")) == (401, "bad_signature")
    assert lane.get(after, "/open/v1/account").status_code == 200


def test_a_scope_opens_only_its_addresses(lane, machine, stocked):
    buyer = machine(scopes=("account.read",))
    assert lane.get(buyer, "/open/v1/account").status_code == 200
    assert code(lane.get(buyer, "/open/v1/skus")) == (403, "no_scope")
    assert code(lane.buy(buyer, stocked(1))) == (403, "no_scope")


def test_a_frozen_account_buys_nothing(lane, machine, stocked, dsn):
    buyer, sku = machine(), stocked(1)
    with connect(dsn) as db, db.transaction():
        sales.change_account(db, make.STAFF, buyer.account.id, ("frozen", 1_000, None), "", clock.now())
    assert code(lane.buy(buyer, sku)) == (403, "account_closed")


def test_a_key_has_a_rate(lane, machine):
    buyer = machine(per_second=3)
    answers = [lane.get(buyer, "/open/v1/account") for _ in range(6)]
    assert answers[0].status_code == 200
    refused = next(one for one in answers if one.status_code == 429)
    assert code(refused) == (429, "too_often")
    assert int(refused.headers["retry-after"]) >= 1


def test_the_account_says_what_it_can_spend(lane, machine, stocked):
    buyer = machine(10_000, day_max_fen=9_000)
    lane.buy(buyer, stocked(1))
    told = lane.get(buyer, "/open/v1/account").json()
    assert (told["balance_fen"], told["day_max_fen"], told["spent_today_fen"]) == (6_010, 9_000, 3_990)


def test_a_purchase_is_found_by_its_id_and_its_reference(lane, machine, stocked):
    buyer, other = machine(), machine()
    bought = lane.buy(buyer, stocked(2), 2, reference="采购 7")
    by_id = lane.get(buyer, f"/open/v1/orders/{bought.json()['id']}")
    by_reference = lane.get(buyer, "/open/v1/orders?reference=%E9%87%87%E8%B4%AD%207")
    assert bought.content == by_id.content == by_reference.content
    assert code(lane.get(other, f"/open/v1/orders/{bought.json()['id']}")) == (404, "not_found")
    assert code(lane.get(other, "/open/v1/orders?reference=%E9%87%87%E8%B4%AD%207")) == (404, "not_found")
    assert code(lane.get(buyer, "/open/v1/orders")) == (422, "invalid")


def test_a_second_look_at_cards_is_in_the_trail(lane, machine, stocked, dsn):
    buyer = machine()
    bought = lane.buy(buyer, stocked(1)).json()
    lane.get(buyer, f"/open/v1/orders/{bought['id']}")
    with connect(dsn) as db:
        found = value(
            db, "SELECT count(*) FROM audit_entry WHERE verb = 'order.shown' AND after ->> 'key' = %s", [buyer.key_id]
        )
    assert found == 1


def test_a_statement_is_read_page_by_page(lane, machine, stocked):
    buyer, sku = machine(), stocked(5)
    bought = [lane.buy(buyer, sku).json() for _ in range(4)]
    first = lane.get(buyer, "/open/v1/statements?limit=3").json()
    second = lane.get(buyer, f"/open/v1/statements?limit=3&after={first['next']}").json()
    told = [*first["entries"], *second["entries"]]
    assert [one["memo"] for one in told[:4]] == [one["id"] for one in reversed(bought)]
    assert [one["kind"] for one in told] == ["purchase"] * 4 + ["topup"]
    assert sum(one["amount_fen"] for one in told) == lane.get(buyer, "/open/v1/account").json()["balance_fen"]
    assert second["next"] is None


def test_skus_are_listed_page_by_page_at_the_accounts_price(lane, machine, stocked, dsn):
    buyer, sku = machine(), stocked(5)
    at = clock.now()
    with connect(dsn) as db, db.transaction():
        price = sales.ContractPrice(make.ids(1)[0], buyer.account.id, sku.id, 2_000, at, None, "", at, "")
        sales.set_contract_price(db, make.STAFF, price)
    seen, after = [], ""
    for _ in range(100):
        page = lane.get(buyer, f"/open/v1/skus?limit=20{after}").json()
        seen += page["skus"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    codes = [one["sku"] for one in seen]
    assert codes == sorted(set(codes))
    mine = next(one for one in seen if one["sku"] == sku.code)
    assert (mine["price_fen"], mine["available"], mine["needs_split_payment"]) == (2_000, 5, False)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "after=%00", "after=!!", "more=1", "limit=1&limit=2", "%ff"]
)
def test_a_query_that_is_not_right(lane, machine, query):
    assert code(lane.get(machine(), f"/open/v1/statements?{query}")) == (422, "invalid")


def test_what_is_not_there(lane, machine):
    buyer = machine()
    assert code(lane.get(buyer, "/open/v1/nothing")) == (404, "not_found")
    assert code(lane.get(buyer, "/open/v1/orders/1A-7Q2M4K8D1X")) == (404, "not_found")
    refused = lane.get(buyer, "/open/v1/purchases")
    assert code(refused) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "POST"


def test_the_document_is_the_same_on_both_lanes(till, web):
    told = [lane.ask("GET", "/open/v1/openapi.json", {}).json() for lane in (till, web)]
    assert told[0]["paths"] == told[1]["paths"]
    assert told[0]["openapi"] == "3.1.0"


def test_made_up_keys_cannot_make_us_ask_the_database_for_ever(till, machine, monkeypatch):
    from kashu.wire.open import auth

    buyer = machine()
    assert till.get(buyer, "/open/v1/account").status_code == 200
    monkeypatch.setattr(auth, "LOOKS_PER_SECOND", 1)
    known = buyer.key_id
    told = []
    for n in range(5):
        buyer.key_id = f"kk_{n:020d}"
        told.append(till.get(buyer, "/open/v1/account").status_code)
    assert 429 in told
    buyer.key_id = known
    assert till.get(buyer, "/open/v1/account").status_code == 200  # who is known is served


def test_a_repeated_purchase_is_in_the_trail(lane, machine, stocked, dsn):
    buyer, sku = machine(), stocked(1)
    first = lane.buy(buyer, sku, key="k")
    assert lane.buy(buyer, sku, key="k").content == first.content
    with connect(dsn) as db:
        found = value(
            db,
            "SELECT count(*) FROM audit_entry WHERE verb = 'order.shown' AND actor = %s",
            [f"account {buyer.account.id}"],
        )
    assert found == 1
