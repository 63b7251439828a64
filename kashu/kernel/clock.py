"""Time as the business sees it: instants in UTC, days in Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from chinese_calendar.constants import holidays, workdays

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991
CALENDAR_YEARS = frozenset(day.year for day in holidays)  # those whose holidays the State Council has published
LOOKED_AHEAD_DAYS = 31  # no term that is counted in working days reaches further


def now() -> datetime:
    """The instant at the edge. The domain is handed it, so that a test can choose it."""
    return datetime.now(UTC)


def biz_date(instant: datetime) -> date:
    """The business day an instant falls on."""
    return instant.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """Midnight in Shanghai at which a business day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def is_working_day(day: date) -> bool:
    """Whether China works on a day: holidays are off, and weekends worked in exchange (调休) are not.

    Of a year whose calendar is not known yet Monday to Friday count; `unknown_years` says so to whoever has to know.
    """
    if day in workdays:
        return True
    return day.weekday() < 5 and day not in holidays


def plus_working_days(day: date, many: int) -> date:
    """The working day that is `many` after a day. The day itself does not count, as terms begin with the day after."""
    assert many >= 0
    while many:
        day += timedelta(days=1)
        many -= is_working_day(day)
    return day


def working_days_between(begin: date, end: date) -> int:
    """How many working days lie after `begin`, up to and with `end`; none where `end` is not later."""
    return sum(is_working_day(begin + timedelta(days=n)) for n in range(1, (end - begin).days + 1))


def working_deadline(at: datetime, many: int) -> datetime:
    """The midnight in Shanghai that ends the working day `many` after an instant's day."""
    return day_end(plus_working_days(biz_date(at), many))


def day_end(day: date) -> datetime:
    """Midnight in Shanghai at which a business day is over."""
    return day_start(day + timedelta(days=1))


def unknown_years(today: date) -> list[int]:
    """The years that a term begun today may reach and whose calendar is missing: there, holidays count as worked."""
    return sorted({today.year, (today + timedelta(days=LOOKED_AHEAD_DAYS)).year} - CALENDAR_YEARS)
