"""Locking the cards that a batch of orders needs, and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from kashu import cards
from kashu.cards import Card, Rooms
from kashu.catalog import Offer
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.sales.service.release import expire
from kashu.sales.types import Ask

Shelf = dict[Ask, deque[Card]]
Ends = Mapping[Ask, int]  # how many cards there are, where that is known to be all of them


def lock(
    db: Db, demand: Callable[[Ends], Mapping[Ask, int]], rooms: Rooms, at: datetime
) -> tuple[Shelf, dict[Ask, int]]:
    """Play the orders until every card they need is locked, or known not to be there.

    What one SKU lacks can free the money or the limit for another order, so the play is repeated; each round either
    locks what was missing or learns where a shelf ends.
    """
    shelf: Shelf = {}
    ends: dict[Ask, int] = {}
    while True:
        missing = {ask: want for ask, want in demand(ends).items() if len(shelf.get(ask, ())) < want}
        if not missing:
            return shelf, ends
        rooms.put_back(card for ask in missing for card in shelf.get(ask, ()))
        shelf |= take(db, missing, rooms, at)
        ends |= {ask: len(shelf[ask]) for ask, want in missing.items() if len(shelf[ask]) < want}


def surcharges(db: Db, picks: Iterable[tuple[Offer | None, str]], at: datetime) -> dict[tuple[int, str], int]:
    """What the cards that are picked cost more, by (SKU, label); those that may be had."""
    wanted = sorted({(offer.sku_id, pick) for offer, pick in picks if pick and offer is not None})
    return cards.surcharges(db, wanted, biz_date(at)) if wanted else {}


def take(db: Db, missing: Mapping[Ask, int], rooms: Rooms, at: datetime) -> Shelf:
    """Lock cards; a shelf that runs short lets lapsed holds go at once instead of waiting for the job."""
    found = _pick(db, missing, rooms, at)
    short = {ask: want for ask, want in missing.items() if len(found[ask]) < want}
    if short and expire(db, at, pools=cards.pools_of(db, sorted({sku for sku, *_ in short}))):
        rooms.put_back(card for ask in short for card in found[ask])
        found |= _pick(db, short, rooms, at)
    return found


def _pick(db: Db, missing: Mapping[Ask, int], rooms: Rooms, at: datetime) -> Shelf:
    """Any cards of their SKUs, and those that were picked by their labels."""
    found: Shelf = {ask: deque() for ask in missing}
    any_of = {sku: want for (sku, label, _), want in missing.items() if not label}
    if any_of:
        found |= {(sku, "", 0): shelf for sku, shelf in cards.pick(db, any_of, biz_date(at), rooms).items()}
    for card in cards.pick_labelled(db, [ask for ask in missing if ask[1]], biz_date(at), rooms):
        found[card.sku_id, card.label, card.surcharge_fen].append(card)
    return found
