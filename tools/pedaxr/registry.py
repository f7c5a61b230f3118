"""The clinic's registry: patients, studies, name index and preliminary reports, in one SQLite file.

Films are found by study id alone. Messages of errors repeat what the caller passed and nothing read here.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from pedaxr.ages import age_in_months
from pedaxr.errors import InvalidRequest, PatientNotFound, StorageError, StudyNotFound
from pedaxr.names import index_terms, name_forms
from pedaxr.printable import printable
from pedaxr.registry_schema import connected, migrate, writing
from pedaxr.types import Report, Sex
from pedaxr_models.labels import View

if TYPE_CHECKING:
    from sqlite_utils import Database

REGISTRY_FILE = "registry.sqlite3"


@dataclass(frozen=True)
class Patient:
    """One child as registered."""

    patient_id: str
    patient_name: str
    patient_birth_date: date | None = None
    patient_sex: Sex | None = None


@dataclass(frozen=True)
class NewStudy:
    """One film to register.

    Attributes:
        image_path: absolute, or relative to the registry's folder; inside it the two move together.
        stated_age_months: as the source says; used only when the dates give none.
        source_label: what the data set calls the film; for counting, never shown with a study.
    """

    study_id: str
    patient_id: str
    image_path: Path
    image_sha256: str
    study_date: date | None = None
    stated_age_months: float | None = None
    view_position: View | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    indication: str | None = None
    working_diagnosis: str | None = None
    source_label: str | None = None


@dataclass(frozen=True)
class Study:
    """One film with whose it is.

    Attributes:
        age_months: at the study, from the two dates; the source's statement where a date is missing.
        pixel_spacing_mm: row, column.
        working_diagnosis: supplied with the request: context, never evidence.
        image_sha256: of the file when it was registered.
        stated_age_months: as the source says, to compare with `age_months`.
    """

    study_id: str
    patient_id: str
    patient_name: str
    patient_birth_date: date | None
    patient_sex: Sex | None
    study_date: date | None
    age_months: float | None
    view_position: View | None
    image_path: Path
    pixel_spacing_mm: tuple[float, float] | None
    indication: str | None
    working_diagnosis: str | None
    image_sha256: str
    stated_age_months: float | None = None


_STUDY_COLUMNS = "SELECT * FROM studies JOIN patients USING (patient_id)"


class Registry:
    """One registry file. Safe to share between threads: each call opens a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> "Registry":
        """Open an existing registry, migrating an older one. Raises StorageError."""
        if not path.is_file():
            raise StorageError("There is no registry here. Run `pedaxr demo` or `pedaxr import` first.")
        migrate(path)
        return cls(path)

    @classmethod
    def create(cls, path: Path) -> "Registry":
        """Open a registry, making an empty one where there is none."""
        with connected(path, create=True):
            pass
        migrate(path)
        return cls(path)

    def patient(self, patient_id: str) -> Patient:
        """The patient with that id. Raises PatientNotFound."""
        rows = self._rows("SELECT * FROM patients WHERE patient_id = ?", [patient_id])
        if not rows:
            raise PatientNotFound(
                f"No patient has the id {_quoted(patient_id)}. Search by name: find_patient."
            )
        return _patient(rows[0])

    def study(self, study_id: str) -> Study:
        """The study with that id. Raises StudyNotFound."""
        rows = self._rows(f"{_STUDY_COLUMNS} WHERE study_id = ?", [study_id])
        if not rows:
            raise StudyNotFound(
                f"No study has the id {_quoted(study_id)}. Take a study_id from find_patient."
            )
        return self._study(rows[0])

    def studies(self, patient_id: str) -> list[Study]:
        """A patient's studies, newest first; those without a date last."""
        return self.studies_of([patient_id])

    def studies_of(self, patient_ids: Sequence[str]) -> list[Study]:
        """The studies of several patients together, in the same order."""
        rows = self._rows(
            f"{_STUDY_COLUMNS} WHERE patient_id IN ({_marks(patient_ids)}) "
            "ORDER BY study_date IS NULL, study_date DESC, study_id DESC",
            patient_ids,
        )
        return [self._study(row) for row in rows]

    def earlier_studies(self, study_id: str) -> list[Study]:
        """The same patient's studies from before that one's date, newest first. Raises StudyNotFound."""
        study = self.study(study_id)
        on = study.study_date
        return [
            other
            for other in self.studies(study.patient_id)
            if on and other.study_date and other.study_date < on
        ]

    def reports(self, study_id: str) -> list[Report]:
        """All reports of a study, oldest first. Raises StudyNotFound."""
        self.study(study_id)
        rows = self._rows("SELECT document FROM reports WHERE study_id = ? ORDER BY version", [study_id])
        return [_report(row["document"]) for row in rows]

    def counts(self) -> dict[str, int]:
        """Number of patients, studies and reports."""
        rows = {
            table: self._rows(f"SELECT count(*) FROM {table}") for table in ("patients", "studies", "reports")
        }
        return {table: int(row[0][0]) for table, row in rows.items()}

    def image_hashes(self) -> set[str]:
        """SHA-256 of every registered film."""
        return {row["image_sha256"] for row in self._rows("SELECT image_sha256 FROM studies")}

    def patients_with_terms(self, terms: Iterable[str], *, prefix: str | None = None) -> list[Patient]:
        """Patients whose name has one of the index terms, or a whole or part that begins with `prefix`."""
        listed = list(terms)
        condition = f"term IN ({_marks(listed)})"
        if prefix:
            # A range instead of LIKE: it uses the key and needs no escaping.
            condition += " OR (term >= ? AND term < ?)" * 2
            listed += [bound for kind in "=@" for bound in (kind + prefix, kind + prefix + "\U0010ffff")]
        return self._patients(f"patient_id IN (SELECT patient_id FROM name_terms WHERE {condition})", listed)

    def patients_sharing_terms(self, terms: Iterable[str], *, limit: int) -> list[Patient]:
        """The patients whose names share the most of the index terms."""
        listed = list(terms)
        shared = (
            f"SELECT patient_id FROM name_terms WHERE term IN ({_marks(listed)}) "
            "GROUP BY patient_id ORDER BY count(*) DESC, patient_id LIMIT ?"
        )
        return self._patients(f"patient_id IN ({shared})", [*listed, limit])

    def patients_with_id(self, some_id: str) -> list[Patient]:
        """Patients with that patient id, or with a study of that id, in any case."""
        by_study = "SELECT patient_id FROM studies WHERE upper(study_id) = upper(?)"
        condition = f"upper(patient_id) = upper(?) OR patient_id IN ({by_study})"
        return self._patients(condition, [some_id, some_id])

    def patients_born_on(self, birth_date: date) -> list[Patient]:
        """Patients with that birth date."""
        return self._patients("patient_birth_date = ?", [birth_date.isoformat()])

    def add(self, patients: Iterable[Patient], studies: Iterable[NewStudy]) -> None:
        """Register patients and films, all or nothing. A patient already there must be the same one.

        Raises:
            InvalidRequest: an id is taken by another patient or film, or a film is dated before birth.
        """
        with writing(self.path) as database:
            for patient in patients:
                _insert_patient(database, patient)
            for study in studies:
                self._insert_study(database, study)

    def save_report(self, report: Report) -> Report:
        """Store a preliminary report as the study's next version; the same report_id again returns the first.

        Raises:
            InvalidRequest: the report is of a file, not of a registered study.
            StudyNotFound: its study is not registered.
        """
        if report.study_id is None:
            raise InvalidRequest("Only reports of registered studies are stored. Import the film first.")
        self.study(report.study_id)
        with writing(self.path) as database:
            query = "SELECT document FROM reports WHERE report_id = ?"
            if stored := database.conn.execute(query, [report.report_id]).fetchone():
                return _report(stored[0])
            _insert_report(database, report)
        return report

    def _rows(self, sql: str, parameters: Sequence[str | int] = ()) -> list[sqlite3.Row]:
        with connected(self.path) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql, parameters).fetchall()

    def _patients(self, condition: str, parameters: Sequence[str | int]) -> list[Patient]:
        rows = self._rows(f"SELECT * FROM patients WHERE {condition} ORDER BY patient_id", parameters)
        return [_patient(row) for row in rows]

    def _study(self, row: sqlite3.Row) -> Study:
        patient = _patient(row)
        study_date = _date(row["study_date"])
        spacing = (row["pixel_spacing_row_mm"], row["pixel_spacing_column_mm"])
        return Study(
            study_id=row["study_id"],
            patient_id=patient.patient_id,
            patient_name=patient.patient_name,
            patient_birth_date=patient.patient_birth_date,
            patient_sex=patient.patient_sex,
            study_date=study_date,
            age_months=_age(patient.patient_birth_date, study_date, row["stated_age_months"]),
            view_position=View(row["view_position"]) if row["view_position"] else None,
            image_path=self.path.parent / row["image_path"],
            pixel_spacing_mm=spacing if None not in spacing else None,
            indication=row["indication"],
            working_diagnosis=row["working_diagnosis"],
            image_sha256=row["image_sha256"],
            stated_age_months=row["stated_age_months"],
        )

    def _insert_study(self, database: "Database", study: NewStudy) -> None:
        taken = "SELECT 1 FROM studies WHERE study_id = ? OR image_sha256 = ?"
        if database.conn.execute(taken, [study.study_id, study.image_sha256]).fetchone():
            raise InvalidRequest(f"The study id {_quoted(study.study_id)} or its film is registered already.")
        birth = database.conn.execute(
            "SELECT patient_birth_date FROM patients WHERE patient_id = ?", [study.patient_id]
        ).fetchone()
        if birth is None:
            raise InvalidRequest(f"Register the patient {_quoted(study.patient_id)} before the film.")
        if study.study_date and birth[0] and study.study_date.isoformat() < birth[0]:
            raise InvalidRequest(f"The study {_quoted(study.study_id)} is dated before the patient's birth.")
        database["studies"].insert(self._study_row(study))

    def _study_row(self, study: NewStudy) -> dict[str, Any]:
        home = self.path.parent.absolute()
        path = home / study.image_path
        row_mm, column_mm = study.pixel_spacing_mm or (None, None)
        return {
            "study_id": study.study_id,
            "patient_id": study.patient_id,
            "study_date": study.study_date.isoformat() if study.study_date else None,
            "stated_age_months": study.stated_age_months,
            "view_position": study.view_position.value if study.view_position else None,
            "image_path": path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path),
            "image_sha256": study.image_sha256,
            "pixel_spacing_row_mm": row_mm,
            "pixel_spacing_column_mm": column_mm,
            "indication": printable(study.indication) if study.indication else None,
            "working_diagnosis": study.working_diagnosis,
            "source_label": study.source_label,
            "added_at": datetime.now(UTC).isoformat(),
        }


