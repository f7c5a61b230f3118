"""Reports as rows: every version is a row of its own that is never changed, whoever writes.

The tables hold to that themselves: an update is refused, a signed version must say whose version it signs and
by whom, a study has one final report at most, and a version is superseded once.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from pedaxr.audit.trail import note, record
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.records import marks
from pedaxr.registry.standing import moment_after
from pedaxr.types import FilmIdentity, Report
from pedaxr_models.labels import TERMS

# From here on versions are signed. Appended to the registry's migrations; never changed once released.
SIGNED_REPORTS: tuple[str, ...] = (
    """ALTER TABLE reports ADD COLUMN signed_by TEXT
        CHECK ((status = 'preliminary') = (signed_by IS NULL))""",
    """ALTER TABLE reports ADD COLUMN supersedes TEXT REFERENCES reports (report_id)
        CHECK ((status = 'preliminary') = (supersedes IS NULL))""",
    "CREATE UNIQUE INDEX one_final_report ON reports (study_id) WHERE status = 'final'",
    "CREATE UNIQUE INDEX one_successor ON reports (supersedes) WHERE supersedes IS NOT NULL",
    """CREATE TRIGGER reports_stay_as_they_are BEFORE UPDATE ON reports
        BEGIN SELECT RAISE(ABORT, 'a stored report is never changed'); END""",
)
_ACTS = {"preliminary": "report", "final": "finalise", "amended": "amend"}
_STATES = (
    "SELECT study_id, report_id, version, status, created_at, CASE WHEN json_valid(document) THEN "
    "json_array(json_extract(document, '$.critical'), json_extract(document, '$.critical_certainty')) END "
    "FROM reports"
)
_MOST_ASKED = 500  # studies in one statement
_COLUMNS = "SELECT reports.document, reports.version FROM reports"


def report_of(row: sqlite3.Row | tuple[str, int]) -> Report:
    """The report of a row of document and version. Raises StorageError."""
    try:
        report = Report.model_validate_json(row[0])
    except ValidationError as err:
        raise StorageError(
            "A stored report was written by another version of pedaxr. Use that version to read it."
        ) from err
    return report.model_copy(update={"version": row[1]})


def find_report(connection: sqlite3.Connection, report_id: str) -> Report | None:
    """The stored report with that id."""
    row = connection.execute(f"{_COLUMNS} WHERE report_id = ?", [report_id]).fetchone()
    return report_of(row) if row else None


def successor_of(connection: sqlite3.Connection, report_id: str) -> Report | None:
    """The version that signs or amends that one."""
    row = connection.execute(f"{_COLUMNS} WHERE supersedes = ?", [report_id]).fetchone()
    return report_of(row) if row else None


def final_of(connection: sqlite3.Connection, study_id: str) -> Report | None:
    """The final report of a study, as it was before any amendment."""
    row = connection.execute(f"{_COLUMNS} WHERE study_id = ? AND status = 'final'", [study_id]).fetchone()
    return report_of(row) if row else None


def reports_of_study(connection: sqlite3.Connection, study_id: str) -> list[Report]:
    """All versions of a study's reports, oldest first."""
    rows = connection.execute(f"{_COLUMNS} WHERE study_id = ? ORDER BY version", [study_id])
    return [report_of(row) for row in rows]


@dataclass(frozen=True)
class ReportState:
    """What stands of a study: the newest signed version, else the newest draft.

    Attributes:
        created_at: when it was drafted or signed, ISO 8601.
        critical: its critical findings.
        certainty: of each of them, where the report says it.
    """

    study_id: str
    report_id: str
    version: int
    status: Literal["preliminary", "final", "amended"]
    created_at: str
    critical: tuple[str, ...]
    certainty: Mapping[str, str]


