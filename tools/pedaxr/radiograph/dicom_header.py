"""What a DICOM header says of the film: patient, study, view, and what to be wary of."""

import re
from dataclasses import replace
from datetime import date

from pydicom import Dataset
from pydicom.valuerep import PersonName

from pedaxr.ages import KnownAge, believed_age
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.radiograph.character_sets import header_text, misread_note
from pedaxr.radiograph.raster import OTHER_PART, OTHER_SPECIES, UNPROCESSED
from pedaxr.text import printable
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View
from pedaxr_models.written.ages import parse_age
from pedaxr_models.written.dates import is_placeholder, parse_date
from pedaxr_models.written.nobody import names_nobody
from pedaxr_models.written.other_calendars import OtherCalendar
from pedaxr_models.written.sexes import names_both_sexes, sex_of_header
from pedaxr_models.written.views import is_of_the_side, names_decubitus, view_of

_ABDOMEN = ("", "ABDOMEN", "ABDOMENPELVIS", "ABDO", "KUB", "PELVIS", "BABYGRAM", "WHOLEBODY", "CHESTABDOMEN")
_FILM_KEYWORDS = (
    "ViewPosition",
    "SeriesDescription",
    "AcquisitionDeviceProcessingDescription",
    "ProtocolName",
)
_VIEW_KEYWORDS = (*_FILM_KEYWORDS, "StudyDescription")
# Of positions and views by code, whatever language their meaning is in (PS3.16 CID 19, 20 and 4010): words
# that descriptions have. Recumbent leaves open how.
_CODED = {
    **dict.fromkeys(("C86043", "F-10440", "10904000", "F-10320"), "erect"),
    **dict.fromkeys(("102539006", "F-10460"), "semi-erect"),
    **dict.fromkeys(("102538003", "F-10450"), ""),
    **dict.fromkeys(("40199007", "F-10340"), "supine"),
    **dict.fromkeys(("1240000", "F-10310"), "prone"),
    **dict.fromkeys(("33586001", "F-103A0"), "sitting"),
    **dict.fromkeys(("102536004", "F-10319"), "left lateral decubitus"),
    **dict.fromkeys(("102535000", "F-10317"), "right lateral decubitus"),
    "32185000": "lateral decubitus",
    **dict.fromkeys(("399067008", "399173006", "399198007", "399260004", "399352003"), "lateral"),
    **dict.fromkeys(("R-10236", "R-10232", "R-102CD"), "lateral"),
}
_ABDOMEN_CODES = frozenset(
    {"818981001", "113345001", "T-D4000", "818982008", "R-FAB57", "416775004", "R-FAB56", "416550000"}
    | {"R-FAB55", "416319003", "416152001", "816092008", "12921003", "T-D6000", "38266002", "T-D0010"}
)
_ABDOMEN_WORDS = re.compile(
    r"abdo|pelvi|whole ?body|entire ?body|trunk|torso|babygram|복부|골반|전신|몸통", re.IGNORECASE
)
_HUMAN_CODES = ("337915000", "L-85003")
_LYING = {"P": "prone", "DR": "right lateral decubitus"}  # of PatientPosition: HFS is filled in by habit
_HUMAN = ("", "human", "homo sapiens", "homosapiens")
_UNIT = re.compile(
    r"[^\W\d_]|\d/\d"
)  # an age without one is in years, months or neither (PS3.5 table 6.2-1, AS)
_NO_AGE = "The stated age is not one that DICOM can state or a person can have: it was not used."
_OTHER_CALENDAR = "A date is of another calendar, in which its day is not certain: it was not used."
_NO_DATE = "A date of the header is none, or may be either of two days: it was not used."
_BORN_LATER = "The birth date lies after the study date: it was not used."
_TWO_SEXES = "The header states two sexes: neither was used."
_DAYS = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
_UID = re.compile(r"[0-9.]{1,64}")


