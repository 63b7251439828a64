"""What follows a sale, with the world outside as a twin: queries, closings, refunds, messages, imports resumed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import cards, payments, sales
from kashu.jobs import handlers, worker
from kashu.jobs.imports import CHUNK_LINES, load_file, void_cards
from kashu.kernel import clock, events
from kashu.kernel.db import connect, value, values
from kashu.payments import Shape
from kashu.server.wiring import context
from kashu.wire import preview, spool
from kashu.wire.pay.protocol import GatewayError, Instruction, RefundState, RefundTold, Trade, TradeState
from tests import make


class Twin:
    """A gateway that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.trade = Trade(TradeState.PENDING, None)
        self.told = RefundTold(RefundState.DONE)
        self.is_down = False

    def create(self, ask):
        return self._did("create", ask.trade_no, answer=Instruction(Shape.REDIRECT, "http://pay/1"))

    def query(self, trade_no):
        return self._did("query", trade_no, answer=self.trade)

    def close(self, trade_no):
        return self._did("close", trade_no, answer=self.trade)

    def refund(self, ask):
        return self._did("refund", ask.number, str(ask.amount_fen), answer=self.told)

    def query_refund(self, ask):
        return self._did("query_refund", ask.number, answer=self.told)

    def _did(self, *words, answer):
        self.asked.append(words)
        if self.is_down:
            raise GatewayError("down")
        return answer


class Phone:
    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def send(self, phone, body):
        self.messages.append((phone, body))


@pytest.fixture
def world(house, monkeypatch):
    """The house's context with a twin of the gateway and a phone."""
    twin, phone = Twin(), Phone()
    with connect(house.dsn) as db, db.transaction():
        make.box(db, house.ring)
    ctx = replace(context(house), sender=phone)
    monkeypatch.setattr(type(ctx), "gateway", lambda *_: twin)
    return ctx, twin, phone


@pytest.fixture
def placed(house, ring):
    def place(hold_seconds=600, phone=""):
        with connect(house.dsn) as db, db.transaction():
            make.channel(db)
            return make.order(db, ring, make.stocked(db, ring, 1), 1, make.buyer(phone, ring=ring), hold_seconds)

    return place


def body(order, **more):
    return {"pool_id": order.pool_id, "order_id": str(order.id), **more}


def test_a_lost_notice_is_found_by_asking(world, house, placed):
    ctx, twin, _phone = world
    order = placed()
    with connect(house.dsn) as db, db.transaction():
        payments.paying(db, order.pool_id, order.payment_id, "redirect", "http://pay/1")
    told = {"pool_id": order.pool_id, "payment_id": str(order.payment_id), "round": 0}

    handlers.look_at_payments(ctx, [told])
    handlers.ask_payment(ctx, told)
    assert state(house, order) == "placed"
    with connect(house.dsn) as db:
        assert values(
            db,
            "SELECT body->>'round' FROM outbox WHERE topic = 'payment.query' AND body->>'payment_id' = %s ORDER BY 1",
            [str(order.payment_id)],
        ) == ["0", "1"]
    twin.trade = Trade(TradeState.PAID, make.notice(order, source="query"))
    handlers.ask_payment(ctx, told)
    handlers.ask_payment(ctx, told)
    assert state(house, order) == "delivered"
    handlers.look_at_payments(ctx, [told])
    with connect(house.dsn) as db:
        sql = "SELECT count(*) FROM outbox WHERE topic = 'payment.ask' AND body->>'payment_id' = %s"
        assert value(db, sql, [str(order.payment_id)]) == 1
    assert twin.asked.count(("query", order.number)) == 2


def test_closing_tells_the_gateway_and_money_that_came_counts(world, house, placed):
    ctx, twin, _phone = world
    order = placed(hold_seconds=30)
    with connect(house.dsn) as db, db.transaction():
        payments.paying(db, order.pool_id, order.payment_id, "redirect", "http://pay/1")
        sales.expire(db, clock.now() + timedelta(seconds=31), [order.pool_id])
    with pytest.raises(GatewayError):
        handlers.close_payments(ctx, body(order))  # still open there: asked again later
    twin.trade = Trade(TradeState.PAID, make.notice(order, source="query"))
    handlers.close_payments(ctx, body(order))
    assert state(house, order) == "delivered"


