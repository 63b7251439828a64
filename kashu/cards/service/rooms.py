"""What a throttled supplier (限流) may still give, while a transaction takes cards.

A cap is met where cards are taken, because only there is known whose they are. What a supplier has sold is known above,
so it is asked of the caller, once for each supplier in a transaction, and only where a throttled one is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kashu.cards.types import Card


class Rooms:
    def __init__(self, ask: Callable[[int], int], known: Mapping[int, int] | None = None) -> None:
        """`ask` says how many cards a supplier may still give this day; `known` is what was asked before."""
        self._ask = ask
        self._left = dict(known or {})

    def reserve(self, supplier_id: int, wanted: int) -> int:
        """Take up to so many of a throttled supplier's room; how many it were."""
        if supplier_id not in self._left:
            self._left[supplier_id] = self._ask(supplier_id)
        given = max(0, min(wanted, self._left[supplier_id]))
        self._left[supplier_id] -= given
        return given

    def give_back(self, supplier_id: int, many: int) -> None:
        """What was reserved and is not needed. Nothing was reserved of who is not throttled."""
        if supplier_id in self._left:
            self._left[supplier_id] += many

    def put_back(self, cards: Iterable[Card]) -> None:
        """These cards are taken anew, or not at all."""
        for card in cards:
            self.give_back(card.supplier_id, 1)
