"""A picture inside a DICOM file that breaks off: decoders fill what is missing, and say nothing."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import compress
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

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
