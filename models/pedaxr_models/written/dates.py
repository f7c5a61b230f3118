"""Calendar dates in every spelling met so far; one that may be either of two days is refused."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from pedaxr_models.written.latest_day import latest_day
from pedaxr_models.written.masked import HIDING
from pedaxr_models.written.other_calendars import (
    ERA_FORMS,
    OtherCalendar,
    cell_day,
    era_day,
    is_another_year,
    our_day,
    without_era_word,
)
from pedaxr_models.written.plain import plain, unprotected

WANTED = "Write it as 2021-03-04."
_AMBIGUOUS = f"A date may be either of two days: day and month cannot be told apart. {WANTED}"
_NO_DATE = f"A date is not understood. {WANTED}"
_NO_DAY = (
    f"The calendar has no such day: a date is not understood. {WANTED} The forms 2021.3.4, 20210304, "
    "4 Mar 2021 and 210304-3 are understood, too."
)
_SHORT = f"A date may be either of two days: its year has two digits and may stand first or last. {WANTED}"
_SERIAL = f"A date is a spreadsheet's day number. Format its column as a date. {WANTED}"
_OTHER_DAY = f"A date is a moment of universal time, and may be the next day where the child is. {WANTED}"
_ELSEWHERE = re.compile(r"T?(?!00:?00)\d\d:?\d\d[\d:.]* ?(?:Z|UTC|GMT|[+-]00:?00)$", re.IGNORECASE)
_NOTHING = frozenset({"", "nan", "none", "null", "na", "n/a", "-", "--", "#n/a", "nat"})
_NOUGHT = re.compile(r"1900[-./]0?1[-./]00?|0?1/00?/1900|00?[-.]jan[-.](?:19)?00")  # a spreadsheet's day 0

# Behind a date: born (생), the day of the week, a time.
_WEEKDAY = r"(?:[월화수목금토일]|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?)"
_CLOCK = r"(?:[ T]*(?:오전|오후)? ?\d{1,2}(?::\d\d|시).*|T\d{4,6}.*)"
_TIME = rf"(?:생|born)?\(?{_WEEKDAY}?,?\)?{_CLOCK}?"
_Y, _M, _D = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMED = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*"
_HIDDEN = f"[{HIDING}x]"  # a digit of a resident number that is not shown
_ALONE = r"(?![\d-]|[a-su-z])"  # a T may stand before the time
# What surrounds it in a longer text is neither digit nor Latin letter, so that a part of an id is not a date.
_FORMS = (
    *ERA_FORMS,
    *tuple(
        re.compile(rf"(?<![\d.a-z])(?<![a-z\d]-){form}", re.IGNORECASE)
        for form in (
            rf"{_Y} ?(?:[-./]|[년年]) ?{_M} ?(?:[-./]|[월月]) ?{_D}(?!\d) ?(?:[일日]|\.(?!\d))?",
            r"(?P<y>\d{4}) (?P<m>\d\d) (?P<d>\d\d)(?![\d-])",
            r"(?P<compact>(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d))(?:\d{4}(?:\d\d(?:\.\d+)?)?)?" + _ALONE,
            rf"(?P<yy>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?: ?- ?|(?=[1-8]?{_HIDDEN}{{6}}))"
            rf"(?:(?P<century>[1-8])(?:\d{{6}}|{_HIDDEN}{{6}})?|{_HIDDEN}{{7}})(?![\d*])",
            rf"'?(?P<yy>\d\d) ?(?:[-.]|년) ?{_M} ?(?:[-.]|월) ?{_D}(?!\d) ?(?:일|\.(?!\d))?",
            r"(?P<yy>\d\d)(?P<m>\d\d)(?P<d>\d\d)" + _ALONE,
            rf"(?P<first>\d{{1,2}}) ?[-./] ?(?P<second>\d{{1,2}}) ?[-./] ?{_Y}(?!\d)",
            rf"{_D}(?:st|nd|rd|th)?(?: of)?[ .-]*{_NAMED}[ .,-]*{_Y}(?!\d)",
            rf"{_D}[ .-]*{_NAMED}[ .,-]*'?(?P<yy>\d\d)(?!\d)",
        )
    ),
    re.compile(rf"(?<![a-z]){_NAMED}[ .-]*{_D}(?:st|nd|rd|th)?[ .,-]+{_Y}(?!\d)", re.IGNORECASE),
)
_CENTURIES = {**dict.fromkeys("1256", 1900), **dict.fromkeys("3478", 2000)}  # of a resident number

# The first days of clocks and tables, and what people type who have to type something.
_PLACEHOLDERS = frozenset(
    {date(1, 1, 1), date(1111, 11, 11), date(1582, 10, 15), date(1601, 1, 1), date(1700, 1, 1)}
    | {date(1753, 1, 1), date(1800, 1, 1), date(1850, 1, 1), date(1858, 11, 17), date(1899, 12, 30)}
    | {date(1899, 12, 31), date(1900, 1, 1), date(1900, 1, 2), date(1901, 1, 1), date(1904, 1, 1)}
    | {date(1911, 11, 11), date(1970, 1, 1), date(1980, 1, 1), date(9999, 12, 31)}
)
_LONG_AGO, _NEVER_YET = 1900, 2100


class NoSuchDay(ValueError):
    """What is written like a date, and names a day that the calendar does not have."""


class UnsureYear(ValueError):
    """A date of which the year may be the first number or the last; or the number of something else."""


@dataclass(frozen=True)
class FoundDate:
    """A date inside a text.

    Attributes:
        rest: the text around it.
        is_short: six digits and nothing else, which may be an id as well.
    """

    day: date
    rest: str
    is_short: bool


def says_no_date(text: str) -> bool:
    """Whether the text stands for no date: empty, a word for nothing, or the zeros of a database."""
    one = plain(text).casefold()
    return one in _NOTHING or not re.sub(r"[0\W]", "", one) or _NOUGHT.fullmatch(one) is not None


def parse_date(text: str | None) -> date | None:
    """The day that a text names, perhaps with a time behind it; None when it names none.

    Days of the Buddhist, Persian, Japanese and Taiwanese calendars are given as ours.

    Raises:
        OtherCalendar: it is of one that has no certain day in ours.
        ValueError: it is not a date, or may be either of two days; the message repeats nothing of it.
    """
    if text is None or says_no_date(text):
        return None
    one = re.sub(r"(?<=\d)\.0+$", "", unprotected(text))
    if re.fullmatch(r"[2-6]\d{4}", one):
        raise ValueError(_SERIAL)
    one = without_era_word(one)
    try:
        if day := cell_day(one):
            return day
    except ValueError as err:
        raise (err if isinstance(err, OtherCalendar) else NoSuchDay(_NO_DAY)) from err
    found = find_date(one)
    if found is None or (found.rest and not re.fullmatch(_TIME, found.rest, re.IGNORECASE)):
        raise ValueError(_NO_DATE)
    if _ELSEWHERE.search(found.rest):
        raise ValueError(_OTHER_DAY)
    return found.day


def find_date(text: str) -> FoundDate | None:
    """The first date in a text, such as a search for a name and a birth date.

    Raises:
        NoSuchDay: it is 30 February, or in a thirteenth month.
        UnsureYear: it has a year of two digits, and the child would be one only if that stood last.
        OtherCalendar: see `parse_date`.
        ValueError: the one date there may be either of two days.
    """
    one = re.sub(r"(?<!\d)(\d{8})\.0+(?!\d)", r"\1", plain(text))
    doubt = None
    for form in _FORMS:
        for found in form.finditer(one):
            try:
                day = _day(found.groupdict())
                _check_order(found, day)
            except ValueError as err:
                doubt = doubt or _doubt(err, found)
                continue
            rest = f"{one[: found.start()]} {one[found.end() :]}".strip(" ,;()")
            is_short = re.fullmatch(r"\d{6}", found.group()) is not None
            return FoundDate(day, " ".join(rest.split()), is_short)
    if doubt:
        raise doubt
    return None


def _doubt(err: ValueError, found: re.Match[str]) -> ValueError | None:
    """What to say of a date that is none; nothing of six digits and others that are as likely an id."""
    parts = found.groupdict()
    if str(err) == _AMBIGUOUS or isinstance(err, UnsureYear | OtherCalendar):
        return err
    if parts.get("n"):
        return NoSuchDay(_NO_DAY)
    numbers = [int(parts.get(name) or 1) for name in ("m", "d", "first", "second")]
    if parts.get("yy"):
        is_date = not found.group().isdecimal() and numbers[0] <= 12 and numbers[1] <= 31
    else:
        year = int(parts["y"])
        is_date = (_LONG_AGO <= year < _NEVER_YET or is_another_year(year)) and max(numbers) <= 31
    return NoSuchDay(_NO_DAY) if is_date else None


def is_placeholder(day: date) -> bool:
    """Whether a date stands for one that is not known: the first day of a calendar, a clock or a table."""
    return day in _PLACEHOLDERS or day.year >= _NEVER_YET


def _day(parts: dict[str, str | None]) -> date:
    if parts.get("n"):
        return era_day(parts)
    named = parts.get("name")
    if first := parts.get("first"):
        return _told_apart(int(first), int(parts["second"] or 0), int(parts["y"] or 0))
    month = _MONTHS.index(named.lower()) + 1 if named else int(parts["m"] or 0)
    day = int(parts["d"] or 0)
    if (short := parts.get("yy")) is None:
        return _of_year(parts, month, day)
    if century := parts.get("century"):
        return date(_CENTURIES[century] + int(short), month, day)
    recent = date(2000 + int(short), month, day)
    return recent if recent <= latest_day() else recent.replace(year=recent.year - 100)


def _of_year(parts: dict[str, str | None], month: int, day: int) -> date:
    """The day of a year of four digits; eight digits without a sign between them are as likely an id."""
    year = int(parts["y"] or 0)
    return date(year, month, day) if parts.get("compact") else our_day(year, month, day)


def has_short_year(text: str | None) -> bool:
    """Whether a text is a date of three short numbers, whose order only custom tells."""
    return text is not None and _THREE_SHORT.match(plain(text)) is not None


def _check_order(found: re.Match[str], day: date) -> None:
    """Raises UnsureYear where a date with the year in front is an adult's, and with it behind a child's."""
    short = _THREE_SHORT.match(found.group())
    if short is None or _is_recent(day):
        return
    first, second, last = map(int, short.groups())
    for month, number in ((second, first), (first, second)):
        try:
            other = date(2000 + last, month, number)
        except ValueError:
            continue
        if _is_recent(other):
            raise UnsureYear(_SHORT)


_THREE_SHORT = re.compile(r"(\d\d) ?[-.] ?(\d{1,2}) ?[-.] ?(\d{1,2})(?!\d)")
_CHILDHOOD = timedelta(days=18 * 366)


def _is_recent(day: date) -> bool:
    """Whether a child may have been born, or filmed, on that day."""
    last = latest_day()
    return last - _CHILDHOOD <= day <= last


def _told_apart(first: int, second: int, year: int) -> date:
    """Day and month where only one order of them is a date."""
    if first != second and max(first, second) <= 12:
        raise ValueError(_AMBIGUOUS)
    month, day = sorted((first, second))
    return our_day(year, month, day)
