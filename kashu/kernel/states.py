"""State machines as data: which move is allowed, by which name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moves:
    """The allowed moves of one kind of thing: from a named state to the named states after it."""

    of: str
    table: Mapping[str, frozenset[str]]

    def allows(self, before: str, after: str) -> bool:
        return after in self.table[before]

    def check(self, before: str, after: str) -> None:
        assert self.allows(before, after), f"{self.of}: no move from {before} to {after}"


def moves(of: str, **table: str) -> Moves:
    """`moves("card", on_shelf="held sold", held="on_shelf sold")`; a state with no moves is final."""
    found = {state: frozenset(after.split()) for state, after in table.items()}
    unknown = {after for afters in found.values() for after in afters} - found.keys()
    assert not unknown, f"{of}: no such state {unknown}"
    return Moves(of, found)
