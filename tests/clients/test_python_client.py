"""The Python client against both lanes, and where the world is against it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
import pytest
from kashu_client import AsyncKashu, Kashu, KashuError, WebhookError, asking, verify_webhook

from kashu.kernel.db import Pool
from kashu.server.wiring import context
from kashu.till.app import App

CARD = {"number": "N1", "secret": "S-SECRET", "expires_on": "2027-01-31"}
BOUGHT = {
    "id": "1A-1", "sku": "ZM", "quantity": 1, "price_fen": 100, "total_fen": 100, "reference": "",
    "cards": [CARD], "state": "delivered", "delivered_at": "2026-01-02T03:04:05Z", "added_later": 1,
}  # fmt: skip


class Waited:
    """An AsyncKashu whose every call is waited for, so that one test speaks to both clients."""

    def __init__(self, runner, client):
        self.runner, self.client = runner, client

    def __getattr__(self, name):
        async def done(*told, **named):
            asked = getattr(self.client, name)(*told, **named)
            return [one async for one in asked] if hasattr(asked, "__aiter__") else await asked

        return lambda *told, **named: self.runner.run(done(*told, **named))


@contextmanager
def sync_over(transport):
    with httpx.Client(transport=transport) as http:
        yield lambda key_id, secret: Kashu("http://testserver", key_id, secret, http)


@contextmanager
def async_over(transport):
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient(transport=transport)
        yield lambda key_id, secret: Waited(runner, AsyncKashu("http://testserver", key_id, secret, http))
        runner.run(http.aclose())


@pytest.fixture
def till(house):
    pool = Pool(house.dsn)
    with async_over(httpx.ASGITransport(app=App(replace(context(house), pool=pool)))) as made:
        yield made
    pool.close()


@pytest.fixture
def web(site):
    from kashu.server.wsgi import application

    with sync_over(httpx.WSGITransport(app=application)) as made:
        yield made


@pytest.fixture(params=["till", "web"])
def client(request):
    """Makes a client for a key: async against the till, sync against Django."""
    return request.getfixturevalue(request.param)


def test_a_purchase_comes_with_its_cards(client, machine, stocked):
    buyer, sku = machine(), stocked(3)
    kashu = client(buyer.key_id, buyer.secret)
    bought = kashu.buy(sku.code, 2, reference="采购 7")
    assert (bought.sku, bought.quantity, bought.total_fen, bought.reference) == (sku.code, 2, 7_980, "采购 7")
    assert len({card.secret for card in bought.cards}) == 2
    assert bought.delivered_at.tzinfo is not None
    assert kashu.order(bought.id) == kashu.order_by_reference("采购 7") == bought
    assert not any(card.secret in repr(bought) for card in bought.cards)


def test_one_key_buys_once(client, machine, stocked):
    buyer, sku = machine(), stocked(3)
    kashu = client(buyer.key_id, buyer.secret)
    first = kashu.buy(sku.code, 1, idempotency_key="PO-1")
    assert kashu.buy(sku.code, 1, idempotency_key="PO-1") == first
    assert kashu.buy(sku.code, 1).id != kashu.buy(sku.code, 1).id
    with pytest.raises(KashuError) as refused:
        kashu.buy(sku.code, 2, idempotency_key="PO-1")
    assert (refused.value.status, refused.value.code) == (422, "idempotency_mismatch")


def test_the_account_and_its_statement(client, machine, stocked, monkeypatch):
    monkeypatch.setattr(asking, "PAGE", 2)
    buyer, sku = machine(10_000, day_max_fen=9_000), stocked(3)
    kashu = client(buyer.key_id, buyer.secret)
    bought = [kashu.buy(sku.code, 1).id, kashu.buy(sku.code, 1).id]
    account = kashu.account()
    assert (account.balance_fen, account.day_max_fen, account.spent_today_fen) == (2_020, 9_000, 7_980)
    entries = list(kashu.statements())
    assert [(one.kind, one.amount_fen) for one in entries] == [
        ("purchase", -3_990),
        ("purchase", -3_990),
        ("topup", 10_000),
    ]
    assert [one.memo for one in entries[:2]] == bought[::-1]


def test_skus_are_read_over_all_pages(client, machine, stocked, monkeypatch):
    monkeypatch.setattr(asking, "PAGE", 2)
    buyer, codes = machine(), {stocked(1).code for _ in range(5)}
    found = list(client(buyer.key_id, buyer.secret).skus())
    assert codes <= {one.sku for one in found}
    assert len({one.sku for one in found}) == len(found)
    mine = next(one for one in found if one.sku in codes)
    assert (mine.available, mine.needs_split_payment, type(mine.price_fen)) == (1, False, int)


def test_a_refusal_is_told_and_not_tried_again(client, machine, stocked, waits):
    buyer, sku = machine(), stocked(1)
    kashu = client(buyer.key_id, buyer.secret)
    with pytest.raises(KashuError) as refused:
        kashu.buy(sku.code, 2, idempotency_key="PO-1")
    told = refused.value
    assert (told.status, told.code, told.retry_after, told.idempotency_key) == (409, "out_of_stock", None, "PO-1")
    assert waits == []
    assert kashu.account().balance_fen == 1_000_000


def test_a_wrong_secret_is_refused(client, machine):
    with pytest.raises(KashuError) as refused:
        client(machine().key_id, "wrong").account()
    assert (refused.value.status, refused.value.code) == (401, "bad_signature")


def test_a_key_over_its_rate_is_told_when_to_come_again(client, machine, waits):
    buyer = machine(per_second=1)
    kashu = client(buyer.key_id, buyer.secret)
    with pytest.raises(KashuError) as refused:
        [kashu.account() for _ in range(9)]
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "too_often", 1)
    assert waits == []


@pytest.fixture
def waits(monkeypatch):
    """What the clients would have waited, in seconds."""
    waited = []

    async def note(seconds):
        waited.append(seconds)

    monkeypatch.setattr("kashu_client.client.time.sleep", waited.append)
    monkeypatch.setattr("kashu_client.client.asyncio.sleep", note)
    return waited


@pytest.fixture(params=[sync_over, async_over])
def scripted(request):
    """A client whose world answers by a script; gives the client and the requests that it made."""
    made, opened = [], []

    def open_one(*script):
        answers = iter(script)

        def answer(asked):
            made.append(asked)
            told = next(answers)
            if isinstance(told, Exception):
                raise told
            return told

        opened.append(request.param(httpx.MockTransport(answer)))
        return opened[-1].__enter__()("kk_1", "secret"), made

    yield open_one
    for one in opened:
        one.__exit__(None, None, None)


def refusal(status, code, **headers):
    told = {"type": "t", "title": "t", "status": status, "code": code, "detail": "d"}
    return httpx.Response(status, json=told, headers=headers)


def bought():
    return httpx.Response(201, json=BOUGHT)


def test_a_broken_purchase_is_tried_again_with_its_key_and_a_new_nonce(scripted, waits):
    kashu, asked = scripted(
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        refusal(503, "unavailable", **{"Retry-After": "2"}),
        refusal(409, "in_flight", **{"Retry-After": "1"}),
        bought(),
    )
    assert kashu.buy("ZM", 1).id == "1A-1"

    assert len({one.headers["idempotency-key"] for one in asked}) == 1
    assert len({one.content for one in asked}) == 1
    assert len({one.headers["kashu-nonce"] for one in asked}) == len(asked) == 5
    assert [one.headers["kashu-signature"] for one in asked] == [signature_of(one) for one in asked]
    for wait, after, backoff in zip(waits, [0, 0, 2, 1], [0.25, 0.5, 1, 2], strict=True):
        assert after + backoff <= wait <= after + 2 * backoff


def signature_of(asked):
    """As the document tells it, with the secret `secret`."""
    stamp, nonce, key = (asked.headers[name] for name in ("kashu-timestamp", "kashu-nonce", "idempotency-key"))
    told = f"POST\n/open/v1/purchases\n{stamp}\n{nonce}\n{key}\n{hashlib.sha256(asked.content).hexdigest()}"
    return hmac.new(b"secret", told.encode(), hashlib.sha256).hexdigest()


def test_retry_after_is_waited_for_in_full(scripted, waits):
    kashu, _ = scripted(refusal(429, "too_often", **{"Retry-After": "30"}), bought())
    kashu.buy("ZM", 1)
    assert 30 <= waits[0] <= 31


def test_a_wait_that_is_too_long_is_left_to_the_caller(scripted, waits):
    kashu, asked = scripted(refusal(429, "too_often", **{"Retry-After": "31"}))
    with pytest.raises(KashuError) as refused:
        kashu.buy("ZM", 1)
    assert (refused.value.retry_after, len(asked), waits) == (31, 1, [])


def test_tries_come_to_an_end_and_leave_the_key(scripted, waits):
    kashu, asked = scripted(*[httpx.ConnectError("no route")] * 9)
    with pytest.raises(KashuError) as broken:
        kashu.buy("ZM", 1)
    assert (broken.value.status, broken.value.code, len(asked), len(waits)) == (0, "unreachable", 5, 4)
    assert broken.value.idempotency_key == asked[0].headers["idempotency-key"]
    assert isinstance(broken.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "malformed"), (401, "bad_signature"), (402, "short_of_funds"), (409, "out_of_stock"), (409, "reference_taken"),
     (422, "invalid"), (500, "broken")],
)  # fmt: skip
def test_no_other_refusal_is_tried_again(scripted, waits, status, code):
    kashu, asked = scripted(refusal(status, code))
    with pytest.raises(KashuError) as refused:
        kashu.buy("ZM", 1)
    assert (refused.value.status, refused.value.code, refused.value.detail) == (status, code, "d")
    assert (len(asked), waits) == (1, [])


def test_a_read_is_asked_once(scripted, waits):
    kashu, asked = scripted(refusal(503, "unavailable"))
    with pytest.raises(KashuError):
        kashu.account()
    assert (len(asked), waits) == (1, [])


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b'{"id": "1A-1", "cards": [{"secret": "S-SECRET"}]}'])
@pytest.mark.parametrize("status", [201, 302, 502])
def test_an_answer_that_is_not_kashus(scripted, status, body):
    kashu, _ = scripted(httpx.Response(status, content=body))
    with pytest.raises(KashuError) as broken:
        kashu.buy("ZM", 1, idempotency_key="PO-1")
    assert (broken.value.status, broken.value.code, broken.value.idempotency_key) == (status, "unreadable", "PO-1")
    assert "S-SECRET" not in repr(broken.value) + str(broken.value)


def test_an_answer_becomes_what_it_is(scripted):
    kashu, _ = scripted(bought())
    told = kashu.buy("ZM", 1)
    assert told.delivered_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert told.cards[0].expires_on == date(2027, 1, 31)


def test_an_id_stays_inside_its_address(scripted):
    kashu, asked = scripted(bought())
    kashu.order("../account?x=1#y")
    assert asked[0].url.raw_path == b"/open/v1/orders/..%2Faccount%3Fx%3D1%23y"


KEYS = [base64.b64encode(bytes([at]) * 24).decode() for at in (1, 2)]
BODY = '{"type":"order.delivered","note":"采购"}'.encode()
NOW = 1_800_000_000


def signed(key=KEYS[0], body=BODY, stamp=str(NOW), number="msg_1"):
    sign = hmac.new(base64.b64decode(key), f"{number}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(sign).decode()


def headers(signature, stamp=str(NOW)):
    return {"Webhook-Id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}


def test_a_webhook_that_is_right():
    assert verify_webhook(f"whsec_{KEYS[0]}", headers(signed()), BODY, NOW) == json.loads(BODY)


def test_a_webhook_as_the_standard_signs_it():
    """The example of the Standard Webhooks specification's own libraries."""
    told = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verify_webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", told, b'{"test": 2432232314}', 1_614_265_330)


