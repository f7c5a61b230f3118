"""A search for a short date that may be two days says so, unless it is somebody's id."""

from pathlib import Path

import pytest

from pedaxr import find_patient
from pedaxr.errors import InvalidRequest
from pedaxr.registry import Patient

from ..small_clinic import small_clinic


def test_a_date_that_may_be_two_days_is_said_to_be(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "clinic")
    with pytest.raises(InvalidRequest, match="first or last"):
        find_patient("04-03-21", clinic=clinic)
    with pytest.raises(InvalidRequest, match="first or last"):
        find_patient("김민준", patient_birth_date="04.03.21", clinic=clinic)


def test_an_id_that_looks_like_one_is_found(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "clinic")
    clinic.registry.add([Patient("04-03-21", "Emma Wood")], [])
    assert [match.patient_id for match in find_patient("04-03-21", clinic=clinic).matches] == ["04-03-21"]