def test_closing_an_unpaid_trade_closes_the_payment(world, house, placed):
    ctx, twin, _phone = world
    order = placed(hold_seconds=30)
    with connect(house.dsn) as db, db.transaction():
        payments.paying(db, order.pool_id, order.payment_id, "redirect", "http://pay/1")
        sales.expire(db, clock.now() + timedelta(seconds=31), [order.pool_id])
    twin.trade = Trade(TradeState.CLOSED, None)
    handlers.close_payments(ctx, body(order))
    handlers.close_payments(ctx, body(order))
    with connect(house.dsn) as db:
        assert value(db, "SELECT state FROM payments_payment WHERE id = %s", [order.payment_id]) == "closed"
    assert twin.asked == [("close", order.number)]


def test_a_trade_that_was_never_opened_is_closed_without_asking_anybody(world, house, placed):
    ctx, twin, _phone = world
    order = placed(hold_seconds=30)
    with connect(house.dsn) as db, db.transaction():
        sales.expire(db, clock.now() + timedelta(seconds=31), [order.pool_id])
    handlers.close_payments(ctx, body(order))
    with connect(house.dsn) as db:
        assert value(db, "SELECT state FROM payments_payment WHERE id = %s", [order.payment_id]) == "closed"
    assert twin.asked == []


def test_a_refund_keeps_its_one_id_through_every_try(world, house, placed):
    ctx, twin, phone = world
    order = placed(phone="13800000001")
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(order)], clock.now())
        asked = sales.refund(db, make.STAFF, order.token, None, "r", clock.now())
    told = {"pool_id": asked.pool_id, "refund_id": str(asked.id)}
    twin.is_down = True
    for _ in range(2):
        handlers.send_refund(ctx, told)
    assert refund_state(house, asked) == "unknown"
    with pytest.raises(GatewayError):
        handlers.ask_refund(ctx, told)
    twin.is_down = False
    twin.told = RefundTold(RefundState.PENDING)
    handlers.ask_refund(ctx, told)
    assert refund_state(house, asked) == "unknown"
    twin.told = RefundTold(RefundState.DONE)
    handlers.ask_refund(ctx, told)
    handlers.ask_refund(ctx, told)
    handlers.send_refund(ctx, told)

    assert {words[1] for words in twin.asked} == {asked.number}
    assert len(twin.asked) == 5
    assert state(house, order) == "refunded"
    with connect(house.dsn) as db:
        assert value(db, "SELECT tries FROM payments_refund WHERE id = %s", [asked.id]) == 4
    handlers.note_refund(ctx, body(order))
    bring(ctx, house)
    assert any("已全额退款" in words for number, words in phone.messages if number == "13800000001")


def test_a_refused_refund_waits_for_a_person_and_goes_again_under_its_number(world, house, placed):
    ctx, twin, _phone = world
    order = placed()
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(order)], clock.now())
        asked = sales.refund(db, make.STAFF, order.token, None, "r", clock.now())
    told = {"pool_id": asked.pool_id, "refund_id": str(asked.id)}
    twin.told = RefundTold(RefundState.REFUSED, "USER_ACCOUNT_ABNORMAL")
    handlers.send_refund(ctx, told)
    assert (refund_state(house, asked), state(house, order)) == ("refused", "refunding")
    handlers.send_refund(ctx, told)
    handlers.ask_refund(ctx, told)
    assert len(twin.asked) == 1
    with connect(house.dsn) as db, db.transaction():
        assert (
            value(db, "SELECT count(*) FROM sales_incident WHERE order_id = %s AND kind = 'refund_refused'", [order.id])
            == 1
        )
        assert sales.refund_again(db, make.STAFF, asked.pool_id, asked.id, clock.now())
        assert not sales.refund_again(db, make.STAFF, asked.pool_id, asked.id, clock.now())
    twin.told = RefundTold(RefundState.DONE)
    handlers.send_refund(ctx, told)
    assert {words[1] for words in twin.asked} == {asked.number}
    assert state(house, order) == "refunded"


