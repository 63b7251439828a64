"""Having transactions attested (交易核验) over real HTTP, by the twin of our own contract: once, kept to the byte."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
import uvicorn

from kashu import cards, compliance, sales
from kashu.jobs import attesting
from kashu.jobs.attesting import attest
from kashu.jobs.messages import note_delivery, note_refund
from kashu.jobs.webhooks import announce_purchases
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.server.wiring import context
from kashu.wire import evidence
from kashu.wire.attestation import AttestationError, Attestor, _read
from sandbox.app import Sandbox
from sandbox.attestation import KEY_ID
from tests import make
from tests.ports import free_port


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    server = uvicorn.Server(uvicorn.Config(Sandbox(port, folder), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    secret = (folder / "attestor.secret").read_bytes().strip()
    yield Attestor(f"http://127.0.0.1:{port}", KEY_ID, lambda: secret)
    server.should_exit = True
    thread.join()


@pytest.fixture
def ctx(house, twin):
    made = replace(context(house), attestor=twin)
    yield made
    made.http.close()


@pytest.fixture
def delivered(dsn, ring, ctx):
    """`delivered(fen)`: an order of a guest that was just delivered and noted; its order."""

    def sell(price_fen=3_990, through=None):
        phone = f"139{next(make.numbers):08d}"
        with connect(dsn) as db, db.transaction():
            of = make.stocked(db, ring, 2, price_fen=price_fen)
            placed = make.order(db, ring, of, 1, make.buyer(phone, ring=ring))
            sales.settle(db, [make.notice(placed)], clock.now())
        note_delivery(through or ctx, {"pool_id": placed.pool_id, "order_id": str(placed.id)})
        return placed

    return sell


def told(dsn, placed):
    with connect(dsn) as db:
        return compliance.attestations_of(db, placed.number, 10)


def test_a_delivery_is_attested_once_and_kept_to_the_byte(ctx, dsn, ring, delivered):
    placed = delivered()
    note_delivery(ctx, {"pool_id": placed.pool_id, "order_id": str(placed.id)})  # the fact comes twice
    [waiting] = told(dsn, placed)
    assert waiting.state == "waiting"
    attest(ctx)
    [kept] = told(dsn, placed)
    assert (kept.state, kept.asked) == ("accepted", waiting.asked)
    assert json.loads(kept.answer)["receipt"] == kept.receipt
    body = json.loads(kept.asked)
    [line] = body["lines"]
    assert (body["order"], body["total_fen"], line["quantity"]) == (placed.number, 3_990, 1)
    with connect(dsn) as db, db.transaction():
        card = cards.records(db, [(one.pool_id, one.id) for one in sales.lines_of(db, [placed.id])[placed.id]])[0]
        assert len(line["proofs"]) == 1
        assert line["chain"] == cards.steps(db, card.pool_id)[-1].hash.hex()
        assert line["authorisation"]["brand"] == "知微课堂"
        files = evidence.facts.gather(
            db, ring, sales.orders(db, [(placed.pool_id, placed.id)])[placed.id], is_personal=False
        )
    assert json.loads(files["attestations.json"])[0]["receipt"] == kept.receipt


def test_nobody_and_no_secret_is_told(ctx, dsn, ring, delivered):
    placed = delivered()
    [kept] = told(dsn, placed)
    with connect(dsn) as db, db.transaction():
        [card] = sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())
    for hidden in (card.secret, placed.token, placed.checkout.buyer.phone):
        assert hidden not in kept.asked


def test_a_refusal_is_final_and_has_its_reason(ctx, dsn, delivered):
    placed = delivered(4_013)
    attest(ctx)
    [kept] = told(dsn, placed)
    assert (kept.state, kept.reason) == ("refused", "金额与备案不符")


def test_what_is_not_answered_is_told_again_later_and_then_waits_for_a_person(ctx, dsn, delivered, monkeypatch):
    placed = delivered(4_037)
    attest(ctx)
    [kept] = told(dsn, placed)
    assert (kept.state, kept.tries) == ("waiting", 1)
    assert attest(ctx) == 0, "not before its time"
    later = clock.now() + timedelta(minutes=3)
    monkeypatch.setattr(attesting.clock, "now", lambda: later)
    attest(ctx)
    assert told(dsn, placed)[0].state == "accepted"
    other = delivered(4_059)  # its answer is signed by nobody
    for day in range(1, 16):
        monkeypatch.setattr(attesting.clock, "now", lambda day=day: later + timedelta(days=2 * day))
        attest(ctx)
    [stuck] = told(dsn, other)
    assert (stuck.state, stuck.answer) == ("stuck", "")
    with connect(dsn) as db, db.transaction():
        assert compliance.attestations.retry(db, make.STAFF, stuck.id, clock.now())
        assert not compliance.attestations.retry(db, make.STAFF, stuck.id, clock.now())


def test_two_workers_tell_each_event_once(ctx, dsn, delivered):
    """Race: each event is taken by one of them."""
    orders = [delivered() for _ in range(6)]
    calls = []
    counted = replace(ctx, attestor=Counting(ctx.attestor, calls))
    threads = [threading.Thread(target=attest, args=(counted,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = {one.number for one in orders}
    assert sorted(one for one in calls if one in wanted) == sorted(wanted)
    assert {told(dsn, one)[0].state for one in orders} == {"accepted"}


class Counting:
    def __init__(self, inner, calls):
        self.inner, self.calls, self.url = inner, calls, inner.url

    def tell(self, one):
        self.calls.append(one.order_no)
        return self.inner.tell(one)


def test_a_refund_and_a_purchase_by_machine_are_told_too(ctx, dsn, ring, delivered):
    placed = delivered()
    with connect(dsn) as db, db.transaction():
        sales.refund(db, make.STAFF, placed.token, None, "买家改主意", clock.now())
    note_refund(ctx, {"pool_id": placed.pool_id, "order_id": str(placed.id)})
    assert {one.event for one in told(dsn, placed)} == {"delivered", "refunded"}
    with connect(dsn) as db, db.transaction():
        account, of = make.account(db), make.stocked(db, ring, 3)
        [receipt] = sales.sell(db, ring, [make.purchase(of, account, 2)], clock.now())
        row = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [receipt.number]).fetchone()
    body = {"pool_id": row[0], "order_id": str(row[1]), "account_id": account.id}
    announce_purchases(ctx, [body, body])
    [kept] = told(dsn, receipt)
    assert sum(len(line["proofs"]) for line in json.loads(kept.asked)["lines"]) == 2


def test_without_an_attestor_nothing_is_written_down(ctx, dsn, delivered):
    placed = delivered(through=replace(ctx, attestor=None))
    assert told(dsn, placed) == []
    assert attest(replace(ctx, attestor=None)) == 0


@pytest.mark.parametrize("raw", [
    b"", b"[]", b"{", "é".encode("latin-1"), b'{"id":"other","state":"accepted","receipt":"R"}', b'{"id":"x","state":"accepted"}',
    b'{"id":"x","state":"maybe"}', b'{"id":"x","state":"refused","reason":"a\\nb"}',
    json.dumps({"id": "x", "state": "refused", "reason": "x" * 201}).encode(), b"[" * 100_000,
])  # fmt: skip
def test_an_answer_that_cannot_be_believed_is_none(raw):
    with pytest.raises(AttestationError):
        _read("x", raw, "")


def test_the_twin_takes_nobody_elses_word_and_no_change(twin):
    url = f"{twin.url}/attestation/v1/events"
    assert httpx.post(url, content=b"{}", headers={"kashu-key": KEY_ID}, trust_env=False).status_code == 401
    one = compliance.Attestation(
        make.ids(1)[0], "delivered", "N", "N", '{"event":"delivered","order":"N","total_fen":100}', "waiting", 1, clock.now(),
        "", "", "", "", None,
    )  # fmt: skip
    assert twin.tell(one).receipt == twin.tell(one).receipt != ""
    changed = replace(one, asked=one.asked.replace("100", "200"))
    assert twin.tell(changed).state == "refused"


def test_the_schema_keeps_one_row_for_each_event(db):
    new = [compliance.NewAttestation("delivered", "A-1", "A-1", "{}")] * 2
    assert compliance.attestations.tell(db, new[:1], clock.now()) == 1
    assert compliance.attestations.tell(db, new[:1], clock.now()) == 0
    assert value(db, "SELECT count(*) FROM compliance_attestation WHERE order_no = 'A-1'") == 1
