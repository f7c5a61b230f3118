"""Between rows of the registry's tables and the records they hold."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

from pedaxr.ages import age_in_months
from pedaxr.printable import printable
from pedaxr.records import NewStudy, Patient, Study
from pedaxr.types import Sex
from pedaxr_models.labels import View


def marks(values: Sequence[object]) -> str:
    """One question mark for each value of an SQL list."""
    return ", ".join("?" * len(values))


def quoted(value: str) -> str:
    """An id as the caller passed it, short and visible enough for a message."""
    return repr(printable(value, 64))


def patient_of(row: sqlite3.Row) -> Patient:
    """The patient of a row that has the columns of `patients`."""
    birth_date, sex = _date(row["patient_birth_date"]), cast("Sex | None", row["patient_sex"])
    return Patient(row["patient_id"], row["patient_name"], birth_date, sex, row["department"])


def study_of(row: sqlite3.Row, home: Path) -> Study:
    """The study of a row of `studies` joined to `patients`; film paths are relative to `home`."""
    patient = patient_of(row)
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
    )


def study_row(study: NewStudy, home: Path) -> dict[str, Any]:
    """The columns of a film to register, without `added_at`."""
    home = home.absolute()
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
        "accession_number": printable(study.accession_number, 64) if study.accession_number else None,
    }


def _age(birth_date: date | None, study_date: date | None, stated_months: float | None) -> float | None:
    if birth_date and study_date and birth_date <= study_date:
        return age_in_months(birth_date, study_date)
    return stated_months


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