def test_a_refund_that_was_never_taken_is_sent_again(world, house, placed):
    ctx, twin, _phone = world
    order = placed()
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(order)], clock.now())
        asked = sales.refund(db, make.STAFF, order.token, None, "r", clock.now())
    told = {"pool_id": asked.pool_id, "refund_id": str(asked.id)}
    twin.told = RefundTold(RefundState.MISSING)
    handlers.ask_refund(ctx, told)
    with connect(house.dsn) as db:
        sql = "SELECT count(*) FROM outbox WHERE topic = 'refund.send' AND body->>'refund_id' = %s"
        assert value(db, sql, [str(asked.id)]) == 2
    assert refund_state(house, asked) == "requested"


def refund_state(house, asked):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM payments_refund WHERE id = %s", [asked.id])


def test_messages_name_the_tail_and_never_the_card(world, house, placed, ring):
    ctx, _twin, phone = world
    order = placed(phone="13800000002")
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(order)], clock.now())
    handlers.note_delivery(ctx, body(order))
    handlers.note_delivery(ctx, body(order))
    assert phone.messages == []  # written; the phone hears of it when it is brought
    bring(ctx, house)
    [(number, told)] = phone.messages
    assert number == "13800000002"
    assert order.number[-4:] in told
    assert "KZ7F" not in told
    assert order.token not in told
    silent = placed()
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(silent)], clock.now())
    handlers.note_delivery(ctx, body(silent))
    bring(ctx, house)
    assert len(phone.messages) == 1


def test_owners_hear_of_a_solo_act_before_it_can_happen(world, house):
    from kashu import audit

    ctx, _twin, phone = world
    email = f"{make.name('owner')}@kashu.example"
    with connect(house.dsn) as db, db.transaction():
        db.execute(
            "INSERT INTO party_person (email, name, role, password, is_active, date_joined) VALUES (%s, 'x', 'owner', '', true, now())", [email],
        )  # fmt: skip
        audit.ask(
            db,
            make.STAFF,
            "batch.export",
            ("batch", make.name("B")),
            {},
            reason="r",
            solo_wait_seconds=600,
            at=clock.now(),
        )
        told = value(db, "SELECT body FROM outbox WHERE topic = 'approval.solo' ORDER BY recorded_at DESC LIMIT 1")
    handlers.warn_owners(ctx, told)
    bring(ctx, house)
    assert email in [number for number, _body in phone.messages]
    assert "单人模式" in dict(phone.messages)[email]


def test_deals_prove_a_struck_price_only_afterwards(world, house, placed):
    ctx, *_ = world
    order = placed()
    with connect(house.dsn) as db, db.transaction():
        sales.settle(db, [make.notice(order)], clock.now())
    handlers.note_delivery(ctx, body(order))
    handlers.note_delivery(ctx, body(order))
    with connect(house.dsn) as db:
        assert values(db, "SELECT lowest_fen FROM catalog_deal WHERE sku_id = %s", [order.offer.sku_id]) == [3_990]


def test_an_import_that_died_goes_on_where_it_was(world, house, ring):
    ctx, *_ = world
    many = CHUNK_LINES * 2 + 17
    batch = uploaded(ctx, house, [f"RESUME-{make.SEED}-{n:06d}" for n in range(many)])

    class KilledError(Exception):
        pass

    def die(seen):
        if seen.lines_done >= CHUNK_LINES:
            raise KilledError

    with pytest.raises(KilledError):
        load_file(ctx, batch.pool_id, die)
    with connect(house.dsn) as db:
        half = value(db, "SELECT count(*)::int FROM cards_card WHERE pool_id = %s", [batch.pool_id])
    assert half == CHUNK_LINES
    done = load_file(ctx, batch.pool_id)
    assert (done.accepted, done.rejected, done.state) == (many, 0, "loaded")
    assert load_file(ctx, batch.pool_id) is None
    with connect(house.dsn) as db:
        assert values(
            db, "SELECT line_no FROM cards_card WHERE pool_id = %s ORDER BY line_no", [batch.pool_id]
        ) == list(range(1, many + 1))


def test_a_cancelled_import_stops_and_its_file_can_come_again(world, house):
    ctx, *_ = world
    secrets = [f"CANCEL-{make.SEED}-{n}" for n in range(CHUNK_LINES * 2)]
    batch = uploaded(ctx, house, secrets)

    def cancel(seen):
        with connect(house.dsn) as db, db.transaction():
            cards.cancel(db, make.STAFF, seen.pool_id, "wrong", clock.now())

    assert load_file(ctx, batch.pool_id, cancel) is None
    assert void_cards(ctx, batch.pool_id) == CHUNK_LINES
    assert load_file(ctx, uploaded(ctx, house, secrets).pool_id).accepted == len(secrets)


