"""What the clock finds at the compliance desk: takedowns that an authority should have been told of (C-14)."""

from __future__ import annotations

import logging

from kashu import compliance
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
