"""Telling organisations what happened: messages are written with the fact, and sent afterwards."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from kashu import aftersale, party, sales
from kashu.kernel import clock, text
from kashu.kernel.db import Db
from kashu.sales import Order
from kashu.wire.attested import note_orders
from kashu.wire.context import Context

Body = Mapping[str, Any]
TIMEOUT_SECONDS = 10


def list_purchases(ctx: Context, bodies: Sequence[Body]) -> None:
    """Purchases that are still to be issued join the lists of their accounts."""
    with ctx.pool.transaction() as db:
        _list(db, sales.orders(db, _keys(bodies)).values())


def announce_purchases(ctx: Context, bodies: Sequence[Body]) -> None:
    """Purchases were delivered: they join the lists of their accounts, and whoever listens hears of them."""
    _announce(ctx, bodies, "purchase.delivered", lambda order: {"delivered_at": _stamp(order.delivered_at)})


def announce_refunds(ctx: Context, bodies: Sequence[Body]) -> None:
    """Purchases could not be issued: their money is their accounts' again, and whoever listens hears of them."""
    _announce(
        ctx, bodies, "purchase.refunded",
        lambda order: {"refunded_at": _stamp(order.closed_at), "reason": order.close_reason},
    )  # fmt: skip


def announce_recall(db: Db, order: Order, at: datetime) -> None:
    """Cards of a purchase were recalled (§2.3): whoever listens stops passing them on."""
    assert order.account_id is not None, "whoever has no account has no webhook"
    account = sales.accounts(db, [order.account_id])[order.account_id]
    owed = next(one for one in aftersale.compensations_of_order(db, order.pool_id, order.id) if one.effect == "recall")
    data = {"id": order.number, "reference": order.reference, "cards": owed.cards, "amount_fen": owed.amount_fen,
            "recalled_at": _stamp(owed.made_at)}  # fmt: skip
    party.announce(db, [(account.party_id, "purchase.recalled", order.number, data)], at)


def _announce(ctx: Context, bodies: Sequence[Body], topic: str, more: Callable[[Order], dict[str, str]]) -> None:
    with ctx.pool.transaction() as db:
        orders = sales.orders(db, _keys(bodies))
        accounts = sales.accounts(db, {int(body["account_id"]) for body in bodies})
        _list(db, orders.values())
        told = [(orders[UUID(body["order_id"])], body) for body in bodies]
        news = [
            (accounts[int(body["account_id"])].party_id, topic, order.number, {
                "id": order.number, "reference": order.reference, "quantity": order.quantity,
                "total_fen": order.total_fen, **more(order),
            })
            for order, body in told
        ]  # fmt: skip
        party.announce(db, news, clock.now())
        note_orders(ctx, db, topic.removeprefix("purchase."), list(orders.values()), clock.now())


def _list(db: Db, orders: Iterable[Order]) -> None:
    told = [(one.account_id, one.pool_id, one.id, one.placed_at) for one in orders if one.account_id is not None]
    sales.keep_account_orders(db, told)


def _keys(bodies: Sequence[Body]) -> list[tuple[int, UUID]]:
    return [(int(body["pool_id"]), UUID(body["order_id"])) for body in bodies]


def _stamp(at: datetime | None) -> str:
    assert at is not None, "the order is there"
    return at.isoformat()


def announce_topup(ctx: Context, body: Body) -> None:
    """Prepayment was credited."""
    with ctx.pool.transaction() as db:
        account = sales.accounts(db, [int(body["account_id"])])[int(body["account_id"])]
        found = next(one for one in sales.topups(db, account.id, 1_000) if str(one.id) == body["topup_id"])
        data = {"id": str(found.id), "amount_fen": found.amount_fen, "bank_reference": found.bank_reference}
        party.announce(db, [(account.party_id, "topup.credited", str(found.id), data)], clock.now())


def announce_bulk(ctx: Context, body: Body) -> None:
    """A bulk purchase has ended and its file is there."""
    with ctx.pool.transaction() as db:
        found = sales.bulk(db, UUID(body["bulk_id"]))
        assert found is not None
        account = sales.accounts(db, [found.account_id])[found.account_id]
        data = {
            "id": str(found.id), "sku": found.code, "quantity": found.quantity, "bought": found.bought,
            "reference": found.reference, "total_fen": found.spent_fen, "stopped_by": found.stopped_by,
        }  # fmt: skip
        party.announce(db, [(account.party_id, "bulk_purchase.done", str(found.id), data)], clock.now())


def send_webhook(ctx: Context, body: Body) -> None:
    """Send one message and record what came of it. The next try, if any, is a fact of its own."""
    message_id = UUID(body["message_id"])
    with ctx.pool.transaction() as db:
        message = party.message(db, message_id)
        hook = party.webhook(db, message.webhook_id) if message is not None else None
    if message is None or hook is None or message.state != "waiting":
        return
    status, trouble = None, "closed"
    if hook.is_open:
        secret = ctx.ring.open_personal(hook.sealed_secret, f"webhook {hook.id}")
        raw = text.canonical_json(message.body).encode()
        headers = party.signed(secret, message, raw, clock.now()) | {"content-type": "application/json"}
        status, trouble = _post(ctx, hook.url, raw, headers)
    with ctx.pool.transaction() as db:
        party.tried(db, message_id, status, trouble, clock.now(), is_last=not hook.is_open)


def _post(ctx: Context, url: str, raw: bytes, headers: Mapping[str, str]) -> tuple[int | None, str]:
    """The status, or what went wrong, within so many seconds in all.

    The client is made for the call: no cookie of one stranger is kept or shown to another. No redirect is followed,
    and no more of the answer is read than its head.
    """
    try:
        if ctx.is_behind_proxy and _is_ours(url):  # in production nobody may make us call our own network
            return None, "the address is not public"
        return asyncio.run(_head(url, raw, headers)), ""
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return None, type(error).__name__


async def _head(url: str, raw: bytes, headers: Mapping[str, str]) -> int:
    """An answer may drip for ever, each byte within its timeout: only a deadline over all of it ends that."""
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
        http.stream("POST", url, content=raw, headers=dict(headers)) as answer,
    ):
        return answer.status_code


def _is_ours(url: str) -> bool:
    """Whether a host leads anywhere but the public internet; one that leads nowhere is none of ours."""
    try:
        found = socket.getaddrinfo(urlsplit(url).hostname or "", None)
    except OSError:
        return False
    return any(not ipaddress.ip_address(one[4][0]).is_global for one in found)
