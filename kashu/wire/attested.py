"""What is to be attested of transactions (交易核验): written down in the transaction in which it happens, told by a job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from kashu import cards, catalog, compliance, sales
from kashu.cards import Redeeming, RedeemRefusal, Redemption
from kashu.compliance import NewAttestation
from kashu.kernel.db import Db
from kashu.kernel.text import canonical_json
from kashu.sales import Order, SaleLine
from kashu.wire import verify
from kashu.wire.attestation import Authorised, Event, Happened, Line
from kashu.wire.context import Context

CARDS_MAX = 1_000


def redeem(ctx: Context, db: Db, asked: Redeeming, at: datetime) -> Redemption | RedeemRefusal:
    """Redeem a code (核销), and write down what is to be attested of it."""
    told = sales.redeem(db, ctx.ring, asked, at)
    if isinstance(told, Redemption):
        _note_redemption(ctx, db, "redeemed", told, told.redeemed_at, at)
    return told


def undo_redemption(ctx: Context, db: Db, asked: Redeeming, at: datetime) -> Redemption | RedeemRefusal:
    """Undo a redemption (撤销核销): whoever attests it is told that it holds no more."""
    told = sales.undo_redemption(db, ctx.ring, asked, at)
    if isinstance(told, Redemption):
        _note_redemption(ctx, db, "undone", told, told.undone_at, at)
    return told


def note_orders(ctx: Context, db: Db, event: str, orders: Sequence[Order], at: datetime) -> None:
    """Write down what happened to orders, if somebody attests it. With what proves the cards' origin; nobody's data."""
    if ctx.attestor is None or not orders:
        return
    lines = sales.lines_of(db, [one.id for one in orders])
    new = [
        NewAttestation(event, one.number, one.number, _of_order(ctx, db, event, one, lines.get(one.id, ())))
        for one in orders
    ]
    compliance.attestations.tell(db, new, at)


def _note_redemption(
    ctx: Context, db: Db, event: str, told: Redemption, happened: datetime | None, at: datetime
) -> None:
    """Each redemption is an event of its own: an order has many codes, and one that was undone can be redeemed again."""
    if ctx.attestor is None:
        return
    origin = cards.origin(db, told.pool_id, told.card_id)
    assert origin is not None, "what is redeemed is a card"
    assert origin.order_id is not None, "what is redeemed was sold"
    pool_id, number = sales.named(db, {origin.order_id})[origin.order_id]
    [order] = sales.orders(db, [(pool_id, origin.order_id)]).values()
    proofs = [verify.token(ctx.ring, told.pool_id, told.card_id)]
    line = _line(db, (told.sku_id, told.pool_id), 1, origin.authorisation_id, proofs)
    body = _body(event, order, happened, [line], str(told.id))
    compliance.attestations.tell(db, [NewAttestation(event, str(told.id), number, body)], at)


def _of_order(ctx: Context, db: Db, event: str, order: Order, lines: Sequence[SaleLine]) -> str:
    proofs: dict[int, list[str]] = defaultdict(list)
    for card in cards.records(db, [(line.pool_id, line.id) for line in lines])[:CARDS_MAX]:
        proofs[card.pool_id].append(verify.token(ctx.ring, card.pool_id, card.id))
    happened = order.delivered_at if event == Event.DELIVERED else order.closed_at
    under = cards.sold_under(db, [(line.pool_id, line.id, line.delivered_at or order.placed_at) for line in lines])
    told = [
        _line(
            db, (line.sku_id, line.pool_id), line.quantity, next(iter(under[line.pool_id]), None), proofs[line.pool_id]
        )
        for line in lines
    ]
    return _body(event, order, happened, told)


def _body(event: str, order: Order, at: datetime | None, lines: list[Line], redemption: str | UnsetType = UNSET) -> str:
    happened = None if at is None else at.isoformat()
    told = Happened(Event(event), order.number, happened, order.total_fen, lines, redemption)
    return canonical_json(msgspec.to_builtins(told))


def _line(db: Db, sold: tuple[int, int], quantity: int, held: int | None, proofs: list[str]) -> Line:
    """What was sold of a SKU from a pool; `held` is the authorisation under which it was, whichever renewed that since."""
    sku_id, pool_id = sold
    batch, steps = cards.batch(db, pool_id), cards.steps(db, pool_id)
    link = None if held is None else compliance.authorisation(db, held)
    return Line(
        catalog.codes(db, [sku_id]).get(sku_id, ""),
        quantity,
        "" if batch is None else batch.code,
        steps[-1].hash.hex() if steps else "",
        None if link is None else Authorised(link.number, link.brand),
        proofs,
    )
