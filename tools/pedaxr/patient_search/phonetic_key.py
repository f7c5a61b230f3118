"""One rough spelling for all Latin spellings of a sound, so that a misspelt name is near its own.

The Revised Romanisation, McCune-Reischauer and passport habits differ in few letters: g/k, d/t, b/p, j/ch,
r/l, and the back vowels eo/u/o/oo. Folding these leaves a key by which the search index finds similar names
across scripts. It does not prove that two names are the same; `pedaxr.patient_search.name_matching` decides
that.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from pedaxr.patient_search import hangul

# Longest first within a first letter. `ng` is left as n and k, as `Mingi` and `Minki` may be one name.
_SOUNDS = {
    **dict.fromkeys(("tch", "ch", "jj", "j", "z"), "c"),
    **dict.fromkeys(("sh", "ss", "s", "x"), "s"),
    **dict.fromkeys(("kk", "kh", "gg", "ck", "k", "g", "q", "c"), "k"),
    **dict.fromkeys(("tt", "th", "dd", "t", "d"), "t"),
    **dict.fromkeys(("pp", "ph", "bb", "p", "b", "f", "v"), "p"),
    **dict.fromkeys(("ll", "l", "r"), "l"),
    **dict.fromkeys(("nn", "n"), "n"),
    **dict.fromkeys(("mm", "m"), "m"),
    **dict.fromkeys(("yeo", "weo", "woo", "yoo", "you", "eo", "eu", "ou", "oo", "yo", "yu", "wo", "wu"), "o"),
    **dict.fromkeys(("o", "u"), "o"),
    **dict.fromkeys(("yae", "wae", "ae", "ai", "ei", "ye", "we", "oe", "oi", "e"), "e"),
    **dict.fromkeys(("wee", "eui", "ui", "wi", "ee", "i", "y"), "i"),
    **dict.fromkeys(("ya", "wa", "oa", "a"), "a"),
    "h": "h",
    "w": "",
}
_SOUND = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_SILENT_H = re.compile(r"(?<=[aeiouy])h(?![aeiouwy])")


@lru_cache(maxsize=8192)
def skeleton(latin: str) -> str:
    """The rough spelling of an unspaced lower-case Latin word; other characters stay as they are."""
    return _SOUND.sub(lambda found: _SOUNDS[found.group()], _SILENT_H.sub("", latin))


def surname_cuts(word: str) -> Iterator[tuple[str, str]]:
    """Each way to read an unspaced Latin name as a Hangul surname, by its spellings, and a given name.

    The surname may stand first or last: `leeseoyeon` and `seoyeonlee` both give 이 and `seoyeon`.
    """
    for end in range(1, min(len(word), hangul.LONGEST_SURNAME + 1)):
        for surname in hangul.surnames_spelled(word[:end]):
            yield surname, word[end:]
        for surname in hangul.surnames_spelled(word[-end:]):
            yield surname, word[:-end]
