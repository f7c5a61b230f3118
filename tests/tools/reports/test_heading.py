"""What stands above a report: of a newborn the very day of life."""

from datetime import date, timedelta

import pytest

from pedaxr.ages import age_in_months
from pedaxr.reports.heading import identity_lines
from pedaxr.types import FilmIdentity

BORN = date(2023, 3, 7)  # sixty-three days before the ninth of May: nine weeks, and not eight


def film(days: int) -> FilmIdentity:
    on = BORN + timedelta(days=days)
    return FilmIdentity(patient_birth_date=BORN, study_date=on, age_months=age_in_months(BORN, on))


@pytest.mark.parametrize(
    ("days", "english", "korean"),
    [
        (0, "0 days", "생후 0일"),
        (1, "1 day", "생후 1일"),
        (11, "11 days", "생후 11일"),
        (30, "30 days", "생후 30일"),
        (63, "9 weeks", "생후 9주"),
        (397, "13 months", "생후 13개월"),
        (1128, "3 years 1 month", "만 3세 1개월"),
    ],
)
def test_the_age_is_that_of_the_dates(days: int, english: str, korean: str) -> None:
    assert f", age {english}." in identity_lines(film(days), None)[1]
    assert f", {korean}." in identity_lines(film(days), None, "ko")[1]


def test_an_age_without_a_birth_date_is_of_months_of_mean_length() -> None:
    (_, line) = identity_lines(FilmIdentity(age_months=2.1), None)
    assert line.endswith("age 9 weeks.")
