"""Films under a masked name are one child's only where an id says so."""

from pathlib import Path

import pytest

from .test_import_films import FULL, run

DATED = {"StudyDate": "2024-01-15", "PatientSex": "M", "PatientBirthDate": "2020-03-04"}
LATER = DATED | {"StudyDate": "2024-02-01"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("김*준", "김*준"), ("김*준", "김○준"), ("김OO", "김OO"), ("KIM^M", "KIM^M"), ("김*준", "김준")],
)
def test_two_children_of_a_day_under_one_mask_are_not_one(tmp_path: Path, one: str, other: str) -> None:
    summary = run(tmp_path, tmp_path / "home", [DATED | {"PatientName": one}, LATER | {"PatientName": other}])
    assert summary.patients == 2
    assert any("masked name and no patient id" in note for note in summary.notes)


def test_whole_names_of_a_day_are_one_child_s(tmp_path: Path) -> None:
    """Control."""
    rows = [DATED | {"PatientName": "김민준"}, LATER | {"PatientName": "김민준"}]
    assert run(tmp_path, tmp_path / "home", rows).patients == 1


@pytest.mark.parametrize("masked", ["김*준", "김**", "김OO", "김X준"])
def test_beside_the_id_a_mask_that_fits_is_the_child_s_name(tmp_path: Path, masked: str) -> None:
    rows = [
        FULL | {"PatientID": "7", "PatientName": "김민준"},
        FULL | {"PatientID": "7", "PatientName": masked, "StudyDate": "2024-02-01"},
    ]
    summary = run(tmp_path, tmp_path / "home", rows)
    assert (summary.patients, summary.rejected) == (1, [])


def test_a_mask_that_does_not_fit_is_another_child_s(tmp_path: Path) -> None:
    rows = [
        FULL | {"PatientID": "7", "PatientName": "김민준"},
        FULL | {"PatientID": "7", "PatientName": "이*준", "StudyDate": "2024-02-01"},
    ]
    (refused,) = run(tmp_path, tmp_path / "home", rows).rejected
    assert "another name" in refused.reason
