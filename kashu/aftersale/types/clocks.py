from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Term:
    """How long something may take, in working days or in days of the calendar, and on what ground."""

    days: int
    is_working: bool
    ground: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that runs: which, on what, and until when."""

    name: str
    thing: str
    id: UUID
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClockCount:
    """How many clocks of one name run, and how many of them are past their end."""

    name: str
    running: int
    overdue: int
