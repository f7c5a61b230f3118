"""Patients and studies as the registry keeps and gives them back, and the rows that they are stored as."""

import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pedaxr.ages import age_in_months
from pedaxr.errors import DamagedEntry, InvalidRequest
from pedaxr.text import ForeignText, request_text
from pedaxr.types import Sex
from pedaxr_models.labels import View
from pedaxr_models.written.plain import is_odd_id, plain_id


@dataclass(frozen=True)
class Patient:
    """One child as registered.

    Attributes:
        department: whose staff may see the child; without one only those who may see everybody.
    """

    patient_id: str
    patient_name: str
    patient_birth_date: date | None = None
    patient_sex: Sex | None = None
    department: str | None = None


@dataclass(frozen=True)
class NewStudy:
    """One film to register.

    Attributes:
        image_path: absolute, or relative to the registry's folder; inside it the two move together.
        stated_age_months: as the source says; used only when the dates give none.
        source_label: what the data set calls the film; for counting, never shown with a study.
        accession_number: of the order, DICOM (0008,0050); patients are searched by it.
        pixel_spacing_origin: a `SpacingOrigin`; None where nobody noted it.
        sop_instance_uid: of the film, DICOM (0008,0018); two files of one are the same film.
        picture_sha256: of the pixels; None where nobody looked. Two films of one show the same picture.
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
    accession_number: str | None = None
    pixel_spacing_origin: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    picture_sha256: str | None = None


@dataclass(frozen=True)
class Study:
    """One film with whose it is.

    Attributes:
        age_months: at the study, from the two dates; the source's statement where a date is missing.
        pixel_spacing_mm: row, column.
        working_diagnosis: supplied with the request: context, never evidence.
        image_sha256: of the file when it was registered.
        stated_age_months: as the source says, to compare with `age_months`.
        pixel_spacing_origin: a `SpacingOrigin`; None where nobody noted it.
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
    accession_number: str | None = None
    pixel_spacing_origin: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None


UNNAMED = "Unnamed"
_T = TypeVar("_T")
_PATIENT_TEXTS = ("patient_id", "patient_name", "patient_birth_date", "patient_sex", "department")
_STUDY_TEXTS = (
    *("study_id", "image_path", "image_sha256", "study_date", "view_position", "indication"),
    *("working_diagnosis", "accession_number", "pixel_spacing_origin"),
    *("study_instance_uid", "series_instance_uid", "sop_instance_uid"),
)
_MEASURES = ("stated_age_months", "pixel_spacing_row_mm", "pixel_spacing_column_mm")
_log = logging.getLogger(__name__)
_damaged: ContextVar[list[None]] = ContextVar("pedaxr_damaged_rows")


def marks(values: Sequence[object]) -> str:
    """One question mark for each value of an SQL list."""
    return ", ".join("?" * len(values))


def quoted(value: str) -> str:
    """An id as the caller passed it, short enough for a message, which a language model may read."""
    return str(ForeignText(value, 64))


def bare_id(some_id: str) -> str:
    """An id without what typing adds: spaces, full-width letters, unusual hyphens. Case is left as it is."""
    return plain_id(some_id).replace(" ", "")


def refuse_odd(value: str | None, what: str) -> None:
    """Refuse an id that would have to be cut or cleaned: it may then be another's. Raises InvalidRequest."""
    if value is not None and (not value.strip() or is_odd_id(value)):
        raise InvalidRequest(
            f"The {what} is empty, longer than 64 characters, or holds invisible ones. Correct it."
        )


def patient_of(row: sqlite3.Row) -> Patient:
    """The patient of a row that has the columns of `patients`. Raises DamagedEntry."""
    with _told_when_damaged():
        _check_texts(row, _PATIENT_TEXTS)
        sex = row["patient_sex"]
        if sex not in (None, "M", "F", "O"):
            raise ValueError
        birth_date = _date(row["patient_birth_date"])
        return Patient(row["patient_id"], row["patient_name"], birth_date, sex, row["department"])


def patients_in(rows: Iterable[sqlite3.Row]) -> Iterator[Patient]:
    """The patients of the rows that can be read; of others `counting_damaged` hears."""
    yield from _whole(rows, patient_of)


