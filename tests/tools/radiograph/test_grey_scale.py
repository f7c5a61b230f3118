"""Grey scale: the data decide where a header's constants do not fit them, and say so."""

import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.read import Radiograph, read_radiograph
from pedaxr_models.datasets.grey_range import film_range, unit_range
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import View
from pedaxr_models.phantom import FilmSpec, make_film

from ..film_files import png_chunk
from .test_read import dicom, encoded

FILM8 = make_film(FilmSpec(5, 1, View.ERECT, 60.0, ())).pixels
FILM = FILM8.astype(np.uint16) * 16 + 7  # 12 bits
FULL = {"WindowCenter": 2048, "WindowWidth": 4096}
INNER = (slice(40, -40), slice(40, -40))


def read(tmp_path: Path, data: bytes) -> Radiograph:
    path = tmp_path / "film"
    path.write_bytes(data)
    return read_radiograph(path)


def contrast(film: Radiograph) -> float:
    low, high = np.percentile(film.pixels[INNER], (5, 95))
    return float(high - low)


def table(entries: np.ndarray, bits: int, first: int = 0) -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries), first, bits], entries.astype("<u2").tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    return item


REFERENCE = dicom(levels=FILM, **FULL)
EDGE = np.ones(FILM.shape, bool)
EDGE[INNER] = False
RAMP12 = np.arange(4096)


@pytest.mark.parametrize("declared", [8, 10, 12, 14, 16])
def test_a_table_is_as_deep_as_its_entries_whatever_it_declares(tmp_path: Path, declared: int) -> None:
    film = read(tmp_path, dicom(levels=FILM, VOILUTSequence=[table(RAMP12, declared)]))
    assert np.abs(film.pixels - FILM / 4095).max() < 1e-5
    assert film.notes == ()


@pytest.mark.parametrize("slope", ["0.001", "0.00002", "1", "37", "0,001"])
@pytest.mark.parametrize("window", [None, 0.5], ids=["no window", "a window of another unit"])
def test_a_small_slope_makes_no_film_blank(tmp_path: Path, slope: str, window: float | None) -> None:
    comma = "," in slope
    elements = {} if window is None else {"WindowCenter": window * 1e6, "WindowWidth": 10}
    data = dicom(levels=FILM, RescaleSlope=slope.replace(",", "."), RescaleIntercept=0, **elements)
    film = read(tmp_path, data.replace(b"0.001", b"0,001") if comma else data)
    assert contrast(film) > 0.5
    assert any("was not used" in note for note in film.notes) is (window is not None)


@pytest.mark.parametrize(
    ("centre", "width"),
    [(128, 256), (512, 1024), (32768, 65536), (-5000, 100), ([40, 2048], [400, 4096])],
    ids=["8 bits", "10 bits", "16 bits", "CT", "the second fits"],
)
def test_a_window_of_another_depth_is_not_believed(tmp_path: Path, centre: object, width: object) -> None:
    film = read(tmp_path, dicom(levels=FILM, WindowCenter=centre, WindowWidth=width))
    assert contrast(film) > 0.5
    assert film.pixels[INNER].max() > 0.8 and (film.pixels[INNER] >= 1).mean() < 0.1
    assert any("was not used" in note for note in film.notes) is isinstance(centre, int)


def test_a_narrow_window_that_shows_the_film_is_believed(tmp_path: Path) -> None:
    """Negative control: a window is not replaced because it clips something."""
    inner = np.percentile(FILM, (20, 90))
    film = read(
        tmp_path, dicom(levels=FILM, WindowCenter=float(inner.mean()), WindowWidth=float(np.ptp(inner)))
    )
    assert (film.pixels == 0).mean() > 0.15 and film.notes == ()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("value", "limit"),
    [(0, None), (4095, None), (0, 49), (4000, 4095)],
    ids=["0", "4095", "range", "high range"],
)
def test_padding_is_no_part_of_a_film(
    tmp_path: Path, photometric: str, value: int, limit: int | None
) -> None:
    stored = np.clip(4095 - FILM if photometric == "MONOCHROME1" else FILM, 60, 3990)
    edge = np.ones(FILM.shape, bool)
    edge[INNER] = False
    noise = np.random.default_rng(0).integers(value, (value if limit is None else limit) + 1, FILM.shape)
    padded = np.where(edge, noise, stored).astype(np.uint16)
    said = {"PixelPaddingValue": value} | ({} if limit is None else {"PixelPaddingRangeLimit": limit})
    film = read(tmp_path, dicom(levels=padded, PhotometricInterpretation=photometric, **said))
    plain = read(tmp_path, dicom(levels=stored[INNER], PhotometricInterpretation=photometric))
    assert film.pixels[edge].max() == 0
    assert np.abs(film.pixels[INNER] - plain.pixels).max() < 0.02, "padding moves no contrast"


