"""Whether compressed pixels of a DICOM file are whole: decoders make up what is missing, and say nothing.

Of JPEG in all its forms a decoder takes just the bytes that a picture has: where damage brought it out of
step it runs out of them, or leaves some over.
"""

import re
from copy import copy

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import pixel_array
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.file_headers import is_usual_jpeg
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr_models.datasets.jpeg_damage import is_damaged_jpeg

_DCT = {JPEGBaseline8Bit, JPEGExtended12Bit}
_FORMS_OF_JPEG = {*_DCT, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless}
_END_OF_IMAGE, _MORE = b"\xff\xd9", b"\x55\xaa" * 512
_PADDING = b"\0\xff"
_IMAGE = 0x0028  # the group of elements that say how pixels are stored
_LAST = 4  # bytes, of which each holds some of the picture
_BLOCK = 8  # rows that a DCT has at once
_SECTOR = 512  # bytes of a disk that are read or lost together
_HOLE = re.compile(rb"\0{%d,}" % _SECTOR)
DAMAGED = (
    "The DICOM file's compressed picture is damaged: a part of it would be made up. Copy or export the film "
    "again."
)
BROKEN_OFF = "The DICOM file's picture breaks off: its lower part is missing. Copy or export the film again."

Pixels = NDArray[np.integer]


def check_decoded(dataset: Dataset, pixels: Pixels) -> None:
    """Refuse a picture that was not decoded from just the bytes that its file has for it.

    Args:
        dataset: of one frame, its header settled.
        pixels: as they were decoded from it.

    Raises:
        UnreadableImage: some of the picture was made up, or damage put some of it elsewhere.
    """
    if dataset.file_meta.TransferSyntaxUID not in _FORMS_OF_JPEG:
        return
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if not frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        return  # `check_is_closed` has looked at it
    if is_usual_jpeg(frame):
        is_whole = not is_damaged_jpeg(frame)
    else:
        is_whole = _uses_all(dataset, frame[: frame.rindex(_END_OF_IMAGE)].rstrip(b"\xff"), pixels)
    if not is_whole:
        raise UnreadableImage(DAMAGED)


def _uses_all(dataset: Dataset, coded: bytes, pixels: Pixels) -> bool:
    """Whether the last bytes matter, and only at the picture's end: else some are left over or lacking."""
    other = _decoded(dataset, _with_other_end(coded) + _MORE)
    if other is not None and other.shape == pixels.shape:
        changed = np.flatnonzero((other != pixels).reshape(len(pixels), -1).any(axis=1))
        rows = _BLOCK if dataset.file_meta.TransferSyntaxUID in _DCT else 1
        if not changed.size:
            return False
        if changed[0] >= len(pixels) - rows:
            return True
    longer = _decoded(dataset, coded + _MORE)
    return longer is not None and np.array_equal(pixels, longer)


def _with_other_end(coded: bytes) -> bytes:
    """Each bit of the last bytes turned, but where that would make a marker; padding is none of them."""
    kept = coded.rstrip(_PADDING)
    start = len(kept) - _LAST - (kept[-_LAST - 1 : -_LAST] == b"\xff")
    return kept[:start] + bytes(min(255 - byte, 254) for byte in kept[start:])


def _decoded(dataset: Dataset, coded: bytes) -> Pixels | None:
    """The picture of other data under the same header; None where there is none."""
    closed = dataset.group_dataset(_IMAGE)  # a copy would share its elements
    closed.file_meta, closed["PixelData"] = dataset.file_meta, copy(dataset["PixelData"])
    closed.PixelData = encapsulate([coded + _END_OF_IMAGE])
    try:
        decoded: Pixels = pixel_array(closed)
    except DECODER_ERRORS:
        return None
    return decoded


def check_is_closed(dataset: Dataset, syntax: str, frame: bytes) -> None:
    """Refuse a JPEG that breaks off, before anything is decoded.

    Some devices leave out the mark at its end. Then it must need no more bytes: a decoder takes whatever
    follows, and a whole picture is the same with more behind it.
    """
    if syntax not in _FORMS_OF_JPEG or frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        return
    alone = _decoded(dataset, frame)
    longer = _decoded(dataset, frame + _MORE)
    if alone is None or longer is None or not np.array_equal(alone, longer):
        raise UnreadableImage(BROKEN_OFF)


def check_has_no_hole(data: bytes, pixels_at: int) -> None:
    """Refuse compressed pixels with zeros in place of whole sectors of a disk.

    A compressed picture has such runs by an odd chance, and then not from one sector's edge to another's.
    """
    for hole in _HOLE.finditer(data, pixels_at):
        if hole.start() % _SECTOR == 0 and hole.end() % _SECTOR == 0 and hole.end() < len(data):
            raise UnreadableImage(DAMAGED)
