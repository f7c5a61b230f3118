"""Searches for names with umlauts in two letters, and for names of which somebody hid letters."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr import find_patient
from pedaxr.clinic import Clinic
from pedaxr.registry import Patient

from ..small_clinic import small_clinic

CHILDREN = {
    "U-1": "Jörg Müller",
    "U-2": "Joerg Mueller",
    "U-3": "Änne Schäfer",
    "U-4": "Søren Hansen",
    "M-1": "최*준",
    "M-2": "최민준",
    "M-3": "Choi M*****n",
    "M-4": "최O현",
}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    made: Path = tmp_path_factory.mktemp("names") / "clinic"
    opened = small_clinic(made)
    opened.registry.add([Patient(at, name, date(2021, 5, 5)) for at, name in CHILDREN.items()], [])
    return opened


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("Mueller", {"U-1", "U-2"}),
        ("Müller", {"U-1", "U-2"}),
        ("Mueller Joerg", {"U-1", "U-2"}),
        ("SCHÄFER, ÄNNE", {"U-3"}),
        ("Schaefer Aenne", {"U-3"}),
        ("Soeren Hansen", {"U-4"}),
        ("Soren Hansen", {"U-4"}),
    ],
)
def test_an_umlaut_in_two_letters_is_the_same_name(clinic: Clinic, query: str, ids: set[str]) -> None:
    assert {match.patient_id for match in find_patient(query, clinic=clinic).matches} == ids


def test_a_mask_finds_its_like_and_whom_it_may_hide(clinic: Clinic) -> None:
    found = find_patient("최*준", clinic=clinic)
    assert [match.patient_id for match in found.matches] == ["M-1", "M-2"]
    assert found.status == "several_matches", "nobody is picked"
    day = find_patient("최*준", patient_birth_date="2020-01-01", clinic=clinic)
    assert day.matches == []


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ("최서준", "M-1"),
        ("최OO", "M-2"),
        ("Choi Marin", "M-3"),
        ("최민O", "M-2"),
        ("Choi Seojun", "M-1"),
        ("Choe Seo-jun", "M-1"),
        ("최미란", "M-3"),
        ("Seo Hyun Choi", "M-4"),
    ],
)
def test_whom_a_mask_may_hide_is_offered_and_no_match(clinic: Clinic, query: str, offered: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.matches == [] and offered in {near.patient_id for near in found.nearest}


def test_what_is_left_of_a_masked_name_is_no_name(clinic: Clinic) -> None:
    found = find_patient("최준", clinic=clinic)
    assert "M-1" not in {match.patient_id for match in found.matches}
    (masked,) = (one for one in find_patient("최*준", clinic=clinic).matches if one.patient_id == "M-1")
    assert masked.patient_name_romanised is None, "Choi Jun is another name"
    assert find_patient("최○준", clinic=clinic).matches[0].patient_id == "M-1"


def test_a_mask_that_does_not_fit_is_not_offered(clinic: Clinic) -> None:
    near = {one.patient_id for one in find_patient("박서준", clinic=clinic).nearest}
    assert not near & {"M-1", "M-2", "M-3"}