def report_states(connection: sqlite3.Connection, study_ids: Sequence[str]) -> dict[str, ReportState]:
    """By study; studies without a report are left out."""
    states: dict[str, ReportState] = {}
    for start in range(0, len(study_ids), _MOST_ASKED):
        some = study_ids[start : start + _MOST_ASKED]
        query = f"{_STATES} WHERE study_id IN ({marks(some)}) ORDER BY status <> 'preliminary', version"
        for row in connection.execute(query, some):  # the last one stands
            if row[3] not in _ACTS:
                continue  # damaged: `pedaxr verify` names it
            critical, certainty = _critical_of(row[5])
            states[row[0]] = ReportState(row[0], row[1], row[2], row[3], row[4], critical, certainty)
    return states


def _critical_of(stored: str | None) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Whatever version of pedaxr wrote the report: what is not as expected is left out."""
    named, certainty = json.loads(stored) if stored else (None, None)
    critical = tuple(name for name in named if name in TERMS) if isinstance(named, list) else ()
    certain = certainty if isinstance(certainty, dict) else {}
    return critical, {name: str(certain[name]) for name in critical if name in certain}


def store_draft(connection: sqlite3.Connection, report: Report) -> Report:
    """Store a draft as its study's next version; a report_id that is there gives that one back.

    Raises:
        InvalidRequest: it claims to be signed. Only `pedaxr.reports.sign_off` signs.
    """
    if report.status != "preliminary" or report.signed_by or report.supersedes or report.human_sections:
        raise InvalidRequest("Only a preliminary, unsigned report can be stored as a draft.")
    return find_report(connection, report.report_id) or insert_version(connection, report)


def insert_version(connection: sqlite3.Connection, report: Report) -> Report:
    """Store a report as its study's next version and give it back with that number."""
    query = "SELECT coalesce(max(version), 0) + 1 FROM reports WHERE study_id = ?"
    version = int(connection.execute(query, [report.study_id]).fetchone()[0])
    report = _as_stored(_in_order(connection, report), version)
    row = {
        "report_id": report.report_id,
        "study_id": report.study_id,
        "version": version,
        "status": report.status,
        "signed_by": report.signed_by,
        "supersedes": report.supersedes,
        "created_at": (report.signed_at or report.created_at).isoformat(),
        "image_sha256": report.image_sha256,
        "model": report.model,
        "document": report.model_dump_json(),
    }
    columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT INTO reports ({columns}) VALUES ({places})", row)
    patient = "SELECT patient_id FROM studies WHERE study_id = ?"
    record(
        connection,
        _ACTS[report.status],
        patient_ids=[row[0] for row in connection.execute(patient, [report.study_id])],
        study_id=report.study_id,
        report_id=report.report_id,
        image_sha256=report.image_sha256,
        detail=stored_as(str(row["document"])),
    )
    note(report_id=report.report_id)
    return report


def _in_order(connection: sqlite3.Connection, report: Report) -> Report:
    """With a time that is not before what is stored of the film."""
    which = "signed_at" if report.signed_at else "created_at"
    at = moment_after(connection, report.study_id, report.signed_at or report.created_at)
    return report.model_copy(update={which: at})


def _as_stored(report: Report, version: int) -> Report:
    """Without what the registry states each time it is shown: whose film it is, and other versions."""
    film = report.film and FilmIdentity(
        view_position=report.film.view_position, age_months=report.film.age_months
    )
    shown = {"film": film, "signed_report": None, "newer_draft": None, "next_step": None}
    return report.model_copy(update={"version": version, **shown})


def adopt_reports(connection: sqlite3.Connection) -> None:
    """Write reports from before the audit trail into it, so that from then on a change of them is seen."""
    reports = connection.execute(
        "SELECT report_id, study_id, image_sha256, document FROM reports ORDER BY study_id, version"
    ).fetchall()
    for report_id, study_id, image_sha256, document in reports:
        record(
            connection,
            "adopt_report",
            study_id=study_id,
            report_id=report_id,
            image_sha256=image_sha256,
            detail=stored_as(document),
        )


def stored_as(document: str) -> str:
    """What the audit trail notes of a report's text."""
    return f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"
