"""Orders issued by a supplier (直充) over real HTTP, against its twin and against a world that loses answers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from kashu import cards, catalog, sales
from kashu.jobs import supply, worker
from kashu.jobs.supply import ask_order, send_order
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.ledger import check
from kashu.server import invariants
from kashu.server.wiring import context
from kashu.wire import signed
from kashu.wire.signed import CallError, answer_signature
from kashu.wire.supply import Supplier
from sandbox.supply import KEY_ID
from tests import make
from tests.ports import free_port


@pytest.fixture(scope="module")
def twin(sandbox):
    """A running supplier: its address and secret."""
    url, folder = sandbox
    return url, (folder / "supply.secret").read_text()


@pytest.fixture
def ctx(house):
    made = context(house)
    yield made
    made.http.close()


@pytest.fixture
def taken(dsn, ring):
    """`taken(url, secret, phone)`: a purchase for that phone from a supplier at that address; its key and account."""

    def take(url, secret, phone):
        with connect(dsn) as db, db.transaction():
            sku, account = make.sku(db, price_fen=1_000, kind="on_demand"), make.account(db, 5_000)
            source = replace(make.source(db, ring), url=url, key_id=KEY_ID)
            cards.set_source(db, ring, make.STAFF, source, secret, clock.now())
            make.slots(db, ring, sku, 2, source)
            [told] = sales.sell(db, ring, [make.purchase(sku, account, form={"phone": phone})], clock.now())
            key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [told.number]).fetchone()
        return key, account

    return take


def body_of(key, **more):
    return {"pool_id": key[0], "order_id": str(key[1]), **more}


def seen(dsn, key):
    with connect(dsn) as db, db.transaction():
        assert check(db) == []
        assert invariants.check(db) == []
        [order] = sales.orders(db, [key]).values()
        account = sales.accounts(db, [order.account_id])[order.account_id]
        waits = sales.fulfilments(db, [key])[key[1]]
        asks = values(
            db,
            "SELECT topic FROM outbox WHERE topic LIKE 'fulfil.%%' AND body ->> 'order_id' = %s ORDER BY id",
            [str(key[1])],
        )
        return order.state, account.balance_fen, waits.state, asks[1:]  # the first is the purchase's own


def test_an_order_is_issued_once_and_delivered(ctx, dsn, ring, twin, taken):
    key, _ = taken(*twin, "13800138000")
    send_order(ctx, body_of(key))
    assert seen(dsn, key) == ("delivered", 4_000, "done", [])
    send_order(ctx, body_of(key))
    with connect(dsn) as db, db.transaction():
        [receipt] = sales.receipts(db, ring, [key])
    assert receipt.cards[0].secret.startswith("充值成功 ")


def test_what_the_supplier_refuses_is_given_back(ctx, dsn, twin, taken):
    key, _ = taken(*twin, "13800130000")
    send_order(ctx, body_of(key))
    assert seen(dsn, key) == ("refunded", 5_000, "failed", [])
    with connect(dsn) as db:
        assert value(db, "SELECT close_reason FROM sales_order WHERE id = %s", [key[1]]) == "账号不支持充值"


def test_what_takes_long_is_asked_about_until_it_is_done(ctx, dsn, twin, taken):
    key, _ = taken(*twin, "13800131111")
    send_order(ctx, body_of(key))
    assert seen(dsn, key) == ("paid", 4_000, "sent", ["fulfil.ask"])
    deadline = time.monotonic() + 30
    while seen(dsn, key)[0] == "paid" and time.monotonic() < deadline:
        ask_order(ctx, body_of(key, turn=1))
        time.sleep(0.5)
    assert seen(dsn, key)[:3] == ("delivered", 4_000, "done")


def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_twice(ctx, dsn, twin, taken):
    key, _ = taken(*twin, "13800132222")
    send_order(ctx, body_of(key))
    assert seen(dsn, key) == ("paid", 4_000, "sent", ["fulfil.ask"])
    send_order(ctx, body_of(key))  # the same job again, as after a crash
    assert seen(dsn, key)[3] == ["fulfil.ask", "fulfil.ask"]
    ask_order(ctx, body_of(key, turn=1))
    assert seen(dsn, key)[:3] == ("delivered", 4_000, "done")


def test_an_order_that_never_arrived_is_sent_again(ctx, dsn, twin, taken):
    key, _ = taken(*twin, "13800133333")
    send_order(ctx, body_of(key))
    assert seen(dsn, key)[:3] == ("paid", 4_000, "sent")
    ask_order(ctx, body_of(key, turn=1))
    assert seen(dsn, key) == ("paid", 4_000, "waiting", ["fulfil.ask", "fulfil.send"])


def test_a_supplier_that_cannot_be_reached_costs_nobody_money(ctx, dsn, taken):
    """It may have had the order: only its word ends it, and somebody is told."""
    key, _ = taken(f"http://127.0.0.1:{free_port()}", "secret", "13800138000")
    send_order(ctx, body_of(key))
    for turn in range(1, 12):
        ask_order(ctx, body_of(key, turn=turn))
    assert seen(dsn, key)[:3] == ("paid", 4_000, "sent")
    with connect(dsn) as db:
        assert (
            value(db, "SELECT count(*) FROM sales_incident WHERE kind = 'fulfilment_stuck' AND order_id = %s", [key[1]])
            == 1
        )


class Liar(BaseHTTPRequestHandler):
    """A supplier's address in other hands: `says` makes its answer of (number, nonce)."""

    says = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        raw, signature = self.says(json.loads(body)["order"], self.headers["kashu-nonce"])
        self.send_response(200)
        self.send_header("kashu-signature", signature)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


