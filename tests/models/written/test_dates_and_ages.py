"""Dates and ages in every spelling; what may be two days is refused, and an age is an interval."""

from datetime import date

import pytest

from pedaxr_models.written.ages import parse_age, range_of_months
from pedaxr_models.written.dates import find_date, is_placeholder, parse_date

DAY = date(2021, 3, 4)


@pytest.mark.parametrize(
    "written",
    [
        *("2021-03-04", "2021.03.04", "2021. 3. 4.", "2021/3/4", "2021년 3월 4일", "20210304", "20210304.0"),
        *(
            "２０２１－０３－０４",
            "２０２１０３０４",
            "210304",
            "21.03.04",
            "'21.3.4",
            "21년 3월 4일",
            "210304-3012345",
        ),
        *(
            "4 March 2021",
            "Mar 4, 2021",
            "4-Mar-2021",
            "2021-03-04T10:22:33",
            "20210304102233",
            "2021–03–04",
            "2021.03.04(목)",
            "2021년3월4일생",
            "2021/03/04 오전 10:22",
        ),
        *(
            "2021-03-04T00:00:00Z",
            "2021-03-04 00:00:00+09:00",
            "4-Mar-21",
            "04-MAR-21",
            "2021年3月4日",
            "Thu Mar 4 2021",
            "Thu, 4 Mar 2021 10:00:00",
            "2021-03-04 (Thu)",
            "2021.3.4 born",
            "'2021-03-04",
            '="20210304"',
            "\u200e2021-03-04",
        ),
    ],
)
def test_every_spelling_is_that_day(written: str) -> None:
    assert parse_date(written) == DAY


@pytest.mark.parametrize("written", ["", " ", "0", "00000000", "0000-00-00", "null", "N/A", None])
def test_zeros_and_words_for_nothing_are_no_date(written: str | None) -> None:
    assert parse_date(written) is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        *((written, "either of two days") for written in ("04.03.2021", "3/4/2021", "04-03-2021")),
        *((written, "not understood") for written in ("2021114", "2021-02-30", "yesterday", "03/04/21")),
        *((written, "not understood") for written in ("2021-03", "20211304", "4.3.21", "R3.3", "2021-02-29")),
        *((written, "spreadsheet") for written in ("44259", "44259.0")),
    ],
)
def test_what_may_be_another_day_is_refused_with_its_cause(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_date(written)


def test_day_and_month_are_told_apart_where_only_one_order_is_a_date() -> None:
    assert parse_date("25/12/2021") == parse_date("12/25/2021") == date(2021, 12, 25)
    assert parse_date("3/3/2021") == date(2021, 3, 3)


def test_two_digit_years_are_the_latest_that_have_been() -> None:
    assert parse_date("970101") == date(1997, 1, 1)
    assert parse_date("970101-1******") == date(1997, 1, 1) and parse_date("150101-3******") == date(
        2015, 1, 1
    )


@pytest.mark.parametrize(
    "text", ["P20210304", "A-210304", "210304-77", "1234567890", "ACC-2024-77", "김민준"]
)
def test_a_part_of_an_id_is_no_date(text: str) -> None:
    assert find_date(text) is None


@pytest.mark.parametrize(
    "text", ["김민준 210304", "김민준(2021. 3. 4.)", "2021.03.04 김민준", "김민준20210304"]
)
def test_a_date_beside_a_name_is_taken_out(text: str) -> None:
    found = find_date(text)
    assert found is not None and (found.day, found.rest) == (DAY, "김민준")


def test_first_days_of_calendars_are_placeholders_and_others_not() -> None:
    written = ("19000101", "1111-11-11", "9999-12-31", "1970-01-01", "1899-12-30")
    assert all(is_placeholder(day) for text in written if (day := parse_date(text)))
    assert not any(map(is_placeholder, (DAY, date(2024, 1, 1), date(1970, 1, 2))))


@pytest.mark.parametrize(
    ("written", "low", "high", "months"),
    [
        *(
            (written, 0, 12, None)
            for written in ("0", "0세", "000Y", "０세", "0.0", "<1y", "1세 미만", "0 years")
        ),
        ("6개월 미만", 0, 6, None),
        *((written, 0, 1, 0) for written in ("0개월", "000M", "신생아", "newborn")),
        *(
            (written, 36, 48, 36)
            for written in ("3", "3세", "003Y", "만 3세", "3.0", "3-year-old", "３살", "3 y/o", "약 3세")
        ),
        *((written, 29, 30, 29) for written in ("2세 5개월", "2y 5m", "2년5개월")),
    ],
)
def test_an_age_is_an_interval_of_months(written: str, low: float, high: float, months: float | None) -> None:
    age = parse_age(written)
    assert (age.low, age.high, age.months) == (low, high, months)


@pytest.mark.parametrize("written", ["", "-3", "200", "abc", "3 5", "3세 2세", "999Y"])
def test_what_is_no_age_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="age"):
        parse_age(written)


def test_any_age_within_the_stated_year_fits_and_one_outside_does_not() -> None:
    assert not parse_age("1Y").differs_from(23.9) and parse_age("1Y").differs_from(30)
    assert not parse_age("000Y").differs_from(11) and parse_age("000Y").differs_from(40)
    assert not range_of_months(24.0).differs_from(35.5) and range_of_months(25.0).differs_from(35.5)


