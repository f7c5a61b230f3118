"""The earlier film that a request means, where it names one: compare with March, 2주 전 사진과 비교.

Only a time that stands beside a word of comparing or of a film is taken: "vomiting since March" names none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
            "three 세 사흘 삼",
            "four 네 나흘 사",
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
_FILM = (
    r"(?:films?|x-?rays?|radiographs?|images?|stud(?:y|ies)|kubs?|axrs?|exams?|examinations?|pictures?|ones?)"
)
_KO_FILM = r"(?:사진|영상|필름|엑스레이|x-?ray|kub|검사)"
# One alternative for each way to name a time, the most exact first; `_READ` has a function for each group.
_TIME = (
    r"(?P<iso>(?<!\d)20\d\d ?(?:[-./]|년) ?\d{1,2} ?(?:[-./]|월) ?\d{1,2}(?!\d)일?)"
    r"|(?P<slashed>(?<![\d/])\d{1,2}[/.]\d{1,2}[/.](?:20)?\d\d(?![\d/]))"
    rf"|(?P<named>(?:the )?\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_NAME}(?!\w)(?:,? 20\d\d)?"
    rf"|\b{_NAME} \d{{1,2}}(?:st|nd|rd|th)?(?!\d)(?:,? 20\d\d)?)"
    r"|(?P<korean_day>(?:(?:20\d\d년|작년|지난해|올해) ?)?(?<!\d)\d{1,2}월 ?\d{1,2}일)"
    rf"|(?P<month>(?:last |this )?\b{_NAME}(?!\w)(?: (?:of )?(?:20\d\d|last year))?"
    r"|(?<!\d)20\d\d[-/.]\d{1,2}(?!\d)"
    r"|(?:(?:20\d\d년|작년|지난해|올해) ?|지난 ?)?(?<!\d)\d{1,2}월(?!령))"
    r"|(?P<short>(?<![\d/])\d{1,2}/\d{1,2}(?![\d/]))"
    rf"|(?P<ago>\b{_COUNT} (?:of )?(?:days?|weeks?|wks?|months?|mo|years?|yrs?) (?:ago|earlier|before|prior)"
    r"|\b\d{1,3}(?:d|w|wk|mo|y|yr)s? ago"
    rf"|{_COUNT} ?(?:일|주일?|달|개월|년|해) ?전|(?:하루|이틀|사흘|나흘) ?전)"
    r"|(?P<relative>\b(?:the day before yesterday|yesterday|last (?:week|month|year))\b"
    r"|그저께|그제|어제|전일|지난 ?주|지난 ?달|작년|지난 ?해|재작년)"
    r"|(?P<year>(?<![\d-])20\d\d(?:년)?(?![\d-]))"
    rf"|(?P<first>\b(?:birth|(?:newborn|neonatal|first|initial|baseline)(?= {_FILM}\b))|출생"
    rf"|신생아 ?(?=때|시기)|태어났을|(?:처음|최초|첫)(?=의? ?{_KO_FILM}|과|와))"
)
_NEAR = r"[^.;\n?,]{0,40}?"
_ASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:\bcompar\w*|\bcf\.?|\bvs\.?|\bversus|\binterval"
        rf"|\b(?:chang|differ)\w*(?: \w+)? (?:since|from|after|to)){_NEAR}(?:{_TIME})",
        r"(?<!less )(?<!more )(?<!earlier )(?<!later )\bthan "
        rf"(?:(?:on|in|at|the {_FILM} (?:of|from)) )?(?:{_TIME})",
        rf"(?:{_TIME})(?:보다|에 ?비해|과 ?달리|와 ?달리)",
        rf"\b{_FILM}(?: (?:of|from|in|on|at|dated|taken|done|made|the)){{1,3}} (?:{_TIME})",
        rf"(?:{_TIME})(?:'s|’s)?(?: abdominal)? {_FILM}\b",
        rf"^\W*(?:(?:any |what |has |have |is |it |the )*(?:changes?d?|new)? ?)since (?:{_TIME})\W*$",
        rf"(?:{_TIME})(?!부터)[^.;\n?,]{{0,12}}?(?:비교|대비|변화|{_KO_FILM})",
        rf"(?:비교|대비){_NEAR}(?:{_TIME})",
    )
)

_ANY_TIME = re.compile(_TIME, re.IGNORECASE)
# Between two times of one list, also where each has its own film: March's film and the one of June.
_JOINT = re.compile(
    rf"(?:['’]s)?(?: abdominal)?(?: {_FILM}\b|의? ?{_KO_FILM})?"
    r"(?: ?(?:, ?(?:and |or )?|[&+/·~-] ?|(?:and|or|then|to|through|as well as) "
    r"|과 ?|와 ?|및 ?|이?랑 ?|하고 ?|그리고 ?))"
    rf"(?:(?:also|both|since|with|to|vs\.?|versus|the|that|those|of|from|in|on|{_FILM}) ){{0,4}}",
    re.IGNORECASE,
)
_PRIOR = r"(?:last|previous|prior|earlier|past|preceding|old(?:er)?)"
_SEVERAL = re.compile(
    rf"\b{_PRIOR} (?:[2-9]|two|three|four|five|few|several|couple(?: of)?) (?:abdominal )?{_FILM}\b"
    r"|\b(?:all|both|each|every|several|multiple)(?: of)?(?: (?:the|her|his|their))?"
    rf" (?:{_PRIOR} {_FILM}|priors?)\b"
    rf"|\bserial {_FILM}\b"
    rf"|(?:모든|여러|전체) ?(?:이전|과거) ?{_KO_FILM}|(?:이전|과거) ?{_KO_FILM}들"
    rf"|(?:이전|지난) ?(?:[2-9]|두|세) ?(?:장|개|번)의? ?{_KO_FILM}",
    re.IGNORECASE,
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


def named_films(requests: Iterable[str], today: date) -> list[NamedFilm]:
    """What the last request that names films names, in its order; empty where none names a time of one.

    Args:
        requests: as supplied.
        today: day of the film that is compared.
    """
    for request in reversed(list(requests)):
        if named := list(_named_in(request, today)):
            return list(dict.fromkeys(named))
    return []


def _named_in(request: str, today: date) -> Iterator[NamedFilm]:
    for found in _times(request):
        kind = found.lastgroup or ""
        with suppress(ValueError, OverflowError):  # 31 February, month 13
            yield _READ[kind](found[kind].lower(), today)


def names_a_film(request: str) -> bool:
    """Whether a request asks for a film of some time to be compared with."""
    return next(_times(request), None) is not None


def names_several(requests: Iterable[str]) -> bool:
    """Whether the requests ask for more than one earlier film without a time: compare with all priors."""
    return any(_SEVERAL.search(request) for request in requests)


def _times(request: str) -> Iterator[re.Match[str]]:
    """Times that are asked for, and those that a list joins to one of them: March and June."""
    spans = [found.span(found.lastgroup or 0) for pattern in _ASKED for found in pattern.finditer(request)]
    if not spans:
        return
    listed: list[re.Match[str]] = []
    for time in _ANY_TIME.finditer(request):
        if listed and not _JOINT.fullmatch(request, listed[-1].end(), time.start()):
            yield from _asked(listed, spans)
            listed = []
        listed.append(time)
    yield from _asked(listed, spans)


def _asked(listed: list[re.Match[str]], spans: Sequence[tuple[int, int]]) -> list[re.Match[str]]:
    """All of a list where one of its times is asked for."""
    is_asked = any(one.start() < end and start < one.end() for one in listed for start, end in spans)
    return listed if is_asked else []


def _day(year: int, month: int, day: int) -> NamedFilm:
    one = date(year, month, day)
    return NamedFilm(((one, one),), f"{_OF}{one}")


def _iso(text: str, today: date) -> NamedFilm:
    year, month, day = map(int, re.findall(r"\d+", text))
    return _day(year, month, day)


def _slashed(text: str, today: date) -> NamedFilm:
    """Day or month first: either may be meant."""
    one, other, year = map(int, re.findall(r"\d+", text))
    return _either(one, other, [year + 2000 if year < 100 else year], today)


def _short(text: str, today: date) -> NamedFilm:
    one, other = map(int, text.split("/"))
    return _either(one, other, [today.year, today.year - 1], today)


def _either(one: int, other: int, years: Sequence[int], today: date) -> NamedFilm:
    """Every day that two numbers may be, the month first."""
    orders = [(month, day) for month, day in dict.fromkeys([(one, other), (other, one)]) if month <= 12]
    if not orders:
        raise ValueError("no such month")
    return _any([_day(year, month, day) for year in years for month, day in orders], today)


def _named(text: str, today: date) -> NamedFilm:
    month = _month_number(text)
    day = int(re.findall(r"(?<!\d)\d{1,2}(?!\d)", text)[0])
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
    if told in ("yesterday", "어제", "전일"):
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


_READ: Mapping[str, Callable[[str, date], NamedFilm]] = {
    "iso": _iso,
    "slashed": _slashed,
    "named": _named,
    "korean_day": _korean_day,
    "month": _month,
    "short": _short,
    "ago": _ago,
    "relative": _relative,
    "year": _year,
    "first": _first,
}
