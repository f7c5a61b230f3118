"""Days of other calendars as ours: Buddhist 2562, Persian 1398, Japanese 平成31, Taiwanese 民國108.

Their years are told by their size: no child was born in our 1398, and our 2562 has not come. Days of the
Islamic calendar are refused: two countries may mean two days by one.
"""

import re
from dataclasses import dataclass
from datetime import date

from pedaxr_models.written.latest_day import latest_day

_WANTED = "Write it as 2021-03-04."
ISLAMIC = f"A date has a year of the Islamic calendar, whose days differ from country to country. {_WANTED}"
EARLY = f"A date has a year that may be of the Persian or the Islamic calendar. {_WANTED}"
LONG_AGO = f"A date has a year of so long ago that it is of another calendar, or mistyped. {_WANTED}"
NOT_YET = f"A date of the Buddhist or the Persian calendar has not come yet. {_WANTED}"
NO_ERA = f"A date is on no day of its era. {_WANTED}"
TAIWANESE = (
    "dates with years of three digits, as in Taiwan, so that this one, of two digits, may be of either "
    "calendar; write it as 2021-03-04"
)

_BUDDHIST, _MINGUO = 543, 1911  # years that they are ahead and behind
_BUDDHIST_YEARS = range(2500, 2600)
_PERSIAN_YEARS = range(1380, 1420)  # from 2001 on, when those who are children now had not been born
_EARLY_YEARS = range(1250, 1500)
_LONG_AGO = range(2, 1250)
_FILLED_IN = date(1111, 11, 11)  # what people type who have to type something
_ISLAMIC_YEARS = range(1420, 1460)


class OtherCalendar(ValueError):
    """A day of a calendar that is not ours, or that may be one of two."""


@dataclass(frozen=True)
class _Era:
    """A Japanese era: its names, its first day and its last year in ours."""

    names: str
    first: date
    last_year: int


