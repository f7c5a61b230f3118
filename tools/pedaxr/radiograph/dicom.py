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
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.character_sets import mend_decimal_commas
from pedaxr.radiograph.dicom_header import known_age, read_metadata, wanted_notes
from pedaxr.radiograph.file_headers import jpeg_samples, jpeg_size, transfer_syntax, with_preamble
from pedaxr.radiograph.geometry import read_spacing, read_stored
from pedaxr.radiograph.grey_scale import SEVERAL_FRAMES, shown
from pedaxr.radiograph.header_numbers import settle_pixel_header, settle_to_jpeg
from pedaxr.radiograph.pixel_data.byte_order import settle_byte_order
from pedaxr.radiograph.pixel_data.compressed import BROKEN_OFF, check_has_no_hole, check_is_closed
from pedaxr.radiograph.raster import DECODER_ERRORS, MAX_BYTES, Raster, Spacing, check_size
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.datasets.pixels import is_dicom

# pydicom's warnings quote values of the file, patients' names among them.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_UNCOMPRESSED = {
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
}
_JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}
_JPEG2000 = {JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL}
_RADIOGRAPHY = {"CR", "DX", "DR", "RG", "RF", "OT", "SC", ""}

# PS3.4 annex B.5, of files that leave their modality out.
_OTHER_CLASSES = {
    f"1.2.840.10008.5.1.4.1.1.{number}": modality
    for number, modality in {
        **dict.fromkeys(("2", "2.1"), "CT"),
        **dict.fromkeys(("4", "4.1"), "MR"),
        **dict.fromkeys(("6.1", "3.1"), "US"),
        **dict.fromkeys(("1.2", "1.2.1"), "MG"),
        **{"20": "NM", "128": "PT", "1.3": "IO", "1.3.1": "IO"},
    }.items()
}
_OTHER_SIZE = "The DICOM file's header states another size than its picture has. Export the film again."
_PARTS = (16, 37)  # of a film's height, over which a slant shows; after some heights it is even again
_WHOLE = 0.85  # synthetic films are at .56 to .76 of themselves with one column too few, 1 is noise
_FLAT = 4  # stored values: a blank picture is not torn
_SAMPLE = 2**18
_CLUSTER, _EMPTY_HIGH_BYTE = 4096, 1  # bytes; a sample's upper byte may be zero itself
_PART = 20  # of a file: fewer zeros are a margin
_ZEROS = (
    "The file's end is zeros from the beginning of a disk's cluster on, as an interrupted copy leaves it: "
    "compare the film with the original."
)
_PIXEL_DATA, _SEQUENCE_END = b"\xe0\x7f\x10\x00", b"\xfe\xff\xdd\xe0\0\0\0\0"
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


@dataclass(frozen=True)
class Header:
    """What a DICOM file says of its film without its pixels being looked at."""

    metadata: FilmMetadata
    spacing: Spacing | None


def read_header(data: bytes) -> Header | None:
    """The header of a DICOM file; None of a file of another kind.

    Raises:
        UnreadableImage: it is damaged, or inflates to an absurd size.
    """
    if not is_dicom(data):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            syntax, start = transfer_syntax(with_preamble(data))
            if syntax == DeflatedExplicitVRLittleEndian:
                _check_inflated_size(with_preamble(data)[start:])
            dataset = dcmread(io.BytesIO(with_preamble(data)), force=True, stop_before_pixels=True)
            mend_decimal_commas(dataset)
            return Header(read_metadata(dataset), read_spacing(dataset)[0])
    except (*DECODER_ERRORS, BytesLengthException, InvalidDicomError) as err:
        raise UnreadableImage(_DAMAGED) from err


def _decode(data: bytes) -> Raster:
    syntax, start = transfer_syntax(data)
    if syntax == DeflatedExplicitVRLittleEndian:
        _check_inflated_size(data[start:])
    dataset = dcmread(io.BytesIO(data), force=True)
    if "PixelData" not in dataset and _PIXEL_DATA in data:
        dataset = _with_open_end(data)
    mend_decimal_commas(dataset)
    _check_header(dataset)
    says_polarity, header_note = settle_pixel_header(dataset)
    _check_samples(dataset)
    syntax = _settled_syntax(dataset, syntax)
    stream_note = ""
    if syntax in _UNCOMPRESSED:
        order_note = settle_byte_order(dataset)
        _check_row_length(dataset)
        stream_note = _ZEROS if _ends_in_zeros(data) else order_note
    else:
        check_has_no_hole(data, len(data) - len(dataset.PixelData))
        stream_note = _checked_codestream(dataset, syntax)
    film = shown(dataset, says_polarity=says_polarity)
    spacing, spacing_note = read_spacing(dataset)
    stored, stored_note = read_stored(dataset)
    age = known_age(dataset)
    notes = (*wanted_notes(dataset, age), header_note, stream_note, *film.notes, stored_note, spacing_note)
    metadata = read_metadata(dataset, age)
    return Raster(film.pixels, spacing, metadata, tuple(filter(None, notes)), film.colourfulness, stored)


def _with_open_end(data: bytes) -> Dataset:
    """A file whose compressed pixels have no end: that is left out, or the file is cut off before it."""
    dataset = dcmread(io.BytesIO(data + _SEQUENCE_END), force=True)
    if "PixelData" not in dataset:
        raise UnreadableImage(BROKEN_OFF)
    return dataset


