from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What the machine says. `queue` waits for a person; `allow` is no proof of papers, only of words."""

    ALLOW = "allow"
    QUEUE = "queue"
    DENY = "deny"


class GoodsClass(StrEnum):
    """What kind of value a listing sells (1.5)."""

    ENTITLEMENT = "ENTITLEMENT"
    SINGLE_PURPOSE_VALUE = "SINGLE_PURPOSE_VALUE"
    MULTI_PURPOSE_VALUE = "MULTI_PURPOSE_VALUE"


@dataclass(frozen=True, slots=True)
class Context:
    """What papers say of the goods: an authorisation that goes back to the issuer, allows resale, and who verified it."""

    is_rooted_in_issuer: bool = False
    allows_resale: bool = False
    verified_by: frozenset[str] = frozenset()
    is_solo: bool = False

    @property
    def opens(self) -> bool:
        """Two people, never one in solo mode."""
        return self.is_rooted_in_issuer and self.allows_resale and len(self.verified_by) >= 2 and not self.is_solo


class ImageText(Protocol):
    """Reads the words in a picture, so that they can be reviewed like a title."""

    def words(self, content: bytes, media_type: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the rule and the words, as the text was read."""

    id: str
    category: str
    rule: str
    ground: str
    grade: str
    verdict: Verdict
    found: str

    def __str__(self) -> str:
        return f"{self.id} [{self.rule}] {self.ground} ({self.grade}): {self.found}"


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    goods_class: GoodsClass
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class VoidClause:
    """A clause that binds nobody, and the article that says so."""

    id: str
    article: str
    found: str