_ERAS = (
    _Era("令和|令|r", date(2019, 5, 1), 9999),
    _Era("平成|平|h", date(1989, 1, 8), 2019),
    _Era("昭和|昭|s", date(1926, 12, 25), 1989),
    _Era("大正", date(1912, 7, 30), 1926),
    _Era("明治", date(1873, 1, 1), 1912),
)
_NAMES = "|".join(name for era in _ERAS for name in era.names.split("|") if len(name) > 1)
_M, _D = r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
_MONTH_DAY = rf" ?(?:[-./]|年) ?{_M} ?(?:[-./]|月) ?{_D}(?!\d) ?(?:日|\.(?!\d))?"
# Inside longer texts: by words that are of no id.
ERA_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?P<era>{_NAMES}) ?(?P<n>\d{{1,2}}|元){_MONTH_DAY}",
        rf"(?P<minguo>(?:中[華华])?民[國国]) ?(?P<n>\d{{1,3}}|元){_MONTH_DAY}",
        rf"(?<!\d)(?P<minguo>)(?P<n>1\d\d) ?年 ?{_M} ?月 ?{_D}(?!\d) ?日?",
    )
)
# A cell's whole text.
_CELLS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<era>[令平昭rhs])\.? ?(?P<n>\d{{1,2}}|元){_MONTH_DAY}",
        r"(?P<era>[令平昭rhs])(?P<n>\d\d)(?P<m>\d\d)(?P<d>\d\d)",
        rf"(?P<minguo>)(?P<n>1[0-4]\d) ?[-./] ?{_M} ?[-./] ?{_D}",
        r"(?P<minguo>)(?P<n>1[0-4]\d)(?P<m>\d\d)(?P<d>\d\d)",
    )
)
_THAI_MONTHS = (
    *("มกราคม ม.ค.", "กุมภาพันธ์ ก.พ.", "มีนาคม มี.ค.", "เมษายน เม.ย.", "พฤษภาคม พ.ค.", "มิถุนายน มิ.ย."),
    *("กรกฎาคม ก.ค.", "สิงหาคม ส.ค.", "กันยายน ก.ย.", "ตุลาคม ต.ค.", "พฤศจิกายน พ.ย.", "ธันวาคม ธ.ค."),
)
_THAI = {
    name.replace(".", ""): number for number, names in enumerate(_THAI_MONTHS, 1) for name in names.split()
}
_THAI_DATE = re.compile(r"(\d{1,2}) ?([\u0e00-\u0e7f]+(?:\.[\u0e00-\u0e7f]+)*\.?) ?(?:พ\.?ศ\.? ?)?(\d{4})")
_ERA_WORD = re.compile(
    r"พ\.? ?ศ\.?\s?|\bb\.e\.\s?|\bbe\b\s?"
    rf"|(?<=\d\d\d\d)(年?) ?\((?:{_NAMES}) ?(?:\d{{1,2}}|元)年?\)(?=年| ?\d)",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_SHORT_MINGUO = re.compile(r"1[0-4]\d ?[-./] ?\d{1,2} ?[-./] ?\d{1,2}|1[0-4]\d(?:0[1-9]|1[0-2])[0-3]\d")
_SHORT_YEAR = re.compile(r"\d\d ?[-./] ?\d{1,2} ?[-./] ?\d{1,2}|\d{6}")


def without_era_word(text: str) -> str:
    """A cell without a word for the Buddhist era, พ.ศ. or B.E., or a Japanese year in brackets."""
    return " ".join(_ERA_WORD.sub(r"\1", text).split())


def our_day(year: int, month: int, day: int) -> date:
    """The day of a year that may be of the Buddhist or the Persian calendar; of ours where it is neither.

    Raises:
        OtherCalendar: it has not come yet, or the year may be of two calendars.
        ValueError: there is no such day.
    """
    if year in _BUDDHIST_YEARS:
        return _past(date(year - _BUDDHIST, month, day))
    if year in _PERSIAN_YEARS:
        from persiantools.jdatetime import JalaliDate  # here: a search needs none

        theirs = JalaliDate(year, month, day)  # type: ignore[no-untyped-call]
        return _past(theirs.to_gregorian())
    if year in _EARLY_YEARS:
        raise OtherCalendar(ISLAMIC if year in _ISLAMIC_YEARS else EARLY)
    found = date(year, month, day)
    if year in _LONG_AGO and found != _FILLED_IN:
        raise OtherCalendar(LONG_AGO)
    return found


def is_another_year(year: int) -> bool:
    """Whether a year is one of another calendar, by its size."""
    return any(year in years for years in (_BUDDHIST_YEARS, _PERSIAN_YEARS, _EARLY_YEARS, _LONG_AGO))


def _past(day: date) -> date:
    if day > latest_day():
        raise OtherCalendar(NOT_YET)
    return day


def cell_day(text: str) -> date | None:
    """The day that a table's cell names in short: R1.5.1, 1080401, 1 เม.ย. 2562; None where it names none so.

    Raises:
        OtherCalendar: see `our_day`; or the day is not of the era that is named.
        ValueError: there is no such day.
    """
    if found := _THAI_DATE.fullmatch(text):
        month = _THAI.get(found[2].replace(".", ""))
        return None if month is None else our_day(int(found[3]), month, int(found[1]))
    if (found := _COMPACT.fullmatch(text)) and is_another_year(int(found[1])):
        return our_day(*map(int, found.groups()))
    matches = (form.fullmatch(text) for form in (*_CELLS, *ERA_FORMS))
    return next((era_day(found.groupdict()) for found in matches if found), None)


def era_day(parts: dict[str, str | None]) -> date:
    """The day of a match of `ERA_FORMS`. Raises OtherCalendar or ValueError where there is no such day."""
    number = 1 if parts["n"] == "元" else int(parts["n"] or 0)
    month, day = int(parts["m"] or 0), int(parts["d"] or 0)
    if (name := parts.get("era")) is None:
        return _past(date(_MINGUO + number, month, day))
    era = next(era for era in _ERAS if name.casefold() in era.names.split("|"))
    found = date(era.first.year + number - 1, month, day)
    # Forms printed before an era began name days of its first year by the last one.
    if not number or found < era.first or found.year > era.last_year:
        raise OtherCalendar(NO_ERA)
    return _past(found)


def is_short_minguo(cell: str) -> bool:
    """Whether a cell has a year of three digits, as Taiwan counts them."""
    return _SHORT_MINGUO.fullmatch(cell) is not None


def has_two_digits(cell: str) -> bool:
    """Whether a cell has a year of two digits: in a column of Taiwan's it may be 2009."""
    return _SHORT_YEAR.fullmatch(cell) is not None
