"""Names in scripts other than Latin and Hangul, compared with each other and with Latin ones by consonants.

Иван Петров is spelled Ivan Petrov, Iwan Petrow and Petroff, and محمد أحمد writes no short vowels at all. What
is left of all of these is the order of their consonants, by kind. Different names share it: it never proves
that two names are one, and whoever is found by it is offered to a human.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations, permutations, product

from rapidfuzz.distance import OSA

from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import NameForms

# Longest first. What is not named is a vowel, or a sign for one.
_KINDS = {
    **dict.fromkeys(("shch", "tsch", "sch", "tch", "dzh", "ch", "sh", "zh", "ts", "tz", "dz", "dj"), "S"),
    **dict.fromkeys(("j", "z", "s", "ce", "ci", "cy"), "S"),
    "x": "KS",
    **dict.fromkeys(("gh", "ck", "qu", "q", "k", "g", "c"), "K"),
    **dict.fromkeys(("ph", "ff", "f", "v"), "F"),
    **dict.fromkeys(("th", "dh", "t", "d"), "T"),
    **dict.fromkeys(("p", "b"), "P"),
    **{letter: letter.upper() for letter in "lrmnh"},
}
_KIND = re.compile("|".join(sorted(_KINDS, key=len, reverse=True)))
_TWICE = re.compile(r"(.)\1+")
_LAST_H = re.compile(r"h+(?= |$)")
_FEWEST = 2  # consonants that tell a name from others
_FEWEST_OF_A_WORD = 3
_MOST_WORDS = 4  # of a name whose words are paired: given name, father's and grandfather's, family
_LEAST_ALIKE = 0.5  # share of letters of two names of scripts that write their vowels
_WITHOUT_VOWELS = re.compile("[\u0590-\u08ff]")  # Hebrew, Arabic, Syriac, Thaana and theirs


def is_other(forms: NameForms) -> bool:
    """Whether a name is in another script than Latin and Hangul."""
    return not forms.text.isascii() and any(map(_is_other_word, forms.words))


def romanised(forms: NameForms) -> str:
    """The words of a name in Latin letters, in lower case."""
    return " ".join(_latin(word) for word in forms.written.split())


def stored_other_keys(forms: NameForms) -> frozenset[str]:
    """The keys of a registered name: `$` of a Latin one; `/` of one in another script, `/'` of its words."""
    if not is_other(forms):
        return frozenset(f"${key}" for key in _keys(forms.variants)) if _is_latin(forms) else frozenset()
    words = _keys((word,) for several in forms.variants for word in several)
    single = {f"/'{key}" for key in words if len(key) >= _FEWEST_OF_A_WORD}
    return frozenset({f"/{key}" for key in _keys(forms.variants)} | single)


def asked_other_keys(forms: NameForms) -> list[str]:
    """The keys of registered names that a query may mean in another script than its own."""
    keys = _keys(forms.variants if is_other(forms) else _as_elsewhere(forms.variants))
    marks = ["/", *(["$"] if is_other(forms) else []), *(["/'"] if len(forms.words) == 1 else [])]
    is_asked = is_other(forms) or _is_latin(forms)
    return sorted(f"{mark}{key}" for key in keys for mark in marks) if is_asked else []


# German j is a y and ch a kh, as in Ilja and Chruschtschow; a Ukrainian h is a g of other languages.
_ELSEWHERE = (
    (re.compile("j"), "y"),
    (re.compile("(?<![st])ch"), "kh"),
    (re.compile("(?<![cdgkpstz])h"), "g"),
)


def _as_elsewhere(variants: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """The words of a Latin name as they are, and as other countries spell the same names of other scripts."""
    found = set(variants)
    for letters, other in _ELSEWHERE:
        found |= {tuple(letters.sub(other, word) for word in words) for words in found}
    return found


def is_as_whole(one: NameForms, other: NameForms) -> bool:
    """Whether two names have as many words, or one is written without spaces, as 王小明 is."""
    return len(one.words) == len(other.words) or any(map(_is_unspaced, (one, other)))


def _is_unspaced(forms: NameForms) -> bool:
    return len(forms.words) == 1 and "CJK" in _scripts(forms)


def closeness(query: NameForms, name: NameForms) -> float | None:
    """From 0 to 1, how alike two names are as Latin letters; None where they are of one script or too far."""
    if _scripts(query) & _scripts(name):
        return None
    if _WITHOUT_VOWELS.search(query.text + name.text):
        return _LEAST_ALIKE
    orders = (_joined(order) for order in permutations(romanised(name).split()[:_MOST_WORDS]))
    asked = _joined(romanised(query).split())
    alike = max((OSA.normalized_similarity(asked, one) for one in orders), default=0.0)
    is_part = len(query.words) < len(name.words)
    return alike if is_part or alike >= _LEAST_ALIKE else None


def _joined(words: Iterable[str]) -> str:
    return "".join(words)


def _is_latin(forms: NameForms) -> bool:
    return forms.text.isascii() and not forms.text.isdigit()


def _is_other_word(word: str) -> bool:
    return any(not char.isascii() and char.isalpha() and not hangul.is_hangul(char) for char in word)


def _scripts(forms: NameForms) -> set[str]:
    """The beginnings of the Unicode names of its letters: LATIN, CYRILLIC, ARABIC."""
    return {unicodedata.name(char, "").partition(" ")[0] for char in forms.text if char.isalpha()}


def _keys(variants: Iterable[tuple[str, ...]]) -> set[str]:
    """The consonants of names in every usual order of their words, and of each two of more words."""
    return {
        key
        for words in variants
        for some in _orders(words)
        for key in _spellings(some)
        if len(key) >= _FEWEST
    }


def _orders(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    yield (*words[-1:], *words[:-1])
    yield (*words[1:], *words[:1])
    if 2 < len(words) <= _MOST_WORDS:
        for pair in combinations(words, 2):
            yield from (pair, pair[::-1])


def _spellings(words: tuple[str, ...]) -> set[str]:
    """As many as w, a vowel or a consonant, and kh, as k or h, may be taken for."""
    latin = " ".join(map(_latin, words))
    ways = product(("", "v") if "w" in latin else ("",), ("k", "h") if "kh" in latin else ("",))
    return {_consonants(latin.replace("w", w).replace("kh", kh)) for w, kh in ways}


@lru_cache(maxsize=4096)
def _consonants(latin: str) -> str:
    kept = _KIND.sub(lambda found: _KINDS[found.group()], _LAST_H.sub("", latin))
    return _TWICE.sub(r"\1", "".join(filter(str.isupper, kept)))


@lru_cache(maxsize=4096)
def _latin(word: str) -> str:
    if word.isascii():
        return word
    from anyascii import anyascii  # only where there is such a name

    # Without its vowels زهر would hold a zh: each letter by itself.
    letters = "a".join(map(anyascii, word)) if _WITHOUT_VOWELS.search(word) else anyascii(word)
    return re.sub("[^a-z]", "", letters.casefold())
