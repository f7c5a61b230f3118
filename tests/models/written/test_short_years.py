"""Three short numbers: the year in front, as Koreans write it, unless only one behind makes a child of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr_models.datasets.films_csv import read_films_csv
from pedaxr_models.written.dates import UnsureYear, find_date, parse_date


@pytest.mark.parametrize("written", ["04-03-21", "04.03.21", "31.12.19", "4 04.03.21"])
def test_a_year_that_may_stand_last_is_not_guessed(written: str) -> None:
    with pytest.raises(UnsureYear, match="first or last"):
        find_date(written)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("21.03.04", "2021-03-04"),
        ("24-11-09", "2024-11-09"),
        ("04년 3월 21일", "2004-03-21"),
        ("040321", "2004-03-21"),
    ],
)
def test_a_year_in_front_is_read(written: str, day: str) -> None:
    found = parse_date(written)
    assert found is not None and found.isoformat() == day


def table(folder: Path, *days: str) -> Path:
    rows = ["ImagePath,Class,PatientBirthDate"]
    for number, day in enumerate(days):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,Normal,{day}")
    path = folder / "films.csv"
    path.write_text("\n".join(rows))
    return path


def test_one_date_of_a_column_that_ends_with_its_year_makes_all_of_them_unsure(tmp_path: Path) -> None:
    report = read_films_csv(table(tmp_path, "12.03.10", "31.12.19", "2020-01-02"))
    assert [film.metadata.patient_birth_date for film in report.films] == ["2020-01-02"]
    assert len(report.rejections) == 2
    assert all("PatientBirthDate" in one.reason and "2021-03-04" in one.reason for one in report.rejections)


def test_a_column_with_the_year_in_front_is_read(tmp_path: Path) -> None:
    report = read_films_csv(table(tmp_path, "12.03.10", "21.03.04"))
    assert [film.metadata.patient_birth_date for film in report.films] == ["2012-03-10", "2021-03-04"]
