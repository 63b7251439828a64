"""What each fact of the outbox leads to. Every handler may run twice and does its work once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from kashu import sales
from kashu.jobs.aftersale import pay_compensation, recall_cards
from kashu.jobs.bills import reconcile
from kashu.jobs.bulk import buy_bulk
from kashu.jobs.imports import load_file, void_cards
from kashu.jobs.messages import (
    ask_message,
    note_delivery,
    note_recall,
    note_refund,
    send_code,
    send_message,
    warn_owners,
)
from kashu.jobs.payments import (
    ask_payment,
    ask_refund,
    close_payments,
    confirm_payment,
    look_at_payments,
    send_refund,
)
from kashu.jobs.suppliers import screen_again, verify_supplier
from kashu.jobs.supply import ask_order, probe_cards, send_order, stop_failing, stop_leaked
from kashu.jobs.webhooks import (
    announce_bulk,
    announce_purchases,
    announce_refunds,
    announce_topup,
    list_purchases,
    send_webhook,
)
from kashu.wire import spool
from kashu.wire.context import Context

Body = Mapping[str, Any]


def keep_lists(ctx: Context, bodies: Sequence[Body]) -> None:
    """Orders were placed: they join the lists of their buyers."""
    with ctx.pool.transaction() as db:
        sales.keep_buyer_orders(db, list(sales.orders(db, [_key(body) for body in bodies]).values()))


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
    "order.recalled": note_recall,
    "compensation.pay": pay_compensation,
    "authorisation.revoked": recall_cards,
    "code.send": send_code,
    "approval.solo": warn_owners,
    "payment.ask": ask_payment,
    "payment.confirm": confirm_payment,
    "payment.close": close_payments,
    "refund.send": send_refund,
    "refund.ask": ask_refund,
    "cards.load": load_cards,
    "cards.loaded": clear_spool,
    "cards.cancelled": give_up_cards,
    "cards.probe": probe_cards,
    "cards.leaked": stop_leaked,
    "cards.failed": stop_failing,
    "cards.on_sale": nothing_to_do,
    "topup.credited": announce_topup,
    "bulk.buy": buy_bulk,
    "bulk.done": announce_bulk,
    "bill.reconcile": reconcile,
    "webhook.send": send_webhook,
    "message.send": send_message,
    "message.ask": ask_message,
    "fulfil.send": send_order,
    "fulfil.ask": ask_order,
    "supplier.verify": verify_supplier,
    "list.loaded": screen_again,
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
QUEUES = {"cards.load": "long", "cards.cancelled": "long", "authorisation.revoked": "long", "bulk.buy": "long", "webhook.send": "webhooks",
          "bill.reconcile": "bills", "fulfil.send": "supply", "fulfil.ask": "supply", "cards.probe": "supply", "message.send": "messages",
          "message.ask": "messages", "supplier.verify": "registry"}  # fmt: skip
FACTS = "facts"


def _key(body: Body) -> tuple[int, UUID]:
    return int(body["pool_id"]), UUID(body["order_id"])
