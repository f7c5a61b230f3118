"""Text whose bytes are declared wrongly or not at all: the reading that gives Hangul or Latin names wins."""

import codecs
import itertools
import re
import unicodedata
from collections.abc import Iterable

KOREAN, WESTERN, UTF8 = "cp949", "cp1252", "utf-8"
_WORD = re.compile(r"[^\s^=\\/,;:()\[\]\"'|<>]+")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def is_hangul(char: str) -> bool:
    """Whether `char` is one precomposed Hangul syllable."""
    return "\uac00" <= char <= "\ud7a3"


def likely_words(text: str) -> tuple[int, int]:
    """How many words beyond ASCII look like Hangul or Latin names and terms, and how many do not."""
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    if any(map(is_hangul, text)):  # Chinese signs beside Hangul are the same name in another group
        words = [word for word in words if not all(map(_is_hanja, word))]
    good = sum(_is_likely(word) for word in words)
    return good, len(words) - good


def is_likely(text: str) -> bool:
    """Whether every word beyond ASCII may be Hangul or Latin."""
    return likely_words(text)[1] == 0


def _is_likely(word: str) -> bool:
    if any(map(is_hangul, word)):
        return _is_likely_hangul(word)
    letters = [char for char in word if not char.isdigit() and char not in "-.·'’`_#&+%~*?!@$°²³µ±×"]
    if not all(unicodedata.name(char, "").startswith("LATIN") for char in letters):
        return False
    accented = [char for char in letters if not char.isascii()]
    shouted_inside = any(b.isupper() and not b.isascii() and a.islower() for a, b in itertools.pairwise(word))
    has_signs = len(accented) > 0 and any(char in "°²³µ±×" for char in word)
    return 2 * len(accented) <= len(letters) and not shouted_inside and not has_signs


def _is_likely_hangul(word: str) -> bool:
    """Syllables of everyday Korean (KS X 1001) that contain no lower-case Latin letter."""
    hangul = "".join(filter(is_hangul, word))
    rare = sum(not _is_everyday(char) for char in hangul)
    others = [char for char in word if not is_hangul(char)]
    if any(not char.isascii() and char.isalpha() and not _is_hanja(char) for char in others):
        return False
    is_mixed = any(
        (a.islower() and is_hangul(b)) or (is_hangul(a) and b.islower()) for a, b in itertools.pairwise(word)
    )
    return not is_mixed and 2 * rare < len(hangul)


def _is_everyday(syllable: str) -> bool:
    try:
        return len(syllable.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


def _is_hanja(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"


def decoded(data: bytes, *, first: Iterable[str] = ()) -> tuple[str, str] | None:
    """Text and encoding of bytes: UTF-8 where they are, else whichever reading looks like names.

    Args:
        data: without escape sequences.
        first: encodings that are believed before the others where they give likely words.

    Returns:
        None when no reading does, and none of `first` can be made at all.
    """
    declared = [(text, name) for name in first if (text := _strictly(data, name)) is not None]
    if (text := _strictly(data, UTF8)) is not None:
        return text, UTF8
    for text, name in declared:
        if is_likely(text):
            return text, name
    others = [(text, name) for name in (KOREAN, WESTERN) if (text := _strictly(data, name)) is not None]
    for text, name in others:
        good, bad = likely_words(text)
        if good > bad or (good and good == bad and not declared):
            return text, name
    return declared[0] if declared else None


def decoded_table(data: bytes) -> tuple[str, str] | None:
    """Text and encoding of a whole table: by its byte order mark, as UTF-8 or UTF-16, Korean or Western."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = _strictly(data, name)
            return None if text is None else (text, name)
    if wide := _wide(data):
        return wide
    if (text := _strictly(data, UTF8)) is not None:
        return text, UTF8
    readings = [
        (bad - good, place, text, name)
        for place, name in enumerate((KOREAN, WESTERN))
        if (text := _strictly(data, name)) is not None
        for good, bad in [likely_words(text)]
    ]
    if not readings:
        return None
    unlikely, _, text, name = min(readings, key=lambda row: row[:2])
    return None if unlikely > 0 or (name == WESTERN and unlikely == 0) else (text, name)


def _wide(data: bytes) -> tuple[str, str] | None:
    """UTF-16 without a mark: every other byte of its ASCII is nought."""
    head = data[:4096]
    noughts = [head[half::2].count(0) for half in (0, 1)]
    if max(noughts) * 4 < len(head) // 2 or max(noughts) <= 4 * min(noughts):
        return None
    name = "utf-16-be" if noughts[0] > noughts[1] else "utf-16-le"
    text = _strictly(data, name)
    return None if text is None else (text, name)


def mended(text: str) -> str | None:
    """Hangul that was read as Western text, `È«±æµ¿` for 홍길동; None when the text is none such."""
    if text.isascii() or is_likely(text):
        return None
    for western in ("latin-1", WESTERN):
        try:
            data = text.encode(western)
        except UnicodeEncodeError:
            continue
        read = decoded(data)
        if read and read[1] in (KOREAN, UTF8) and is_likely(read[0]) and read[0] != text:
            return read[0]
    return None


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
