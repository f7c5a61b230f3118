"""What data sets with one JSON label file per film have in common: finding the pairs, reading the JSON."""

import json
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from pedaxr_models.datasets.film import FloatArray
from pedaxr_models.datasets.pixels import is_dicom
from pedaxr_models.datasets.read_report import Rejection, RowError
from pedaxr_models.labels import FINDINGS, NORMAL, Finding
from pedaxr_models.written.numbers import parse_number
from pedaxr_models.written.scripts import decoded_table

PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
_OTHER_PICTURES = (".bmp", ".gif", ".tif", ".tiff", ".webp")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".part0")
TABLES = (".csv", ".tsv")
WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
_BEGINNING = 256  # bytes that show whether a file is DICOM
_LARGEST_LABEL = 16 * 2**20
_UNLIKE = 1.02  # how much the shapes of two copies may differ: sides are whole pixels
_OTHER_SHAPE = (
    "the label file states a picture of another shape than the film; draw on the film itself, as it is shown"
)
_TURNED = (5, 6, 7, 8)  # EXIF orientations in which the picture lies on its side
_ORIENTATION = 0x0112


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Regular files with one of the endings, in any case, in a fixed order."""
    wanted = tuple(suffixes)
    return [path for path in _visible_files(folder) if path.suffix.lower() in wanted]


def pictures_below(folder: Path) -> list[Path]:
    """Pictures by their endings, and DICOM files by their content: archives of films often give them none."""
    return [
        path for path in _visible_files(folder) if path.suffix.lower() in PICTURES or _is_bare_dicom(path)
    ]


def dicom_below(folder: Path) -> list[Path]:
    """DICOM files by their content, but for the list of them (DICOMDIR) that lies on a disc."""
    return [path for path in _visible_files(folder) if begins_as_dicom(path) and not is_disc_list(path)]


def closed_below(folder: Path) -> list[Path]:
    """Folders and files that this user may not open, in a fixed order."""
    refused: list[OSError] = []
    files = [
        Path(where) / name for where, _, names in os.walk(folder, onerror=refused.append) for name in names
    ]
    closed = [path for path in files if not path.is_symlink() and not os.access(path, os.R_OK)]
    return sorted([*closed, *(Path(err.filename) for err in refused)])


def is_disc_list(path: Path) -> bool:
    """Whether a file is the list of a disc's films, by its name (PS3.10 section 8.6)."""
    return path.name.casefold() == "dicomdir"


def unused(folder: Path, used: Iterable[Path]) -> list[Rejection]:
    """What looks like a film, a label, or an archive of them, and none of the `used` files is."""
    seen = set(used)
    found = []
    for path in _visible_files(folder):
        if path not in seen and (reason := _reason_unused(path)):
            found.append(Rejection(None, relative(path, folder), reason))
    return found


def _reason_unused(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix in _OTHER_PICTURES:
        return "the picture is of a kind that is not read; convert it to PNG or DICOM"
    if suffix in ARCHIVES:
        return "the archive is not unpacked"
    if suffix in PICTURES or suffix == ".json" or _is_bare_dicom(path):
        return "the file lies outside the folders of films and labels"
    return None


def _visible_files(folder: Path) -> list[Path]:
    """Regular files in a fixed order, without the copies of metadata that a Mac adds to archives."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not path.name.startswith("._") and "__MACOSX" not in path.parts and path.is_file()
    )


def _is_bare_dicom(path: Path) -> bool:
    """Whether a file of no known ending begins as DICOM does."""
    if path.suffix.lower() in (*PICTURES, *_OTHER_PICTURES, *ARCHIVES, *TABLES, *WORKBOOKS, ".json"):
        return False
    return begins_as_dicom(path)


def begins_as_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does, with a preamble (PS3.10 section 7.1) or without, in any name."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(_BEGINNING))
    except OSError:
        return False


def by_stem(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by file name without a picture's ending: a DICOM file may be called by its UID alone."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found[composed(path.stem if path.suffix.lower() in PICTURES else path.name)].append(path)
    return found


def composed(text: str) -> str:
    """Hangul in composed form: archives unpacked on a Mac spell folder names in single jamo."""
    return unicodedata.normalize("NFC", text)


def read_label(path: Path) -> dict[str, Any]:
    """The object in a label file."""
    try:
        if path.stat().st_size > _LARGEST_LABEL:
            raise RowError("the label file is too large")
        value = json_of(path.read_bytes())
    except (OSError, ValueError, RecursionError) as err:
        if isinstance(err, RowError):
            raise
        raise RowError("the label file is not readable JSON") from err
    if not isinstance(value, dict):
        raise RowError("the label file holds no object")
    return value


def json_of(content: bytes) -> Any:
    """What JSON says, in any encoding of Unicode, or in the Korean one that programs of Windows write.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        read = decoded_table(content)
        if read is None:
            raise
        return json.loads(read[0])


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
    try:
        width, height = (parse_number(str(label.get(side))) for side in ("imageWidth", "imageHeight"))
    except ValueError:
        return None
    return (width, height) if min(width, height) > 0 else None


def picture_size(path: Path) -> tuple[float, float] | None:
    """Width and height of a picture turned upright; None for DICOM, which is not read at this level."""
    if path.suffix.lower() not in PICTURES[:3]:
        return None
    try:
        with Image.open(path) as picture:
            width, height = float(picture.width), float(picture.height)
            # Without "exif" in the header a PNG would be decoded whole to look for it at the end.
            turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION) in _TURNED
            return (height, width) if turned else (width, height)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as err:
        raise RowError("the picture cannot be opened") from err


def rescaled(polygon: FloatArray, drawn_on: tuple[float, float], film: tuple[float, float]) -> FloatArray:
    """Points (n, 2) drawn on a picture of one size, on the film of another.

    Raises:
        RowError: they were drawn on the film lying on its side.
    """
    if drawn_on == film[::-1] != film:
        raise RowError(_OTHER_SHAPE)
    factors = np.array(film, np.float32) / np.array(drawn_on, np.float32)
    return np.asarray(polygon * factors, np.float32)


def enlargement(drawn_on: tuple[float, float], film: tuple[float, float]) -> FloatArray:
    """Factors for x and y that bring what was drawn on a copy of the film on to it; both are width, height.

    Raises:
        RowError: the copy has another shape: it was cropped or turned, and how is not known.
    """
    across, down = np.array(film, np.float32) / np.array(drawn_on, np.float32)
    if not 1 / _UNLIKE < across / down < _UNLIKE:
        raise RowError(_OTHER_SHAPE)
    return np.array([across, down], np.float32)


def labelled_channels(label: str, polygons: dict[Finding, list[FloatArray]]) -> frozenset[str]:
    """A normal film excludes every finding; another says nothing of what it does not outline."""
    return frozenset(finding.value for finding in (FINDINGS if label == NORMAL else polygons))


def without_marks(text: str | None) -> str:
    """Free text without the line-break codes that spreadsheets leave."""
    return " ".join(re.sub(r"_x000d_|\\n|\\r", " ", text or "", flags=re.IGNORECASE).split())


def relative(path: Path, root: Path) -> str:
    """The path as the data set's owner knows it."""
    return path.relative_to(root).as_posix()


def folders_in(folder: Path) -> list[Path]:
    """The folders directly inside, in a fixed order."""
    return sorted(path for path in folder.iterdir() if path.is_dir())
