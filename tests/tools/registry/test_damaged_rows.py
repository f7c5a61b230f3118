"""A damaged cell costs its row, never the search: the row is left out with a note, and verify names it."""

import logging
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import StorageError
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry

CANARY = "CANARY-9914"
GARBAGE = [f"'{CANARY}'", f"x'{CANARY.encode().hex()}ff'", f"CAST(x'{CANARY.encode().hex()}ff' AS TEXT)"]
PATIENT_CELLS = ["patient_birth_date", "patient_sex", "department", "patient_name"]
STUDY_CELLS = ["study_date", "view_position", "stated_age_months", "pixel_spacing_row_mm", "image_path"]
STUDY_CELLS += ["indication", "accession_number", "working_diagnosis"]


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    children = [Patient(f"P-{n}", "김민준", date(2020, 1, n)) for n in (1, 2, 3)]
    studies = [
        NewStudy(f"S-{n}", f"P-{n}", Path(f"{n}.png"), str(n) * 64, date(2024, 1, n)) for n in (1, 2, 3)
    ]
    registry.add(children, studies)
    return Clinic(tmp_path, registry)


def damage(clinic: Clinic, table: str, cell: str, garbage: str) -> None:
    key = {"patients": "patient_id = 'P-2'", "studies": "study_id = 'S-2'"}[table]
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute(f"UPDATE {table} SET {cell} = {garbage} WHERE {key}")


def named(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults if "is not as it was" in fault]


def is_text(cell: str, garbage: str) -> bool:
    """Whether the garbage is what may stand in that cell."""
    return garbage.startswith("'") and cell in (
        *("department", "patient_name", "indication", "accession_number", "working_diagnosis", "image_path"),
    )


@pytest.mark.parametrize("garbage", GARBAGE, ids=["another text", "a blob", "bytes that are not text"])
@pytest.mark.parametrize("cell", PATIENT_CELLS)
def test_a_damaged_patient_is_left_out_with_a_note_and_named_by_verify(
    clinic: Clinic, caplog: pytest.LogCaptureFixture, cell: str, garbage: str
) -> None:
    assert find_patient("김민준", clinic=clinic).total == 3, "control"
    damage(clinic, "patients", cell, garbage)
    with caplog.at_level(logging.INFO):
        found = find_patient("김민준", clinic=clinic)
    if not is_text(cell, garbage) or cell == "patient_name":
        assert [match.patient_id for match in found.matches] == ["P-1", "P-3"]
    if not is_text(cell, garbage) and cell != "patient_name":
        assert "damaged and was left out" in found.next_step
        with pytest.raises(StorageError, match="damaged"):
            clinic.registry.patient("P-2")
    assert any("patient 'P-2'" in fault for fault in named(clinic))
    assert not any(word in caplog.text for word in (CANARY, "P-2", "김민준"))


@pytest.mark.parametrize("garbage", GARBAGE, ids=["another text", "a blob", "bytes that are not text"])
@pytest.mark.parametrize("cell", STUDY_CELLS)
def test_a_damaged_study_is_left_out_with_a_note_and_named_by_verify(
    clinic: Clinic, caplog: pytest.LogCaptureFixture, cell: str, garbage: str
) -> None:
    damage(clinic, "studies", cell, garbage)
    with caplog.at_level(logging.INFO):
        found = find_patient("김민준", clinic=clinic)
    assert [match.patient_id for match in found.matches] == ["P-1", "P-2", "P-3"]
    if not is_text(cell, garbage):
        assert [len(match.studies) for match in found.matches] == [1, 0, 1]
        assert "damaged and was left out" in found.next_step
        with pytest.raises(StorageError, match="damaged"):
            clinic.registry.study("S-2")
    assert any("study 'S-2'" in fault for fault in named(clinic))
    assert not any(word in caplog.text for word in (CANARY, "S-2", "P-2", "김민준"))


def test_the_other_namesake_is_not_opened_without_a_question(clinic: Clinic) -> None:
    clinic.registry.delete("P-3")
    damage(clinic, "patients", "patient_sex", "'Q'")
    found = find_patient("김민준", clinic=clinic)
    assert [match.patient_id for match in found.matches] == ["P-1"]
    assert "confirm name and birth date" in found.next_step


@pytest.mark.parametrize("garbage", GARBAGE[1:])
@pytest.mark.parametrize("cell", ["patient_name", "skeleton"])
def test_a_damaged_index_ends_no_search(clinic: Clinic, cell: str, garbage: str) -> None:
    clinic.registry.add([Patient("P-7", "김민서", date(2020, 1, 1))], [])
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE patient_names SET {cell} = {garbage} WHERE patient_name = '김민서'")
    for query in ("김민준", "김민", "Kim Minjun", "김민즌"):
        assert find_patient(query, clinic=clinic).status in ("several_matches", "no_match")
