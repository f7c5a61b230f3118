"""The worklist: what is critical, unsigned and unread; what a signature does; whose patients are on it."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.clinic import worklist as module
from pedaxr.clinic.worklist import worklist
from pedaxr.errors import StorageError
from pedaxr.registry import Registry
from pedaxr.reports.sign_off import finalise
from pedaxr.types import WaitingFilm

from ..small_clinic import a_report, small_clinic

FREE_AIR = {"critical": ["pneumoperitoneum"], "critical_certainty": {"pneumoperitoneum": "suspected"}}


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Three films: one critical, one drafted, one unread."""
    clinic = small_clinic(tmp_path / "home")
    clinic.registry.save_report(a_report("R-1", "S-1").model_copy(update=FREE_AIR))
    clinic.registry.save_report(a_report("R-2", "S-2"))
    return clinic


def ids(films: list[WaitingFilm]) -> list[str]:
    return [film.study_id for film in films]


def test_each_film_waits_in_one_list(clinic: Clinic) -> None:
    made = worklist(clinic=clinic)
    assert (ids(made.critical), ids(made.unsigned), ids(made.unread)) == (["S-1"], ["S-2"], ["S-3"])
    assert (made.films, made.looked_at, made.today) == (3, 3, date.today())
    (film,) = made.critical
    assert (film.patient_name, film.report_status, film.report_id) == ("김민준", "preliminary", "R-1")
    assert film.critical_certainty == {"pneumoperitoneum": "suspected"}


def test_an_unread_film_is_never_said_not_to_be_critical(clinic: Clinic) -> None:
    assert "Unread films: 1." in worklist(clinic=clinic).next_step
    clinic.registry.save_report(a_report("R-3", "S-3"))
    assert "Unread" not in worklist(clinic=clinic).next_step, "control"


def test_a_signed_film_leaves_the_unsigned_and_no_later_draft_brings_it_back(clinic: Clinic) -> None:
    finalise("R-2", by="Kim Reader", clinic=clinic)
    clinic.registry.save_report(a_report("R-4", "S-2").model_copy(update=FREE_AIR))
    made = worklist(clinic=clinic)
    assert ids(made.unsigned) == [] and ids(made.critical) == ["S-1"]


def test_unsigned_critical_films_come_before_signed_ones(clinic: Clinic) -> None:
    clinic.registry.save_report(a_report("R-3", "S-3").model_copy(update=FREE_AIR))
    assert ids(worklist(clinic=clinic).critical) == ["S-3", "S-1"], "newest first"
    finalise("R-3", by="Kim Reader", told="Dr Lee", clinic=clinic)
    assert ids(worklist(clinic=clinic).critical) == ["S-1", "S-3"]


@pytest.mark.parametrize(
    ("departments", "seen"),
    [(["surgery"], {"S-1"}), (["oncology"], {"S-2"}), ([], set()), (["surgery", "oncology"], {"S-1", "S-2"})],
)
def test_a_caller_sees_the_films_of_their_departments_alone(
    clinic: Clinic, departments: list[str], seen: set[str]
) -> None:
    with called_by(Caller("nurse-7", "test", frozenset(departments))):
        made = worklist(clinic=clinic)
    assert {*ids(made.critical), *ids(made.unsigned), *ids(made.unread)} == seen
    assert made.films == len(seen), "not even the number of others"


def test_lists_are_cut_and_counted(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 0)
    made = worklist(clinic=clinic)
    assert (made.critical, made.critical_total, made.unread_total) == ([], 1, 1)
    monkeypatch.setattr(module, "MOST_FILMS", 2)
    assert "Older films were not looked at" in worklist(clinic=clinic).next_step


def test_an_empty_clinic_has_nothing_waiting(tmp_path: Path) -> None:
    made = worklist(clinic=Clinic(tmp_path, Registry.create(tmp_path / "registry.sqlite3")))
    assert (made.films, made.critical, made.unsigned, made.unread) == (0, [], [], [])


def test_no_clinic_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="no clinic"):
        worklist()
