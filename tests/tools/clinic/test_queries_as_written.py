"""What people and agents write into a search beside a name: labels, brackets, sex, age, no such day."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest
from pedaxr.patient_search.typing_slips import typed_in_hangul
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

CHILDREN = (
    Patient("P1", "김민준", date(2019, 3, 7), "F"),
    Patient("P2", "이서연", date(2020, 1, 5), "F"),
    Patient("P3", "최예준", date(2019, 3, 8), "M"),
    Patient("MRN-001-77", "정하늘", date(2020, 2, 1), "F"),
    Patient("2019-13-05", "박지후", date(2018, 5, 5), "M"),
    Patient("X7", "SUBJ 0012", date(2017, 5, 5), "M"),
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("written")
    Registry.create(home / REGISTRY_FILE).add(CHILDREN, [])
    return open_clinic(home)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "2019년3월7일생",
            "2019-03-07생",
            "20190307 출생",
            "190307생",
            "2019.03.07.생",
            "김민준 2019.3.7생",
        ),
        *("7th of March 2019", "2019 03 07", "김민준 2019 03 07", "2019-03-07T00:00:00Z"),
        *("김민준/여/2019-03-07", "Kim Minjun/F/2019-03-07", "김민준 2019-03-07 여", "김민준, 여자"),
        *(
            "Name: Kim Minjun",
            "Patient name: Kim Minjun, DOB: 2019-03-07",
            "Last name: Kim, first name: Minjun",
        ),
        *("이름: 김민준", "성명 김민준", "환자명: 김민준, 등록번호: P1", "환자 김민준 님"),
        *("(P1)", "P1.", "[P1]", "P1번", "P1번 환자", "P1 환자", "patient P1", "김민준 (P1)"),
        *("Kim, Minjun (P1, 2019-03-07)", "김민준 (DOB 2019-03-07)"),
    ],
)
def test_what_stands_beside_a_name_id_or_date_is_understood(clinic: Clinic, query: str) -> None:
    assert [one.patient_id for one in find_patient(query, clinic=clinic).matches] == ["P1"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        *(
            (f"김민준 {beside}", "but for a number beside it")
            for beside in ("(P999)", "P999", "(2019)", "7세")
        ),
        *((f"Kim Minjun{age}", "but for a number beside it") for age in (", 7 years old", " 18 months")),
        ("김민준, 여, 7세", "but for a number beside it"),
        *((keys, "by the keys of a Korean keyboard") for keys in ("rlaalswns", "rla alswns")),
    ],
)
def test_what_is_not_checked_is_offered_and_never_a_match(clinic: Clinic, query: str, reason: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match" and found.nearest[0].patient_id == "P1"
    assert found.nearest[0].reason.endswith(reason)


def test_an_id_in_brackets_is_another_child_s(clinic: Clinic) -> None:
    found = find_patient("김민준 (P2)", clinic=clinic)
    assert found.status == "no_match"
    assert {one.patient_id for one in found.nearest} == {"P1", "P2"}


def test_a_number_that_is_part_of_a_name_finds_it(clinic: Clinic) -> None:
    for query in ("SUBJ 0012", "subj 001"):
        assert [one.patient_id for one in find_patient(query, clinic=clinic).matches] == ["X7"]


def test_a_word_for_an_id_may_begin_it(clinic: Clinic) -> None:
    found = find_patient("MRN 00177", clinic=clinic)
    assert [one.patient_id for one in found.nearest] == ["MRN-001-77"]


NO_DAYS = ("2020-02-30", "31.04.2019", "2019-13-07", "30 Feb 2020", "20200230", "200230-3", "2020년 2월 30일")


@pytest.mark.parametrize("query", [*NO_DAYS, "김민준 2019-02-30", "P1 2019-02-30", "김민준 (20.02.30)"])
def test_a_day_that_does_not_exist_is_said_to_be_none(clinic: Clinic, query: str) -> None:
    with pytest.raises(InvalidRequest, match=r"no such day.*2021-03-04.*are understood") as refused:
        find_patient(query, clinic=clinic)
    assert "김민준" not in str(refused.value) and query not in str(refused.value)


@pytest.mark.parametrize("day", NO_DAYS)
def test_so_is_one_given_beside_the_query(clinic: Clinic, day: str) -> None:
    with pytest.raises(InvalidRequest, match=r"patient_birth_date: .*no such day"):
        find_patient("김민준", patient_birth_date=day, clinic=clinic)


def test_an_id_that_looks_like_such_a_day_is_an_id(clinic: Clinic) -> None:
    assert [one.patient_id for one in find_patient("2019-13-05", clinic=clinic).matches] == ["2019-13-05"]
    assert [one.patient_id for one in find_patient("20191305", clinic=clinic).nearest] == ["2019-13-05"]
    for query in ("1234-56-78", "2019-45-67", "999999", "200230"):
        assert find_patient(query, clinic=clinic).status == "no_match"


@pytest.mark.parametrize(
    ("keys", "syllables"),
    [
        *(("rlaalswns", "김민준"), ("dltjdus", "이서연"), ("chldPwns", "최예준"), ("ghkdqh", "황보")),
        *(("dksqkek", "안바다"), ("Rkcl", "까치")),
        *((other, None) for other in ("kimminjun", "emma", "rla1", "", "rlat", "lee", "rlaQ")),
    ],
)
def test_keys_make_syllables_or_nothing(keys: str, syllables: str | None) -> None:
    assert typed_in_hangul(keys) == syllables


@pytest.mark.parametrize(
    "query",
    [
        *("Kim Minjun's latest film", "the latest film of Minjun Kim", "Kim Minjun’s x-rays, please"),
        *("please find Kim, Minjun and read the film", "Kim Min-jun abdominal x-ray", "compare Min Jun Kim"),
        *(
            "김민준 최근 사진",
            "김민준의 복부 사진",
            "환아 김민준은 어떤가요?",
            "어제 찍은 김 민준 님의 엑스레이",
        ),
        *("latest film of Kim Minjun born 2019-03-07", "“김민준” 판독 부탁"),
    ],
)
def test_a_name_within_a_sentence_is_offered(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert [one.patient_id for one in found.nearest] == ["P1"]
    assert found.nearest[0].reason.endswith("with other words beside it")
    assert "do not choose" in found.next_step


def test_of_names_within_a_sentence_the_longest_is_offered_and_no_word_that_only_sounds_like_one(
    tmp_path: Path,
) -> None:
    children = [
        Patient(f"P{number}", name, None, None)
        for number, name in enumerate(
            ("Victoria Ava Castillo", "Ava Castillo", "윤하람", "Choy Kun", "A I", "허준")
        )
    ]
    Registry.create(tmp_path / REGISTRY_FILE).add(children, [])

    def offered(query: str) -> list[str]:
        return [one.patient_name for one in find_patient(query, clinic=open_clinic(tmp_path)).nearest]

    assert offered("Victoria Ava Castillo's x-ray") == ["Victoria Ava Castillo"]
    assert offered("the x-ray of Ava Castillo") == ["Ava Castillo"]
    assert offered("윤하람의 최근 복부 사진") == ["윤하람"]
    assert offered("어제 응급실에 온 남자 아이") == []
    assert offered("허준의 최근 사진") == ["허준"]
    assert offered("latest film of Yun Haram") == ["윤하람"]


@pytest.mark.parametrize(
    "query",
    [
        *("the latest film of the boy", "김 씨의 사진", "Kim's latest film", "any child with free air today"),
        *("민준 사진 보여줘", "latest film of Kim Minjun born 2019-03-09", "film " * 30),
    ],
)
def test_a_sentence_without_a_whole_name_offers_nobody(clinic: Clinic, query: str) -> None:
    assert [one.patient_id for one in find_patient(query, clinic=clinic).nearest] == []