@pytest.mark.parametrize("signatures", [[KEYS[1], KEYS[0]], [KEYS[0], KEYS[1]]])
def test_one_right_signature_of_several_will_do(signatures):
    several = " ".join([*(signed(key) for key in signatures), "v2,other"])
    verify_webhook(f"whsec_{KEYS[0]}", headers(several), BODY, NOW)


@pytest.mark.parametrize(
    "signature",
    ["", "v1,", "v1,é", signed(KEYS[1]), signed()[3:], signed().replace("v1", "v2"), signed(body=BODY + b" "),
     signed(number="msg_2"), signed(stamp=str(NOW + 1))],
)  # fmt: skip
def test_a_webhook_that_is_wrong(signature):
    with pytest.raises(WebhookError):
        verify_webhook(f"whsec_{KEYS[0]}", headers(signature), BODY, NOW)


@pytest.mark.parametrize(("away", "is_right"), [(-300, True), (300, True), (-301, False), (301, False)])
def test_a_webhook_has_its_time(away, is_right):
    told = headers(signed())
    if is_right:
        verify_webhook(f"whsec_{KEYS[0]}", told, BODY, NOW + away)
    else:
        with pytest.raises(WebhookError, match="window"):
            verify_webhook(f"whsec_{KEYS[0]}", told, BODY, NOW + away)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "9" * 13])
