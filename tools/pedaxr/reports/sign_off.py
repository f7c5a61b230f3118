"""Earlier reports, and the two acts that only a named human does: to finalise one and to amend it.

Nothing is ever overwritten: each act adds a version beside the ones before it. The server reaches these acts
only through a form that its client shows to a human.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, home_of, note
from pedaxr.errors import InvalidRequest, ReportNotFound
from pedaxr.records import quoted
from pedaxr.registry.departments import is_hidden
from pedaxr.registry.report_versions import (
    final_of,
    find_report,
    insert_version,
    reports_of_study,
    successor_of,
)
from pedaxr.registry.schema import reading, writing
from pedaxr.text import printable
from pedaxr.types import Report

if TYPE_CHECKING:
    from sqlite3 import Connection

    from pedaxr.clinic import Clinic

AMENDMENTS = "Amendments"
_LONGEST_NAME = 100
_LONGEST_TEXT = 4000
# Names under which programs act. A signature stands for a person who can be asked.
_PROGRAMS = frozenset(
    {"admin", "agent", "ai", "assistant", "bot", "model", "pedaxr", "root", "system", "user"}
)


def list_reports(
    study_id: str | None = None, *, patient_id: str | None = None, clinic: "Clinic | None" = None
) -> list[Report]:
    """All versions of a study's or of a patient's reports, by study newest first, then oldest version first.

    Raises:
        InvalidRequest: neither or both ids were given.
        StudyNotFound, PatientNotFound, StorageError.
    """
    if (study_id is None) == (patient_id is None):
        raise InvalidRequest("Give either a study_id or a patient_id, taken from find_patient; not both.")
    registry = _opened(clinic).registry
    with accessing(home_of(clinic), "list_reports", study_id=study_id):
        if study_id is not None:
            studies = [registry.study(study_id)]
        else:
            studies = registry.studies(registry.patient(str(patient_id)).patient_id)
        with reading(registry.path) as connection:
            return [r for study in studies for r in reports_of_study(connection, study.study_id)]


def read_report(report_id: str, *, clinic: "Clinic | None" = None) -> Report:
    """One stored version. Raises ReportNotFound, StorageError."""
    with (
        accessing(home_of(clinic), "read_report"),
        reading(_opened(clinic).registry.path) as connection,
    ):
        return _stored(connection, report_id)


def finalise(
    report_id: str,
    *,
    by: str,
    impression: str | None = None,
    told: str | None = None,
    clinic: "Clinic | None" = None,
) -> Report:
    """Make a draft the study's final report: a new version; the draft stays. The same act again is one act.

    Args:
        report_id: of a preliminary report.
        by: name of the human who read the film and answers for the report.
        impression: in that human's words, in place of the draft's.
        told: of a critical report, who was told of the finding, or why nobody was.
        clinic: by default the one of `open_clinic()`.

    Raises:
        ReportNotFound, StorageError.
        InvalidRequest: the name is none, the report is no draft, its study has a final report already, or it
            is critical and nobody was told.
    """
    path = _opened(clinic).registry.path
    with accessing(path.parent, "finalise"):
        name = _human(by)
        return _finalised(path, report_id, name, impression, told)


def _finalised(path: Path, report_id: str, name: str, impression: str | None, told: str | None) -> Report:
    with writing(path) as database:
        draft = _stored(database.conn, report_id)
        signed_id = _signed_id(draft, "final", name, impression, told)
        if done := find_report(database.conn, signed_id):
            return done
        _check_may_be_final(database.conn, draft, told)
        words = {"Impression": _line(impression or ""), "Communication": _told(told)}
        return insert_version(database.conn, _signed(draft, signed_id, "final", name, words))


def amend(report_id: str, *, by: str, text: str, clinic: "Clinic | None" = None) -> Report:
    """Add a human's words to a final report, as a new version; earlier ones stay. The same again is one act.

    Args:
        report_id: of the newest version of a final report.
        by: name of the human who answers for the amendment.
        text: what is to be added or corrected.
        clinic: by default the one of `open_clinic()`.

    Raises:
        ReportNotFound, StorageError.
        InvalidRequest: name or text is empty, the report is a draft, or a later version amends it already.
    """
    path = _opened(clinic).registry.path
    with accessing(path.parent, "amend"):
        name, added = _human(by), _line(text)
        if not added:
            raise InvalidRequest("An amendment needs a text.")
        return _amended(path, report_id, name, added)


def _amended(path: Path, report_id: str, name: str, added: str) -> Report:
    with writing(path) as database:
        before = _stored(database.conn, report_id)
        signed_id = _signed_id(before, "amended", name, added)
        if done := find_report(database.conn, signed_id):
            return done
        _check_may_be_amended(database.conn, before)
        words = {AMENDMENTS: _with_amendment(before, f"{added} ({name}, {_now():%Y-%m-%d %H:%M} UTC)")}
        return insert_version(database.conn, _signed(before, signed_id, "amended", name, words))


def _opened(clinic: "Clinic | None") -> "Clinic":
    from pedaxr.clinic import open_clinic

    return clinic or open_clinic()


def _stored(connection: "Connection", report_id: str) -> Report:
    report = find_report(connection, report_id)
    patient_ids = _patients_of(connection, report) if report else []
    if report is None or any(is_hidden(connection, patient_id) for patient_id in patient_ids):
        raise ReportNotFound(
            f"No report has the id {quoted(report_id)}. List a study's with `pedaxr reports`."
        )
    note(
        patient_ids=patient_ids,
        study_id=report.study_id,
        report_id=report.report_id,
        image_sha256=report.image_sha256,
    )
    return report


def _patients_of(connection: "Connection", report: Report) -> list[str]:
    """The one whose film it is."""
    rows = connection.execute("SELECT patient_id FROM studies WHERE study_id = ?", [report.study_id])
    return [str(row[0]) for row in rows]


def _human(by: str) -> str:
    name = printable(by, _LONGEST_NAME)
    if sum(char.isalpha() for char in name) < 2 or name.casefold() in _PROGRAMS:
        raise InvalidRequest("A report is signed by a person: give the name of the human who read the film.")
    return name


def _check_may_be_final(connection: "Connection", draft: Report, told: str | None) -> None:
    assert draft.study_id is not None, "only reports of studies are stored"
    if draft.status != "preliminary":
        raise InvalidRequest("This version is signed already. Amend it instead.")
    if final := final_of(connection, draft.study_id):
        raise InvalidRequest(f"The study has a final report already, {final.report_id}. Amend that instead.")
    if draft.critical and not _line(told or ""):
        raise InvalidRequest(
            "The draft names a critical finding. Say who was told of it, or why nobody was, to make it final."
        )


def _check_may_be_amended(connection: "Connection", before: Report) -> None:
    if before.status == "preliminary":
        raise InvalidRequest("A draft is not amended. Finalise it first, with the impression in your words.")
    if later := successor_of(connection, before.report_id):
        raise InvalidRequest(f"A later version amends this one already: {later.report_id}. Amend that.")


def _signed(before: Report, report_id: str, status: str, name: str, words: Mapping[str, str]) -> Report:
    """The next version: the same findings, the human's words in the sections they were given for."""
    written = {section: text for section, text in words.items() if text}
    return before.model_copy(
        update={
            "report_id": report_id,
            "status": status,
            "signed_by": name,
            "signed_at": _now(),
            "supersedes": before.report_id,
            "sections": {**before.sections, **written},
            "human_sections": [
                *before.human_sections,
                *(w for w in written if w not in before.human_sections),
            ],
        }
    )


def _told(told: str | None) -> str:
    name = _line(told or "")
    return f"Told: {name}." if name else ""


def _signed_id(before: Report, *act: str | None) -> str:
    """The same act on the same version has the same id: the idempotency key of storing it."""
    return "R" + hashlib.sha256(json.dumps([before.report_id, *act]).encode()).hexdigest()[:20]


def _with_amendment(before: Report, entry: str) -> str:
    earlier = before.sections.get(AMENDMENTS, "").splitlines()
    return "\n".join([*earlier, f"{len(earlier) + 1}. {entry}"])


def _line(text: str) -> str:
    return printable(text, _LONGEST_TEXT)


def _now() -> datetime:
    return datetime.now(UTC)
