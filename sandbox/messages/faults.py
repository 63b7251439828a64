"""What goes wrong, how often, and for whom: told by a seed, so that a run can be had again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

CALL = ("refuse", "time_out", "error", "lose_answer")  # at most one of them happens to a call
RECEIPT = ("late", "twice", "failed", "never")


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates from 0 to 1 by the name of what goes wrong; a rate of 1 is always."""

    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)

    def call(self, vendor: str, about: str) -> str:
        """What happens to this call; nothing, mostly."""
        drawn = self._draw(vendor, "call", about)
        for name in CALL:
            drawn -= self.rates.get(name, 0)
            if drawn < 0:
                return name
        return ""

    def receipt(self, vendor: str, about: str) -> set[str]:
        return {name for name in RECEIPT if self._draw(vendor, name, about) < self.rates.get(name, 0)}

    def _draw(self, *words: str) -> float:
        """The same for the same words and seed, whatever came before."""
        told = hashlib.sha256("\n".join((str(self.seed), *words)).encode()).digest()
        return int.from_bytes(told[:6], "big") / 2**48
