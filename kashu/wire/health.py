"""Whether this Kashu can do its work now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
import psycopg_pool

from kashu.kernel.db import Pool, clock_skew_seconds, value

WORKER_SILENT_SECONDS = 30
CLOCK_SKEW_SECONDS_MAX = 5


def ready(pool: Pool, at: datetime) -> tuple[bool, dict[str, Any]]:
    """Readiness, with the state of database, worker and clock."""
    try:
        with pool.transaction() as db:
            skew = clock_skew_seconds(db)
            beat: datetime | None = value(db, "SELECT max(beat_at) FROM heartbeat WHERE name = 'worker'")
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        return False, {"database": "unreachable", "worker": "unknown", "clock": "unknown"}
    silent = None if beat is None else (at - beat).total_seconds()
    told = {
        "database": "ok",
        "worker": "ok" if silent is not None and silent < WORKER_SILENT_SECONDS else "silent",
        "clock": "ok" if skew < CLOCK_SKEW_SECONDS_MAX else f"{skew:.0f} s off",
    }
    # A silent worker delays messages and expiry; sales and delivery do not need it, so the lane stays ready.
    return told["clock"] == "ok", told