def done(number, **more):
    return json.dumps({"order": number, "state": "done", "number": "SN", "text": "ok", **more}).encode()


def blank(number):
    return json.dumps({"order": number, "state": "done", "text": ""}).encode()


@pytest.mark.parametrize(
    ("says", "trouble"),
    [
        (lambda number, nonce: (done(number), "0" * 64), "not signed"),
        (lambda number, nonce: (done(number), answer_signature(b"secret", "another nonce", done(number))), "not signed"),
        (lambda number, nonce: (done("1A-9"), answer_signature(b"secret", nonce, done("1A-9"))), "another order"),
        (lambda number, nonce: (b"{", answer_signature(b"secret", nonce, b"{")), "cannot be read"),
        (lambda number, nonce: (done(number, text="a\nb"), answer_signature(b"secret", nonce, done(number, text="a\nb"))), "no text"),
        (lambda number, nonce: (done(number, text="x" * 513), answer_signature(b"secret", nonce, done(number, text="x" * 513))), "too long"),
        (lambda number, nonce: (b"x" * 20_000, answer_signature(b"secret", nonce, b"x" * 20_000)), "too long"),
        (lambda number, nonce: (b'{"order": "\xff"}', answer_signature(b"secret", nonce, b'{"order": "\xff"}')), "cannot be read"),
        (lambda number, nonce: (blank(number), answer_signature(b"secret", nonce, blank(number))), "nothing issued"),
    ],
)  # fmt: skip
def test_only_the_suppliers_own_word_counts(ctx, dsn, ring, taken, says, trouble):
    Liar.says = staticmethod(says)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        key, _ = taken(f"http://127.0.0.1:{server.server_port}", "secret", "13800138000")
        with connect(dsn) as db, db.transaction():
            told = sales.send(db, ring, key, clock.now())
        with pytest.raises(CallError, match=trouble):
            Supplier(ring).send(told)
        ask_order(ctx, body_of(key, turn=1))
        assert seen(dsn, key)[:3] == ("paid", 4_000, "sent")
    finally:
        server.shutdown()
        server.server_close()


def test_a_text_may_hold_a_full_width_space(ctx, dsn, taken):
    raw = None

    def says(number, nonce):
        nonlocal raw
        raw = done(number, text="充值成功　请查收")
        return raw, answer_signature(b"secret", nonce, raw)

    Liar.says = staticmethod(says)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    key, _ = taken(f"http://127.0.0.1:{server.server_port}/api", "secret", "13800138000")
    send_order(ctx, body_of(key))
    server.shutdown()
    server.server_close()
    assert seen(dsn, key)[0] == "delivered"


def test_what_a_person_has_taken_on_is_not_sent_as_well(ctx, dsn, ring, twin, taken):
    key, _ = taken(*twin, "13800138000")
    with connect(dsn) as db, db.transaction():
        assert sales.look(db, ring, make.STAFF, key, clock.now()) == {"phone": "13800138000"}
    send_order(ctx, body_of(key))
    assert seen(dsn, key)[:3] == ("paid", 4_000, "waiting")


