"""Colours, palettes, windows and kinds of JPEG that files misstate: the picture decides, or is refused so."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.errors import UnreadableImage

from .test_grey_scale import FILM, FILM8, FULL, read
from .test_read import dicom, encoded, grey8

PLANES = "The header misstates how the colours are stored; the picture decided."
WINDOW = "The header's window is not a centre and a width in numbers: it was not used."


def palette(depth: int, largest: int) -> bytes:
    """A film of 8 bits under a grey palette whose descriptor says how deep its entries are."""
    colours: dict[str, object] = {}
    for name in ("Red", "Green", "Blue"):
        entries = np.linspace(0, largest, 256).round().astype("<u2").tobytes()
        colours[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, depth]
        colours[f"{name}PaletteColorLookupTableData"] = entries
    bits = {"BitsStored": 8, "HighBit": 7}
    return dicom(levels=FILM8.astype(np.uint16), PhotometricInterpretation="PALETTE COLOR", **bits, **colours)


@pytest.mark.parametrize("largest", [65535, 255], ids=["16 bits", "8 bits in 16"])
def test_a_palette_is_as_deep_as_its_entries(tmp_path: Path, largest: int) -> None:
    film = read(tmp_path, palette(16, largest))
    assert np.abs(film.pixels - FILM8 / 255).max() < 1e-4


def colour(levels: np.ndarray, *, by_planes: bool, says_planes: bool) -> bytes:
    """A picture (H, W, 3) of 8 bits in RGB, stored in one order and declared in one."""
    stored = levels.transpose(2, 0, 1) if by_planes else levels
    pairs = np.frombuffer(np.ascontiguousarray(stored).tobytes(), "<u2")
    rows, columns, _ = levels.shape
    header = {"Rows": rows, "Columns": columns, "SamplesPerPixel": 3, "PlanarConfiguration": int(says_planes)}
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PhotometricInterpretation": "RGB"}
    return dicom(levels=pairs.reshape(rows, -1), **bits, **header)


@pytest.mark.parametrize("by_planes", [False, True], ids=["by pixels", "by planes"])
@pytest.mark.parametrize("says_planes", [False, True], ids=["says pixels", "says planes"])
def test_a_grey_film_in_colours_is_read_in_the_order_that_makes_it_grey(
    tmp_path: Path, by_planes: bool, says_planes: bool
) -> None:
    film = read(
        tmp_path, colour(np.repeat(FILM8[..., None], 3, 2), by_planes=by_planes, says_planes=says_planes)
    )
    assert np.abs(film.pixels - FILM8 / 255).max() < 1e-5
    assert film.colourfulness == 0
    assert (PLANES in film.notes) is (by_planes is not says_planes)


@pytest.mark.parametrize("by_planes", [False, True], ids=["by pixels", "by planes"])
def test_a_film_with_a_coloured_drawing_is_read_as_declared(tmp_path: Path, by_planes: bool) -> None:
    drawn = np.repeat(FILM8[..., None], 3, 2)
    drawn[100:140, 100:300] = (255, 0, 0)
    film = read(tmp_path, colour(drawn, by_planes=by_planes, says_planes=by_planes))
    assert PLANES not in film.notes
    assert 0 < film.colourfulness < 0.2


@pytest.mark.parametrize(
    ("centre", "width", "is_noted"),
    [
        (b"2048\\", b"4096\\", False),
        (b"2048\\abc", b"4096\\400", False),
        (b"2.047,25", b"4096", True),
        (b"2048 HU", b"4096", True),
        (b"NaN", b"4096", True),
        (b"", b"4096", True),
        (b"0", b"0", False),
        (b"", b"", False),
    ],
    ids=str,
)
def test_a_window_in_no_numbers_is_said_not_to_be_used(
    tmp_path: Path, centre: bytes, width: bytes, is_noted: bool
) -> None:
    data = dicom(levels=FILM, WindowCenter="1111111111", WindowWidth="2222222222")
    for stand_in, written in ((b"1" * 10, centre), (b"2" * 10, width)):
        assert data.count(stand_in) == 1
        data = data.replace(stand_in, written.ljust(10))
    assert (WINDOW in read(tmp_path, data).notes) is is_noted


def test_a_good_pair_among_windows_is_used(tmp_path: Path) -> None:
    data = dicom(levels=FILM, WindowCenter="1111111111", WindowWidth="2222222222")
    data = data.replace(b"1" * 10, b"2048\\     ").replace(b"2" * 10, b"4096\\     ")
    assert np.array_equal(read(tmp_path, data).pixels, read(tmp_path, dicom(levels=FILM, **FULL)).pixels)


def test_a_number_of_frames_with_a_comma_costs_no_film(tmp_path: Path) -> None:
    data = dicom(levels=FILM, NumberOfFrames="1111", **FULL)
    data = data.replace(b"1111", b"1,00")
    assert read(tmp_path, data).pixels.shape == FILM.shape


@pytest.mark.parametrize(
    ("marker", "bits"), [(0xC3, 8), (0xC1, 12), (0xF7, 8)], ids=["lossless", "12 bits", "JPEG-LS"]
)
def test_a_jpeg_of_a_kind_that_no_picture_decoder_knows_is_not_called_damaged(
    tmp_path: Path, marker: int, bits: int
) -> None:
    frame = struct.pack(">BBHBHHBBBB", 0xFF, marker, 11, bits, 64, 64, 1, 1, 0x11, 0)
    with pytest.raises(UnreadableImage, match="of a kind that is not read"):
        read(tmp_path, b"\xff\xd8" + frame + bytes(200))


@pytest.mark.parametrize("mark", [0, 1, 9])
def test_an_orientation_mark_that_says_nothing_is_not_followed(tmp_path: Path, mark: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = mark
    assert read(tmp_path, encoded(grey8(), "JPEG", exif=exif)).notes == ()
