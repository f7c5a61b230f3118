"""Read one film from a file: PNG, JPEG or DICOM, hashed and decoded from the same bytes."""

import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pedaxr.errors import UnreadableImage
from pedaxr.raster import MAX_BYTES, FloatArray, Raster, check_size, to_grey

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_DICM = slice(128, 132)
_UPRIGHT = 1
_ORIENTATION = 0x0112  # EXIF
# All that Pillow, pydicom and its codecs raise on broken files. Nothing here stands for a bug of ours: the
# code inside the seam only calls decoders.
DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class Radiograph(Raster):
    """A film and the proof of which file it came from.

    Attributes:
        sha256: hexadecimal digest of the whole file, over the very bytes that were decoded.
    """

    sha256: str = ""

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])


def read_radiograph(path: Path) -> Radiograph:
    """Read a film, turned upright by EXIF, bone bright.

    Raises:
        UnreadableImage: the file is missing, not a PNG, JPEG or DICOM radiograph, too large, or damaged.
    """
    data = _read_bytes(path)
    raster = _decode(data)
    return Radiograph(
        raster.pixels,
        raster.pixel_spacing_mm,
        raster.metadata,
        raster.notes,
        raster.colourfulness,
        hashlib.sha256(data).hexdigest(),
    )


def read_pixels(path: Path) -> FloatArray:
    """Only the pixels, (H, W) float32 in [0, 1], for those who train: see `pedaxr_models.datasets.pixels`.

    Raises:
        ValueError: whatever `read_radiograph` finds wrong.
    """
    try:
        return read_radiograph(path).pixels
    except UnreadableImage as err:
        raise ValueError(f"The film '{path.name}' cannot be read. {err}") from err


def _read_bytes(path: Path) -> bytes:
    """The file's content; folders, devices and pipes are never opened."""
    try:
        if not path.is_file():
            raise UnreadableImage("There is no such film file. Check the path, or import the film again.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as err:  # ValueError: a path with a null byte
        raise UnreadableImage("The film file cannot be opened. Check its path and permissions.") from err
    if len(data) > MAX_BYTES:
        raise UnreadableImage(
            f"The film file is larger than {MAX_BYTES // 2**20} MB. Export one film per file."
        )
    return data


def _decode(data: bytes) -> Raster:
    if data.startswith((_PNG, _JPEG)):
        return _decode_picture(data)
    if data[_DICM] == b"DICM":
        from pedaxr.dicom import decode_dicom  # pydicom loads with the first DICOM file

        return decode_dicom(data)
    raise UnreadableImage("The file is not a PNG, JPEG or DICOM picture. Export the film as one of these.")


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
    rgba = picture.convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    grey, colourfulness = to_grey(_bytes_to_unit(opaque))
    return Raster(grey, notes=notes, colourfulness=colourfulness)


def _unit_range(
    values: NDArray[np.generic],
) -> FloatArray:
    """16-bit samples to [0, 1] by the fewest bits, 8 or more, that hold them: 12-bit films come in 16."""
    bits = max(8, int(np.max(values)).bit_length())
    return np.asarray(np.clip(np.asarray(values, np.float32) / np.float32(2**bits - 1), 0, 1), np.float32)


def _bytes_to_unit(picture: Image.Image) -> FloatArray:
    return np.asarray(picture, np.float32) / np.float32(255)
