"""One film of an import: proven to be a picture, completed, told apart from others, ready to be stored."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pedaxr import ages
from pedaxr.ages import age_in_months, ages_differ, believed_age
from pedaxr.clinic.clinic import Clinic
from pedaxr.clinic.identity import AnotherPicture, Refused, names_another, patient_named
from pedaxr.clinic.intake.known_patients import KnownPatients
from pedaxr.errors import UnreadableImage
from pedaxr.registry import NewStudy, Patient
from pedaxr_models.datasets import Film
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.written.ages import range_of_months
from pedaxr_models.written.masked import is_masked

if TYPE_CHECKING:
    from pedaxr.radiograph.raster import Spacing
    from pedaxr.radiograph.read import Radiograph

_SAID_OF_AGES = {
    ages.CONTRADICTION: "stated an age that contradicts [its|their] dates: the dates are used",
    ages.IMPLAUSIBLE_BIRTH: "had a birth date that makes an adult of a child by its age: the age is used",
    ages.PLACEHOLDER_BIRTH: "had a birth date such as 1900-01-01, which stands for none: it is not used",
    ages.PLACEHOLDER_STUDY: "had a study date such as 1900-01-01, which stands for none: it is not used",
}
_OF_THE_STUDY = (
    "study_date",
    "age_months",
    "view",
    "accession_number",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
)
_ACCESSION_COLUMN = "AccessionNumber"
_SENT_TWICE = "[shows|show] the very same picture as another film of that patient: sent twice"
_OF_ANOTHER = (
    "[shows|show] the very same picture as another patient's film: find out whose it is (pedaxr move-film)"
)
_OTHER_PICTURE = (
    "a film with its SOPInstanceUID and another picture is {where} already: if both are films, have this one "
    "exported with a UID of its own"
)
_SENT_OTHERWISE = (
    "[was|were] in the clinic before with other grey values or compression (same SOPInstanceUID): the file "
    "there stays"
)
_ROUNDED = 0.02  # of the ratio of a picture's sides: copies of fewer pixels round
_OF_THE_PATIENT = ("patient_id", "patient_name", "patient_sex", "patient_birth_date")


class RejectedRow(BaseModel):
    """One row that was not imported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: int | None = Field(description="In the CSV file, from 1; None for data sets with a file per film")
    path: str
    reason: str


@dataclass(frozen=True)
class Item:
    """One film ready to be stored."""

    patient: Patient
    study: NewStudy
    content: bytes


@dataclass
class Import:
    """One import under way."""

    clinic: Clinic
    root: Path
    known_hashes: set[str]
    known_instances: dict[str, str]  # SOP Instance UIDs of registered films, and whose they are
    patients: KnownPatients
    known_pictures: dict[str, str]  # digests of pixels, and whose film has them
    department: str | None = None
    place_of: dict[str, str] = field(default_factory=dict)  # in this source, by digest and SOP instance UID
    picture_of: dict[str, str | None] = field(default_factory=dict)  # by SOP instance UID: digest of pixels
    studies: list[NewStudy] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    already_there: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def item_of(
    under_way: Import, film: Film, place: str, content: bytes, radiograph: "Radiograph"
) -> Item | None:
    """What to store of one film that is read already; None when it was stored before.

    Args:
        under_way: the import.
        film: what its source says.
        place: where the source has it, for other films that are the same.
        content: its bytes.
        radiograph: what they show.

    Raises:
        Refused: it contradicts what is known, or is in the source twice.
    """
    digest = radiograph.sha256
    if digest in under_way.place_of:
        raise Refused(f"the very same picture is {under_way.place_of[digest]} already")
    if digest in under_way.known_hashes:
        under_way.place_of[digest] = place
        under_way.already_there += 1
        return None
    film = _believed(under_way, _completed(under_way, film, radiograph))
    patient = replace(patient_named(film.metadata, digest), department=under_way.department)
    patient, said = under_way.patients.settle(patient)
    study = _study(film, patient, radiograph)
    if _is_same_instance(under_way, study, radiograph, place):
        return None
    if study.study_date and patient.patient_birth_date and study.study_date < patient.patient_birth_date:
        raise Refused("the study is dated before the patient's birth")
    under_way.notes.update(said)
    _note_doubts(under_way, film, patient, study)
    _note_picture(under_way, study)
    under_way.known_hashes.add(digest)
    under_way.place_of[digest] = place
    if study.sop_instance_uid:
        under_way.place_of[study.sop_instance_uid] = place
        under_way.known_instances[study.sop_instance_uid] = patient.patient_id
        under_way.picture_of[study.sop_instance_uid] = study.picture_sha256
    under_way.patients.take(patient, study.study_date)
    return Item(patient, study, content)


