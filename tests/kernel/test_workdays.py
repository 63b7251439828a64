"""Working days as the State Council publishes them: holidays are off, weekends in exchange are worked (C-13, C-39)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu.kernel import clock
from kashu.kernel.clock import is_working_day, plus_working_days, working_days_between

DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        (date(2026, 1, 4), True),  # Sunday, for New Year's Day
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), True),  # Saturday, for Spring Festival
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),  # Monday, the last day of Spring Festival
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),  # Saturday, for Spring Festival
        (date(2026, 3, 1), False),  # a plain Sunday
        (date(2026, 5, 9), True),  # Saturday, for Labour Day
        (date(2026, 9, 20), True),  # Sunday, for National Day
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),  # Saturday, for National Day
        (date(2026, 11, 23), True),
    ],
)
def test_the_holidays_of_2026_are_known(day, is_worked):
    assert is_working_day(day) is is_worked


def test_a_term_over_spring_festival_waits_for_it():
    friday = date(2026, 2, 13)
    assert plus_working_days(friday, 0) == friday
    assert plus_working_days(friday, 1) == date(2026, 2, 14)
    assert plus_working_days(friday, 2) == date(2026, 2, 24)
    assert plus_working_days(friday, 6) == date(2026, 2, 28)
    assert plus_working_days(friday, 7) == date(2026, 3, 2)
    assert working_days_between(friday, date(2026, 3, 2)) == 7
    assert working_days_between(date(2026, 2, 14), date(2026, 2, 23)) == 0


def test_a_term_ends_at_midnight_in_shanghai():
    late = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)  # Monday, 23:59 in Shanghai
    assert clock.working_deadline(late, 1) == datetime(2026, 11, 24, 16, tzinfo=UTC)
    assert clock.working_deadline(late + timedelta(minutes=1), 1) == datetime(2026, 11, 25, 16, tzinfo=UTC)


@given(DAYS, st.integers(0, 40))
def test_so_many_working_days_on_is_a_working_day_so_many_later(day, many):
    end = plus_working_days(day, many)
    assert working_days_between(day, end) == many
    assert many == 0 or is_working_day(end)
    assert plus_working_days(end, 1) == plus_working_days(day, many + 1)


@given(DAYS, DAYS, DAYS)
def test_stretches_of_working_days_add_up(one, two, three):
    first, second, third = sorted([one, two, three])
    whole = working_days_between(first, second) + working_days_between(second, third)
    assert working_days_between(first, third) == whole


def test_of_an_unknown_year_monday_to_friday_count_and_it_is_said():
    far = max(clock.CALENDAR_YEARS) + 1
    first = date(far, 1, 1)
    week = [first + timedelta(days=n) for n in range(7)]
    assert [is_working_day(day) for day in week] == [day.weekday() < 5 for day in week]
    assert clock.unknown_years(date(far, 3, 1)) == [far]
    assert clock.unknown_years(date(far - 1, 12, 20)) == [far]
    assert clock.unknown_years(date(2026, 11, 20)) == []
