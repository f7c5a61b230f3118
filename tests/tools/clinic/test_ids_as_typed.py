"""Ids and birth dates as people write them: behind a word for it, with other hyphens, beside more."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr_models.written.plain import hyphen_spellings

MINJUN, SEOYEON, JIHU = "00123456", "H-7", "12-345-678"
CHILDREN = (
    Patient(MINJUN, "김민준", date(2021, 3, 4)),
    Patient(SEOYEON, "이서연", date(2019, 12, 31)),
    Patient(JIHU, "박지후", date(2020, 5, 5)),
    Patient("W-1", "Minjun No", date(2018, 1, 2)),
    Patient("W-2", "Max Born", date(2018, 2, 3)),
    Patient("#12", "최유진", date(2017, 6, 7)),
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home: Path = tmp_path_factory.mktemp("typed")
    Registry.create(home / REGISTRY_FILE).add(CHILDREN, [])
    return open_clinic(home)


def matches(clinic: Clinic, query: str) -> list[str]:
    return [one.patient_id for one in find_patient(query, clinic=clinic).matches]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        *((f"{label}{MINJUN}", MINJUN) for label in ("MRN ", "MRN: ", "ID:", "#", "No. ", "patient id ")),
        *((f"{label}{MINJUN}", MINJUN) for label in ("등록번호 ", "환자번호:", "차트번호", "Hospital No: ")),
        *(("ID H-7", SEOYEON), ("patient number: h-7", SEOYEON), ("김민준 MRN 00123456", MINJUN)),
        *((f"{label}2021-03-04", MINJUN) for label in ("DOB ", "DOB: ", "born ", "생년월일 ", "생일: ")),
        *(
            ("김민준 생년월일 2021.03.04", MINJUN),
            ("born on 4 March 2021", MINJUN),
            ("생년월일 210304", MINJUN),
        ),
        *(("No Minjun", "W-1"), ("Max Born", "W-2"), ("Born Max", "W-2"), ("#12", "#12")),
    ],
)
def test_a_word_for_what_follows_is_no_part_of_it(clinic: Clinic, query: str, meant: str) -> None:
    assert matches(clinic, query) == [meant]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        *((query, JIHU) for query in ("12345678", "12 345 678", "12.345.678", "123-45678", "12_345_678")),
        *((query, SEOYEON) for query in ("h7", "H7", "H 7", "H_7")),
        *((query, MINJUN) for query in ("00-123-456", "0012-3456")),
    ],
)
def test_an_id_with_other_hyphens_is_offered_and_never_a_match(
    clinic: Clinic, query: str, meant: str
) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, [one.patient_id for one in found.nearest]) == ("no_match", [meant])
    assert "but for hyphens" in found.nearest[0].reason


def test_with_the_name_an_id_with_other_hyphens_is_a_match(clinic: Clinic) -> None:
    assert matches(clinic, "박지후 12345678") == [JIHU]
    assert matches(clinic, "이서연 12345678") == [], "control: another child's name"


@pytest.mark.parametrize("beside", ["2021", "2021년생", "2021-03", "9999999", "4세 2021"])
def test_a_name_beside_a_number_that_nobody_has_is_offered(clinic: Clinic, beside: str) -> None:
    found = find_patient(f"박지후 {beside}", clinic=clinic)
    assert found.status == "no_match" and JIHU in [one.patient_id for one in found.nearest]


def test_hyphens_are_put_into_ids_alone() -> None:
    assert {"H-7", "H7"} - {"H7"} <= set(hyphen_spellings("H7"))
    assert "12-345-678" in hyphen_spellings("12345678") and "12345678" in hyphen_spellings("12-345-678")
    assert hyphen_spellings("Kim-Park") == [] and hyphen_spellings("김민준") == []
    assert len(hyphen_spellings("7" * 64)) == 0 and len(hyphen_spellings("1" * 16)) <= 121
