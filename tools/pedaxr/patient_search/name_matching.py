"""Compare patients' names across scripts, spellings, order and titles.

`name_forms` breaks a name into everything it can be compared by; `likeness` compares two of them and says why
they are alike, `similarity` how many letters apart. `pedaxr.patient_search.index_keys` turns the same into
keys of an index.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby, islice, product

from rapidfuzz.distance import OSA

from pedaxr.patient_search import hangul
from pedaxr.patient_search.letters import without_accents
from pedaxr.patient_search.newborns import HANGUL_SIGNS, Newborn, is_same_child, without_newborn
from pedaxr.patient_search.typing_slips import likely_slip
from pedaxr.text import printable

_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "master", "patient", "pt", "ssi", "nim"}
    | {"씨", "님", "군", "양", "환자", "환아", "환자분", "환자님", "어린이", "학생"}
)
# Titles written on to a Hangul name, and how many syllables must be left for them not to be part of it.
_ATTACHED_TITLES = {"환자": 2, "환아": 2, "어린이": 2, "씨": 3, "님": 3, "군": 3, "양": 3}
_FEW_SYLLABLES = re.compile("[가-힣]{2,5}")
_MAYBE_MORE = re.compile(rf"{HANGUL_SIGNS}|(?:{'|'.join(_ATTACHED_TITLES)})$|^(?:{'|'.join(_TITLES)})$")
# The sex, which staff write behind a name: 김민준 여, 김민준/F, Kim Minjun, female.
_SEX_SAID = frozenset({"남", "여", "남자", "여자", "남성", "여성", "male", "female"})
_GROUPS = re.compile(r"[=()\[\]]|/(?=[\s/]*(?:[mf남여]\b|\d))", re.IGNORECASE)
_INSIDE = re.compile(r"(?<=\w)['’ʼ‘`ʻʽ′‐–-](?=\w)")  # apostrophes and hyphens
_OF_SOMEBODY = re.compile(r"(?<=[a-z]{2})['’ʼ]s(?=\s)")
_PLAIN = re.compile("[ -~가-힣]{0,200}")  # has no width, no accents and nothing invisible
_MOST_READINGS = 4096
_FARTHEST = 0.35  # share of letters that may differ in a similar name
LONGEST_COMPARED = 40  # letters or jamo; no longer text is somebody's misspelt name

SAME, REORDERED, STANDARD, READING, PART, PREFIX, BABY, TYPO = 1.0, 0.99, 0.97, 0.9, 0.8, 0.7, 0.65, 0.6
ONE_LETTER = 0.55  # the least score of one different letter, where it is an unlikely slip in another script


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
        written: as written, folded, in jamo.
        wholes: `text` in every usual order, with and without titles.
        romanised: standard Latin spellings of the wholes in Hangul.
        cuts: surname in Hangul and romanised given name of the wholes in Hangul, which `romanised` spells.
        words: as written, each by itself.
        parts: surname, given name and single words.
        newborn: what says that the child is filed under a parent's name, or has a number behind it.
        variants: the words that the name may consist of, as written: with and without titles, per script.
    """

    text: str
    written: str
    words: frozenset[str]
    wholes: frozenset[str]
    romanised: frozenset[str]
    parts: frozenset[str]
    newborn: Newborn | None
    variants: tuple[tuple[str, ...], ...]
    cuts: frozenset[tuple[str, str]]

    @property
    def is_baby(self) -> bool:
        """Whether the child is filed under a parent's name."""
        return self.newborn is not None and self.newborn.is_baby

    @cached_property
    def jamo_wholes(self) -> tuple[str, ...]:
        """The wholes in jamo."""
        return tuple(map(hangul.jamo, sorted(self.wholes)))

    @cached_property
    def readings(self) -> frozenset[str]:
        """Hangul strings, by sound, that the wholes may stand for; computed when first asked for."""
        return frozenset[str]().union(*map(_readings, self.variants))

    @cached_property
    def part_readings(self) -> frozenset[str]:
        """The same for surname, given name and single words."""
        return frozenset[str]().union(*map(part_readings, self.parts))


def fold(text: str, *, joined: bool = True) -> str:
    """Lower-case words without width and accents.

    All but letters and digits separates words; hyphens and apostrophes inside a word join it if `joined`.
    """
    letters = text.casefold()
    if not _PLAIN.fullmatch(text):
        letters = without_accents(unicodedata.normalize("NFKC", printable(text)).casefold())
    if joined:
        letters = _INSIDE.sub("", _OF_SOMEBODY.sub("", letters))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())


