"""Compare patients' names across scripts, spellings, order and titles, and index them for that.

`name_forms` breaks a name into everything it can be compared by; `likeness` compares two of them and says why
they are alike; `index_terms` and `query_terms` let a database find the few names worth comparing.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, product

from pedaxr import hangul
from pedaxr.printable import printable

_BABY_WORDS = frozenset(
    ["baby", "infant", "newborn", "neonate", "bb", "아기", "애기", "아가", "신생아", "베이비"]
)
_BABY_FILLERS = frozenset(["of", "boy", "girl", "twin", "the", *"abc123의"])
_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "master", "patient", "pt", "ssi", "nim"}
    | {"씨", "님", "군", "양", "환자", "환아", "환자분", "환자님", "어린이", "학생"}
)
# Titles written on to a Hangul name, and how many syllables must be left for them not to be part of it.
_ATTACHED_TITLES = {"환자": 2, "환아": 2, "어린이": 2, "씨": 3, "님": 3, "군": 3, "양": 3}
_ATTACHED_BABY = ("신생아", "아기", "애기")
_MOST_READINGS = 4096
_FARTHEST = 0.35  # share of letters that may differ in a similar name
_LONGEST_COMPARED = 40  # letters or jamo; no longer text is somebody's misspelt name

SAME, REORDERED, STANDARD, READING, PART, PREFIX, BABY, TYPO = 1.0, 0.99, 0.97, 0.9, 0.8, 0.7, 0.65, 0.6


@dataclass(frozen=True)
class Likeness:
    """How alike two names are.

    Attributes:
        score: 1 for the same name; from `PREFIX` up the same or a part, below only a similar one.
    """

    score: float
    reason: str


@dataclass(frozen=True)
class NameForms:
    """Everything a name is compared by.

    Attributes:
        text: as written, folded, without spaces.
        wholes: `text` in every usual order, with and without titles.
        romanised: standard Latin spellings of the wholes in Hangul.
        readings: Hangul strings, by sound, that the wholes may stand for.
        words: as written, each by itself.
        parts, part_readings: surname, given name and single words, and what these may stand for.
        is_baby: a newborn registered under a parent's name.
    """

    text: str
    words: frozenset[str]
    wholes: frozenset[str]
    romanised: frozenset[str]
    readings: frozenset[str]
    parts: frozenset[str]
    part_readings: frozenset[str]
    is_baby: bool


def fold(text: str, *, joined: bool = True) -> str:
    """Lower-case words without width and accents.

    Whatever is no letter or digit separates words; hyphens and apostrophes inside a word join it if `joined`.
    """
    text = unicodedata.normalize("NFKC", printable(text)).casefold()
    letters = "".join(_without_accent(char) for char in text)
    if joined:
        letters = re.sub(r"(?<=\w)['’ʼ‘`-](?=\w)", "", letters)
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


def _without_accent(char: str) -> str:
    if hangul.is_hangul(char):
        return char
    return "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))


@lru_cache(maxsize=8192)
def name_forms(name: str) -> NameForms:
    """Break a name as registered or as typed into what it is compared by; never fails."""
    words = fold(name).split()
    bare, is_baby = _without_baby(words)
    text = "".join(words) or "".join(printable(name).split())
    forms = [
        _hangul_forms(v) if all(map(_is_hangul_word, v)) else _latin_forms(v) for v in _variants(name, bare)
    ]
    wholes, romanised, readings, parts, part_readings = (
        frozenset().union(*column) for column in zip(*forms, strict=True)
    )
    parts |= {word for word in fold(name, joined=False).split() if len(word) > 1}
    return NameForms(
        text, frozenset(words), wholes | {text}, romanised, readings, parts, part_readings, is_baby
    )


def _is_hangul_word(word: str) -> bool:
    return all(map(hangul.is_hangul, word))


def _without_baby(words: list[str]) -> tuple[list[str], bool]:
    stripped = [_strip_suffix(word, _ATTACHED_BABY) for word in words]
    if stripped == words and not _BABY_WORDS.intersection(words):
        return words, False
    kept = [word for word in stripped if word not in _BABY_WORDS | _BABY_FILLERS]
    return (kept, True) if kept else (words, False)


def _strip_suffix(word: str, suffixes: Iterable[str]) -> str:
    """A Hangul word without the suffix, where at least two syllables of name are left."""
    ends = (s for s in suffixes if word.endswith(s) and len(word) >= len(s) + 2 and _is_hangul_word(word))
    return word.removesuffix(next(ends, ""))


def _variants(name: str, words: list[str]) -> Iterator[tuple[str, ...]]:
    """The name as word lists: as written, without titles, each script alone, each DICOM group alone."""
    yield tuple(words)
    untitled = [_untitled(word) for word in words if word not in _TITLES]
    if untitled and untitled != words:
        yield tuple(untitled)
    scripts = _by_script(untitled)
    if len(scripts) > 1:
        yield from (tuple(part) for part in scripts.values() if sum(map(len, part)) > 1)
    groups = re.split(r"[=()\[\]]", name)
    if len(groups) > 1:
        folded = (tuple(_without_baby(fold(group).split())[0]) for group in groups)
        yield from (group for group in folded if sum(map(len, group)) > 1)


def _untitled(word: str) -> str:
    for title, left in _ATTACHED_TITLES.items():
        if word.endswith(title) and len(word) >= len(title) + left and _is_hangul_word(word):
            return word.removesuffix(title)
    return word


def _by_script(words: list[str]) -> dict[str, list[str]]:
    scripts: dict[str, list[str]] = {}
    for word in words:
        for script, chars in groupby(word, _script):
            scripts.setdefault(script, []).append("".join(chars))
    scripts.pop("digit", None)
    return scripts


def _script(char: str) -> str:
    if hangul.is_hangul(char):
        return "hangul"
    return "digit" if char.isdigit() else "latin" if char.isascii() else "other"


Columns = tuple[set[str], set[str], set[str], set[str], set[str]]


def _orders(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """As written, the last word first, the first word last."""
    return list(dict.fromkeys([words, (*words[-1:], *words[:-1]), (*words[1:], *words[:1])]))


def _hangul_forms(words: tuple[str, ...]) -> Columns:
    wholes = {"".join(order) for order in _orders(words)}
    romanised, parts = set[str](), set(words)
    for whole in filter(None, wholes):
        surname, given = hangul.split_surname(whole)
        parts.update({surname, given} - {""})
        spelled = hangul.romanise(given)
        romanised.update(
            s for surname in hangul.surname_spellings(surname) for s in (surname + spelled, spelled + surname)
        )
    return wholes, romanised, set(map(hangul.by_sound, wholes)), parts, set(map(hangul.by_sound, parts))


def _latin_forms(words: tuple[str, ...]) -> Columns:
    wholes = {"".join(order) for order in _orders(words)}
    parts = {*words, "".join(words[1:]), "".join(words[:-1])} - {""}
    part_readings = set[str]().union(*map(hangul.surname_readings, parts))
    readings = set(islice(_whole_readings(words), _MOST_READINGS))
    return wholes, set(), readings, parts, part_readings


def _whole_readings(words: tuple[str, ...]) -> Iterator[str]:
    """Readings of a Latin name, surname first."""
    splits = [
        (hangul.surname_readings(order[0]), "".join(order[1:])) for order in _orders(words) if order[1:]
    ]
    if len(words) == 1:
        yield from hangul.surname_readings(words[0])
        splits = [*hangul.surname_prefixes(words[0]), *hangul.surname_suffixes(words[0])]
    for surnames, given in splits:
        yield from map("".join, product(surnames, hangul.readings(given)))


def likeness(query: NameForms, name: NameForms) -> Likeness | None:
    """How the name answers the query, or None when it is neither the same name nor a part of it."""
    found = _whole_likeness(query, name) or _part_likeness(query, name)
    if found and query.is_baby != name.is_baby:
        return Likeness(BABY, "the name fits, but only one of the two is a baby under a parent's name")
    return found


def _whole_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    if query.text == name.text:
        return Likeness(SAME, "same name")
    if query.wholes & name.wholes:
        return Likeness(REORDERED, "same name apart from word order, spacing or title")
    if query.wholes & name.romanised or query.romanised & name.wholes:
        return Likeness(STANDARD, "same name in the other script")
    if any(len(reading) > 1 for reading in query.readings & name.readings):
        return Likeness(READING, "may be another spelling of the same name")
    return None


def _part_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    if query.wholes & name.parts or (query.words and query.words <= name.parts):
        return Likeness(PART, "part of the name")
    if query.readings & name.part_readings:
        return Likeness(PART, "part of the name in the other script or spelling")
    start = prefix_of(query)
    if start and any(text.startswith(start) for text in name.wholes | name.romanised | name.parts):
        return Likeness(PREFIX, "beginning of the name")
    return None


def prefix_of(query: NameForms) -> str | None:
    """The query as the beginning of a name: two Hangul syllables or three other letters at least."""
    return query.text if len(query.text) >= (2 if _is_hangul_word(query.text) else 3) else None


def similarity(query: NameForms, name: NameForms) -> Likeness | None:
    """How close two names are in letters or jamo; `TYPO` for one wrong, missing, extra or swapped letter."""
    pairs = {(hangul.jamo(a), hangul.jamo(b)) for a, b in product(query.wholes, name.wholes)}
    pairs |= {*product(query.wholes, name.romanised), *product(query.romanised, name.wholes)}
    nearest, share = 0, _FARTHEST
    for a, b in sorted(pairs):
        longest = max(len(a), len(b), 1)
        at_most = int(share * longest)
        if longest <= _LONGEST_COMPARED and _different_letters(a, b) <= at_most:
            distance = edits(a, b, at_most=at_most)
            if distance <= at_most and (not nearest or (distance / longest, distance) < (share, nearest)):
                nearest, share = distance, distance / longest
    if not nearest:
        return None
    if nearest == 1:
        return Likeness(TYPO, "one letter differs")
    return Likeness(round(TYPO * (1 - share), 3), f"{nearest} letters differ")


def _different_letters(a: str, b: str) -> int:
    """A lower bound of `edits` that costs little: letters of one that the other has not."""
    return max(len(a), len(b)) - (Counter(a) & Counter(b)).total()


def edits(a: str, b: str, *, at_most: int | None = None) -> int:
    """Optimal string alignment distance: insert, delete, replace, or swap two neighbours.

    Beyond `at_most` the count stops, and the result is only known to be larger.
    """
    limit = max(len(a), len(b)) if at_most is None else at_most
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
        if min(row) > limit and min(previous) > limit:  # a swap reaches over one row
            return limit + 1
        before, previous = previous, row
    return previous[-1]


def index_terms(forms: NameForms) -> frozenset[str]:
    """What the search index stores of a registered name. The first character tells the kind of term."""
    return frozenset(
        {f"={whole}" for whole in forms.wholes | forms.romanised}
        | {f"@{part}" for part in forms.parts}
        | {f"~{hangul.coarse(reading)}" for reading in forms.readings | forms.part_readings}
        | grams(forms)
    )


def query_terms(forms: NameForms) -> frozenset[str]:
    """Terms of which any name that `likeness` accepts has at least one, prefixes apart."""
    return frozenset(
        {f"={whole}" for whole in forms.wholes | forms.romanised}
        | {f"@{part}" for part in forms.wholes | forms.words}
        | {f"~{hangul.coarse(reading)}" for reading in forms.readings | forms.part_readings}
    )


def grams(forms: NameForms) -> frozenset[str]:
    """Pairs of neighbouring letters of the name in Latin, by which similar names are found."""
    latin = forms.romanised or forms.wholes
    padded = (f"<{text}>" for text in latin)
    return frozenset(f"#{text[i : i + 2]}" for text in padded for i in range(len(text) - 1))


def romanised_name(name: str) -> str | None:
    """A Hangul name in Latin letters, surname first: 이서연 is Lee Seoyeon. None if not Hangul."""
    whole = "".join(fold(name).split())
    if not whole or not _is_hangul_word(whole):
        return None
    surname, given = hangul.split_surname(whole)
    return f"{hangul.surname_spellings(surname)[0].title()} {hangul.romanise(given).title()}".strip()