def test_what_may_still_arrive_is_not_given_back(ctx, dsn, taken):
    """Its supplier never had it, but the call may be on its way until its timestamp is stale."""
    key, _ = taken(f"http://127.0.0.1:{free_port()}", "secret", "13800138000")
    send_order(ctx, body_of(key))
    with connect(dsn) as db, db.transaction():
        due = sales.fulfilments(db, [key])[key[1]].due_at
        db.execute("UPDATE sales_fulfilment SET sent_at = %s WHERE order_id = %s", [due, key[1]])
        sales.not_arrived(db, key, 1, due)
        for seconds, told in ((329, "waiting"), (331, "failed")):
            sales.give_up(db, key, due + timedelta(seconds=seconds))
            assert sales.fulfilments(db, [key])[key[1]].state == told


def test_a_supplier_that_does_not_answer_holds_some_places_only(ctx, dsn, twin, taken, monkeypatch):
    """The others stay free; its own order comes again in a moment, not sent."""
    key, _ = taken(*twin, "13800138000")
    with connect(dsn) as db, db.transaction():
        source = sales.source_of(db, key)
    busy = supply._places.setdefault(source, threading.BoundedSemaphore(supply.PLACES))
    for _ in range(supply.PLACES):
        assert busy.acquire(blocking=False)
    send_order(ctx, body_of(key))
    assert seen(dsn, key) == ("paid", 4_000, "waiting", ["fulfil.send"])
    busy.release()
    send_order(ctx, body_of(key))
    assert seen(dsn, key)[0] == "delivered"


def test_an_answer_that_drips_is_let_go(ctx, dsn, ring, taken, monkeypatch):
    monkeypatch.setattr(signed, "TIMEOUT_SECONDS", 0.5)
    server = socket.create_server(("127.0.0.1", 0))

    def drip():
        with server.accept()[0] as peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            with contextlib.suppress(OSError):
                for _ in range(40):
                    peer.sendall(b"x: y\r\n")
                    time.sleep(0.1)

    thread = threading.Thread(target=drip)
    thread.start()
    key, _ = taken(f"http://127.0.0.1:{server.getsockname()[1]}", "secret", "13800138000")
    began = time.monotonic()
    send_order(ctx, body_of(key))
    assert time.monotonic() - began < 3
    assert seen(dsn, key)[:3] == ("paid", 4_000, "sent")
    thread.join()
    server.close()


def test_one_order_that_cannot_be_given_back_stops_no_other(ctx, dsn, taken, monkeypatch):
    keys = [taken("http://127.0.0.1:1", "secret", "13800138000")[0] for _ in range(3)]
    late, give_up = clock.now() + timedelta(minutes=31), sales.give_up

    def poisoned(db, key, at):
        if key == keys[1]:
            raise RuntimeError
        return give_up(db, key, at)

    monkeypatch.setattr("kashu.sales.give_up", poisoned)
    monkeypatch.setattr("kashu.kernel.clock.now", lambda: late)
    worker.give_up(ctx)
    assert [seen(dsn, key)[0] for key in keys] == ["refunded", "paid", "refunded"]


def test_what_is_issued_after_it_was_given_back_is_told(ctx, dsn, twin, taken, monkeypatch):
    key, _ = taken(*twin, "13800138000")
    send = sales.send

    def given_back_meanwhile(db, ring, told, at):
        sending = send(db, ring, told, at)
        sales.unfulfilled(db, make.STAFF, key, "by hand", at)
        return sending

    monkeypatch.setattr("kashu.sales.send", given_back_meanwhile)
    send_order(ctx, body_of(key))
    with connect(dsn) as db:
        assert values(db, "SELECT kind FROM sales_incident WHERE order_id = %s", [key[1]]) == ["issued_after_end"]


def test_what_nobody_began_with_is_given_back_by_the_timetable(ctx, dsn, taken, monkeypatch):
    key, _ = taken("http://127.0.0.1:1", "secret", "13800138000")
    late = clock.now() + timedelta(minutes=31)
    monkeypatch.setattr("kashu.kernel.clock.now", lambda: late)
    worker.give_up(ctx)
    assert seen(dsn, key)[:3] == ("refunded", 5_000, "failed")


def test_the_twin_refuses_what_is_not_signed(twin):
    body = b"{}"
    with httpx.Client(trust_env=False) as http:
        answer = http.post(
            twin[0] + "/supply/v1/orders",
            content=body,
            headers={"kashu-key": KEY_ID, "kashu-signature": hashlib.sha256(body).hexdigest()},
        )
    assert answer.status_code == 401