def test_burnt_out_bone_is_no_padding(tmp_path: Path) -> None:
    stored = np.clip(4095 - FILM, 60, 4095).astype(np.uint16)
    stored[200:210, 200:210] = 0
    film = read(tmp_path, dicom(levels=stored, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0))
    assert film.pixels[200:210, 200:210].min() > 0.95


@pytest.mark.parametrize(
    ("photometric", "shape", "is_dark", "is_noted"),
    [
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME2", "INVERSE", False, True),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME1", "IDENTITY", True, True),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", None, True, False),
    ],
)
def test_a_film_is_inverted_once_or_not_at_all(
    tmp_path: Path, photometric: str, shape: str | None, is_dark: bool, is_noted: bool
) -> None:
    levels = (4095 - FILM if is_dark else FILM).astype(np.uint16)
    said = {} if shape is None else {"PresentationLUTShape": shape}
    film = read(tmp_path, dicom(levels=levels, PhotometricInterpretation=photometric, **FULL, **said))
    assert np.abs(film.pixels - read(tmp_path, REFERENCE).pixels).max() < 1e-3
    assert any("contradicts itself" in note for note in film.notes) is is_noted


GAMMA = (RAMP12 / 4095) ** 1.6


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("runs_down", [False, True], ids=["up", "down"])
def test_a_table_of_p_values_is_followed(tmp_path: Path, photometric: str, runs_down: bool) -> None:
    """PS3.3 C.11.6: it bends the greys, and which way it runs says whether bone is dark."""
    values = 1 - GAMMA[::-1] if photometric == "MONOCHROME1" else GAMMA
    levels = inverted(FILM) if photometric == "MONOCHROME1" else FILM
    entries = np.round(1023 * (1 - values if runs_down else values))
    said = {"PhotometricInterpretation": photometric, "PresentationLUTSequence": [table(entries, 10)]}
    film = read(tmp_path, dicom(levels=levels, **FULL, **said))
    assert np.abs(film.pixels - (FILM / 4095) ** 1.6).max() < 0.01


@pytest.mark.parametrize("values", [np.zeros(4096), (RAMP12 > 4000) * 1023], ids=["blank", "all black"])
def test_a_table_of_p_values_that_hides_the_film_is_not_followed(tmp_path: Path, values: np.ndarray) -> None:
    film = read(tmp_path, dicom(levels=FILM, **FULL, PresentationLUTSequence=[table(values, 10)]))
    assert np.abs(film.pixels - read(tmp_path, REFERENCE).pixels).max() < 1e-3


@pytest.mark.parametrize("shift", [2, 4])
def test_bits_above_those_declared_are_grey_where_the_film_is_smooth_with_them(
    tmp_path: Path, shift: int
) -> None:
    film = read(tmp_path, dicom(levels=(FILM << shift).astype(np.uint16)))
    assert np.abs(film.pixels - read(tmp_path, dicom(levels=FILM)).pixels).max() < 0.02
    assert any("more bits" in note for note in film.notes)


def test_a_left_aligned_film_is_read_as_its_high_bit_says(tmp_path: Path) -> None:
    film = read(tmp_path, dicom(levels=(FILM << 4).astype(np.uint16), HighBit=15, **FULL))
    assert np.abs(film.pixels - read(tmp_path, REFERENCE).pixels).max() < 1e-6


def test_overlay_bits_stay_out_of_the_film(tmp_path: Path) -> None:
    """Negative control: not every bit above those declared is grey."""
    overlay = np.zeros(FILM.shape, np.uint16)
    overlay[::7, 100:300] = 0xF000
    film = read(tmp_path, dicom(levels=FILM | overlay, **FULL))
    assert np.array_equal(film.pixels, read(tmp_path, REFERENCE).pixels)


