"""Times by which a request names an earlier film: a day, a month, so long ago, in English or Korean."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

FIRST = "the first film that is registered"
_OF = "a film of "
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_NUMBERS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "a an one 한 하루 일",
            "two couple 두 이틀 이",
            "three 세 석 사흘 삼",
            "four 네 넉 나흘 사",
            "five 다섯 오",
            "six 여섯 육",
        ),
        1,
    )
    for word in words.split()
}
_DAYS: Mapping[str, int] = {
    "d": 1,
    "w": 7,
    "m": 30,
    "y": 365,
    "일": 1,
    "하": 1,
    "이": 1,
    "사": 1,
    "나": 1,
    "주": 7,
    "달": 30,
    "개": 30,
    "년": 365,
    "해": 365,
}
_COUNT = rf"(?:\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
FILM = (
    r"(?:films?|x-?rays?|radiographs?|images?|stud(?:y|ies)|kubs?|axrs?|exams?|examinations?|pictures?|ones?)"
)
KO_FILM = r"(?:사진|영상|필름|엑스레이|x-?ray|kub|검사)"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_KO_WEEKDAYS = "월화수목금토일"
# One alternative for each way to name a time, the most exact first; `READ` has a function for each group.
TIME = (
    r"(?P<iso>(?<!\d)20\d\d ?(?:[-./]|년) ?\d{1,2} ?(?:[-./]|월) ?\d{1,2}(?!\d)일?)"
    r"|(?P<compact>(?<!\d)20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d))"
    r"|(?P<slashed>(?<![\d/])\d{1,2}[/.]\d{1,2}[/.](?:20)?\d\d(?![\d/])"
    r"|(?<![\d/.])2\d[/.]\d{1,2}[/.]\d(?![\d/]))"
    rf"|(?P<named>(?:the )?\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_NAME}(?!\w)(?:,? 20\d\d)?"
    rf"|\b\d{{1,2}}-{_NAME}-(?:20)?\d\d(?!\d)"
    rf"|\b{_NAME} \d{{1,2}}(?:st|nd|rd|th)?(?!\d)(?:,? 20\d\d)?)"
    r"|(?P<korean_day>(?:(?:20\d\d년|작년|지난해|올해) ?)?(?<!\d)\d{1,2}월 ?\d{1,2}일)"
    rf"|(?P<month>(?:last |this )?\b{_NAME}(?!\w)(?: (?:of )?(?:20\d\d|last year))?"
    r"|(?<!\d)20\d\d[-/.]\d{1,2}(?!\d)"
    r"|(?:(?:20\d\d년|작년|지난해|올해) ?|지난 ?)?(?<!\d)\d{1,2}월(?!령))"
    r"|(?P<clinical>(?<![\d/])\d{1,2}/(?:7|52|12) (?:ago|earlier|before|prior)\b)"
    r"|(?P<short>(?<![\d/])\d{1,2}/\d{1,2}(?![\d/])"
    rf"|(?<![\d.])\d{{1,2}}\.\d{{1,2}}(?=\.? ?(?:일자?)? ?{KO_FILM}))"
    r"|(?P<half>\bhalf a year (?:ago|earlier|before)|반년 ?전|보름 ?전)"
    rf"|(?P<ago>\b{_COUNT} (?:of )?(?:days?|weeks?|wks?|months?|mo|years?|yrs?) (?:ago|earlier|before|prior)"
    r"|\b\d{1,3}(?:d|w|wk|mo|y|yr)s? ago"
    rf"|{_COUNT} ?(?:일|주일?|달|개월|년|해) ?전|(?:하루|이틀|사흘|나흘) ?전)"
    r"|(?P<relative>\b(?:the day before yesterday|yesterday|last (?:night|week|month|year))\b"
    r"|그저께|그제|어제|어젯밤|간밤|지난 ?밤|전일|지난 ?주|지난 ?달|작년|지난 ?해|재작년)"
    rf"|(?P<weekday>\b(?:last |this )?{_WEEKDAY}\b|(?:지난 ?)?[{_KO_WEEKDAYS}]요일)"
    r"|(?P<year>(?<![\d-])20\d\d(?:년)?(?![\d-]))"
    rf"|(?P<first>\b(?:birth|(?:newborn|neonatal|first|initial|baseline)(?= {FILM}\b))|출생"
    rf"|신생아 ?(?=때|시기)|태어났을|(?:처음|최초|첫)(?=의? ?{KO_FILM}|과|와))"
)


@dataclass(frozen=True)
class NamedFilm:
    """A time that a request names for the film to compare with.

    Attributes:
        spans: first and last day, each time that may be meant, the likeliest first; empty of the first film.
        middle: of about so long ago, the day itself: the film nearest to it is meant.
        words: the film in words of our own.
    """

    spans: tuple[tuple[date, date], ...]
    words: str
    middle: date | None = None

    def chosen(self, earlier: Sequence[tuple[date, int]]) -> int | None:
        """Which of the earlier films is meant, by its number; None where none is of that time.

        Args:
            earlier: day and number of each, newest first.
        """
        if not self.spans:
            return min(earlier)[1] if earlier else None
        for first, last in self.spans:
            of_then = [one for one in earlier if first <= one[0] <= last]
            if of_then and self.middle:
                middle = self.middle
                return min(of_then, key=lambda one: abs(one[0] - middle))[1]
            if of_then:
                return of_then[0][1]
        return None


def _day(year: int, month: int, day: int) -> NamedFilm:
    one = date(year, month, day)
    return NamedFilm(((one, one),), f"{_OF}{one}")


def _iso(text: str, today: date) -> NamedFilm:
    year, month, day = map(int, re.findall(r"\d+", text))
    return _day(year, month, day)


def _compact(text: str, today: date) -> NamedFilm:
    return _day(int(text[:4]), int(text[4:6]), int(text[6:]))


def _slashed(text: str, today: date) -> NamedFilm:
    """Day or month first, or the year, as in Korea (26.3.14): each that may be meant, the latest first."""
    one, other, last = map(int, re.findall(r"\d+", text))
    found: list[NamedFilm] = []
    for year, parts in ((last, (one, other)), (one, (other, last))):
        with suppress(ValueError):
            found.append(_either(*parts, [year if year > 99 else year + 2000], today))
    if not found:
        raise ValueError("no such day")
    return _any(sorted(found, key=lambda film: film.spans[0], reverse=True), today)


def _short(text: str, today: date) -> NamedFilm:
    one, other = map(int, re.split("[/.]", text))
    return _either(one, other, [today.year, today.year - 1], today)


def _clinical(text: str, today: date) -> NamedFilm:
    """As doctors write spans: 3/7 is three days, 2/52 two weeks, 6/12 six months."""
    number, of = map(int, re.findall(r"\d+", text))
    unit = {7: 1, 52: 7, 12: 30}[of]
    return _about(today - timedelta(days=number * unit), max(unit // 2, number * unit // 4, 1), today)


def _half(text: str, today: date) -> NamedFilm:
    days = 15 if text.startswith("보름") else 182
    return _about(today - timedelta(days=days), days // 4, today)


def _weekday(text: str, today: date) -> NamedFilm:
    """The latest such day before today."""
    korean = re.search(rf"[{_KO_WEEKDAYS}](?=요일)", text)
    number = (
        _KO_WEEKDAYS.index(korean[0])
        if korean
        else next(
            n for n, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun")) if name in text
        )
    )
    return _on(today - timedelta(days=(today.weekday() - number - 1) % 7 + 1))


def _either(one: int, other: int, years: Sequence[int], today: date) -> NamedFilm:
    """Every day that two numbers may be, the month first."""
    orders = [(month, day) for month, day in dict.fromkeys([(one, other), (other, one)]) if month <= 12]
    if not orders:
        raise ValueError("no such month")
    return _any([_day(year, month, day) for year in years for month, day in orders], today)


def _named(text: str, today: date) -> NamedFilm:
    month = _month_number(text)
    day = int(re.findall(r"(?<!\d)\d{1,2}(?!\d)", text)[0])
    if short := re.search(r"-(\d\d)$", text):
        return _day(2000 + int(short[1]), month, day)
    return _in_year(text, today, month, day)


def _korean_day(text: str, today: date) -> NamedFilm:
    month, day = (int(n) for n in re.findall(r"(\d{1,2})(?:월|일)", text))
    return _in_year(text, today, month, day)


def _in_year(text: str, today: date, month: int, day: int) -> NamedFilm:
    """A day of a year that is named, or else the last two such days up to today."""
    year = _year_named(text, today)
    if year is not None:
        return _day(year, month, day)
    latest = today.year - ((month, day) > (today.month, today.day))
    return _any([_day(latest - back, month, day) for back in (0, 1)], today)


def _any(several: Sequence[NamedFilm], today: date) -> NamedFilm:
    """One of several times, the likeliest first; none that is still to come, where another is not."""
    several = [one for one in several if one.spans[0][0] <= today] or several
    spans = tuple(span for one in several for span in one.spans)
    words = " or ".join(dict.fromkeys(one.words.removeprefix(_OF) for one in several))
    return NamedFilm(spans, f"{_OF}{words}")


def _year_named(text: str, today: date) -> int | None:
    if found := re.search(r"20\d\d", text):
        return int(found[0])
    if "last year" in text or "작년" in text or "지난해" in text:
        return today.year - 1
    return today.year if "올해" in text or text.startswith("this ") else None


def _month(text: str, today: date) -> NamedFilm:
    if found := re.fullmatch(r"(20\d\d)[-/.](\d{1,2})", text):
        return _month_of(int(found[1]), int(found[2]))
    month = _month_number(text)
    year = _year_named(text, today)
    if year is not None:
        return _month_of(year, month)
    latest = today.year - (month > today.month)
    return _any([_month_of(latest - back, month) for back in (0, 1)], today)


def _month_number(text: str) -> int:
    if found := re.search(r"(\d{1,2})월", text):
        return int(found[1])
    return next(number for number, name in enumerate(_MONTHS, 1) if re.search(rf"\b{name}", text))


def _month_of(year: int, month: int) -> NamedFilm:
    first = date(year, month, 1)
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return NamedFilm(((first, last),), f"{_OF}{first:%Y-%m}")


def _ago(text: str, today: date) -> NamedFilm:
    """About so long ago: a quarter more or less, and never less than half a unit."""
    counted = re.match(r"\d+", text)
    word = re.match(r"하루|이틀|사흘|나흘", text)
    said = re.match(r"[a-z]+|[가-힣]+?(?= ?(?:일|주|달|개월|년|해))", text)
    number = int(counted[0]) if counted else _NUMBERS[(word or said or [""])[0]]
    unit = _DAYS["일" if word else _unit(text)]
    days = number * unit
    slack = max(unit // 2, days // 4, 1)
    middle = today - timedelta(days=days)
    return _about(middle, slack, today)


def _unit(text: str) -> str:
    rest = re.sub(rf"^{_COUNT} ?(?:of )?", "", text)
    return rest[:1]


def _about(middle: date, slack: int, today: date) -> NamedFilm:
    last = min(middle + timedelta(days=slack), today - timedelta(days=1))
    return NamedFilm(((middle - timedelta(days=slack), last),), f"{_OF}about {middle}", middle)


def _relative(text: str, today: date) -> NamedFilm:
    told = text.replace(" ", "")
    if told in ("yesterday", "lastnight", "어제", "어젯밤", "간밤", "지난밤", "전일"):
        return _on(today - timedelta(days=1))
    if told in ("thedaybeforeyesterday", "그저께", "그제"):
        return _on(today - timedelta(days=2))
    if told in ("lastweek", "지난주"):
        return _about(today - timedelta(days=7), 6, today)
    if told in ("lastmonth", "지난달"):
        last = today.replace(day=1) - timedelta(days=1)
        return _month_of(last.year, last.month)
    return _year_of(today.year - (2 if told == "재작년" else 1))


def _on(day: date) -> NamedFilm:
    return NamedFilm(((day, day),), f"{_OF}{day}")


def _year(text: str, today: date) -> NamedFilm:
    return _year_of(int(text[:4]))


def _year_of(year: int) -> NamedFilm:
    return NamedFilm(((date(year, 1, 1), date(year, 12, 31)),), f"{_OF}{year}")


def _first(text: str, today: date) -> NamedFilm:
    return NamedFilm((), FIRST)


READ: Mapping[str, Callable[[str, date], NamedFilm]] = {
    "iso": _iso,
    "compact": _compact,
    "slashed": _slashed,
    "clinical": _clinical,
    "half": _half,
    "weekday": _weekday,
    "named": _named,
    "korean_day": _korean_day,
    "month": _month,
    "short": _short,
    "ago": _ago,
    "relative": _relative,
    "year": _year,
    "first": _first,
}
