"""A name that fits is no sure match beside another sex, a second name, or what means one of two twins."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.patient_search.name_forms import without_titles
from pedaxr.patient_search.told_apart import _SEX_OF_TITLES, sex_said
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

CHILDREN = (
    Patient("P1", "김민준", date(2019, 3, 7), "M"),
    Patient("P2", "Emma Wilson", date(2020, 1, 5), "F"),
    Patient("P3", "정우성", date(2019, 3, 8), "M"),
    Patient("P4", "정우성", date(2020, 3, 8), "F"),
    Patient("P5", "Twin A of Garcia", date(2024, 1, 1), "M"),
    Patient("P6", "Twin B of Garcia", date(2024, 1, 1), "F"),
    Patient("P7", "García Márquez, Gabriel", date(2018, 1, 1), "M"),
    Patient("P8", "Baby boy Smith", date(2024, 3, 1), "M"),
    Patient("P9", "John Smith", date(2012, 3, 1), "M"),
    Patient("P10", "박하늘", date(2022, 3, 1), None),
    Patient("P11", "Kim Male", date(2021, 3, 1), "F"),
    Patient("P12", "Baby of Kim Jieun", date(2021, 3, 1), "M"),
    Patient("P13", "สมชาย ใจดี", date(2019, 4, 1), "M"),
    Patient("P14", "양하람", date(2019, 4, 2), "M"),
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("apart")
    Registry.create(home / REGISTRY_FILE).add(CHILDREN, [])
    return open_clinic(home)


@pytest.mark.parametrize(
    ("query", "patient_id"),
    [
        *(
            (query, "P1")
            for query in ("김민준 여", "김민준, 여자", "김민준 F", "김민준/F", "Kim Minjun, female")
        ),
        *(("Baby girl Kim Jieun", "P12"), ("Baby girl Smith", "P8")),
        *((query, "P2") for query in ("Emma Wilson, male", "Emma Wilson (M)", "Emma Wilson 7/M")),
        *(
            (query, "P1")
            for query in ("Miss Kim Minjun", "Kim, Ms. Minjun", "김민준양", "김민준 양", "민준 양")
        ),
        *((query, "P2") for query in ("Mr Emma Wilson", "Master Emma Wilson", "Mr. Wilson")),
        *((query, "P13") for query in ("ด.ญ.สมชาย ใจดี", "เด็กหญิงสมชาย ใจดี")),
    ],
)
def test_a_child_of_another_sex_than_was_said_is_offered_and_no_match(
    clinic: Clinic, query: str, patient_id: str
) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match" and found.nearest[0].patient_id == patient_id
    assert found.nearest[0].reason.endswith("but another sex") or "number" in found.nearest[0].reason


@pytest.mark.parametrize(
    ("query", "patient_ids"),
    [
        *(("김민준 남", {"P1"}), ("김민준 M", {"P1"}), ("Emma Wilson (F)", {"P2"}), ("Kim Minjun/M", {"P1"})),
        *(("정우성", {"P3", "P4"}), ("정우성 남", {"P3"}), ("정우성 F", {"P4"})),
        *(("박하늘 여", {"P10"}), ("Kim Male", {"P11"})),
        *(
            ("정우성 군", {"P3"}),
            ("정우성양", {"P4"}),
            ("Miss Emma Wilson", {"P2"}),
            ("Miss 박하늘", {"P10"}),
        ),
        *(
            ("양하람", {"P14"}),
            ("하람 양", {"P14"}),
            ("ด.ช.สมชาย ใจดี", {"P13"}),
            ("Master Kim Minjun", {"P1"}),
        ),
    ],
)
def test_the_sex_that_is_said_tells_namesakes_apart(
    clinic: Clinic, query: str, patient_ids: set[str]
) -> None:
    assert {one.patient_id for one in find_patient(query, clinic=clinic).matches} == patient_ids


@pytest.mark.parametrize(
    ("name", "sex"),
    [
        *(("김민준 여", "F"), ("김민준/남/7", "M"), ("Kim Minjun 7y F", "F"), ("김민준 M", "M")),
        *(("Emma M Wilson", ""), ("Emma Wilson F", ""), ("여민준", ""), ("남 궁민", ""), ("김민준 2 m", "")),
    ],
)
def test_an_initial_a_surname_and_months_say_no_sex(name: str, sex: str) -> None:
    assert sex_said(name) == sex


@pytest.mark.parametrize(
    "query",
    ["김민준 Lee Jisoo", "김민준 (Kim Minseo)", "Kim^Minseo=김^민준", "sister of 김민준", "김민준 NICU"],
)
def test_a_child_named_beside_more_in_the_other_script_is_offered(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match" and [one.patient_id for one in found.nearest] == ["P1"]


def test_two_children_of_two_scripts_are_both_listed(clinic: Clinic) -> None:
    found = find_patient("김민준 Emma Wilson", clinic=clinic)
    assert {one.patient_id for one in found.matches} == {"P1", "P2"}


@pytest.mark.parametrize(
    "query", ["김민준 (Kim Minjun)", "Kim^Minjun=金^民俊=김^민준", "김민준 Kim Min-joon", "김민준 Minjun"]
)
def test_the_same_name_in_both_scripts_does(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert [one.patient_id for one in found.matches] == ["P1"] and "One child has" in found.next_step


@pytest.mark.parametrize(
    ("query", "patient_id"),
    [("Twin B of Garcia", "P6"), ("Garcia, twin 2", "P6"), ("García twin A", "P5"), ("Baby boy Smith", "P8")],
)
def test_a_newborn_asked_for_in_full_is_not_listed_beside_the_parent_and_the_twin(
    clinic: Clinic, query: str, patient_id: str
) -> None:
    found = find_patient(query, clinic=clinic)
    assert [one.patient_id for one in found.matches] == [patient_id]
    assert "onfirm" in found.next_step


@pytest.mark.parametrize(
    ("query", "patient_ids"),
    [("Twin of Garcia", {"P5", "P6", "P7"}), ("Baby Smith", {"P8", "P9"})],
)
def test_less_than_that_is_a_question(clinic: Clinic, query: str, patient_ids: set[str]) -> None:
    assert {one.patient_id for one in find_patient(query, clinic=clinic).matches} == patient_ids


def alone(home: Path, name: str, query: str) -> str:
    Registry.create(home / REGISTRY_FILE).add([Patient("P1", name, date(2020, 1, 5), "F")], [])
    found = find_patient(query, clinic=open_clinic(home))
    assert [match.patient_id for match in (*found.matches, *found.nearest)] == ["P1"]
    return found.status


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("차재서", "Seo Chajae"),
        ("Cha Jaeseo", "Seo Chajae"),
        ("이한채", "Hanchaei Lee"),
        ("이온민", "Yion Min"),
        ("Ji-Won I", "Won Iji"),
        ("Chongu Ho", "종우호"),
    ],
)
def test_a_name_whose_words_end_elsewhere_is_offered_and_no_match(
    tmp_path: Path, name: str, query: str
) -> None:
    assert alone(tmp_path, name, query) == "no_match"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        *(
            ("차재서", query)
            for query in ("Cha Jaeseo", "Jae-Seo Cha", "Cha, Jae Seo", "CHAJAESEO", "Jae Seo Cha")
        ),
        *(("남궁민", query) for query in ("Namgung Min", "Min Namkoong", "Nam Goong Min")),
        *(
            ("Cha, Jae-Seo", query)
            for query in ("차재서", "차 재서", "Chajaeseo", "Jaeseo Cha", "Cha Jai Suh")
        ),
        *(("남궁민수", query) for query in ("Namgung Min-Su", "patient Min Soo Namgung")),
        *(("Lee Anna Rose", query) for query in ("Rose Lee Anna", "Anna Rose Lee")),
    ],
)
def test_a_name_written_in_other_words_and_orders_is_the_same(tmp_path: Path, name: str, query: str) -> None:
    assert alone(tmp_path, name, query) == "one_match"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        *(
            ("김민준", query)
            for query in ("Ms Minjun Kim", "Kim Minjun/M", "Min-jun Kim, male", "Kim Min Jun 김민준")
        ),
        *(
            (name, "김민준")
            for name in ("Kim Minjun F", "Kim Minjun (김민준)", "Ms. Kim, Min-Jun", "KIM MINJUN=김민준")
        ),
        *((name, "Min Joon Kim") for name in ("Kim Minjun F", "Kim Minjun (김민준)", "Ms. Kim, Min-Jun")),
    ],
)
def test_what_stands_beside_a_name_is_no_word_of_it(tmp_path: Path, name: str, query: str) -> None:
    Registry.create(tmp_path / REGISTRY_FILE).add([Patient("P1", name, None, None)], [])
    assert find_patient(query, clinic=open_clinic(tmp_path)).status == "one_match"


def test_every_title_of_one_sex_is_no_part_of_a_name() -> None:
    assert not without_titles(" ".join(_SEX_OF_TITLES).split())
    assert without_titles(["mr", "yoon"]) == ["yoon"], "control"