def _insert_patient(database: "Database", patient: Patient) -> None:
    query = "SELECT patient_name, patient_birth_date, patient_sex FROM patients WHERE patient_id = ?"
    name = printable(patient.patient_name, 200)
    birth_date = patient.patient_birth_date.isoformat() if patient.patient_birth_date else None
    there = database.conn.execute(query, [patient.patient_id]).fetchone()
    if there is not None:
        if tuple(there) != (name, birth_date, patient.patient_sex):
            raise InvalidRequest(
                f"The patient id {_quoted(patient.patient_id)} belongs to a patient with another name, "
                "birth date or sex. Correct the id or the data."
            )
        return
    database["patients"].insert(
        {
            "patient_id": patient.patient_id,
            "patient_name": name,
            "patient_birth_date": birth_date,
            "patient_sex": patient.patient_sex,
            "added_at": datetime.now(UTC).isoformat(),
        }
    )
    terms = sorted(index_terms(name_forms(name)))
    database.conn.executemany(
        "INSERT INTO name_terms VALUES (?, ?)", [(term, patient.patient_id) for term in terms]
    )


def _insert_report(database: "Database", report: Report) -> None:
    query = "SELECT coalesce(max(version), 0) + 1 FROM reports WHERE study_id = ?"
    version = database.conn.execute(query, [report.study_id]).fetchone()[0]
    database["reports"].insert(
        {
            "report_id": report.report_id,
            "study_id": report.study_id,
            "version": version,
            "status": report.status,
            "created_at": report.created_at.isoformat(),
            "image_sha256": report.image_sha256,
            "model": report.model,
            "document": report.model_dump_json(),
        }
    )


def _report(document: str) -> Report:
    try:
        return Report.model_validate_json(document)
    except ValidationError as err:
        raise StorageError(
            "A stored report was written by another version of pedaxr. Use that version to read it."
        ) from err


def _patient(row: sqlite3.Row) -> Patient:
    birth_date, sex = _date(row["patient_birth_date"]), cast(Sex | None, row["patient_sex"])
    return Patient(row["patient_id"], row["patient_name"], birth_date, sex)


def _age(birth_date: date | None, study_date: date | None, stated_months: float | None) -> float | None:
    if birth_date and study_date and birth_date <= study_date:
        return age_in_months(birth_date, study_date)
    return stated_months


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _quoted(value: str) -> str:
    return repr(printable(value, 64))
