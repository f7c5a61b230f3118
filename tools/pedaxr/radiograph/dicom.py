"""Decode a DICOM radiograph: CR, DX or Secondary Capture, one frame, in the usual transfer syntaxes.

The file is not trusted: syntaxes come from a list, a deflated data set and every codestream are measured
before they are expanded, and whatever pydicom or a codec raises becomes `UnreadableImage`.
Tags and terms are those of DICOM PS3.3 and PS3.5, 2024.
"""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.character_sets import mend_decimal_commas
from pedaxr.radiograph.dicom_header import read_metadata, read_spacing, wanted_notes
from pedaxr.radiograph.file_headers import jpeg_size, transfer_syntax
from pedaxr.radiograph.raster import DECODER_ERRORS, MAX_BYTES, FloatArray, Raster, check_size, to_grey

# pydicom's warnings quote values of the file, patients' names among them.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_UNCOMPRESSED = {
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
}
_JPEG2000 = {JPEG2000, JPEG2000Lossless}
_RADIOGRAPHY = {"CR", "DX", "DR", "RG", "RF", "OT", "SC", ""}

_DAMAGED = "The DICOM file is damaged or incomplete: it cannot be decoded. Export the film again."


def decode_dicom(data: bytes) -> Raster:
    """The one frame of a DICOM file, windowed as the file asks, bone bright.

    Raises:
        UnreadableImage: damaged, too large, of an unknown syntax, several frames, or not a radiograph.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the wild break many small rules
            return _decode(data)
    except (*DECODER_ERRORS, BytesLengthException, InvalidDicomError) as err:
        raise UnreadableImage(_DAMAGED) from err


def _decode(data: bytes) -> Raster:
    syntax, start = transfer_syntax(data)
    if syntax == DeflatedExplicitVRLittleEndian:
        _check_inflated_size(data[start:])
    dataset = dcmread(io.BytesIO(data))
    mend_decimal_commas(dataset)
    _check_header(dataset)
    if syntax not in _UNCOMPRESSED:
        _check_codestream(dataset, syntax)
    pixels, colourfulness = _presented(dataset)
    spacing, spacing_note = read_spacing(dataset)
    notes = (*wanted_notes(dataset), spacing_note)
    return Raster(pixels, spacing, read_metadata(dataset), tuple(filter(None, notes)), colourfulness)


def _check_inflated_size(stream: bytes) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size, rest = 0, stream
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, 2**20))
        rest = inflater.unconsumed_tail
        if size > MAX_BYTES:
            raise UnreadableImage("The DICOM file inflates to an absurd size. Export the film uncompressed.")


def _check_header(dataset: Dataset) -> None:
    if str(dataset.get("Modality") or "").upper() not in _RADIOGRAPHY:
        raise UnreadableImage(
            "The DICOM file is not of plain radiography. Choose a CR, DX or Secondary Capture file."
        )
    if "PixelData" not in dataset or "Rows" not in dataset or "Columns" not in dataset:
        raise UnreadableImage("The DICOM file holds no picture. Choose the image object of the study.")
    check_size(int(dataset.Columns), int(dataset.Rows))
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise UnreadableImage("The DICOM file holds several frames. Export the one film to read.")
    if int(dataset.get("BitsAllocated") or 0) not in (8, 16) or int(dataset.get("SamplesPerPixel") or 1) > 3:
        raise UnreadableImage(
            "The DICOM file's samples are not of 8 to 16 bits. Export the film as CR or DX."
        )


def _check_codestream(dataset: Dataset, syntax: str) -> None:
    """The codestream has a size of its own; a small header over a huge codestream is a bomb."""
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if syntax == RLELossless:
        _check_run_lengths(frame, int(dataset.Rows) * int(dataset.Columns))
    else:
        check_size(*(_jpeg2000_size(frame) if syntax in _JPEG2000 else jpeg_size(frame)))


def _jpeg2000_size(stream: bytes) -> tuple[int, int]:
    """Width and height of the SIZ segment (ISO/IEC 15444-1 A.5.1), with or without the JP2 boxes around."""
    at = stream.index(b"\xff\x4f\xff\x51")
    right, bottom, left, top = struct.unpack_from(">IIII", stream, at + 8)
    return right - left, bottom - top


def _check_run_lengths(frame: bytes, pixels: int) -> None:
    """Each RLE segment must expand to about one byte per pixel (PS3.5 annex G)."""
    count, *offsets = struct.unpack_from("<16I", frame)
    bounds = [*offsets[:count], len(frame)]
    for start, stop in pairwise(bounds):
        if sum(_runs(frame, start, stop, limit=pixels + 256)) > pixels + 256:
            raise UnreadableImage(_DAMAGED)


def _runs(frame: bytes, start: int, stop: int, *, limit: int) -> Iterator[int]:
    """Decoded length of each run, ending soon after their sum exceeds `limit`."""
    total = 0
    while start < stop and total <= limit:
        head = frame[start]
        run = 257 - head if head > 128 else head + 1
        start += 2 if head >= 128 else run + 1
        if head != 128:  # 128 means nothing at all
            total += run
            yield run


def _presented(dataset: Dataset) -> tuple[FloatArray, float]:
    """Stored values to presentation in [0, 1] (PS3.4 N.2) and the share of pixels that are not grey."""
    stored = pixel_array(dataset)
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip()
    if photometric == "PALETTE COLOR":
        palette = apply_color_lut(stored, dataset)
        return to_grey(palette.astype(np.float32) / np.iinfo(palette.dtype).max)
    if stored.ndim == 3:
        return to_grey(stored.astype(np.float32) / np.float32(2 ** int(dataset.BitsStored) - 1))
    shown = _windowed(apply_modality_lut(stored, dataset), stored, dataset)
    if photometric == "MONOCHROME1":
        shown = 1 - shown
    return np.ascontiguousarray(shown, np.float32), 0.0


def _windowed(
    values: NDArray[np.generic], stored: NDArray[np.generic], dataset: Dataset
) -> NDArray[np.float32]:
    if dataset.get("VOILUTSequence"):
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        table = apply_voi(values.astype(np.int32), dataset)
        return _clipped(table.astype(np.float32) / np.float32(2**bits - 1))
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is None or width is None or not np.isfinite([centre, width]).all() or width < 1:
        return _stretched(values.astype(np.float32), stored, dataset)
    levels = values.astype(np.float32)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function == "SIGMOID":
        return _clipped(1 / (1 + np.exp(np.clip(-4 * (levels - centre) / width, -50, 50))))
    if function == "LINEAR_EXACT":
        return _clipped((levels - centre) / width + 0.5)
    return _clipped((levels - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5)


def _first(dataset: Dataset, keyword: str) -> float | None:
    """The first of one or several alternative windows."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    return float(value) if not hasattr(value, "__iter__") or isinstance(value, str) else float(value[0])


def _stretched(
    levels: NDArray[np.float32], stored: NDArray[np.generic], dataset: Dataset
) -> NDArray[np.float32]:
    """No window: the central 99.8 % of the film fills the range; padding outside the field does not count."""
    inside = np.ones(stored.shape, bool)
    padding = dataset.get("PixelPaddingValue")
    if isinstance(padding, int):
        inside = stored != padding
    sample = levels[inside] if inside.any() else levels
    low, high = np.percentile(sample, (0.1, 99.9))
    least = 2 ** int(dataset.BitsStored) / 64  # a blank film stays blank
    return _clipped((levels - low) / max(float(high - low), least))


def _clipped(levels: NDArray[np.floating]) -> FloatArray:
    return np.asarray(np.clip(levels, 0, 1), np.float32)