@lru_cache(maxsize=8192)
def name_forms(name: str) -> NameForms:
    """Break a name as registered or as typed into what it is compared by; never fails."""
    return _plain_hangul_forms(name) if _is_plain_hangul_name(name) else _any_forms(name)


def _is_plain_hangul_name(name: str) -> bool:
    """Whether it is a few syllables and surely nothing else: no space, title or sign of a newborn."""
    return _FEW_SYLLABLES.fullmatch(name) is not None and _MAYBE_MORE.search(name) is None


def _plain_hangul_forms(name: str) -> NameForms:
    """What `_any_forms` gives for such a name, in a fraction of the time: most names of a registry are so."""
    surname, given = hangul.split_surname(name)
    spelled = hangul.romanise(given)
    return NameForms(
        text=name,
        written=hangul.jamo(name),
        words=frozenset((name,)),
        wholes=frozenset((name,)),
        romanised=frozenset(_spellings(surname, spelled)),
        parts=frozenset((surname, given, name)),
        newborn=None,
        variants=((name,),),
        cuts=frozenset(((surname, spelled),)),
    )


def _any_forms(name: str) -> NameForms:
    words = fold(name).split()
    bare, newborn = without_newborn(words)
    text = "".join(words) or "".join(printable(name).split())
    variants = tuple(dict.fromkeys(_variants(name, bare)))
    wholes = {"".join(order) for words in variants for order in _orders(words)}
    cuts = {
        hangul.split_surname("".join(order))
        for words in variants
        if any(words) and _is_hangul_name(words)
        for order in _orders(words)
    }
    spelled = frozenset((surname, hangul.romanise(given)) for surname, given in cuts)
    parts = {part for cut in cuts for part in cut if part}.union(*map(_parts, variants))
    parts |= {word for word in fold(name, joined=False).split() if len(word) > 1}
    return NameForms(
        text=text,
        written=hangul.jamo(" ".join(words))[: 2 * LONGEST_COMPARED],
        words=frozenset(words),
        wholes=frozenset(wholes | {text}),
        romanised=frozenset(whole for cut in spelled for whole in _spellings(*cut)),
        parts=frozenset(parts),
        newborn=newborn,
        variants=variants,
        cuts=spelled,
    )


def _spellings(surname: str, given: str) -> Iterator[str]:
    for spelled in hangul.surname_spellings(surname):
        yield from (spelled + given, given + spelled)


def _parts(words: tuple[str, ...]) -> set[str]:
    if _is_hangul_name(words):
        return set(words)
    return {*words, "".join(words[1:]), "".join(words[:-1])} - {""}


def _is_hangul_name(words: tuple[str, ...]) -> bool:
    return all(map(hangul.is_hangul_word, words))


def _variants(name: str, words: list[str]) -> Iterator[tuple[str, ...]]:
    """The name as word lists: as written, without titles, each script alone, each DICOM group alone."""
    yield tuple(words)
    untitled = _without_sex([_untitled(word) for word in without_titles(words)])
    if untitled and untitled != words:
        yield tuple(untitled)
    scripts = _by_script(untitled)
    if len(scripts) > 1:
        yield from (tuple(part) for part in scripts.values() if sum(map(len, part)) > 1)
    groups = _GROUPS.split(name)
    if len(groups) > 1:
        folded = (tuple(without_newborn(fold(group).split())[0]) for group in groups)
        yield from (group for group in folded if sum(map(len, group)) > 1)


def without_titles(words: Iterable[str]) -> list[str]:
    """The words that are not titles by themselves, such as patient, Ms and 환자."""
    return [word for word in words if word.casefold() not in _TITLES]


def _untitled(word: str) -> str:
    for title, left in _ATTACHED_TITLES.items():
        if word.endswith(title) and len(word) >= len(title) + left and hangul.is_hangul_word(word):
            return word.removesuffix(title)
    return word


def _without_sex(words: list[str]) -> list[str]:
    """Without the sex behind a name; one syllable before it is a surname, and what follows the given name."""
    is_named = len(words) > 2 or (len(words) == 2 and len(words[0]) > 1 and hangul.is_hangul_word(words[0]))
    return words[:-1] if is_named and words[-1] in _SEX_SAID else words


def _by_script(words: list[str]) -> dict[str, list[str]]:
    whole = "".join(words)
    if whole.isascii() or hangul.is_hangul_word(whole):
        return {}
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


