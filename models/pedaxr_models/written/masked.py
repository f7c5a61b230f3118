"""Names of which letters are hidden or left out: 김*준, 김OO, Kim M*****n, KIM^M. Many children have each.

Two films under such a name are not one child's, and a whole name may be meant by it.
"""

import re

from pedaxr_models.written.plain import plain

HIDING = "*○〇◯●◎□■△▲◇◆•"
_MASK = re.compile(rf"(?<=[^\W\d_])[{HIDING}]|[{HIDING}](?=[^\W\d_])")
# The letters O and X, and nought, where people type them for a ring: 김O준, 김oo, 김XX.
_RINGS = re.compile(r"(?<=[가-힣])[oO0xX]+(?=[가-힣]|[^\w]|$)")
_ANY = "\0"
MASK_LETTER = "\u0298"  # a letter that no name holds
# Beside these a letter is a number: Child A, Case B.
_COUNTED = frozenset({"child", "kid", "patient", "pt", "case", "subject", "baby", "twin", "test", "demo"})


def is_masked(name: str) -> bool:
    """Whether a name hides letters, or gives no more of its second word than an initial."""
    return hides_letters(name) or _is_initialled(plain(name))


def hides_letters(name: str) -> bool:
    """Whether signs stand for letters of the name."""
    text = plain(name)
    return bool(_MASK.search(text) or _RINGS.search(text))


def with_mask_letter(name: str) -> str:
    """The name with one and the same letter in place of each hidden run, whatever it was hidden by."""
    return re.sub(rf"[{HIDING}]+", MASK_LETTER, _RINGS.sub(MASK_LETTER, plain(name)))


def pattern_of(name: str) -> re.Pattern[str]:
    """What fits a masked name, in lower case and without spaces: some letters in place of each hidden run."""
    hidden = _hidden(name)
    return re.compile("".join(".+" if part == _ANY else re.escape(part) for part in hidden))


def seen_start(name: str) -> str:
    """What of a masked name stands before the first hidden letter, in lower case and without spaces."""
    return _hidden(name).partition(_ANY)[0]


def fits(one: str, other: str) -> bool:
    """Whether one of two names is masked and the other may be what it hides, as written or masked itself."""
    return any(
        is_masked(mask) and pattern_of(mask).fullmatch(_hidden(whole) if is_masked(whole) else _bare(whole))
        for mask, whole in ((one, other), (other, one))
    )


def _is_initialled(text: str) -> bool:
    words = _words(text)
    whole = [word for word in words if len(word) > 1]
    is_letter = all(word.isalpha() for word in words)
    return len(words) > 1 and len(whole) == 1 and is_letter and text.isascii() and whole[0] not in _COUNTED


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.casefold()) if word]


def _hidden(name: str) -> str:
    text = plain(name).casefold()
    if _is_initialled(text) and not hides_letters(text):
        return "".join(word if len(word) > 1 else word + _ANY for word in _words(text))
    text = _RINGS.sub(_ANY, re.sub(rf"[{HIDING}]+", _ANY, text))
    return re.sub(rf"[^\w{_ANY}]|_", "", text)


def _bare(name: str) -> str:
    return "".join(_words(plain(name)))
