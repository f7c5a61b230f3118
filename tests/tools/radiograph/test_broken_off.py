"""A picture inside a DICOM file that breaks off: decoders fill what is missing, and say nothing."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.read import read_radiograph

from ..film_files import dicom_bytes

Change = Callable[[bytes], bytes]
HEIGHT, WIDTH = 120, 90


def grain() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    film = np.random.default_rng(0).normal(120, 12, (HEIGHT, WIDTH))
    return np.clip(film, 0, 255).astype(np.uint8)


def header() -> pydicom.Dataset:
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(height=HEIGHT, width=WIDTH)))
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.WindowCenter, dataset.WindowWidth = 7, 128, 256
    dataset.PixelData = grain().tobytes()
    dataset["PixelData"].VR = "OB"
    return dataset


def film(syntax: str, change: Change) -> bytes:
    dataset = header()
    if syntax == JPEGBaseline8Bit:
        stream = cv2.imencode(".jpg", grain())[1].tobytes()
    else:
        compress(dataset, syntax)
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1)).rstrip(b"\0")
    dataset.PixelData = encapsulate([change(stream)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


SYNTAXES = pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless], ids=["JPEG", "JPEG-LS"])


@SYNTAXES
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_picture_that_breaks_off_is_refused(syntax: str, share: float) -> None:
    with pytest.raises(UnreadableImage, match=r"breaks off|incomplete"):
        read_radiograph(film(syntax, lambda stream: stream[: int(len(stream) * share)]))


@SYNTAXES
def test_a_whole_picture_without_the_mark_at_its_end_is_read(syntax: str) -> None:
    whole, unmarked = (read_radiograph(film(syntax, cut)).pixels for cut in (lambda s: s, lambda s: s[:-2]))
    assert np.abs(whole - unmarked).max() < 0.02  # of JPEG, by another decoder


@SYNTAXES
def test_padding_behind_the_mark_is_no_fault(syntax: str) -> None:
    assert read_radiograph(film(syntax, lambda stream: stream + b"\0\0\0\0")).height == HEIGHT


@pytest.mark.parametrize("clusters", [1, 2, 4])
def test_a_film_whose_copy_was_interrupted_is_told(clusters: int) -> None:
    data = dicom_bytes(height=200, width=90)
    cut = data[: clusters * 4096]
    film = read_radiograph(cut + bytes(len(data) - len(cut)))
    assert any("interrupted copy" in note for note in film.notes)


@pytest.mark.parametrize("rows", [20, 100, 150])
def test_a_black_margin_below_is_no_interrupted_copy(rows: int) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(height=200, width=90)))
    dataset.PixelData = dataset.PixelData[: -rows * 180] + bytes(rows * 180)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert not any("interrupted copy" in note for note in read_radiograph(buffer.getvalue()).notes)


@pytest.mark.parametrize("depth", [16, 8])
@pytest.mark.parametrize("is_coloured", [False, True])
def test_a_jpeg_is_read_under_the_header_of_the_film_before_it_was_compressed(
    depth: int, is_coloured: bool
) -> None:
    blobs = np.random.default_rng(1).integers(30, 220, (12, 9)).astype(np.uint8)
    grey = cv2.resize(blobs, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    dataset = header()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = depth, depth - 4 * (depth > 8), 7
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR) if is_coloured else grey
    dataset.PixelData = encapsulate([cv2.imencode(".jpg", picture)[1].tobytes()])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    film = read_radiograph(buffer.getvalue())
    assert film.pixels.shape == grey.shape and film.colourfulness == 0
    assert np.corrcoef(film.pixels.ravel(), grey.ravel())[0, 1] > 0.99
    is_told = any("of the picture were taken" in note for note in film.notes)
    assert is_told is (depth == 16 or is_coloured)


def test_compressed_pixels_without_the_mark_at_their_end_are_read() -> None:
    """Of the data element, not of the picture: pydicom then knows no pixels at all."""
    for syntax in (JPEGBaseline8Bit, JPEGLSLossless):
        data = film(syntax, bytes)
        assert data.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
        assert np.array_equal(read_radiograph(data[:-8]).pixels, read_radiograph(data).pixels)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_a_file_cut_off_within_its_picture_is_not_said_to_hold_none(syntax: str, share: float) -> None:
    data = film(syntax, bytes)
    start = data.index(b"\xe0\x7f\x10\x00")
    with pytest.raises(UnreadableImage, match=r"breaks off|damaged"):
        read_radiograph(data[: start + int(share * (len(data) - start))])
