"""Import a data set into the clinic: every film once, and every row that is not imported with its reason."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pedaxr.ages import age_band
from pedaxr.clinic.clinic import Clinic
from pedaxr.clinic.complete_rows import complete_older_rows
from pedaxr.clinic.identity import Refused
from pedaxr.clinic.intake.film import Import, Item, RejectedRow, age_at, content_of, item_of
from pedaxr.clinic.intake.known_patients import KnownPatients
from pedaxr.errors import ImportFailed, UnreadableImage
from pedaxr.registry import REGISTRY_FILE, NewStudy, Registry
from pedaxr.storage.files import disk_errors, replace_durably, sync_folder
from pedaxr.storage.home import default_home
from pedaxr.text import in_number
from pedaxr_models.datasets import DatasetError, Film, ReadReport, read_dataset
from pedaxr_models.datasets.own_names import OwnNames
from pedaxr_models.datasets.read import read_bare_dicom

_BATCH = 100  # films in one transaction: what an interruption can make one do again


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


def import_films(
    source: Path,
    *,
    clinic_home: Path | None = None,
    treat_as_distension: bool = False,
    department: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
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
        labels: what a class of the table means: `{"PNP": "pneumoperitoneum", "NAD": "normal"}`.
        progress: called with (films looked at, films in all).

    Raises:
        ImportFailed: the source is missing or of no known layout.
        StorageError: the clinic cannot be written.
    """
    names = OwnNames(columns or {}, labels or {})
    report = _read(source, treat_as_distension=treat_as_distension, names=names)
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


def _read(source: Path, *, treat_as_distension: bool, names: OwnNames) -> ReadReport:
    try:
        return read_dataset(source, treat_as_distension=treat_as_distension, names=names)
    except DatasetError as err:
        if not names and (bare := read_bare_dicom(source)):
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


def _summary(report: ReadReport, under_way: Import) -> ImportSummary:
    studies = under_way.studies
    known = [age_at(under_way.patients.of(study.patient_id), study) for study in studies]
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
        notes=[*report.notes, *(_films_that(n, what) for what, n in under_way.notes.items())],
    )


def _films_that(count: int, what: str) -> str:
    return in_number(count, f"{count} [film|films] {what}.")


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