def test_a_webhook_whose_time_is_none(stamp):
    with pytest.raises(WebhookError):
        verify_webhook(f"whsec_{KEYS[0]}", headers(signed(stamp=stamp), stamp), BODY, NOW)


@pytest.mark.parametrize("gone", ["Webhook-Id", "webhook-timestamp", "webhook-signature"])
def test_a_webhook_without_a_header(gone):
    told = headers(signed())
    del told[gone]
    with pytest.raises(WebhookError):
        verify_webhook(f"whsec_{KEYS[0]}", told, BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
def test_a_secret_that_is_none_verifies_nothing(secret):
    forged = "v1," + base64.b64encode(hmac.new(b"", f"msg_1.{NOW}.".encode() + BODY, hashlib.sha256).digest()).decode()
    with pytest.raises(ValueError):
        verify_webhook(secret, headers(forged), BODY, NOW)


def test_a_bulk_purchase_is_asked_for_followed_and_fetched(client, machine, stocked, house, tmp_path):
    from kashu.jobs.bulk import buy_bulk

    buyer, sku = machine(10**8), stocked(50)
    kashu = client(buyer.key_id, buyer.secret)
    asked = kashu.buy_bulk(sku.code, 40, "correct horse battery", "BULK", "bulk-key")
    assert kashu.buy_bulk(sku.code, 40, "correct horse battery", "BULK", "bulk-key").id == asked.id
    with pytest.raises(KashuError) as refused:
        list(kashu.bulk_file(asked.id))
    assert refused.value.code == "not_ready"

    buy_bulk(replace(context(house), spool=tmp_path), {"bulk_id": asked.id})

    told = kashu.bulk(asked.id)
    assert (told.state, told.bought) == ("done", 40)
    whole = b"".join(kashu.bulk_file(asked.id))
    assert hashlib.sha256(whole).hexdigest() == told.file_sha256
    assert whole[:100] + b"".join(kashu.bulk_file(asked.id, start=100)) == whole
