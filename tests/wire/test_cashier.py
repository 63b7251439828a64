"""Calling the cashier: unknown outcomes, another way to pay, another instance, two tabs at once; never charged twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kashu import payments, sales
from kashu.jobs import payments as jobs
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.payments import Shape
from kashu.server.wiring import context
from kashu.wire import cashier
from kashu.wire.pay.protocol import GatewayError, GatewayRefusalError, Instruction, Trade, TradeState
from tests import make
from tests.race.at_once import at_once


class Gateway:
    """A gateway with trades of its own; `mood` says how it answers a call."""

    def __init__(self, channel_id: str) -> None:
        self.channel_id, self.trades, self.mood = channel_id, {}, {}
        self.asked: list[tuple[str, str]] = []
        self.notices: dict[str, object] = {}

    def create(self, ask):
        self._meet("create", ask.trade_no)
        self.trades.setdefault(ask.trade_no, TradeState.PENDING)
        self._lose("create")
        return Instruction(Shape.QR, f"https://pay/{self.channel_id}/{ask.trade_no}")

    def query(self, trade_no):
        self._meet("query", trade_no)
        state = self.trades.get(trade_no, TradeState.MISSING)
        return Trade(state, self.notices.get(trade_no) if state is TradeState.PAID else None)

    def close(self, trade_no):
        self._meet("close", trade_no)
        if self.trades.get(trade_no) is TradeState.PENDING:
            self.trades[trade_no] = TradeState.CLOSED
        self._lose("close")
        return self.query(trade_no)

    def _meet(self, call, trade_no):
        self.asked.append((call, trade_no))
        if self.mood.get(call) == "refuse":
            raise GatewayRefusalError("NO_AUTH")
        if self.mood.get(call) == "down":
            raise GatewayError("down")

    def _lose(self, call):
        if self.mood.get(call) == "lose":
            raise GatewayError("lost")


@pytest.fixture
def house_of(house, ring, monkeypatch):
    """`ctx, gateways, order()`: two instances of a kind of our own, so that no other test's channel is chosen."""
    gateways: dict[str, Gateway] = {}
    kinds = ("wechat", "alipay")
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = false WHERE kind = ANY (%s)", [list(kinds)])
        for kind in kinds:
            for n in (1, 2):
                name = make.channel(db, f"c-{kind}-{n}", kind)
                db.execute("UPDATE payments_channel SET is_open = true WHERE id = %s", [name])
    ctx = context(house)
    monkeypatch.setattr(type(ctx), "gateway", lambda _, channel: gateways.setdefault(channel.id, Gateway(channel.id)))

    def order(kind="wechat", **told):
        with connect(house.dsn) as db, db.transaction():
            [placed] = sales.place(
                db, ring, [make.checkout(db, make.stocked(db, ring, 1, **told), pay=kind)], clock.now()
            )
            assert isinstance(placed, sales.Placed), placed
        for name in (f"c-{kind}-1", f"c-{kind}-2"):
            gateways.setdefault(name, Gateway(name))
        return placed, payment_of(house, placed)

    yield ctx, gateways, order
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = false WHERE id LIKE 'c-%%'")


def payment_of(house, placed):
    with connect(house.dsn) as db:
        return payments.of_order(db, placed.pool_id, placed.id)[-1]


def states(house, placed):
    with connect(house.dsn) as db:
        return [(one.channel_id, one.state) for one in payments.of_order(db, placed.pool_id, placed.id)]


def test_an_opened_trade_is_kept_and_opening_again_is_the_same(house_of, house):
    ctx, _gateways, order = house_of
    _placed, payment = order()
    one = cashier.open_trade(ctx, payment, "x", "http://back")
    two = cashier.open_trade(ctx, payment, "x", "http://back")
    assert one == two
    assert (one.state, one.shape) == ("paying", "qr")


