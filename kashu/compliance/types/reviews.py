from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Texts:
    """What a listing says: `titles` are read as titles, `bodies` for what is denied or claimed only, since they say more.

    `lines` are titles put together, as an order shows them: read for the class of value only. `brand` is what its field says, blank for none; None where nobody was asked.
    """

    titles: tuple[str, ...]
    bodies: tuple[str, ...] = ()
    brand: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """What was said of a listing's texts, by the machine and by people. The same texts under the same list have one."""

    id: int
    thing: str
    sha256: bytes
    texts: dict[str, list[str]]
    version: str
    verdict: str
    goods_class: str
    reasons: list[str]
    state: str
    people: int
    made_by: str
    made_at: datetime
    agreed_by: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    decided_by: str = ""
    decided_at: datetime | None = None


class ReviewRefusal(StrEnum):
    """Why a review was not decided. Nothing of it was done."""

    NO_SUCH_REVIEW = "no_such_review"
    NOT_WAITING = "not_waiting"
    SAME_PERSON = "same_person"
    NO_EVIDENCE = "no_evidence"