def read_metadata(dataset: Dataset, known: KnownAge | None = None) -> FilmMetadata:
    """Patient and study as the header states them; what is missing or malformed is None.

    `known` is what `known_age` gives of it, where it is known already.
    """
    known = known or known_age(dataset)
    return FilmMetadata(
        patient_id=_somebody(_text(dataset, "PatientID")),
        patient_name=_name(dataset),
        patient_sex=sex_of_header(_text(dataset, "PatientSex")),
        patient_birth_date=known.birth_date.isoformat() if known.birth_date else None,
        study_date=known.study_date.isoformat() if known.study_date else None,
        age_months=known.age_months,
        view=_view(dataset),
        accession_number=_text(dataset, "AccessionNumber") or None,
        study_instance_uid=_uid(dataset, "StudyInstanceUID"),
        series_instance_uid=_uid(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
    )


def _uid(dataset: Dataset, keyword: str) -> str | None:
    """Digits and dots, at most 64 (PS3.5 section 9.1); None for anything else."""
    written = _text(dataset, keyword)
    return written if _UID.fullmatch(written) else None


def wanted_notes(dataset: Dataset, known: KnownAge) -> tuple[str, ...]:
    """Warnings in our own words; nothing of the header is repeated. `known` is its `known_age`."""
    notes = []
    if _text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        notes.append("Stored with bone dark (MONOCHROME1); shown with bone bright.")
    if _is_of_other_part(dataset):
        notes.append(OTHER_PART)
    if _text(dataset, "BurnedInAnnotation").upper() == "YES":
        notes.append("The file's header says that text is burned into the picture.")
    if _is_animal(dataset):
        notes.append(OTHER_SPECIES)
    if _text(dataset, "PresentationIntentType").upper() == "FOR PROCESSING":
        notes.append(UNPROCESSED)
    if names_both_sexes(_text(dataset, "PatientSex")):
        notes.append(_TWO_SEXES)
    notes += known.notes
    misread = (misread_note(dataset, keyword) for keyword in ("PatientName", *_VIEW_KEYWORDS))
    notes += sorted(set(filter(None, misread)))
    return tuple(notes)


def _is_of_other_part(dataset: Dataset) -> bool:
    """By BodyPartExamined, or by the coded region, which a DX image must have (PS3.3 C.8.11.5)."""
    if part := re.sub(r"[^A-Z]", "", _text(dataset, "BodyPartExamined").upper()):
        return part not in _ABDOMEN
    regions = [
        code in _ABDOMEN_CODES or _ABDOMEN_WORDS.search(meaning) is not None
        for code, meaning in coded(dataset, "AnatomicRegionSequence")
        if meaning or code in _ABDOMEN_CODES
    ]
    return bool(regions) and not any(regions)


def _is_animal(dataset: Dataset) -> bool:
    """By its species in words or by code, or by an owner, whom no child has."""
    if _text(dataset, "ResponsiblePersonRole").upper() == "OWNER":
        return True
    if species := _text(dataset, "PatientSpeciesDescription").casefold():
        return species not in _HUMAN
    named = coded(dataset, "PatientSpeciesCodeSequence")
    return bool(named) and not any(code in _HUMAN_CODES or word.casefold() in _HUMAN for code, word in named)


def coded(dataset: Dataset, keyword: str) -> list[tuple[str, str]]:
    """Code and meaning of the items of a sequence of codes."""
    items = dataset.get(keyword)
    return [
        (_text(item, "CodeValue"), _text(item, "CodeMeaning"))
        for item in items or ()
        if isinstance(item, Dataset)
    ]


def _coded_words(dataset: Dataset, keyword: str) -> list[str]:
    return [_CODED.get(code, meaning) for code, meaning in coded(dataset, keyword)]


def _coded_positions(dataset: Dataset) -> list[str]:
    """How the child lay or stood, by its codes (PS3.3 C.8.11.5): erect, or recumbent and how."""
    modifier, lying = "PatientOrientationModifierCodeSequence", "PatientOrientationCodeSequence"
    inside = [item for item in dataset.get(lying) or () if isinstance(item, Dataset)]
    return [word for one in (dataset, *inside) for word in _coded_words(one, modifier)] + _coded_words(
        dataset, lying
    )


def is_from_the_side(dataset: Dataset) -> bool:
    """Whether the view, by word or code, or what is said of this film alone is of one from the side."""
    said = [_text(dataset, keyword) for keyword in _VIEW_KEYWORDS]
    if any(map(names_decubitus, (*said, *_coded_positions(dataset)))):
        return False  # then that may be what LL is meant for
    view = (_text(dataset, "ViewPosition"), *_coded_words(dataset, "ViewCodeSequence"))
    described = (_text(dataset, keyword) for keyword in _FILM_KEYWORDS[1:])
    return any(is_of_the_side(one, is_code=True) for one in view) or any(map(is_of_the_side, described))


def _text(dataset: Dataset, keyword: str) -> str:
    return printable(header_text(dataset, keyword), 200)


def _date(dataset: Dataset, keyword: str) -> tuple[date | None, list[str]]:
    """A day, and what to say where what is written is none, or of a calendar of which no day is certain."""
    try:
        return parse_date(_text(dataset, keyword)), []
    except OtherCalendar:
        return None, [_OTHER_CALENDAR]
    except ValueError:
        return None, [_NO_DATE]


def _name(dataset: Dataset) -> str | None:
    """The Hangul form of a name if there is one, else the alphabetic; components as people write them."""
    value = PersonName(header_text(dataset, "PatientName"))
    groups = [printable(str(group), 200) for group in (value.phonetic, value.ideographic, value.alphabetic)]
    chosen = next((g for g in groups if any(map(is_hangul, g))), groups[2])
    joiner = "" if any(map(is_hangul, chosen)) else " "
    return _somebody(joiner.join(filter(None, chosen.split("^"))).strip())


def _somebody(written: str) -> str | None:
    return None if names_nobody(written) else written


def known_age(dataset: Dataset) -> KnownAge:
    """What to believe of birth date, study date and PatientAge together."""
    stated = _text(dataset, "PatientAge").upper()
    try:
        age = parse_age(stated) if _UNIT.search(stated) else None
    except ValueError:
        age = None
    notes = [_NO_AGE] if stated and age is None else []
    (birth, birth_notes), (study, study_notes) = _date(dataset, "PatientBirthDate"), _study_date(dataset)
    notes += sorted({*birth_notes, *study_notes})
    if birth and study and not (is_placeholder(birth) or is_placeholder(study)) and study < birth:
        birth = None
        notes.append(_BORN_LATER)
    known = believed_age(birth, study, age)
    return replace(known, notes=(*notes, *known.notes))


def _study_date(dataset: Dataset) -> tuple[date | None, list[str]]:
    """The study's day; where it is left out or none, that on which the film was taken."""
    notes: list[str] = []
    for keyword in _DAYS:
        day, said = _date(dataset, keyword)
        if day is not None:
            return day, notes
        notes += said
    return None, notes


def _view(dataset: Dataset) -> View | None:
    """DICOM has a code for the decubitus view only; erect and supine stand in descriptions."""
    position = _LYING.get(_text(dataset, "PatientPosition").upper()[-2:].lstrip("F"), "")
    said = (_text(dataset, keyword) for keyword in _VIEW_KEYWORDS)
    return view_of([position, *said, *_coded_positions(dataset)])
