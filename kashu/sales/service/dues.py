"""What a delivered order is owed back because its goods or cards may no longer be sold (§2.3, the delivered column).

Cards that were bought when their authorisation held nothing any more are recalled and paid for; those of a supplier that
is barred, or of goods that were taken down, are paid for where the buyer demands it (先行赔付). All else is honoured.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from kashu import cards
from kashu.audit import Actor
from kashu.compliance import Effect, Event
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.payments import Refund
from kashu.sales import store
from kashu.sales.service import lapse
from kashu.sales.service.claim import give, left_fen
from kashu.sales.service.unwind import DELIVERED
from kashu.sales.types import AffectedOrder, Credit, Due, Order, RefundRefusal, SaleLine

CLAIM_DAYS = 90  # a demand comes within these or the warranty, whichever is longer; a recall has no end


def due(db: Db, key: tuple[int, UUID], at: datetime) -> Due | RefundRefusal:
    """What is owed now for a delivered order, for what of it is unredeemed; its row and its cards stay locked."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    if order.state not in DELIVERED:
        return RefundRefusal.UNDER_WAY if order.paid_at is not None else RefundRefusal.NOT_PAID
    if order.account_id is not None:
        store.accounts(db, [order.account_id], lock=True)  # before the cards, as a purchase does
    return _due(db, order, at, holds=True) or RefundRefusal.NOTHING_DUE


def seems_due(db: Db, order: Order, at: datetime) -> Due | None:
    """The same for a page that shows it: nothing is locked, so it may be otherwise when it is demanded."""
    return _due(db, order, at, holds=False) if order.state in DELIVERED else None


def compensate(
    db: Db, actor: Actor, key: tuple[int, UUID], fen_max: int, reason: str, at: datetime
) -> Refund | Credit | RefundRefusal:
    """Pay what is owed: its cards void, the money by the way it came or on its account.

    Where more than `fen_max` is owed by now, nothing is: whoever said yes to less has not seen all of the cards.
    """
    told = due(db, key, at)
    if isinstance(told, RefundRefusal):
        return told
    if told.amount_fen > fen_max:
        return RefundRefusal.MORE_DUE
    order = store.orders(db, [key])[key[1]]
    why = ("order.compensated", reason, "recall")
    return give(db, actor, order, (told.amount_fen, told.cards), why, at)


def delivered_from(
    db: Db, pools: Sequence[int], after: tuple[int, UUID], most: int
) -> tuple[list[tuple[int, UUID]], tuple[int, UUID] | None]:
    """The orders that delivered lines of these pools belong to, and where to go on; None at the end."""
    found = store.lines_from(db, pools, after, most)
    return [(pool, order) for _pool, _line, pool, order in found], found[-1][:2] if len(found) == most else None


def recalled(db: Db, orders: Sequence[AffectedOrder]) -> set[UUID]:
    """Those of these orders that hold cards which were bought after their authorisation had ended for who revoked it."""
    found = store.recalled_lines(db, [one.id for one in orders])
    return set(found.values())


def _due(db: Db, order: Order, at: datetime, *, holds: bool) -> Due | None:
    lines = store.lines_of(db, [order.id], biz_date(at), holds=holds)[order.id]
    recalled_lines = store.recalled_lines(db, [order.id])
    effects = {
        line.id: Effect.RECALL
        if line.id in recalled_lines
        else _effect(line, at, is_erased=order.erased_at is not None)
        for line in lines
    }
    owed = [line for line in lines if effects[line.id] is not Effect.HONOUR]
    if not owed:
        return None
    keys = [(line.pool_id, line.id) for line in owed]
    if holds:
        cards.lock_of(db, keys)
    used = cards.redeemed_of(db, keys)
    told = cards.masked(db, [line.pool_id for line in owed], [line.id for line in owed])
    good = [one for one in told if one.state == "sold" and (one.pool_id, one.id) not in used]
    of_line = {line.id: sum(one.sale_line_id == line.id for one in good) for line in owed}
    fen = sum(line.total_fen * of_line[line.id] // line.quantity for line in owed)
    amount_fen = min(fen, left_fen(db, order))
    if not good or amount_fen <= 0:
        return None
    is_recall = any(effects[line.id] is Effect.RECALL for line in owed)
    causes = {one for line in owed for one in line.stops} | ({"authorisation"} if is_recall else set())
    return Due(
        Effect.RECALL if is_recall else Effect.COMPENSATE, sorted(causes), sorted({line.supplier_id for line in owed}),
        amount_fen,
        tuple((one.pool_id, one.id) for one in good),
    )  # fmt: skip


def _effect(line: SaleLine, at: datetime, *, is_erased: bool) -> Effect:
    """What happens to a delivered line that is not recalled: paid for on demand where its goods or supplier are barred.

    What is issued to somebody (直充, 代充) is used as it is delivered, and what is old enough to be erased is beyond its term.
    """
    is_barred = lapse.effect([line], Event.DELIVERED) is Effect.COMPENSATE
    if not is_barred or is_erased or line.is_later or line.delivered_at is None:
        return Effect.HONOUR
    claimed_by = biz_date(line.delivered_at) + timedelta(days=CLAIM_DAYS)
    last = max(claimed_by, line.warranty_ends_on or claimed_by)
    return Effect.COMPENSATE if biz_date(at) <= last else Effect.HONOUR
