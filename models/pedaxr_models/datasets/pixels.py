"""The pixels of a film file: PNG and JPEG here, DICOM by whichever installed package says that it can.

This package knows no DICOM, so that it trains anywhere. A package that does names its reader under the entry
point group `pedaxr_models.readers`, by the kind of file, as `pedaxr` does with `dicom`.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from pedaxr_models.datasets.film import FloatArray

READERS = "pedaxr_models.readers"
_DICM = slice(128, 132)

Reader = Callable[[Path], FloatArray]


def read_pixels(path: Path) -> FloatArray:
    """A PNG, JPEG or DICOM file as (H, W) float32 in [0, 1], bone bright.

    Raises:
        ValueError: the file is no picture that can be decoded, or a DICOM file and there is no reader.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise ValueError(f"The film '{path.name}' cannot be read; check the ImagePath column.") from err
    if content[_DICM] == b"DICM":
        return _dicom_reader()(path)
    encoded = np.frombuffer(content, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH) if encoded.size else None
    if image is None:
        raise ValueError(f"'{path.name}' is not a picture that can be decoded; convert it to PNG.")
    return np.asarray(image / np.float32(_largest(image)), np.float32)


def _largest(image: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    """The largest value of the fewest bits, 8 or more, that hold the picture: 12-bit films come in 16."""
    return int(2 ** max(8, int(image.max()).bit_length()) - 1)


@cache
def _dicom_reader() -> Reader:
    found = list(entry_points(group=READERS, name="dicom"))
    if not found:
        raise ValueError(
            "The film is a DICOM file and no installed package reads these. Install pedaxr with its tools "
            "(pip install pedaxr), or convert the films to PNG."
        )
    return cast(Reader, found[0].load())
