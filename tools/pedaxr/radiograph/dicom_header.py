"""What a DICOM header says of the film: spacing, patient, study, view, and what to be wary of."""

import re
from datetime import date

from pydicom import Dataset
from pydicom.valuerep import PersonName

from pedaxr.ages import KnownAge, believed_age
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.radiograph.character_sets import header_text, misread_note
from pedaxr.radiograph.raster import plausible_spacing
from pedaxr.text import printable
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View
from pedaxr_models.written.ages import parse_age
from pedaxr_models.written.dates import parse_date
from pedaxr_models.written.views import view_of

_ABDOMEN = ("", "ABDOMEN", "ABDOMENPELVIS", "ABDO", "KUB", "PELVIS", "BABYGRAM", "WHOLEBODY", "CHESTABDOMEN")
_VIEW_KEYWORDS = (
    "ViewPosition",
    "SeriesDescription",
    "StudyDescription",
    "AcquisitionDeviceProcessingDescription",
)
_OF_DETECTOR = "Spacing is that of the detector: lengths and areas are slightly too large."
_LARGEST_MAGNIFICATION = 2.0
_HUMAN = ("", "human", "homo sapiens", "homosapiens")
_AGE = re.compile(r"\d{1,3}[DWMY]")  # PS3.5 table 6.2-1, AS


def read_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    """Row and column spacing in mm, or None, and a note on how far to trust it (PS3.3 section 10.7.1).

    PixelSpacing is in the patient when calibrated. Equal to ImagerPixelSpacing and without a type of
    calibration it is that of the detector, where the child's shadow is a few percent larger than the child; a
    magnification that the file states (PS3.3 C.8.11.5) is taken out again.
    """
    imager = _spacing(dataset, "ImagerPixelSpacing")
    if calibrated := _spacing(dataset, "PixelSpacing"):
        is_calibrated = calibrated != imager or _text(dataset, "PixelSpacingCalibrationType") != ""
        return calibrated, "" if is_calibrated else _OF_DETECTOR
    if imager:
        factor = _magnification(dataset)
        corrected = plausible_spacing(imager[0] / factor, imager[1] / factor)
        if corrected and factor > 1:
            return corrected, "Spacing is that of the detector over the magnification that the file states."
        return imager, _OF_DETECTOR
    if scanned := _spacing(dataset, "NominalScannedPixelSpacing"):
        return scanned, "Spacing is that of a film scanner: lengths and areas are nominal."
    return None, ""


def _spacing(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """A plausible pair; None where the header has none, one number, three, or no number."""
    try:
        row, column = (float(value) for value in dataset.get(keyword))
    except (TypeError, ValueError):
        return None
    return plausible_spacing(row, column)


def _magnification(dataset: Dataset) -> float:
    """Of the child on the detector; 1 where it is not stated or cannot be."""
    try:
        factor = float(dataset.get("EstimatedRadiographicMagnificationFactor") or 1)
    except (TypeError, ValueError):
        return 1.0
    return factor if 1 <= factor <= _LARGEST_MAGNIFICATION else 1.0


def read_metadata(dataset: Dataset) -> FilmMetadata:
    """Patient and study as the header states them; what is missing or malformed is None."""
    known = _known_age(dataset)
    sex = _text(dataset, "PatientSex").upper()
    return FilmMetadata(
        patient_id=_text(dataset, "PatientID") or None,
        patient_name=_name(dataset),
        patient_sex=sex if sex in ("M", "F", "O") else None,
        patient_birth_date=known.birth_date.isoformat() if known.birth_date else None,
        study_date=known.study_date.isoformat() if known.study_date else None,
        age_months=known.age_months,
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
    if _text(dataset, "PatientSpeciesDescription").casefold() not in _HUMAN:
        notes.append("The file's header says that the patient is no human being.")
    if _text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING":
        notes.append("The file holds unprocessed detector data. Export the film for presentation.")
    notes += _known_age(dataset).notes
    misread = (misread_note(dataset, keyword) for keyword in ("PatientName", *_VIEW_KEYWORDS))
    notes += sorted(set(filter(None, misread)))
    return tuple(notes)


def _text(dataset: Dataset, keyword: str) -> str:
    return printable(header_text(dataset, keyword), 200)


def _date(dataset: Dataset, keyword: str) -> date | None:
    try:
        return parse_date(_text(dataset, keyword))
    except ValueError:
        return None


def _name(dataset: Dataset) -> str | None:
    """The Hangul form of a name if there is one, else the alphabetic; components as people write them."""
    value = PersonName(header_text(dataset, "PatientName"))
    groups = [printable(str(group), 200) for group in (value.phonetic, value.ideographic, value.alphabetic)]
    chosen = next((g for g in groups if any(map(is_hangul, g))), groups[2])
    joiner = "" if any(map(is_hangul, chosen)) else " "
    return joiner.join(filter(None, chosen.split("^"))).strip() or None


def _known_age(dataset: Dataset) -> KnownAge:
    """What to believe of birth date, study date and PatientAge together."""
    stated = _text(dataset, "PatientAge").upper()
    try:
        age = parse_age(stated) if _AGE.fullmatch(stated) else None
    except ValueError:
        age = None
    return believed_age(_date(dataset, "PatientBirthDate"), _date(dataset, "StudyDate"), age)


def _view(dataset: Dataset) -> View | None:
    """DICOM has a code for the decubitus view only; erect and supine stand in descriptions."""
    return view_of(_text(dataset, keyword) for keyword in _VIEW_KEYWORDS)
