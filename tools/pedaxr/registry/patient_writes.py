"""What changes a patient or adds a film: each inside the caller's transaction, the search index with it."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pedaxr.audit.trail import record
from pedaxr.errors import InvalidRequest, PatientNotFound
from pedaxr.patient_search.index_writes import index_name, index_names, unindex_name
from pedaxr.records import UNNAMED, NewStudy, Patient, Study, quoted, refuse_odd, study_row
from pedaxr.registry.departments import cleaned, is_hidden
from pedaxr.registry.film_moves import forget_moves
from pedaxr.registry.pictures import forget_pictures, note_picture
from pedaxr.text import counted, printable

_LONGEST_NAME = 200
_TELLING = ("patient_name", "patient_birth_date", "patient_sex")


def insert_patients(connection: sqlite3.Connection, patients: Iterable[Patient]) -> None:
    """Register patients, and their names together: see `index_names`. Raises InvalidRequest."""
    index_names(
        connection,
        [name for patient in patients if (name := _insert_patient(connection, patient)) is not None],
    )


def _insert_patient(connection: sqlite3.Connection, patient: Patient) -> str | None:
    """Register a patient; one already there must be the same, and is completed.

    Returns:
        The name as stored, which is still to be put into the index; None of a patient already there.

    Raises:
        InvalidRequest: the id is odd, another's, or was merged.
    """
    refuse_odd(patient.patient_id, "patient id")
    row = _patient_row(patient)
    there = connection.execute(
        f"SELECT {', '.join(_TELLING)} FROM patients WHERE patient_id = ?", [patient.patient_id]
    ).fetchone()
    if there is not None:
        _complete(connection, row, dict(zip(_TELLING, there, strict=True)))
        return None
    _refuse_merged(connection, patient.patient_id)
    _insert(connection, "patients", row)
    record(connection, "register", patient_ids=[patient.patient_id])
    return str(row["patient_name"])


def _complete(connection: sqlite3.Connection, row: dict[str, Any], there: dict[str, Any]) -> None:
    """Add to a registered patient what was not known. Raises InvalidRequest where what is known differs."""
    patient_id = row["patient_id"]
    added = {name: row[name] for name in _TELLING if there[name] in (None, UNNAMED) and row[name] is not None}
    if any(row[name] != there[name] for name in _TELLING if name not in added):
        raise InvalidRequest(
            f"The patient id {quoted(patient_id)} belongs to a patient with another name, birth date or sex. "
            "Correct the id or the data."
        )
    added = {name: value for name, value in added.items() if value != there[name]}
    if not added:
        return
    too_early = "SELECT 1 FROM studies WHERE patient_id = ? AND study_date < ?"
    if connection.execute(too_early, [patient_id, added.get("patient_birth_date")]).fetchone():
        raise InvalidRequest(f"A film of {quoted(patient_id)} is dated before that birth date.")
    assigned = ", ".join(f"{name} = :{name}" for name in added)
    connection.execute(
        f"UPDATE patients SET {assigned} WHERE patient_id = :patient_id", added | {"patient_id": patient_id}
    )
    if "patient_name" in added:
        index_name(connection, added["patient_name"])
        unindex_name(connection, there["patient_name"])
    record(connection, "complete", patient_ids=[patient_id])


def insert_study(connection: sqlite3.Connection, study: NewStudy, home: Path) -> None:
    """Register a film of a registered patient. Raises InvalidRequest."""
    refuse_odd(study.study_id, "study id")
    refuse_odd(study.accession_number, "accession number")
    taken = "SELECT 1 FROM studies WHERE study_id = ? OR image_sha256 = ? OR sop_instance_uid = ?"
    keys = [study.study_id, study.image_sha256, study.sop_instance_uid]  # no film equals one without a UID
    if connection.execute(taken, keys).fetchone():
        raise InvalidRequest(f"The study id {quoted(study.study_id)} or its film is registered already.")
    birth = connection.execute(
        "SELECT patient_birth_date FROM patients WHERE patient_id = ?", [study.patient_id]
    ).fetchone()
    if birth is None:
        raise InvalidRequest(f"Register the patient {quoted(study.patient_id)} before the film.")
    if study.study_date and birth[0] and study.study_date.isoformat() < birth[0]:
        raise InvalidRequest(f"The study {quoted(study.study_id)} is dated before the patient's birth.")
    _insert(connection, "studies", study_row(study, home))
    if study.picture_sha256:
        note_picture(connection, study.image_sha256, study.picture_sha256)
    record(
        connection,
        "import",
        patient_ids=[study.patient_id],
        study_id=study.study_id,
        image_sha256=study.image_sha256,
    )


def is_stored(connection: sqlite3.Connection, study: NewStudy) -> bool:
    """Whether the very bytes of a film are registered, or that patient's same film in other bytes."""
    found = "SELECT 1 FROM studies WHERE image_sha256 = ? OR (sop_instance_uid = ? AND patient_id = ?)"
    keys = [study.image_sha256, study.sop_instance_uid, study.patient_id]
    return connection.execute(found, keys).fetchone() is not None


def complete_study(connection: sqlite3.Connection, study: Study) -> bool:
    """Add UIDs and spacing to a registered film; whether its row changed."""
    taken = "SELECT 1 FROM studies WHERE sop_instance_uid = ? AND study_id <> ?"
    is_taken = connection.execute(taken, [study.sop_instance_uid, study.study_id]).fetchone() is not None
    row_mm, column_mm = study.pixel_spacing_mm or (None, None)
    cells = {
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": study.series_instance_uid,
        "sop_instance_uid": None if is_taken else study.sop_instance_uid,
        "pixel_spacing_row_mm": row_mm,
        "pixel_spacing_column_mm": column_mm,
        "pixel_spacing_origin": study.pixel_spacing_origin,
    }
    assigned = ", ".join(f"{name} = :{name}" for name in cells)
    differs = " OR ".join(f"{name} IS NOT :{name}" for name in cells)
    update = f"UPDATE studies SET {assigned} WHERE study_id = :study_id AND ({differs})"
    if not connection.execute(update, cells | {"study_id": study.study_id}).rowcount:
        return False
    record(connection, "complete", patient_ids=[study.patient_id], study_id=study.study_id)
    return True