def test_a_tampered_spool_is_refused(world, house):
    from kashu.kernel.seal import SealBrokenError

    ctx, *_ = world
    batch = uploaded(ctx, house, ["a", "b"])
    path = ctx.spool / batch.spool
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SealBrokenError):
        load_file(ctx, batch.pool_id)


def test_the_spool_is_swept_of_what_nobody_waits_for(world, house):
    import os

    ctx, *_ = world
    wanted = uploaded(ctx, house, ["x", "y"])
    orphan = spool.keep(ctx.spool, ctx.ring, [b"z"])
    for name in (wanted.spool, orphan.name):
        os.utime(ctx.spool / name, (1, 1))
    worker.sweep(ctx)
    assert (ctx.spool / wanted.spool).exists()
    assert not (ctx.spool / orphan.name).exists()


def test_facts_are_relayed_once_leased_and_survive_a_dead_relay(house):
    with connect(house.dsn) as db, db.transaction():
        db.execute("SELECT")
        events.tell(db, [events.Fact("cards.on_sale", {"mark": make.SEED})], clock.now())
        first = [fact for fact in events.lease(db, clock.now(), 10_000) if fact.body.get("mark") == make.SEED]
        again = [fact for fact in events.lease(db, clock.now(), 10_000) if fact.body.get("mark") == make.SEED]
        later = [
            fact
            for fact in events.lease(db, clock.now() + timedelta(seconds=31), 10_000)
            if fact.body.get("mark") == make.SEED
        ]
        assert (len(first), len(again), len(later)) == (1, 0, 1)
        events.done(db, later)
        assert value(db, "SELECT count(*)::int FROM outbox WHERE body->>'mark' = %s", [make.SEED]) == 0


def test_the_relay_hands_facts_to_procrastinate(world, house):
    ctx, *_ = world
    with connect(house.dsn) as db, db.transaction():
        db.execute("DELETE FROM outbox")
        events.tell(
            db,
            [events.Fact("cards.on_sale", {"pool_id": 1}), events.Fact("cards.load", {"pool_id": 2**40})],
            clock.now(),
        )

    async def relay():
        app = worker.make_app(house.dsn, ctx)
        async with app.open_async():
            assert await worker.relay_once(app, ctx) == 2
            await app.run_worker_async(queues=["facts", "long"], wait=False, install_signal_handlers=False)

    asyncio.run(relay())
    with connect(house.dsn) as db:
        assert value(db, "SELECT count(*)::int FROM outbox") == 0
        assert values(db, "SELECT DISTINCT status::text FROM procrastinate_jobs WHERE task_name = 'fact'") == [
            "succeeded"
        ]


def uploaded(ctx, house, secrets):
    kept = spool.keep(ctx.spool, ctx.ring, ["\n".join(secrets).encode()])
    with connect(house.dsn) as db, db.transaction():
        sku = make.sku(db)
        form = preview.format_of(ctx, kept.name)
        new = cards.NewBatch(
            sku.id,
            make.supplier(db),
            "single_use",
            "f.txt",
            kept.size,
            kept.sha256,
            kept.name,
            form,
            1,
            "",
            len(secrets),
        )
        batch = cards.receive(db, ctx.ring, make.STAFF, new, clock.now())
        return cards.start(db, make.STAFF, batch.pool_id, clock.now())


def bring(ctx, house):
    """Do what the relay and the queue of messages would."""
    with connect(house.dsn) as db, db.transaction():
        told = values(db, "DELETE FROM outbox WHERE topic = 'message.send' RETURNING body")
    for one in told:
        handlers.HANDLERS["message.send"](ctx, one)


def state(house, order):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [order.id])


def test_a_queue_whose_worker_stops_by_itself_is_begun_with_again(monkeypatch):
    """When it loses the database, Procrastinate's worker returns without a word; nobody else would work (seen in the soak)."""
    monkeypatch.setattr(worker, "WORK_AGAIN_SECONDS", 0)
    begun = []

    class App:
        async def run_worker_async(self, *, queues, **_):
            begun.append(queues)
            if len(begun) == 3:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(worker._work_on(App(), ["facts"], 1))
    assert begun == [["facts"]] * 3
