"""What a DICOM header says of the film: spacing, patient, study, view, and what to be wary of."""

import re
from datetime import date

from pydicom import Dataset
from pydicom.valuerep import PersonName

from pedaxr.ages import age_in_months
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.radiograph.raster import plausible_spacing
from pedaxr.text import printable
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View

_ABDOMEN = ("", "ABDOMEN", "ABDOMENPELVIS", "ABDO", "KUB", "PELVIS", "BABYGRAM", "WHOLEBODY", "CHESTABDOMEN")
_VIEW_KEYWORDS = (
    "ViewPosition",
    "SeriesDescription",
    "StudyDescription",
    "AcquisitionDeviceProcessingDescription",
)
_VIEW_WORDS = (
    (View.LEFT_LATERAL_DECUBITUS, re.compile(r"\bLLD\b|decub|측와위", re.IGNORECASE)),
    (View.ERECT, re.compile(r"\berect\b|\bupright\b|\bstanding\b|입위|기립", re.IGNORECASE)),
    (View.SUPINE, re.compile(r"\bsupine\b|앙와위", re.IGNORECASE)),
)
_OF_DETECTOR = "Spacing is that of the detector: lengths and areas are slightly too large."
_LARGEST_MAGNIFICATION = 2.0
_OLDEST_MONTHS = 130 * 12.0
_HUMAN = ("", "human", "homo sapiens", "homosapiens")
_SINGLE_BYTE = re.compile(r"[\x80-\xff]")
_MONTHS = {"Y": 12.0, "M": 1.0, "W": 7 / 30.4375, "D": 1 / 30.4375}


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
    birth, study = _date(dataset, "PatientBirthDate"), _date(dataset, "StudyDate")
    sex = _text(dataset, "PatientSex").upper()
    return FilmMetadata(
        patient_id=_text(dataset, "PatientID") or None,
        patient_name=_name(dataset),
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
    if _text(dataset, "PatientSpeciesDescription").casefold() not in _HUMAN:
        notes.append("The file's header says that the patient is no human being.")
    if _text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING":
        notes.append("The file holds unprocessed detector data. Export the film for presentation.")
    if any(_korean(str(dataset.get(k) or ""), dataset) for k in ("PatientName", *_VIEW_KEYWORDS)):
        notes.append("The header's Korean text is not declared as such; it was read as Korean.")
    return tuple(notes)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else printable(_korean(str(value), dataset) or str(value), 200)


def _korean(text: str, dataset: Dataset) -> str:
    """Hangul that stands in the header without its character set, as Korean archives leave it; else nothing.

    pydicom shows bytes of no declared set as Latin 1, from which the bytes follow. A header that declares
    Latin 1 is believed: its accents are meant.
    """
    declared = str(dataset.get("SpecificCharacterSet") or "")
    if not _SINGLE_BYTE.search(text) or (declared and "149" not in declared):
        return ""
    for encoding in ("utf-8", "cp949"):
        try:
            read = text.encode("latin-1").decode(encoding)
        except UnicodeError:
            continue
        if any(map(is_hangul, read)):
            return read
    return ""


def _date(dataset: Dataset, keyword: str) -> date | None:
    try:
        return date.fromisoformat(_text(dataset, keyword).replace(".", ""))
    except ValueError:
        return None


def _name(dataset: Dataset) -> str | None:
    """The Hangul form of a name if there is one, else the alphabetic; components as people write them."""
    value = dataset.get("PatientName")
    if not isinstance(value, PersonName):
        return None
    value = PersonName(_korean(str(value), dataset) or value)
    groups = [printable(str(group), 200) for group in (value.phonetic, value.ideographic, value.alphabetic)]
    chosen = next((g for g in groups if any(map(is_hangul, g))), groups[2])
    joiner = "" if any(map(is_hangul, chosen)) else " "
    return joiner.join(filter(None, chosen.split("^"))).strip() or None


def _age_months(dataset: Dataset, birth: date | None, study: date | None) -> float | None:
    """From the two dates; else PatientAge, nnnD, nnnW, nnnM or nnnY (PS3.5 table 6.2-1, AS)."""
    if birth and study and birth <= study and (age := age_in_months(birth, study)) <= _OLDEST_MONTHS:
        return age
    stated = re.fullmatch(r"(\d{1,3})([DWMY])", _text(dataset, "PatientAge").upper())
    months = int(stated[1]) * _MONTHS[stated[2]] if stated else None
    return months if months is None or months <= _OLDEST_MONTHS else None


def _view(dataset: Dataset) -> View | None:
    """DICOM has a code for the decubitus view only; erect and supine stand in descriptions."""
    said = " ".join(_text(dataset, keyword) for keyword in _VIEW_KEYWORDS)
    found = [view for view, words in _VIEW_WORDS if words.search(said)]
    return found[0] if len(found) == 1 else None
