"""The whole way over real HTTP: guests pay at a simulated channel, its bill is fetched and every line is matched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kashu import payments, sales, settlement
from kashu.jobs import bills as jobs
from kashu.jobs import payments as payment_jobs
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect
from kashu.server.demo import SANDBOX_CHANNELS
from kashu.server.wiring import context
from kashu.wire import cashier
from tests import make
from tests.sandbox.conftest import world as sandbox_world

world = sandbox_world
KINDS = ("alipay", "wechat", "douyin")


@pytest.fixture(params=KINDS)
def shop(request, world, house, ring):
    """A channel of ours at the sandbox, with three orders paid there, one of them refunded: context, channel, orders."""
    kind = request.param
    world.fault(kind)
    [(_, gateway, merchant, app, ours, theirs, _methods)] = [one for one in SANDBOX_CHANNELS if one[0] == kind]
    name = make.name(f"bill-{kind}").lower()
    ctx = replace(context(house), http=world.http, callback_url="http://127.0.0.1:9")
    at = clock.now()
    with connect(house.dsn) as db, db.transaction():
        new = payments.Channel(
            name, kind, "沙箱", "商户", merchant, app, world.url + gateway, ["native"], 1, 1, 10**9, None, None, None, None, False
        )  # fmt: skip
        assert payments.set_channel(db, make.STAFF, new, at) is None
        keys = [("sign", ours, f"{kind}-merchant.pem"), ("verify", theirs, f"{kind}-platform.pub")]
        keys += [("open", "1", f"{kind}.open")] if kind != "alipay" else []
        for use, serial, file in keys:
            key = payments.NewKey(use, serial, (world.folder / file).read_text())
            assert payments.add_key(db, ring, make.STAFF, name, key, at) is None
        open_now = db.execute("SELECT id FROM payments_channel WHERE is_open AND kind = %s", [kind]).fetchall()
        db.execute("UPDATE payments_channel SET is_open = (id = %s) WHERE kind = %s", [name, kind])
    orders = []
    for _ in range(3):
        with connect(house.dsn) as db, db.transaction():
            asked = make.checkout(db, make.stocked(db, ring, 1), pay=kind, method="native")
            [placed] = sales.place(db, ring, [asked], clock.now())
            payment = payments.of_order(db, placed.pool_id, placed.id)[-1]
        opened = cashier.open_trade(ctx, payment, "x", "http://127.0.0.1:9/back")
        assert world.pay(opened.trade_no)
        cashier.ask(ctx, opened)
        orders.append(placed)
    with connect(house.dsn) as db, db.transaction():
        refund = sales.refund(db, make.STAFF, orders[0].token, None, "r", clock.now())
    payment_jobs.send_refund(ctx, {"pool_id": refund.pool_id, "refund_id": str(refund.id)})
    yield ctx, name, orders, world
    world.fault(kind)
    with connect(house.dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET is_open = false WHERE id = %s", [name])
        db.execute("UPDATE payments_channel SET is_open = true WHERE id = ANY (%s)", [[one for (one,) in open_now]])


@pytest.fixture
def reconcile(monkeypatch):
    """`reconcile(ctx, name, world)`: today's bill, two days later, when it is out: for us and for the simulator.

    The simulator's bill also has the trades of other tests, which are none of ours.
    """
    shifted = []

    def run(ctx, name, world):
        today, real = biz_date(datetime.now(UTC)), clock.now
        shifted.append(world)
        world.http.post(f"{world.url}/pay/admin/api/clock", json={"shift_seconds": 2 * 86_400})
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=2))
        with ctx.pool.transaction() as db:
            bill = settlement.open_bill(db, make.STAFF, (name, today, "trade"), None, clock.now())
        done = jobs.reconcile_bill(ctx, bill.id)
        with ctx.pool.transaction() as db:
            return done, settlement.cases(db, view="all", bill_id=bill.id)

    yield run
    for world in shifted:
        world.http.post(f"{world.url}/pay/admin/api/clock", json={"shift_seconds": 0})


def test_what_was_paid_and_refunded_is_matched_line_by_line(shop, reconcile):
    ctx, name, orders, world = shop
    done, cases = reconcile(ctx, name, world)
    assert done.state == "matched", done
    ours = {one.number for one in orders}
    assert done.matched == 4  # three payments and a refund
    assert [one for one in cases if one.trade_no in ours] == []
    assert done.proof_fen == (0, 0)


@pytest.mark.parametrize(("fault", "kind"), [({"amount": 1}, "amount_differs"), ({"twice": 9_999}, "duplicate")])
def test_what_the_bill_gets_wrong_becomes_a_case(shop, reconcile, fault, kind):
    ctx, name, orders, world = shop
    channel_kind = name.split("-")[1]
    mine = {one["trade_no"].replace("_", "-") for one in world.trades() if one["channel"] == channel_kind}
    assert {one.number for one in orders} <= mine
    world.fault(channel_kind, bill=fault)
    done, cases = reconcile(ctx, name, world)
    assert done.state == "matched", done
    wrong = {one.trade_no for one in cases if one.kind == kind}
    newest = {orders[-1].number}
    assert (wrong >= {one.number for one in orders}) if kind == "duplicate" else (wrong == newest)
