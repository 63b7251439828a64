"""What each fact of the outbox leads to. Every handler may run twice and does its work once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import catalog, party, payments, sales
from kashu.jobs.bills import reconcile
from kashu.jobs.bulk import buy_bulk
from kashu.jobs.imports import load_file, void_cards
from kashu.jobs.supply import ask_order, send_order
from kashu.jobs.webhooks import (
    announce_bulk,
    announce_purchases,
    announce_refunds,
    announce_topup,
    list_purchases,
    send_webhook,
)
from kashu.kernel import clock, text
from kashu.kernel.events import Fact, tell
from kashu.wire import cashier, spool
from kashu.wire.context import Context

Body = Mapping[str, Any]
QUERY_GAPS_SECONDS = (20, 90, 480, 1_200)  # after the first look at 10 s: 30 s, 2 m, 10 m, 30 m (payments.md §3.3)


def keep_lists(ctx: Context, bodies: Sequence[Body]) -> None:
    """Orders were placed: they join the lists of their buyers."""
    with ctx.pool.transaction() as db:
        sales.keep_buyer_orders(db, list(sales.orders(db, [_key(body) for body in bodies]).values()))


def note_delivery(ctx: Context, body: Body) -> None:
    """An order was delivered: its price becomes a deal, and its phone hears of it."""
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
        lines = sales.lines_of(db, [order.id])[order.id]
        catalog.note_deals(db, [(line.sku_id, line.deal_price_fen, order.placed_at) for line in lines])
        is_issued = bool(sales.fulfilments(db, [_key(body)]))
    done = "已经办理完成" if is_issued else "的卡密已送达"
    _message(
        ctx,
        body,
        f"【卡枢】订单尾号 {order.number[-4:]} {done}，请在下单页面查看，或到「我的订单」用手机号查询。",
    )


def note_refund(ctx: Context, body: Body) -> None:
    """Money went back: say so."""
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
    _message(ctx, body, f"【卡枢】订单尾号 {order.number[-4:]} 已全额退款，将原路退回你的支付账户。")


def send_code(ctx: Context, body: Body) -> None:
    phone, code = ctx.ring.open_personal(bytes.fromhex(body["sealed"]), "phone code").split(" ")
    if datetime.fromisoformat(body["expires_at"]) > clock.now():
        ctx.sender.send(phone, f"【卡枢】验证码 {code}，用于查询订单，5 分钟内有效。请勿告诉他人。")


def warn_owners(ctx: Context, body: Body) -> None:
    """Somebody asked for what usually takes two persons: every owner hears of it before it can happen (design §5a)."""
    with ctx.pool.transaction() as db:
        owners = party.owners(db)
    when = datetime.fromisoformat(body["not_before"]).astimezone(clock.SHANGHAI)
    for owner in owners:
        ctx.sender.send(
            owner,
            f"【卡枢】单人模式：{body['asked_by']} 申请 {body['act']}（{body['thing']}），{when:%m-%d %H:%M} 起可执行。"
            "不是你本人操作，请立即登录运营台撤回并修改密码。",
        )


def look_at_payments(ctx: Context, bodies: Sequence[Body]) -> None:
    """Payments that no notice has told us of: those being paid are asked about, all are looked at again while open."""
    at = clock.now()
    with ctx.pool.transaction() as db:
        found = payments.by_ids(db, [(int(body["pool_id"]), UUID(body["payment_id"])) for body in bodies])
        facts = []
        for body in bodies:
            payment, pool_id, turn = found.get(UUID(body["payment_id"])), int(body["pool_id"]), int(body["round"])
            if payment is None or payment.state in ("paid", "closed"):
                continue
            if payment.state == "paying":
                facts.append(Fact("payment.ask", {"pool_id": pool_id, "payment_id": payment.id}, pool_id))
            if turn < len(QUERY_GAPS_SECONDS):
                due_at = at + timedelta(seconds=QUERY_GAPS_SECONDS[turn])
                facts.append(Fact("payment.query", {**body, "round": turn + 1}, pool_id, due_at))
        tell(db, facts, at)


def ask_payment(ctx: Context, body: Body) -> None:
    """Ask the gateway about one payment."""
    with ctx.pool.transaction() as db:
        payment = payments.payment(db, int(body["pool_id"]), UUID(body["payment_id"]))
    if payment is not None and payment.state == "paying":
        cashier.ask(ctx, payment)


def close_payments(ctx: Context, body: Body) -> None:
    """An order ended unpaid: close its trades at the gateway. One that was paid in the meantime is settled late."""
    with ctx.pool.transaction() as db:
        open_ones = [one for one in payments.of_order(db, *_key(body)) if one.state in ("created", "paying")]
    for payment in open_ones:
        cashier.close(ctx, payment)


def send_refund(ctx: Context, body: Body) -> None:
    """Have the gateway give money back, under the one id this refund has for ever."""
    pool_id, refund_id = int(body["pool_id"]), UUID(body["refund_id"])
    with ctx.pool.transaction() as db:
        refund = payments.refund(db, pool_id, refund_id)
        assert refund is not None
        payment = payments.payment(db, pool_id, refund.payment_id)
        assert payment is not None
        channel = payments.channels(db)[payment.channel_id]
    if refund.state == "done":
        return
    try:
        done = ctx.gateway(channel).refund(str(refund.id), refund.gateway_no, refund.amount_fen)
    except Exception as error:
        with ctx.pool.transaction() as db:
            payments.trouble_refund(db, pool_id, refund_id, text.canonical_json([type(error).__name__, str(error)]))
        raise
    if done:
        with ctx.pool.transaction() as db:
            sales.refunded(db, pool_id, refund_id, clock.now())


def load_cards(ctx: Context, body: Body) -> None:
    load_file(ctx, int(body["pool_id"]))


def clear_spool(ctx: Context, body: Body) -> None:
    spool.remove(ctx.spool, body["spool"])


def give_up_cards(ctx: Context, body: Body) -> None:
    """A batch was cancelled: its cards are void, and their fingerprints free for another file."""
    spool.remove(ctx.spool, body["spool"])
    void_cards(ctx, int(body["pool_id"]))


def nothing_to_do(ctx: Context, body: Body) -> None:
    """A fact that later modules will listen to."""


HANDLERS: dict[str, Callable[[Context, Body], None]] = {
    "order.delivered": note_delivery,
    "order.refunded": note_refund,
    "code.send": send_code,
    "approval.solo": warn_owners,
    "payment.ask": ask_payment,
    "payment.close": close_payments,
    "refund.send": send_refund,
    "cards.load": load_cards,
    "cards.loaded": clear_spool,
    "cards.cancelled": give_up_cards,
    "cards.on_sale": nothing_to_do,
    "topup.credited": announce_topup,
    "bulk.buy": buy_bulk,
    "bulk.done": announce_bulk,
    "bill.reconcile": reconcile,
    "webhook.send": send_webhook,
    "fulfil.send": send_order,
    "fulfil.ask": ask_order,
}
# What comes by the thousand is done as it is relayed, many in one transaction, and never becomes a job of its own.
AT_ONCE: dict[str, Callable[[Context, Sequence[Body]], None]] = {
    "order.placed": keep_lists,
    "payment.query": look_at_payments,
    "purchase.paid": list_purchases,
    "purchase.delivered": announce_purchases,
    "purchase.refunded": announce_refunds,
}
# Queues of their own: what takes long, and what waits for strangers' servers.
QUEUES = {"cards.load": "long", "cards.cancelled": "long", "bulk.buy": "long", "webhook.send": "webhooks",
          "bill.reconcile": "bills", "fulfil.send": "supply", "fulfil.ask": "supply"}  # fmt: skip
FACTS = "facts"


def _key(body: Body) -> tuple[int, UUID]:
    return int(body["pool_id"]), UUID(body["order_id"])


def _message(ctx: Context, body: Body, told: str) -> None:
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
    if order.phone_sealed is not None:
        ctx.sender.send(ctx.ring.open_personal(order.phone_sealed, f"order phone {order.id}"), told)
