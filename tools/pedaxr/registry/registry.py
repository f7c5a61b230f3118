"""The clinic's registry: patients, studies, name index and reports, in one SQLite file.

Films are found by study id alone. Messages of errors repeat what the caller passed and nothing read here.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pedaxr.audit.trail import note
from pedaxr.errors import FilmMoved, InvalidRequest, PatientNotFound, StorageError, StudyNotFound
from pedaxr.patient_search.search_index import SearchIndex
from pedaxr.records import (
    NewStudy,
    Patient,
    Study,
    bare_id,
    marks,
    patient_of,
    patients_in,
    quoted,
    studies_in,
    study_of,
)
from pedaxr.registry.film_moves import FilmMove, Withdrawn, is_moved, move_film, plan_move, withdrawn_of
from pedaxr.registry.patient_writes import (
    assign_patient,
    complete_study,
    delete_patient,
    insert_patients,
    insert_study,
    is_stored,
    merge_patients,
    rename_patient,
)
from pedaxr.registry.pictures import SAME_PICTURE, note_picture, picture_flags
from pedaxr.registry.report_versions import ReportState, report_states, reports_of_study, store_draft
from pedaxr.registry.schema import migrate, reading, writing
from pedaxr.registry.sent_rows import SentObject, insert_sent, reports_to_send, sent_of
from pedaxr.storage.files import disk_errors, make_private
from pedaxr.types import Report

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
        """Open a registry, making an empty one for its owner alone where there is none."""
        with disk_errors():
            make_private(path)
        migrate(path)
        return cls(path)

    def patient(self, patient_id: str) -> Patient:
        """The patient with that id, in any case. Raises PatientNotFound."""
        rows = self._with_id("SELECT * FROM patients", "patient_id", patient_id)
        if not rows:
            raise PatientNotFound(
                f"No patient has the id {quoted(patient_id)}. Search by name: find_patient."
            )
        note(patient_ids=[rows[0]["patient_id"]])
        return patient_of(rows[0])

    def patients_with_ids(self, patient_ids: Sequence[str]) -> list[Patient]:
        """The patients with exactly these ids, as far as there are any."""
        having = f"SELECT * FROM patients WHERE patient_id IN ({marks(patient_ids)})"
        return list(patients_in(self._rows(having, patient_ids))) if patient_ids else []

    def study(self, study_id: str) -> Study:
        """The study with that id, in any case. Raises StudyNotFound."""
        rows = self._with_id(_STUDY_COLUMNS, "study_id", study_id)
        if not rows and self._is_moved(study_id):
            raise FilmMoved(
                f"The film {quoted(study_id)} stood under the wrong patient and was moved to another. What "
                "was said of it belongs to that one: search the child again, find_patient."
            )
        if not rows:
            raise StudyNotFound(
                f"No study has the id {quoted(study_id)}; a patient's is not one. Do not guess: ask the user "
                "to repeat it, or take one from find_patient."
            )
        study = study_of(rows[0], self.path.parent)
        note(patient_ids=[study.patient_id], study_id=study.study_id, image_sha256=study.image_sha256)
        return study

    def study_of_film(self, image_sha256: str, sop_instance_uid: str | None) -> Study | None:
        """The study of the film with that SOP Instance UID or of those very bytes."""
        which = "WHERE sop_instance_uid = ? OR image_sha256 = ? ORDER BY sop_instance_uid IS NULL LIMIT 1"
        rows = self._rows(f"{_STUDY_COLUMNS} {which}", [sop_instance_uid or "", image_sha256])
        return study_of(rows[0], self.path.parent) if rows else None

    def same_picture(self, image_sha256: str) -> list[Study]:
        """The other registered films whose pixels are those of the film with that digest."""
        rows = self._rows(f"{_STUDY_COLUMNS} WHERE {SAME_PICTURE} ORDER BY study_id", [image_sha256])
        return list(studies_in(rows, self.path.parent))

    def know_picture(self, image_sha256: str, digest: Callable[[], str]) -> None:
        """Note which picture a film shows that an earlier version registered without. Raises StorageError."""
        if not self._rows("SELECT 1 FROM pictures WHERE image_sha256 = ?", [image_sha256]):
            with writing(self.path) as database:
                note_picture(database.conn, image_sha256, digest())

    def picture_flags(self, study: Study) -> list[str]:
        """What to check of a film whose very picture other films have, the gravest first."""
        which = f"SELECT EXISTS (SELECT 1 FROM main.studies WHERE {SAME_PICTURE} AND patient_id <> ?2)"
        is_of_another = bool(self._rows(which, [study.image_sha256, study.patient_id])[0][0])
        return picture_flags(study, self.same_picture(study.image_sha256), is_of_another=is_of_another)

    def studies(self, patient_id: str) -> list[Study]:
        """A patient's studies, newest first; those without a date last."""
        return self.studies_of([patient_id])

    def studies_of(self, patient_ids: Sequence[str]) -> list[Study]:
        """The studies of several patients together, in the same order."""
        if not patient_ids:
            return []
        rows = self._rows(
            f"{_STUDY_COLUMNS} WHERE patient_id IN ({marks(patient_ids)}) "
            "ORDER BY study_date IS NULL, study_date DESC, study_id DESC",
            patient_ids,
        )
        note(patient_ids=[row["patient_id"] for row in rows])
        return list(studies_in(rows, self.path.parent))

    def newest_studies(self, limit: int) -> list[Study]:
        """The studies taken last, newest first; those without a date last."""
        newest = f"{_STUDY_COLUMNS} ORDER BY study_date IS NULL, study_date DESC, study_id DESC LIMIT ?"
        return list(studies_in(self._rows(newest, [limit]), self.path.parent))

    def earlier_studies(self, study_id: str) -> list[Study]:
        """The same patient's studies from before that one's date, newest first. Raises StudyNotFound.

        Of several of one day those of that one's view come first: a change of view moves gas and fluid.
        """
        study = self.study(study_id)
        on = study.study_date
        earlier = [
            (other.study_date, other)
            for other in self.studies(study.patient_id)
            if on and other.study_date and other.study_date < on
        ]
        alike = [(day, other.view_position is study.view_position, other) for day, other in earlier]
        return [other for *_, other in sorted(alike, key=lambda one: one[:2], reverse=True)]

    def reports(self, study_id: str) -> list[Report]:
        """All versions of a study's reports, oldest first. Raises StudyNotFound."""
        registered = self.study(study_id).study_id
        with reading(self.path, is_kept=True) as connection:
            return reports_of_study(connection, registered)

    def report_states(self, study_ids: Sequence[str]) -> dict[str, ReportState]:
        """What stands of each study that has a report."""
        with reading(self.path, is_kept=True) as connection:
            return report_states(connection, study_ids)

    def counts(self) -> dict[str, int]:
        """Number of patients, studies and reports."""
        rows = {
            table: self._rows(f"SELECT count(*) FROM {table}") for table in ("patients", "studies", "reports")
        }
        return {table: int(row[0][0]) for table, row in rows.items()}

    def image_hashes(self) -> set[str]:
        """SHA-256 of every registered film."""
        return {row["image_sha256"] for row in self._rows("SELECT image_sha256 FROM studies")}

    def sop_instances(self) -> dict[str, str]:
        """SOP Instance UIDs of the registered films that have one, and the patients whose they are."""
        rows = self._rows(
            "SELECT sop_instance_uid, patient_id FROM studies WHERE sop_instance_uid IS NOT NULL"
        )
        return {row["sop_instance_uid"]: row["patient_id"] for row in rows}

    def picture_of_instance(self, sop_instance_uid: str) -> str | None:
        """Digest of the picture of the film with that SOP Instance UID, where it is known."""
        rows = self._rows(
            "SELECT picture_sha256 FROM pictures JOIN studies USING (image_sha256) "
            "WHERE sop_instance_uid = ?",
            [sop_instance_uid],
        )
        return rows[0]["picture_sha256"] if rows else None

    def pictures(self) -> dict[str, str]:
        """Digests of the pictures of the registered films, and a patient whose each is."""
        rows = self._rows("SELECT picture_sha256, patient_id FROM pictures JOIN studies USING (image_sha256)")
        return {row["picture_sha256"]: row["patient_id"] for row in rows}

    def incomplete_studies(self) -> list[Study]:
        """Films that an earlier version registered without their UIDs; of PNG and JPEG files none has any."""
        rows = self._rows(
            f"{_STUDY_COLUMNS} WHERE sop_instance_uid IS NULL AND lower(image_path) NOT GLOB '*.[jp][pn]*g'"
        )
        return list(studies_in(rows, self.path.parent))

    def complete(self, studies: Iterable[Study]) -> int:
        """Add UIDs and pixel spacing to registered films; how many rows changed.

        A SOP Instance UID that another film has already is not added a second time.
        """
        with writing(self.path) as database:
            return sum(complete_study(database.conn, study) for study in studies)

    @contextmanager
    def searching(self) -> Iterator[SearchIndex]:
        """The search index, for look-ups that all see one state of the registry."""
        with reading(self.path, is_kept=True) as connection:
            yield SearchIndex(connection)

    def add(self, patients: Iterable[Patient], studies: Iterable[NewStudy]) -> None:
        """Register patients and films, all or nothing. A patient already there must be the same one.

        Raises:
            InvalidRequest: an id is taken by another patient or film, or a film is dated before birth.
        """
        with writing(self.path) as database:
            insert_patients(database.conn, patients)
            for study in studies:
                insert_study(database.conn, study, self.path.parent)

    def add_new(self, films: Sequence[tuple[Patient, NewStudy]]) -> list[NewStudy]:
        """Register films of patients, all or nothing, but for those that another program stored meanwhile.

        Returns:
            What was registered.

        Raises:
            InvalidRequest: as `add`.
        """
        with writing(self.path) as database:
            new = [film for film in films if not is_stored(database.conn, film[1])]
            insert_patients(database.conn, {patient.patient_id: patient for patient, _ in new}.values())
            for _, study in new:
                insert_study(database.conn, study, self.path.parent)
        return [study for _, study in new]

    def rename(self, patient_id: str, patient_name: str) -> None:
        """Give a patient another name. Raises PatientNotFound."""
        with writing(self.path) as database:
            rename_patient(database.conn, patient_id, patient_name)

    def assign(self, patient_id: str, department: str | None) -> None:
        """Give a patient to a department, or to none. Raises PatientNotFound."""
        with writing(self.path) as database:
            assign_patient(database.conn, patient_id, department)

    def merge(self, duplicate_id: str, *, into: str) -> None:
        """Make two patients one: the duplicate's films become those of `into`, its id only leads there.

        Raises:
            PatientNotFound: one of the two is not registered.
            InvalidRequest: both are the same, or a film would be dated before birth.
        """
        with writing(self.path) as database:
            merge_patients(database.conn, duplicate_id, into)

    def move_film(self, study_id: str, *, to: str, dry_run: bool = False) -> FilmMove:
        """Give a film that stands under the wrong patient to the right one, under a new study id.

        Reports and outlines made of it before are withdrawn: see `withdrawn`.

        Args:
            study_id: of the film.
            to: id of the patient whose film it is.
            dry_run: only say what would be done.

        Raises:
            StudyNotFound, PatientNotFound: there is no such film or patient.
            InvalidRequest: it is that patient's already, or dated before the birth.
        """
        film, patient = self.study(study_id).study_id, self.patient(to).patient_id
        if dry_run:
            with reading(self.path) as connection:
                return plan_move(connection, film, patient)
        with writing(self.path) as database:
            move = move_film(database.conn, film, patient)
        for picture in (self.path.parent / "overlays").glob(f"*{move.image_sha256[:16]}*.png"):
            picture.unlink(missing_ok=True)  # the wrong child's name stands on it
        return move

    def withdrawn(self, study_id: str) -> list[Withdrawn]:
        """Reports and outlines made of a film while it stood under other patients, oldest first."""
        with reading(self.path) as connection:
            found = withdrawn_of(connection, study_id)
        note(patient_ids=[one.patient_id for one in found], study_id=study_id)
        return found

    def _is_moved(self, study_id: str) -> bool:
        with reading(self.path, is_kept=True) as connection:
            return is_moved(connection, study_id)

    def delete(self, patient_id: str) -> list[Path]:
        """Forget a patient, the films and the reports; the film files are the caller's to remove.

        Returns:
            The paths of the films.

        Raises:
            PatientNotFound: there is no such patient.
        """
        with writing(self.path) as database:
            paths = delete_patient(database.conn, patient_id)
        return [self.path.parent / path for path in paths]

    def save_report(self, report: Report) -> Report:
        """Store a preliminary report as the study's next version; the same report_id again returns the first.

        Raises:
            InvalidRequest: the report is of a file, not of a registered study, or claims to be signed.
            StudyNotFound: its study is not registered.
        """
        if report.study_id is None:
            raise InvalidRequest("Only reports of registered studies are stored. Import the film first.")
        self.study(report.study_id)
        with writing(self.path) as database:
            return store_draft(database.conn, report)

    def save_sent(
        self, objects: Sequence[SentObject], *, study_id: str, report_id: str, version: int
    ) -> None:
        """Write down what of a report version was read back from a PACS, and that it was sent."""
        with writing(self.path) as database:
            insert_sent(database.conn, objects, study_id=study_id, report_id=report_id, version=version)

    def sent(self, report_id: str) -> list[SentObject]:
        """The objects of a report version that are in a PACS."""
        with reading(self.path) as connection:
            return sent_of(connection, report_id)

    def reports_to_send(self, node: str, *, since: str, with_drafts: bool) -> list[tuple[str, str]]:
        """See `sent_rows.reports_to_send`."""
        with reading(self.path) as connection:
            return reports_to_send(connection, node, since=since, with_drafts=with_drafts)

    def _with_id(self, select: str, column: str, some_id: str) -> list[sqlite3.Row]:
        """The row of that id: as written, else without regard to case, width and spaces where one has it."""
        if rows := self._rows(f"{select} WHERE {column} = ?", [some_id]):
            return rows
        rows = self._rows(f"{select} WHERE {column} = ? COLLATE NOCASE LIMIT 2", [bare_id(some_id)])
        return rows if len(rows) == 1 else []

    def _rows(self, sql: str, parameters: Sequence[str | int] = ()) -> list[sqlite3.Row]:
        with reading(self.path, is_kept=True) as connection:
            return connection.execute(sql, parameters).fetchall()
