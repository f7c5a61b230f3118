"""Films given as arrays, pictures, data sets and bytes are read as their files are."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from pedaxr.errors import InvalidRequest, UnreadableImage
from pedaxr.radiograph.in_memory import film_of
from pedaxr.radiograph.read import Radiograph, read_radiograph

from ..film_files import dicom_bytes, samples

RAMP = np.arange(80 * 64, dtype=np.uint16).reshape(80, 64) * 12


def read(given: object) -> Radiograph:
    film = film_of(given)
    return film if isinstance(film, Radiograph) else read_radiograph(film)


def saved(folder: Path, array: np.ndarray[Any, Any]) -> Path:
    path = folder / "film.png"
    Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize(
    "array",
    [
        (RAMP >> 8).astype(np.uint8),
        RAMP,
        RAMP >> 4,
        np.dstack([(RAMP >> 8).astype(np.uint8)] * 2 + [(RAMP >> 9).astype(np.uint8)]),
        np.dstack([(RAMP >> 8).astype(np.uint8)] * 4),
    ],
    ids=["8 bits", "16 bits", "12 bits", "colour", "colour with alpha"],
)
def test_an_array_is_read_as_its_png_is(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    of_file, of_array = read_radiograph(saved(tmp_path, array)), read(array)
    assert np.abs(of_file.pixels - of_array.pixels).max() < 0.003
    assert of_array.pixels.dtype == np.float32 and of_array.colourfulness == of_file.colourfulness


def test_floats_are_taken_as_they_are_and_a_third_axis_of_one_is_no_axis() -> None:
    film = (RAMP / 200_000).astype(np.float64)  # dark: nothing stretches it
    assert np.allclose(read(film).pixels, film, atol=1e-7)
    assert np.array_equal(read(film[..., None]).pixels, read(film).pixels)
    assert np.array_equal(read(film[:, ::-1]).pixels, read(film).pixels[:, ::-1])


def test_the_digest_of_an_array_is_that_of_its_values_type_and_shape() -> None:
    eight = (RAMP >> 8).astype(np.uint8)
    same = read(np.asfortranarray(eight)).sha256
    assert read(eight).sha256 == same and len(same) == 64
    assert len({same, read(eight.reshape(64, 80)).sha256, read(eight.astype(np.uint16)).sha256}) == 3


@pytest.mark.parametrize(
    ("array", "hint"),
    [
        (np.zeros(50), "shape"),
        (np.zeros((3, 80, 64)), "shape"),
        (np.zeros((0, 64)), "shape"),
        (np.zeros((80, 64, 2)), "shape"),
        (np.zeros((80, 64), bool), "holds bool"),
        (np.full((80, 64), "x"), "holds <U1"),
        (np.zeros((80, 64), complex), "holds complex128"),
        (np.full((80, 64), 2.0), "range 0 to 1"),
        (np.full((80, 64), -1), "range 0 to 65535"),
        (np.full((80, 64), 70_000), "range 0 to 65535"),
        (np.full((80, 64), np.nan), "range 0 to 1"),
        (np.full((80, 64), np.inf), "range 0 to 1"),
    ],
)
def test_an_array_that_is_no_film_is_refused_with_what_to_give(array: object, hint: str) -> None:
    with pytest.raises(InvalidRequest, match=hint):
        film_of(array)


@pytest.mark.parametrize(
    "given",
    [7, None, {"pixels": 1}, ["a.png"], object()],
    ids=["number", "none", "mapping", "list", "object"],
)
def test_what_is_no_film_at_all_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequest, match="Give a path, an array"):
        film_of(given)


def test_an_array_beyond_every_detector_is_refused() -> None:
    endless = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (10_000, 10_000), (0, 0))
    with pytest.raises(UnreadableImage, match="million pixels"):
        film_of(endless)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_a_picture_of_any_mode_is_a_film(mode: str) -> None:
    grey = Image.fromarray((RAMP >> 8).astype(np.uint8))
    made = {
        "F": lambda: Image.fromarray((RAMP / 65535).astype(np.float32)),
        "I": lambda: Image.fromarray(RAMP.astype(np.int32)),
        "I;16": lambda: Image.fromarray(RAMP),
    }
    picture = made[mode]() if mode in made else grey.convert(mode)
    film = read(picture)
    assert picture.mode == mode and film.pixels.shape == (80, 64)
    assert film.pixels[-1].mean() > film.pixels[0].mean() + 0.3


def test_a_picture_turned_by_its_mark_is_turned_and_says_so(tmp_path: Path) -> None:
    mark = Image.Exif()
    mark[0x0112] = 6
    path = tmp_path / "turned.jpg"
    Image.fromarray((RAMP >> 8).astype(np.uint8)).save(path, exif=mark, quality=100)
    with Image.open(path) as picture:
        film = read(picture)
    assert film.pixels.shape == (64, 80)
    assert np.abs(film.pixels - read_radiograph(path).pixels).max() < 0.02
    assert film.notes == read_radiograph(path).notes != ()


def test_a_damaged_picture_says_so_without_a_traceback_of_pillow() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)).save(buffer, "PNG")
    picture = Image.open(io.BytesIO(buffer.getvalue()[:5000]))
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        film_of(picture)


DICOMS = {name: data for name, data in samples().items() if data[128:132] == b"DICM"}


@pytest.mark.parametrize("name", DICOMS)
def test_a_data_set_is_read_as_its_file_is_and_stays_as_it_was(name: str) -> None:
    of_file = read_radiograph(DICOMS[name])
    dataset = pydicom.dcmread(io.BytesIO(DICOMS[name]))
    before = (dataset.to_json(), str(dataset.file_meta))
    of_dataset = read(dataset)
    assert np.array_equal(of_dataset.pixels, of_file.pixels)
    assert (of_dataset.metadata, of_dataset.spacing) == (of_file.metadata, of_file.spacing)
    assert (dataset.to_json(), str(dataset.file_meta)) == before


def test_a_data_set_made_by_hand_needs_no_file_meta() -> None:
    dataset = pydicom.Dataset()
    dataset.Modality, dataset.Rows, dataset.Columns = "DX", 80, 64
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.PixelData = RAMP.tobytes()
    film = read(dataset)
    assert film.pixels.shape == (80, 64) and film.pixels[0].mean() > film.pixels[-1].mean()
    del dataset.PixelData
    with pytest.raises(UnreadableImage, match="holds no picture"):
        read(dataset)


def test_a_data_set_changed_by_its_owner_is_read_as_it_stands() -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(JPEG2000Lossless)))
    dataset.PixelSpacing, dataset.SeriesDescription = [0.4, 0.4], "Abdomen supine"
    dataset.decompress()
    film = read(dataset)
    assert film.pixel_spacing_mm == (0.4, 0.4) and film.metadata.view == "supine"


def test_bytes_and_text_of_a_path_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, RAMP)
    expected = read_radiograph(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (str(path), path.read_bytes(), bytearray(path.read_bytes()), "~/film.png"):
        assert read(given).sha256 == expected.sha256