def test_a_create_without_an_answer_is_unknown_until_a_query_tells(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    gateways[payment.channel_id].mood = {"create": "lose", "query": "down"}
    with pytest.raises(GatewayError):
        cashier.open_trade(ctx, payment, "x", "http://back")
    assert states(house, placed) == [(payment.channel_id, "unknown")]
    with pytest.raises(GatewayError):  # asking comes first, and nobody answers: nothing is created a second time
        cashier.open_trade(ctx, payment_of(house, placed), "x", "http://back")
    with connect(house.dsn) as db, db.transaction():  # no guess moves it: not the clock, not the poller's look
        jobs.look_at_payments(ctx, [{"pool_id": payment.pool_id, "payment_id": str(payment.id), "round": 0}])
    assert states(house, placed) == [(payment.channel_id, "unknown")]
    gateways[payment.channel_id].mood = {}
    assert cashier.ask(ctx, payment_of(house, placed)) is TradeState.PENDING
    assert states(house, placed) == [(payment.channel_id, "paying")]
    again = cashier.open_trade(ctx, payment_of(house, placed), "x", "http://back")
    assert again.pay_url.endswith(payment.trade_no)


def test_an_unknown_payment_that_was_paid_is_delivered_by_the_query(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    gateway = gateways[payment.channel_id]
    gateway.mood = {"create": "lose"}
    with pytest.raises(GatewayError):
        cashier.open_trade(ctx, payment, "x", "http://back")
    gateway.trades[payment.trade_no] = TradeState.PAID
    gateway.notices = {payment.trade_no: make.notice_of(payment, source="query")}
    jobs.ask_payment(ctx, {"pool_id": payment.pool_id, "payment_id": str(payment.id)})
    assert states(house, placed) == [(payment.channel_id, "paid")]
    assert state(house, placed) == "delivered"


def test_a_signed_no_leads_through_the_other_instance_and_each_is_asked_once(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    other = {"c-wechat-1": "c-wechat-2", "c-wechat-2": "c-wechat-1"}[payment.channel_id]
    gateways[payment.channel_id].mood = {"create": "refuse"}
    told = cashier.open_trade(ctx, payment, "x", "http://back")
    assert (told.channel_id, told.state) == (other, "paying")
    assert states(house, placed) == [(payment.channel_id, "closed"), (other, "paying")]
    assert told.trade_no != payment.trade_no
    assert told.expires_at == payment.expires_at
    gateways[other].mood = {"create": "refuse"}
    placed, payment = order()
    for one in gateways.values():
        one.mood = {"create": "refuse"}
    with pytest.raises(GatewayError, match="no instance"):
        cashier.open_trade(ctx, payment, "x", "http://back")
    assert {told for _, told in states(house, placed)} == {"closed"}
    assert len(states(house, placed)) == 2


def test_another_way_to_pay_ends_the_first_at_its_gateway_before_the_second_begins(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    second = cashier.change(ctx, first, "alipay", "h5")
    assert gateways[first.channel_id].trades[first.trade_no] is TradeState.CLOSED
    assert second.channel_id.startswith("c-alipay")
    assert [told for _, told in states(house, placed)] == ["closed", "created"]


@pytest.mark.parametrize("mood", ["down", "lose"])
def test_the_way_cannot_be_changed_while_nobody_knows(house_of, house, mood):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    gateways[first.channel_id].mood = {"close": mood}
    with pytest.raises(GatewayError):
        cashier.change(ctx, first, "alipay", "h5")
    assert [told for _, told in states(house, placed)] == ["paying"]


def test_what_was_paid_in_the_meantime_is_delivered_instead_of_changed(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    gateways[first.channel_id].trades[first.trade_no] = TradeState.PAID
    gateways[first.channel_id].notices = {first.trade_no: make.notice_of(first, source="query")}
    assert cashier.change(ctx, first, "alipay", "h5") is None
    assert state(house, placed) == "delivered"
    assert [told for _, told in states(house, placed)] == ["paid"]


def test_money_through_both_ways_is_kept_once_and_goes_back_once(house_of, house):
    """The first way was closed and is paid all the same: late at its gateway, but one delivery and one refund."""
    ctx, _gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    second = cashier.open_trade(ctx, cashier.change(ctx, first, "alipay", "h5"), "x", "http://back")
    with connect(house.dsn) as db, db.transaction():
        verdicts = sales.settle(
            db, [make.notice_of(second), make.notice_of(first), make.notice_of(second)], clock.now()
        )
    assert verdicts[:2] == ["paid", "paid_twice"]
    assert state(house, placed) == "delivered"
    with connect(house.dsn) as db:
        refunds = payments.refunds_of(db, placed.pool_id, placed.id)
    assert {(one.payment_id, one.amount_fen, one.reason) for one in refunds} >= {(first.id, 3_990, "paid_twice")}
    assert [told for _, told in states(house, placed)] == ["paid", "paid"]
    with connect(house.dsn) as db, db.transaction():  # and the buyer's own refund finds the payment that counts
        answer = sales.refund(db, make.STAFF, placed.token, None, "r", clock.now())
    assert answer.payment_id == second.id


def test_a_refused_second_create_leaves_the_trade_that_was_handed_out(house_of, house):
    """Two tabs open one payment; the later one, refused for its reused number, is led to what the first was handed."""
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    gateways[payment.channel_id].mood = {"create": "refuse"}
    assert cashier.open_trade(ctx, payment, "y", "http://back") == first
    assert states(house, placed) == [(first.channel_id, "paying")]


def test_a_change_by_a_tab_that_saw_an_older_state_closes_what_was_handed_out(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    second = cashier.change(ctx, payment, "alipay", "h5")
    assert gateways[first.channel_id].trades[first.trade_no] is TradeState.CLOSED
    assert second.channel_id.startswith("c-alipay")
    assert [told for _, told in states(house, placed)] == ["closed", "created"]


def test_what_went_back_at_the_gateway_before_we_knew_delivers_nothing(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    gateways[first.channel_id].trades[first.trade_no] = TradeState.PAID
    gateways[first.channel_id].notices = {first.trade_no: make.notice_of(first, source="query", is_returned=True)}
    cashier.ask(ctx, first)
    assert state(house, placed) == "placed"
    with connect(house.dsn) as db:
        sql = "SELECT verdict FROM payments_event WHERE channel_id = %s AND trade_no = %s"
        assert values(db, sql, [first.channel_id, first.trade_no]) == ["quarantined"]


def test_a_large_notice_is_asked_about_until_a_person_hears_of_it(house_of, house):
    ctx, gateways, order = house_of
    placed, payment = order()
    first = cashier.open_trade(ctx, payment, "x", "http://back")
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET confirm_fen = 1 WHERE id = %s", [first.channel_id])
        assert sales.settle(db, [make.notice_of(first)], clock.now()) == ["to_confirm"]
        db.execute("UPDATE payments_channel SET confirm_fen = NULL WHERE id = %s", [first.channel_id])
    told = {"pool_id": payment.pool_id, "payment_id": str(payment.id)}
    gateways[first.channel_id].mood = {"query": "down"}
    for turn in range(len(jobs.CONFIRM_GAPS_SECONDS)):
        jobs.confirm_payment(ctx, {**told, "round": turn})
    with connect(house.dsn) as db:
        sql = "SELECT count(*) FROM outbox WHERE topic = 'payment.confirm' AND body->>'payment_id' = %s"
        assert value(db, sql, [str(payment.id)]) == 1 + len(jobs.CONFIRM_GAPS_SECONDS)
        incidents = "SELECT count(*) FROM sales_incident WHERE order_id = %s AND kind = 'payment_unconfirmed'"
        assert value(db, incidents, [placed.id]) == 0
    jobs.confirm_payment(ctx, {**told, "round": len(jobs.CONFIRM_GAPS_SECONDS)})
    with connect(house.dsn) as db:
        assert value(db, incidents, [placed.id]) == 1
    gateways[first.channel_id].mood = {}
    gateways[first.channel_id].trades[first.trade_no] = TradeState.PAID
    gateways[first.channel_id].notices = {first.trade_no: make.notice_of(first, source="query")}
    jobs.confirm_payment(ctx, {**told, "round": 0})
    assert state(house, placed) == "delivered"


def test_two_tabs_that_change_the_way_open_one_payment(house_of, house):
    ctx, _gateways, order = house_of
    placed, payment = order()
    opened = at_once(house.dsn, 6, lambda _db, _n: cashier.change(ctx, payment, "alipay", "h5"), transaction=False)
    assert len({one.id for one in opened if one is not None}) == 1
    with connect(house.dsn) as db:
        sql = "SELECT count(*) FROM payments_payment WHERE order_id = %s AND state IN ('created', 'paying', 'unknown')"
        assert value(db, sql, [placed.id]) == 1


def test_control_without_the_index_two_payments_would_be_open(house_of, house):
    """The race is real: what `pay_anew` guards against is refused by the database as well."""
    import psycopg

    _ctx, _gateways, order = house_of
    _placed, payment = order()
    from kashu.kernel.ids import new_id, new_number

    twin = replace(payment, id=new_id(), trade_no=new_number(payment.pool_id))
    with connect(house.dsn) as db, pytest.raises(psycopg.errors.UniqueViolation), db.transaction():
        payments.create(db, [twin])


def test_an_order_that_has_ended_opens_no_other_payment(house_of, house):
    ctx, _gateways, order = house_of
    placed, payment = order()
    with connect(house.dsn) as db, db.transaction():
        sales.expire(db, clock.now() + timedelta(hours=1), [placed.pool_id])
    assert cashier.change(ctx, payment, "alipay", "h5") is None
    with connect(house.dsn) as db, db.transaction():
        assert sales.pay_anew(db, payment, ("alipay", "h5"), clock.now()) is None


def test_the_poller_closes_before_the_hold_ends(house_of, house, monkeypatch):
    ctx, gateways, order = house_of
    placed, payment = order()
    cashier.open_trade(ctx, payment, "x", "http://back")
    told = {"pool_id": payment.pool_id, "payment_id": str(payment.id), "round": 3}
    monkeypatch.setattr(clock, "now", lambda: payment.expires_at - timedelta(seconds=60))
    jobs.look_at_payments(ctx, [told])
    with connect(house.dsn) as db:
        sql = "SELECT due_at FROM outbox WHERE topic = 'payment.query' AND body->>'payment_id' = %s AND body->>'round' = '4'"
        assert values(db, sql, [str(payment.id)]) == [payment.expires_at]
    monkeypatch.setattr(clock, "now", lambda: payment.expires_at)
    jobs.look_at_payments(ctx, [told])
    assert payment.expires_at < placed.hold_until
    jobs.close_payments(ctx, {"pool_id": placed.pool_id, "order_id": str(placed.id)})
    assert gateways[payment.channel_id].trades[payment.trade_no] is TradeState.CLOSED
    assert states(house, placed) == [(payment.channel_id, "closed")]


def test_calls_are_noted_and_a_sick_instance_is_spared(house_of, house):
    ctx, gateways, order = house_of
    with connect(house.dsn) as db, db.transaction():
        db.execute("DELETE FROM payments_health WHERE channel_id LIKE 'c-%%'")
    _placed, payment = order()
    gateways[payment.channel_id].mood = {"query": "down"}
    for _ in range(6):
        with pytest.raises(GatewayError):
            cashier.ask(ctx, payment)
    with connect(house.dsn) as db, db.transaction():
        routes = {one.channel_id: one for one in payments.routes(db, clock.now())}
        assert (routes[payment.channel_id].failed, routes[payment.channel_id].tried) == (6, 6)
        told = [payments.route(list(routes.values()), "wechat", "h5", 100, chance) for chance in range(10)]
        db.execute("DELETE FROM payments_health WHERE channel_id LIKE 'c-%%'")
    assert payment.channel_id not in told


def state(house, placed):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [placed.id])
