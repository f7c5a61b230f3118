"""The text of a DICOM header: the character set that it declares is tried against its bytes."""

import re
import struct
import unicodedata

from pydicom import Dataset, Sequence
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from pedaxr_models.written.scripts import KOREAN, UTF8, WESTERN, decoded, is_hangul
from pedaxr_models.written.windows_sets import is_doubtful, likelier_of_script

READ_AS_KOREAN = "The header's Korean text is not declared as such; it was read as Korean."
READ_AS_WESTERN = (
    "The header's text does not fit the character set that it declares; it was read as Western European."
)
READ_AS_UTF8 = "The header's text does not fit the character set that it declares; it was read as UTF-8."
READ_AS_TWIN = (
    "The header's text is hardly in the character set that it declares; it was read in another of the same "
    "script: check the name."
)
TWIN_POSSIBLE = (
    "The header's text may be in another character set of the same script than it declares: check the name."
)
UNREADABLE = "Part of the header's text cannot be read in any character set: check whose film it is."
_LOST = "\ufffd"
_ESCAPE = b"\x1b"
# Declared by habit, whatever the bytes are: none, Latin 1 to 9, Korean, UTF-8. Others are believed.
_DOUBTED = frozenset(
    {"ascii", "iso8859", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_9", "iso8859_15"}
    | {"euc_kr", "UTF8", "utf_8"}
)
_SETS = {"euc_kr": KOREAN, "iso8859": WESTERN, "latin_1": WESTERN, "UTF8": UTF8, "utf_8": UTF8}


def header_text(dataset: Dataset, keyword: str) -> str:
    """An element as text; empty when it is missing."""
    return _read(dataset, keyword)[0]


def misread_note(dataset: Dataset, keyword: str) -> str:
    """What to say of an element that was read otherwise than its header declares; else nothing."""
    text, encoding = _read(dataset, keyword)
    if _LOST in text:
        return UNREADABLE
    if encoding is None or text.isascii():
        return ""
    if encoding in _declared(dataset):
        return TWIN_POSSIBLE if is_doubtful(_raw(dataset, keyword), encoding) else ""
    if any(map(is_hangul, text)):
        return READ_AS_KOREAN
    return _not_declared(encoding) if _declared(dataset) else ""


def _not_declared(encoding: str) -> str:
    known = {UTF8: READ_AS_UTF8, WESTERN: READ_AS_WESTERN}
    return known.get(encoding, READ_AS_TWIN)


def mend_decimal_commas(dataset: Dataset) -> None:
    """Numbers as text with a comma, as devices of some countries write them, into those of the standard."""
    for tag in list(dataset.keys()):
        item = dataset.get_item(tag)
        if (
            isinstance(item, RawDataElement)
            and item.value
            and b"," in item.value
            and _vr(item) in ("DS", "IS")
        ):
            dataset[tag] = item._replace(value=item.value.replace(b",", b"."))


def _vr(item: RawDataElement) -> str:
    if item.VR is not None:
        return str(item.VR)
    try:
        return str(dictionary_VR(BaseTag(item.tag)))
    except (KeyError, struct.error):
        return ""


def _read(dataset: Dataset, keyword: str) -> tuple[str, str | None]:
    """The text, and the encoding it was read by; None where the declared one was not doubted.

    A name with signs that no name has is none: it is lost.
    """
    text, encoding = _as_likely(dataset, keyword)
    is_odd = _is_odd_name(text) or (encoding not in (None, UTF8) and _NO_PLAIN_LETTER.search(text))
    return (_LOST, None) if keyword == "PatientName" and is_odd else (text, encoding)


def _is_odd_name(text: str) -> bool:
    if any(map(is_hangul, text)):
        return _MIXED.search(text) is not None
    signs = (char for char in text if "\x80" <= char < "\u2600" and char not in "‘’´·")  # not a clinic's ★
    return any(unicodedata.category(char) in _NO_LETTER for char in signs)


def _as_likely(dataset: Dataset, keyword: str) -> tuple[str, str | None]:
    if keyword not in dataset:
        return "", None
    data = _raw(dataset, keyword)
    if data and (read := _doubted(data, _declared(dataset))):
        return read
    return _UNUSED.sub(_LOST, _as_written(dataset.get(keyword))), None


def _as_written(value: object) -> str:
    """A value as text. A backslash parts it in several against the header's rules: it stays a part of it."""
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    if isinstance(value, bytes):  # of a VR that is not one of text
        return value.rstrip(b" \0").decode("ascii", "replace")
    return "" if value is None or isinstance(value, Sequence) else str(value)


def _raw(dataset: Dataset, keyword: str) -> bytes:
    """An element's bytes that a set must be known for; none where they say it themselves, or are ASCII."""
    item = dataset.get_item(keyword) if keyword in dataset else None
    if not isinstance(item, RawDataElement) or not isinstance(item.value, bytes):
        return b""
    return b"" if _ESCAPE in item.value or item.value.isascii() else item.value.rstrip(b" \0")


def _doubted(data: bytes, declared: tuple[str, ...]) -> tuple[str, str] | None:
    """Bytes as what they are likely to be; None where the declared set is believed."""
    if set(declared) <= _DOUBTED_SETS:
        return decoded(data, first=(*declared, *(["cp1250"] if "iso8859_2" in declared else [])))
    try:
        text = data.decode(UTF8)
    except UnicodeDecodeError:
        return likelier_of_script(data, "".join(declared))
    scripts = {script for name in declared for script in _SCRIPTS.get(name, ())}
    names = (unicodedata.name(char, "") for char in text if not char.isascii() and char.isalpha())
    return (text, UTF8) if any(name.startswith(tuple(scripts)) for name in names) else None


# Of sets that are believed, the letters that UTF-8 would have to give to be the truth.
_SCRIPTS = {
    **{"iso_ir_126": ("GREEK",), "iso_ir_127": ("ARABIC",), "iso_ir_138": ("HEBREW",)},
    **{"iso_ir_144": ("CYRILLIC",), "iso_ir_148": ("LATIN",), "iso_ir_166": ("THAI",)},
    **dict.fromkeys(("GB18030", "GBK", "GB2312", "iso_ir_58"), ("CJK",)),
    **dict.fromkeys(("shift_jis", "iso2022_jp", "iso2022_jp_2"), ("CJK", "HIRAGANA", "KATAKANA")),
}
# A Korean name is written in Hangul or in Chinese characters: both in one word are bytes of another set.
_MIXED = re.compile("[\uac00-\ud7a3][\u4e00-\u9fff\uf900-\ufaff]|[\u4e00-\u9fff\uf900-\ufaff][\uac00-\ud7a3]")
# A word in which every letter has an accent is in no Western set: it is Chinese characters of another one.
_NO_PLAIN_LETTER = re.compile(r"(?<![\w.])[\u00c0-\u024f]{2,}(?![\w.])")
_NO_LETTER = frozenset({"Sm", "Sc", "Sk", "So", "No", "Pi", "Pf"})
_UNUSED = re.compile("[\x80-\x9f]+")  # no letters of any set that was read
_DOUBTED_SETS = frozenset(_SETS.get(name, name) for name in _DOUBTED)


def _declared(dataset: Dataset) -> tuple[str, ...]:
    """Python's names of the declared sets; of none, and of unknown terms, nothing."""
    value = dataset.get("SpecificCharacterSet")
    terms = [value] if isinstance(value, str) else list(value or ())
    names = (python_encoding.get(term.strip()) for term in terms if term.strip())
    return tuple(_SETS.get(name, name) for name in names if name)
