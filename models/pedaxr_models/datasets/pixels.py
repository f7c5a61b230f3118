"""The pixels of a film file: PNG and JPEG here, DICOM by whichever installed package says that it can.

This package knows no DICOM, so that it trains anywhere. A package that does names its reader under the entry
point group `pedaxr_models.readers`, by the kind of file, as `pedaxr` does with `dicom`.
"""

import io
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from PIL import Image, ImageOps

from pedaxr_models.datasets.film import FloatArray

READERS = "pedaxr_models.readers"
_DICM = slice(128, 132)
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = 25  # of the byte in a PNG's header (ISO/IEC 15948 section 11.2.2)
_WITH_ALPHA, _GREY = (4, 6), 0

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
    if _is_transparent(content):
        return _on_black(path.name, content)
    encoded = np.frombuffer(content, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH) if encoded.size else None
    if image is None:
        raise ValueError(f"'{path.name}' is not a picture that can be decoded; convert it to PNG.")
    return np.asarray(image / np.float32(_largest(image)), np.float32)


def _largest(image: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    """The largest value of the fewest bits, 8 or more, that hold the picture: 12-bit films come in 16."""
    return int(2 ** max(8, int(image.max()).bit_length()) - 1)


def _is_transparent(content: bytes) -> bool:
    """Whether parts of a PNG may be seen through: an alpha channel, or a colour that stands for nothing."""
    if not content.startswith(_PNG) or len(content) <= _COLOUR_TYPE:
        return False
    kind = content[_COLOUR_TYPE]
    return kind in _WITH_ALPHA or (kind != _GREY and b"tRNS" in content[: content.find(b"IDAT")])


def _on_black(name: str, content: bytes) -> FloatArray:
    """A picture that may be seen through, on black as it is served: OpenCV would show what lies hidden."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            rgba = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise ValueError(f"'{name}' is not a picture that can be decoded; convert it to PNG.") from err
    shown = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    luma = np.asarray(shown, np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
    return np.asarray(luma / np.float32(255), np.float32)


@cache
def _dicom_reader() -> Reader:
    found = list(entry_points(group=READERS, name="dicom"))
    if not found:
        raise ValueError(
            "The film is a DICOM file and no installed package reads these. Install pedaxr with its tools "
            "(pip install pedaxr), or convert the films to PNG."
        )
    return cast(Reader, found[0].load())
