"""How likely one wrong letter is, by where the keys lie: two-set Korean keyboard and QWERTY.

Of names that are all one letter away, those by a neighbouring key, a swap or a doubled letter come first.
"""

from collections.abc import Sequence

_ROWS = (
    ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
    ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
)
_SHIFTED = dict(zip("ㄲㄸㅃㅆㅉㅒㅖ", "ㄱㄷㅂㅅㅈㅐㅔ", strict=True))
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


def likely_slip(a: str, b: str) -> float:
    """From 0 to 1, how usual the one edit between two words is; 0 when it is more than one."""
    if len(a) > len(b):
        a, b = b, a
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(b) == len(a) + 1 and a[start:] == b[start + 1 :]:
        return 1.0 if b[start] in b[:start][-1:] + b[start + 1 :][:1] else 0.6
    if len(a) != len(b):
        return 0.0
    if a[start + 1 :] == b[start + 1 :]:
        return _wrong_key(a[start], b[start]) if start < len(a) else 0.0
    swapped = a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]
    return 1.0 if swapped else 0.0


def _wrong_key(a: str, b: str) -> float:
    """Of typing one letter for the other."""
    if _SHIFTED.get(a, a) == _SHIFTED.get(b, b) or a in _DIPHTHONGS.get(b, "") or b in _DIPHTHONGS.get(a, ""):
        return 1.0
    return 0.9 if b in _NEIGHBOURS.get(a, "") else 0.2