def studies_in(rows: Iterable[sqlite3.Row], home: Path) -> Iterator[Study]:
    """The studies of the rows that can be read; of others `counting_damaged` hears."""
    yield from _whole(rows, lambda row: study_of(row, home))


@contextmanager
def counting_damaged() -> Iterator[list[None]]:
    """A list that grows with each row that is left out within the block because a cell of it is damaged."""
    met: list[None] = []
    token = _damaged.set(met)
    try:
        yield met
    finally:
        _damaged.reset(token)


def _whole(rows: Iterable[sqlite3.Row], make: Callable[[sqlite3.Row], _T]) -> Iterator[_T]:
    for row in rows:
        try:
            yield make(row)
        except DamagedEntry:
            if (met := _damaged.get(None)) is not None:
                met.append(None)
            _log.warning("A damaged row of the registry was left out. `pedaxr verify` names it.")


@contextmanager
def _told_when_damaged() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as err:
        raise DamagedEntry(
            "This entry of the registry is damaged and was not read. `pedaxr verify` names it."
        ) from err


def is_stored_text(cell: object) -> bool:
    """Whether a cell is text that pedaxr can have stored: not a blob, nor bytes that are not UTF-8."""
    if not isinstance(cell, str):
        return False
    try:
        cell.encode()  # fails at what stands for such bytes; a look at each character takes ten times as long
    except UnicodeEncodeError:
        return False
    return True


def _check_texts(row: sqlite3.Row, columns: Sequence[str]) -> None:
    """Raises TypeError or ValueError where a cell holds no text, or bytes that are none."""
    cells = [row[column] for column in columns]
    "".join(cell for cell in cells if cell is not None).encode()  # see `is_stored_text`
    if cells[0] is None or cells[1] is None:
        raise TypeError


def study_of(row: sqlite3.Row, home: Path) -> Study:
    """The study of a row of `studies` joined to `patients`; film paths are relative to `home`.

    Raises:
        DamagedEntry: a cell of it is not what it was written as.
    """
    patient = patient_of(row)
    with _told_when_damaged():
        _check_texts(row, _STUDY_TEXTS)
        if not _is_film_path(row["image_path"]) or not _are_measures(row):
            raise ValueError
        return _study(row, patient, home)


def _is_film_path(path: str) -> bool:
    """Whether pedaxr can have stored it: none leads out of the clinic's folder by `..`."""
    return "\0" not in path and ".." not in path.replace("\\", "/").split("/")


def _are_measures(row: sqlite3.Row) -> bool:
    """Whether what must be a number is one, or missing."""
    cells = [row[column] for column in _MEASURES if row[column] is not None]
    return all(isinstance(cell, int | float) and math.isfinite(cell) and cell >= 0 for cell in cells)


def _study(row: sqlite3.Row, patient: Patient, home: Path) -> Study:
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
        image_path=home / row["image_path"],
        pixel_spacing_mm=spacing if None not in spacing else None,
        indication=row["indication"],
        working_diagnosis=row["working_diagnosis"],
        image_sha256=row["image_sha256"],
        stated_age_months=row["stated_age_months"],
        accession_number=row["accession_number"],
        pixel_spacing_origin=row["pixel_spacing_origin"],
        study_instance_uid=row["study_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        sop_instance_uid=row["sop_instance_uid"],
    )


def study_row(study: NewStudy, home: Path) -> dict[str, Any]:
    """The columns of a film to register, without `added_at`. Raises InvalidRequest for a path with `..`."""
    home = home.absolute()
    path = home / study.image_path
    if not _is_film_path(str(study.image_path)):
        raise InvalidRequest("The path of the film leads out of its folder by '..'. Give it without.")
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
        "indication": request_text(study.indication) if study.indication else None,
        "working_diagnosis": study.working_diagnosis,
        "source_label": study.source_label,
        "accession_number": plain_id(study.accession_number) if study.accession_number else None,
        "pixel_spacing_origin": study.pixel_spacing_origin,
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": study.series_instance_uid,
        "sop_instance_uid": study.sop_instance_uid,
    }


def _age(birth_date: date | None, study_date: date | None, stated_months: float | None) -> float | None:
    if birth_date and study_date and birth_date <= study_date:
        return age_in_months(birth_date, study_date)
    return stated_months


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
