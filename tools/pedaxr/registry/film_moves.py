"""A film that was registered under the wrong child, moved to the right one.

It gets a new study id, so that no conversation, report or object in a PACS that names the old one ever means
two children. What was written and outlined under the wrong child is withdrawn: kept as it was stored, with
whose it was, and shown under nobody.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pedaxr.audit.trail import record
from pedaxr.errors import InvalidRequest, PatientNotFound, StudyNotFound
from pedaxr.records import Patient, patient_of, quoted
from pedaxr.registry.departments import is_hidden
from pedaxr.text import counted

# Appended to the registry's migrations; never changed once released.
MOVES: tuple[str, ...] = (
    """CREATE TABLE moved_films (
        study_id TEXT PRIMARY KEY NOT NULL,
        moved_to TEXT NOT NULL,
        patient_id TEXT NOT NULL,
        moved_at TEXT NOT NULL)""",
    """CREATE TABLE withdrawn (
        withdrawn_id TEXT PRIMARY KEY NOT NULL,
        kind TEXT NOT NULL,
        study_id TEXT NOT NULL,
        patient_id TEXT NOT NULL,
        withdrawn_at TEXT NOT NULL,
        stored TEXT NOT NULL)""",
    "CREATE INDEX withdrawn_by_study ON withdrawn (study_id)",
)
# The ids of films, and those that they had before: each may have been moved more than once.
_ONCE = (
    "WITH RECURSIVE once (study_id) AS "
    "({} UNION SELECT m.study_id FROM moved_films m JOIN once ON m.moved_to = once.study_id)"
)
# What hangs on a film, in the order in which it can be taken away, with its key.
_OF_FILM = (("sent", "sent_id"), ("reports", "report_id"), ("annotations", "annotation_id"))


@dataclass(frozen=True)
class FilmMove:
    """What a move does, or would do.

    Attributes:
        study_id, new_study_id: of the film before and after.
        wrong, right: the child whose film it was, and whose it is.
        reports, signed: report versions that are withdrawn, and how many of them a human signed.
        annotations: versions of humans' outlines that are withdrawn.
        in_pacs: objects that name the wrong child and lie in a PACS, which only a human can take back there.
        has_request: whether an indication or a working diagnosis stays with the film.
    """

    study_id: str
    new_study_id: str
    image_sha256: str
    study_date: date | None
    wrong: Patient
    right: Patient
    reports: int
    signed: int
    annotations: int
    in_pacs: int
    has_request: bool


@dataclass(frozen=True)
class Withdrawn:
    """A report or an annotation that was made under the wrong child.

    Attributes:
        kind: `reports`, `annotations` or `sent`.
        patient_id: the child under whom it was made.
        stored: the row, by column; `document` is its JSON.
    """

    kind: str
    study_id: str
    patient_id: str
    withdrawn_at: str
    stored: dict[str, Any]


def plan_move(connection: sqlite3.Connection, study_id: str, patient_id: str) -> FilmMove:
    """What moving a film to that patient would do. Raises as `move_film`."""
    study = _row(connection, "SELECT * FROM studies WHERE study_id = ?", study_id)
    if study is None or is_hidden(connection, study["patient_id"]):
        raise StudyNotFound(f"No study has the id {quoted(study_id)}. Find the film: pedaxr find NAME.")
    wrong, right = (_patient(connection, one) for one in (study["patient_id"], patient_id))
    if wrong == right:
        raise InvalidRequest(f"The film {quoted(study_id)} is that patient's already.")
    born = right.patient_birth_date
    if study["study_date"] and born and study["study_date"] < born.isoformat():
        raise InvalidRequest(
            f"The film {quoted(study_id)} is dated before the birth of {quoted(patient_id)}. It is not that "
            "child's, or one of the dates is wrong."
        )
    film = study["study_id"]
    return FilmMove(
        study_id=film,
        new_study_id=_new_id(study["image_sha256"], film, right.patient_id),
        image_sha256=study["image_sha256"],
        study_date=date.fromisoformat(study["study_date"]) if study["study_date"] else None,
        wrong=wrong,
        right=right,
        reports=_count(connection, "reports", film),
        signed=_count(connection, "reports", film, "AND status <> 'preliminary'"),
        annotations=_count(connection, "annotations", film),
        in_pacs=_count(connection, "sent", film),
        has_request=bool(study["indication"] or study["working_diagnosis"]),
    )


def move_film(connection: sqlite3.Connection, study_id: str, patient_id: str) -> FilmMove:
    """Give a film to another patient, under a new study id, and withdraw what was made of it before.

    Raises:
        StudyNotFound, PatientNotFound: there is no such film or patient.
        InvalidRequest: it is that patient's already, or dated before the birth.
    """
    move = plan_move(connection, study_id, patient_id)
    for table, key in _OF_FILM:
        _withdraw(connection, table, key, move)
    connection.execute(
        "UPDATE studies SET study_id = ?, patient_id = ? WHERE study_id = ?",
        [move.new_study_id, move.right.patient_id, move.study_id],
    )
    connection.execute(
        "INSERT INTO moved_films VALUES (?, ?, ?, ?)",
        [move.study_id, move.new_study_id, move.wrong.patient_id, _now()],
    )
    record(
        connection,
        "move_film",
        patient_ids=[move.wrong.patient_id, move.right.patient_id],
        study_id=move.new_study_id,
        image_sha256=move.image_sha256,
        detail=f"was {move.study_id}; withdrawn: {counted(move.reports, 'report')}, "
        f"{counted(move.annotations, 'annotation')}, "
        f"{move.in_pacs} sent objects",
    )
    return move


def is_moved(connection: sqlite3.Connection, study_id: str) -> bool:
    """Whether a film had that study id under another patient."""
    moved = "SELECT 1 FROM moved_films WHERE study_id = ?"
    return connection.execute(moved, [study_id]).fetchone() is not None


def is_withdrawn(connection: sqlite3.Connection, some_id: str) -> bool:
    """Whether a report or an annotation with that id was withdrawn, as far as the caller may know."""
    row = _row(connection, "SELECT patient_id FROM withdrawn WHERE withdrawn_id = ?", some_id)
    return row is not None and not is_hidden(connection, row["patient_id"])


def withdrawn_of(connection: sqlite3.Connection, study_id: str) -> list[Withdrawn]:
    """What was made of a film under other patients, by its study id then or now; oldest first."""
    rows = connection.execute(
        f"{_ONCE.format('SELECT ?1')} SELECT kind, study_id, patient_id, withdrawn_at, stored FROM withdrawn "
        "WHERE study_id IN once ORDER BY withdrawn_at, kind, withdrawn_id",
        [study_id],
    )
    return [Withdrawn(kind, film, whose, at, json.loads(stored)) for kind, film, whose, at, stored in rows]


def forget_moves(connection: sqlite3.Connection, patient_id: str) -> None:
    """Remove what was withdrawn from a patient, and what was made of that patient's films under others."""
    films = _ONCE.format("SELECT study_id FROM studies WHERE patient_id = ?1")
    for table in ("withdrawn", "moved_films"):
        condition = "study_id IN once OR patient_id = ?1"
        connection.execute(f"{films} DELETE FROM {table} WHERE {condition}", [patient_id])


