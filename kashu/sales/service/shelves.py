"""Locking the cards that a batch of orders needs, and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from kashu import cards
from kashu.cards import Card
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.sales.service.release import expire

Shelf = dict[int, deque[Card]]
Ends = Mapping[int, int]  # how many cards a SKU has, where that is known to be all of them


def lock(db: Db, demand: Callable[[Ends], Mapping[int, int]], at: datetime) -> tuple[Shelf, dict[int, int]]:
    """Play the orders until every card they need is locked, or known not to be there.

    What one SKU lacks can free the money or the limit for another order, so the play is repeated; each round either
    locks what was missing or learns where a shelf ends.
    """
    shelf: Shelf = {}
    ends: dict[int, int] = {}
    while True:
        missing = {sku: want for sku, want in demand(ends).items() if len(shelf.get(sku, ())) < want}
        if not missing:
            return shelf, ends
        shelf |= _pick(db, missing, at)
        ends |= {sku: len(shelf[sku]) for sku, want in missing.items() if len(shelf[sku]) < want}


def _pick(db: Db, missing: Mapping[int, int], at: datetime) -> Shelf:
    """Lock cards; a shelf that runs short lets lapsed holds go at once instead of waiting for the job."""
    found = cards.pick(db, missing, biz_date(at))
    short = {sku: want for sku, want in missing.items() if len(found[sku]) < want}
    if short and expire(db, at, pools=cards.pools_of(db, list(short))):
        found |= cards.pick(db, short, biz_date(at))
    return found