def letter(values: np.ndarray, bright: int) -> np.ndarray:
    marked = values.copy()
    marked[20:60, 20:30] = marked[50:60, 20:45] = bright
    return marked


def deep_png(channels: np.ndarray, kind: int) -> bytes:
    """16 bits of any colour type."""
    head = pack(">IIBBBBB", *channels.shape[1::-1], 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in channels)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


OPAQUE = np.full(FILM.shape, 65535, np.uint16)
GREY = encoded(Image.fromarray(FILM))
DEEP: dict[str, tuple[Callable[[], bytes], slice]] = {
    "RGB": (lambda: deep_png(np.dstack([FILM] * 3), 2), slice(None)),
    "RGBA": (lambda: deep_png(np.dstack([FILM] * 3 + [OPAQUE]), 6), slice(None)),
    "grey and alpha": (lambda: deep_png(np.dstack([FILM, OPAQUE]), 4), slice(None)),
    "one bright letter": (lambda: encoded(Image.fromarray(letter(FILM, 65535))), slice(70, None)),
    "a bright letter in RGB": (lambda: deep_png(np.dstack([letter(FILM, 65535)] * 3), 2), slice(70, None)),
    "a bright frame": (
        lambda: encoded(Image.fromarray(np.pad(FILM[30:-30, 30:-30], 30, constant_values=65535))),
        slice(30, -30),
    ),
}


@pytest.mark.parametrize(("made", "rows"), DEEP.values(), ids=DEEP.keys())
def test_a_film_of_12_bits_in_16_has_its_own_contrast(
    tmp_path: Path, made: Callable[[], bytes], rows: slice
) -> None:
    expected = read(tmp_path, GREY).pixels[rows, 30:-30]
    film = read(tmp_path, made())
    assert np.abs(film.pixels[rows, 30:-30] - expected).max() < 0.02
    assert np.array_equal(read_pixels(tmp_path / "film"), film.pixels), "trained on as it is served"


def test_what_is_hidden_in_16_bits_stays_black(tmp_path: Path) -> None:
    seen = np.where(np.arange(FILM.shape[1]) < 100, 0, 65535) * np.ones(FILM.shape)
    film = read(tmp_path, deep_png(np.dstack([FILM, seen]), 4))
    assert film.pixels[:, :100].max() == 0 and film.pixels[:, 100:].max() > 0.5


def test_the_range_of_a_film_leaves_out_what_is_far_from_it() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(2000, 300, 100_000)
    low, high = film_range(values)
    for share in (0.001, 0.01, 0.2):
        marked = values.copy()
        marked[: int(share * values.size)] = 65535
        assert film_range(marked)[1] == pytest.approx(high, rel=0.2), share
    assert film_range(np.concatenate([values, np.zeros(60_000)]))[0] <= low, (
        "a dark surround is not an outlier here"
    )
    assert unit_range(np.array([[0, 255]], np.uint16)).max() == 1


def inverted(levels: np.ndarray) -> np.ndarray:
    return (4095 - levels).astype(np.uint16)


HEADERS: dict[str, tuple[np.ndarray, dict[str, object]]] = {
    "MONOCHROME1 with a table": (
        inverted(FILM),
        {"PhotometricInterpretation": "MONOCHROME1", "VOILUTSequence": [table(RAMP12, 12)]},
    ),
    "MONOCHROME1 and a table that inverts": (
        inverted(FILM),
        {
            "PhotometricInterpretation": "MONOCHROME1",
            "PresentationLUTShape": "IDENTITY",
            "VOILUTSequence": [table(RAMP12[::-1], 12)],
        },
    ),
    "a negative slope": (inverted(FILM), {"RescaleSlope": -1, "RescaleIntercept": 4095}),
    "a slope of nought": (FILM, {"RescaleSlope": 0, "RescaleIntercept": 0}),
    "a window of no width": (FILM, {"WindowCenter": 0, "WindowWidth": 0}),
    "a window of negative width": (FILM, {"WindowCenter": 2048, "WindowWidth": -4096}),
    "a huge window": (FILM, {"WindowCenter": 2048, "WindowWidth": 10**7}),
    "a steep sigmoid": (FILM, {"WindowCenter": 2048, "WindowWidth": 1, "VOILUTFunction": "SIGMOID"}),
    "a table without entries": (FILM, {"VOILUTSequence": [Dataset()]}),
    "no table": (FILM, {"VOILUTSequence": []}),
    "an unsigned window on signed values": (
        (FILM.astype(np.int16) - 2048).view(np.uint16),
        {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15} | FULL,
    ),
}


