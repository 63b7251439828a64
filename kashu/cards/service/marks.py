"""Low-water marks (design §7.7): where the shelf of each pool began when this process last picked from it.

Sold cards leave dead entries at the front of the shelf's index until vacuum comes, and vacuum cannot come while an
old snapshot is open anywhere. A claim that begins where the last one found something does not wade through them.
A pool that had nothing to give is passed over: sold-out pools stay sellable, because cards can come back to them, and a
SKU collects them as it sells. A mark is only a hint of this process: it is dropped before a buyer is refused, and all
of them every minute, so that cards that came back are found again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date

from kashu.cards.types import Card

MARK_SECONDS = 60
BEGINNING = (date.min, 0)


class Marks:
    def __init__(self) -> None:
        self._marks: dict[int, tuple[date, int]] = {}
        self._empty: set[int] = set()
        self._until = 0.0

    def of(self, pool_id: int) -> tuple[date, int]:
        """Where to begin: the expiry and id of the first card found last time."""
        return self._marks.get(pool_id, BEGINNING)

    def is_empty(self, pool_id: int) -> bool:
        """Whether the pool had nothing when it was last asked."""
        self._forget_in_time()
        return pool_id in self._empty

    def note(self, asked: Iterable[int], picked: Iterable[Card]) -> None:
        """What pools gave when they were asked."""
        self._forget_in_time()
        self._empty |= set(asked) - {card.pool_id for card in picked}
        first: dict[int, tuple[date, int]] = {}
        for card in picked:
            key = (card.expires_on, card.id)
            first[card.pool_id] = min(first.get(card.pool_id, key), key)
        self._marks |= first

    def note_empty(self, pools: Iterable[int]) -> None:
        self._empty |= set(pools)

    def _forget_in_time(self) -> None:
        if time.monotonic() >= self._until:
            self._marks.clear()
            self._empty.clear()
            self._until = time.monotonic() + MARK_SECONDS

    def drop(self, pool_ids: Iterable[int]) -> bool:
        """Forget the marks of pools; False when there were none, so that looking again would find the same."""
        pools = list(pool_ids)
        dropped = [self._marks.pop(pool_id, None) for pool_id in pools]  # every one, not only up to the first
        were_empty = not self._empty.isdisjoint(pools)
        self._empty.difference_update(pools)
        return were_empty or any(mark is not None for mark in dropped)


MARKS = Marks()