def _is_same_instance(under_way: Import, study: NewStudy, radiograph: "Radiograph", place: str) -> bool:
    """Whether the film was stored before in a file of other bytes, as archives save them again.

    Raises Refused where this source or another patient has it, AnotherPicture where its UID is not its own.
    """
    uid = study.sop_instance_uid
    if uid is None:
        return False
    if uid not in under_way.known_instances:
        return False
    if under_way.known_instances[uid] != study.patient_id:
        raise Refused("its SOPInstanceUID is that of another patient's film: check whose it is")
    if uid in under_way.place_of:
        where = under_way.place_of[uid]
        if _is_very_picture(under_way, study, uid):
            raise Refused(f"the same film (SOPInstanceUID), saved with other bytes, is {where} already")
        raise AnotherPicture(_OTHER_PICTURE.format(where=where))
    if not _is_very_picture(under_way, study, uid):
        if not _is_sent_otherwise(under_way, radiograph, uid):
            raise AnotherPicture(_OTHER_PICTURE.format(where="in the clinic"))
        under_way.notes[_SENT_OTHERWISE] += 1
    under_way.place_of[uid] = place
    under_way.already_there += 1
    return True


def _is_very_picture(under_way: Import, study: NewStudy, uid: str) -> bool:
    """Of a film that an earlier version registered the picture may not be known: then it is believed."""
    if uid not in under_way.picture_of:
        under_way.picture_of[uid] = under_way.clinic.registry.picture_of_instance(uid)
    known = under_way.picture_of[uid]
    return known is None or known == study.picture_sha256


def _is_sent_otherwise(under_way: Import, radiograph: "Radiograph", uid: str) -> bool:
    """Whether the clinic's film of that UID is this one in other grey values or compression.

    Archives send a film again so, against PS3.5 section 9.1 as to lossy compression. What is not surely the
    same is another picture: a film that is refused is listed, one that is taken for another is lost.
    """
    from pedaxr.radiograph.read import read_radiograph
    from pedaxr_models.datasets.checks.near_duplicates import is_in_other_greys

    study = under_way.clinic.registry.study_of_film("", uid)
    if study is None:
        return False
    try:
        known = read_radiograph(study.image_path)
    except UnreadableImage:
        return False
    is_of_one_shape = abs(known.width * radiograph.height / (known.height * radiograph.width) - 1) < _ROUNDED
    return is_of_one_shape and is_in_other_greys(known.pixels, radiograph.pixels)


def content_of(under_way: Import, film: Film) -> "tuple[bytes, Radiograph]":
    """The film's bytes, proven to be a readable picture inside the data set, and that picture."""
    from pedaxr.radiograph.read import read_radiograph

    if not film.image_path.resolve().is_relative_to(under_way.root):
        raise Refused("the file is a link that leaves the data set")
    radiograph = read_radiograph(film.image_path)
    try:
        content = film.image_path.read_bytes()
    except OSError as err:
        raise Refused("the file cannot be opened") from err
    if hashlib.sha256(content).hexdigest() != radiograph.sha256:
        raise Refused("the file changed while it was read")
    return content, radiograph


def _completed(under_way: Import, film: Film, radiograph: "Radiograph") -> Film:
    """What the table leaves out, from the DICOM header, unless that names another patient."""
    ours, header = _with_accession(film), radiograph.metadata
    missing = {name: getattr(header, name) for name in _OF_THE_STUDY if getattr(ours, name) is None}
    if not names_another(ours, header):
        missing |= {name: getattr(header, name) for name in _OF_THE_PATIENT if getattr(ours, name) is None}
    else:
        under_way.notes[
            "[names|name] another patient in [its|their] DICOM header: the table is believed"
        ] += 1
    if any(value is not None for value in missing.values()):
        under_way.notes["[was completed from its DICOM header|were completed from their DICOM headers]"] += 1
    return replace(film, metadata=replace(ours, **missing))


