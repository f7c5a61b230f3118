"""segment_xray through its public door, with a segmentation that is never wrong."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr import segment_xray
from pedaxr.clinic import Clinic
from pedaxr.errors import (
    InvalidRequest,
    ModelUnavailable,
    NotAnAbdominalFilm,
    StorageError,
    StudyNotFound,
    UnreadableImage,
)
from pedaxr_models.facts import Side

from ..conftest import PerfectSegmenter, phantom


def test_free_air_is_outlined_measured_and_placed(film_clinic: Clinic, segmenter: PerfectSegmenter) -> None:
    result = segment_xray("free air", clinic=film_clinic)
    air = next(r for r in result.findings if r.name == "pneumoperitoneum")
    true = phantom("free air").masks["pneumoperitoneum"]
    row, column = phantom("free air").pixel_spacing_mm
    assert air.area_px == pytest.approx(true.sum(), rel=0.02)
    assert air.area_mm2 == pytest.approx(true.sum() * row * column, rel=0.02)
    assert air.side in (Side.BOTH, phantom("free air").facts.findings[-1].side)
    assert 0 < air.share_of_body < 0.5
    assert {"lungs", "liver", "spine"} <= {r.name for r in result.structures}
    assert "medical device" in result.summary


def test_a_picture_that_cannot_be_stored_is_an_error_although_it_is_written_meanwhile(
    film_clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="overlay picture cannot be written"):
        segment_xray("normal", clinic=film_clinic)
    assert not list(film_clinic.overlays.iterdir())


def test_the_overlay_is_written_whole_and_carries_no_patient(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    result = segment_xray("levels", clinic=film_clinic)
    assert result.overlay_path is not None
    path = Path(result.overlay_path)
    assert path.parent == film_clinic.overlays and "P0" not in path.name
    with Image.open(path) as picture:
        assert max(picture.size) <= 1024
    assert [p.name for p in film_clinic.overlays.iterdir()] == [path.name]


def test_a_supine_film_says_what_it_cannot_show(film_clinic: Clinic, segmenter: PerfectSegmenter) -> None:
    assert "cannot be excluded" in segment_xray("normal supine", clinic=film_clinic).summary
    assert "cannot be excluded" not in segment_xray("normal", clinic=film_clinic).summary


@pytest.mark.parametrize(
    ("request_of", "error", "hint"),
    [
        ({}, InvalidRequest, "find_patient"),
        ({"study_id": "nobody"}, StudyNotFound, "find_patient"),
    ],
    ids=["nothing", "unknown study"],
)
def test_a_wrong_request_says_what_to_do_next(
    film_clinic: Clinic, segmenter: PerfectSegmenter, request_of: dict[str, str], error: type, hint: str
) -> None:
    with pytest.raises(error, match=hint):
        segment_xray(**request_of, clinic=film_clinic)  # type: ignore[arg-type]
    assert segmenter.calls == 0


def test_an_unreadable_file_and_a_foreign_picture_are_refused_and_nothing_is_written(
    tmp_path: Path, segmenter: PerfectSegmenter
) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    out = tmp_path / "out"
    with pytest.raises(UnreadableImage):
        segment_xray(file=tmp_path / "broken.png", overlay_folder=out)
    with pytest.raises(NotAnAbdominalFilm):
        segment_xray(file=tmp_path / "noise.png", overlay_folder=out)
    assert not out.exists()


def test_a_file_that_changed_after_it_was_registered_is_not_read_as_this_child(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    study = film_clinic.registry.study("normal")
    Image.fromarray(phantom("levels").pixels).save(study.image_path)
    with pytest.raises(StorageError, match="changed"):
        segment_xray("normal", clinic=film_clinic)


def test_missing_weights_say_what_to_do_and_leave_nothing_behind(
    film_clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(ModelUnavailable, match="pedaxr train"):
        segment_xray("normal", clinic=film_clinic)
    assert not film_clinic.overlays.exists()


def test_studies_keep_their_dates(film_clinic: Clinic) -> None:
    assert film_clinic.registry.study("normal").study_date == date(2025, 3, 1)


def test_an_unknown_spacing_is_noted_and_one_that_the_registry_knows_is_not(
    film_clinic: Clinic, segmenter: PerfectSegmenter
) -> None:
    known = segment_xray("normal", clinic=film_clinic)
    unknown = segment_xray(file=film_clinic.registry.study("normal").image_path, overlay=False)
    noted = [any("pixel spacing" in note for note in result.quality_notes) for result in (known, unknown)]
    assert noted == [False, True]
