"""The text of a DICOM header: the character set that it declares is tried against its bytes."""

import struct

from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from pedaxr_models.written.scripts import KOREAN, UTF8, WESTERN, decoded, is_hangul

READ_AS_KOREAN = "The header's Korean text is not declared as such; it was read as Korean."
READ_AS_WESTERN = (
    "The header's text does not fit the character set that it declares; it was read as Western European."
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
    if encoding is None or text.isascii() or encoding in _declared(dataset):
        return ""
    if any(map(is_hangul, text)):
        return READ_AS_KOREAN
    return READ_AS_WESTERN if _declared(dataset) else ""


def mend_decimal_commas(dataset: Dataset) -> None:
    """Decimal strings with a comma, as devices of some countries write them, into those of the standard."""
    for tag in list(dataset.keys()):
        item = dataset.get_item(tag)
        if isinstance(item, RawDataElement) and item.value and b"," in item.value and _vr(item) == "DS":
            dataset[tag] = item._replace(value=item.value.replace(b",", b"."))


def _vr(item: RawDataElement) -> str:
    if item.VR is not None:
        return str(item.VR)
    try:
        return str(dictionary_VR(BaseTag(item.tag)))
    except (KeyError, struct.error):
        return ""


def _read(dataset: Dataset, keyword: str) -> tuple[str, str | None]:
    """The text, and the encoding it was read by; None where the declared one was not doubted."""
    if keyword not in dataset:
        return "", None
    item = dataset.get_item(keyword)
    if isinstance(item, RawDataElement) and isinstance(item.value, bytes):
        data = item.value.rstrip(b" \0")
        declared = _declared(dataset)
        if (
            _ESCAPE not in data
            and not data.isascii()
            and (declared is None or set(declared) <= _DOUBTED_SETS)
        ) and (read := decoded(data, first=declared or ())):
            return read
    value = dataset.get(keyword)
    return "" if value is None else str(value), None


_DOUBTED_SETS = frozenset(_SETS.get(name, name) for name in _DOUBTED)


def _declared(dataset: Dataset) -> tuple[str, ...]:
    """Python's names of the declared sets; of none, and of unknown terms, nothing."""
    value = dataset.get("SpecificCharacterSet")
    terms = [value] if isinstance(value, str) else list(value or ())
    names = (python_encoding.get(term.strip()) for term in terms if term.strip())
    return tuple(_SETS.get(name, name) for name in names if name)