def _believed(under_way: Import, film: Film) -> Film:
    """The film with what birth date, study date and stated age leave of each other."""
    meta = film.metadata
    stated = None if meta.age_months is None else range_of_months(meta.age_months)
    known = believed_age(_date(meta.patient_birth_date), _date(meta.study_date), stated)
    for note in known.notes:
        under_way.notes[_SAID_OF_AGES[note]] += 1
    birth, study = (day.isoformat() if day else None for day in (known.birth_date, known.study_date))
    return replace(film, metadata=replace(meta, patient_birth_date=birth, study_date=study))


def _with_accession(film: Film) -> FilmMetadata:
    """The table's own metadata; no data set we know has the number, but a hospital's CSV may."""
    given = film.metadata.accession_number or film.extra.get(_ACCESSION_COLUMN, "").strip()
    return replace(film.metadata, accession_number=given or None)


def _spacing(film: Film, radiograph: "Radiograph") -> "Spacing | None":
    """The table's, which whoever imports it vouches for; else the file's own."""
    from pedaxr.radiograph.raster import Spacing, SpacingOrigin

    if film.pixel_spacing_mm is None:
        return radiograph.spacing
    return Spacing(*film.pixel_spacing_mm, SpacingOrigin.TABLE)


def _study(film: Film, patient: Patient, radiograph: "Radiograph") -> NewStudy:
    from pedaxr.radiograph.read import picture_digest

    meta, digest, spacing = film.metadata, radiograph.sha256, _spacing(film, radiograph)
    study_id = f"S-{digest[:12]}"
    return NewStudy(
        study_id=study_id,
        patient_id=patient.patient_id,
        image_path=Path("films") / f"{study_id}{_suffix(film.image_path)}",
        image_sha256=digest,
        study_date=_date(meta.study_date),
        stated_age_months=meta.age_months,
        view_position=meta.view,
        pixel_spacing_mm=spacing[:2] if spacing else None,
        pixel_spacing_origin=spacing.origin.value if spacing else None,
        indication=meta.indication,
        working_diagnosis=meta.working_diagnosis,
        source_label=film.label,
        accession_number=meta.accession_number,
        study_instance_uid=meta.study_instance_uid,
        series_instance_uid=meta.series_instance_uid,
        sop_instance_uid=meta.sop_instance_uid,
        picture_sha256=picture_digest(radiograph),
    )


def _suffix(path: Path) -> str:
    """The file's own ending where it is a usual one: it is for people, reading goes by the content."""
    return path.suffix.lower() if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".dcm"} else ""


def _note_doubts(under_way: Import, film: Film, patient: Patient, study: NewStudy) -> None:
    if not film.metadata.patient_id and is_masked(film.metadata.patient_name or ""):
        under_way.notes[
            "had a masked name and no patient id: [it|each] was taken for a child of its own"
        ] += 1
    elif not film.metadata.patient_id:
        under_way.notes["had no patient id: children were told apart by name, sex, birth date or age"] += 1
    tomorrow = date.today() + timedelta(days=1)  # which today is in another time zone
    for day, what in ((patient.patient_birth_date, "birth"), (study.study_date, "study")):
        if day and day > tomorrow:
            under_way.notes[f"had a {what} date in the future: check it"] += 1
    if study.study_date is None:
        under_way.notes[
            "had no study date: [it is|they are] listed last and compared with no other film"
        ] += 1
    by_dates = age_at(patient, study)
    if film.metadata.patient_birth_date is None and ages_differ(by_dates, study.stated_age_months):
        under_way.notes[_SAID_OF_AGES[ages.CONTRADICTION]] += 1  # with the birth date of an earlier film


def _note_picture(under_way: Import, study: NewStudy) -> None:
    """Another film of the very same picture: of another child, one of the two is wrong."""
    assert study.picture_sha256 is not None
    if whose := under_way.known_pictures.get(study.picture_sha256):
        under_way.notes[_SENT_TWICE if whose == study.patient_id else _OF_ANOTHER] += 1
    under_way.known_pictures.setdefault(study.picture_sha256, study.patient_id)


def age_at(patient: Patient, study: NewStudy) -> float | None:
    """In months at the study, by the dates where both are known, else as it was stated."""
    if patient.patient_birth_date and study.study_date:
        return age_in_months(patient.patient_birth_date, study.study_date)
    return study.stated_age_months


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
