"""Payments and refunds that nobody has told us the end of: asked about, closed, sent back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from kashu import payments, sales
from kashu.kernel import clock
from kashu.kernel.events import Fact, tell
from kashu.payments import Channel, Refund
from kashu.wire import cashier
from kashu.wire.context import Context
from kashu.wire.pay.protocol import GatewayError, RefundAsk, RefundState, RefundTold

Body = Mapping[str, Any]
QUERY_GAPS_SECONDS = (20, 90, 480, 1_200)  # after the first look at 10 s: 30 s, 2 m, 10 m, 30 m (payments.md §3.3)
CONFIRM_GAPS_SECONDS = (3, 10, 30, 120, 600, 1_800)
REFUND_GAPS_SECONDS = (10, 30, 120, 600, 1_800, 7_200, 21_600)  # then every six hours until the gateway knows


def look_at_payments(ctx: Context, bodies: Sequence[Body]) -> None:
    """Payments that no notice has told us of: those under way are asked about, and closed before their hold ends."""
    at = clock.now()
    with ctx.pool.transaction() as db:
        found = payments.by_ids(db, [(int(body["pool_id"]), UUID(body["payment_id"])) for body in bodies])
        facts = []
        for body in bodies:
            payment, pool_id, turn = found.get(UUID(body["payment_id"])), int(body["pool_id"]), int(body["round"])
            if payment is None or payment.state in ("paid", "closed"):
                continue
            if at >= payment.expires_at:
                facts.append(Fact("payment.close", {"pool_id": pool_id, "order_id": payment.order_id}, pool_id))
                continue
            if payment.state in ("paying", "unknown"):
                facts.append(Fact("payment.ask", {"pool_id": pool_id, "payment_id": payment.id}, pool_id))
            gap = QUERY_GAPS_SECONDS[min(turn, len(QUERY_GAPS_SECONDS) - 1)]
            due_at = min(at + timedelta(seconds=gap), payment.expires_at)
            facts.append(Fact("payment.query", {**body, "round": turn + 1}, pool_id, due_at))
        tell(db, facts, at)


def ask_payment(ctx: Context, body: Body) -> None:
    """Ask the gateway about one payment."""
    with ctx.pool.transaction() as db:
        payment = payments.payment(db, int(body["pool_id"]), UUID(body["payment_id"]))
    if payment is not None and payment.state in ("paying", "unknown", "created", "closed"):
        cashier.ask(ctx, payment)


def confirm_payment(ctx: Context, body: Body) -> None:
    """A notice of a large amount waits for the gateway's own word; without it, a person hears of it in the end."""
    pool_id, turn = int(body["pool_id"]), int(body["round"])
    with ctx.pool.transaction() as db:
        payment = payments.payment(db, pool_id, UUID(body["payment_id"]))
    if payment is None or payment.state == "paid":
        return
    with contextlib.suppress(GatewayError):
        cashier.ask(ctx, payment)
    with ctx.pool.transaction() as db:
        payment = payments.payment(db, pool_id, payment.id)
        if payment is None or payment.state == "paid":
            return
        if turn < len(CONFIRM_GAPS_SECONDS):
            due_at = clock.now() + timedelta(seconds=CONFIRM_GAPS_SECONDS[turn])
            tell(db, [Fact("payment.confirm", {**body, "round": turn + 1}, pool_id, due_at)], clock.now())
        else:
            sales.note_unconfirmed(db, payment, clock.now())


def close_payments(ctx: Context, body: Body) -> None:
    """An order ends unpaid: close its trades at the gateway. One that was paid in the meantime is settled."""
    with ctx.pool.transaction() as db:
        found = payments.of_order(db, int(body["pool_id"]), UUID(body["order_id"]))
    for payment in found:
        if payment.state in cashier.OPEN:
            cashier.close(ctx, payment)


def send_refund(ctx: Context, body: Body) -> None:
    """Have the gateway give money back, under the one number this refund has for ever."""
    refund, channel, asked = _refund(ctx, body)
    if refund.state not in ("requested", "unknown"):
        return
    try:
        told = cashier.called(ctx, channel, "refund", lambda: ctx.gateway(channel).refund(asked))
    except GatewayError as error:
        _note(ctx, body, refund, RefundTold(RefundState.PENDING, f"{type(error).__name__}: {error}"))
        return
    if told.state is RefundState.MISSING:  # not a no, and not done: the same number is tried again
        with ctx.pool.transaction() as db:
            payments.move_refund(db, refund, [refund.state], refund.state, told.detail)
            tell(db, [_fact("refund.send", body, refund.tries + 1)], clock.now())
        return
    _note(ctx, body, refund, told)


def ask_refund(ctx: Context, body: Body) -> None:
    """Ask what became of a refund; only this moves one whose outcome is unknown."""
    refund, channel, asked = _refund(ctx, body)
    if refund.state not in ("requested", "unknown"):
        return
    told = cashier.called(ctx, channel, "query_refund", lambda: ctx.gateway(channel).query_refund(asked))
    if told.state is RefundState.MISSING:  # it was never taken: send it, under its number
        with ctx.pool.transaction() as db:
            tell(db, [Fact("refund.send", {**body}, refund.pool_id)], clock.now())
        return
    _note(ctx, body, refund, told)


def _note(ctx: Context, body: Body, refund: Refund, told: RefundTold) -> None:
    with ctx.pool.transaction() as db:
        if told.state is RefundState.DONE:
            sales.refunded(db, refund.pool_id, refund.id, clock.now())
        elif told.state is RefundState.REFUSED:
            sales.refund_refused(db, refund.pool_id, refund.id, told.detail, clock.now())
        else:
            payments.move_refund(db, refund, ["requested", "unknown"], "unknown", told.detail)
            tell(db, [_fact("refund.ask", body, refund.tries)], clock.now())


def _fact(topic: str, body: Body, turn: int) -> Fact:
    gap = REFUND_GAPS_SECONDS[min(turn, len(REFUND_GAPS_SECONDS) - 1)]
    return Fact(topic, {**body}, int(body["pool_id"]), clock.now() + timedelta(seconds=gap))


def _refund(ctx: Context, body: Body) -> tuple[Refund, Channel, RefundAsk]:
    pool_id, refund_id = int(body["pool_id"]), UUID(body["refund_id"])
    with ctx.pool.transaction() as db:
        refund = payments.refund(db, pool_id, refund_id)
        assert refund is not None
        payment = payments.payment(db, pool_id, refund.payment_id)
        assert payment is not None
        channel = payments.channels(db)[payment.channel_id]
    asked = RefundAsk(
        refund.number,
        payment.trade_no,
        refund.gateway_no,
        refund.amount_fen,
        payment.amount_fen,
        refund.reason,
        f"{ctx.callback_url}/callbacks/{channel.id}",
    )
    return refund, channel, asked
