"""Annotations of any known format from one file, a folder or a ZIP archive."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pedaxr.clinic.exchange.coco import is_coco, read_coco
from pedaxr.clinic.exchange.cvat import is_cvat, read_cvat
from pedaxr.clinic.exchange.dicom_seg import is_dicom, read_dicom_seg
from pedaxr.clinic.exchange.files import Files, stem
from pedaxr.clinic.exchange.film_table import read_table_of
from pedaxr.clinic.exchange.labelme import is_labelme, read_labelme
from pedaxr.clinic.exchange.mask_png import DECISIONS, are_masks, film_and_finding, read_mask_pngs
from pedaxr.clinic.exchange.outlined import OutlinedFilm, read_or_told
from pedaxr.clinic.exchange.pictures import Elsewhere, Pictures, nowhere
from pedaxr.clinic.exchange.via import is_via, is_via_csv, read_via, read_via_csv
from pedaxr.errors import InvalidRequest

FORMATS = "COCO, LabelMe, VIA, CVAT for images 1.1, masks as PNG, DICOM SEG or a CSV of films"


def read_annotations(source: Path, elsewhere: Elsewhere = nowhere) -> tuple[str, list[OutlinedFilm]]:
    """The format, and what it says of each film, by the film's name.

    Args:
        source: a file, a folder or a ZIP archive.
        elsewhere: where the film of a name is that does not lie in the source, of formats that state no size.

    Raises:
        InvalidRequest: there is nothing, nothing of a known format, or it is damaged.
    """
    files = Files(source)
    documents, damaged = _documents(files)
    for name, found in _by_format(files, documents, source, Pictures(files, elsewhere)):
        if films := [*found]:
            films += damaged
            if all(film.problem for film in films):
                raise InvalidRequest(f"{films[0].name[:80]}: {films[0].problem}")
            hashes = _picture_hashes(files)
            known = [replace(film, sha256=film.sha256 or _hash_of(film, hashes)) for film in films]
            return name, sorted(known, key=lambda film: film.name)
    if damaged:
        raise InvalidRequest(f"{damaged[0].name[:80]} {damaged[0].problem}")
    raise InvalidRequest(f"{source.name[:200]!r} holds no annotations that are understood. Give {FORMATS}.")


def _by_format(
    files: Files, documents: list[tuple[str, Any]], source: Path, pictures: Pictures
) -> Iterator[tuple[str, Iterator[OutlinedFilm]]]:
    yield "coco", (film for _, one in documents if is_coco(one) for film in read_coco(one))
    yield "labelme", (read_labelme(one, name) for name, one in documents if is_labelme(one))
    yield "via", (film for _, one in documents if is_via(one) for film in read_via(one, pictures))
    tables = [name for name in files.ending(".csv") if is_via_csv(files[name])]
    yield "via", (film for name in tables for film in read_via_csv(files[name], name, pictures))
    xml = [data for name in files.ending(".xml") if is_cvat(data := files[name])]
    yield "cvat", (film for data in xml for film in read_cvat(data))
    yield "csv", read_table_of(files, source)
    if are_masks(files):
        yield "masks", read_mask_pngs(files)
    objects = ((name, data) for name in files if is_dicom(data := files[name]))
    yield (
        "dicom-seg",
        (read_or_told(name, partial(read_dicom_seg, data, name)) for name, data in objects),
    )


def _picture_hashes(files: Files) -> dict[str, str]:
    """SHA-256 of the pictures beside the annotations, by name without suffix where that names one."""
    names = files.ending(".png", ".jpg", ".jpeg", ".dcm")
    counts = Counter(stem(name) for name in names)
    alone = (name for name in names if counts[stem(name)] == 1 and film_and_finding(name) is None)
    return {stem(name): hashlib.sha256(files[name]).hexdigest() for name in alone}


def _hash_of(film: OutlinedFilm, hashes: Mapping[str, str]) -> str:
    return hashes.get(film.name) or hashes.get(film.file, "")


def _documents(files: Files) -> tuple[list[tuple[str, Any]], list[OutlinedFilm]]:
    """JSON files by name, and those that are none: what is wrong with one keeps no other out."""
    found, damaged = [], []
    for name in files.ending(".json"):
        if name.rpartition("/")[2] == DECISIONS:
            continue
        try:
            found.append((name, json.loads(files[name])))
        except (ValueError, RecursionError):
            damaged.append(OutlinedFilm(name=name, problem="is not JSON. Export it again."))
    return found, damaged
