from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kashu.cards import Source


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What an order that is paid first and delivered later waits for; `shown` tells its recipient, masked.

    `unpaid` → `waiting` → `sent` (a supplier has it, or may have) → `done` or `failed`. What a supplier did not answer
    stays `sent` until it says. `wish` is what its buyer chose where the choice is theirs (§2.3): `deliver`, or `refund`, which
    whoever is at it grants or has `declined`.
    """

    pool_id: int
    order_id: UUID
    kind: str
    state: str
    form_sealed: bytes = field(repr=False)
    shown: str
    due_at: datetime | None
    tries: int
    sent_at: datetime | None
    taken_by: str
    trouble: str
    ended_at: datetime | None
    wish: str = ""
    wish_answer: str = ""

    @property
    def key(self) -> tuple[int, UUID]:
        return self.pool_id, self.order_id


@dataclass(frozen=True, slots=True)
class Sending:
    """An order on its way to its supplier: under this number for ever, whoever sends it how often."""

    number: str
    source: Source
    source_code: str
    form: Mapping[str, str] = field(repr=False)
    tries: int
    sent_at: datetime


class FulfilRefusal(StrEnum):
    """Why a fulfilment did not move."""

    NO_SUCH_ORDER = "no_such_order"
    ENDED = "ended"
    BEING_ISSUED = "being_issued"
    WISH_OPEN = "wish_open"
