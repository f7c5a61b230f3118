"""Numbers of a DICOM header as they are met: one or several, missing, malformed, with a decimal comma."""

import math
import re
from collections.abc import Iterable

from pydicom import Dataset

_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The values of an element; empty where there is none or any of them is not a finite number.

    Consoles of some countries write decimal strings (VR DS) with a comma, against PS3.5 section 6.2.
    """
    value = dataset.get(keyword)
    if value is None or isinstance(value, bytes):
        return []
    several = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    try:
        found = [float(_with_point(one)) for one in several]
    except (TypeError, ValueError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first of the values of an element, or None."""
    return next(iter(numbers(dataset, keyword)), None)


def _with_point(value: object) -> str:
    """As pydicom leaves what it cannot convert: as it is written."""
    written = str(value)
    return written.replace(",", ".") if _COMMA.fullmatch(written) else written
