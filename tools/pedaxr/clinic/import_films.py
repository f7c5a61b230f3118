"""Import a data set into the clinic: every film once, and every row that is not imported with its reason."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pedaxr import ages
from pedaxr.ages import age_band, age_in_months, ages_differ, believed_age
from pedaxr.clinic.clinic import Clinic
from pedaxr.clinic.complete_rows import complete_older_rows
from pedaxr.clinic.identity import Refused, names_another, patient_named
from pedaxr.clinic.known_patients import KnownPatients
from pedaxr.errors import ImportFailed, UnreadableImage
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.storage.files import disk_errors, replace_durably, sync_folder
from pedaxr.storage.home import default_home
from pedaxr_models.datasets import DatasetError, Film, ReadReport, read_dataset
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.datasets.read import read_bare_dicom
from pedaxr_models.written.ages import range_of_months
from pedaxr_models.written.masked import is_masked

if TYPE_CHECKING:
    from pedaxr.radiograph.raster import Spacing
    from pedaxr.radiograph.read import Radiograph

_BATCH = 100  # films in one transaction: what an interruption can make one do again
_SAID_OF_AGES = {
    ages.CONTRADICTION: "stated an age that contradicts their dates: the dates are used",
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
_SENT_TWICE = "show the very same picture as another film of that patient: sent twice"
_OF_ANOTHER = "show the very same picture as another patient's film: find out whose it is (pedaxr move-film)"
_OF_THE_PATIENT = ("patient_id", "patient_name", "patient_sex", "patient_birth_date")


class RejectedRow(BaseModel):
    """One row that was not imported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: int | None = Field(description="In the CSV file, from 1; None for data sets with a file per film")
    path: str
    reason: str


