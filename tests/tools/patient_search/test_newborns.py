"""Newborns under a parent's name and numbered namesakes: the name alone opens none of their films."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.patient_search.name_forms import fold, name_forms, romanised_name
from pedaxr.patient_search.name_matching import READING, likeness
from pedaxr.patient_search.newborns import Newborn, without_newborn
from pedaxr.patient_search.person_name import latin_name
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

KOREAN = (
    "김지은아기",
    "김지은아기1",
    "김지은 아기2",
    "김지은 애기",
    "김지은의 아기",
    "김지은 B/O",
    "김지은 BABY2",
    "김지은 BB",
)
KOREAN += (
    "김지은남아",
    "김지은 둘째아기",
    "김지은 쌍둥이A",
    "BB김지은",
    "김지은 신생아",
    "김지은B",
    "김지은 1",
    "김지은(2)",
    "김지은 II",
)
LATIN = (
    "BABYBOY KIM JIEUN",
    "Baby of Kim Jieun",
    "KIM JIEUN B/O",
    "BB Kim Jieun",
    "BG Kim Jieun",
    "Twin A, Kim Jieun",
)
LATIN += (
    "Kim Jieun Twin 2",
    "NB Kim Jieun",
    "Infant girl Kim Jieun #2",
    "Kim Jieun 2",
    "BABY BOY 2 OF KIM JIEUN",
)
KOREAN += (
    "김지은 M아기",
    "김지은 F아기2",
    "김지은(신생아)",
    "김지은 아기(남)",
    "김지은 쌍태아 2",
    "김지은-아기",
)
LATIN += ("Son of Kim Jieun", "Daughter of Kim Jieun", "Kim Jieun B1", "Kim Jieun G2", "BabyA Kim Jieun")
LATIN += ("Kim Jieun, Female Infant", "Kim Jieun (twin 1)", "Kim Jieun 2nd twin", "Kim Jieun baby #1")
KOREAN += ("S/O 김지은", "김지은 T2", "김지은 쌍1", "김지은 미명", "김지은 자녀", "김지은 큰애")
LATIN += ("S/O Kim Jieun", "D/O KIM JIEUN", "C/O Kim Jieun", "Unnamed Kim Jieun", "KIM JIEUN INF")
LATIN += ("Kim Jieun TW2",)


def clinic_of(folder: Path, *names: str) -> Clinic:
    registry = Registry.create(folder / REGISTRY_FILE)
    registry.add([Patient(f"P{n}", name, date(2023, 6, 1)) for n, name in enumerate(names)], [])
    return Clinic(folder, registry)


@pytest.mark.parametrize("name", [*KOREAN, *LATIN])
def test_a_name_alone_never_opens_a_newborn_s_or_numbered_child_s_films(tmp_path: Path, name: str) -> None:
    clinic = clinic_of(tmp_path, name)
    for query in ("김지은", "Kim Jieun", "kim ji-eun"):
        found = find_patient(query, clinic=clinic)
        assert (found.status, [match.patient_id for match in found.nearest]) == ("no_match", ["P0"]), query
    assert find_patient(name, clinic=clinic).status == "one_match"


def test_mother_and_babies_are_all_listed(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path, "김지은", "김지은아기1", "김지은아기2")
    assert find_patient("김지은", clinic=clinic).total == 3


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("김지은아기1", "김지은아기2"),
        ("김지은 아기", "김지은아기1"),
        ("Twin A Kim Jieun", "Kim Jieun Twin B"),
        ("Baby boy Kim Jieun", "Baby girl Kim Jieun"),
        ("김지은A", "김지은B"),
        ("김지은 1", "김지은아기1"),
        ("Son of Kim Jieun", "Daughter of Kim Jieun"),
        ("Kim Jieun B1", "Kim Jieun B2"),
        ("김지은 M아기", "김지은 F아기"),
        ("김지은 T1", "김지은 T2"),
        ("S/O 김지은", "D/O 김지은"),
        ("김지은 큰애", "김지은 작은애"),
    ],
)
def test_one_twin_is_never_taken_for_the_other(tmp_path: Path, asked: str, there: str) -> None:
    found = find_patient(asked, clinic=clinic_of(tmp_path, there))
    assert found.status == "no_match" and [match.patient_name for match in found.nearest] == [there]


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("김지은 아기 2", "김지은아기2"),
        ("Twin B of Kim Jieun", "김지은 쌍둥이2"),
        ("Baby of Kim Jieun", "김지은 애기"),
        ("Baby Kim Jieun", "Baby boy Kim Jieun"),
        ("김지은 둘째아기", "BABY2 KIM JIEUN"),
        ("김지은 아들", "S/O 김지은"),
        ("Kim Jieun TW2", "김지은 쌍2"),
    ],
)
def test_the_same_newborn_is_found_in_another_convention(tmp_path: Path, asked: str, there: str) -> None:
    assert find_patient(asked, clinic=clinic_of(tmp_path, there)).status == "one_match"


@pytest.mark.parametrize(
    "name",
    [
        "Kim A Ra",
        "Smith John B",
        "Bo Kim",
        "이아들",
        "한여아",
        "홍길동",
        "아기",
        "Bobby Brown",
        "남궁민수",
        "Demo P0",
        "Son Heung Min",
        "Kim Son",
        "손아기",
        "Boy George",
        "So Jieun",
        "Kim Do Oh",
        "박자녀",
        "김미명",
        "T Kim",
    ],
)
def test_names_that_only_look_like_it_are_names(name: str) -> None:
    words = fold(name).split()
    assert without_newborn(words) == (words, None)


def test_what_is_said_of_a_newborn_is_kept() -> None:
    said = without_newborn(fold("BABY BOY 2 OF KIM JIEUN").split())
    assert said == (["kim", "jieun"], Newborn(is_baby=True, number="2", sex="M"))
    assert without_newborn(["김지은b"]) == (["김지은"], Newborn(is_baby=False, number="2"))


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("박지은 아기", "Baby of Park Jieun"),
        ("박지은아기", "Baby of Park Jieun"),
        ("김지은의 아기", "Baby of Kim Jieun"),
        ("김지은 신생아", "Baby of Kim Jieun"),
        ("김지은(신생아)", "Baby of Kim Jieun"),
        ("베이비 김지은", "Baby of Kim Jieun"),
        ("김지은 B/O", "Baby of Kim Jieun"),
        ("Baby of 김지은", "Baby of Kim Jieun"),
        ("이서연 여아 1", "Baby girl 1 of Lee Seoyeon"),
        ("김지은 둘째아기", "Baby 2 of Kim Jieun"),
        ("김지은 쌍둥이 A", "Baby 1 of Kim Jieun"),
        ("김지은 첫째", "Kim Jieun 1"),
        ("남궁민수 아기", "Baby of Namgung Minsu"),
        ("김민준 환아", "Kim Minjun"),
        ("김민준 님", "Kim Minjun"),
        ("김민준어린이", "Kim Minjun"),
    ],
)
def test_a_babys_name_in_latin_letters_says_whose_it_is(name: str, latin: str) -> None:
    assert latin_name(name) == latin
    found = likeness(name_forms(latin), name_forms(name))
    assert found is not None and found.score >= READING, "and finds the child"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("the other twin of Kim Jieun", "김지은 쌍둥이 B"),
        ("김지은 쌍둥이 중 다른 아이", "김지은 쌍둥이 A"),
        ("Lee Seoyeon girl 2", "이서연 여아 2"),
        ("Lee Seoyeon, boy 1", "이서연 남아 1"),
        ("girl 2 Lee Seoyeon", "이서연 여아 2"),
    ],
)
def test_a_baby_is_asked_for_in_other_words(asked: str, name: str) -> None:
    one, other = without_newborn(fold(asked).split()), without_newborn(fold(name).split())
    assert one[1] is not None and other[1] is not None and one[1].is_baby
    assert one[1].number in ("", other[1].number) and one[1].sex == other[1].sex
    assert likeness(name_forms(" ".join(one[0])), name_forms(" ".join(other[0]))) is not None


def test_a_boy_without_a_number_may_be_a_name() -> None:
    assert without_newborn(["reyes", "john", "boy"])[1] is None


@pytest.mark.parametrize("name", ["윤하람", "이남아", "김아기", "박아가", "남궁민수", "김양", "이군"])
def test_a_name_that_holds_such_syllables_stays_whole(name: str) -> None:
    assert latin_name(name) == romanised_name(name)


@pytest.mark.parametrize(
    "name", ["김*은 아기", "Baby of Kim Jieun", "Emma Wilson", "김지은 2", "김지은B", ""]
)
def test_of_other_names_there_is_no_other_writing(name: str) -> None:
    assert latin_name(name) is None
