"""Reads for screens: bills by day and channel, what is open."""

from __future__ import annotations

from datetime import date

from kashu.kernel.db import Db
from kashu.settlement.store import bills_since
from kashu.settlement.types import Bill


def latest(db: Db, since: date) -> dict[tuple[date, str], Bill]:
    """The latest trade bill of each day and channel."""
    return {(one.day, one.channel_id): one for one in bills_since(db, since) if one.kind == "trade"}


def open_counts(db: Db) -> list[tuple[str, int]]:
    """How many cases of each kind are open."""
    sql = "SELECT kind, count(*) FROM settlement_case WHERE state = 'open' GROUP BY kind ORDER BY kind"
    return [(kind, many) for kind, many in db.execute(sql)]
