"""Annotations of any known format from one file, a folder or a ZIP archive."""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pedaxr.clinic.exchange.class_masks import class_mask_files, read_class_masks
from pedaxr.clinic.exchange.coco import is_coco, read_coco
from pedaxr.clinic.exchange.cvat import is_cvat, read_cvat
from pedaxr.clinic.exchange.dicom_seg import dicom_objects, read_dicom_seg
from pedaxr.clinic.exchange.files import Files, stem
from pedaxr.clinic.exchange.film_table import read_table_of
from pedaxr.clinic.exchange.label_studio import is_label_studio, read_label_studio
from pedaxr.clinic.exchange.labelme import is_labelme, read_labelme
from pedaxr.clinic.exchange.mask_png import DECISIONS, are_masks, read_mask_pngs
from pedaxr.clinic.exchange.outlined import OutlinedFilm, also_called, read_or_told
from pedaxr.clinic.exchange.pictures import SUFFIXES, Elsewhere, Pictures, nowhere
from pedaxr.clinic.exchange.unread import what_it_is
from pedaxr.clinic.exchange.via import is_via, is_via_csv, read_via, read_via_csv
from pedaxr.clinic.exchange.yolo import read_yolo, yolo_files
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets.label_files import ARCHIVES, json_of

FORMATS = (
    "COCO, LabelMe, VIA, Label Studio's JSON, CVAT for images 1.1, YOLO segmentation, masks as PNG, "
    "DICOM SEG or a CSV of films"
)

_SURE = frozenset({"coco", "labelme", "via", "label-studio", "cvat", "yolo"})  # by what their files hold


def read_annotations(
    source: Path, elsewhere: Elsewhere = nowhere, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, list[OutlinedFilm]]:
    """The format, and what it says of each film: see `read_with_pictures`."""
    kind, films, _ = read_with_pictures(source, elsewhere, labels)
    return kind, films


def read_with_pictures(
    source: Path, elsewhere: Elsewhere = nowhere, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, list[OutlinedFilm], Pictures]:
    """The format, what it says of each film, by the film's name, and the pictures beside.

    Args:
        source: a file, a folder or a ZIP archive.
        elsewhere: where the film of a name is that does not lie in the source, of formats that state no size.
        labels: what labels of a hospital's own mean, such as `{"PNP": "pneumoperitoneum"}`.

    Raises:
        InvalidRequest: there is nothing, nothing of a known format, or it is damaged.
    """
    with also_called(labels):
        return _read(source, elsewhere)


def _read(source: Path, elsewhere: Elsewhere) -> tuple[str, list[OutlinedFilm], Pictures]:
    if source.suffix.lower() in (".yaml", ".yml"):  # of YOLO: its label files lie below the folder
        source = source.parent
    files = Files(source)
    documents, damaged = _documents(files)
    pictures = Pictures(files, _beside(source, elsewhere))
    formats = _by_format(files, documents, source, pictures)
    for name, found in formats:
        if films := [*found]:
            films += [*damaged, *_still_packed(files), *_of_other_formats(name, formats)]
            if all(film.problem for film in films):
                raise InvalidRequest(f"{films[0].name[:80]}: {films[0].problem}")
            films = [replace(film, name=pictures.known_name(film.name)) for film in films]
            hashes = pictures.hashes()
            known = [replace(film, sha256=film.sha256 or _hash_of(film, hashes)) for film in films]
            return name, sorted(known, key=lambda film: film.name), pictures
    if damaged:
        raise InvalidRequest(f"{damaged[0].name[:80]} {damaged[0].problem}")
    advice = what_it_is(files, documents) or f"Give {FORMATS}."
    raise InvalidRequest(f"{source.name[:200]!r} holds no annotations that are understood. {advice}")


def _beside(source: Path, elsewhere: Elsewhere) -> Elsewhere:
    """Films in the folder of a source that is one file come before those elsewhere."""
    if source.is_dir() or zipfile.is_zipfile(source):
        return elsewhere
    beside: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(source.parent.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            beside[stem(path.name).casefold()].append(path)

    def find(name: str) -> Path | None:
        found = beside.get(stem(name).casefold(), [])
        return found[0] if len(found) == 1 else elsewhere(name)

    return find


def _of_other_formats(
    read: str, formats: Iterator[tuple[str, Iterator[OutlinedFilm]]]
) -> Iterator[OutlinedFilm]:
    """A source is of one format: what else lies in it is told, but for what only looks like one."""
    others = {name for name, found in formats if name in _SURE and name != read and _has_any(found)}
    for name in sorted(others):
        cause = "annotations of a second format lie in the source and were not read; import them alone"
        yield OutlinedFilm(name=name, problem=cause)


def _still_packed(files: Files) -> Iterator[OutlinedFilm]:
    """Archives beside what is read, in which the outlines of more films may lie."""
    for name in files.ending(*ARCHIVES):
        yield OutlinedFilm(name=name, problem="the archive is not unpacked: unpack it, or import it alone")


def _has_any(found: Iterator[OutlinedFilm]) -> bool:
    try:
        return next(found, None) is not None
    except InvalidRequest:  # damaged, yet there
        return True


def _by_format(
    files: Files, documents: list[tuple[str, Any]], source: Path, pictures: Pictures
) -> Iterator[tuple[str, Iterator[OutlinedFilm]]]:
    yield "coco", (film for _, one in documents if is_coco(one) for film in read_coco(one))
    yield "labelme", (read_labelme(one, name, pictures) for name, one in documents if is_labelme(one))
    yield "via", (film for _, one in documents if is_via(one) for film in read_via(one, pictures))
    tables = [name for name in files.ending(".csv") if is_via_csv(files[name])]
    yield "via", (film for name in tables for film in read_via_csv(files[name], name, pictures))
    tasks = (one for _, one in documents if is_label_studio(one))
    yield "label-studio", (film for one in tasks for film in read_label_studio(one, pictures))
    xml = [data for name in files.ending(".xml") if is_cvat(data := files[name])]
    yield "cvat", (film for data in xml for film in read_cvat(data))
    if labels := yolo_files(files, pictures):
        yield "yolo", read_yolo(files, labels, pictures)
    if masks := class_mask_files(files):
        yield "class-masks", read_class_masks(files, masks)
    yield "csv", read_table_of(files, source)
    if are_masks(files):
        yield "masks", read_mask_pngs(files)
    objects = dicom_objects(files)
    yield "dicom-seg", (read_or_told(name, partial(read_dicom_seg, files[name], name)) for name in objects)


def _hash_of(film: OutlinedFilm, hashes: Mapping[str, str]) -> str:
    return hashes.get(film.name) or hashes.get(film.file, "")


def _documents(files: Files) -> tuple[list[tuple[str, Any]], list[OutlinedFilm]]:
    """JSON files by name, and those that are none: what is wrong with one keeps no other out."""
    found, damaged = [], []
    for name in files.ending(".json"):
        if name.rpartition("/")[2] == DECISIONS:
            continue
        try:
            found.append((name, json_of(files[name])))
        except (ValueError, RecursionError):
            damaged.append(OutlinedFilm(name=name, problem="is not JSON. Export it again."))
    return found, damaged
