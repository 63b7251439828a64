from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.wire.context import Context


def in_rounds(ctx: Context, do: Callable[[Db, datetime], int]) -> int:
    """Do some at a time, each time in a transaction of its own, until there is nothing left to do; how much was done."""
    total = 0
    while True:
        with ctx.pool.transaction() as db:
            done = do(db, clock.now())
        total += done
        if not done:
            return total
