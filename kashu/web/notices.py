"""What every page has to say of the platform itself: the day it closes (C-05), asked for at most twice a minute."""

from __future__ import annotations

import time
from datetime import date

import psycopg
import psycopg_pool

from kashu import compliance
from kashu.wire import edge

ASKED_SECONDS = 30
_known: dict[str, tuple[float, date | None]] = {}


def closing_on() -> date | None:
    """The day; None where none is set, and where nobody can be asked: a page of an error is drawn without."""
    until, day = _known.get("closing", (0.0, None))
    if time.monotonic() >= until:
        try:
            with edge.transaction() as db:
                day = compliance.closing_on(db)
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            return day
        _known["closing"] = (time.monotonic() + ASKED_SECONDS, day)
    return day


def forget() -> None:
    """Ask again for the next page."""
    _known.clear()
