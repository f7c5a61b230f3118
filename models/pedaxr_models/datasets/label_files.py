"""What data sets with one JSON label file per film have in common: finding the pairs, reading the JSON."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from pedaxr_models.datasets.film import FloatArray
from pedaxr_models.datasets.outcome import RowError
from pedaxr_models.labels import FINDINGS, NORMAL, Finding

PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
_LARGEST_LABEL = 16 * 2**20


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Regular files with one of the endings, in any case, in a fixed order."""
    wanted = tuple(suffixes)
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())


def by_stem(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by file name without ending."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[composed(path.stem)].append(path)
    return found


def composed(text: str) -> str:
    """Hangul in composed form: archives unpacked on a Mac spell folder names in single jamo."""
    return unicodedata.normalize("NFC", text)


def read_label(path: Path) -> dict[str, Any]:
    """The object in a label file, UTF-8 with or without BOM."""
    try:
        if path.stat().st_size > _LARGEST_LABEL:
            raise RowError("the label file is too large")
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as err:
        if isinstance(err, RowError):
            raise
        raise RowError("the label file is not readable JSON") from err
    if not isinstance(value, dict):
        raise RowError("the label file holds no object")
    return value


def shapes_of(label: dict[str, Any]) -> list[Any]:
    """The list of shapes; empty when there is none."""
    shapes = label.get("shapes") or []
    if not isinstance(shapes, list):
        raise RowError("shapes is not a list")
    return shapes


def mapping(value: Any) -> dict[str, Any]:
    """The value when it is an object, else an empty one: whole sections may be null."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str | None:
    """A string or number as text; None for null and empty."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return text or None


def stated_size(label: dict[str, Any]) -> tuple[float, float] | None:
    """Width and height that the label file states, when they are usable."""
    width, height = label.get("imageWidth"), label.get("imageHeight")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return float(width), float(height)
    return None


def picture_size(path: Path) -> tuple[float, float] | None:
    """Width and height from a picture's header; None for DICOM, which is not read at this level."""
    if path.suffix.lower() not in PICTURES[:3]:
        return None
    try:
        with Image.open(path) as picture:
            return float(picture.width), float(picture.height)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as err:
        raise RowError("the picture cannot be opened") from err


def rescaled(polygon: FloatArray, drawn_on: tuple[float, float], film: tuple[float, float]) -> FloatArray:
    """Points (n, 2) drawn on a picture of one size, on the film of another."""
    factors = np.array(film, np.float32) / np.array(drawn_on, np.float32)
    return np.asarray(polygon * factors, np.float32)


def labelled_channels(label: str, polygons: dict[Finding, list[FloatArray]]) -> frozenset[str]:
    """A normal film excludes every finding; another says nothing of what it does not outline."""
    return frozenset(finding.value for finding in (FINDINGS if label == NORMAL else polygons))


def without_marks(text: str | None) -> str:
    """Free text without the line-break codes that spreadsheets leave."""
    return " ".join(re.sub(r"_x000d_|\\n|\\r", " ", text or "", flags=re.IGNORECASE).split())


def relative(path: Path, root: Path) -> str:
    """The path as the data set's owner knows it."""
    return path.relative_to(root).as_posix()


def walk(folder: Path, depth: int) -> Iterator[Path]:
    """The folder and those below it, down to `depth`."""
    yield folder
    if depth:
        for child in sorted(path for path in folder.iterdir() if path.is_dir()):
            yield from walk(child, depth - 1)
