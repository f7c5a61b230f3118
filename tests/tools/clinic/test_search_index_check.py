"""`pedaxr verify` computes the search index again: whoever a search by name would miss is named."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.registry import Patient

from ..small_clinic import small_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Names in both scripts, namesakes, a baby; one renamed, one merged, one deleted."""
    clinic = small_clinic(tmp_path / "home")
    names = ["김민준", "Baby of Choi Yuna", "최유나 아기", "박 지 호", "O'Brien Ann", "이서연", "Lee Ann"]
    clinic.registry.add([Patient(f"P-2{n}", name, date(2020, 1, 2)) for n, name in enumerate(names)], [])
    clinic.registry.rename("P-2", "박지후")
    clinic.registry.merge("P-25", into="P-26")
    clinic.registry.delete("P-24")
    return clinic


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


HIDE = "(SELECT name_id FROM patient_names WHERE patient_name = 'Emma Wilson')"
EDITS = {
    "the name taken out": ("DELETE FROM patient_names WHERE patient_name = 'Emma Wilson'", "'P-3' is not in"),
    "keys taken out": (f"DELETE FROM name_keys WHERE name_id = {HIDE}", "'P-3' is in the search index with"),
    "one key taken out": (
        f"DELETE FROM name_keys WHERE name_key IN (SELECT min(name_key) FROM name_keys "
        f"WHERE name_id = {HIDE})"
        f" AND name_id = {HIDE}",
        "'P-3' is in the search index with",
    ),
    "near keys taken out": (f"DELETE FROM near_keys WHERE name_id = {HIDE}", "'P-3' is in the search index"),
    "a key that leads to another": (
        f"INSERT INTO name_keys SELECT 'zzz', name_id FROM patient_names WHERE name_id = {HIDE}",
        "'P-3' is in the search index with",
    ),
    "keys led to another child": (
        f"UPDATE OR REPLACE name_keys SET name_id = 1 WHERE name_id = {HIDE}",
        "with other keys",
    ),
    "skeleton changed": (
        "UPDATE patient_names SET skeleton = 'x' WHERE patient_name = 'Emma Wilson'",
        "'P-3' is in the search index with",
    ),
    "a baby's made none": ("UPDATE patient_names SET is_baby = 0", "with other keys"),
    "a name of nobody": ("INSERT INTO patient_names VALUES (999, 'Nobody', 'x', 0)", "are nobody's"),
    "keys of nobody": ("INSERT INTO name_keys VALUES ('x', 999)", "are nobody's"),
    "sounds taken out": ("DELETE FROM name_sounds", "sounds"),
    "the table taken away": ("DROP TABLE near_keys", "cannot be read"),
    "a blob for a name": ("UPDATE patient_names SET patient_name = x'ff' WHERE name_id = 1", "search index"),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_of_the_index_is_found_and_repeats_no_name(clinic: Clinic, name: str) -> None:
    assert faults(clinic) == [], "control"
    statement, told = EDITS[name]
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute(statement)
    found = faults(clinic)
    assert any(told in fault for fault in found), found
    assert not any(content in fault for fault in found for content in ("Emma", "김민", "Nobody"))


def test_what_verify_names_is_what_a_search_would_miss(clinic: Clinic) -> None:
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        assert find_patient("Emma Wilson", clinic=clinic).status == "one_match", "control"
        database.execute(f"DELETE FROM name_keys WHERE name_id = {HIDE}")
        database.execute("DELETE FROM patient_names WHERE patient_name = 'Emma Wilson'")
    assert find_patient("Emma Wilson", clinic=clinic).status == "no_match"
    assert any("'P-3' is not in the search index" in fault for fault in faults(clinic))
