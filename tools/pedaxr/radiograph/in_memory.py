"""Films that a program holds in memory: arrays, PIL images, pydicom data sets, and the bytes of files.

Pictures and data sets take the way of a file: the same checks, the same decoder, a digest of the bytes that
were decoded. An array is taken as it is; its digest is that of its values.
"""

import hashlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr.errors import InvalidRequest, UnreadableImage
from pedaxr.radiograph.raster import DECODER_ERRORS, FloatArray, check_size
from pedaxr.radiograph.read import Radiograph
from pedaxr_models.datasets.grey_range import unit_range
from pedaxr_models.datasets.pictures import to_grey

if TYPE_CHECKING:
    from pydicom import Dataset

FilmLike: TypeAlias = Union[str, "os.PathLike[str]", bytes, NDArray[Any], Image.Image, "Dataset", Radiograph]

_ARRAYS = (
    "An array must be (height, width) or (height, width, channels) with 3 or 4 channels, bone bright: uint8, "
    "uint16, or floats from 0 to 1."
)
_FAST = 1  # zlib level: the file lives for one reading
_STORED_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def film_of(given: object) -> Path | bytes | Radiograph:
    """Where a film lies, the bytes of a film file that holds it, or the film itself.

    Args:
        given: a path, the bytes of a file, an array, a PIL image, a pydicom data set, or a film that was
            read before.

    Raises:
        InvalidRequest: it is none of these, or an array of another shape or range.
        UnreadableImage: it is too large for a film, or damaged.
    """
    if isinstance(given, str | os.PathLike):
        return Path(given).expanduser()
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, Radiograph):
        return given
    if isinstance(given, Image.Image):
        return _from_picture(given)
    if (pydicom := sys.modules.get("pydicom")) is not None and isinstance(given, pydicom.Dataset):
        return _from_dataset(given)
    if hasattr(given, "__array__"):
        return _from_array(np.asarray(given))
    raise InvalidRequest(
        f"A film cannot be read from {type(given).__name__}. Give a path, an array, a PIL image, a pydicom "
        "data set or the bytes of a file."
    )


def _from_array(given: NDArray[Any]) -> Radiograph:
    array = given[..., 0] if given.ndim == 3 and given.shape[2] == 1 else given
    is_colour = array.ndim == 3 and array.shape[2] in (3, 4)
    if not (array.ndim == 2 or is_colour) or not array.size:
        raise InvalidRequest(f"The array's shape is {given.shape}. {_ARRAYS}")
    check_size(array.shape[1], array.shape[0])
    unit = _unit(array)
    pixels, colourfulness = to_grey(_opaque(unit)) if is_colour else (unit, 0.0)
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return Radiograph(pixels, colourfulness=colourfulness, sha256=digest.hexdigest())


def _unit(array: NDArray[Any]) -> FloatArray:
    """Samples to [0, 1], as those of a file are: eight bits by their range, more by the bits in use."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if array.dtype.kind not in "fiu":
        raise InvalidRequest(f"The array holds {array.dtype}. {_ARRAYS}")
    most = 1 if array.dtype.kind == "f" else 65535
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= most):
        raise InvalidRequest(f"The array's values leave the range 0 to {most}. {_ARRAYS}")
    return array.astype(np.float32) if most == 1 else unit_range(array.astype(np.uint16))


def _opaque(unit: FloatArray) -> FloatArray:
    """(H, W, 3), what may be seen through on black."""
    return unit[..., :3] * unit[..., 3:] if unit.shape[2] == 4 else unit


def _from_picture(picture: Image.Image) -> bytes | Radiograph:
    """As PNG with its orientation mark: whoever decodes it turns it upright and says so."""
    check_size(*picture.size)
    try:
        if picture.mode in ("F", "I"):
            return _from_array(np.asarray(picture))
        is_stored = picture.mode in _STORED_MODES or picture.mode.startswith("I;16")
        buffer = io.BytesIO()
        kept = picture if is_stored else picture.convert("RGB")
        kept.save(buffer, "PNG", compress_level=_FAST, exif=picture.getexif())
        return buffer.getvalue()
    except DECODER_ERRORS as err:
        raise UnreadableImage(
            "The picture cannot be decoded. Open its file again, or give its path."
        ) from err


def _from_dataset(dataset: "Dataset") -> bytes:
    """As it would be stored. The data set stays as it is: writing one fills in elements of its file."""
    from copy import copy

    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.update(getattr(dataset, "file_meta", {}))
    is_named = bool(meta.get("TransferSyntaxUID"))  # else the decoder sees whether the pixels are plain
    kept, buffer = copy(dataset), io.BytesIO()
    kept.file_meta, kept.preamble = meta, bytes(128)
    encoding = {} if is_named else {"implicit_vr": False, "little_endian": True}
    try:
        dcmwrite(buffer, kept, enforce_file_format=False, **encoding)
    except DECODER_ERRORS as err:
        raise UnreadableImage(
            "The data set cannot be stored as a DICOM file. Give one as pydicom reads it, with its file meta."
        ) from err
    return buffer.getvalue()
