"""What comes after a sale, by the clock: terms that were missed are told, persons are forgotten in time (C-13, C-39, C-72)."""

from __future__ import annotations

import logging

from kashu import aftersale
from kashu.jobs.rounds import in_rounds
from kashu.kernel import clock
from kashu.wire import metrics
from kashu.wire.context import Context

log = logging.getLogger(__name__)


def watch_clocks(ctx: Context) -> int:
    """Tell each missed term once: the trail, the metrics and the log; how many. The board counts them as they stand."""
    total = 0
    while True:
        with ctx.pool.transaction() as db:
            found = aftersale.tell_overdue(db, clock.now())
        for one in found:
            metrics.BREACHES.labels(one.name).inc()
            log.warning("term.missed", extra={"clock": one.name, "thing": one.thing, "id": str(one.id)})
        total += len(found)
        if not found:
            return total


def forget_persons(ctx: Context) -> int:
    """Erase who complained and who claimed, three years after the end (C-54); files go with the next sweep."""
    return in_rounds(ctx, aftersale.erase_due)
