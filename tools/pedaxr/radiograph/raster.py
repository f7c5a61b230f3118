"""A decoded picture, whatever file it came from, and the limits every decoder keeps."""

import struct
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.orientation import Stored
from pedaxr_models.datasets.film import FilmMetadata

FloatArray = NDArray[np.float32]

# Notes on a header that say more than how the film is stored.
OTHER_PART = "The file's header names another body part than the abdomen."
OTHER_SPECIES = "The file's header says that the patient is not a human being."
PHOTOGRAPH = (
    "The picture looks like a photograph of a film or a screen: glare can hide free intraperitoneal air, and "
    "a slant changes sizes. Give the film's own file where it can be had."
)
UNPROCESSED = "The file holds unprocessed detector data. Export the film for presentation."

MAX_PIXELS = 64_000_000  # the largest radiography detectors have about 20 million
MAX_BYTES = 256 * 2**20
_PLAUSIBLE_SPACING_MM = (0.02, 3.0)  # a detector element to a very coarse screen copy
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


class SpacingOrigin(StrEnum):
    """Where a pixel spacing was measured, or who states it."""

    CALIBRATED = "calibrated"
    DETECTOR = "detector"  # the child is smaller than its shadow
    MAGNIFIED = "detector over magnification"
    SCANNER = "film scanner"
    TABLE = "table"  # of whoever imported the film


class Spacing(NamedTuple):
    """Size of a pixel of the stored film in mm, and where it comes from."""

    row_mm: float
    column_mm: float
    origin: SpacingOrigin


@dataclass(frozen=True)
class Raster:
    """One picture.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright.
        spacing: of its pixels; None when the file gives none or an impossible one.
        metadata: what the file's header says of the patient and the study; never checked here.
        notes: what the reader of the film should know about the file, in our own words.
        colourfulness: share of pixels that are clearly not grey.
        stored: which way the child lies on it.
    """

    pixels: FloatArray
    spacing: Spacing | None = None
    metadata: FilmMetadata = field(default_factory=FilmMetadata)
    notes: tuple[str, ...] = ()
    colourfulness: float = 0.0
    stored: Stored = field(default_factory=Stored)

    @property
    def pixel_spacing_mm(self) -> tuple[float, float] | None:
        """Row, column."""
        return (self.spacing.row_mm, self.spacing.column_mm) if self.spacing else None


def check_size(width: int, height: int) -> None:
    """Refuse a picture by its header, before anything is decoded.

    Raises:
        UnreadableImage: empty or above `MAX_PIXELS`.
    """
    if width < 1 or height < 1:
        raise UnreadableImage("The picture's header gives it no width or height. Export the film again.")
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"The picture has more than {MAX_PIXELS // 10**6} million pixels, too many for one film. "
            "Export the film at its own size."
        )


def plausible_spacing(row: float, column: float) -> tuple[float, float] | None:
    """The spacing in mm if a radiograph can have it, else None."""
    low, high = _PLAUSIBLE_SPACING_MM
    return (row, column) if low <= row <= high and low <= column <= high else None
