"""Newborns filed under a parent's name, and children told apart by a number or letter behind the same name.

`Baby of Kim Jieun`, `BABYBOY KIM JIEUN`, `김지은 B/O`, `김지은아기2`, `김지은 쌍둥이 A`, `김지은B`. The
parent's name alone never means such a child, nor does one number mean another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pedaxr.patient_search.hangul import is_hangul_word

_BABY = "baby"
_NUMBER = re.compile(r"\d{1,2}|[a-d]|i{1,3}|첫째|둘째|셋째|첫번째|두번째|세번째|큰애|작은애")
_LATIN = re.compile(
    r"(?P<kind>baby|babies|infant|inf|newborn|neonate|unnamed|nb|bb|bg|twins?|tw(?=[\dab])|t(?=\d)|triplets?)"
    r"(?:of)?"
    r"(?P<sex>boys?|girls?|male|female|[bgmf])?(?P<number>\d{1,2}|[a-d]|i{1,3})?"
)
_BEFORE_NAME = re.compile(
    r"(?:baby|newborn)(?P<sex>boy|girl)?(?:of)?(?P<latin>[a-z]{3,})|(?:baby|bb)(?P<hangul>[가-힣]{2,})"
)
# How words in Latin letters begin that say so, or may: those that they fit are looked at in full.
LATIN_SIGNS = r"[mfbg]?ba?b|inf|newb|neon|unna|nb|bg|tw|trip|(?:son|daughter|child|boy|girl)\b"
# What says so beside a name in Hangul, without a space.
HANGUL_SIGNS = "신생아|쌍생아|쌍둥이|쌍태아|아기|애기|아가|베이비|남아|여아|아들|딸|자녀|미명|큰애|작은애"
_BEHIND_NAME = re.compile(
    r"(?P<name>(?!(?:첫|둘|셋)째)[가-힣]{2,}?)?의?(?P<before>\d{1,2}|첫째|둘째|셋째)?"
    rf"(?P<letter>[mfbg])?(?P<kind>{HANGUL_SIGNS}|쌍(?=\d)|bb|baby|t(?=\d))"
    rf"(?P<number>{_NUMBER.pattern})?(?:번|호|째)?"
)
_NUMBERED = re.compile(
    r"(?P<name>[가-힣]{2,})(?P<number>\d{1,2}|[a-d])|(?P<latin>[a-z]{2,})(?P<digits>\d{1,2})"
)
_FILLERS = frozenset({"of", "the", "의", "no", "번", "호", "산모", "mother", "other", "중", "다른", "아이"})
_SEXES = {
    **dict.fromkeys(("boy", "boys", "male", "m", "남아", "아들", "남"), "M"),
    **dict.fromkeys(("girl", "girls", "female", "f", "bg", "여아", "딸", "여"), "F"),
}
_LETTERS = {"b": "boy", "g": "girl"}
_CHILDREN = {"son": "boy", "daughter": "girl", "child": "", "boy": "boy", "girl": "girl"}  # of somebody
_PAIRS = {("b", "o"): "", ("b", "b"): "boy", ("b", "g"): "girl", ("c", "o"): "", ("i", "o"): ""}  # B/O, B/B
_PAIRS |= {("s", "o"): "boy", ("d", "o"): "girl"}  # son, daughter of
_NUMBERS = {
    **{"a": "1", "b": "2", "c": "3", "d": "4", "i": "1", "ii": "2", "iii": "3"},
    **{"첫째": "1", "둘째": "2", "셋째": "3", "첫번째": "1", "두번째": "2", "세번째": "3"},
    **{"큰애": "1", "작은애": "2"},
}


@dataclass(frozen=True)
class Newborn:
    """What stands beside the name of a parent, or behind a name that several children have.

    Attributes:
        is_baby: a newborn under a parent's name; else only numbered.
        number: of a twin, or of one among namesakes; A is 1. Empty where it is not said.
        sex: M or F, or empty.
    """

    is_baby: bool
    number: str = ""
    sex: str = ""


def is_same_child(one: Newborn | None, other: Newborn | None) -> bool:
    """Whether two names that fit otherwise may be one child's: number and sex must not contradict."""
    if one is None or other is None:
        return one is other
    is_told_apart = one.sex and other.sex and one.sex != other.sex
    return (one.is_baby, one.number) == (other.is_baby, other.number) and not is_told_apart


