"""Having transactions attested (交易核验) over real HTTP, by the twin of our own contract: once, kept to the byte."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import msgspec
import pytest

from kashu import cards, compliance, sales
from kashu.jobs import attesting
from kashu.jobs.attesting import attest
from kashu.jobs.messages import note_delivery, note_refund
from kashu.jobs.webhooks import announce_purchases
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.text import canonical_json
from kashu.server.wiring import context
from kashu.wire import attested, contract, evidence, verify
from kashu.wire.attestation import Attestor, Happened, _read
from kashu.wire.signed import CallError
from sandbox.attestation import EVENTS, KEY_ID
from tests import make
from tests.cards.test_redemption import ask, sell_code
from tests.race.at_once import at_once


@pytest.fixture(scope="module")
def twin(sandbox):
    url, folder = sandbox
    secret = (folder / "attestor.secret").read_bytes().strip()
    return Attestor(url, KEY_ID, lambda: secret)


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


@pytest.fixture
def sold(dsn, ring):
    """`sold()`: the shop that redeems them, codes of ours that were bought, and the receipt."""

    def sell(**told):
        with connect(dsn) as db, db.transaction():
            return sell_code(db, ring, **{"price_fen": 4_000} | told)

    return sell


def redeem(ctx, dsn, shop, code, key="till-1", do=attested.redeem, **more):
    with connect(dsn) as db, db.transaction():
        return do(ctx, db, ask(shop, code, key, **more), clock.now())


def undo(ctx, dsn, shop, code, key):
    return redeem(ctx, dsn, shop, code, key, attested.undo_redemption)


def events(dsn, receipt):
    """What is told of an order, the oldest first."""
    return [(one.event, one.subject, one.state) for one in reversed(told(dsn, receipt))]


def test_a_redemption_is_written_down_with_itself_and_attested_once(ctx, dsn, ring, sold):
    shop, [code, other], receipt = sold(many=2)
    done = redeem(ctx, dsn, shop, code)
    assert redeem(ctx, dsn, shop, code).id == done.id, "the same key tells the same again"
    assert redeem(ctx, dsn, shop, code, "till-2") is cards.RedeemRefusal.ALREADY_REDEEMED
    assert redeem(ctx, dsn, shop, "NO-SUCH-CODE") is cards.RedeemRefusal.NO_SUCH_CODE
    [waiting] = told(dsn, receipt)
    assert (waiting.event, waiting.subject, waiting.state) == ("redeemed", str(done.id), "waiting")
    attest(ctx)
    [kept] = told(dsn, receipt)
    assert (kept.state, kept.asked, bool(kept.receipt)) == ("accepted", waiting.asked, True)
    body = json.loads(kept.asked)
    assert (body["order"], body["total_fen"], body["redemption"]) == (receipt.number, 8_000, str(done.id))
    assert body["at"] == done.redeemed_at.isoformat()
    [line] = body["lines"]
    assert (line["quantity"], line["proofs"]) == (1, [verify.token(ring, done.pool_id, done.card_id)])
    for hidden in (code, other, done.place, done.key):
        assert hidden not in kept.asked
    with connect(dsn) as db, db.transaction():
        assert line["chain"] == cards.steps(db, done.pool_id)[-1].hash.hex()
        [order] = sales.orders(db, [key_of(db, receipt)]).values()
        files = evidence.facts.gather(db, ring, order, is_personal=False)
    [packed] = json.loads(files["attestations.json"])
    assert (packed["event"], packed["receipt"]) == ("redeemed", kept.receipt)
    assert packed["subject"] == json.loads(files["redemptions.json"])[0]["id"]


def key_of(db, receipt):
    return db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [receipt.number]).fetchone()


def test_a_redemption_and_what_is_told_of_it_are_kept_together_or_not_at_all(ctx, dsn, sold, monkeypatch):
    shop, [code], receipt = sold()
    with connect(dsn) as db, db.transaction(force_rollback=True):
        assert isinstance(attested.redeem(ctx, db, ask(shop, code), clock.now()), cards.Redemption)
    assert told(dsn, receipt) == []
    with monkeypatch.context() as patched:
        patched.setattr(compliance.attestations, "tell", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            redeem(ctx, dsn, shop, code)
    with connect(dsn) as db:
        assert cards.redemptions(db, shop, None, 9) == []
    assert isinstance(redeem(ctx, dsn, shop, code), cards.Redemption)
    assert len(told(dsn, receipt)) == 1


def test_what_is_undone_is_told_and_so_is_the_next_redemption(ctx, dsn, sold):
    shop, [code], receipt = sold()
    first = redeem(ctx, dsn, shop, code, "a")
    undone = undo(ctx, dsn, shop, code, "b")
    assert undo(ctx, dsn, shop, code, "b").id == undone.id == first.id
    assert redeem(ctx, dsn, shop, code, "a").id == first.id, "a late copy of the first call"
    second = redeem(ctx, dsn, shop, code, "c")
    attest(ctx)
    assert events(dsn, receipt) == [
        ("redeemed", str(first.id), "accepted"),
        ("undone", str(first.id), "accepted"),
        ("redeemed", str(second.id), "accepted"),
    ]
    [_, told_undone, _] = reversed(told(dsn, receipt))
    assert json.loads(told_undone.asked)["at"] == undone.undone_at.isoformat()


def test_a_redemption_that_was_told_late_has_its_own_instant_and_is_told_again(ctx, dsn, sold, monkeypatch):
    """Two kinds of late: a till that was offline, and an attestor that does not answer the first time (…37)."""
    at = clock.now()
    shop, [code], receipt = sold(price_fen=4_037, at=at - timedelta(days=3))
    taken = at - timedelta(days=2)
    redeem(ctx, dsn, shop, code, redeemed_at=taken)
    attest(ctx)
    [kept] = told(dsn, receipt)
    assert (kept.state, kept.tries, json.loads(kept.asked)["at"]) == ("waiting", 1, taken.isoformat())
    monkeypatch.setattr(attesting.clock, "now", lambda: at + timedelta(minutes=3))
    attest(ctx)
    assert events(dsn, receipt) == [("redeemed", kept.subject, "accepted")]
    assert told(dsn, receipt)[0].asked == kept.asked


def test_a_redemption_that_is_refused_there_is_final_and_stays_redeemed_here(ctx, dsn, sold):
    shop, [code], receipt = sold(price_fen=4_013)
    redeem(ctx, dsn, shop, code)
    attest(ctx)
    [kept] = told(dsn, receipt)
    assert (kept.state, kept.reason) == ("refused", "金额与备案不符")
    assert attest(ctx) == 0
    assert redeem(ctx, dsn, shop, code, "till-2") is cards.RedeemRefusal.ALREADY_REDEEMED


def test_without_an_attestor_a_redemption_is_not_written_down(ctx, dsn, sold):
    shop, [code], receipt = sold()
    nobody = replace(ctx, attestor=None)
    assert isinstance(redeem(nobody, dsn, shop, code, "a"), cards.Redemption)
    assert isinstance(undo(nobody, dsn, shop, code, "b"), cards.Redemption)
    assert told(dsn, receipt) == []


@pytest.mark.parametrize("keys", [["same"] * 6, [f"till-{n}" for n in range(6)]])
def test_tills_at_once_tell_of_one_redemption(ctx, dsn, sold, keys):
    """Race: copies of one call, and six shops with one code. The control: test_control_two_tills_would_both_find_it_good."""
    shop, [code], receipt = sold()
    answers = at_once(dsn, 6, lambda db, n: attested.redeem(ctx, db, ask(shop, code, keys[n]), clock.now()))
    done = {one.id for one in answers if isinstance(one, cards.Redemption)}
    assert len(done) == 1
    assert events(dsn, receipt) == [("redeemed", str(done.pop()), "waiting")]


def test_a_redemption_that_is_undone_while_it_is_told_is_told_of_twice(ctx, dsn, sold):
    """Race: undoing and redeeming again at the same moment leave a story without a gap."""
    shop, [code], receipt = sold()
    first = redeem(ctx, dsn, shop, code, "a")
    calls = [(attested.undo_redemption, "b"), (attested.redeem, "c")] * 2

    at_once(dsn, 4, lambda db, n: calls[n][0](ctx, db, ask(shop, code, calls[n][1]), clock.now()))
    with connect(dsn) as db:
        kept = cards.redemptions(db, shop, None, 9)
    wanted = {("redeemed", str(one.id)) for one in kept} | {("undone", str(one.id)) for one in kept if one.undone_at}
    assert {(event, subject) for event, subject, _ in events(dsn, receipt)} == wanted
    assert ("undone", str(first.id)) in wanted


@pytest.mark.parametrize("raw", [
    b"", b"[]", b"{", "é".encode("latin-1"), b'{"id":"other","state":"accepted","receipt":"R"}', b'{"id":"x","state":"accepted"}',
    b'{"id":"x","state":"maybe"}', b'{"id":"x","state":"refused","reason":"a\\nb"}',
    json.dumps({"id": "x", "state": "refused", "reason": "x" * 201}).encode(), b"[" * 100_000,
])  # fmt: skip
def test_an_answer_that_cannot_be_believed_is_none(raw):
    with pytest.raises(CallError):
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


def test_the_contract_is_what_is_told(ctx, dsn, delivered, sold):
    shop, [code], receipt = sold()
    redeem(ctx, dsn, shop, code)
    for one in (*told(dsn, delivered()), *told(dsn, receipt)):
        read = msgspec.json.decode(one.asked, type=Happened)
        assert canonical_json(msgspec.to_builtins(read)) == one.asked
    schemas = contract.make()["components"]["schemas"]
    assert set(schemas["Event"]["enum"]) == set(EVENTS)
    assert "redemption" not in schemas["Happened"]["required"]


@pytest.mark.parametrize(
    ("event", "more", "reason"),
    [
        ("redeemed", {}, "事件无法识别"),
        ("delivered", {"redemption": "R-1"}, "事件无法识别"),
        ("sold", {}, "事件无法识别"),
        ("redeemed", {"redemption": "R-2"}, ""),
    ],
)
def test_the_twin_knows_its_events_and_attests_a_redemption_once(twin, event, more, reason):
    asked = json.dumps({"event": event, "order": "N", "total_fen": 100} | more)
    one, again = (
        compliance.Attestation(made, event, "R", "N", asked, "waiting", 1, clock.now(), "", "", "", "", None)
        for made in make.ids(2)
    )
    assert twin.tell(one).reason == reason
    assert twin.tell(again).reason == (reason or "这次核销已核验过")
    assert twin.tell(one).reason == reason, "told again, it is the same event"


def test_the_schema_keeps_one_row_for_each_event(db):
    new = [compliance.NewAttestation("delivered", "A-1", "A-1", "{}")] * 2
    assert compliance.attestations.tell(db, new[:1], clock.now()) == 1
    assert compliance.attestations.tell(db, new[:1], clock.now()) == 0
    assert value(db, "SELECT count(*) FROM compliance_attestation WHERE order_no = 'A-1'") == 1
