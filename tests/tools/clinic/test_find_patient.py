"""A search lists whoever may be meant, picks nobody, and never fails on a name."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import NewStudy, Patient, Registry
from pedaxr.types import PatientSearch

PATIENTS = [
    Patient("P-0001", "김민준", date(2019, 3, 4), "M"),
    Patient("P-0002", "김민준", date(2021, 7, 9), "M"),
    Patient("P-0003", "이서연", date(2020, 1, 31), "F"),
    Patient("P-0004", "박지우", date(2022, 5, 5), "F"),
    Patient("P-0005", "박지호", date(2022, 5, 5), "M"),
    Patient("P-0006", "Emma Wilson", date(2018, 11, 2), "F"),
    Patient("P-0007", "Baby of Choi Yuna", date(2024, 6, 1), "F"),
    Patient("P-0008", "Robert'); DROP TABLE patients;--", date(2017, 1, 1), "M"),
    Patient("P-0009", "😀👶", date(2016, 1, 1), None),
    Patient("P-0010", "정하은", None, "F"),
    Patient("20170505", "Han Byul", date(2017, 5, 6), "F"),
    Patient("P-0012", "Kim Minseo", date(2017, 5, 5), "F"),
]
DATES = {1: date(2023, 1, 31), 2: date(2024, 2, 29), 3: date(2022, 12, 1), 4: None}


def film(number: int, patient_id: str, on: date | None) -> NewStudy:
    path = Path(f"films/{number}.png")
    return NewStudy(f"S-{number}", patient_id, path, f"{number:064x}", study_date=on, stated_age_months=30.0)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home = tmp_path_factory.mktemp("clinic")
    registry = Registry.create(home / "registry.sqlite3")
    registry.add(PATIENTS, [film(number, "P-0003", on) for number, on in DATES.items()])
    return Clinic(home, registry)


def ids(found: PatientSearch) -> list[str]:
    return [match.patient_id for match in found.matches]


@pytest.mark.parametrize(
    ("query", "patient_id"),
    [
        ("이서연", "P-0003"),
        ("Lee Seoyeon", "P-0003"),
        ("rhee so-yon", "P-0003"),
        ("SEOYEON LEE", "P-0003"),
        ("이 서 연 환자", "P-0003"),
        ("p-0003", "P-0003"),
        ("s-2", "P-0003"),
        ("2020-01-31", "P-0003"),
        ("2020년 1월 31일", "P-0003"),
        ("이서연 20200131", "P-0003"),
        ("Kim Minjun 2021-07-09", "P-0002"),
        ("김민서", "P-0012"),
        ("Baby of Choi Yuna", "P-0007"),
        ("최유나 아기", "P-0007"),
        ("Robert'); DROP TABLE patients;--", "P-0008"),
        ("😀👶", "P-0009"),
        ("wilson emma", "P-0006"),
    ],
)
def test_one_patient_is_found_by_name_id_or_date(clinic: Clinic, query: str, patient_id: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, ids(found), found.total) == ("one_match", [patient_id], 1)
    assert found.nearest == [] and found.matches[0].reason


@pytest.mark.parametrize("query", ["김민준", "Kim Minjun", "minjun kim", "Kim Min-joon"])
def test_namesakes_are_all_listed_and_never_picked(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, found.total) == ("several_matches", 2)
    assert set(ids(found)) == {"P-0001", "P-0002"}
    assert "do not choose" in found.next_step
    assert {match.patient_birth_date for match in found.matches} == {date(2019, 3, 4), date(2021, 7, 9)}


def test_a_short_limit_does_not_make_several_matches_one(clinic: Clinic) -> None:
    found = find_patient("김민준", limit=1, clinic=clinic)
    assert (found.status, found.total, len(found.matches)) == ("several_matches", 2, 1)


def test_a_birth_date_tells_namesakes_apart(clinic: Clinic) -> None:
    for born in ("2021-07-09", "20210709", date(2021, 7, 9)):
        assert ids(find_patient("김민준", patient_birth_date=born, clinic=clinic)) == ["P-0002"]


def test_a_name_with_another_birth_date_is_no_match_but_offered(clinic: Clinic) -> None:
    found = find_patient("이서연", patient_birth_date="2020-02-01", clinic=clinic)
    assert (found.status, found.matches) == ("no_match", [])
    assert [match.patient_id for match in found.nearest] == ["P-0003"]
    assert "another birth date" in found.nearest[0].reason


def test_a_patient_without_birth_date_does_not_pass_a_date_filter(clinic: Clinic) -> None:
    assert find_patient("정하은", clinic=clinic).status == "one_match"
    assert find_patient("정하은", patient_birth_date="2020-02-01", clinic=clinic).status == "no_match"


def test_twins_born_on_one_day_are_both_listed(clinic: Clinic) -> None:
    found = find_patient("2022-05-05", clinic=clinic)
    assert (found.status, set(ids(found))) == ("several_matches", {"P-0004", "P-0005"})


def test_an_id_that_is_also_a_birth_date_lists_both(clinic: Clinic) -> None:
    assert set(ids(find_patient("20170505", clinic=clinic))) == {"20170505", "P-0012"}


def test_a_mother_s_name_alone_does_not_open_her_baby_s_films(clinic: Clinic) -> None:
    found = find_patient("최유나", clinic=clinic)
    assert (found.status, found.matches) == ("no_match", [])
    assert [match.patient_id for match in found.nearest] == ["P-0007"]


@pytest.mark.parametrize("query", ["이서영", "Lee Seoyeom", "Leee Seoyeon", "Emma Wislon", "박지으"])
def test_a_slip_of_the_keyboard_is_offered_and_not_taken(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, found.total) == ("no_match", 0)
    assert found.nearest and found.nearest[0].patient_id in {"P-0003", "P-0006", "P-0004", "P-0005"}
    assert "one letter differs" in found.nearest[0].reason
    assert "do not choose" in found.next_step


def test_a_surname_lists_everybody_with_it(clinic: Clinic) -> None:
    for query in ("김", "Kim"):
        assert set(ids(find_patient(query, clinic=clinic))) == {"P-0001", "P-0002", "P-0012"}


def test_nobody_is_near_a_strange_name(clinic: Clinic) -> None:
    found = find_patient("Zxqv Wwyk", clinic=clinic)
    assert (found.status, found.nearest) == ("no_match", [])
    assert "another spelling" in found.next_step


def test_studies_come_newest_first_with_the_age_at_the_study(clinic: Clinic) -> None:
    studies = find_patient("이서연", clinic=clinic).matches[0].studies
    assert [study.study_id for study in studies] == ["S-2", "S-1", "S-3", "S-4"]
    assert [study.age_months for study in studies] == [48.97, 36.0, 34.0, 30.0]


def test_a_match_below_the_full_name_asks_for_confirmation(clinic: Clinic) -> None:
    assert "Confirm" in find_patient("서연", clinic=clinic).next_step
    assert "Confirm name" not in find_patient("이서연", clinic=clinic).next_step, "control"


@pytest.mark.parametrize("query", ["", " ", "a", "\u200b\u200b", "x" * 201])
def test_too_short_and_too_long_queries_are_refused(clinic: Clinic, query: str) -> None:
    with pytest.raises(InvalidRequest):
        find_patient(query, clinic=clinic)


@pytest.mark.parametrize("born", ["yesterday", "2020-02-30", "04.03.2020 or so", "04.03.2020"])
def test_a_birth_date_that_is_none_is_refused(clinic: Clinic, born: str) -> None:
    with pytest.raises(InvalidRequest, match="2021-03-04"):
        find_patient("이서연", patient_birth_date=born, clinic=clinic)


def test_limits_are_kept(clinic: Clinic) -> None:
    with pytest.raises(InvalidRequest):
        find_patient("김", limit=0, clinic=clinic)
    registry = Registry.create(clinic.home / "many.sqlite3")
    registry.add([Patient(f"M-{i}", "최하나", date(2020, 1, 1)) for i in range(30)], [])
    found = find_patient("최하나", limit=500, clinic=Clinic(clinic.home, registry))
    assert (found.total, len(found.matches)) == (30, 20)
    assert "30 patients match" in found.next_step


def test_pages_hold_every_match_once(clinic: Clinic) -> None:
    registry = Registry.create(clinic.home / "paged.sqlite3")
    registry.add([Patient(f"M-{i:02}", "최하나", date(2020, 1, 1)) for i in range(25)], [])
    paged = Clinic(clinic.home, registry)
    for born in (None, date(2020, 1, 1)):
        pages = [
            find_patient("최하나", patient_birth_date=born, limit=10, offset=at, clinic=paged)
            for at in (0, 10, 20, 30)
        ]
        assert [len(page.matches) for page in pages] == [10, 10, 5, 0]
        assert {page.total for page in pages} == {25} and {page.status for page in pages} == {
            "several_matches"
        }
        assert [i for page in pages for i in ids(page)] == [f"M-{i:02}" for i in range(25)]
    for offset in (-1, 301):
        with pytest.raises(InvalidRequest):
            find_patient("최하나", offset=offset, clinic=paged)


def test_more_matches_than_are_counted_are_said_to_be_more(clinic: Clinic) -> None:
    registry = Registry.create(clinic.home / "crowd.sqlite3")
    registry.add([Patient(f"C-{i}", "최하나" if i % 2 else f"최{i}") for i in range(700)], [])
    crowd = Clinic(clinic.home, registry)
    for query in ("최하나", "최"):
        found = find_patient(query, clinic=crowd)
        assert found.total == 300 and "More than 300" in found.next_step


@pytest.mark.parametrize(
    ("query", "patient_ids"),
    [
        ("이서연 P-0003", ["P-0003"]),
        ("P-0003 Lee Seoyeon 2020-01-31", ["P-0003"]),
        ("S-2 이서연", ["P-0003"]),
        ("김민준 P-0003", []),
        ("P-0003 2020-02-01", []),
    ],
)
def test_id_name_and_birth_date_together_must_all_fit(
    clinic: Clinic, query: str, patient_ids: list[str]
) -> None:
    found = find_patient(query, clinic=clinic)
    assert ids(found) == patient_ids
    assert patient_ids or found.nearest[0].patient_id == "P-0003"


def test_an_id_with_another_birth_date_is_offered_and_not_taken(clinic: Clinic) -> None:
    found = find_patient("P-0003", patient_birth_date="2020-02-01", clinic=clinic)
    assert (found.status, [match.patient_id for match in found.nearest]) == ("no_match", ["P-0003"])
    assert "another birth date" in found.nearest[0].reason


def test_an_accession_number_finds_the_patient(clinic: Clinic) -> None:
    registry = Registry.create(clinic.home / "accession.sqlite3")
    study = replace(film(1, "P-1", None), accession_number="ACC-77")
    registry.add([Patient("P-1", "이서연")], [study])
    found = find_patient("acc-77", clinic=Clinic(clinic.home, registry))
    assert [(match.patient_id, match.reason) for match in found.matches] == [("P-1", "accession number")]
    assert registry.study("S-1").accession_number == "ACC-77"


def test_a_typing_slip_with_the_birth_date_puts_the_patient_first(clinic: Clinic) -> None:
    found = find_patient("김민즌", patient_birth_date="2021-07-09", clinic=clinic)
    assert [match.patient_id for match in found.nearest] == ["P-0002"]


HOSTILE = [
    "' OR 1=1 --",
    '"name" NEAR/2 x',
    "김* OR 민",
    "%%",
    "__",
    "a\x00b",
    "NULL",
    "(((",
    "\u202eKim\u202c",
    "{}[]^=",
    "İI ıi ß",
    "e\u0301\u0301\u0301",
    "𝕶𝖎𝖒",
    "１２",
    "--",
    "a" * 200,
]


@pytest.mark.parametrize("query", HOSTILE)
def test_query_syntax_is_only_text(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.total == len(found.matches)
    assert find_patient("이서연", clinic=clinic).total == 1


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.text(min_size=2, max_size=60))
def test_no_text_is_an_error(clinic: Clinic, query: str) -> None:
    try:
        found = find_patient(query, clinic=clinic)
    except InvalidRequest:
        return
    assert all(char.isprintable() for char in found.query)


@settings(max_examples=60)
@given(st.lists(st.text(min_size=2, max_size=30), min_size=1, max_size=4))
def test_every_registered_name_is_found_by_itself(
    tmp_path_factory: pytest.TempPathFactory, given: list[str]
) -> None:
    home = tmp_path_factory.mktemp("c")
    registry = Registry.create(home / "registry.sqlite3")
    registry.add([Patient(f"id-{i}", name) for i, name in enumerate(given)], [])
    clinic = Clinic(home, registry)
    for i in range(len(given)):
        name = registry.patient(f"id-{i}").patient_name
        if len(name) >= 2:
            assert f"id-{i}" in ids(find_patient(name, limit=20, clinic=clinic))


def test_without_a_clinic_the_error_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="pedaxr demo"):
        find_patient("김민준")


def test_searching_loads_no_heavy_library(clinic: Clinic) -> None:
    script = (
        "import sys; from pathlib import Path; from pedaxr.clinic import open_clinic; "
        "from pedaxr.clinic.find_patient import find_patient; "
        f"assert find_patient('이서연', clinic=open_clinic(Path({str(clinic.home)!r}))).total == 1; "
        "print(sorted({'torch', 'transformers', 'pandas', 'sqlite_utils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"patient_birth_date": date(2020, 2, 2)}, "They differ in birth date."),
        ({"patient_birth_date": date(2020, 2, 2), "patient_sex": "M"}, "differ in birth date and sex."),
        ({}, "only the id tells them apart"),
    ],
)
def test_namesakes_are_told_apart_by_what_differs(
    tmp_path: Path, second: dict[str, object], words: str
) -> None:
    first = {"patient_birth_date": date(2020, 1, 1), "patient_sex": "F"}
    registry = Registry.create(tmp_path / "registry.sqlite3")
    registry.add(
        [Patient("P1", "김민준", **first), Patient("P2", "김민준", **first | second)],  # type: ignore[arg-type]
        [],
    )
    found = find_patient("김민준", clinic=Clinic(tmp_path, registry))
    assert found.status == "several_matches" and words in found.next_step
