"""Dates of other calendars are the right day of ours, or refused for what they are; never another day."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate
from PIL import Image

from pedaxr_models.datasets import ReadReport, read_dataset
from pedaxr_models.written.dates import NoSuchDay, find_date, is_placeholder, parse_date
from pedaxr_models.written.other_calendars import OtherCalendar

DAY = date(2019, 4, 1)
CHILDHOODS = st.dates(date(2001, 4, 1), datetime.now(UTC).date())


@pytest.mark.parametrize(
    "written",
    [
        *("2562-04-01", "2562/4/1", "25620401", "2562年4月1日", "BE 2562-04-01", "พ.ศ. 2562-04-01"),
        *("1 เม.ย. 2562", "1 เมษายน 2562", "1 เมษายน พ.ศ. 2562", "๑ เมษายน ๒๕๖๒", "1 Apr 2562"),
        *("1398/01/12", "1398-1-12", "13980112", "۱۳۹۸/۰۱/۱۲", "1398.01.12"),
        *(
            "平成31年4月1日",
            "平成３１年４月１日",
            "㍻31年4月1日",
            "H31.4.1",
            "h31/04/01",
            "平31.4.1",
            "H310401",
        ),
        *("2019年(平成31年)4月1日", "2019(平成31)年4月1日"),
        *("民國108年4月1日", "中華民國108年4月1日", "民国108年4月1日", "108年4月1日", "民國108.4.1"),
        *("108/04/01", "108-4-1", "1080401", "108.04.01"),
    ],
)
def test_a_day_of_another_calendar_is_that_day_of_ours(written: str) -> None:
    assert parse_date(written) == DAY


@pytest.mark.parametrize(
    ("written", "day"),
    [
        *(
            (written, date(2019, 5, 1))
            for written in ("令和元年5月1日", "令和1年5月1日", "R1.5.1", "R010501", "㋿元年5月1日")
        ),
        *((written, date(2019, 5, 1)) for written in ("平成31年5月1日", "H31.5.1")),  # printed before the era
        *((written, date(1989, 1, 7)) for written in ("昭和64年1月7日", "S64.1.7")),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("民國98年12月31日", date(2009, 12, 31)),
        ("1399/12/30", date(2021, 3, 20)),  # a leap year of theirs
        ("1403/02/31", date(2024, 5, 20)),  # a day that no February of ours has
        ("2563-02-29", date(2020, 2, 29)),
        ("31/12/2562", date(2019, 12, 31)),
        ("31/02/1403", date(2024, 5, 20)),
    ],
)
def test_first_years_and_leap_days_are_those_of_the_other_calendar(written: str, day: date) -> None:
    assert parse_date(written) == day


@given(CHILDHOODS)
def test_every_day_of_a_childhood_comes_back_from_four_calendars(day: date) -> None:
    persian = JalaliDate(day)
    assert parse_date(f"{persian.year}/{persian.month:02}/{persian.day:02}") == day
    assert parse_date(f"{day.year + 543}-{day.month:02}-{day.day:02}") == day
    assert parse_date(f"民國{day.year - 1911}年{day.month}月{day.day}日") == day
    era, first = ("令和", 2018) if day >= date(2019, 5, 1) else ("平成", 1988)
    assert parse_date(f"{era}{day.year - first}年{day.month}月{day.day}日") == day


@pytest.mark.parametrize(
    ("written", "said"),
    [
        *((written, "Islamic calendar") for written in ("1441-08-07", "1441/8/7 هـ", "14410807")),
        *((written, "Persian or the Islamic") for written in ("1350-01-01", "1379/12/29")),
        *((written, "no day of its era") for written in ("令和元年4月30日", "平成32年1月1日", "S65.1.1")),
        *((written, "so long ago") for written in ("0108-04-01", "01080401", "0031-04-01")),
        *((written, "not come yet") for written in ("2590-01-01", "1419/1/1", "民國140年1月1日", "R90.1.1")),
    ],
)
def test_a_day_that_is_not_certain_is_refused_with_what_was_found(written: str, said: str) -> None:
    with pytest.raises(OtherCalendar, match=said) as refused:
        parse_date(written)
    assert "Write it as 2021-03-04" in str(refused.value) and written not in str(refused.value)


@pytest.mark.parametrize("written", ["2562-02-29", "1402/12/30", "H30.2.29", "民國108年2月29日", "1080231"])
def test_a_day_that_the_other_calendar_does_not_have_is_no_day(written: str) -> None:
    with pytest.raises(NoSuchDay, match="no such day"):
        parse_date(written)


def test_placeholders_and_shifted_years_are_what_they_were() -> None:
    written = ("0001-01-01", "1111-11-11", "11111111", "9999-12-31", "2180-05-06", "2999-12-31")
    assert all(is_placeholder(day) for text in written if (day := parse_date(text)))


@pytest.mark.parametrize("text", ["H31-4-1", "R1.5.1", "1080401", "108-04-01", "MRN 25620401", "R010501"])
def test_a_search_takes_no_short_form_or_bare_number_for_a_day_of_another_calendar(text: str) -> None:
    found = find_date(text)
    assert found is None or found.day > datetime.now(UTC).date() + timedelta(days=365)


@pytest.mark.parametrize("text", ["山田花子 平成31年4月1日", "山田花子 2562-04-01", "1398/01/12 山田花子"])
def test_a_search_takes_the_long_forms_beside_a_name(text: str) -> None:
    found = find_date(text)
    assert found is not None and (found.day, found.rest) == (DAY, "山田花子")


def read(folder: Path, *births: str) -> ReadReport:
    rows = ["ImagePath,Class,PatientBirthDate"]
    for number, birth in enumerate(births):
        Image.new("L", (40, 20)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,Normal,{birth}")
    (folder / "films.csv").write_text("\n".join(rows), encoding="utf-8")
    return read_dataset(folder)


def test_a_table_s_rows_are_right_or_refused_by_line(tmp_path: Path) -> None:
    report = read(
        tmp_path, "2562-04-01", "1441-08-07", "平成31年4月1日", "13/04/2562", "30/04/2562", "1/5/2562"
    )
    births = [film.metadata.patient_birth_date for film in report.films]
    assert births == ["2019-04-01", "2019-04-01", "2019-04-13", "2019-04-30", "2019-05-01"]
    assert [(r.line, "Islamic calendar" in r.reason) for r in report.rejections] == [(3, True)]


def test_a_short_year_beside_those_of_taiwan_is_refused(tmp_path: Path) -> None:
    """98.12.31 is 2009 there, and 1998 elsewhere."""
    report = read(tmp_path, "108.04.01", "98.12.31", "2019-04-01")
    assert [film.metadata.patient_birth_date for film in report.films] == ["2019-04-01"] * 2
    assert [(r.line, "as in Taiwan" in r.reason) for r in report.rejections] == [(3, True)]


def test_a_short_year_alone_is_what_it_was(tmp_path: Path) -> None:
    """Control."""
    report = read(tmp_path, "98.12.31", "2019-04-01")
    assert [film.metadata.patient_birth_date for film in report.films] == ["1998-12-31", "2019-04-01"]
