"""Nouns of a guest's age: who holds an ID card, told apart from others and otherwise unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Holder:
    """Who was found behind a name and a number a moment ago; `born_on` is a minor's only, who is of age stays so."""

    id: UUID
    born_on: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AgeCheck:
    """A guest's name and number, for the question and nothing after it.

    `consents` are the hashes of what was agreed to: of `words`, and for a child also of `guardian_words`.
    """

    device: bytes
    address: bytes
    name: str = field(repr=False)
    number: str = field(repr=False)
    consents: frozenset[str]
    words: str
    guardian_words: str


class AgeRefusal(StrEnum):
    """Why nobody's age is known. Nothing was ordered; the same checkout may be tried again."""

    NO_CONSENT = "no_consent"
    NO_GUARDIAN = "no_guardian"
    INCOMPLETE = "incomplete"
    NOT_VERIFIED = "not_verified"
    UNAVAILABLE = "unavailable"
    TOO_OFTEN = "too_often"
