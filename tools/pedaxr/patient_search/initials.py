"""Names of which some are initials, such as O. Brown, Kim M.J. and Nguyễn T. M. Khai: whose they may be."""

import re
from collections.abc import Iterator, Sequence
from itertools import product

from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import fold, without_titles

_MOST_WORDS = 4  # of a full name that are shortened
_MOST_SYLLABLES = 6  # of a Korean name, whose spellings double with each of them
_CAPITALS = re.compile(r"\b[A-Z]{2,3}\b")  # MJ beside Kim
# A letter with a full stop surely is one, but for the surnames I, O and U, and Monsieur before a name; so
# is a consonant before a word. A is a syllable as well, and M or F behind a name a sex.
_SURELY = re.compile(
    r"(?<![\w'’(/.])(?!\AM\. +\w\w)(?:[a-hj-np-tv-z]\.|[b-df-hj-np-tv-z] +(?=\w))", re.IGNORECASE
)
_NO_VOWEL = re.compile("[b-df-hj-np-tv-z]{2,3}", re.ASCII)
_JOINS_NOTHING = re.compile("[a-z, ]*", re.IGNORECASE | re.ASCII)  # a name without hyphens and apostrophes
_SUFFIXES = frozenset({"jr", "sr"})  # beside one name alone they may be initials as well
_KOREAN_SYLLABLE = re.compile(
    "[bcdghjklmnprst]{0,2}[yw]?[aeiou]+(?:ng(?![aeiouwy])|[bdghklmnprst](?![aeiouwy]))?"
)
# First letters that one syllable is spelled with: 규 is gyu and kyu.
_SPELLED_ALSO = {"g": "k", "j": "c", "b": "p", "d": "t", "r": "l", "u": "w"}


def initials_and_words(name: str) -> tuple[list[str], list[str]]:
    """The initials of a name, MJ beside Kim being two, and its other words; without titles."""
    words = without_titles(fold(name).split())
    shortened = {word for word in words if _is_initial(word) or word in _joined_initials(name, words)}
    if not shortened < set(words):
        shortened = {word for word in words if _is_initial(word)}
    return list("".join(word for word in words if word in shortened)), [
        word for word in words if word not in shortened
    ]


def is_shortened(name: str) -> bool:
    """Whether a name surely has initials, or may have: Smith JR may be Smith Junior and J. R. Smith."""
    words = without_titles(fold(name).split())
    is_either = len(words) == 2 and not _SUFFIXES.isdisjoint(words)
    return len(words) > 1 and (is_either or any(map(_is_initial, words)) or bool(_capitals(name)))


def has_initials(name: str) -> bool:
    """Whether some words of a name are initials and can be nothing else: M. M. Cruz, John R Smith."""
    return _SURELY.search(name) is not None


def fitting(initials: Sequence[str], words: Sequence[str], name: str) -> float:
    """How many initials stand for words of a name that has the other words; 0 where it cannot be meant.

    A name may have fewer words than are asked for. In another order they count for half an initial less.
    """
    if name.isascii() and not _has_letters_of(words, name):
        return 0
    plain, *in_syllables = _spelled(name, words)
    if not in_syllables or len(initials) + len(words) <= len(plain):
        return _fitting(initials, words, plain)
    return len(initials) if any(_is_begun_so(initials, words, spelled) for spelled in in_syllables) else 0


def _has_letters_of(words: Sequence[str], name: str) -> bool:
    """Whether the words stand somewhere among a name's letters, as those that it has surely do; quick."""
    letters = "".join(filter(str.isalnum, name.lower()))
    return all(word in letters for word in words)


def with_initials_for_words(name: str) -> set[str]:
    """A full name with initials for some of its words, without spaces: obrown and browno for Oliver Brown."""
    found = set[str]()
    for words in _spelled(name):
        if 1 < len(words) <= _MOST_WORDS:
            for kept in product((True, False), repeat=len(words)):
                some = [word if is_kept else word[0] for word, is_kept in zip(words, kept, strict=True)]
                if any(kept) and not all(kept):
                    found |= {"".join((*some[at:], *some[:at])) for at in range(len(some))}
    return found


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isascii() and word.isalpha()


def _capitals(name: str) -> set[str]:
    """Words in capitals beside others that are not: in BROWN OJ none can be told."""
    return set() if name.isupper() else {word.lower() for word in _CAPITALS.findall(name)}


def _joined_initials(name: str, words: Sequence[str]) -> set[str]:
    is_suffixed = len(words) > 2
    consonants = {word for word in words if _NO_VOWEL.fullmatch(word)}
    return (_capitals(name) | consonants) - (_SUFFIXES if is_suffixed else set())


def _fitting(initials: Sequence[str], words: Sequence[str], spelled: Sequence[str]) -> float:
    left = list(spelled)
    for word in words:
        if word not in left:
            return 0
        left.remove(word)
    places = list[int]()
    for initial in initials:
        begun = (at for at, word in enumerate(left) if word.startswith(initial) and at not in places)
        places += [at for at in (next(begun, None),) if at is not None]
    if not places or len(places) < min(len(initials), len(left)):
        return 0
    return len(places) - (0 if places == sorted(places) else 0.5)


def _is_begun_so(initials: Sequence[str], words: Sequence[str], spelled: Sequence[str]) -> bool:
    """Whether beside the words each syllable in turn begins so: M.J. is Minjun, not Minseo, Domin or Min."""
    left = [word for word in spelled if word not in words]
    is_short = len(left) + len(words) != len(spelled) or len(left) < len(initials)
    return not is_short and all(map(str.startswith, left, initials))


def _spelled(name: str, having: Sequence[str] = ()) -> Iterator[list[str]]:
    """The words of a full name, those that hyphens join, and of a Korean one the syllables as Latin words.

    Args:
        name: registered, or asked for.
        having: some words that a Hangul name is wanted to have.
    """
    words = _unsuffixed(fold(name))
    yield words
    whole = "".join(words)
    if hangul.is_hangul_word(whole):
        if len(whole) <= _MOST_SYLLABLES:
            yield from _romanised(*hangul.split_surname(whole), having)
        return
    apart = words if _JOINS_NOTHING.fullmatch(name) else _unsuffixed(fold(name, joined=False))
    if len(apart) > len(words):
        yield apart
    elif len(words) == 2:
        for surname, given in (words, words[::-1]):
            syllables = _KOREAN_SYLLABLE.findall(given)
            if hangul.surnames_spelled(surname) and "".join(syllables) == given:
                yield [surname, *syllables]


def _unsuffixed(folded: str) -> list[str]:
    words = without_titles(folded.split())
    return [word for word in words if len(words) < 3 or word not in _SUFFIXES]


def _romanised(surname: str, given: str, having: Sequence[str]) -> Iterator[list[str]]:
    """A Hangul name in every spelling of the surname and of the first letters of the syllables."""
    surnames = [one for one in (surname, *hangul.surname_spellings(surname)) if not having or one in having]
    if not surnames:
        return
    syllables = map(hangul.romanise, given)
    ways = [{one, _SPELLED_ALSO.get(one[:1], one[:1]) + one[1:]} for one in syllables]
    for first, *rest in product(surnames, *ways):
        yield [first, *rest]
