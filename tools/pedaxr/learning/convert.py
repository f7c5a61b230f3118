"""Annotations of other programs and the films beside them, as the one table that trainings read."""

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pedaxr.clinic.annotate import Decision
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.film_table import COLUMNS, FILMS_CSV, packed_masks
from pedaxr.clinic.exchange.into_clinic import Unused, decisions_of, notes_on
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, Polygon, exact_polygons, together
from pedaxr.clinic.exchange.pictures import Pictures
from pedaxr.clinic.exchange.read import read_with_pictures
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.learning.film_files import Bytes, FilmFiles, FilmFinder
from pedaxr.learning.film_pictures import as_film
from pedaxr.learning.outline_sheet import Tile, sheet, tile
from pedaxr.radiograph.read import Radiograph
from pedaxr.text import printable
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.datasets.shapes import check_outline, mask_outlines
from pedaxr_models.labels import FINDINGS, NORMAL, TERMS, URGENCY, Finding

SHEET = "sheet.png"
MOST_ON_SHEET = 60
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # in a file name on Windows
_Groups = dict[str, tuple[Bytes, list[OutlinedFilm]]]  # by picture: its bytes, and all that is said of it


class Converted(BaseModel):
    """What a conversion did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="The format that was recognised")
    films: int = Field(ge=0, description="Rows of the table")
    outlined: dict[str, int] = Field(description="Films with an outline, by finding")
    absent: dict[str, int] = Field(description="Films of which it is known that they do not show a finding")
    on_sheet: int = Field(ge=0, description="Films on the contact sheet")
    unused: list[Unused]
    notes: list[str]


@dataclass
class _Table:
    """Rows, pictures and tiles as they are written."""

    out: Path
    rows: list[dict[str, str]] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    children: dict[str, str] = field(default_factory=dict)
    outlined: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)


def convert_annotations(
    source: Path,
    out: Path,
    *,
    films: Path | None = None,
    absent_unless_drawn: bool = False,
    labels: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[int, int], None] | None = None,
) -> Converted:
    """Write the films that annotations outline to `out`: films.csv, films/, masks/ and a contact sheet.

    Args:
        source: see `read_annotations`; the films lie in it, beside it, or in `films`.
        out: a folder that is new or empty.
        films: folder of the films, found by their names without suffix.
        absent_unless_drawn: a finding that is not outlined on a film of the source is known to be absent.
        labels: what labels of a hospital's own mean; see `read_annotations`.
        progress: called with (films done, films in all).

    Raises:
        InvalidRequest: the source cannot be read, none of its films can be used, or `out` is not empty.
        StorageError: `out` cannot be written.
    """
    if out.exists() and any(out.iterdir()):
        raise InvalidRequest(f"{out.name} is not empty. Name a new folder.")
    finder = FilmFinder(films)
    kind, found, pictures = read_with_pictures(source, finder.find, labels)
    groups, unused = _by_picture(found, FilmFiles(pictures, finder))
    table = _Table(out)
    try:
        for number, (name, (data, several)) in enumerate(groups.items(), 1):
            try:
                _write(table, data(), together(several), name, absent_unless_drawn=absent_unless_drawn)
            except InvalidRequest as err:
                unused.append(Unused(film=printable(several[0].name, 100), reason=str(err)))
            if progress is not None:
                progress(number, len(groups))
        _finish(table, unused)
    except OSError as err:
        raise StorageError(f"{out.name} cannot be written: {err.strerror or err}.") from err
    return Converted(
        kind=kind,
        films=len(table.rows),
        outlined=dict(table.outlined),
        absent=dict(table.absent),
        on_sheet=len(table.tiles),
        unused=unused,
        notes=[
            *notes_on(found, absent_unless_drawn=absent_unless_drawn),
            *_notes(table, found, groups, pictures),
        ],
    )


def _by_picture(found: Sequence[OutlinedFilm], films: FilmFiles) -> tuple[_Groups, list[Unused]]:
    groups: _Groups = {}
    unused = []
    for film in found:
        try:
            if film.problem:
                raise InvalidRequest(film.problem)
            name, data = films.of(film)
            groups.setdefault(name, (data, []))[1].append(film)
        except InvalidRequest as err:
            unused.append(Unused(film=printable(film.name, 100), reason=str(err)))
    return groups, unused


def _write(table: _Table, data: bytes, film: OutlinedFilm, name: str, *, absent_unless_drawn: bool) -> None:
    """Its picture, its masks where polygons are not exact, and its row. Raises InvalidRequest."""
    if film.is_unsuitable:
        raise InvalidRequest("it is marked unsuitable, and a table has no word for that")
    kept, suffix, radiograph = as_film(data)
    _check_size(film, radiograph)
    called = _free_name(table, stem(name))
    _save(table.out / "films" / f"{called}{suffix}", kept)
    decisions = decisions_of(film, absent_unless_drawn=absent_unless_drawn)
    known = [finding for finding in FINDINGS if decisions.get(finding, "uncertain") != "uncertain"]
    table.outlined.update(finding.value for finding in film.masks)
    table.absent.update(finding.value for finding in known if finding not in film.masks)
    table.rows.append(
        {
            "ImagePath": f"films/{called}{suffix}",
            **_outlines(table, film, called),
            "Known": " ".join(finding.value for finding in known) or "nothing",
            **_person(table, radiograph),
        }
    )
    if suffix != ".dcm":
        size = radiograph.height, radiograph.width
        _write_partial(table.out, film, decisions, called, size)
    if len(table.tiles) < MOST_ON_SHEET:
        table.tiles.append(tile(len(table.rows) + 1, radiograph.pixels, film.masks))


def _write_partial(
    out: Path, film: OutlinedFilm, decisions: Mapping[Finding, Decision], called: str, size: tuple[int, int]
) -> None:
    """What `evaluate real` and `train mixed` read beside a picture: its findings, and where free air is."""
    words = {"rejected": "absent", "uncertain": "uncertain"}
    said = {finding: words[one] for finding, one in decisions.items() if one in words}
    air = film.masks.get(Finding.PNEUMOPERITONEUM)
    polygons = [] if air is None else mask_outlines(air)
    document = {
        "id": called,
        "size": [size[1], size[0]],
        "findings": {**said, **dict.fromkeys((*film.masks, *film.without_outline), "present")},
        "polygons": {"free_air": [one.tolist() for one in polygons]} if polygons else {},
    }
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    _save(out / "films" / f"{called}.json", text.encode())


def _check_size(film: OutlinedFilm, radiograph: Radiograph) -> None:
    size = radiograph.height, radiograph.width
    if other := next((mask.shape for mask in film.masks.values() if mask.shape != size), None):
        raise InvalidRequest(
            f"it was outlined on a picture of {other[1]} x {other[0]} pixels, and the film has {size[1]} x "
            f"{size[0]}; draw on the film itself, as it is shown"
        )


def _outlines(table: _Table, film: OutlinedFilm, called: str) -> dict[str, str]:
    """Class, polygons and, where those are not exact, the masks, which are written."""
    exact = {finding: _exact(mask) for finding, mask in film.masks.items()}
    mask_path = ""
    if any(polygons is None for polygons in exact.values()):
        mask_path = f"masks/{called}.npz"
        masks = {finding.value: mask for finding, mask in film.masks.items()}
        _save(table.out / mask_path, packed_masks(masks))
    outlines = {finding.value: polygons or [] for finding, polygons in exact.items()}
    shown = [finding.value for finding in URGENCY if finding in film.masks or finding in film.without_outline]
    label = shown[0] if shown else NORMAL
    return {
        "Class": TERMS[label].english,
        "Point": json.dumps(outlines.get(label, [])),
        "Findings": json.dumps(outlines),
        "MaskPath": mask_path,
    }


def _person(table: _Table, radiograph: Radiograph) -> dict[str, str]:
    """A number for the child, and what a DICOM header says that is no name."""
    said = radiograph.metadata
    if said.patient_id is None:
        return {}
    child = table.children.setdefault(said.patient_id, f"C{len(table.children) + 1:05d}")
    age = "" if said.age_months is None else f"{said.age_months:.2f}"
    return {"PatientID": child, "AgeMonths": age, "ViewPosition": said.view.value if said.view else ""}


def _exact(mask: BoolArray) -> list[Polygon] | None:
    """Polygons that a training reads as the very mask; None where there are none."""
    polygons = exact_polygons(mask)
    try:
        for polygon in polygons or ():
            check_outline(np.asarray(polygon, np.float32), (mask.shape[1], mask.shape[0]))
    except RowError:
        return None
    return polygons


def _free_name(table: _Table, name: str) -> str:
    """A name for its files that no other film has, on any system."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")[:100] or "film"
    called, number = plain, 2
    while called.casefold() in table.taken:
        called, number = f"{plain} ({number})", number + 1
    table.taken.add(called.casefold())
    return called


