"""Recognise the layout of a data set and read it; say where its films come from."""

import json
import logging
from pathlib import Path
from typing import Any

from pedaxr_models.datasets.aihub import is_aihub, read_aihub
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.films_csv import FILMS_CSV, read_films_csv
from pedaxr_models.datasets.label_files import (
    ARCHIVES,
    TABLES,
    WORKBOOKS,
    begins_as_dicom,
    closed_below,
    dicom_below,
    files_below,
    is_disc_list,
    pictures_below,
    relative,
)
from pedaxr_models.datasets.own_names import AS_OURS, OwnNames
from pedaxr_models.datasets.read_report import DatasetError, ReadReport
from pedaxr_models.datasets.source_set import is_source_set, read_source_set
from pedaxr_models.datasets.tables import ANNOTATIONS, LABELS

_log = logging.getLogger(__name__)
_KNOWN = "a CSV file with ImagePath, Point and Class, a folder with one, or an AI-Hub folder"


def read_films(path: Path, *, treat_as_distension: bool = False, names: OwnNames = AS_OURS) -> list[Film]:
    """All usable films of a CSV file or data set folder, for those who train and measure.

    Every row that cannot be used, and every note for the owner of the data, is logged as a warning, which
    Python shows on stderr where nobody listens; `read_dataset` gives both instead.
    """
    report = read_dataset(path, treat_as_distension=treat_as_distension, names=names)
    for said in (*report.notes, *report.rejections):
        _log.warning("%s: %s", path.name, said)
    if report.rejections:
        _log.warning("%s: %d films read, %d rows not", path.name, len(report.films), len(report.rejections))
    return list(report.films)


def read_dataset(path: Path, *, treat_as_distension: bool = False, names: OwnNames = AS_OURS) -> ReadReport:
    """Read a data set of any known layout; `names` as in `read_films_csv`, of a table alone.

    Raises:
        DatasetError: there is nothing at `path`, nothing of a known layout, or no table that `names` are of.
    """
    if not path.exists():
        raise DatasetError(f"There is no {path.name}. Give {_KNOWN}.")
    if path.is_file():
        return read_films_csv(path, treat_as_distension=treat_as_distension, names=names)
    if not (path / FILMS_CSV).is_file() and is_aihub(path):  # other tables may lie beside its folders
        _refuse_names(path, names)
        return read_aihub(path, treat_as_distension=treat_as_distension)
    if table := _csv_in(path):
        return read_films_csv(table, treat_as_distension=treat_as_distension, names=names)
    if is_source_set(path):
        _refuse_names(path, names)
        return read_source_set(path, treat_as_distension=treat_as_distension)
    if table := _csv_in(path, ".tsv"):
        return read_films_csv(table, treat_as_distension=treat_as_distension, names=names)
    raise DatasetError(_without_table(path))


def _refuse_names(folder: Path, names: OwnNames) -> None:
    if names:
        raise DatasetError(
            f"{folder.name} is in a layout of AI-Hub, which has no table: leave out --map and --label."
        )


def _without_table(folder: Path) -> str:
    """What a folder holds in place of a table, and what to do."""
    if deeper := files_below(folder, TABLES):
        shown = ", ".join(relative(one, folder) for one in deeper[:3])
        return f"{folder.name} holds no table of films itself; deeper there is {shown}. Give that one."
    if workbooks := files_below(folder, WORKBOOKS):
        return f"{folder.name} holds {workbooks[0].name}, a workbook, and no CSV. Save it as CSV UTF-8."
    if any(is_disc_list(path) for path in pictures_below(folder)) and not dicom_below(folder):
        return (
            f"{folder.name} holds a DICOMDIR, which only lists the films of a disc, and none of these films. "
            "Copy the whole disc, with its folders."
        )
    if pictures_below(folder):
        labels = files_below(folder, LABELS)
        outlines = f" {relative(labels[0], folder)} is no table. {ANNOTATIONS}" if labels else ""
        return (
            f"{folder.name} holds films and no table of them. Add a CSV with the columns ImagePath "
            f"and Class, one row a film; a DICOM header supplies what the table leaves out.{outlines}"
        )
    if archives := files_below(folder, ARCHIVES):
        return f"{folder.name} holds {archives[0].name}, which is not unpacked. Unpack it first."
    return f"{folder.name} has no known layout. Give {_KNOWN}."


def read_bare_dicom(source: Path) -> ReadReport | None:
    """A DICOM file, or those below a folder without any table, as on a disc for another hospital.

    Their headers say whose they are, and nothing says what they show. None where there is no such file.
    """
    if source.is_dir() and files_below(source, (*TABLES, *WORKBOOKS)):
        return None
    found = dicom_below(source) if source.is_dir() else [source] if begins_as_dicom(source) else []
    if not found:
        return None
    notes = ["There is no table: the DICOM headers say whose films these are, and nothing what they show."]
    if others := sum(not begins_as_dicom(path) for path in pictures_below(source)):
        notes.append(f"Pictures without a DICOM header, of which nothing says whose they are: {others}.")
    if source.is_dir():
        notes += _may_hold_films(source)
    films = tuple(Film(path, None) for path in found)
    return ReadReport("dicom", films, (None,) * len(films), (), tuple(notes))


def _may_hold_films(folder: Path) -> list[str]:
    """Notes on what was not looked into."""
    unseen = {
        "Archives that are not unpacked and may hold films": files_below(folder, ARCHIVES),
        "Files and folders that you are not permitted to open": closed_below(folder),
    }
    return [
        f"{what}: {len(paths)} ({', '.join(relative(one, folder) for one in paths[:3])})."
        for what, paths in unseen.items()
        if paths
    ]


def _csv_in(folder: Path, suffix: str = ".csv") -> Path | None:
    """The folder's table of films: films.csv, or else its only file with that ending, in any case."""
    if (folder / FILMS_CSV).is_file():
        return folder / FILMS_CSV
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and path.is_file())
    if len(tables) > 1:
        raise DatasetError(
            f"{folder.name} holds {len(tables)} {suffix[1:].upper()} files and no {FILMS_CSV}. Name one "
            "of them."
        )
    return tables[0] if tables else None


def made_by(data: Path) -> dict[str, Any]:
    """What data.json says of a data set folder or of the folder of its CSV; nothing where there is none."""
    described = (data if data.is_dir() else data.parent) / "data.json"
    made: dict[str, Any] = json.loads(described.read_text(encoding="utf-8")) if described.is_file() else {}
    return made


def is_synthetic(data: Path) -> bool:
    """Whether the films were made by a program; figures measured on them must say so."""
    return bool(made_by(data).get("is_synthetic"))
