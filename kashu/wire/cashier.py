"""Calling a payment channel: record the intent, commit, call, record the answer."""

from __future__ import annotations

from kashu import payments
from kashu.kernel import clock
from kashu.payments import Channel, Payment
from kashu.wire import callbacks
from kashu.wire.context import Context
from kashu.wire.sandboxpay import GatewayError, TradeState


def open_trade(ctx: Context, payment: Payment, subject: str, return_url: str) -> str:
    """Open the trade at the gateway; the address of its pay page comes back and is kept. Safe to repeat."""
    channel = _channel(ctx, payment)
    urls = (f"{ctx.callback_url}/callbacks/{channel.id}", return_url)
    pay_url = ctx.gateway(channel).create(payment.trade_no, payment.amount_fen, subject, urls, payment.expires_at)
    with ctx.pool.transaction() as db:
        is_open = payments.paying(db, payment.pool_id, payment.id, pay_url)
    if not is_open:  # the order ended while the gateway answered: nobody may pay into it
        ctx.gateway(channel).close(payment.trade_no)
        raise GatewayError("the order has ended")
    return pay_url


def ask(ctx: Context, payment: Payment) -> TradeState:
    """Query one payment; what was paid takes the path of any notice."""
    trade = ctx.gateway(_channel(ctx, payment)).query(payment.trade_no)
    if trade.notice is not None:
        callbacks.settle_all(ctx.pool, [trade.notice], clock.now())
    return trade.state


def close(ctx: Context, payment: Payment) -> None:
    """Close one payment; if it was paid in the meantime, that counts."""
    trade = ctx.gateway(_channel(ctx, payment)).close(payment.trade_no)
    if trade.notice is not None:
        callbacks.settle_all(ctx.pool, [trade.notice], clock.now())
        return
    if trade.state is TradeState.PENDING:
        raise GatewayError("the gateway keeps the trade open")
    with ctx.pool.transaction() as db:
        payments.close(db, payment.pool_id, payment.id)


def _channel(ctx: Context, payment: Payment) -> Channel:
    with ctx.pool.transaction() as db:
        return payments.channels(db)[payment.channel_id]
