"""Stored values with a sign: padding of any value costs no film, and tells nothing of the sign."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from pedaxr.errors import UnreadableImage

from .test_grey_scale import EDGE, FILM, INNER, REFERENCE, read
from .test_read import dicom, encoded, grey8

SIGN = "misstates whether stored values have a sign"


def signed(values: np.ndarray, padding: int | None, *, bits: int = 16, limit: int | None = None) -> bytes:
    """A film of signed values; the elements of padding are signed as well (PS3.3 C.7.6.3)."""
    dataset = dcmread(BytesIO(dicom(levels=values.astype(np.int16).view(np.uint16))))
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 1, bits, bits - 1
    if padding is not None:
        dataset.add_new(0x00280120, "SS", padding)
    if limit is not None:
        dataset.add_new(0x00280121, "SS", limit)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize("bits", [13, 14, 16])
@pytest.mark.parametrize("offset", [0, 1024, 2048])
def test_padding_of_a_signed_film_is_black(tmp_path: Path, bits: int, offset: int) -> None:
    padding = -(2 ** (bits - 1))
    film = read(tmp_path, signed(np.where(EDGE, padding, FILM.astype(int) - offset), padding, bits=bits))
    assert film.pixels[EDGE].max() == 0 and film.notes == ()
    bare = read(tmp_path, REFERENCE)
    assert np.corrcoef(film.pixels[INNER].ravel(), bare.pixels[INNER].ravel())[0, 1] > 0.999


def test_a_range_of_padding_of_a_signed_film_is_black(tmp_path: Path) -> None:
    values = np.where(EDGE, np.random.default_rng(0).integers(-3000, -1999, FILM.shape), FILM)
    film = read(tmp_path, signed(values, -3000, limit=-2000))
    assert film.pixels[EDGE].max() == 0 and film.pixels[INNER].max() > 0.9 and film.notes == ()


@pytest.mark.parametrize("padding", [None, -32768], ids=["not declared", "declared"])
def test_the_border_of_padding_does_not_tell_the_sign(tmp_path: Path, padding: int | None) -> None:
    values = FILM.astype(int)
    values[:, :60] = -32768
    film = read(tmp_path, signed(values, padding))
    assert film.pixels[:, :60].max() == 0
    assert not any(SIGN in note for note in film.notes)


def test_padding_of_an_unsigned_film_above_its_range_does_not_either(tmp_path: Path) -> None:
    values = np.where(EDGE, 63536, FILM).astype(np.uint16)
    film = read(tmp_path, dicom(levels=values, BitsStored=16, HighBit=15, PixelPaddingValue=63536))
    assert film.pixels[EDGE].max() == 0 and film.notes == ()


@pytest.mark.parametrize("padding", [None, -2048])
def test_a_sign_that_is_misstated_is_still_seen(tmp_path: Path, padding: int | None) -> None:
    """Control: also where the film is padded."""
    values = FILM.astype(int) - 2048
    if padding is not None:
        values[EDGE] = padding
    stored = (values & 0xFFFF).astype(np.uint16)
    said = {} if padding is None else {"PixelPaddingValue": padding & 0xFFFF}
    film = read(tmp_path, dicom(levels=stored, BitsStored=16, HighBit=15, **said))
    assert any(SIGN in note for note in film.notes)
    bare = read(tmp_path, REFERENCE)
    assert np.corrcoef(film.pixels[INNER].ravel(), bare.pixels[INNER].ravel())[0, 1] > 0.999


def test_an_animated_png_is_several_pictures(tmp_path: Path) -> None:
    """As a DICOM file of several frames is: which of them is the film is not for us to say."""
    second = Image.fromarray(255 - np.asarray(grey8()))
    animated = encoded(grey8(), save_all=True, append_images=[second])
    with pytest.raises(UnreadableImage, match="several pictures"):
        read(tmp_path, animated)
    assert read(tmp_path, encoded(grey8())).pixels.shape == (64, 96), "control"


def test_the_small_copy_in_a_phones_jpeg_is_no_second_film(tmp_path: Path) -> None:
    both = encoded(grey8(), "MPO", save_all=True, append_images=[grey8().resize((48, 32))])
    assert read(tmp_path, both).pixels.shape == (64, 96)
