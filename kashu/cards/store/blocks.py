"""SQL of what stands in a pool's way."""

from __future__ import annotations

from datetime import date

from kashu import compliance
from kashu.kernel.db import Db, value

STOPS = f"SELECT {compliance.pool_stops('pool')} FROM cards_pool AS pool WHERE pool.id = %(pool)s"


def stops(db: Db, pool_id: int, day: date) -> list[str]:
    """The causes that keep a pool's cards from being sold on a day."""
    found: list[str] = value(db, STOPS, {"pool": pool_id, "day": day})  # type: ignore[arg-type]  # named parameters
    return found
