from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that sells: the platform itself (自营) or a supplier (第三方)."""

    id: int
    kind: str
    name: str
    uscc: str
    address: str
    contact: str
    state: str

    @property
    def is_third_party(self) -> bool:
        return self.kind != "platform"


@dataclass(frozen=True, slots=True)
class Licence:
    """A permit with its scope, territory and dates; `valid_to` counts to its midnight in Shanghai."""

    id: int
    party_id: int
    party: str
    kind: str
    number: str
    scope: str
    territory: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class Platform:
    """What was chosen at set-up."""

    is_solo: bool
    solo_wait_seconds: int
