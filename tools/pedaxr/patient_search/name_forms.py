"""What a patient's name is compared by: across scripts, spellings, order and titles.

`name_forms` breaks a name into it; a few syllables or plain Latin words, as most names are, take a fraction
of the time.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby, islice, product

from pedaxr.patient_search import hangul
from pedaxr.patient_search.letters import in_two_letters, without_accents, words_of
from pedaxr.patient_search.newborns import HANGUL_SIGNS, LATIN_SIGNS, Newborn, without_newborn
from pedaxr.text import printable
from pedaxr_models.written.masked import MASK_LETTER, hides_letters, seen_start, with_mask_letter

_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "master", "patient", "pt", "ssi", "nim"}
    | {"씨", "님", "군", "양", "환자", "환아", "환자분", "환자님", "어린이", "학생"}
    | {
        "เด็กชาย",
        "เด็กหญิง",
        "นาย",
        "นาง",
        "นางสาว",
        "ด",
        "ช",
        "ญ",
        "น",
        "ส",
    }  # ด.ช. and น.ส. are two words each
    | {"クン", "チャン", "サン", "様", "小朋友", "同学", "宝宝", "श्री", "श्रीमती", "कुमारी", "जी"}
)
# Written on to Thai names, and behind those in Chinese characters; hiragana are katakana here.
_OTHER_TITLES = re.compile(
    "^(?:เด็กชาย|เด็กหญิง|นางสาว)(?=..)|(?<=[\u4e00-\u9fff]{2})(?:クン|チャン|サン|様|小朋友|同学|宝宝)$"
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
# Names in plain Latin letters, and what may be a title, a newborn's or two initials among them.
_LATIN_WORDS = re.compile(r"[a-z]+(?:-[a-z]+)*(?:,? [a-z]+(?:-[a-z]+)*){0,3}", re.IGNORECASE | re.ASCII)
_MAYBE_MORE_LATIN = re.compile(rf"\b(?:{LATIN_SIGNS}|(?:{'|'.join(_TITLES | _SEX_SAID)})\b|[a-z] [a-z]\b)")
_PLAIN = re.compile("[ -~가-힣]{0,200}")  # has no width, no accents and nothing invisible
_MOST_READINGS = 4096
LONGEST_COMPARED = 40  # letters or jamo; no longer text is somebody's misspelt name


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
        seen: of a masked name what stands before the first hidden letter; None of a whole one.
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
    seen: str | None = None

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
    def reading_ends(self) -> dict[str, set[str]]:
        """By each end of a reading, the empty one included, the syllables that stand before it."""
        before = defaultdict[str, set[str]](set)
        for reading in self.readings:
            for at, syllable in enumerate(reading):
                before[reading[at + 1 :]].add(syllable)
        return dict(before)

    @cached_property
    def reading_starts(self) -> frozenset[str]:
        """What a reading begins with, up to the whole."""
        return frozenset(reading[:end] for reading in self.readings for end in range(1, len(reading) + 1))

    @cached_property
    def has_latin(self) -> bool:
        """Whether one of the wholes is plain Latin."""
        return any(map(str.isascii, self.wholes))


def fold(text: str, *, joined: bool = True) -> str:
    """Lower-case words without width and accents.

    All but letters and digits separates words; hyphens and apostrophes inside a word join it if `joined`.
    """
    letters = text.casefold()
    if not _PLAIN.fullmatch(text):
        letters = without_accents(unicodedata.normalize("NFKC", printable(text)).casefold())
    if joined:
        letters = _INSIDE.sub("", _OF_SOMEBODY.sub("", letters))
    return words_of(letters)


@lru_cache(maxsize=8192)
def name_forms(name: str) -> NameForms:
    """Break a name as registered or as typed into what it is compared by; never fails."""
    if _is_plain_hangul_name(name):
        return _plain_hangul_forms(name)
    words = _plain_latin_words(name)
    if words is None:
        return _any_forms(name)
    return _plain_latin_forms(name.lower().replace(",", ""), words)


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


def _plain_latin_words(name: str) -> tuple[str, ...] | None:
    """The words of a name in plain Latin letters; None where one may be a title or say of a newborn."""
    if len(name) > LONGEST_COMPARED or _LATIN_WORDS.fullmatch(name) is None:
        return None
    text = name.lower().replace("-", "").replace(",", "")
    return None if _MAYBE_MORE_LATIN.search(text) else tuple(text.split())


@lru_cache(maxsize=8192)
def _plain_latin_forms(name: str, words: tuple[str, ...]) -> NameForms:
    """What `_any_forms` gives for such a name, quickly, and one object for any capitals and commas."""
    pieces = {piece for piece in re.split("[ -]+", name) if len(piece) > 1} if "-" in name else set()
    text = "".join(words)
    return NameForms(
        text=text,
        written=" ".join(words),
        words=frozenset(words),
        wholes=frozenset(map("".join, _orders(words))),
        romanised=frozenset(),
        parts=frozenset(_parts(words) | pieces),
        newborn=None,
        variants=(words,),
        cuts=frozenset(),
    )


def _any_forms(name: str) -> NameForms:
    seen = None
    if hides_letters(name):  # without a letter for what is hidden, 김*준 would be 김준
        name, seen = with_mask_letter(name), seen_start(name)
    words = fold(name).split()
    bare, newborn = without_newborn(words)
    text = "".join(words) or "".join(printable(name).split())
    variants = tuple(dict.fromkeys([*_variants(name, bare), *_in_two_letters(name)]))
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
    parts |= {seen} if seen else set()
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
        seen=seen,
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
    untitled = _without_sex([bare_of_title(word) for word in without_titles(words)])
    if untitled and untitled != words:
        yield tuple(untitled)
    scripts = _by_script(untitled)
    if len(scripts) > 1:
        yield from (tuple(part) for part in scripts.values() if sum(map(len, part)) > 1)
    groups = _GROUPS.split(name)
    if len(groups) > 1:
        folded = (tuple(without_newborn(fold(group).split())[0]) for group in groups)
        yield from (group for group in folded if sum(map(len, group)) > 1)


def _in_two_letters(name: str) -> Iterator[tuple[str, ...]]:
    """The same with ü as ue and its like: Müller is Mueller as well as Muller, and Mueller is no Muller."""
    spelled = in_two_letters(name)
    if spelled != unicodedata.normalize("NFC", name).casefold():
        yield from _variants(spelled, without_newborn(fold(spelled).split())[0])


def without_titles(words: Iterable[str]) -> list[str]:
    """The words that are not titles by themselves, such as patient, Ms and 환자."""
    return [word for word in words if word.casefold() not in _TITLES]


def bare_of_title(word: str) -> str:
    """Without a title that is written on to the name."""
    for title, left in _ATTACHED_TITLES.items():
        if word.endswith(title) and len(word) >= len(title) + left and hangul.is_hangul_word(word):
            return word.removesuffix(title)
    if not word.isascii():
        return _OTHER_TITLES.sub("", word)
    return word


def _without_sex(words: list[str]) -> list[str]:
    """Without the sex behind a name; one syllable before it is a surname, and what follows the given name."""
    is_named = len(words) > 2 or (len(words) == 2 and len(words[0]) > 1 and hangul.is_hangul_word(words[0]))
    return words[:-1] if is_named and words[-1] in _SEX_SAID else words


def _by_script(words: list[str]) -> dict[str, list[str]]:
    whole = "".join(words)
    if whole.isascii() or hangul.is_hangul_word(whole) or MASK_LETTER in whole:
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
    if len(words) == 1:
        yield from hangul.surname_readings(words[0])
    for surname, given in _reading_splits(words):
        yield from map("".join, product(hangul.surname_readings(surname), hangul.readings(given)))


def _reading_splits(words: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    """Each way to take a Latin name for a surname and a given name."""
    if len(words) == 1:
        return hangul.surname_cuts(words[0])
    return [(order[0], "".join(order[1:])) for order in _orders(words) if order[1:]]


def shares_reading(query: NameForms, name: NameForms) -> bool:
    """Whether the two have a reading of two syllables or more in common: `query.readings` and the name's."""
    return bool(query.readings) and any(_is_read_as(query, words) for words in name.variants)


