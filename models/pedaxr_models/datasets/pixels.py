"""The pixels of a film file: PNG and JPEG here, DICOM by whichever installed package says that it can.

This package knows no DICOM, so that it trains anywhere. A package that does names its reader under the entry
point group `pedaxr_models.readers`, by the kind of file, as `pedaxr` does with `dicom`.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from PIL import Image

from pedaxr_models.datasets.film import FloatArray
from pedaxr_models.datasets.pictures import grey_of

READERS = "pedaxr_models.readers"
_DICM, _META_START = slice(128, 132), 132
_FIRST_VRS = (b"UL", b"CS", b"UI", b"OB", b"DA", b"SH", b"LO")  # of a group's length, or of what comes first
_LONGEST_FIRST = 64  # bytes of the first value, where no VR stands before its length

Reader = Callable[[Path], FloatArray]


def read_pixels(path: Path) -> FloatArray:
    """A PNG, JPEG or DICOM file as (H, W) float32 in [0, 1], bone bright.

    Raises:
        ValueError: the file cannot be decoded as a picture, or a DICOM file and there is no reader.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise ValueError(f"The film '{path.name}' cannot be read; check the ImagePath column.") from err
    if is_dicom(content):
        return _dicom_reader()(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes: whoever trains has chosen the films
            with Image.open(io.BytesIO(content)) as picture:
                return grey_of(picture, content)[0]
    except (OSError, ValueError, SyntaxError, zlib.error, Image.DecompressionBombError) as err:
        raise ValueError(
            f"'{path.name}' cannot be decoded: it is damaged, or of a kind that is not read. Copy it again, "
            "or convert it to PNG."
        ) from err


def is_dicom(data: bytes) -> bool:
    """Whether this is a DICOM file, also one without the preamble of PS3.10 section 7.1.

    Such a file begins with an element of group 2, or of group 8 where it has no file meta group either.
    """
    if data[_DICM] == b"DICM":
        return True
    group, element, length = struct.unpack_from("<HHI", data) if len(data) > _META_START else (0, 0, 0)
    is_explicit = data[4:6] in _FIRST_VRS
    return element < 0x20 and (
        (group == 2 and is_explicit) or (group == 8 and (is_explicit or length <= _LONGEST_FIRST))
    )


@cache
def _dicom_reader() -> Reader:
    found = list(entry_points(group=READERS, name="dicom"))
    if not found:
        raise ValueError(
            "The film is a DICOM file and no installed package reads these. Install pedaxr with its tools "
            "(pip install pedaxr), or convert the films to PNG."
        )
    return cast(Reader, found[0].load())
