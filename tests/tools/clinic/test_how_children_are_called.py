"""Titles of other languages, endings and parents beside a name, and words before a study's id."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry

CHILDREN = (
    Patient("P1", "김민준", date(2019, 3, 7), "M"),
    Patient("P2", "von der Heide, Karl", date(2017, 5, 6), "M"),
    Patient("P3", "Jean-François Lefèvre", date(2021, 3, 3), "M"),
    Patient("P4", "Herr Anna", date(2020, 3, 3), "F"),
    Patient("P5", "Anna Klein", date(2020, 4, 4), "F"),
)
FILM = NewStudy(
    study_id="S-100001", patient_id="P1", image_path=Path("films/a.png"), image_sha256="0" * 64,
    study_date=date(2019, 5, 6),
)  # fmt: skip


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("called")
    Registry.create(home / REGISTRY_FILE).add(CHILDREN, [FILM])
    return open_clinic(home)


@pytest.mark.parametrize(
    ("query", "patient_id"),
    [
        *((query, "P2") for query in ("Herr von der Heide", "der kleine Karl", "Prof. von der Heide")),
        *(
            (query, "P3")
            for query in ("Monsieur Lefèvre", "M. Lefèvre", "Mme Lefèvre", "petit Jean-François")
        ),
        ("Herr Anna", "P4"),  # whose surname it is
        *((query, "P1") for query in ("study S-100001", "film s-100001", "검사 S-100001", "P1 S-100001")),
        ("김민준 사진 S-100001", "P1"),
    ],
)
def test_titles_and_words_before_an_id_hide_nobody(clinic: Clinic, query: str, patient_id: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert [one.patient_id for one in found.matches] == [patient_id] and found.status == "one_match"


def test_a_title_never_makes_a_match_certain(clinic: Clinic) -> None:
    assert "not by the full name" in find_patient("Herr von der Heide", clinic=clinic).next_step


@pytest.mark.parametrize(
    "query",
    [
        *("민준이", "민준아", "민준 어머니", "김민준 엄마", "김민준이 보호자님", "Minjun's mother"),
        *(
            "김민준에게",
            "김민준한테",
            "김민준이랑",
            "김민준과",
            "민준이의",
            "민준이의 최근 사진",
            "김민준이의 사진",
        ),
        *("Minjun's", "Minjun’s latest film", "Minjun's x-ray", "the Minjun boy"),
    ],
)
def test_a_child_named_by_a_parent_or_as_called_is_offered_and_no_match(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert [one.patient_id for one in found.nearest] == ["P1"]


@pytest.mark.parametrize(
    "query",
    [
        *("film 2019-03-07", "study 190307", "Herr", "엄마", "S-100001 P2"),
        *("Kim's film", "the boy's film", "아이의 사진", "환자의 사진", "today's film"),
    ],
)
def test_no_day_of_a_film_is_a_birth_date_and_no_title_a_child(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert "P1" not in [one.patient_id for one in found.matches]