def _is_read_as(query: NameForms, words: tuple[str, ...]) -> bool:
    if _is_hangul_name(words):
        return any(len(reading) > 1 for reading in query.readings & _readings(words))
    if len(words) == 1 and any(len(reading) > 1 for reading in _read_as(query, words[0])):
        return True
    for surname, given in _reading_splits(words):
        if len(surname) <= hangul.LONGEST_SURNAME and query.reading_starts.isdisjoint(
            hangul.surname_readings(surname)
        ):
            continue  # most names end here
        ends = hangul.readings_among(given, query.reading_ends)
        if ends and any(
            first + end in query.readings for first in hangul.surname_readings(surname) for end in ends
        ):
            return True
    return False


def _read_as(query: NameForms, part: str) -> frozenset[str]:
    """Of the query's readings those that a part of a name has."""
    if hangul.is_hangul_word(part):
        return query.readings & {hangul.by_sound(part)}
    return query.readings & (hangul.readings_among(part, query.reading_ends) | hangul.own_readings(part))


def shares_part_reading(query: NameForms, name: NameForms) -> bool:
    """Whether surname, given name or a single word of the name may be read as the query."""
    return bool(query.readings) and any(_read_as(query, part) for part in name.parts)


def in_other_script(forms: NameForms, limit: int) -> list[str]:
    """A whole name as the other script may have it, surname first; at most `limit`, usual ones first."""
    if not forms.has_latin:
        spelled = [
            f"{one} {given}"
            for surname, given in sorted(forms.cuts)
            for one in hangul.surname_spellings(surname)
        ]
    else:
        spelled = [reading for reading in sorted(forms.readings) if len(reading) > 1]
        spelled.sort(key=lambda reading: hangul.split_surname(reading)[0] not in hangul.SURNAMES)
    return spelled[:limit]


def newborn_of(name: str) -> Newborn | None:
    """`NameForms.newborn` of a name, without the rest."""
    return without_newborn(fold(name).split())[1]


def romanised_name(name: str) -> str | None:
    """A Hangul name in Latin letters, surname first: 이서연 is Lee Seoyeon. None if not Hangul, or masked."""
    whole = "".join(fold(name).split())
    if hides_letters(name) or not whole or not hangul.is_hangul_word(whole):
        return None
    surname, given = hangul.split_surname(whole)
    return f"{hangul.surname_spellings(surname)[0].title()} {hangul.romanise(given).title()}".strip()
