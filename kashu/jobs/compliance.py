"""What the clock finds at the compliance desk: takedowns not reported (C-14), and what is on sale and may not be any more."""

from __future__ import annotations

import logging

from kashu import cards, catalog, compliance
from kashu.jobs.rounds import in_rounds
from kashu.kernel import clock
from kashu.wire import metrics
from kashu.wire.context import Context

log = logging.getLogger(__name__)


def watch_takedowns(ctx: Context) -> int:
    """Warn of what is overdue, each once, and count it for whoever watches the figures; how many are overdue."""
    at = clock.now()
    with ctx.pool.transaction() as db:
        late = compliance.takedowns.watch(db, at)
        overdue = compliance.overdue_takedowns(db, at)
    metrics.TAKEDOWNS_OVERDUE.set(overdue)
    for one in late:
        log.error("takedown.overdue", extra={"takedown": one.id, "due_at": one.due_at.isoformat()})
    return overdue


def look_again(ctx: Context) -> tuple[int, int]:
    """Take off sale what came there under older rules: batches without their authorisation, pages that are denied today.

    How many of each. A sale asks for nothing more: it reads what is on sale.
    """
    batches = in_rounds(ctx, cards.withdraw_unauthorised)
    after, pages = 0, 0
    while True:
        with ctx.pool.transaction() as db:
            told = catalog.reread(db, after, clock.now())
        if told is None:
            break
        after, pages = told[0], pages + len(told[1])
    if batches or pages:
        log.warning("shelf.taken_off", extra={"batches": batches, "pages": pages})
    return batches, pages
