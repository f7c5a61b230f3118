"""One form for the same text: width, kind of dash, composition and what cannot be seen make no difference."""

import re
import unicodedata
from itertools import combinations, pairwise
from urllib.parse import unquote

# Invisible, yet letters, marks or symbols to Unicode: fillers, joiners and variation selectors, in which a
# whole message can hide behind one visible character.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-")
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\uff07"), "'")


def plain(text: str) -> str:
    """NFKC, simple dashes and quotes, no invisible characters, single spaces.

    Full-width digits and letters, as a Korean or Japanese keyboard types them, become the usual ones.
    """
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_QUOTES)
    spaced = "".join(" " if char.isspace() else char for char in text)
    visible = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    return " ".join(UNSEEN.sub("", visible).split())


_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_LINK = re.compile(r"!?\[([^\[\]]+)\]\([^()]*\)")
# In pairs, before and behind words: 김** and 210304-3****** have hidden letters, **Kim Minjun** is bold.
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*\*\*|\*\*|__|~~)(?=[^\s,;.*])(.+?)(?:(?<=[^\s,;*])|(?<=\\\*))\1(?![\w*])"
)
_CODE = re.compile(r"(?<![\w`])(`+)(?=\S)([^`]+?)(?<=\S)\1(?![\w`])")
_KEPT = re.compile(r"\\(?=[*_`~])")  # a sign that a backslash keeps from being markup
_ONE_STAR = re.compile(r"(?:\*(\w[^*]*\w)\*|_(\w[^_]*\w)_)")
_BULLET = re.compile(r"^(?:[-*+•>|]|#{1,6})\s+(?=\S)")


def without_markup(text: str) -> str:
    """What is left of Markdown round a name or an id: bold, code, a link, a bullet.

    A mask for hidden letters (김*준, 홍**) stays.
    """
    bare = _LINK.sub(r"\1", _BULLET.sub("", text.strip()))
    bare = _CODE.sub(r"\2", _EMPHASIS.sub(r"\2", bare)).rstrip("| ")
    one = _ONE_STAR.fullmatch(bare)
    return _KEPT.sub("", str(one[1] or one[2]) if one else bare)


def unescaped(text: str) -> str:
    """Text that a client escaped once too often, `\\uae40\\ubbfc` or `%EA%B9%80`, as it was meant."""
    shown = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    shown = shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unquote(shown) if _PERCENT.search(shown) else shown


def unprotected(text: str) -> str:
    """`plain`, without what keeps a spreadsheet from making a number of a text: `'00123`, `="00123"`."""
    one = plain(text)
    if found := re.fullmatch(r"=?\"([^\"]*)\"|'([^']+)", one):
        return str(found[1] or found[2] or "").strip()
    return one


def plain_id(text: str) -> str:
    """An id as it is compared: `unprotected`, and without a spreadsheet's `.0` behind a number."""
    one = unprotected(text)
    number, _, zeros = one.partition(".")
    return number if zeros and number.isdecimal() and not zeros.strip("0") else one


def zero_spellings(some_id: str, longest: int = 16) -> list[str]:
    """The same number with fewer or more zeros in front, as spreadsheets drop them; none of other ids."""
    one = plain_id(some_id)
    bare = one.lstrip("0")
    if not bare or not (one.isascii() and one.isdecimal()):
        return []
    return [bare.zfill(digits) for digits in range(len(bare), longest + 1) if digits != len(one)]


def hyphen_spellings(some_id: str, longest: int = 16) -> list[str]:
    """The same letters and digits with other hyphens, none to two, as people and other systems write ids.

    Of ids without a digit, or longer than `longest`, there is none but that without any.
    """
    one = plain_id(some_id)
    bare = re.sub(r"[-_./ ]", "", one)
    if not bare.isalnum() or not any(map(str.isdigit, bare)):
        return []
    places = range(1, len(bare)) if len(bare) <= longest else ()
    cuts = [(), *((at,) for at in places), *combinations(places, 2)]
    spelled = ("-".join(bare[start:end] for start, end in pairwise((0, *cut, len(bare)))) for cut in cuts)
    return [spelling for spelling in spelled if spelling != one]


def is_odd_id(text: str, longest: int = 64) -> bool:
    """Whether an id is too long or holds signs that nobody sees: cut or cleaned it may be another's."""
    hides = any(unicodedata.category(char).startswith("C") for char in text) or UNSEEN.search(text)
    return len(text) > longest or bool(hides)
