"""Compressed pictures that are damaged in their middle: decoders draw something, and say nothing."""

import io
import os
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import compress
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.decode_pool import DecodePool
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.datasets.jpeg_damage import is_damaged_jpeg

from ..film_files import dicom_bytes

HEIGHT, WIDTH = 400, 320
Change = Callable[[bytes], bytes]


def grain(margin: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A film with so many black rows below, of which a coded picture has next to nothing."""
    rng = np.random.default_rng(0)
    blobs = cv2.resize(rng.uniform(40, 220, (8, 6)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    film = np.clip(blobs + rng.normal(0, 5, blobs.shape), 1, 255).astype(np.uint8)
    film[HEIGHT - margin :] = 0
    return film


def lost(stream: bytes) -> bytes:
    return stream[: len(stream) // 2] + stream[len(stream) // 2 + 700 :]


def zeroed(stream: bytes) -> bytes:
    return stream[: len(stream) // 3] + bytes(200) + stream[len(stream) // 3 + 200 :]


def other(stream: bytes) -> bytes:
    at = len(stream) // 3
    return stream[:at] + stream[2 * at : 2 * at + 3000] + stream[at + 3000 :]


CHANGES = pytest.mark.parametrize("change", [lost, zeroed, other])


def jpeg(margin: int = 0, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grain(margin)).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 2},
}


@CHANGES
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
def test_a_jpeg_damaged_in_its_middle_is_refused(options: dict[str, Any], change: Change) -> None:
    assert read_radiograph(jpeg(**options)).height == HEIGHT
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        read_radiograph(change(jpeg(**options)))


def test_it_is_refused_in_the_confined_decoder_too() -> None:
    pool = DecodePool()
    try:
        assert pool.decode(jpeg()).pixels.shape == (HEIGHT, WIDTH)
        with pytest.raises(UnreadableImage, match="damaged or incomplete"):
            pool.decode(lost(jpeg()))
    finally:
        pool.close()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_bytes_that_a_camera_leaves_behind_the_picture_are_no_damage(count: int) -> None:
    stream = jpeg()
    assert read_radiograph(stream[:-2] + bytes(range(1, 1 + count)) + stream[-2:]).height == HEIGHT


def coded(syntax: str, change: Change = bytes, *, margin: int = 0) -> bytes:
    """A film of 12 bits, or of 8 as a JPEG."""
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(height=HEIGHT, width=WIDTH)))
    if syntax == JPEGBaseline8Bit:
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.WindowCenter, dataset.WindowWidth = 7, 128, 256
        stream = jpeg(margin)
    else:
        dataset.PixelData = (grain(margin).astype("<u2") * 16).tobytes()
        compress(dataset, syntax)
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([change(stream)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@CHANGES
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless], ids=["JPEG", "JPEG-LS"])
def test_a_coded_picture_damaged_in_its_middle_is_refused(syntax: str, change: Change) -> None:
    assert read_radiograph(coded(syntax)).height == HEIGHT
    with pytest.raises(UnreadableImage, match="damaged"):
        read_radiograph(coded(syntax, change))


def one_byte(stream: bytes) -> bytes:
    at = len(stream) // 2
    return stream[:at] + bytes([stream[at] ^ 0x55]) + stream[at + 1 :]


def test_one_byte_damages_all_that_follows_in_jpeg_ls() -> None:
    with pytest.raises(UnreadableImage, match="damaged"):
        read_radiograph(coded(JPEGLSLossless, one_byte))


def test_jpeg_of_twelve_bits_too() -> None:
    dataset = pydicom.dcmread(str(get_testdata_file("JPGExtended.dcm")))
    dataset.Modality, dataset.SOPClassUID = "CR", "1.2.840.10008.5.1.4.1.1.1"
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert read_radiograph(buffer.getvalue()).height == dataset.Rows
    dataset.PixelData = encapsulate([lost(frame)])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(buffer := io.BytesIO())
    with pytest.raises(UnreadableImage, match="damaged"):
        read_radiograph(buffer.getvalue())


@pytest.mark.parametrize("first", [8, 20, 40])
def test_zeros_in_place_of_sectors_of_a_disk_are_damage_where_a_decoder_sees_none(first: int) -> None:
    data = coded(JPEG2000Lossless)
    assert read_radiograph(data).height == HEIGHT
    damaged = data[: first * 512] + bytes(512) + data[(first + 1) * 512 :]
    with pytest.raises(UnreadableImage, match="damaged"):
        read_radiograph(damaged)


def test_fill_bytes_before_the_mark_at_the_end_are_no_damage() -> None:
    def filled(stream: bytes) -> bytes:
        whole = stream.rstrip(b"\0")
        return whole[:-2] + b"\xff\xff" + whole[-2:]

    for syntax in (JPEGBaseline8Bit, JPEGLSLossless):
        plain = read_radiograph(coded(syntax)).pixels
        assert np.array_equal(read_radiograph(coded(syntax, filled)).pixels, plain)


@pytest.mark.parametrize("margin", [1, 40, 300])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless], ids=["JPEG", "JPEG-LS"])
def test_a_black_margin_below_is_no_damage(syntax: str, margin: int) -> None:
    assert read_radiograph(coded(syntax, margin=margin)).height == HEIGHT


def test_damage_is_heard_where_a_pipe_cannot_be_told_not_to_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no `os.set_blocking` before Python 3.12, and no JPEG could be read there."""
    monkeypatch.delattr(os, "set_blocking")
    stream = jpeg()
    assert not is_damaged_jpeg(stream)
    assert is_damaged_jpeg(stream[: len(stream) // 2] + stream[len(stream) // 2 + 60 :])