class ImportSummary(BaseModel):
    """What an import did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: str = Field(description="The layout that was recognised")
    imported: int = Field(ge=0)
    already_there: int = Field(ge=0, description="Films whose very bytes were in the clinic before")
    patients: int = Field(ge=0, description="Patients of the imported films")
    new_studies: list[str] = Field(description="Ids of the imported films")
    labels: dict[str, int]
    views: dict[str, int]
    age_bands: dict[str, int]
    rejected: list[RejectedRow]
    notes: list[str]


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
    studies: list[NewStudy] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    already_there: int = 0
    notes: Counter[str] = field(default_factory=Counter)


def import_films(
    source: Path,
    *,
    clinic_home: Path | None = None,
    treat_as_distension: bool = False,
    department: str | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportSummary:
    """Copy the films of a data set into the clinic, making the clinic where there is none.

    It may be interrupted and run again: films are known by the SHA-256 of their file and stored once.

    Args:
        source: a CSV file with ImagePath and Class, a folder that holds one, an AI-Hub folder, or DICOM files
            without a table, whose headers say whose they are.
        clinic_home: the clinic's folder; `default_home()` when None.
        treat_as_distension: read 기복증 as abdominal distension instead of pneumoperitoneum.
        department: whose staff may see the patients that are new; None: only those who may see everybody.
        columns: of a table that calls columns otherwise, its name by ours: `{"ImagePath": "file"}`.
        progress: called with (films looked at, films in all).

    Raises:
        ImportFailed: the source is missing or of no known layout.
        StorageError: the clinic cannot be written.
    """
    report = _read(source, treat_as_distension=treat_as_distension, columns=columns)
    home = clinic_home or default_home()
    with disk_errors():
        under_way = begin(home, source if source.is_dir() else source.parent)
        under_way.department = department
        under_way.rejected += [
            RejectedRow(line=r.line, path=r.path, reason=r.reason) for r in report.rejections
        ]
        rows = list(zip(report.films, report.lines, strict=True))
        for start in range(0, len(rows), _BATCH):
            _import_batch(under_way, rows[start : start + _BATCH])
            if progress is not None:
                progress(min(start + _BATCH, len(rows)), len(rows))
    return _summary(report, under_way)


def _read(source: Path, *, treat_as_distension: bool, columns: Mapping[str, str] | None) -> ReadReport:
    try:
        return read_dataset(source, treat_as_distension=treat_as_distension, columns=columns)
    except DatasetError as err:
        if not columns and (bare := read_bare_dicom(source)):
            return bare
        raise ImportFailed(str(err)) from err
    except OSError as err:
        raise ImportFailed("The data set cannot be opened. Check its path and permissions.") from err


def begin(home: Path, root: Path) -> Import:
    """An import into the clinic in `home`, which is made where there is none, of files below `root`."""
    home.parent.mkdir(parents=True, exist_ok=True)
    for folder in (home, home / "films", home / "overlays"):  # whoever made one has chosen who may read it
        folder.mkdir(mode=0o700, exist_ok=True)
    registry = Registry.create(home / REGISTRY_FILE)
    clinic = Clinic(home, registry)
    complete_older_rows(clinic)
    return Import(
        clinic,
        root.resolve(),
        registry.image_hashes(),
        registry.sop_instances(),
        KnownPatients(registry),
        registry.pictures(),
    )


def _import_batch(under_way: Import, rows: list[tuple[Film, int | None]]) -> None:
    items = []
    for film, line in rows:
        path = os.path.relpath(film.image_path.absolute(), under_way.root)
        try:
            if item := _item(under_way, film, f"on line {line}" if line else f"at {path}"):
                items.append(item)
        except (Refused, UnreadableImage) as err:
            under_way.rejected.append(RejectedRow(line=line, path=path, reason=str(err)))
    store_items(under_way, items)


def store_items(under_way: Import, items: Sequence[Item]) -> list[NewStudy]:
    """Files first, then the rows in one transaction: a row always has its file. Returns what was new."""
    for item in items:
        replace_durably(under_way.clinic.home / item.study.image_path, item.content)
    sync_folder(under_way.clinic.films)
    stored = under_way.clinic.registry.add_new([(item.patient, item.study) for item in items])
    under_way.studies += stored
    under_way.already_there += len(items) - len(stored)
    return stored


def _item(under_way: Import, film: Film, place: str) -> Item | None:
    """What to store of one film; None when it was stored before. `place` is where the source has it."""
    return item_of(under_way, film, place, *content_of(under_way, film))


def item_of(
    under_way: Import, film: Film, place: str, content: bytes, radiograph: "Radiograph"
) -> Item | None:
    """The same, of a film that is read already. Raises Refused."""
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
    if _is_same_instance(under_way, study, place):
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
    under_way.patients.take(patient, study.study_date)
    return Item(patient, study, content)


def _is_same_instance(under_way: Import, study: NewStudy, place: str) -> bool:
    """Whether the film was stored before in a file of other bytes, as archives save them again.

    Raises Refused where this source or another patient has it.
    """
    uid = study.sop_instance_uid
    if uid is None:
        return False
    if uid not in under_way.known_instances:
        return False
    if under_way.known_instances[uid] != study.patient_id:
        raise Refused("its SOPInstanceUID is that of another patient's film: check whose it is")
    if uid in under_way.place_of:
        raise Refused(
            f"the same film (SOPInstanceUID), saved with other bytes, is {under_way.place_of[uid]} already"
        )
    under_way.place_of[uid] = place
    under_way.already_there += 1
    return True


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
        under_way.notes["name another patient in their DICOM header: the table is believed"] += 1
    if any(value is not None for value in missing.values()):
        under_way.notes["were completed from their DICOM headers"] += 1
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
        under_way.notes["had a masked name and no patient id: each was taken for a child of its own"] += 1
    elif not film.metadata.patient_id:
        under_way.notes["had no patient id: children were told apart by name, sex, birth date or age"] += 1
    tomorrow = date.today() + timedelta(days=1)  # which today is in another time zone
    for day, what in ((patient.patient_birth_date, "birth"), (study.study_date, "study")):
        if day and day > tomorrow:
            under_way.notes[f"had a {what} date in the future: check it"] += 1
    if study.study_date is None:
        under_way.notes["had no study date: they are listed last and compared with no other film"] += 1
    by_dates = _age(patient, study)
    if film.metadata.patient_birth_date is None and ages_differ(by_dates, study.stated_age_months):
        under_way.notes[_SAID_OF_AGES[ages.CONTRADICTION]] += 1  # with the birth date of an earlier film


def _note_picture(under_way: Import, study: NewStudy) -> None:
    """Another film of the very same picture: of another child, one of the two is wrong."""
    assert study.picture_sha256 is not None
    if whose := under_way.known_pictures.get(study.picture_sha256):
        under_way.notes[_SENT_TWICE if whose == study.patient_id else _OF_ANOTHER] += 1
    under_way.known_pictures.setdefault(study.picture_sha256, study.patient_id)


def _age(patient: Patient, study: NewStudy) -> float | None:
    if patient.patient_birth_date and study.study_date:
        return age_in_months(patient.patient_birth_date, study.study_date)
    return study.stated_age_months


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _summary(report: ReadReport, under_way: Import) -> ImportSummary:
    studies = under_way.studies
    known = [_age(under_way.patients.of(study.patient_id), study) for study in studies]
    return ImportSummary(
        layout=report.layout,
        imported=len(studies),
        already_there=under_way.already_there,
        patients=len({study.patient_id for study in studies}),
        new_studies=[study.study_id for study in studies],
        labels=_counted(study.source_label or "unlabelled" for study in studies),
        views=_counted(study.view_position.value if study.view_position else "unknown" for study in studies),
        age_bands=_counted(map(age_band, known)),
        rejected=sorted(under_way.rejected, key=lambda row: (row.line or 0, row.path)),
        notes=[*report.notes, *(f"{count} films {what}." for what, count in under_way.notes.items())],
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
