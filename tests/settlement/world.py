"""A day at a channel: orders paid and sent back, the channel's rows of them, and its bill loaded and matched."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from kashu import payments, sales, settlement
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.payments import Notice, Verdict
from kashu.settlement import Bill
from kashu.wire.pay import bills
from kashu.wire.pay.bills import Expected, form_of
from sandbox.pay.bills import NO_FAULTS, rows_of_day, stream
from tests import gateways, make

DAY = biz_date(clock.now()) - timedelta(days=3)  # with two days over behind it
NOON = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=SHANGHAI)
MORNING = NOON + timedelta(days=1)


class World:
    """One channel of its own, in a transaction of the test's."""

    def __init__(self, db, ring, kind="wechat", stock=30):
        self.db, self.ring, self.kind = db, ring, kind
        self.channel = make.name("ch").lower()
        make.channel(db, self.channel, kind)
        self.sku = make.stocked(db, ring, stock)
        self.rows = []

    def placed(self, hold_seconds=600):
        """An order whose payment is this channel's, whichever it was led to."""
        checkout = make.checkout(self.db, self.sku, pay=self.kind)
        [placed] = sales.place(self.db, self.ring, [checkout], clock.now(), hold_seconds)
        assert isinstance(placed, sales.Placed), placed
        self.db.execute("UPDATE payments_payment SET channel_id = %s WHERE id = %s", [self.channel, placed.payment_id])
        return replace(placed, channel_id=self.channel)

    def notice(self, placed, at=NOON, **changed):
        told = Notice(
            self.channel, make.name("e"), placed.number, make.name("G"), placed.total_fen, "CNY", "m-1", at, b"{}",
            app_id=gateways.APP,
        )  # fmt: skip
        return replace(told, **changed)

    def paid(self, at=NOON, booked_at=None):
        """An order that was paid, by the channel at an instant, and booked by us at it or at another."""
        placed = self.placed()
        notice = self.notice(placed, at)
        assert sales.settle(self.db, [notice], booked_at or at) == [Verdict.PAID]
        self.row(notice)
        return placed, notice

    def row(self, notice, at=None, **changed):
        told = {"trade_no": notice.trade_no, "gateway_no": notice.gateway_no, "refund_id": "",
                "amount_fen": notice.amount_fen, "fee_fen": 24, "state": "SUCCESS", "at": at or notice.paid_at}  # fmt: skip
        self.rows.append({**told, **changed})
        return self.rows[-1]

    def refunded(self, placed, notice, at=NOON, done_at=None):
        asked = sales.refund(self.db, make.STAFF, placed.token, None, "不要了", at)
        assert isinstance(asked, payments.Refund), asked
        if done_at is not False:
            assert sales.refunded(self.db, asked.pool_id, asked.id, done_at or at)
        self.row(notice, at, refund_id=asked.number, state="REFUND", fee_fen=0)
        return asked

    def load(self, day=DAY, faults=NO_FAULTS, step=7, source="fetched", form_kind=None):
        """The day's bill, loaded and not matched yet."""
        kept = None if source == "fetched" else ("spooled", "0" * 64, 1, 1)
        opened = settlement.open_bill(self.db, make.STAFF, (self.channel, day, "trade"), kept, clock.now())
        assert isinstance(opened, Bill), opened
        if source == "fetched":
            opened = settlement.begin(self.db, opened.id, ("spooled", make.name("sha"), 1, 1))
        chunks = stream(form_kind or self.kind, rows_of_day(self.rows, day, faults), day, "m-1")
        lines = list(bills.parse(chunks, form_of(self.kind, "trade"), Expected(day, frozenset({"m-1"}))))
        for start in range(0, len(lines), step):
            assert settlement.load(self.db, opened.id, start, lines[start : start + step]) is not None
        loaded = settlement.loaded(self.db, opened.id, clock.now())
        assert loaded.state == "loaded"
        return loaded

    def matched(self, day=DAY, faults=NO_FAULTS, step=3, **told):
        """The day's bill, matched in small steps."""
        return self.match(self.load(day, faults, **told), step)

    def match(self, bill, step=3):
        while (now := settlement.match_step(self.db, bill.id, clock.now(), step)) is not None:
            assert isinstance(now, Bill), now
            bill = now
        assert bill.state == "matched"
        assert bill.proof_fen == (0, 0)
        return bill

    def cases(self, bill=None, view="all"):
        found = settlement.cases(self.db, view=view, bill_id=None if bill is None else bill.id, most=500)
        return [one for one in found if one.channel_id == self.channel]

    def review(self, at=None):
        from uuid import UUID

        settlement.review(self.db, UUID(int=0), at or clock.now())

    def balance(self, code):
        sql = "SELECT balance_fen FROM ledger_balance WHERE code = %s"
        found = self.db.execute(sql, [code.format(self.channel)]).fetchone()
        return found[0] if found else 0

    @property
    def psp(self):
        return self.balance("psp:{}")
