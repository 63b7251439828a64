"""What each fact of the outbox leads to. Every handler may run twice and does its work once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kashu import catalog, party, sales
from kashu.jobs.bills import reconcile
from kashu.jobs.bulk import buy_bulk
from kashu.jobs.imports import load_file, void_cards
from kashu.jobs.payments import ask_payment, ask_refund, close_payments, look_at_payments, send_refund
from kashu.jobs.supply import ask_order, send_order
from kashu.jobs.webhooks import (
    announce_bulk,
    announce_purchases,
    announce_refunds,
    announce_topup,
    list_purchases,
    send_webhook,
)
from kashu.kernel import clock
from kashu.wire import spool
from kashu.wire.context import Context

Body = Mapping[str, Any]


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
    "refund.ask": ask_refund,
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
