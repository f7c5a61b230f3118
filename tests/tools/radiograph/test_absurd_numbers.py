"""Numbers of a DICOM header that no film has: a finite reading or a declared refusal, never stored unread."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pedaxr.clinic.import_films import import_films
from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.decoding import decode
from pedaxr.radiograph.read import read_radiograph

from ..film_files import dicom_bytes

MARK = "77777777"
ABSURD = (
    *("NaN", "nan", "-nan", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e-308", "1e39", "-1e39", "1e38"),
    *("1e400", "0", "-0", "", "-1", "0x10", "1_0", "1e", "++1", "x", "1\\1", "\\", "1e-39", "1e7", "9" * 8),
)
KEYWORDS = (
    *(
        "RescaleSlope",
        "RescaleIntercept",
        "WindowCenter",
        "WindowWidth",
        "PixelSpacing",
        "ImagerPixelSpacing",
    ),
    *("EstimatedRadiographicMagnificationFactor", "DistanceSourceToDetector", "DistanceSourceToPatient"),
)


def film_with(keyword: str, value: str) -> bytes:
    """A film whose header has that text where a number belongs."""
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes()))
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    setattr(dataset, keyword, [MARK, MARK] if "Spacing" in keyword else MARK)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    data = buffer.getvalue()
    assert MARK.encode() in data
    return data.replace(MARK.encode(), value.encode()[: len(MARK)].ljust(len(MARK)))


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_an_absurd_number_gives_a_finite_reading_or_a_refusal(keyword: str) -> None:
    read = 0
    for value in ABSURD:
        try:
            film = decode(film_with(keyword, value))
        except UnreadableImage:
            continue
        read += 1
        assert np.isfinite(film.pixels).all() and film.pixels.min() >= 0 and film.pixels.max() <= 1, value
        assert film.pixels.std() > 0.1, f"{value}: the film is still to be seen"
        spacing = film.pixel_spacing_mm
        assert spacing is None or all(0 < side < 10 for side in spacing), value
    assert read > len(ABSURD) // 2, "control: most of them are passed over"


def test_a_number_that_a_film_has_is_followed() -> None:
    """Control: the same replacement with a slope of two and the film's own window."""
    assert np.allclose(decode(film_with("RescaleSlope", "1")).pixels, decode(dicom_bytes()).pixels)
    assert not np.allclose(decode(film_with("RescaleSlope", "2")).pixels, decode(dicom_bytes()).pixels)


@pytest.mark.parametrize("value", ["NaN", "1e308", "", "-inf"])
def test_what_is_imported_can_be_read_again(tmp_path: Path, value: str) -> None:
    source = tmp_path / "data"
    source.mkdir()
    (source / "1.dcm").write_bytes(film_with("RescaleSlope", value))
    (source / "films.csv").write_text(
        "ImagePath,Point,Class,Age,PatientID,PatientName\n1.dcm,[],Normal,3,H1,Ann Lee\n", encoding="utf-8"
    )
    summary = import_films(source, clinic_home=tmp_path / "home")
    stored = list((tmp_path / "home" / "films").iterdir())
    assert len(stored) == summary.imported == 1
    assert np.isfinite(read_radiograph(stored[0]).pixels).all()