def _withdraw(connection: sqlite3.Connection, table: str, key: str, move: FilmMove) -> None:
    cursor = connection.execute(f"SELECT * FROM {table} WHERE study_id = ?", [move.study_id])
    columns = [column[0] for column in cursor.description]
    for row in cursor.fetchall():
        cells = dict(zip(columns, row, strict=True))
        stored = json.dumps(cells, ensure_ascii=False)
        values = [cells[key], table, move.study_id, move.wrong.patient_id, _now(), stored]
        connection.execute("INSERT INTO withdrawn VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.execute(f"DELETE FROM {table} WHERE study_id = ?", [move.study_id])


def _patient(connection: sqlite3.Connection, patient_id: str) -> Patient:
    row = _row(connection, "SELECT * FROM patients WHERE patient_id = ?", patient_id)
    if row is None or is_hidden(connection, row["patient_id"]):
        raise PatientNotFound(f"No patient has the id {quoted(patient_id)}. Search by name: find_patient.")
    return patient_of(row)


def _row(connection: sqlite3.Connection, query: str, some_id: str) -> sqlite3.Row | None:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    row: sqlite3.Row | None = cursor.execute(query, [some_id]).fetchone()
    return row


def _count(connection: sqlite3.Connection, table: str, study_id: str, condition: str = "") -> int:
    counted = f"SELECT count(*) FROM {table} WHERE study_id = ? {condition}"
    return int(connection.execute(counted, [study_id]).fetchone()[0])


def _new_id(image_sha256: str, study_id: str, patient_id: str) -> str:
    """Another than any that the film had: it hangs on the one before."""
    return "S-" + hashlib.sha256(f"{image_sha256} {study_id} {patient_id}".encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(UTC).isoformat()
