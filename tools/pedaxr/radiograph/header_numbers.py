"""Numbers of a DICOM header as they are met: one or several, missing, malformed, with a decimal comma.

Of those that say how pixels are stored, only what is usual is filled in where they are missing (PS3.3
C.7.6.3): the picture shows whether it fits.
"""

import math
import re
from collections.abc import Callable, Iterable

from pydicom import Dataset

FILLED_IN = "The header leaves out how its pixels are stored: what is usual was taken."
_OF_THE_JPEG = "The header states other pixels than its JPEG picture has: those of the picture were taken."
_BYTE, _DARK_BONE = 8, "MONOCHROME1"  # bits
_TERMS = {
    re.sub(r"[^A-Z0-9]", "", term): term
    for term in (
        *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422"),
        *("YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
    )
}
_COLOURS = 3
_PLANES = "PlanarConfiguration"  # of colour alone
_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The values of an element; empty where there is none or any of them is not a finite number.

    Consoles of some countries write decimal strings (VR DS) with a comma, against PS3.5 section 6.2.
    """
    found = [one for one in each_number(dataset, keyword) if one is not None]
    return found if len(found) == len(each_number(dataset, keyword)) else []


def each_number(dataset: Dataset, keyword: str) -> list[float | None]:
    """The same, with None for each value that is not a finite number."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, bytes) or str(value).strip() == "":
        return []
    several = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return [_finite(one) for one in several]


def _finite(value: object) -> float | None:
    try:
        found = float(_with_point(value))
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first of the values of an element, or None."""
    return next(iter(numbers(dataset, keyword)), None)


def _with_point(value: object) -> str:
    """As pydicom leaves what it cannot convert: as it is written."""
    written = str(value)
    return written.replace(",", ".") if _COMMA.fullmatch(written) else written


def settle_pixel_header(dataset: Dataset) -> tuple[bool, str]:
    """Fill in what is missing, in place.

    Returns:
        Whether the header says if bone is bright, and a note on what was filled in.
    """
    says_polarity, is_whole = _settle_photometric(dataset), True
    for keyword, usual in _USUAL.items():
        if dataset.get(keyword) in (None, "") and (keyword != _PLANES or dataset.SamplesPerPixel != 1):
            setattr(dataset, keyword, usual(dataset))
            is_whole = False
    if not 1 <= int(dataset.BitsStored) <= int(dataset.BitsAllocated):
        dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, int(dataset.BitsAllocated) - 1
        is_whole = False
    return says_polarity, "" if is_whole else FILLED_IN


def settle_to_jpeg(dataset: Dataset, bits: int, samples: int) -> str:
    """Follow a JPEG of 8 bits in a header that still is that of the film before it was compressed, in place.

    Returns:
        A note where the header said otherwise.
    """
    is_other = (dataset.BitsAllocated, dataset.SamplesPerPixel) != (_BYTE, samples)
    if (
        bits != _BYTE
        or not is_other
        or (samples > 1 and str(dataset.PhotometricInterpretation) == _DARK_BONE)
    ):
        return ""  # a colour picture of a film with dark bone may show it either way
    dataset.BitsAllocated = dataset.BitsStored = _BYTE
    dataset.HighBit, dataset.PixelRepresentation = _BYTE - 1, 0
    if samples != dataset.SamplesPerPixel:
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = samples, 0
        dataset.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "YBR_FULL_422"
    return _OF_THE_JPEG


def _settle_photometric(dataset: Dataset) -> bool:
    """Into a term of the standard; a grey picture without one is taken for one with bright bone."""
    written = str(dataset.get("PhotometricInterpretation") or "")
    term = _TERMS.get(re.sub(r"[^A-Z0-9]", "", written.upper()))
    is_grey = int(dataset.get("SamplesPerPixel") or 1) == 1
    dataset.PhotometricInterpretation = term or ("MONOCHROME2" if is_grey else "RGB")
    return term is not None or not is_grey


def _samples(dataset: Dataset) -> int:
    return 1 if str(dataset.PhotometricInterpretation).startswith(("MONO", "PALETTE")) else _COLOURS


def _allocated(dataset: Dataset) -> int:
    """By the length of bare pixels; 0, which is refused, where that fits no depth."""
    count = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    return 8 * (len(dataset.PixelData) // count) if not dataset["PixelData"].is_undefined_length else 0


# In this order: what comes later is reckoned from what comes before.
_USUAL: dict[str, Callable[[Dataset], int]] = {
    "SamplesPerPixel": _samples,
    _PLANES: lambda dataset: 0,
    "PixelRepresentation": lambda dataset: 0,
    "BitsAllocated": _allocated,
    "BitsStored": lambda dataset: int(dataset.BitsAllocated),
    "HighBit": lambda dataset: int(dataset.BitsStored) - 1,
}