def _settled_syntax(dataset: Dataset, syntax: str) -> str:
    """The transfer syntax by which the pixels are decoded.

    A file that names none, or still the one from which its pixels were expanded, is read where they are
    plainly not compressed: of the very length of a bare picture (PS3.5 section 8.1.1), in one piece.
    """
    element = dataset["PixelData"]
    samples = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    length = samples * int(dataset.BitsAllocated) // 8
    is_plain = not element.is_undefined_length and len(element.value) in (length, length + length % 2)
    if syntax in _UNCOMPRESSED or (syntax and not is_plain):
        return syntax
    if not is_plain:
        raise UnreadableImage(
            "The DICOM file does not say how its pixels are encoded (it has no transfer syntax), and they "
            "are not simply uncompressed. Export it uncompressed."
        )
    is_implicit, is_little = dataset.original_encoding
    plain = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    dataset.file_meta = dataset.get("file_meta") or FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = plain if is_little is not False else ExplicitVRBigEndian
    return str(dataset.file_meta.TransferSyntaxUID)


def _check_inflated_size(stream: bytes) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size, rest = 0, stream
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, 2**20))
        rest = inflater.unconsumed_tail
        if size > MAX_BYTES:
            raise UnreadableImage("The DICOM file inflates to an absurd size. Export the film uncompressed.")


def _check_header(dataset: Dataset) -> None:
    if _modality(dataset) not in _RADIOGRAPHY:
        raise UnreadableImage(
            "The DICOM file is not of plain radiography. Choose a CR, DX or Secondary Capture file."
        )
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise UnreadableImage(
            "The DICOM file holds floating-point numbers, as computed maps do. Export the film as CR or DX."
        )
    if "PixelData" in dataset and not {"Rows", "Columns"} <= set(dataset.dir()):
        raise UnreadableImage(
            "The DICOM file's header does not state the size of its picture. Export the film again."
        )
    if "PixelData" not in dataset:
        raise UnreadableImage("The DICOM file holds no picture. Choose the image object of the study.")
    check_size(int(dataset.Columns), int(dataset.Rows))
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise UnreadableImage(SEVERAL_FRAMES)


def _modality(dataset: Dataset) -> str:
    """The first that is stated; without one, that of a storage class of no radiograph."""
    stated = dataset.get("Modality") or ""
    first = str(stated if isinstance(stated, str) else next(iter(stated), "")).strip().upper()
    return first or _OTHER_CLASSES.get(str(dataset.get("SOPClassUID") or ""), "")


def _check_samples(dataset: Dataset) -> None:
    if int(dataset.get("BitsAllocated") or 0) not in (8, 16) or int(dataset.get("SamplesPerPixel") or 1) > 3:
        raise UnreadableImage(
            "The DICOM file's samples are not of 8 to 16 bits. Export the film as CR or DX."
        )


def _check_row_length(dataset: Dataset) -> None:
    """A film that is torn in rows of the stated length, and whole in rows of another that its bytes allow.

    One column too few leans the film by half a right angle: what is left on it is not where it was.
    """
    rows, stated = int(dataset.Rows), int(dataset.Columns)
    order = "<" if dataset.original_encoding[1] is not False else ">"
    size = int(dataset.BitsAllocated) // 8
    if int(dataset.SamplesPerPixel) != 1 or len(dataset.PixelData) < rows * stated * size:
        return
    stored = np.frombuffer(dataset.PixelData, f"{order}u{size}", count=len(dataset.PixelData) // size)
    others = {rows, stored.size // rows, (stored.size - 1) // rows} - {stated}  # one byte may be padding
    fitting = [other for other in others if stored.size - other * (stored.size // other) <= 1]
    for apart in (max(1, rows // part) for part in _PARTS if fitting):
        torn = _unevenness(stored, stated, apart * stated)
        least = min(_unevenness(stored, other, apart * stated) for other in fitting)
        if _FLAT < torn < np.inf and least < _WHOLE * torn:
            raise UnreadableImage(_OTHER_SIZE)


def _unevenness(stored: NDArray[np.unsignedinteger], row_length: int, far: int) -> float:
    """How far pixels differ from those so many pixels on, right below them were the rows of that length.

    Infinite where none lies nearly so far on: nearer pixels are more alike in any picture.
    """
    apart = row_length * max(1, round(far / row_length))
    if not 0.9 * far < apart < 1.1 * far:
        return np.inf
    some = max(1, stored.size // _SAMPLE)
    above, below = stored[:-apart:some], stored[apart::some]
    return float(np.abs(above.astype(np.int64) - below).mean()) if above.size else np.inf


def _ends_in_zeros(data: bytes) -> bool:
    """Whether a good part of a file is zeros up to its end, from the beginning of a disk's cluster on.

    Copies that were interrupted leave them where the rest should be. A black margin begins elsewhere, but for
    one of some thousand.
    """
    filled = len(data.rstrip(b"\0"))
    return len(data) - filled > len(data) // _PART and -filled % _CLUSTER <= _EMPTY_HIGH_BYTE


def _checked_codestream(dataset: Dataset, syntax: str) -> str:
    """The codestream has a size of its own; a small header over a huge codestream is a bomb.

    Returns a note where the header does not fit it.
    """
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if syntax == RLELossless:
        _check_run_lengths(frame, int(dataset.Rows) * int(dataset.Columns))
        return ""
    width, height = _jpeg2000_size(frame) if syntax in _JPEG2000 else jpeg_size(frame)
    check_size(width, height)
    if (width, height) != (int(dataset.Columns), int(dataset.Rows)):
        raise UnreadableImage(_OTHER_SIZE)
    note = settle_to_jpeg(dataset, *jpeg_samples(frame)) if syntax in _JPEG else ""
    check_is_closed(dataset, syntax, frame)
    return note


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
