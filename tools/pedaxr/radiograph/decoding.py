"""Bytes of a film file to a raster, in whichever process this runs; nothing here is ours to trust."""

import io
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.file_headers import check_header
from pedaxr.radiograph.raster import DECODER_ERRORS, FloatArray, Raster, check_size, to_grey

_UPRIGHT = 1
_ORIENTATION = 0x0112  # EXIF
_STRIP = 256  # rows that are in memory as three floats a pixel at a time


def decode(data: bytes) -> Raster:
    """The picture of a PNG, JPEG or DICOM file, turned upright by EXIF, bone bright.

    Raises:
        UnreadableImage: of another kind, too large, damaged, or in need of more memory than there is.
    """
    if check_header(data) != "dicom":
        return _decode_picture(data)
    from pedaxr.radiograph.dicom import decode_dicom  # pydicom loads with the first DICOM file

    return decode_dicom(data)


def _decode_picture(data: bytes) -> Raster:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that check_size refuses
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
                check_size(*picture.size)
                return _upright_raster(picture, data)
    except DECODER_ERRORS as err:
        raise UnreadableImage(
            "The picture is damaged or incomplete: it cannot be decoded. Copy or export the film again."
        ) from err


def _upright_raster(picture: Image.Image, data: bytes) -> Raster:
    picture.load()
    if picture.format == "PNG":
        # Decoding tolerates wrong checksums; only verify, on a handle of its own, looks at them.
        with Image.open(io.BytesIO(data), formats=("PNG",)) as second:
            second.verify()
    turned = picture.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT
    notes = ("The file's orientation mark was followed.",) if turned else ()
    return _raster_of(ImageOps.exif_transpose(picture), notes)


def _raster_of(picture: Image.Image, notes: tuple[str, ...]) -> Raster:
    if picture.mode.startswith("I"):  # 16-bit grey
        return Raster(_unit_range(np.asarray(picture)), notes=notes)
    if picture.mode in ("1", "L"):
        return Raster(_bytes_to_unit(picture.convert("L")), notes=notes)
    grey = np.empty((picture.height, picture.width), np.float32)
    colourful = 0.0
    for top, strip in _strips(picture):
        grey[top : top + strip.height], share = to_grey(_bytes_to_unit(_opaque(strip)))
        colourful += share * strip.height
    return Raster(grey, notes=notes, colourfulness=colourful / picture.height)


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """First row and strip, from top to bottom."""
    for top in range(0, picture.height, _STRIP):
        yield top, picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))


def _opaque(picture: Image.Image) -> Image.Image:
    """On black, as (H, W) RGB."""
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")


def _unit_range(
    values: NDArray[np.generic],
) -> FloatArray:
    """16-bit samples to [0, 1] by the fewest bits, 8 or more, that hold them: 12-bit films come in 16."""
    bits = max(8, int(np.max(values)).bit_length())
    return np.asarray(np.clip(np.asarray(values, np.float32) / np.float32(2**bits - 1), 0, 1), np.float32)


def _bytes_to_unit(picture: Image.Image) -> FloatArray:
    return np.asarray(picture, np.float32) / np.float32(255)
