"""A search as typed with any keyboard, and a birth date in any spelling: the same child."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas
import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

CHILDREN = (
    Patient("00123456", "김민준", date(2021, 3, 4)),
    Patient("H-7", "이서연", date(2019, 12, 31)),
    Patient("210305", "박지호", date(2018, 1, 2)),
)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add(CHILDREN, [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "00123456",
            "００１２３４５６",
            "00123456.0",
            "김민준 ２０２１－０３－０４",
            "김민준 ２０２１０３０４",
            "김민준 210304",
        ),
        *(
            "김민준 21.03.04",
            "210304",
            "210304-3012345",
            "Ｋｉｍ Ｍｉｎｊｕｎ",
            "김민준 2021년 3월 4일",
            "4 March 2021",
        ),
        *("'00123456", '="00123456"', "김민준 4-Mar-21", "김민준 2021年3月4日", "김민준 20210304.0"),
        *("김민준(2021.3.4)", "\u200b김민준", "김민준 210304-3******"),
        *("210304-*******", "210304-3●●●●●●", "2103043******", "주민번호 210304-3******"),
        *("`210304-3******`", r"210304-3\*\*\*\*\*\*", r"**210304-3\*\*\*\*\*\***"),
        *("주민등록번호: 210304-3○○○○○○", "**김민준** (210304-3******)"),
    ],
)
def test_every_spelling_finds_the_child(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, [match.patient_id for match in found.matches]) == ("one_match", ["00123456"])


@pytest.mark.parametrize(
    "born",
    [
        *("20210304", "2021.03.04", "２０２１－０３－０４", "210304", "2021년 3월 4일", date(2021, 3, 4)),
        *("2021/3/4", "20210304.0", "2021-03-04T00:00:00Z", "4-Mar-21", "'2021-03-04", '="20210304"'),
    ],
)
def test_every_spelling_of_the_birth_date_argument_is_that_day(clinic: Clinic, born: str | date) -> None:
    assert find_patient("김민준", patient_birth_date=born, clinic=clinic).status == "one_match"
    assert find_patient("이서연", patient_birth_date=born, clinic=clinic).status == "no_match"


@pytest.mark.parametrize("nothing", ["", " ", "0", "0000-00-00", "null", None])
def test_an_empty_birth_date_is_left_out(clinic: Clinic, nothing: str | None) -> None:
    assert find_patient("김민준", patient_birth_date=nothing, clinic=clinic).status == "one_match"


@pytest.mark.parametrize("query", ["김민준 04.03.2021", "3/4/2021"])
def test_a_date_that_may_be_two_days_is_asked_about(clinic: Clinic, query: str) -> None:
    with pytest.raises(InvalidRequest, match="day and month cannot be told apart"):
        find_patient(query, clinic=clinic)


def test_six_digits_alone_may_be_a_mistyped_id_and_are_confirmed(clinic: Clinic) -> None:
    found = find_patient("210304", clinic=clinic)
    assert "six digits" in found.matches[0].reason and "Confirm" in found.next_step
    named = find_patient("210305", clinic=clinic)  # an id comes first
    assert [match.patient_id for match in named.matches] == ["210305"]


@pytest.mark.parametrize(
    "born",
    [datetime(2021, 3, 4, 5, 6), datetime(2021, 3, 4, tzinfo=UTC), pandas.Timestamp("2021-03-04 09:00")],
)
def test_an_hour_at_the_birth_date_hides_no_child(clinic: Clinic, born: date) -> None:
    found = find_patient("김민준", patient_birth_date=born, clinic=clinic)
    assert [match.patient_id for match in found.matches] == ["00123456"]


@pytest.mark.parametrize(
    "asked",
    [
        {"query": 123456},
        {"query": None},
        {"query": b"P-1"},
        {"query": "김민준", "patient_birth_date": 20210304},
        {"query": "김민준", "patient_birth_date": pandas.NaT},
        {"query": "김민준", "limit": "3"},
        {"query": "김민준", "offset": 0.5},
    ],
    ids=str,
)
def test_an_argument_of_another_type_is_refused_in_words(clinic: Clinic, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        find_patient(**asked, clinic=clinic)