def rename_patient(connection: sqlite3.Connection, patient_id: str, patient_name: str) -> None:
    """Give a patient another name. Raises PatientNotFound."""
    before = _name_of(connection, patient_id)
    name = printable(patient_name, _LONGEST_NAME)
    connection.execute("UPDATE patients SET patient_name = ? WHERE patient_id = ?", [name, patient_id])
    index_name(connection, name)
    unindex_name(connection, before)
    record(connection, "rename", patient_ids=[patient_id])


def assign_patient(connection: sqlite3.Connection, patient_id: str, department: str | None) -> None:
    """Give a patient to a department, or to none. Raises PatientNotFound."""
    _name_of(connection, patient_id)
    connection.execute(
        "UPDATE patients SET department = ? WHERE patient_id = ?", [cleaned(department), patient_id]
    )
    record(connection, "assign", patient_ids=[patient_id], detail=cleaned(department))


def merge_patients(connection: sqlite3.Connection, duplicate_id: str, kept_id: str) -> None:
    """Move a duplicate's films to the patient kept and retire its id.

    Raises PatientNotFound, or InvalidRequest for a film dated before birth.
    """
    if duplicate_id == kept_id:
        raise InvalidRequest("A patient cannot be merged into itself. Give two patient ids.")
    name = _name_of(connection, duplicate_id)
    _name_of(connection, kept_id)
    too_early = (
        "SELECT 1 FROM studies JOIN patients ON patients.patient_id = ? "
        "WHERE studies.patient_id = ? AND study_date < patient_birth_date"
    )
    if connection.execute(too_early, [kept_id, duplicate_id]).fetchone():
        raise InvalidRequest(
            f"A film of {quoted(duplicate_id)} is dated before the birth of {quoted(kept_id)}. "
            "These are not the same child, or a birth date is wrong."
        )
    connection.execute("UPDATE studies SET patient_id = ? WHERE patient_id = ?", [kept_id, duplicate_id])
    again = "UPDATE merged_patients SET merged_into = ? WHERE merged_into = ?"
    connection.execute(again, [kept_id, duplicate_id])
    for table in ("moved_films", "withdrawn"):
        connection.execute(f"UPDATE {table} SET patient_id = ? WHERE patient_id = ?", [kept_id, duplicate_id])
    connection.execute("INSERT INTO merged_patients VALUES (?, ?, ?)", [duplicate_id, kept_id, _now()])
    connection.execute("DELETE FROM patients WHERE patient_id = ?", [duplicate_id])
    unindex_name(connection, name)
    record(connection, "merge", patient_ids=[duplicate_id, kept_id])


def delete_patient(connection: sqlite3.Connection, patient_id: str) -> list[str]:
    """Remove a patient with all films and reports; the films' paths as stored. Raises PatientNotFound."""
    name = _name_of(connection, patient_id)
    of_patient = "SELECT image_path FROM studies WHERE patient_id = ?"
    paths = [row[0] for row in connection.execute(of_patient, [patient_id])]
    forget_moves(connection, patient_id)
    forget_pictures(connection, patient_id)
    for statement in (
        "DELETE FROM sent WHERE study_id IN (SELECT study_id FROM studies WHERE patient_id = ?)",
        "DELETE FROM reports WHERE study_id IN (SELECT study_id FROM studies WHERE patient_id = ?)",
        "DELETE FROM annotations WHERE study_id IN (SELECT study_id FROM studies WHERE patient_id = ?)",
        "DELETE FROM studies WHERE patient_id = ?",
        "DELETE FROM merged_patients WHERE merged_into = ?",
        "DELETE FROM patients WHERE patient_id = ?",
    ):
        connection.execute(statement, [patient_id])
    unindex_name(connection, name)
    record(connection, "delete", patient_ids=[patient_id], detail=counted(len(paths), "film"))
    return paths


def _patient_row(patient: Patient) -> dict[str, Any]:
    return {
        "patient_id": patient.patient_id,
        "patient_name": printable(patient.patient_name, _LONGEST_NAME),
        "patient_birth_date": patient.patient_birth_date.isoformat() if patient.patient_birth_date else None,
        "patient_sex": patient.patient_sex,
        "department": cleaned(patient.department),
    }


def _refuse_merged(connection: sqlite3.Connection, patient_id: str) -> None:
    if connection.execute("SELECT 1 FROM merged_patients WHERE patient_id = ?", [patient_id]).fetchone():
        raise InvalidRequest(
            f"The patient id {quoted(patient_id)} was merged into another. Search it to see the id in use."
        )


def _name_of(connection: sqlite3.Connection, patient_id: str) -> str:
    row = connection.execute(
        "SELECT patient_name FROM patients WHERE patient_id = ?", [patient_id]
    ).fetchone()
    if row is None or is_hidden(connection, patient_id):
        raise PatientNotFound(f"No patient has the id {quoted(patient_id)}. Search by name: find_patient.")
    return str(row[0])


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    # Not through sqlite-utils, which looks at the table's schema for every row: a million of them matter.
    row = {**row, "added_at": _now()}
    columns, places = ", ".join(row), ", ".join(f":{column}" for column in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)


def _now() -> str:
    return datetime.now(UTC).isoformat()
