"""Doing things at the same moment, on connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from kashu.kernel.db import Db, connect


def at_once(dsn: str, many: int, work: Callable[[Db, int], Any], *, transaction: bool = True) -> list[Any]:
    """Run `work(db, n)` on `many` connections that all start at the same moment; exceptions come back as answers."""
    barrier, results = threading.Barrier(many), [None] * many

    def one(n: int) -> None:
        db = connect(dsn)
        try:
            barrier.wait()
            with db.transaction() if transaction else nullcontext():
                results[n] = work(db, n)
        except Exception as error:
            results[n] = error
        finally:
            db.close()

    threads = [threading.Thread(target=one, args=[n]) for n in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
