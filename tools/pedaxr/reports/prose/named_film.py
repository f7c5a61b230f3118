"""The earlier film that a request means, where it names one: compare with March, 2주 전 사진과 비교.

Only a time that stands beside a word of comparing or of a film is taken: "vomiting since March" names none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date

from pedaxr.reports.prose.named_times import FILM, KO_FILM, READ, TIME, NamedFilm

_NEAR = r"[^.;\n?,]{0,40}?"
_OF_CHANGE = (
    r"(?:any|what(?:['’]s)?|has|have|is|are|it|the|he|she|this|got|become|been|changes?d?|new|different|better"
    r"|worse|improved|progressed|bigger|smaller|larger)"
)


def _compared(time: str) -> tuple[str, ...]:
    """Where a time stands that something is compared with."""
    return (
        rf"(?:\bcompar\w*|\bcf\.?|\bvs\.?|\bversus|\binterval"
        rf"|\b(?:chang|differ)\w*(?: \w+)? (?:since|from|after|to)){_NEAR}(?:{time})",
        r"(?<!less )(?<!more )(?<!earlier )(?<!later )\bthan "
        rf"(?:(?:on|in|at|the {FILM} (?:of|from)) )?(?:{time})",
        rf"(?:{time})(?:보다|에 ?비해|과 ?달리|와 ?달리)",
        rf"^\W*(?:{_OF_CHANGE} )*since (?:{time})\W*$",
        rf"(?:{time})(?:부터|이후)(?:로|에)? ?(?:달라|바뀌|바뀐|나빠|좋아|호전|악화|늘|줄)",
        rf"(?:{time})(?!부터)[^.;\n?,]{{0,12}}?(?:비교|대비|변화)",
        rf"(?:비교|대비){_NEAR}(?:{time})",
    )


_ASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        *_compared(TIME),
        rf"\b{FILM}(?: (?:of|from|in|on|at|dated|taken|done|made|the)){{1,3}} (?:{TIME})",
        rf"(?:{TIME})(?:'s|’s)?(?: abdominal)? {FILM}\b",
        rf"(?:{TIME})(?!부터)[^.;\n?,]{{0,12}}?{KO_FILM}",
    )
)
# A film to compare with that is named by what no registry holds: an operation, an hour, the age then.
_EVENT = (
    r"(?:op(?:eration|s)?|surgery|procedure|laparotomy|reduction|enema|intubation|discharge|admission|treatment"
    r"|therapy|antibiotics?|laxatives?|clean-?out|decompression|drain(?:age)?|feeds?|feeding|starting \w+)"
)
_UNDATED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in _compared(
        rf"\b(?:before|after|since|prior to|pre|post|on|at|the)[- ](?:(?:the|his|her|last) )?{_EVENT}\b"
        rf"|\b(?:pre|post)-?op(?:erative)?\b|\b{_EVENT}(?= {FILM}\b)|(?<=since ){_EVENT}\b"
        r"|\bthis (?:morning|afternoon|evening)|\bearlier today"
        r"|\b\d{1,2} ?(?:h|hrs?|hours?) (?:ago|earlier|before)"
        r"|\b(?:one|film) before (?:last|that)\b|\b(?:second[- ](?:to[- ])?last|last but one|penultimate)\b"
        r"|\b(?:spring|summer|autumn|winter|christmas|easter)\b|\bday (?:of life )?\d{1,2}\b|\bdol ?\d{1,2}\b"
        r"|\bat \d{1,2} (?:days|weeks|months|years)\b"
        r"|(?:수술|시술|정복술?|입원|퇴원|관장|치료|처치|투약|감압|배액|수유|금식) ?(?:전|후|직후|당시|시)"
        r"|술[전후]|오늘 ?(?:아침|새벽|오전|오후)"
        r"|(?:아침|새벽|오전)(?=의? ?사진)|\d{1,2} ?시간 ?전|전전번|지지난 ?번|생후 ?\d{1,2} ?(?:일|주|개월)"
    )
)

_CHILD = r"(?:child|patient|baby|infant|kid|boy|girl|neonate|newborn)(?:['’]s)?"
_SIBLING = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        *_compared(
            r"\b(?:sister|brother|sibling|twin|cousin)s?\b|\bbaby (?:[a-d]|[1-4])\b"
            rf"|\b(?:an?|any|(?:an)?other|different|normal|healthy)(?: normal| healthy)? {_CHILD}\b"
            r"|언니|누나|오빠|동생|쌍둥이|자매|형제|사촌"
            r"|(?:다른|정상|건강한) ?(?:환아|환자|아이|아기|소아|어린이|애기?)"
            r"|(?<!\w)형(?=[과의이하 ]|$)"
        ),
        r"\bwho\b[^.;\n?]{0,20}\b(?:worse|better|sicker)\b",
        r"\b(?:twin|baby|child) (?:a|1) (?:or|vs\.?|versus) (?:b|2)\b",
        r"(?:쌍둥이|형제|자매|둘|아기|아이) ?(?:들? ?)?중(?:에서?|에)? ?(?:누가|누구|어느)",
        r"\bsame as (?:(?:the|his|her|their) )?(?:twin )?(?:sister|brother|sibling|twin)\b",
    )
)
_ANY_TIME = re.compile(TIME, re.IGNORECASE)
# Between two times of one list, also where each has its own film: March's film and the one of June.
_JOINT = re.compile(
    rf"(?:['’]s)?(?: abdominal)?(?: {FILM}\b|의? ?{KO_FILM})?"
    r"(?: ?(?:, ?(?:and |or )?|[&+/·~-] ?|(?:and|or|then|to|through|as well as) "
    r"|과 ?|와 ?|및 ?|이?랑 ?|하고 ?|그리고 ?))"
    rf"(?:(?:also|both|since|with|to|vs\.?|versus|the|that|those|of|from|in|on|{FILM}) ){{0,4}}",
    re.IGNORECASE,
)
_PRIOR = r"(?:last|previous|prior|earlier|past|preceding|old(?:er)?)"
_SEVERAL = re.compile(
    rf"\b{_PRIOR} (?:[2-9]|two|three|four|five|few|several|couple(?: of)?) (?:abdominal )?{FILM}\b"
    r"|\b(?:all|both|each|every|several|multiple)(?: of)?(?: (?:the|her|his|their))?"
    rf" (?:{_PRIOR} {FILM}|priors?)\b"
    rf"|\bserial {FILM}\b"
    rf"|(?:모든|여러|전체) ?(?:이전|과거) ?{KO_FILM}|(?:이전|과거) ?{KO_FILM}들"
    rf"|(?:이전|지난) ?(?:[2-9]|두|세) ?(?:장|개|번)의? ?{KO_FILM}",
    re.IGNORECASE,
)


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
            yield READ[kind](found[kind].lower(), today)


def names_a_film(request: str) -> bool:
    """Whether a request asks for a film of some time to be compared with."""
    return next(_times(request), None) is not None


def names_several(requests: Iterable[str]) -> bool:
    """Whether the requests ask for more than one earlier film without a time: compare with all priors."""
    return any(_SEVERAL.search(request) for request in requests)


def names_undated(requests: Iterable[str]) -> bool:
    """Whether the requests name the film to compare with by an event: the one before surgery."""
    return any(frame.search(request) for request in requests for frame in _UNDATED)


def names_sibling(requests: Iterable[str]) -> bool:
    """Whether the requests ask for a comparison with a brother or a sister."""
    return any(frame.search(request) for request in requests for frame in _SIBLING)


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