def _orders(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """As written, the last word first, the first word last."""
    return list(dict.fromkeys([words, (*words[-1:], *words[:-1]), (*words[1:], *words[:1])]))


def _readings(words: tuple[str, ...]) -> frozenset[str]:
    if _is_hangul_name(words):
        return frozenset(hangul.by_sound("".join(order)) for order in _orders(words))
    return frozenset(islice(_whole_readings(words), _MOST_READINGS))


def part_readings(part: str) -> frozenset[str]:
    """Hangul strings, by sound, that a part of a name may stand for."""
    return (
        frozenset([hangul.by_sound(part)]) if hangul.is_hangul_word(part) else hangul.surname_readings(part)
    )


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
    return found and as_same_child(found, query, name)


def as_same_child(found: Likeness, query: NameForms, name: NameForms) -> Likeness:
    """The likeness of two names, unless one of them is a parent's, or another twin's."""
    if is_same_child(query.newborn, name.newborn):
        return found
    if query.is_baby == name.is_baby:
        return Likeness(BABY, "the name fits, but the number, letter or sex next to it tells children apart")
    return Likeness(BABY, "the name fits, but only one of the two is a baby under a parent's name")


def _whole_likeness(query: NameForms, name: NameForms) -> Likeness | None:
    if query.text == name.text:
        return Likeness(SAME, "same name")
    if query.wholes & name.wholes:
        return Likeness(REORDERED, "same name apart from word order, spacing or title")
    if query.wholes & name.romanised or query.romanised & name.wholes:
        return Likeness(STANDARD, "same name in the other script")
    if any(len(reading) > 1 for reading in query.readings & name.readings):
        closeness = round(0.05 * (1 - _spelled_apart(query, name)), 3)
        return Likeness(READING + closeness, "may be another spelling of the same name")
    return None


def _spelled_apart(query: NameForms, name: NameForms) -> float:
    """From 0 to 1, how many letters of the nearest spellings differ: the usual spelling comes first."""
    pairs = (pair for pair in _spelled_pairs(query, name) if max(map(len, pair)) <= LONGEST_COMPARED)
    return min((OSA.normalized_distance(a, b) for a, b in pairs), default=1.0)


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
    return query.text if len(query.text) >= (2 if hangul.is_hangul_word(query.text) else 3) else None


def similarity(query: NameForms, name: NameForms) -> Likeness | None:
    """How close two names are in letters or jamo; `TYPO` for one wrong, missing, extra or swapped letter.

    The distance is the optimal string alignment: insert, delete, replace, or swap two neighbours.
    """
    nearest, share, slip = 0, _FARTHEST, 0.0
    for a, b in _spelled_pairs(query, name):
        longest = max(len(a), len(b), 1)
        at_most = int(share * longest)
        if longest > LONGEST_COMPARED or abs(len(a) - len(b)) > at_most:
            continue
        distance = OSA.distance(a, b, score_cutoff=at_most)
        if 0 < distance <= at_most and (not nearest or distance / longest <= share):
            slip = max(slip if distance == nearest else 0.0, likely_slip(a, b) if distance == 1 else 0.0)
            nearest, share = distance, distance / longest
    if not nearest:
        return None
    if nearest == 1:
        unlikely = 0.03 * (1 - slip) + 0.02 * written_apart(query, name)
        return Likeness(round(TYPO - unlikely, 3), "one letter differs")
    return Likeness(round(ONE_LETTER * (1 - share), 3), f"{nearest} letters differ")


def written_apart(query: NameForms, name: NameForms) -> float:
    """From 0 to 1, how differently two names are written, word order, spacing and script included."""
    if min(map(len, (query.written, name.written))) == 0:
        return 1.0
    return OSA.normalized_distance(query.written, name.written)


def _spelled_pairs(query: NameForms, name: NameForms) -> Iterator[tuple[str, str]]:
    yield from product(query.jamo_wholes, name.jamo_wholes)
    if name.romanised and any(map(str.isascii, query.wholes)):
        yield from product(query.wholes, name.romanised)
    if query.romanised and any(map(str.isascii, name.wholes)):
        yield from product(query.romanised, name.wholes)


def romanised_name(name: str) -> str | None:
    """A Hangul name in Latin letters, surname first: 이서연 is Lee Seoyeon. None if not Hangul."""
    whole = "".join(fold(name).split())
    if not whole or not hangul.is_hangul_word(whole):
        return None
    surname, given = hangul.split_surname(whole)
    return f"{hangul.surname_spellings(surname)[0].title()} {hangul.romanise(given).title()}".strip()
