"""Annotations of other programs and the films beside them, as the one table that trainings read."""

import csv
import io
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pedaxr.clinic.exchange.dicom_seg import header_of, is_dicom
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.film_table import COLUMNS, FILMS_CSV, packed_masks
from pedaxr.clinic.exchange.into_clinic import Unused, decisions_of, notes_on
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, Polygon, exact_polygons, together
from pedaxr.clinic.exchange.pictures import SUFFIXES, Pictures
from pedaxr.clinic.exchange.read import read_with_pictures
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.learning.film_pictures import as_film
from pedaxr.learning.outline_sheet import Tile, sheet, tile
from pedaxr.radiograph.read import Radiograph
from pedaxr.text import printable
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.datasets.shapes import check_outline
from pedaxr_models.labels import FINDINGS, NORMAL, TERMS, URGENCY

SHEET = "sheet.png"
MOST_ON_SHEET = 60
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')  # in a file name on Windows
_MISSING = "its picture is missing: put it beside the annotations, or name its folder with --films"


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
    finder = _Finder(films)
    kind, found, pictures = read_with_pictures(source, finder.find, labels)
    groups, unused = _by_picture(found, _Films(pictures, finder))
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
        notes=[*notes_on(found, absent_unless_drawn=absent_unless_drawn), *_notes(table, groups, pictures)],
    )


class _Finder:
    """The films of a folder by their names."""

    def __init__(self, folder: Path | None) -> None:
        self._found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")) if folder else ():
            if path.is_file() and (path.suffix.lower() in SUFFIXES or not path.suffix):
                self._found[_key(path.name)].append(path)

    def find(self, name: str) -> Path | None:
        found = self._found.get(_key(name), [])
        return found[0] if len(found) == 1 else None

    def paths(self) -> list[Path]:
        return [path for paths in self._found.values() for path in paths]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", stem(name)).casefold()


_Bytes = Callable[[], bytes]
_Groups = dict[str, tuple[_Bytes, list[OutlinedFilm]]]


@dataclass
class _Films:
    """The picture of each film: in the source, beside it, or in the folder of films."""

    pictures: Pictures
    finder: _Finder
    _by_hash: dict[str, str] | None = None
    _by_instance: dict[str, tuple[str, _Bytes]] | None = None

    def of(self, film: OutlinedFilm) -> tuple[str, _Bytes]:
        """A name that is that of no other picture, and its bytes. Raises InvalidRequest: there is none."""
        if found := self._of_hash(film.sha256) or self._of_name(film):
            return found, lambda: self.pictures.files[found]
        names = (film.name, film.file)
        if path := next((path for one in names if one and (path := self.pictures.elsewhere(one))), None):
            return str(path), path.read_bytes
        if referred := self._of_instance(film.sop_instance_uid):
            return referred
        raise InvalidRequest(_MISSING)

    def _of_hash(self, sha256: str) -> str:
        if self._by_hash is None:
            pictures = self.pictures
            self._by_hash = {pictures.sha256_of(name): name for name in reversed(pictures.names())}
        return self._by_hash.get(sha256, "")

    def _of_name(self, film: OutlinedFilm) -> str:
        names = (self.pictures.name_of(one) for one in (film.name, film.file) if one)
        return next(filter(None, names), "")

    def _of_instance(self, uid: str) -> tuple[str, _Bytes] | None:
        """The DICOM film of that SOP Instance UID."""
        if self._by_instance is None:
            files = self.pictures.files
            found: list[tuple[str, _Bytes]] = [
                *((name, partial(files.__getitem__, name)) for name in self.pictures.names()),
                *((str(path), path.read_bytes) for path in self.finder.paths()),
            ]
            self._by_instance = {_instance(data()): (name, data) for name, data in reversed(found)}
        return self._by_instance.get(uid) if uid else None


def _instance(data: bytes) -> str:
    return str(header_of(data).get("SOPInstanceUID", "")) if is_dicom(data) else ""


def _by_picture(found: Sequence[OutlinedFilm], films: _Films) -> tuple[_Groups, list[Unused]]:
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
    if len(table.tiles) < MOST_ON_SHEET:
        table.tiles.append(tile(len(table.rows) + 1, radiograph.pixels, film.masks))


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


def _notes(table: _Table, groups: _Groups, pictures: Pictures) -> list[str]:
    notes = []
    used = {pictures.sha256_of(name) for name in pictures.names() if name in groups}
    left = [pictures.sha256_of(name) in used for name in pictures.names() if name not in groups]
    if copies := left.count(True):
        notes.append(f"Pictures with the same bytes as another, which are one film with it: {copies}.")
    if unnamed := left.count(False):
        notes.append(f"Pictures that no annotation names, and that were left out: {unnamed}.")
    if alone := sum("PatientID" not in row for row in table.rows):
        notes.append(
            f"Films of which nothing says whose they are: {alone}. Each counts as a child of its own, so "
            "that one film of a child may be learned from and another measured on: fill the column PatientID "
            f"of {FILMS_CSV}."
        )
    return notes
