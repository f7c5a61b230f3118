"""Pixels of 16 bits whose bytes are in the other order than the header says."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from .test_grey_scale import FILM, FULL, read
from .test_read import dicom

OTHER_ORDER = "misstates the order of the bytes"
GRAIN = np.random.default_rng(0).integers(0, 16, FILM.shape)
FILMS = {
    "12 bits": (FILM // 16 * 16 + GRAIN).clip(0, 4095),
    "10 bits": FILM // 4,
    "16 bits": FILM * 16 + GRAIN,
}


def swapped(data: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PixelData = np.frombuffer(dataset.PixelData, "u2").byteswap().tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("levels", FILMS.values(), ids=FILMS.keys())
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_swapped_bytes_are_turned_round_and_told(tmp_path: Path, syntax: str, levels: np.ndarray) -> None:
    stored = dicom(syntax, levels=levels.astype(np.uint16), BitsStored=16, HighBit=15)
    good, turned = read(tmp_path, stored), read(tmp_path, swapped(stored))
    assert np.array_equal(turned.pixels, good.pixels)
    assert any(OTHER_ORDER in note for note in turned.notes)
    assert not any(OTHER_ORDER in note for note in good.notes)


@pytest.mark.parametrize(
    "levels",
    [
        FILM // 16 * 256,
        FILM // 16 * 257,
        np.zeros_like(FILM),
        np.random.default_rng(1).integers(0, 65536, FILM.shape),
        np.where(FILM > 2000, 4095, 0),
    ],
    ids=["upper bytes", "both bytes alike", "blank", "noise", "black and white"],
)
def test_what_is_no_rougher_so_is_left_as_it_is(tmp_path: Path, levels: np.ndarray) -> None:
    film = read(tmp_path, dicom(levels=levels.astype(np.uint16), BitsStored=16, HighBit=15, **FULL))
    assert not any(OTHER_ORDER in note for note in film.notes)
