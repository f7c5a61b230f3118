"""Names in a Windows set under the declaration of the ISO set of the same script.

Both have the same letters at other bytes, so that one name's bytes are another name in the other set. How
common the letters are tells them apart, and where capitals stand.
"""

import re
import unicodedata
from itertools import pairwise

# By Python's name of a declared set: its script, and in what else such names come.
_DECLARED = {
    "iso_ir_126": ("GREEK", ("cp1253",)),
    "iso_ir_127": ("ARABIC", ("cp1256",)),
    "iso_ir_144": ("CYRILLIC", ("cp1251", "koi8_r")),
}
_BY_WEIGHT = {
    3: "аеиноро" + "املي",
    2: "влркстмд" + "دنرحعو",
    1: "яугпйбз" + "هسبتةأ",
    -2: "ъэщцыьюф" + "ظثذضئؤء",
}
_WEIGHTS = {letter: weight for weight, letters in _BY_WEIGHT.items() for letter in letters}
_STRANGE = 6  # weight taken for what is no letter of the script, or a capital inside a word
_SMALL = 2  # for a name that begins with a small letter
_DOUBT = 0.75  # readings as near as this may both be meant


def likelier_of_script(data: bytes, declared: str) -> tuple[str, str] | None:
    """Text and encoding of bytes: as declared, unless another set of the script gives a likelier name.

    Args:
        data: without escape sequences.
        declared: Python's name of the declared set; of those that have no such other set, nothing is given.
    """
    if declared not in _DECLARED:
        return None
    own, *others = _readings(data, declared)
    best = max(others)
    return best[1:] if best[0] > own[0] else own[1:]


def is_doubtful(data: bytes, declared: str) -> bool:
    """Whether another set of the script gives a name nearly as likely as the declared one."""
    if declared not in _DECLARED:
        return False
    (own, _, _), *others = _readings(data, declared)
    return max(others)[0] > max(own - _DOUBT, 0.0)


def _readings(data: bytes, declared: str) -> list[tuple[float, str, str]]:
    """Weight, text and encoding of each reading, as declared first."""
    script, others = _DECLARED[declared]
    texts = ((data.decode(name, "replace"), name) for name in (declared, *others))
    return [(_weight(text, script), text, name) for text, name in texts]


def _weight(text: str, script: str) -> float:
    """How common its letters are, on average; below 0 where it is hardly a name of the script."""
    letters = [char for char in text if not char.isascii()]
    if not letters:
        return 0.0
    strange = sum(not (char.isalpha() and unicodedata.name(char, "").startswith(script)) for char in letters)
    strange += sum(a.islower() and b.isupper() for a, b in pairwise(text))
    small = any(part[0].islower() for part in re.split(r"[\s^=]+", text) if part)
    common = sum(_WEIGHTS.get(char.lower(), 0) for char in letters)
    return common / len(letters) - _STRANGE * strange - _SMALL * small
