"""What a DICOM header says of the film: spacing, patient, study, view, and what to be wary of."""

import re
from datetime import date

import numpy as np
from pydicom import Dataset
from pydicom.valuerep import PersonName

from pedaxr.ages import age_in_months
from pedaxr.hangul import is_hangul
from pedaxr.printable import printable
from pedaxr.raster import plausible_spacing
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View

_ABDOMEN = ("", "ABDOMEN", "ABDOMENPELVIS", "ABDO", "KUB", "PELVIS", "BABYGRAM", "WHOLEBODY", "CHESTABDOMEN")
_VIEW_WORDS = (
    (View.LEFT_LATERAL_DECUBITUS, re.compile(r"\bLLD\b|decub|측와위", re.IGNORECASE)),
    (View.ERECT, re.compile(r"\berect\b|\bupright\b|\bstanding\b|입위|기립", re.IGNORECASE)),
    (View.SUPINE, re.compile(r"\bsupine\b|앙와위", re.IGNORECASE)),
)
_MONTHS = {"Y": 12.0, "M": 1.0, "W": 7 / 30.4375, "D": 1 / 30.4375}


def read_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    """Row and column spacing in mm, or None, and a note on how far to trust it (PS3.3 section 10.7).

    PixelSpacing is in the patient when calibrated; ImagerPixelSpacing is on the detector, where the child's
    shadow is a few percent larger than the child.
    """
    for keyword, note in (
        ("PixelSpacing", ""),
        ("ImagerPixelSpacing", "Spacing is that of the detector: lengths and areas are slightly too large."),
        ("NominalScannedPixelSpacing", "Spacing is that of a film scanner: lengths and areas are nominal."),
    ):
        if (value := dataset.get(keyword)) is None or value == "":
            continue
        row, column = np.asarray(value, np.float64)
        if spacing := plausible_spacing(float(row), float(column)):
            return spacing, note
    return None, "The file gives no usable pixel spacing: sizes are in pixels."


def read_metadata(dataset: Dataset) -> FilmMetadata:
    """Patient and study as the header states them; what is missing or malformed is None."""
    birth, study = _date(dataset, "PatientBirthDate"), _date(dataset, "StudyDate")
    sex = _text(dataset, "PatientSex").upper()
    return FilmMetadata(
        patient_id=_text(dataset, "PatientID") or None,
        patient_name=_name(dataset.get("PatientName")),
        patient_sex=sex if sex in ("M", "F", "O") else None,
        patient_birth_date=birth.isoformat() if birth else None,
        study_date=study.isoformat() if study else None,
        age_months=_age_months(dataset, birth, study),
        view=_view(dataset),
        accession_number=_text(dataset, "AccessionNumber") or None,
    )


def wanted_notes(dataset: Dataset) -> tuple[str, ...]:
    """Warnings in our own words; nothing of the header is repeated."""
    notes = []
    if _text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        notes.append("Stored with bone dark (MONOCHROME1); shown with bone bright.")
    part = re.sub(r"[^A-Z]", "", _text(dataset, "BodyPartExamined").upper())
    if part not in _ABDOMEN:
        notes.append("The file's header names another body part than the abdomen.")
    if _text(dataset, "BurnedInAnnotation").upper() == "YES":
        notes.append("The file's header says that text is burned into the picture.")
    return tuple(notes)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else printable(str(value), 200)


def _date(dataset: Dataset, keyword: str) -> date | None:
    try:
        return date.fromisoformat(_text(dataset, keyword).replace(".", ""))
    except ValueError:
        return None


def _name(value: object) -> str | None:
    """The Hangul form of a name if there is one, else the alphabetic; components as people write them."""
    if not isinstance(value, PersonName):
        return None
    groups = [printable(str(group), 200) for group in (value.phonetic, value.ideographic, value.alphabetic)]
    chosen = next((g for g in groups if any(map(is_hangul, g))), groups[2])
    joiner = "" if any(map(is_hangul, chosen)) else " "
    return joiner.join(filter(None, chosen.split("^"))).strip() or None


def _age_months(dataset: Dataset, birth: date | None, study: date | None) -> float | None:
    """From the two dates; else PatientAge, nnnD, nnnW, nnnM or nnnY (PS3.5 table 6.2-1, AS)."""
    if birth and study and birth <= study:
        return age_in_months(birth, study)
    stated = re.fullmatch(r"(\d{1,3})([DWMY])", _text(dataset, "PatientAge").upper())
    return int(stated[1]) * _MONTHS[stated[2]] if stated else None


def _view(dataset: Dataset) -> View | None:
    """DICOM has a code for the decubitus view only; erect and supine stand in descriptions."""
    keywords = (
        "ViewPosition",
        "SeriesDescription",
        "StudyDescription",
        "AcquisitionDeviceProcessingDescription",
    )
    said = " ".join(_text(dataset, keyword) for keyword in keywords)
    found = [view for view, words in _VIEW_WORDS if words.search(said)]
    return found[0] if len(found) == 1 else None
