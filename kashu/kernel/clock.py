"""Time as the business sees it: instants in UTC, days in Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991


def now() -> datetime:
    """The instant at the edge. The domain is handed it, so that a test can choose it."""
    return datetime.now(UTC)


def biz_date(instant: datetime) -> date:
    """The business day an instant falls on."""
    return instant.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """Midnight in Shanghai at which a business day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
