"""Having orders issued by suppliers (直充): note it, commit, call, note the answer. Whatever is not clear is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from kashu import audit, cards, sales
from kashu.audit import SYSTEM, Deed
from kashu.kernel import clock
from kashu.kernel.events import Fact, tell
from kashu.sales import FulfilRefusal, Sending
from kashu.wire import metrics
from kashu.wire.context import Context
from kashu.wire.signed import CallError
from kashu.wire.supply import State, Supplier, Told

Body = Mapping[str, Any]
ASK_GAPS_SECONDS = (2, 5, 15, 30, 60, 300, 600, 900)  # after that, every hour until the supplier says
STUCK_AFTER = len(ASK_GAPS_SECONDS)
HOUR_SECONDS = 3_600
AGAIN_SECONDS = 10
PLACES, CROWDED_SECONDS = 3, 3
_places: dict[str, BoundedSemaphore] = {}


def send_order(ctx: Context, body: Body) -> None:
    """Send a paid order to its supplier, once; one that may have been sent before is asked about."""
    key = _key(body)
    with _place(ctx, "fulfil.send", body) as has_place:
        if not has_place:
            return
        with ctx.pool.transaction() as db:
            told = sales.send(db, ctx.ring, key, clock.now())
            if told is FulfilRefusal.BEING_ISSUED:
                tell(db, [_ask(key, 0)], clock.now())
        if isinstance(told, Sending):
            _note(ctx, key, told, is_asked=False, turn=0)


def ask_order(ctx: Context, body: Body) -> None:
    """Ask a supplier what became of an order."""
    key = _key(body)
    with _place(ctx, "fulfil.ask", body) as has_place:
        if not has_place:
            return
        with ctx.pool.transaction() as db:
            told = sales.sending(db, ctx.ring, key)
        if isinstance(told, Sending):
            _note(ctx, key, told, is_asked=True, turn=int(body["turn"]))


@contextmanager
def _place(ctx: Context, topic: str, body: Body) -> Iterator[bool]:
    """A place at the order's supplier; where it has none left, the fact comes again in a moment.

    One that does not answer would hold every place, and other suppliers' orders would fall due.
    """
    with ctx.pool.transaction() as db:
        source = sales.source_of(db, _key(body))
    places = _places.setdefault(source, BoundedSemaphore(PLACES))
    if not places.acquire(blocking=False):
        with ctx.pool.transaction() as db:
            tell(db, [Fact(topic, dict(body), int(body["pool_id"]), _in(CROWDED_SECONDS))], clock.now())
        yield False
        return
    try:
        yield True
    finally:
        places.release()


def _note(ctx: Context, key: tuple[int, UUID], told: Sending, *, is_asked: bool, turn: int) -> None:
    """Call, and note what was answered. Only `done` and `failed` end it; no answer is no answer."""
    supplier = Supplier(ctx.ring)
    trouble = ""
    try:
        answer = supplier.ask(told) if is_asked else supplier.send(told)
    except CallError as error:
        answer, trouble = Told(told.number, State.PROCESSING), str(error)
    metrics.SUPPLIES.labels(told.source.id, answer.state.value if not trouble else "no_answer").inc()
    at = clock.now()
    with ctx.pool.transaction() as db:
        if answer.state is State.DONE:
            issued = (answer.number, answer.text or answer.number)
            if sales.fulfilled(db, ctx.ring, SYSTEM, key, issued, at) is FulfilRefusal.ENDED:
                sales.issued_after_end(db, key, answer.number, at)
        elif answer.state is State.FAILED:
            reason = sales.tidy_reason(answer.reason, told.form) or "refused by the supplier"
            sales.unfulfilled(db, SYSTEM, key, reason, at)
        elif answer.state is State.UNKNOWN and is_asked:
            if sales.not_arrived(db, key, told.tries, at):
                again = Fact("fulfil.send", {"pool_id": key[0], "order_id": key[1]}, key[0], _in(AGAIN_SECONDS))
                tell(db, [again], at)
        else:
            if turn == STUCK_AFTER:
                sales.stuck(db, key, trouble or answer.state.value, at)
            tell(db, [_ask(key, turn)], at)


def probe_cards(ctx: Context, body: Body) -> None:
    """Ask a supplier about a sample of its cards, before any of the batch is sold, or about some that a buyer disputes."""
    pool_id, turn, tries = int(body["pool_id"]), int(body["turn"]), int(body["tries"])
    with ctx.pool.transaction() as db:
        told = cards.open_sample(db, ctx.ring, pool_id, turn, clock.now())
    if told is None:
        return
    try:
        answers = Supplier(ctx.ring).check(told)
    except CallError as error:
        metrics.SUPPLIES.labels(told.source.id, "no_answer").inc()
        with ctx.pool.transaction() as db:
            if tries == STUCK_AFTER:
                after = {"turn": turn, "source": told.source.id, "trouble": str(error)}
                deed = Deed(SYSTEM, "batch.probe_unanswered", "pool", str(pool_id), after=after, pool_id=pool_id)
                audit.record(db, [deed], clock.now())
            else:
                again = {"pool_id": pool_id, "turn": turn, "tries": tries + 1}
                tell(db, [Fact("cards.probe", again, pool_id, _in(ASK_GAPS_SECONDS[tries]))], clock.now())
        return
    metrics.SUPPLIES.labels(told.source.id, "checked").inc()
    with ctx.pool.transaction() as db:
        sales.checked(db, told, answers, clock.now())


def stop_leaked(ctx: Context, body: Body) -> None:
    """A code was used before it was sold."""
    with ctx.pool.transaction() as db:
        cards.leaked(db, int(body["pool_id"]), int(body["card_id"]), clock.now())


def stop_failing(ctx: Context, body: Body) -> None:
    """Whoever honours codes found one of a batch no good."""
    with ctx.pool.transaction() as db:
        cards.stop_failing(db, [int(body["pool_id"])], clock.now())


def _ask(key: tuple[int, UUID], turn: int) -> Fact:
    gap = ASK_GAPS_SECONDS[turn] if turn < STUCK_AFTER else HOUR_SECONDS
    return Fact("fulfil.ask", {"pool_id": key[0], "order_id": key[1], "turn": turn + 1}, key[0], _in(gap))


def _in(seconds: int) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _key(body: Body) -> tuple[int, UUID]:
    return int(body["pool_id"]), UUID(body["order_id"])
