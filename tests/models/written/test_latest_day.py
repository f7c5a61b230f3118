"""Years of two digits by a clock in another time zone, or one that has stopped."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pedaxr_models.written import latest_day
from pedaxr_models.written.dates import parse_date


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment

    monkeypatch.setattr(latest_day, "datetime", Clock)


def test_a_film_of_this_morning_in_korea_is_of_this_century(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is the next day for nine hours."""
    at(monkeypatch, datetime(2031, 5, 7, 20, tzinfo=UTC))
    assert parse_date("31.05.08") == date(2031, 5, 8)
    assert parse_date("310508") == date(2031, 5, 8)
    assert parse_date("31.05.09") == date(1931, 5, 9)


@pytest.mark.parametrize("year", [1970, 2000, 2019])
@pytest.mark.parametrize("written", ["24.01.02", "240102", "2 Jan 24"])
def test_a_stopped_clock_makes_no_child_a_hundred_years_old(
    monkeypatch: pytest.MonkeyPatch, year: int, written: str
) -> None:
    at(monkeypatch, datetime(year, 1, 1, tzinfo=UTC))
    assert parse_date(written) == date(2024, 1, 2)


def test_a_day_that_has_come_nowhere_is_of_the_last_century() -> None:
    coming = latest_day.latest_day() + timedelta(days=1)
    assert parse_date(f"{coming:%y%m%d}") == coming.replace(year=coming.year - 100)
