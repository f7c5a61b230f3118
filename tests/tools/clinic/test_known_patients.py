"""One child in several rows: what a later one states is added; an id that lost its zeros is asked about."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import ImportSummary, import_films
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import InvalidRequest
from pedaxr.registry import REGISTRY_FILE, Patient, Registry

from .test_tables_as_they_are import films

HEADER = "ImagePath,Class,PatientID,PatientName,PatientBirthDate,PatientSex,StudyDate,Age"


def imported(tmp_path: Path, *rows: str, at: int = 0) -> ImportSummary:
    """Each import has pictures of its own, from number `at` on."""
    folder = films(tmp_path / f"data{at}", at + len(rows))
    lines = [f"{at + number}.png,Normal,{row}" for number, row in enumerate(rows)]
    (folder / "films.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return import_films(folder, clinic_home=tmp_path / "home")


def patients(tmp_path: Path) -> dict[str, Patient]:
    registry = open_clinic(tmp_path / "home").registry
    found = registry.patients_with_ids(["P1", "00123456", "123456", "0", "00"])
    return {one.patient_id: one for one in found}


@pytest.mark.parametrize("apart", [True, False], ids=["two imports", "one table"])
@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        (
            "P1,김민준,,,2024-01-01,",
            "P1,김민준,2021-03-04,,2024-02-01,",
            Patient("P1", "김민준", date(2021, 3, 4)),
        ),
        ("P1,김민준,,,,", "P1,Kim Minjun,,M,,", Patient("P1", "김민준", None, "M")),
        ("P1,,,,,", "P1,김민준,2021-03-04,F,,", Patient("P1", "김민준", date(2021, 3, 4), "F")),
        ("P1,김민준,2021-03-04,M,,", "P1,,,,,", Patient("P1", "김민준", date(2021, 3, 4), "M")),
    ],
    ids=["birth date", "sex and script", "name", "nothing"],
)
def test_what_a_later_row_states_of_a_patient_is_added(
    tmp_path: Path, first: str, second: str, known: Patient, apart: bool
) -> None:
    if apart:
        imported(tmp_path, first)
        summary = imported(tmp_path, second, at=1)
    else:
        summary = imported(tmp_path, first, second)
    assert summary.rejected == [] and patients(tmp_path)["P1"] == known
    clinic = open_clinic(tmp_path / "home")
    assert find_patient(known.patient_name, clinic=clinic).total == 1
    assert find_patient("Unnamed", clinic=clinic).total == 0
    assert all(check.is_good for check in check_clinic(clinic))


@pytest.mark.parametrize("apart", [True, False], ids=["two imports", "one table"])
def test_a_birth_date_after_an_earlier_film_is_refused(tmp_path: Path, apart: bool) -> None:
    rows = ("P1,김민준,,,2020-01-01,", "P1,김민준,2021-03-04,,2024-02-01,")
    summary = imported(tmp_path, rows[0]) if apart else None
    summary = imported(tmp_path, rows[1], at=1) if summary else imported(tmp_path, *rows)
    assert "before this birth date" in summary.rejected[0].reason
    assert patients(tmp_path)["P1"].patient_birth_date is None


def test_what_is_known_is_never_replaced(tmp_path: Path) -> None:
    """Negative control, at the registry's own door."""
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P1", "김민준", date(2021, 3, 4))], [])
    registry.add([Patient("P1", "김민준", date(2021, 3, 4), "M")], [])
    assert registry.patient("P1").patient_sex == "M"
    for other in (
        Patient("P1", "김민준", date(2021, 3, 5), "M"),
        Patient("P1", "김민준", date(2021, 3, 4), "F"),
        Patient("P1", "이서연", date(2021, 3, 4), "M"),
        Patient("P1", "김민준", None, "M"),
    ):
        with pytest.raises(InvalidRequest, match="another name"):
            registry.add([other], [])


BORN = "2021-03-04"


@pytest.mark.parametrize("ids", [("00123456", "123456"), ("123456", "0123456"), ("00123456", "123456.0")])
def test_an_id_that_lost_its_zeros_is_the_patient_s_by_name_and_birth_date(
    tmp_path: Path, ids: tuple[str, str]
) -> None:
    imported(tmp_path, f"{ids[0]},김민준,{BORN},,,")
    summary = imported(tmp_path, f"{ids[1]},Kim Minjun,{BORN},M,,", at=1)
    assert summary.imported == 1 and any("zeros in front" in note for note in summary.notes)
    assert list(patients(tmp_path)) == [ids[0]]
    assert len(open_clinic(tmp_path / "home").registry.studies(ids[0])) == 2


@pytest.mark.parametrize("births", [("", BORN), (BORN, ""), ("", "")])
def test_an_id_that_may_have_lost_its_zeros_is_refused_with_what_to_do(
    tmp_path: Path, births: tuple[str, str]
) -> None:
    summary = imported(tmp_path, f"00123456,김민준,{births[0]},,,", f"123456,김민준,{births[1]},,,")
    assert [row.line for row in summary.rejected] == [3]
    assert "write the id in full" in summary.rejected[0].reason


@pytest.mark.parametrize(
    "other", ["이서연,2021-03-04", "김민준,2019-12-31", ",2021-03-04"], ids=["name", "birth date", "unnamed"]
)
def test_another_child_of_nearly_that_number_is_kept_apart(tmp_path: Path, other: str) -> None:
    summary = imported(tmp_path, f"00123456,김민준,{BORN},,,", f"123456,{other},,,")
    assert (summary.patients, summary.rejected) == (2, [])
    assert any("kept apart" in note for note in summary.notes)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("00123456", "김민준", date(2021, 3, 4)), Patient("77", "이서연")], [])
    return Clinic(tmp_path, registry)


@pytest.mark.parametrize("query", ["123456", "0123456", "１２３４５６", "123456.0", "000123456"])
def test_a_number_without_its_zeros_is_offered_and_never_picked(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert (found.status, [one.patient_id for one in found.nearest]) == ("no_match", ["00123456"])
    assert "zeros" in found.nearest[0].reason


@pytest.mark.parametrize("query", ["123456 김민준", "Kim Minjun 123456", "123456 2021-03-04"])
def test_with_the_name_or_birth_date_it_is_the_child(clinic: Clinic, query: str) -> None:
    assert [one.patient_id for one in find_patient(query, clinic=clinic).matches] == ["00123456"]


@pytest.mark.parametrize("query", ["123456 이서연", "123456 2021-03-05", "12345", "1234560", "7"])
def test_another_name_day_or_number_is_no_match(clinic: Clinic, query: str) -> None:
    if query == "7":
        with pytest.raises(InvalidRequest):
            find_patient(query, clinic=clinic)
    else:
        assert find_patient(query, clinic=clinic).total == 0
