"""Films as trainings read them: PNG, JPEG and DICOM as they are, TIFF and BMP as a PNG of all their bits."""

import io
import warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pedaxr.errors import InvalidRequest, UnreadableImage
from pedaxr.radiograph.raster import DECODER_ERRORS, MAX_PIXELS
from pedaxr.radiograph.read import Radiograph, read_radiograph

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF 6.0 section 3
_GREY_16 = ("I;16", "I;16B", "I;16L", "I")
_KINDS = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"))


def as_film(data: bytes) -> tuple[bytes, str, Radiograph]:
    """The file to keep, its suffix and the film. Raises InvalidRequest: it cannot be read, or is several."""
    if data.startswith((*_TIFF, b"BM")):
        data = _as_png(data)
    suffix = next((suffix for begin, suffix in _KINDS if data.startswith(begin)), ".dcm")
    try:
        return data, suffix, read_radiograph(data)
    except UnreadableImage as err:
        raise InvalidRequest(f"its picture cannot be read: {err}") from err


def _as_png(data: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("TIFF", "BMP")) as picture:
                if (pages := getattr(picture, "n_frames", 1)) > 1:
                    raise InvalidRequest(f"its TIFF has {pages} pages; save the one that is the film")
                if picture.width * picture.height > MAX_PIXELS:
                    raise InvalidRequest("its picture is larger than any film")
                pixels = _grey(picture)
    except DECODER_ERRORS as err:
        raise InvalidRequest("its picture is damaged, or a TIFF of a kind that is not read") from err
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def _grey(picture: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(H, W), upright, bone bright. Raises InvalidRequest: of numbers that are no greys of 16 bits."""
    tags = getattr(picture, "tag_v2", {})
    upright = ImageOps.exif_transpose(picture)
    if picture.mode not in _GREY_16:
        if picture.mode == "F":
            raise InvalidRequest("its TIFF holds fractions; save it with 8 or 16 bits")
        return np.asarray(upright.convert("L"))
    stored = np.asarray(upright)
    if stored.min() < 0 or stored.max() > np.iinfo(np.uint16).max:
        raise InvalidRequest("its TIFF has more than 16 bits; save it with 8 or 16 bits")
    deep = stored.astype(np.uint16)
    return ~deep if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else deep
