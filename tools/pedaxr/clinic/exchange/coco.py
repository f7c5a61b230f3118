"""COCO instance annotations: polygons, run lengths, compressed run lengths; decisions beside the images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pedaxr.clinic.exchange.drawn import Drawn, film_of
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    checked_size,
    decided,
    filled_if_meant,
    presence_of,
    read_or_told,
    read_presence,
)
from pedaxr.clinic.exchange.said import read_said
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets.shapes import decoded_runs

Outline = tuple[str, Any, str]  # the name of a category, a segmentation, and where it stands


def is_coco(document: object) -> bool:
    """Whether a JSON document is one."""
    return isinstance(document, dict) and {"images", "categories"} <= document.keys()


def read_coco(document: Mapping[str, Any]) -> Iterator[OutlinedFilm]:
    """One film for each image. Raises InvalidRequest: the document contradicts itself."""
    try:
        # Some write ids as numbers in one place and as text in another.
        names = _by_id(document["categories"], "name", "categories")
        _by_id(document["images"], "file_name", "images")
        drawn: dict[str, list[Outline]] = {str(image["id"]): [] for image in document["images"]}
        for number, row in enumerate(document.get("annotations") or [], 1):
            if (category := str(row["category_id"])) not in names:
                raise InvalidRequest(
                    f"An annotation of the COCO file names the category {category[:40]!r}, which is not in "
                    "its list of categories. Export it again with all of them."
                )
            if (film := str(row["image_id"])) not in drawn:
                raise InvalidRequest(
                    f"Annotation {number} of the COCO file names the image {film[:40]!r}, which is not in "
                    "its list of images. Export it again with all of them."
                )
            outline = names[category], row.get("segmentation"), f"annotation {number}"
            drawn[film].append(outline)
        for image in document["images"]:
            name = stem(str(image["file_name"]))
            yield read_or_told(name, partial(_film, image, drawn[str(image["id"])]))
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise InvalidRequest(
            "The COCO file is not as the format wants it: every annotation names an image and a category, "
            "every image a file and its size."
        ) from err


def _by_id(rows: Sequence[Mapping[str, Any]], named: str, what: str) -> dict[str, str]:
    """The names of images or categories. Raises InvalidRequest: two have one id, as in files put together."""
    names = {str(row["id"]): str(row[named]) for row in rows}
    if any(names[str(row["id"])] != str(row[named]) for row in rows):
        raise InvalidRequest(
            f"Two {what} of the COCO file have the same id, so that an outline may belong to either. Export "
            "it again, or import the files that it was put together from one by one."
        )
    return names


def _film(image: Mapping[str, Any], outlined: Sequence[Outline]) -> OutlinedFilm:
    said, findings = read_said(image.get("pedaxr")), image.get("findings")
    is_unsuitable = said.is_unsuitable or image.get("suitable") is False
    drawn = [Drawn(label, partial(_mask, image, shape), place) for label, shape, place in outlined]
    shown = [Drawn(finding.value) for finding in presence_of(findings)]
    film = film_of(
        stem(str(image["file_name"])), [*drawn, *shown], said=replace(said, is_unsuitable=is_unsuitable)
    )
    beside = {f: decision for f, decision in read_presence(findings).items() if f not in film.masks}
    return replace(film, decisions=decided(film.masks, {**beside, **film.decisions}))


def _size(image: Mapping[str, Any], segmentation: Any) -> tuple[int, int]:
    """That of the image; run lengths, which say how long they are, need none."""
    height, width = image.get("height"), image.get("width")
    if height is None and width is None and isinstance(segmentation, Mapping):
        height, width = segmentation["size"]
    return checked_size(height, width, str(image["file_name"]))


def _mask(image: Mapping[str, Any], segmentation: Any) -> BoolArray:
    size = _size(image, segmentation)
    if not segmentation:  # a box outlines nothing
        return np.zeros(size, bool)
    if isinstance(segmentation, list):
        return filled_if_meant(_polygons(segmentation), size)
    if (stated := segmentation.get("size")) is not None and tuple(map(int, stated)) != size:
        raise InvalidRequest(
            f"its run lengths state {' x '.join(map(str, stated))} pixels, the film has {size[0]} x {size[1]}"
            ": the height comes first"
        )
    return decoded_runs(segmentation, size)


def _polygons(segmentation: Sequence[Any]) -> list[list[list[float]]]:
    """Flat lists of coordinates, as COCO wants them, one of these alone, or points as pairs."""
    first = segmentation[0]
    if not isinstance(first, list):
        return [_pairs(segmentation)]
    if first and isinstance(first[0], list):
        return [[[float(x), float(y)] for x, y in polygon] for polygon in segmentation]
    if all(len(point) == 2 for point in segmentation):
        return [[[float(x), float(y)] for x, y in segmentation]]
    return [_pairs(polygon) for polygon in segmentation]


def _pairs(polygon: Sequence[float]) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in zip(polygon[::2], polygon[1::2], strict=True)]
