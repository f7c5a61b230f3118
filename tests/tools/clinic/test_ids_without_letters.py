"""Who asks for 60497 may mean P-60497: offered, and a match where the name or the birth date fits as well."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry

CHILDREN = (
    Patient("P-60497", "윤하람", date(2019, 4, 11), "M"),
    Patient("KH60497", "Emma Wilson", date(2020, 1, 5), "F"),
    Patient("00812", "Noah Okafor", date(2020, 1, 6), "M"),
    Patient("환자4412", "박하늘", date(2020, 1, 7), "F"),
    Patient("A1B2-4412", "최유나", date(2020, 1, 8), "F"),
)
FILM = NewStudy("S-820954", "00812", Path("films/x.png"), "0" * 64, date(2026, 1, 2))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("letters")
    Registry.create(home / REGISTRY_FILE).add(CHILDREN, [FILM])
    return open_clinic(home)


@pytest.mark.parametrize(
    ("query", "patient_ids"),
    [("60497", {"P-60497", "KH60497"}), ("820954", {"00812"}), ("4412", {"환자4412"}), ("6049", set())],
)
def test_alone_it_is_offered_and_no_match(clinic: Clinic, query: str, patient_ids: set[str]) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match" and {one.patient_id for one in found.nearest} == patient_ids
    assert all("but for letters in front" in one.reason for one in found.nearest)


def test_the_name_or_the_birth_date_makes_it_a_match(clinic: Clinic) -> None:
    for found in (
        find_patient("윤하람 60497", clinic=clinic),
        find_patient("60497", patient_birth_date="2019-04-11", clinic=clinic),
    ):
        assert [one.patient_id for one in found.matches] == ["P-60497"]


def test_another_name_beside_it_is_no_match(clinic: Clinic) -> None:
    found = find_patient("김민준 60497", clinic=clinic)
    assert found.status == "no_match" and found.nearest
    assert all("another name" in one.reason for one in found.nearest)


def test_the_letters_of_many_ids_are_few_looks_and_the_exact_id_comes_first(tmp_path: Path) -> None:
    children = [
        Patient(f"{letter}{n:05}", f"Ann {letter}{n}", None, "F") for letter in "ABC" for n in range(40)
    ]
    children.append(Patient("00007", "Bob Seven", None, "M"))
    Registry.create(tmp_path / REGISTRY_FILE).add(children, [])
    clinic = open_clinic(tmp_path)
    assert {one.patient_id for one in find_patient("00013", clinic=clinic).nearest} == {
        "A00013",
        "B00013",
        "C00013",
    }
    assert [one.patient_id for one in find_patient("00007", clinic=clinic).matches] == ["00007"]
