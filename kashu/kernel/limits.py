"""Counting attempts in fixed windows, in the database, so that every process sees the same count."""

from __future__ import annotations

from datetime import datetime

from kashu.kernel.db import Db, run, value

HIT = """
INSERT INTO limit_hit AS hit (bucket, window_start, hits) VALUES (%s, %s, 1)
ON CONFLICT (bucket, window_start) DO UPDATE SET hits = hit.hits + 1
RETURNING hits
"""


def allow(db: Db, bucket: str, at: datetime, *, most: int, seconds: int) -> bool:
    """Count one attempt against `bucket` and say whether it is still within `most` per window of `seconds`."""
    start = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=at.tzinfo)
    return bool(value(db, HIT, [bucket[:200], start]) <= most)


def is_spent(db: Db, bucket: str, at: datetime, *, most: int, seconds: int) -> bool:
    """Whether `most` attempts have been counted against `bucket` in this window; counts none."""
    start = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, tz=at.tzinfo)
    hits = value(db, "SELECT hits FROM limit_hit WHERE bucket = %s AND window_start = %s", [bucket[:200], start])
    return (hits or 0) >= most


def sweep(db: Db, before: datetime) -> int:
    """Forget windows that ended before an instant."""
    return run(db, "DELETE FROM limit_hit WHERE window_start < %s", [before])
