"""Whatever a reader relies on is bound into the audit chain: every edit of it is found and named."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr.reports import sign_off
from pedaxr.storage.home import ACCESS_FILE

from ..small_clinic import a_report, small_clinic

SECRET = "CANARY-7731"


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Three children, a signed report, one child renamed, one merged, one deleted."""
    clinic = small_clinic(tmp_path / "home")
    registry = clinic.registry
    registry.add([Patient("P-8", "박지호", date(2020, 1, 2)), Patient("P-9", "박지호")], [])
    registry.save_report(a_report("R-1"))
    sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    registry.rename("P-2", "김민서")
    registry.merge("P-9", into="P-8")
    registry.delete("P-3")
    find_patient("김민", clinic=clinic)
    return clinic


def edit(clinic: Clinic, *statements: str, path: str = REGISTRY_FILE) -> None:
    """As somebody does who has the file and no respect."""
    with closing(sqlite3.connect(clinic.home / path, isolation_level=None)) as connection:
        there = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(there).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            connection.execute(statement)
        for _, trigger in triggers:
            try:
                connection.execute(trigger)
            except sqlite3.OperationalError:
                continue  # its table is gone


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


NEW_REPORT = (
    "INSERT INTO reports SELECT 'R-x', study_id, 99, 'preliminary', created_at, image_sha256, model, "
    "document, NULL, NULL FROM reports LIMIT 1"
)
EDITS = {
    "study moved to a child": (
        "UPDATE studies SET patient_id = 'P-2' WHERE study_id = 'S-1'",
        "study 'S-1'",
    ),
    "name": ("UPDATE patients SET patient_name = '이서연' WHERE patient_id = 'P-1'", "patient 'P-1'"),
    "name of the renamed": (
        "UPDATE patients SET patient_name = '김민준' WHERE patient_id = 'P-2'",
        "patient 'P-2'",
    ),
    "birth date": (
        "UPDATE patients SET patient_birth_date = '2001-01-01' WHERE patient_id = 'P-1'",
        "patient 'P-1'",
    ),
    "birth date taken out": (
        "UPDATE patients SET patient_birth_date = NULL WHERE patient_id = 'P-8'",
        "'P-8'",
    ),
    "sex": ("UPDATE patients SET patient_sex = 'O' WHERE patient_id = 'P-1'", "patient 'P-1'"),
    "department": ("UPDATE patients SET department = 'x' WHERE patient_id = 'P-1'", "patient 'P-1'"),
    "id": ("UPDATE patients SET patient_id = 'P-77' WHERE patient_id = 'P-8'", "patient 'P-77' is alien"),
    "study date": ("UPDATE studies SET study_date = '1999-01-01' WHERE study_id = 'S-1'", "study 'S-1'"),
    "view": ("UPDATE studies SET view_position = 'erect' WHERE study_id = 'S-2'", "study 'S-2'"),
    "spacing": ("UPDATE studies SET pixel_spacing_row_mm = 9 WHERE study_id = 'S-1'", "study 'S-1'"),
    "film": ("UPDATE studies SET image_sha256 = 'x' WHERE study_id = 'S-1'", "study 'S-1'"),
    "path": ("UPDATE studies SET image_path = '../../etc/passwd' WHERE study_id = 'S-1'", "study 'S-1'"),
    "indication": ("UPDATE studies SET indication = 'x' WHERE study_id = 'S-1'", "study 'S-1'"),
    "report moved": (
        "UPDATE reports SET study_id = 'S-2', version = 9 WHERE report_id = 'R-1'",
        "report 'R-1'",
    ),
    "report's text": ("UPDATE reports SET document = replace(document, 'Normal', 'Ill')", "report 'R-1'"),
    "status": ("UPDATE reports SET status = 'amended' WHERE status = 'final'", "is not as it was stored"),
    "signer": ("UPDATE reports SET signed_by = 'Dr. No' WHERE status = 'final'", "is not as it was stored"),
    "created": ("UPDATE reports SET created_at = '1999' WHERE report_id = 'R-1'", "report 'R-1'"),
    "report taken out": ("DELETE FROM reports WHERE status = 'final'", "is missing"),
    "all reports taken out": ("DELETE FROM reports", "report 'R-1' is missing"),
    "report put in": (NEW_REPORT, "report 'R-x' is alien"),
    "child put in": (
        "INSERT INTO patients VALUES ('P-x', 'x', NULL, NULL, '2026', NULL)",
        "patient 'P-x' is alien",
    ),
    "child taken out": ("DELETE FROM patients WHERE patient_id = 'P-8'", "patient 'P-8' is missing"),
    "study taken out": ("DELETE FROM studies WHERE study_id = 'S-2'", "study 'S-2' is missing"),
    "merged id led elsewhere": ("UPDATE merged_patients SET merged_into = 'P-1'", "merged id 'P-9'"),
    "deleted child put back": (
        "INSERT INTO patients VALUES ('P-3', 'x', NULL, NULL, '2026', NULL)",
        "'P-3' is alien",
    ),
    "a cell that is not text": (
        "UPDATE patients SET patient_name = x'ff00' WHERE patient_id = 'P-1'",
        "'P-1'",
    ),
    "text that is none": (
        "UPDATE patients SET patient_name = CAST(x'ff41' AS TEXT) WHERE patient_id = 'P-1'",
        "'P-1'",
    ),
    "a date that is none": (
        f"UPDATE patients SET patient_birth_date = '{SECRET}' WHERE patient_id = 'P-1'",
        "'P-1'",
    ),
    "a path that is none": (
        "UPDATE studies SET image_path = CAST(x'2e00' AS TEXT) WHERE study_id = 'S-1'",
        "'S-1'",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_is_found_and_named_without_its_content(clinic: Clinic, name: str) -> None:
    assert faults(clinic) == [], "control"
    statement, named = EDITS[name]
    edit(clinic, statement)
    found = faults(clinic)
    assert any(named in fault for fault in found), found
    assert not any(
        content in fault for fault in found for content in (SECRET, "김민", "이서연", "Dr. ", "passwd")
    )


@pytest.mark.parametrize("path", [REGISTRY_FILE, ACCESS_FILE])
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE audit SET query = x'{SECRET.encode().hex()}ff' WHERE sequence = 1",
        f"UPDATE audit SET detail = CAST(x'{SECRET.encode().hex()}ff' AS TEXT) WHERE sequence = 1",
        f"UPDATE audit SET patient_ids = '{SECRET}' WHERE sequence = 1",
        f"UPDATE audit SET anchor = '99999999999999999999999:{'0' * 64}'",
        f"UPDATE audit SET anchor = x'{SECRET.encode().hex()}'",
        f"UPDATE audit SET hash = x'{SECRET.encode().hex()}'",
        f"UPDATE audit SET previous_hash = {2**62}",
        "UPDATE sqlite_sequence SET seq = 'x'",
        "DELETE FROM sqlite_sequence",
        "UPDATE audit SET sequence = -5 WHERE sequence = 1",
        "ALTER TABLE audit DROP COLUMN weights",
        "DROP TABLE audit",
        "ALTER TABLE audit RENAME COLUMN hash TO hush",
    ],
)
def test_an_edit_of_a_chain_is_a_fault_and_no_traceback(clinic: Clinic, path: str, statement: str) -> None:
    assert faults(clinic) == [], "control"
    edit(clinic, statement, path=path)
    found = faults(clinic)
    assert found and not any(SECRET in fault or SECRET.encode().hex() in fault for fault in found)


def test_a_row_digest_taken_out_of_the_chain_breaks_the_chain(clinic: Clinic) -> None:
    edit(clinic, "DELETE FROM audit WHERE action = 'state' AND sequence > 5")
    assert any("missing" in fault for fault in faults(clinic))


def test_rows_from_before_are_adopted_and_watched_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedaxr.registry import row_states, schema

    steps = schema.MIGRATIONS
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", steps[: steps.index((row_states.adopt_rows,))])
        patch.setattr(row_states, "WATCHED", {})
        registry = Registry.create(tmp_path / REGISTRY_FILE)
        registry.add([Patient("P-1", "김민준"), Patient("P-2", "이서연")], [])
    clinic = Clinic(tmp_path, Registry.open(tmp_path / REGISTRY_FILE))
    assert faults(clinic) == []
    edit(clinic, "UPDATE patients SET patient_name = 'x' WHERE patient_id = 'P-2'")
    assert any("patient 'P-2' is not as it was stored" in fault for fault in faults(clinic))
