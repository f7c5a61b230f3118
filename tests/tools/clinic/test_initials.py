"""Names asked for by initials are offered to a human, and none is picked."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.patient_matches import UNFIT
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


CRUZES = (
    *("Abigail Cruz", "Mia Cruz", "Mason Cruz", "Mila Grace Cruz", "Grace Mila Cruz", "Max Cruz", "Moe Cruz"),
    *("이민", "Kim Yuna", "Park, Seo-A", "박상", "박상민", "박상우", "박상준", "박상현"),
)


@pytest.fixture
def cruzes(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient(f"C{at}", name, date(2020, 1, at)) for at, name in enumerate(CRUZES, 1)], [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("M. G. Cruz", ["Mila Grace Cruz", "Grace Mila Cruz"]),
        ("G. M. Cruz", ["Grace Mila Cruz", "Mila Grace Cruz"]),
        ("Cruz, G. M.", ["Grace Mila Cruz", "Mila Grace Cruz"]),
        ("Herr G. Cruz", ["Grace Mila Cruz"]),
        ("Park S. A", ["Park, Seo-A"]),
        ("Park S.A.", ["Park, Seo-A"]),
    ],
)
def test_who_has_a_word_for_each_initial_comes_first(cruzes: Clinic, query: str, first: list[str]) -> None:
    found = find_patient(query, clinic=cruzes)
    listed = [*found.matches, *found.nearest]
    assert found.status != "one_match"
    assert [one.patient_name for one in listed][: len(first)] == first
    assert [one.score for one in listed] == sorted((one.score for one in listed), reverse=True)


@pytest.mark.parametrize(
    ("query", "name", "whole"),
    [
        ("Y. I. Min", "이민", "Yi Min"),
        ("Y I Min", "이민", "I Min"),
        ("M. M. Dupont", "Abigail Dupont", "Dupont"),
    ],
)
def test_who_only_sounds_like_initials_is_offered(tmp_path: Path, query: str, name: str, whole: str) -> None:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", name, date(2020, 1, 1))], [])
    clinic = Clinic(tmp_path, registry)
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match" and [one.patient_id for one in found.nearest] == ["P1"]
    assert find_patient(whole, clinic=clinic).status == "one_match", "control"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *(
            ("I Junji", "이준지"),
            ("Kim A In", "김아인"),
            ("Kim Minjun (M)", "김민준"),
            ("Emma M. Wilson", "Emma M. Wilson"),
        ),
        *(
            ("I. Hamin", "이하민"),
            ("O. Siu", "오시우"),
            ("Wilson, Emma M.", "Emma M. Wilson"),
            ("Dr. Emma Wilson", "Emma Wilson"),
            ("O Siu", "오시우"),
        ),
    ],
)
def test_a_letter_that_is_a_syllable_a_sex_or_registered_so_is_the_child(
    tmp_path: Path, query: str, name: str
) -> None:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", name, date(2020, 1, 1), "M")], [])
    assert find_patient(query, clinic=Clinic(tmp_path, registry)).status == "one_match"


@pytest.mark.parametrize("offset", [0, 3, 6])
def test_pages_of_those_who_answer_initials_list_each_child_once(cruzes: Clinic, offset: int) -> None:
    whole = find_patient("M. M. Cruz", limit=20, clinic=cruzes)
    page = find_patient("M. M. Cruz", limit=3, offset=offset, clinic=cruzes)
    assert whole.total == page.total == len(whole.matches)
    assert page.matches == whole.matches[offset : offset + 3]
    first = [one.patient_name for one in whole.matches if one.score > UNFIT]
    assert sorted(first) == ["Mason Cruz", "Max Cruz", "Mia Cruz", "Moe Cruz"]
