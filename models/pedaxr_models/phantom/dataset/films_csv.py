"""One film as a line of films.csv."""

import json
import zlib
from collections.abc import Iterable
from datetime import date

from pedaxr_models.datasets.film import FloatArray
from pedaxr_models.labels import TERMS
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.phantom.metadata import dicom_age
from pedaxr_models.phantom.spec import Domain

Row = dict[str, str]


def film_row(film: PhantomFilm, image_path: str, mask_path: str) -> Row:
    """The line of one film; both paths are relative to the table."""
    m = film.metadata
    if m.patient_birth_date is None or m.study_date is None or m.age_months is None:
        raise ValueError("A synthetic film always has dates.")
    birth, study = date.fromisoformat(m.patient_birth_date), date.fromisoformat(m.study_date)
    outlines = {finding.value: _points(pieces) for finding, pieces in film.polygons.items()}
    return {
        "ImagePath": image_path,
        "Point": json.dumps(outlines.get(film.label, [])),
        "Class": TERMS[film.label].english,
        "Age": dicom_age(m.age_months, birth, study),
        "PatientName": m.patient_name or "",
        "Caption": "",  # worded when the table is written
        "PatientID": m.patient_id or "",
        "PatientSex": m.patient_sex or "",
        "PatientBirthDate": m.patient_birth_date,
        "StudyDate": m.study_date,
        "AgeMonths": str(m.age_months),
        "ViewPosition": film.facts.view.value,
        "PixelSpacing": json.dumps([round(v, 5) for v in film.pixel_spacing_mm]),
        "Indication": m.indication or "",
        "WorkingDiagnosis": m.working_diagnosis or "",
        "Split": split_of(m.patient_id or "", film.spec.domain),
        "Findings": json.dumps(outlines),
        "Facts": json.dumps(film.facts.to_json(), ensure_ascii=False),
        "Measures": json.dumps(film.measures),
        "MaskPath": mask_path,
    }


def _points(pieces: Iterable[FloatArray]) -> list[list[list[float]]]:
    return [[[float(x), float(y)] for x, y in piece] for piece in pieces]


def split_of(patient_id: str, domain: Domain = Domain.STANDARD) -> str:
    """Eight patients in ten train, one validates, one tests; a patient never changes side.

    Shifted films are all for testing.
    """
    if domain is Domain.SHIFTED:
        return "test"
    place = zlib.crc32(f"split {patient_id}".encode()) % 10
    return "train" if place < 8 else "validation" if place == 8 else "test"