@pytest.fixture
def checked(dsn, ring):
    """`checked(url, secret, end)`: a loaded batch of a supplier that answers for its cards; its pool."""

    def load(url, secret, end="92TR"):
        with connect(dsn) as db, db.transaction():
            source = make.source(db, ring, url, secret)
            told = replace(source, checks_cards=True, key_id=KEY_ID)
            cards.set_source(db, ring, make.STAFF, told, "", clock.now())
            return make.batch(db, ring, make.sku(db), 3, on_sale=False, by=source.supplier_id, end=end).pool_id

    return load


@pytest.mark.parametrize(("end", "stops"), [("USED", True), ("FAKE", True), ("LOST", False), ("92TR", False)])
def test_a_sample_is_checked_before_anything_is_sold(ctx, dsn, twin, checked, end, stops):
    """卡密盗版: the batch is loaded, the job asks the supplier's server, and its answer stops the batch or lets it go."""
    pool = checked(*twin, end)
    supply.probe_cards(ctx, {"pool_id": pool, "turn": 1, "tries": 0})
    with connect(dsn) as db, db.transaction():
        lacking = cards.lacks(db, cards.batch(db, pool), clock.now())
        step = next(one for one in cards.steps(db, pool) if one.event == "probed")
    assert (cards.Refusal.FROZEN in lacking) is stops
    assert (cards.Refusal.NOT_PROBED in lacking) is (end == "LOST"), "a sample that it does not know proves nothing"
    assert step.body["cards"] == 3


def test_a_disputed_card_is_asked_about_as_a_step_of_its_own(ctx, dsn, twin, checked, ring):
    """What a buyer says is bad is asked about over the same wire, and is no sample of the batch."""
    pool = checked(*twin, "FINE")
    supply.probe_cards(ctx, {"pool_id": pool, "turn": 1, "tries": 0})
    with connect(dsn) as db, db.transaction():
        make.put_on_sale(db, ring, pool)
        who = make.buyer()
        product = value(db, "SELECT product_id FROM catalog_sku WHERE id = %s", [cards.batch(db, pool).sku_id])
        [sku] = catalog.skus_of(db, product)
        placed = make.order(db, ring, sku, 1, who)
        sales.settle(db, [make.notice(placed)], clock.now())
        sales.reveal(db, ring, placed.token, who, clock.now())
        assert sales.dispute(db, make.STAFF, (placed.pool_id, placed.id), clock.now()) == 1
    supply.probe_cards(ctx, {"pool_id": pool, "turn": 2, "tries": 0})
    with connect(dsn) as db:
        assert cards.steps(db, pool)[-1].event == "checked"
        assert cards.sample_of(cards.steps(db, pool)).body["turn"] == 1


def test_a_supplier_that_does_not_answer_for_its_cards_is_asked_again(ctx, dsn, checked):
    pool = checked("http://127.0.0.1:1", "shared secret")
    asked = "SELECT count(*) FROM outbox WHERE topic = 'cards.probe' AND body->>'pool_id' = %s"
    supply.probe_cards(ctx, {"pool_id": pool, "turn": 1, "tries": 0})
    with connect(dsn) as db:
        assert value(db, asked, [str(pool)]) == 2
    supply.probe_cards(ctx, {"pool_id": pool, "turn": 1, "tries": supply.STUCK_AFTER})
    with connect(dsn) as db:
        assert value(db, asked, [str(pool)]) == 2
        told = "SELECT count(*) FROM audit_entry WHERE verb = 'batch.probe_unanswered' AND pool_id = %s"
        assert value(db, told, [pool]) == 1
        assert cards.Refusal.NOT_PROBED in cards.lacks(db, cards.batch(db, pool), clock.now())


@pytest.mark.parametrize("body", [{"check": "other", "cards": ["unused"] * 3}, {"check": "", "cards": ["unused"]},
                                  {"check": "", "cards": ["good"] * 3}, {"cards": []}, []])  # fmt: skip
def test_an_answer_about_other_cards_is_no_answer(ctx, dsn, ring, checked, monkeypatch, body):
    pool = checked("http://127.0.0.1:1", "shared secret")
    with connect(dsn) as db, db.transaction():
        told = cards.open_sample(db, ring, pool, 1, clock.now())
    answer = {**body, "check": body["check"] or told.name} if "check" in body else body

    async def post(url, sent, headers):
        raw = json.dumps(answer).encode()
        return raw, answer_signature(b"shared secret", headers["kashu-nonce"], raw)

    monkeypatch.setattr(signed, "post", post)
    with pytest.raises(CallError):
        Supplier(ring).check(told)
