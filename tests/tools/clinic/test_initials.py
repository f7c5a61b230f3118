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
    "Brown, P.",
    "김민준",
    "이영규",
    "Kim Minseo",
    "Joon-Ho Park",
    "Yoo JS",
    "Emma Wilson",
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
        *((query, "김민준") for query in ("Kim M.J.", "Kim MJ", "KIM MJ", "M.J. Kim", "김 M.J.", "Gim MJ")),
        *(
            ("Lee Y.K.", "이영규"),
            ("Yi YG", "이영규"),
            ("Park J.H.", "Joon-Ho Park"),
            ("Kim M.S.", "Kim Minseo"),
        ),
        *(("Smith J.R.", "Smith John Jr"), ("Emma W.", "Emma Wilson")),
        *(("Peter Brown", "Brown, P."), ("Brown Peter", "Brown, P."), ("유재석", "Yoo JS")),
        ("Yoo Jae-suk", "Yoo JS"),
    ],
)
def test_who_may_be_meant_by_initials_is_offered(clinic: Clinic, query: str, name: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert name in [one.patient_name for one in found.nearest]


@pytest.mark.parametrize("query", ["J. R. Smith", "JR Smith", "Smith JR"])
def test_initials_that_several_may_have_pick_none(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "several_matches"
    assert "John Robert Smith" in [one.patient_name for one in found.matches]


def test_initials_of_which_only_one_child_is_left_are_a_question(tmp_path: Path) -> None:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", "Smith John Jr", date(2020, 1, 1))], [])
    for query in ("Smith JR", "Smith Jr", "J.R. Smith", "Smith J."):
        found = find_patient(query, clinic=Clinic(tmp_path, registry))
        assert found.status == "no_match" and [one.patient_id for one in found.nearest] == ["P1"]
    for query in ("Smith", "John Smith Jr", "Smith John"):
        assert find_patient(query, clinic=Clinic(tmp_path, registry)).status == "one_match", "control"


def test_each_initial_of_a_korean_name_counts(clinic: Clinic) -> None:
    for query in ("Kim M.H.", "Kim S.J.", "Lee M.J."):
        assert not any("initials" in one.reason for one in find_patient(query, clinic=clinic).nearest)
    for query, name in (("Kim M.J.", "Kim Minseo"), ("Kim J.", "김민준"), ("Kim M.J.K.", "김민준")):
        nearest = find_patient(query, clinic=clinic).nearest
        assert name not in [one.patient_name for one in nearest if "initials" in one.reason]


@pytest.mark.parametrize("query", ["Q. Brown", "Nguyễn A. B. Khai", "O. Smith", "Quentin Brown", "Nora Kim"])
def test_other_initials_offer_nobody_for_them(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert not any("initials" in one.reason for one in (*found.matches, *found.nearest))
