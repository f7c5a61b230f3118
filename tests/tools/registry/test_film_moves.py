"""A film under the wrong child goes to the right one; nothing made under the one is shown under the other."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from pedaxr.audit.callers import Caller, called_by
from pedaxr.audit.chain import links
from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate, annotations_of
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.clinic.worklist import worklist
from pedaxr.errors import FilmMoved, InvalidRequest, PatientNotFound, ReportNotFound, StudyNotFound
from pedaxr.registry import Patient
from pedaxr.registry.schema import connected
from pedaxr.reports import sign_off
from pedaxr.types import Report
from pedaxr_models.labels import Finding

from ..small_clinic import a_report, small_clinic

SURGEON = Caller("s", "chat", departments=frozenset({"surgery"}))
ONCOLOGIST = Caller("o", "chat", departments=frozenset({"oncology"}))
ABSENT = NewAnnotation(
    based_on=0, model="m", findings={Finding.CONSTIPATION: AnnotatedFinding(decision="rejected")}
)


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """S-1 of P-1 with a draft, a signed report and an annotation."""
    clinic = small_clinic(tmp_path / "home")
    clinic.registry.save_report(a_report("R-1"))
    sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    annotate("S-1", ABSENT, by="Dr. Han", clinic=clinic)
    return clinic


def states(clinic: Clinic) -> dict[str, str]:
    found = find_patient("P-2", clinic=clinic).matches[0].studies
    return {study.study_id: study.report_status for study in found}


def is_whole(clinic: Clinic) -> bool:
    return all(check.is_good for check in check_clinic(clinic))


def test_a_moved_film_is_the_right_child_s_without_what_was_made_under_the_wrong_one(clinic: Clinic) -> None:
    assert clinic.registry.report_states(["S-1"])["S-1"].status == "final", "control"
    moved = clinic.registry.move_film("S-1", to="P-2")
    new = clinic.registry.study(moved.new_study_id)
    assert (new.patient_id, new.study_date, new.image_path.name) == ("P-2", date(2024, 3, 1), "1.png")
    assert clinic.registry.studies("P-1") == []
    assert states(clinic) == {"S-2": "none", moved.new_study_id: "none"}
    assert clinic.registry.reports(moved.new_study_id) == []
    assert annotations_of(moved.new_study_id, clinic=clinic) == []
    assert moved.new_study_id in {film.study_id for film in worklist(clinic=clinic).unread}
    assert is_whole(clinic)


def test_the_old_ids_say_what_happened_and_lead_to_no_child(clinic: Clinic) -> None:
    clinic.registry.move_film("S-1", to="P-2")
    with pytest.raises(FilmMoved, match="wrong patient and was moved") as moved:
        clinic.registry.study("S-1")
    assert "P-2" not in str(moved.value) and moved.value.code == "study_not_found"
    with pytest.raises(ReportNotFound, match="withdrawn when the film was moved"):
        sign_off.read_report("R-1", clinic=clinic)
    with pytest.raises(ReportNotFound, match="withdrawn when the film was moved"):
        sign_off.finalise("R-1", by="Dr. Han", clinic=clinic)
    assert find_patient("S-1", clinic=clinic).status == "no_match"


def test_what_was_withdrawn_is_kept_as_it_was_with_whose_it_was(clinic: Clinic) -> None:
    reports = clinic.registry.reports("S-1")
    moved = clinic.registry.move_film("S-1", to="P-2")
    for study_id in ("S-1", moved.new_study_id):
        kept = clinic.registry.withdrawn(study_id)
        assert sorted(one.kind for one in kept) == ["annotations", "reports", "reports"]
        assert {(one.patient_id, one.study_id) for one in kept} == {("P-1", "S-1")}
        documents = [one.stored["document"] for one in kept if one.kind == "reports"]
        assert {Report.model_validate_json(text).report_id for text in documents} == {
            report.report_id for report in reports
        }
    assert clinic.registry.withdrawn("S-2") == []


def test_the_new_report_is_the_right_child_s_first_version_and_can_be_signed(clinic: Clinic) -> None:
    film = clinic.registry.move_film("S-1", to="P-2").new_study_id
    drafted = clinic.registry.save_report(a_report("R-2", film))
    assert drafted.version == 1
    assert sign_off.finalise("R-2", by="Dr. Han", clinic=clinic).status == "final"


def test_the_chain_says_who_moved_what_from_whom_to_whom(clinic: Clinic) -> None:
    with called_by(Caller("Dr. Yoon", "terminal")):
        moved = clinic.registry.move_film("S-1", to="P-2")
    with connected(clinic.registry.path) as connection:
        (entry,) = (link.entry for link in links(connection) if link.entry.action == "move_film")
    assert (entry.user, entry.patient_ids, entry.study_id) == ("Dr. Yoon", ("P-1", "P-2"), moved.new_study_id)
    assert entry.detail == "was S-1; withdrawn: 2 reports, 1 annotation, 0 sent objects"
    assert entry.image_sha256 == moved.image_sha256


def test_a_dry_run_says_the_same_and_changes_nothing(clinic: Clinic) -> None:
    planned = clinic.registry.move_film("s-1", to="p-2", dry_run=True)
    assert (planned.reports, planned.signed, planned.annotations, planned.in_pacs) == (2, 1, 1, 0)
    assert (planned.wrong.patient_id, planned.right.patient_id) == ("P-1", "P-2")
    assert clinic.registry.study("S-1").patient_id == "P-1" and len(clinic.registry.reports("S-1")) == 2
    assert clinic.registry.move_film("S-1", to="P-2") == planned


@pytest.mark.parametrize(
    ("study", "to", "error", "said"),
    [
        ("S-9", "P-2", StudyNotFound, "No study"),
        ("S-1", "P-9", PatientNotFound, "No patient"),
        ("S-1", "P-1", InvalidRequest, "already"),
        ("S-1", "P-4", InvalidRequest, "dated before the birth"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused_and_does_nothing(
    clinic: Clinic, study: str, to: str, error: type[Exception], said: str
) -> None:
    clinic.registry.add([Patient("P-4", "이서연", date(2024, 6, 1), "F")], [])
    with pytest.raises(error, match=said):
        clinic.registry.move_film(study, to=to)
    assert clinic.registry.study("S-1").patient_id == "P-1" and len(clinic.registry.reports("S-1")) == 2


def test_a_film_moved_back_is_not_what_it_was_and_keeps_its_history(clinic: Clinic) -> None:
    there = clinic.registry.move_film("S-1", to="P-2").new_study_id
    clinic.registry.save_report(a_report("R-2", there))
    back = clinic.registry.move_film(there, to="P-1").new_study_id
    assert len({"S-1", there, back}) == 3 and clinic.registry.reports(back) == []
    assert {one.patient_id for one in clinic.registry.withdrawn(back)} == {"P-1", "P-2"}
    assert is_whole(clinic)


def test_a_picture_with_the_wrong_name_on_it_is_removed(clinic: Clinic) -> None:
    digest = clinic.registry.study("S-1").image_sha256
    drawn = [clinic.overlays / f"film-{digest[:16]}{end}.png" for end in ("", "-full")]
    other = clinic.overlays / "film-0000000000000000.png"
    for path in (*drawn, other):
        path.write_bytes(b"picture")
    clinic.registry.move_film("S-1", to="P-2")
    assert not any(path.exists() for path in drawn) and other.exists()


def test_a_change_of_what_was_withdrawn_is_seen(clinic: Clinic) -> None:
    clinic.registry.move_film("S-1", to="P-2")
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as connection:
        connection.execute("UPDATE withdrawn SET patient_id = 'P-2'")
    assert not is_whole(clinic)


def test_a_backup_holds_what_was_withdrawn(clinic: Clinic, tmp_path: Path) -> None:
    moved = clinic.registry.move_film("S-1", to="P-2")
    back_up(clinic, tmp_path / "backup.zip")
    again = restore(tmp_path / "backup.zip", tmp_path / "again")
    assert again.registry.withdrawn("S-1") == clinic.registry.withdrawn("S-1") != []
    assert again.registry.study(moved.new_study_id).patient_id == "P-2" and is_whole(again)


@pytest.mark.parametrize("patient", ["P-1", "P-2"])
def test_forgetting_either_child_forgets_what_was_withdrawn(clinic: Clinic, patient: str) -> None:
    clinic.registry.move_film("S-1", to="P-2")
    clinic.registry.delete(patient)
    assert clinic.registry.withdrawn("S-1") == [] and is_whole(clinic)


def test_merging_the_wrong_child_keeps_what_was_withdrawn(clinic: Clinic) -> None:
    clinic.registry.move_film("S-1", to="P-2")
    clinic.registry.merge("P-1", into="P-3")
    assert {one.patient_id for one in clinic.registry.withdrawn("S-1")} == {"P-3"} and is_whole(clinic)


def test_another_department_learns_nothing_of_a_move(clinic: Clinic) -> None:
    moved = clinic.registry.move_film("S-1", to="P-2")
    with called_by(ONCOLOGIST):  # of the right child, and not of the wrong one
        assert clinic.registry.study(moved.new_study_id).patient_id == "P-2"
        assert clinic.registry.withdrawn(moved.new_study_id) == []
        with pytest.raises(StudyNotFound, match="No study has the id") as unknown:
            clinic.registry.study("S-1")
        assert not isinstance(unknown.value, FilmMoved)
        for act in (
            sign_off.read_report,
            lambda r, clinic: sign_off.finalise(r, by="Dr. Han", clinic=clinic),
        ):
            with pytest.raises(ReportNotFound, match="No report has the id"):
                act("R-1", clinic=clinic)
    with called_by(SURGEON), pytest.raises(FilmMoved):  # control
        clinic.registry.study("S-1")
    with called_by(SURGEON), pytest.raises(StudyNotFound):
        clinic.registry.move_film("S-2", to="P-1")