@pytest.mark.parametrize(
    "written",
    ["2021-03-03T15:00:00.000Z", "2021-03-03 15:00:00 UTC", "2021-03-03T15:00:00+00:00", "20210303T150000Z"],
)
def test_a_moment_of_universal_time_may_be_the_next_day_where_the_child_is(written: str) -> None:
    """So a page in Seoul sends the midnight at which 4 March begins."""
    with pytest.raises(ValueError, match="may be the next day"):
        parse_date(written)


@pytest.mark.parametrize(
    "written", ["2021-03-04T00:00:00.000Z", "2021-03-04T15:00:00+09:00", "2021-03-04 15:00"]
)
def test_midnight_and_the_child_s_own_time_are_that_day(written: str) -> None:
    assert parse_date(written) == DAY


@pytest.mark.parametrize(
    ("written", "months"),
    [
        *((said, 36) for said in ("3 y.o.", "3 y.o", "3 y. o.", "3 ans", "3 Jahre", "3 años", "3歳", "3岁")),
        *(
            (said, 6)
            for said in ("6 Monate", "6 mois", "6 meses", "6ヶ月", "6 m.o.", "6개월째", "½ year", "½세")
        ),
        *((said, 18) for said in ("1½", "1 ½ 세", "1½ years")),
        *(
            (said, 5 / 30.436875)
            for said in ("D+5", "DOL 5", "day of life 5", "생후 5일째", "5 Tage", "5 jours")
        ),
        *((said, 14 / 30.436875) for said in ("2 Wochen", "2 semaines", "2 w.o.")),
    ],
)
def test_an_age_is_read_in_words_of_other_languages_and_in_short(written: str, months: float) -> None:
    assert parse_age(written).low == pytest.approx(months)


@pytest.mark.parametrize(
    "written", ["3 apples", "y.o.", "D+", "3/13", "1/2", "2 5/7", "3/365", "3-4", "1½½", "½½"]
)
def test_what_is_no_age_stays_none(written: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        parse_age(written)


@pytest.mark.parametrize(
    ("written", "months"),
    [
        *((said, 3) for said in ("3/12", "3 / 12", "3\u204412", "'3/12", "3/12 old", "aged 3/12", "0y 3/12")),
        *(
            (said, 15)
            for said in ("1 3/12", "1y 3/12", "1+3/12", "1 yr 3/12", "1 and 3/12", "1  1/4", "15/12")
        ),
        *((said, 16) for said in ("1 4/12", "1 1/3")),
        *((said, 18) for said in ("18/12", "1 6/12", "1 1/2", "1 1/2 years")),
        *((said, 14 / 30.436875) for said in ("2/52", "14/7")),
        *((said, 19 / 30.436875) for said in ("2/52 5/7", "19/7")),
        *((said, 5 / 30.436875) for said in ("5/7", "5/7 old")),
        *((said, 12 + 14 / 30.436875) for said in ("1 2/52", "1 1/26", "1y 2/52")),
        *((said, 4 / 24 / 30.436875) for said in ("4/24", "4 hours", "4 hrs old")),
    ],
)
def test_a_fraction_is_months_of_twelve_weeks_of_fifty_two_and_days_of_seven(
    written: str, months: float
) -> None:
    age = parse_age(written)
    assert age.low == pytest.approx(months) and age.months == age.low < age.high


@pytest.mark.parametrize(
    "written",
    [
        *("12-Mar", "3-Dec", "Feb-52", "03. Dez", "03-déc.", "3월 12일", "12月3日", "5-Jul-26"),
        *("2026-03-12 00:00:00", "3/12/2026", "45629", "45629.0", "26.3.12"),
    ],
)
def test_an_age_that_a_spreadsheet_made_a_date_of_is_called_so_and_not_guessed(written: str) -> None:
    with pytest.raises(ValueError, match=r"is a date, as spreadsheets make of 3/12"):
        parse_age(written)


@pytest.mark.parametrize("written", ["3 marbles", "300", "dec", "mar 3 apples"])
def test_what_is_neither_age_nor_date_is_not_called_a_date(written: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|out of range"):
        parse_age(written)


def test_a_gestation_is_no_age() -> None:
    with pytest.raises(ValueError, match="gestation"):
        parse_age("34/40")


@pytest.mark.parametrize(
    "stated",
    [
        *("32+4", "GA 32+4", "32w4d", "32주 4일", "PMA 36 weeks", "36 weeks PMA", "CA 3 months"),
        *("corrected 3 m", "3m (corrected)", "교정연령 3개월", "3세(교정)", "재태연령 32주", "preterm 32 wk"),
    ],
)
def test_weeks_since_conception_and_corrected_ages_are_no_age(stated: str) -> None:
    with pytest.raises(ValueError, match="gestation, or corrected"):
        parse_age(stated)


@pytest.mark.parametrize("stated", ["3-4 years", "6-8 months", "3 - 4세", "3y 4 years", "2~3세"])
def test_a_range_of_ages_is_no_sum(stated: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        parse_age(stated)


@pytest.mark.parametrize(
    ("stated", "months"),
    [("5w 3d", 38 / 30.436875), ("038W", 38 * 7 / 30.436875), ("생후 3일", 3 / 30.436875), ("1y 3m", 15.0)],
)
def test_weeks_and_days_since_birth_are_still_an_age(stated: str, months: float) -> None:
    assert parse_age(stated).low == pytest.approx(months)