def _save(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _finish(table: _Table, unused: Sequence[Unused]) -> None:
    if not table.rows:
        first = unused[0]
        raise InvalidRequest(f"No film can be used, of {len(unused)}. {first.film}: {first.reason}")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [name for name in COLUMNS if name != "Annotation"], restval="")
    writer.writeheader()
    writer.writerows(table.rows)
    _save(table.out / FILMS_CSV, text.getvalue().encode("utf-8-sig"))
    _save(table.out / SHEET, sheet(table.tiles))


def _notes(table: _Table, found: Sequence[OutlinedFilm], groups: _Groups, pictures: Pictures) -> list[str]:
    notes = []
    named = {one.casefold() for film in found for one in (film.name, film.file)}
    used = {pictures.sha256_of(name) for name in pictures.names() if name in groups}
    left = [name for name in pictures.names() if name not in groups]
    if copies := sum(pictures.sha256_of(name) in used for name in left):
        notes.append(f"Pictures with the same bytes as another, which are one film with it: {copies}.")
    others = (name for name in left if pictures.sha256_of(name) not in used)
    if unnamed := sum(stem(name).casefold() not in named for name in others):
        notes.append(f"Pictures that no annotation names, and that were left out: {unnamed}.")
    if alone := sum("PatientID" not in row for row in table.rows):
        notes.append(
            f"Films of which nothing says whose they are: {alone}. Each counts as a child of its own, so "
            "that one film of a child may be learned from and another measured on: fill the column PatientID "
            f"of {FILMS_CSV}."
        )
    return notes