def without_newborn(words: Sequence[str]) -> tuple[list[str], Newborn | None]:
    """The words of the parent's name, and what the others say of the child.

    Args:
        words: folded, in their order.

    Returns:
        The words as they are, and None, where no such convention is met or nothing would be left.
    """
    parts = [_parts_of(words, at) for at in range(len(words))]
    if not any(signs for _, signs in parts):
        kept, number = _numbered(list(words))
        return (kept, Newborn(is_baby=False, number=number)) if kept and number else (list(words), None)
    kept, signs = [], []
    for at, (names, said) in enumerate(parts):
        is_beside = at > 0 and (not parts[at - 1][0] or words[at - 1] in _FILLERS)
        if names and (words[at] in _FILLERS or _tells_apart(words, at, is_beside=is_beside)):
            signs.append(words[at])
            parts[at] = ([], [])  # the next word stands beside a sign, too
            continue
        if (
            names
            and at + 1 < len(parts)
            and not parts[at + 1][0]
            and re.fullmatch("[가-힣]{2,}의", names[-1])
        ):
            names = [names[-1].removesuffix("의")]
        kept += names
        signs += said
    sex = next((_SEXES[sign] for sign in signs if sign in _SEXES), "")
    return (kept, Newborn(True, _number_in(signs), sex)) if kept else (list(words), None)


def _parts_of(words: Sequence[str], at: int) -> tuple[list[str], list[str]]:
    """What one word holds of the name, and what it says of a newborn."""
    word = words[at]
    if word in _CHILDREN and words[at + 1 : at + 2] == ["of"]:
        return [], [_BABY, _CHILDREN[word]]
    if len(words) > 2:
        if word in _LETTERS.values() and re.fullmatch(r"\d{1,2}", next(iter(words[at + 1 :]), "")):
            return [], [_BABY, word]  # girl 2
        if numbered := re.fullmatch(r"([bg])(\d{1,2})", word):  # boy 1, girl 2
            return [], [_BABY, _LETTERS[numbered[1]], numbered[2]]
        for first in (at - 1, at):
            if 0 <= first < len(words) - 1 and (pair := (words[first], words[first + 1])) in _PAIRS:
                return [], [_BABY, _PAIRS[pair]]
    if found := _LATIN.fullmatch(word):
        sex = _LETTERS.get(found["sex"], found["sex"])
        return [], [_BABY, found["kind"], *filter(None, (sex, found["number"]))]
    if found := _BEFORE_NAME.fullmatch(word):
        return [found["latin"] or found["hangul"]], [_BABY, found["sex"] or ""]
    if found := _BEHIND_NAME.fullmatch(word):
        sex = _LETTERS.get(found["letter"], found["letter"])
        said = [_BABY, *filter(None, (sex, found["kind"], found["before"], found["number"]))]
        return [found["name"]] if found["name"] else [], said
    return [word], []


def _tells_apart(words: Sequence[str], at: int, *, is_beside: bool) -> bool:
    """Whether a word beside what names a newborn is a number or sex, and no part of the name."""
    word = words[at]
    if word.isdigit() or (word in _SEXES and len(word) > 1):
        return len(word) <= 2 or not word.isdigit()
    is_sign = _NUMBER.fullmatch(word) is not None or word in _SEXES
    return is_sign and (is_beside or at == len(words) - 1)


def _numbered(words: list[str]) -> tuple[list[str], str]:
    """A name with a number behind it; a single letter is one only behind Hangul, elsewhere an initial."""
    if not words:
        return words, ""
    *before, last = words
    if before and _NUMBER.fullmatch(last) and (last.isdigit() or all(map(is_hangul_word, before))):
        return before, _number_in([last])
    found = _NUMBERED.fullmatch(last)
    if found is None or (found["latin"] and not before):
        return words, ""
    return [*before, found["name"] or found["latin"]], _number_in([found["number"] or found["digits"]])


def _number_in(signs: Sequence[str]) -> str:
    number = next((sign for sign in signs if _NUMBER.fullmatch(sign)), "")
    return _NUMBERS.get(number, number.lstrip("0"))