@pytest.mark.parametrize(("levels", "elements"), HEADERS.values(), ids=HEADERS.keys())
def test_whatever_the_header_says_the_film_is_seen(
    tmp_path: Path, levels: np.ndarray, elements: dict[str, object]
) -> None:
    film = read(tmp_path, dicom(levels=np.ascontiguousarray(levels), **elements))
    assert np.corrcoef(film.pixels.ravel(), FILM.ravel())[0, 1] > 0.99 and contrast(film) > 0.4


@pytest.mark.parametrize("ends", [(4000, 4095), (4095, 4000)], ids=["upwards", "downwards"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_range_of_padding_is_black_in_either_order_and_polarity(
    tmp_path: Path, ends: tuple[int, int], photometric: str
) -> None:
    padded = (FILM if photometric == "MONOCHROME2" else inverted(FILM)).copy()
    padded[:40], padded[40:60] = 4095, 4000
    said = {"PixelPaddingValue": ends[0], "PixelPaddingRangeLimit": ends[1]}
    film = read(tmp_path, dicom(levels=padded, PhotometricInterpretation=photometric, **said))
    assert film.pixels[:60].max() == 0
    assert np.corrcoef(film.pixels[60:].ravel(), FILM[60:].ravel())[0, 1] > 0.99


def test_floating_point_pixels_are_called_so(tmp_path: Path) -> None:
    dataset = dcmread(BytesIO(REFERENCE))
    del dataset.PixelData
    dataset.FloatPixelData, dataset.BitsAllocated = FILM.astype("<f4").tobytes(), 32
    out = BytesIO()
    dataset.save_as(out)
    with pytest.raises(UnreadableImage, match="floating-point"):
        read(tmp_path, out.getvalue())


def clear_grey(levels: np.ndarray, depth: int) -> bytes:
    """A grey PNG whose brightest value may be seen through (PNG's tRNS)."""
    kind = ">u2" if depth == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in levels)
    head = pack(">IIBBBBB", levels.shape[1], levels.shape[0], depth, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"tRNS", pack(">H", 2**depth - 1)), (b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*one) for one in (*chunks, (b"IEND", b"")))


@pytest.mark.parametrize("depth", [8, 16])
def test_what_may_be_seen_through_on_a_grey_png_is_black(tmp_path: Path, depth: int) -> None:
    levels = (FILM if depth == 16 else np.minimum(FILM8, 254)).copy()
    levels[:40] = 2**depth - 1
    film = read(tmp_path, clear_grey(levels, depth))
    assert film.pixels[:40].max() == 0
    assert np.corrcoef(film.pixels[40:].ravel(), FILM[40:].ravel())[0, 1] > 0.99


def test_a_palette_is_read_by_its_colours(tmp_path: Path) -> None:
    reversed_palette = Image.fromarray(255 - FILM8)
    reversed_palette.putpalette([255 - level // 3 for level in range(768)])
    film = read(tmp_path, encoded(reversed_palette))
    assert np.abs(film.pixels - FILM8 / 255).max() < 0.01


@pytest.mark.parametrize("value", [65535, 61440 + 3000, 4096])
@pytest.mark.parametrize("window", [FULL, {}], ids=["a window", "none"])
def test_padding_of_more_bits_than_are_stored_is_padding(
    tmp_path: Path, value: int, window: dict[str, int]
) -> None:
    """The decoder leaves 12 bits of it."""
    padded = np.where(EDGE, value, FILM).astype(np.uint16)
    film = read(tmp_path, dicom(levels=padded, PixelPaddingValue=value, **window))
    bare = read(
        tmp_path, dicom(levels=np.where(EDGE, 0, FILM).astype(np.uint16), PixelPaddingValue=0, **window)
    )
    assert film.pixels[EDGE].max() == 0
    assert np.abs(film.pixels - bare.pixels)[INNER].max() < 0.02
