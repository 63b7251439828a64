"""Calling a payment channel: record the intent, commit, call, record the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kashu import payments, sales
from kashu.kernel import clock
from kashu.kernel.events import Fact, tell
from kashu.payments import Channel, Method, Payment
from kashu.wire import callbacks
from kashu.wire.context import Context
from kashu.wire.pay.protocol import Ask, GatewayError, GatewayRefusalError, Instruction, TradeState

Told = TypeVar("Told")
Payer = tuple[str, str]  # the address a payer speaks from, and their id in the channel's own app where it is needed
OPEN = ("created", "paying", "unknown")


def open_trade(ctx: Context, payment: Payment, subject: str, return_url: str, payer: Payer = ("", "")) -> Payment:
    """Open the trade at the gateway; what the browser does next is kept with the payment. Safe to repeat.

    Without an answer the outcome is unknown and stays so until a query tells. A signed no ends this payment, and the
    order goes on through another instance of its channel where there is one.
    """
    channel = _channel(ctx, payment)
    if payment.state == "unknown" and ask(ctx, payment) not in (TradeState.PENDING, TradeState.MISSING):
        raise GatewayError("the trade has ended")
    asked = Ask(
        payment.trade_no,
        payment.amount_fen,
        subject,
        Method(payment.method),
        f"{ctx.callback_url}/callbacks/{channel.id}",
        return_url,
        payment.expires_at,
        *payer,
    )
    try:
        told = called(ctx, channel, "create", lambda: ctx.gateway(channel).create(asked))
    except GatewayRefusalError:
        return _go_on(ctx, payment, subject, return_url, payer)
    except GatewayError:
        _unknown(ctx, payment)
        raise
    return _opened(ctx, channel, payment, told)


def _opened(ctx: Context, channel: Channel, payment: Payment, told: Instruction) -> Payment:
    with ctx.pool.transaction() as db:
        is_open = payments.paying(db, payment.pool_id, payment.id, told.shape.value, told.told)
        found = payments.payment(db, payment.pool_id, payment.id)
    if not is_open or found is None:  # the order ended while the gateway answered: nobody may pay into it
        ctx.gateway(channel).close(payment.trade_no)
        raise GatewayError("the order has ended")
    return found


def _go_on(ctx: Context, payment: Payment, subject: str, return_url: str, payer: Payer) -> Payment:
    """This instance said no: end its payment, and try the next one that may take it. Each is asked once.

    Where another request was handed the trade in the meantime, that one stands.
    """
    with ctx.pool.transaction() as db:
        payments.drop(db, payment)
        again = sales.pay_anew(db, payment, None, clock.now())
    if again is None:
        raise GatewayError("no instance of this channel takes the payment")
    return again if again.pay_url else open_trade(ctx, again, subject, return_url, payer)


def _unknown(ctx: Context, payment: Payment) -> None:
    with ctx.pool.transaction() as db:
        payments.move(db, payment, ["created", "paying"], "unknown")
        tell(
            db,
            [Fact("payment.ask", {"pool_id": payment.pool_id, "payment_id": payment.id}, payment.pool_id)],
            clock.now(),
        )


def change(ctx: Context, payment: Payment, kind: str, method: str) -> Payment | None:
    """Pay in another way: the payment that is open ends first, at its gateway too, so that nobody is charged twice.

    None where it cannot end, because it was paid or because nobody knows; what was never handed out may end unasked.
    One that another tab was handed a moment ago is not ended: that tab's payment comes back.
    """
    with ctx.pool.transaction() as db:
        payment = payments.payment(db, payment.pool_id, payment.id) or payment
    if payment.state in OPEN and payment.pay_url:
        close(ctx, payment)
    with ctx.pool.transaction() as db:
        payments.drop(db, payment)
        return sales.pay_anew(db, payment, (kind, method), clock.now())


def ask(ctx: Context, payment: Payment) -> TradeState:
    """Query one payment; what was paid takes the path of any notice, and what was unknown is known now."""
    channel = _channel(ctx, payment)
    trade = called(ctx, channel, "query", lambda: ctx.gateway(channel).query(payment.trade_no))
    if trade.notice is not None:
        callbacks.settle_all(ctx.pool, [trade.notice], clock.now())
    elif payment.state == "unknown":
        after = {TradeState.CLOSED: "closed", TradeState.PENDING: "paying", TradeState.MISSING: "paying"}[trade.state]
        with ctx.pool.transaction() as db:
            payments.move(db, payment, ["unknown"], after)
    return trade.state


def close(ctx: Context, payment: Payment) -> None:
    """Close one payment; if it was paid in the meantime, that counts."""
    if payment.state == "created":  # no payer was led there; what a crash may have opened was never handed out
        with ctx.pool.transaction() as db:
            payments.close(db, payment.pool_id, payment.id)
        return
    channel = _channel(ctx, payment)
    trade = called(ctx, channel, "close", lambda: ctx.gateway(channel).close(payment.trade_no))
    if trade.notice is not None:
        callbacks.settle_all(ctx.pool, [trade.notice], clock.now())
        return
    if trade.state is TradeState.PENDING:
        raise GatewayError("the gateway keeps the trade open")
    with ctx.pool.transaction() as db:
        payments.close(db, payment.pool_id, payment.id)


def called(ctx: Context, channel: Channel, call: str, do: Callable[[], Told]) -> Told:
    """Call, and note how it went: a channel's health is what its calls came to."""
    began, told = time.monotonic(), "unknown"
    try:
        found = do()
        told = "ok"
    except GatewayRefusalError:
        told = "refused"
        raise
    finally:
        minute = clock.now().replace(second=0, microsecond=0)
        with ctx.pool.transaction() as db:
            payments.note_health(db, channel.id, minute, call, told, int((time.monotonic() - began) * 1_000))
    return found


def _channel(ctx: Context, payment: Payment) -> Channel:
    with ctx.pool.transaction() as db:
        return payments.channels(db)[payment.channel_id]
