"""Names asked for by initials are offered to a human, and none is picked."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

NAMES = (
    "Oliver Brown",
    "Nguyễn Thị Minh Khai",
    "John Robert Smith",
    "Jane Smith",
    "Smith John Jr",
    "Ann Gray",
)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient(f"P{at}", name, date(2020, 1, at)) for at, name in enumerate(NAMES, 1)], [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Master O. Brown", "Oliver Brown"),
        ("Nguyễn T. M. Khai", "Nguyễn Thị Minh Khai"),
        ("Nguyen T M Khai", "Nguyễn Thị Minh Khai"),
        ("John R. Smith", "John Robert Smith"),
        ("A. M. Gray", "Ann Gray"),
    ],
)
def test_who_may_be_meant_by_initials_is_offered(clinic: Clinic, query: str, name: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert name in [one.patient_name for one in found.nearest]


def test_initials_that_several_may_have_pick_none(clinic: Clinic) -> None:
    found = find_patient("J. R. Smith", clinic=clinic)
    assert found.status == "several_matches"
    assert "John Robert Smith" in [one.patient_name for one in found.matches]


@pytest.mark.parametrize("query", ["P. Brown", "Nguyễn A. B. Khai", "O. Smith"])
def test_other_initials_offer_nobody_for_them(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert not any("initials" in one.reason for one in (*found.matches, *found.nearest))
