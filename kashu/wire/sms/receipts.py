"""Reading callbacks: arrays of objects from strangers, with times in Shanghai or in milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI

RECEIPTS_MAX = 500


def objects(body: bytes) -> list[dict[str, Any]] | None:
    """The objects of a JSON array, at most so many; None where it is anything else."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(told, list) or len(told) > RECEIPTS_MAX or not all(isinstance(one, dict) for one in told):
        return None
    return told


def stamp(told: object) -> datetime:
    """`2026-11-23 10:00:00` in Shanghai, or seconds, or milliseconds; now where it is none of these, or to come."""
    now = clock.now()
    try:
        if isinstance(told, int):
            at = datetime.fromtimestamp(told / 1000 if told > 10**11 else told, UTC)
        else:
            at = datetime.strptime(str(told), "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except (ValueError, OverflowError, OSError):
        return now
    return min(at.astimezone(UTC), now)


def uuid_of(told: object) -> UUID | None:
    try:
        return UUID(str(told))
    except ValueError:
        return None
