"""How likely one wrong letter is, by where the keys lie: two-set Korean keyboard and QWERTY.

Of names that are all one letter away, those by a neighbouring key, a swap or a doubled letter come first.
"""

import re
from collections.abc import Sequence

from pedaxr.patient_search import hangul

_ROWS = (
    ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
    ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
)
_SHIFTED = dict(zip("ㄲㄸㅃㅆㅉㅒㅖ", "ㄱㄷㅂㅅㅈㅐㅔ", strict=True))
_DOUBLED = {letter: doubled for doubled, letter in _SHIFTED.items()}
_DIPHTHONGS = {
    "ㅘ": "ㅗㅏ",
    "ㅙ": "ㅗㅐ",
    "ㅚ": "ㅗㅣ",
    "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅔ",
    "ㅟ": "ㅜㅣ",
    "ㅢ": "ㅡㅣ",
}


def _neighbours(rows: Sequence[str]) -> dict[str, str]:
    at = {key: (row, column) for row, keys in enumerate(rows) for column, key in enumerate(keys)}
    return {
        key: "".join(o for o, (r, c) in at.items() if o != key and abs(r - row) <= 1 and abs(c - column) <= 1)
        for key, (row, column) in at.items()
    }


# The keys around each key.
KOREAN_KEYS, LATIN_KEYS = map(_neighbours, _ROWS)
_NEIGHBOURS = {**KOREAN_KEYS, **LATIN_KEYS}

_LETTERS = dict(zip("".join(_ROWS[1]), "".join(_ROWS[0]), strict=True))
_LETTERS |= {key.upper(): _DOUBLED.get(letter, letter) for key, letter in _LETTERS.items()}
_SINGLE = {pair: diphthong for diphthong, pair in _DIPHTHONGS.items()}
_SYLLABLE = re.compile(rf"([{hangul.ONSETS}])([{hangul.NUCLEI}])([ㄱ-ㅎ](?![{hangul.NUCLEI}]))?")


def typed_in_hangul(keys: str) -> str | None:
    """What these keys of an English keyboard make on a Korean one, as `rlaalswns` makes 김민준.

    None where that is not syllables alone.
    """
    if not all(key in _LETTERS for key in keys):
        return None
    letters = re.sub(
        "|".join(_SINGLE), lambda pair: _SINGLE[pair.group()], "".join(_LETTERS[key] for key in keys)
    )
    syllables = [found.groups(default="") for found in _SYLLABLE.finditer(letters)]
    if "".join(map("".join, syllables)) != letters or any(
        coda and coda not in hangul.CODAS for *_, coda in syllables
    ):
        return None
    return "".join(hangul.compose(*parts) for parts in syllables) or None


def likely_slip(typed: str, meant: str) -> float:
    """From 0 to 1, how likely the one edit is that makes one word of the other; 0 when it is more than one.

    A key missed, struck twice, or swapped with the next is one slip at each place, a neighbouring key one of
    half a dozen, any other key one of some twenty: as many names are that far away. Of a key that is to be
    struck twice either stroke may be missed.
    """
    longer, shorter = (typed, meant) if len(typed) > len(meant) else (meant, typed)
    start = next((at for at, (x, y) in enumerate(zip(longer, shorter, strict=False)) if x != y), len(shorter))
    if len(longer) == len(shorter) + 1 and shorter[start:] == longer[start + 1 :]:
        return _missed_key(meant, start) if longer is meant else _extra_key(typed, start)
    if len(longer) != len(shorter):
        return 0.0
    if typed[start + 1 :] == meant[start + 1 :]:
        return _wrong_key(typed[start], meant[start]) if start < len(typed) else 0.0
    is_swapped = typed[start : start + 2] == meant[start : start + 2][::-1]
    return 1.0 if is_swapped and typed[start + 2 :] == meant[start + 2 :] else 0.0


def _missed_key(meant: str, at: int) -> float:
    """Of not striking a key."""
    return 1.0 if meant[at] in meant[max(at - 1, 0) : at] + meant[at + 1 : at + 2] else 0.9


def _extra_key(typed: str, at: int) -> float:
    """Of striking a key too many."""
    beside = typed[max(at - 1, 0) : at] + typed[at + 1 : at + 2]
    if typed[at] in beside:
        return 0.9
    return 0.5 if any(typed[at] in _NEIGHBOURS.get(key, "") for key in beside) else 0.2


def _wrong_key(typed: str, meant: str) -> float:
    """Of typing one letter for the other."""
    if _SHIFTED.get(typed, typed) == _SHIFTED.get(meant, meant):
        return 1.0
    if typed in (keys := _DIPHTHONGS.get(meant, "")):
        return _missed_key(keys, 1 - keys.index(typed))
    if meant in (keys := _DIPHTHONGS.get(typed, "")):
        return _extra_key(keys, 1 - keys.index(meant))
    return 0.7 if typed in _NEIGHBOURS.get(meant, "") else 0.3
