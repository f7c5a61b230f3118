"""Ages are the calendar's."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedaxr.ages import (
    UNKNOWN_AGE,
    age_band,
    age_in_months,
    age_text,
    ages_differ,
    completed_months,
    how_long_ago,
)

DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("birth", "on", "months"),
    [
        (date(2024, 1, 15), date(2024, 2, 14), 0),
        (date(2024, 1, 15), date(2024, 2, 15), 1),
        (date(2024, 1, 31), date(2024, 2, 29), 0),
        (date(2024, 1, 31), date(2024, 3, 1), 1),
        (date(2024, 2, 29), date(2025, 2, 28), 11),
        (date(2024, 2, 29), date(2025, 3, 1), 12),
        (date(2023, 12, 31), date(2024, 1, 1), 0),
        (date(2020, 5, 5), date(2026, 5, 4), 71),
    ],
)
def test_a_month_is_completed_on_its_day_or_the_first_of_the_next(birth: date, on: date, months: int) -> None:
    assert completed_months(birth, on) == months


@given(DAYS, st.integers(0, 9000))
def test_age_grows_by_the_day_and_agrees_with_completed_months(birth: date, days: int) -> None:
    on = birth + timedelta(days=days)
    age = age_in_months(birth, on)
    assert int(age) == completed_months(birth, on)
    assert age < age_in_months(birth, on + timedelta(days=1))


@given(DAYS, st.integers(0, 9000))
def test_age_is_near_the_mean_month_but_not_equal_to_it(birth: date, days: int) -> None:
    assert abs(age_in_months(birth, birth + timedelta(days=days)) - days / 30.436875) < 0.15


@given(DAYS, st.integers(1, 60))
def test_whole_years_are_twelve_months_each(birth: date, years: int) -> None:
    if (birth.month, birth.day) != (2, 29):
        assert age_in_months(birth, birth.replace(year=birth.year + years)) == 12 * years


@given(DAYS, st.integers(1, 5000))
def test_a_date_before_birth_is_refused(birth: date, days: int) -> None:
    for function in (age_in_months, completed_months):
        with pytest.raises(ValueError, match="before the birth"):
            function(birth, birth - timedelta(days=days))


def test_every_age_has_a_band() -> None:
    names = [age_band(months) for months in (0, 0.99, 1, 11.9, 12, 35.9, 36, 71.9, 144, 215.9, 216, 1200)]
    assert len(set(names)) == 6
    assert names[0] == names[1] != names[2] == names[3] != names[4]
    assert age_band(None) == UNKNOWN_AGE


def test_a_stated_age_contradicts_by_more_than_a_month_and_a_tenth() -> None:
    assert not ages_differ(6.0, 6.9) and ages_differ(6.0, 7.1)
    assert not ages_differ(100.0, 109.0) and ages_differ(100.0, 111.0)
    assert not ages_differ(None, 5.0) and not ages_differ(5.0, None)


TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (TODAY, "today"),
        (date(2026, 11, 27), "yesterday"),
        (date(2026, 11, 16), "12 days ago"),
        (date(2026, 11, 1), "3 weeks ago"),
        (date(2025, 8, 14), "15 months ago"),
        (date(2024, 2, 29), "2 years ago"),
        (date(2026, 12, 1), "a date in the future: check it"),
    ],
)
def test_how_long_ago_is_said_in_words(day: date, words: str) -> None:
    assert how_long_ago(day, TODAY) == words


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (None, UNKNOWN_AGE),
        (0.0, "0 days"),
        (0.033, "1 day"),
        (0.7, "21 days"),
        (1.84, "8 weeks"),
        (3.0, "3 months"),
        (23.9, "23 months"),
        (24.0, "2 years"),
        (76.1, "6 y 4 mo"),
        (216.0, "18 years"),
    ],
)
def test_an_age_is_said_as_a_doctor_says_it(months: float | None, words: str) -> None:
    assert age_text(months) == words


@given(DAYS, st.integers(0, 120))
def test_days_and_weeks_of_two_dates_are_the_calendar_s(birth: date, days: int) -> None:
    on = birth + timedelta(days=days)
    age = round(age_in_months(birth, on), 3)  # as a registry or a table holds it
    number = days if age < 1 else days // 7 if age < 3 else int(age)
    assert int(age_text(age, birth, on).split()[0]) == number
    assert age_text(age + 0.5, birth, on) == age_text(age + 0.5), "another age than that of the dates"
