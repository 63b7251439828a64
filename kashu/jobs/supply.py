"""Having orders issued by suppliers (直充): note it, commit, call, note the answer. Whatever is not clear is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import sales
from kashu.audit import SYSTEM
from kashu.kernel import clock
from kashu.kernel.events import Fact, tell
from kashu.sales import FulfilRefusal, Sending
from kashu.wire import metrics
from kashu.wire.context import Context
from kashu.wire.supply import State, Supplier, SupplyError, Told

Body = Mapping[str, Any]
ASK_GAPS_SECONDS = (2, 5, 15, 30, 60, 300, 600, 900)  # after that, every hour until the supplier says
STUCK_AFTER = len(ASK_GAPS_SECONDS)
HOUR_SECONDS = 3_600
AGAIN_SECONDS = 10


def send_order(ctx: Context, body: Body) -> None:
    """Send a paid order to its supplier, once; one that may have been sent before is asked about."""
    key = _key(body)
    with ctx.pool.transaction() as db:
        told = sales.send(db, ctx.ring, key, clock.now())
        if told is FulfilRefusal.BEING_ISSUED:
            tell(db, [_ask(key, 0)], clock.now())
    if isinstance(told, Sending):
        _note(ctx, key, told, is_asked=False, turn=0)


def ask_order(ctx: Context, body: Body) -> None:
    """Ask a supplier what became of an order."""
    key = _key(body)
    with ctx.pool.transaction() as db:
        told = sales.sending(db, ctx.ring, key)
    if isinstance(told, Sending):
        _note(ctx, key, told, is_asked=True, turn=int(body["turn"]))


def _note(ctx: Context, key: tuple[int, UUID], told: Sending, *, is_asked: bool, turn: int) -> None:
    """Call, and note what was answered. Only `done` and `failed` end it; no answer is no answer."""
    supplier = Supplier(ctx.ring, ctx.http)
    trouble = ""
    try:
        answer = supplier.ask(told) if is_asked else supplier.send(told)
    except SupplyError as error:
        answer, trouble = Told(told.number, State.PROCESSING), str(error)
    metrics.SUPPLIES.labels(told.source.id, answer.state.value if not trouble else "no_answer").inc()
    at = clock.now()
    with ctx.pool.transaction() as db:
        if answer.state is State.DONE:
            sales.fulfilled(db, ctx.ring, SYSTEM, key, (answer.number, answer.text or answer.number), at)
        elif answer.state is State.FAILED:
            sales.unfulfilled(db, SYSTEM, key, answer.reason or "refused by the supplier", at)
        elif answer.state is State.UNKNOWN and is_asked:
            sales.not_arrived(db, key, "never arrived", at)
            again = Fact("fulfil.send", {"pool_id": key[0], "order_id": key[1]}, key[0], _in(AGAIN_SECONDS))
            tell(db, [again], at)
        else:
            if turn == STUCK_AFTER:
                sales.stuck(db, key, trouble or answer.state.value, at)
            tell(db, [_ask(key, turn)], at)


def _ask(key: tuple[int, UUID], turn: int) -> Fact:
    gap = ASK_GAPS_SECONDS[turn] if turn < STUCK_AFTER else HOUR_SECONDS
    return Fact("fulfil.ask", {"pool_id": key[0], "order_id": key[1], "turn": turn + 1}, key[0], _in(gap))


def _in(seconds: int) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _key(body: Body) -> tuple[int, UUID]:
    return int(body["pool_id"]), UUID(body["order_id"])
