"""The one record every data set is read into, and the stored form of overlapping masks."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import CHANNELS, Finding, View

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FilmMetadata:
    """What is known of a film without looking at it.

    Attributes:
        age_months: at the study, calendar months with a fraction; None when not supplied.
        indication: free text of the request; may be vague or misleading, never evidence.
        working_diagnosis: a label of `LABELS` supplied with the request; context, never evidence.
        accession_number: of the order, DICOM (0008,0050).
        sop_instance_uid: of this very film, DICOM (0008,0018), however often its file is saved; likewise of
            its study and series.
    """

    patient_id: str | None = None
    patient_name: str | None = None
    patient_sex: str | None = None  # DICOM M, F or O
    patient_birth_date: str | None = None  # ISO 8601
    study_date: str | None = None  # ISO 8601
    age_months: float | None = None
    view: View | None = None
    indication: str | None = None
    working_diagnosis: str | None = None
    accession_number: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None


@dataclass(frozen=True)
class Film:
    """One film of a data set.

    Attributes:
        polygons: per finding, each (n, 2) float32 of x, y in image pixels, origin at the top left corner.
        label: a member of `LABELS`, or None when the source gives none.
        labelled_channels: channels of `CHANNELS` that this source outlines; absence elsewhere means unknown.
        pixel_spacing_mm: row, column; None when unknown.
        extra: columns of the source that have no meaning here, as written.
    """

    image_path: Path
    label: str | None
    polygons: dict[Finding, list[FloatArray]] = field(default_factory=dict)
    labelled_channels: frozenset[str] = frozenset()
    caption: str = ""
    metadata: FilmMetadata = FilmMetadata()
    facts: FilmFacts | None = None
    mask_path: Path | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    split: str | None = None  # train, validation or test
    extra: dict[str, str] = field(default_factory=dict)


def write_masks(path: Path, masks: dict[str, BoolArray]) -> None:
    """Store overlapping masks, each (H, W) bool, as one bit plane per channel of `CHANNELS` in a .npz."""
    height, width = next(iter(masks.values())).shape
    bits = np.zeros((height, width), np.uint32)
    for channel, mask in masks.items():
        bits |= mask.astype(np.uint32) << np.uint32(CHANNELS.index(channel))
    np.savez_compressed(path, bits=bits, channels=np.array(CHANNELS))


def read_masks(path: Path, shape: tuple[int, int] | None = None) -> NDArray[np.uint32]:
    """Bit planes (H, W) uint32; bit i is `CHANNELS[i]`.

    Args:
        path: of what `write_masks` wrote.
        shape: height and width of the film; None where that is not known.

    Raises:
        ValueError: it is another file, damaged, of other channels or of another size than the film.
    """
    with _masks_file(path), np.load(path, allow_pickle=False) as archive:
        stored: NDArray[np.uint32] = archive["bits"]
        names = tuple(str(name) for name in archive["channels"])
    if names != CHANNELS[: len(names)]:
        raise ValueError(
            f"{path.name} was written with other channels ({len(names)}); make the data set again."
        )
    _check_shape(path, stored.shape, shape)
    return stored


def check_masks(path: Path, shape: tuple[int, int] | None) -> None:
    """The same by the file's header alone, without its masks being unpacked. Raises ValueError."""
    with _masks_file(path), zipfile.ZipFile(path) as archive, archive.open("bits.npy") as file:
        np.lib.format.read_magic(file)
        found, _, _ = np.lib.format.read_array_header_1_0(file)
    _check_shape(path, found, shape)


@contextmanager
def _masks_file(path: Path) -> Iterator[None]:
    """What NumPy and the ZIP library say of a file that holds no masks, in our words."""
    wanted = f"{path.name} holds no masks as pedaxr writes them, or is damaged"
    advice = "copy it again, or leave MaskPath out and give outlines as points"
    try:
        if not zipfile.is_zipfile(path):  # NumPy would offer to load it unsafely
            raise ValueError(f"{wanted}; {advice}.")
        yield
    except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as err:
        raise ValueError(f"{wanted}; {advice}.") from err


def _check_shape(path: Path, found: tuple[int, ...], film: tuple[int, int] | None) -> None:
    if len(found) != 2 or film not in (None, found):
        size = "x".join(map(str, found[::-1]))
        wanted = f", the film of {film[1]}x{film[0]}" if film else ""
        raise ValueError(f"{path.name} holds masks of {size} pixels{wanted}; make them in the film's size.")


def unpack_masks(bits: NDArray[np.uint32]) -> BoolArray:
    """(H, W) bit planes to (len(CHANNELS), H, W) bool."""
    planes = np.arange(len(CHANNELS), dtype=np.uint32)[:, None, None]
    return (bits[None] >> planes & np.uint32(1)).astype(bool)


def outlined_masks(film: Film, shape: tuple[int, int]) -> dict[Finding, BoolArray]:
    """The film's polygons filled at the film's own size (height, width), by finding that has any.

    Outlines that overlap are one region, not a hole.
    """
    import cv2

    masks = {}
    for finding, pieces in film.polygons.items():
        filled = np.zeros(shape, np.uint8)
        for piece in pieces:
            # 1/16 pixel: fillPoly takes whole numbers
            cv2.fillPoly(filled, [np.round(piece * 16).astype(np.int32)], (1,), shift=4)
        if filled.any():
            masks[finding] = filled.astype(bool)
    return masks
