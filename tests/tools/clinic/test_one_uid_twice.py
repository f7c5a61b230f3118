"""Two files under one SOPInstanceUID: a film sent again, or two films of a program that makes no new UIDs."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from pedaxr.clinic.clinic import open_clinic
from pedaxr.clinic.import_film import import_film
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import ImportFailed

from ..film_files import dicom_bytes

Change = Callable[[pydicom.Dataset], None]


def film(seed: int, change: Change = lambda dataset: None) -> bytes:
    """Soft blobs with grain, as no other seed has them."""
    random = np.random.default_rng(seed)
    blobs = cv2.resize(random.random((9, 7)), (210, 270), interpolation=cv2.INTER_CUBIC)
    grey = np.clip(blobs * 3000 + random.normal(0, 40, blobs.shape) + 500, 0, 4095)
    dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(height=270, width=210)))
    dataset.PixelData = grey.astype("<u2").tobytes()
    change(dataset)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def narrower(dataset: pydicom.Dataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = 2200, 2400


def lossily(dataset: pydicom.Dataset) -> None:
    grey = (np.frombuffer(dataset.PixelData, "<u2").reshape(270, 210) >> 4).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 40])
    _store(dataset, cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))


def smaller(dataset: pydicom.Dataset) -> None:
    grey = (np.frombuffer(dataset.PixelData, "<u2").reshape(270, 210) >> 4).astype(np.uint8)
    _store(dataset, cv2.resize(grey, (105, 135), interpolation=cv2.INTER_AREA))


def _store(dataset: pydicom.Dataset, grey: NDArray[np.uint8]) -> None:
    dataset.Rows, dataset.Columns = grey.shape
    dataset.PixelData = (grey.astype("<u2") << 4).tobytes()


def upside_down(dataset: pydicom.Dataset) -> None:
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(270, 210)
    dataset.PixelData = stored[::-1].tobytes()


def moved(dataset: pydicom.Dataset) -> None:
    """As a second exposure a breath later."""
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(270, 210)
    dataset.PixelData = np.roll(stored, (8, 3), (0, 1)).tobytes()


@pytest.mark.parametrize("change", [narrower, lossily, smaller])
def test_a_film_sent_again_in_other_greys_is_that_film_and_this_is_said(
    tmp_path: Path, change: Change
) -> None:
    for name, content in (("first", film(1)), ("again", film(1, change))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(content)
    import_films(tmp_path / "first", clinic_home=tmp_path / "home")
    summary = import_films(tmp_path / "again", clinic_home=tmp_path / "home")
    assert (summary.imported, summary.already_there, summary.rejected) == (0, 1, [])
    assert any("other grey values or compression" in note for note in summary.notes)
    known = import_film(tmp_path / "again" / "a.dcm", clinic=open_clinic(tmp_path / "home"))
    assert known == open_clinic(tmp_path / "home").registry.studies("P1")[0].study_id


@pytest.mark.parametrize("other", [film(2), film(1, upside_down), film(1, moved)], ids=[*"abc"])
def test_another_picture_under_a_known_uid_is_listed_and_never_taken_for_that_film(
    tmp_path: Path, other: bytes
) -> None:
    for name, content in (("first", film(1)), ("other", other)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(content)
    import_films(tmp_path / "first", clinic_home=tmp_path / "home")
    summary = import_films(tmp_path / "other", clinic_home=tmp_path / "home")
    assert (summary.imported, summary.already_there) == (0, 0)
    assert "another picture is in the clinic already" in summary.rejected[0].reason
    with pytest.raises(ImportFailed, match="UID of its own"):
        import_film(tmp_path / "other" / "a.dcm", clinic=open_clinic(tmp_path / "home"))


def test_two_pictures_of_one_folder_under_one_uid_are_not_called_one_film(tmp_path: Path) -> None:
    (tmp_path / "disc").mkdir()
    for number in (1, 2):
        (tmp_path / "disc" / f"{number}.dcm").write_bytes(film(number))
    summary = import_films(tmp_path / "disc", clinic_home=tmp_path / "home")
    (second,) = summary.rejected
    assert summary.imported == 1 and "another picture is at 1.dcm already" in second.reason
    again = import_films(tmp_path / "disc", clinic_home=tmp_path / "home")
    assert (again.imported, again.already_there, len(again.rejected)) == (0, 1, 1)


def test_the_same_film_with_another_header_is_there_already(tmp_path: Path) -> None:
    for name, change in (("first", lambda dataset: None), ("again", _with_a_comment)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(film(1, change))
    import_films(tmp_path / "first", clinic_home=tmp_path / "home")
    summary = import_films(tmp_path / "again", clinic_home=tmp_path / "home")
    assert (summary.already_there, summary.rejected) == (1, [])
    assert not any("other grey values" in note for note in summary.notes)


def _with_a_comment(dataset: pydicom.Dataset) -> None:
    dataset.ImageComments = "sent again"
