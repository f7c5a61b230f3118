"""What a search tells its reader: what to confirm, how old things are, what it knows nothing of."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.registry.schema import writing
from pedaxr.reports.sign_off import finalise

from ..small_clinic import a_report, small_clinic


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    home = tmp_path_factory.mktemp("clinic")
    registry = Registry.create(home / REGISTRY_FILE)
    registry.add(
        [
            Patient("P-0003", "이서연", date(2020, 1, 31), "F"),
            Patient("P-0007", "Baby of Choi Yuna", date(2024, 6, 1), "F"),
        ],
        [NewStudy("S-2", "P-0003", Path("films/2.png"), "2" * 64, study_date=date(2024, 2, 29))],
    )
    return Clinic(home, registry)


@pytest.mark.parametrize(
    "query", ["이서연 2020-01-31", "2020-01-31", "P-0003", "s-2", "이서연 20200131", "Lee Seoyeon P-0003"]
)
def test_a_birth_date_or_an_id_leads_on(clinic: Clinic, query: str) -> None:
    assert find_patient(query, clinic=clinic).next_step.startswith("Use a study_id")


def test_a_name_alone_asks_for_the_birth_date_and_says_how_old_the_film_is(clinic: Clinic) -> None:
    told = find_patient("이서연", clinic=clinic).next_step
    assert "Confirm the birth date" in told and "newest film is from 2024-02-29" in told
    asked = find_patient("이서연", patient_birth_date="2020-01-31", clinic=clinic).next_step
    assert "Confirm" not in asked, "control"


@pytest.mark.parametrize("query", ["Baby of Choi Yuna", "최유나 아기", "choi yuna baby"])
def test_a_baby_under_a_parent_s_name_is_confirmed_by_the_birth_date(clinic: Clinic, query: str) -> None:
    told = find_patient(query, clinic=clinic)
    assert told.status == "one_match" and told.next_step.startswith("Filed under a parent's name.")
    assert "may not be registered" in told.next_step
    born = told.matches[0].patient_birth_date
    assert "Filed" not in find_patient(query, patient_birth_date=born, clinic=clinic).next_step


@pytest.mark.parametrize("query", ["Baby Choi", "Baby Yuna", "Yuna's baby"])
def test_a_baby_asked_for_by_part_of_a_parent_s_name_is_no_less_confirmed(clinic: Clinic, query: str) -> None:
    told = find_patient(query, clinic=clinic)
    assert told.status == "one_match" and "may not be registered" in told.next_step
    born = told.matches[0].patient_birth_date
    partly = find_patient(query, patient_birth_date=born, clinic=clinic).next_step
    assert "not by the full name" in partly, "a birth date does not make half a name whole"


@pytest.mark.parametrize("query", ["free air today", "any child with free gas", "미판독", "Zxqv Wwyk"])
def test_no_match_does_not_sound_like_no_finding(clinic: Clinic, query: str) -> None:
    found = find_patient(query, clinic=clinic)
    assert found.status == "no_match"
    assert "knows nothing of findings, film dates or what is unread" in found.next_step


def test_the_search_says_which_day_it_is(clinic: Clinic) -> None:
    assert find_patient("이서연", clinic=clinic).today == date.today()


def test_each_study_says_whether_it_is_reported_and_what_is_critical(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "home")
    assert studies(clinic) == {"S-1": ("none", [])}
    free_air = a_report("R-1").model_copy(update={"critical": ["pneumoperitoneum"]})
    clinic.registry.save_report(free_air)
    assert studies(clinic) == {"S-1": ("preliminary", ["pneumoperitoneum"])}
    clinic.registry.save_report(a_report("R-2"))
    assert studies(clinic) == {"S-1": ("preliminary", [])}, "the newest draft"
    finalise("R-1", by="Kim Reader", told="Dr Lee", clinic=clinic, although_newer=True)
    clinic.registry.save_report(a_report("R-3"))
    assert studies(clinic) == {"S-1": ("final", ["pneumoperitoneum"])}, "no draft hides a signed report"


def studies(clinic: Clinic) -> dict[str, tuple[str | None, list[str]]]:
    (match,) = find_patient("P-1", clinic=clinic).matches
    return {study.study_id: (study.report_status, study.critical) for study in match.studies}


def test_a_damaged_report_does_not_hide_its_patient(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "home")
    row = ("R-9", "S-1", 1, "preliminary", "2026-01-01", "0", "m", "{broken")
    with writing(clinic.registry.path) as database:
        database.conn.execute(
            "INSERT INTO reports (report_id, study_id, version, status, created_at, image_sha256, model, "
            f"document) VALUES ({', '.join('?' * len(row))})",
            row,
        )
    assert studies(clinic) == {"S-1": ("preliminary", [])}


def test_a_child_without_a_birth_date_is_confirmed_by_the_id(tmp_path: Path) -> None:
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P-1", "Omar Khalil"), Patient("P-2", "Baby of Rania Saleh")], [])
    clinic = Clinic(tmp_path, registry)
    for name in ("Omar Khalil", "Baby of Rania Saleh"):
        told = find_patient(name, clinic=clinic).next_step
        assert "no birth date is registered" in told and "onfirm the patient id" in told
    registry.add([Patient("P-3", "Omar Khalil", date(2020, 1, 1))], [])
    assert "Ask the user for the id" in find_patient("Omar Khalil", clinic=clinic).next_step
