"""Messages to people: written with what they tell of, brought afterwards. Nothing that is sold ever waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import catalog, messages, party, sales
from kashu.jobs.webhooks import announce_recall
from kashu.kernel import clock, text
from kashu.kernel.db import Db
from kashu.messages import Arrival, Draft, Errand
from kashu.sales import Order, RevealRefusal
from kashu.wire import metrics, posting
from kashu.wire.attested import note_orders
from kashu.wire.context import Context

Body = Mapping[str, Any]


def note_delivery(ctx: Context, body: Body) -> None:
    """An order was delivered: its price becomes a deal, and its phone hears of it."""
    at = clock.now()
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
        lines = sales.lines_of(db, [order.id])[order.id]
        catalog.note_deals(db, [(line.sku_id, line.deal_price_fen, order.placed_at) for line in lines])
        note_orders(ctx, db, "delivered", [order], at)
        if order.phone_sealed is None:
            return
        if sales.fulfilments(db, [_key(body)]):
            _write(ctx, db, order, "issued", {}, at)
        elif order.quantity == 1 and catalog.pushes_secret(db, lines[0].sku_id) and messages.carriers(db, "card"):
            _write(ctx, db, order, "card", {}, at)
        else:
            _write_link(ctx, db, order, at)


def note_refund(ctx: Context, body: Body) -> None:
    """Money went back: say so."""
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
        note_orders(ctx, db, "refunded", [order], clock.now())
        if order.phone_sealed is not None:
            _write(ctx, db, order, "refunded", {}, clock.now())


def note_recall(ctx: Context, body: Body) -> None:
    """Cards that were delivered are recalled: their buyer is told not to use them, before the money comes (§2.3)."""
    with ctx.pool.transaction() as db:
        [order] = sales.orders(db, [_key(body)]).values()
        if order.account_id is not None:
            announce_recall(db, order, clock.now())
        elif order.phone_sealed is not None:
            _write(ctx, db, order, "recalled", {}, clock.now())


def send_code(ctx: Context, body: Body) -> None:
    """Somebody has to prove a phone. A code is for now: past its time it is not even written."""
    phone, code = ctx.ring.open_personal(bytes.fromhex(body["sealed"]), "phone code").split(" ")
    expires_at, at = datetime.fromisoformat(body["expires_at"]), clock.now()
    if expires_at <= at:
        return
    asked_at = expires_at - timedelta(seconds=sales.CODE_SECONDS)
    draft = Draft("code", text.sha256_hex(body["sealed"]), phone, {"code": code}, asked_at, expires_at)
    with ctx.pool.transaction() as db:
        messages.write(db, ctx.ring, [draft], at)


def warn_owners(ctx: Context, body: Body) -> None:
    """Somebody asked for what usually takes two persons: every owner hears of it before it can happen (design §5a)."""
    when = datetime.fromisoformat(body["not_before"]).astimezone(clock.SHANGHAI)
    values = {"asked_by": body["asked_by"], "act": body["act"], "thing": body["thing"], "when": f"{when:%m-%d %H:%M}"}
    with ctx.pool.transaction() as db:
        about = text.sha256_hex(text.canonical_json(dict(body)))
        drafts = [Draft("warning", f"{about} {owner}"[:200], owner, values) for owner in party.owners(db)]
        messages.write(db, ctx.ring, drafts, clock.now())


def send_message(ctx: Context, body: Body) -> None:
    """Give a message to the next sender: note it, commit, call, note the answer."""
    with ctx.pool.transaction() as db:
        told = messages.take(db, ctx.ring, UUID(body["message_id"]), clock.now())
        if told is not None and told.message.purpose == "card":
            told = _with_card(ctx, db, told)
    if told is None:
        return
    answer = posting.vendor(told.sender, ctx.ring, ctx.sender).send(posting.letter(told))
    metrics.MESSAGES.labels(told.sender.kind, answer.outcome.value).inc()
    with ctx.pool.transaction() as db:
        arrival = messages.answered(db, told, answer, clock.now())
    _observe(arrival)


def ask_message(ctx: Context, body: Body) -> None:
    """Ask a vendor what became of a message that it has, or may have."""
    with ctx.pool.transaction() as db:
        told = messages.errand(db, ctx.ring, UUID(body["message_id"]), int(body["number"]))
    if told is None:
        return
    answer = posting.vendor(told.sender, ctx.ring, ctx.sender).ask(posting.letter(told, is_asked=True))
    with ctx.pool.transaction() as db:
        arrival = messages.asked(db, told, answer, int(body["turn"]), clock.now())
    _observe(arrival)


def _write(ctx: Context, db: Db, order: Order, purpose: str, more: Mapping[str, str], at: datetime) -> None:
    """Write to an order's phone. It is told by its tail; `since` is what arrival is measured from."""
    assert order.phone_sealed is not None, "looked at by the caller"
    phone = ctx.ring.open_personal(order.phone_sealed, f"order phone {order.id}")
    since = {"refunded": order.closed_at, "recalled": at}.get(purpose, order.delivered_at)
    refs = {"pool_id": order.pool_id, "order_id": str(order.id)}
    draft = Draft(purpose, str(order.id), phone, {"tail": order.number[-4:], **more}, since, refs=refs)
    messages.write(db, ctx.ring, [draft], at)


def _write_link(ctx: Context, db: Db, order: Order, at: datetime) -> None:
    """The short link that opens the card on the phone it was sent to."""
    if not messages.is_written(db, "delivered", str(order.id)):  # this fact came before: no second link
        _write(ctx, db, order, "delivered", {"link": sales.make_link(db, ctx.ring, order, at)}, at)


def _with_card(ctx: Context, db: Db, told: Errand) -> Errand | None:
    """Put the key in, for this one call: it is written down nowhere. Where it may not go, the link goes instead."""
    key, at = _key(told.message.refs), clock.now()
    found = sales.push_card(
        db, ctx.ring, key, at, fits=lambda card: messages.fits(told.template, {**told.values, "card": card})
    )
    if isinstance(found, str) and not isinstance(found, RevealRefusal):
        return replace(told, values={**told.values, "card": found})
    messages.give_up(db, told, found.value if found is not None else "the key does not fit the template", at)
    if found is None:
        [order] = sales.orders(db, [key]).values()
        _write_link(ctx, db, order, at)
    return None


def _observe(arrival: Arrival | None) -> None:
    if arrival is not None:
        posting.observe(arrival)


def _key(body: Mapping[str, Any]) -> tuple[int, UUID]:
    return int(body["pool_id"]), UUID(body["order_id"])
