"""LabelMe: one JSON for each film, shapes as polygons, rectangles, circles, ellipses or masks."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from pedaxr.clinic.exchange.drawn import Drawn, ellipse, film_of
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    checked_size,
    exact_polygons,
    filled,
    filled_if_meant,
    finding_named,
    read_or_told,
)
from pedaxr.clinic.exchange.pictures import Pictures
from pedaxr.clinic.exchange.said import read_said
from pedaxr_models.datasets.label_files import mapping
from pedaxr_models.datasets.shapes import shape_outlines

_UNSUITABLE = "unsuitable"  # the flag of a film that must teach nothing
# Of kinds that are drawn corner by corner, also by programs that write LabelMe's files.
_CORNERS = ("polygon", "rectangle", "rotation", "oriented_rectangle", "quadrilateral")

Shape = dict[str, Any]
Fill = Callable[[Sequence[Sequence[Sequence[float]]], tuple[int, int]], BoolArray]


def is_labelme(document: object) -> bool:
    """Whether a JSON document is one film of LabelMe."""
    return isinstance(document, dict) and isinstance(document.get("shapes"), list)


def read_labelme(document: Mapping[str, Any], name: str, pictures: Pictures) -> OutlinedFilm:
    """The film of one document, or what is wrong with it; `name` is its file's."""
    file = stem(name.removesuffix(".json"))
    film = stem(str(document.get("imagePath") or file))
    return replace(read_or_told(film, lambda: _film(_sized(document, film, pictures), film)), file=file)


def _sized(document: Mapping[str, Any], film: str, pictures: Pictures) -> Mapping[str, Any]:
    """With the size of its picture, which LabelMe before 3.19 leaves out."""
    if document.get("imageHeight") is not None or document.get("imageWidth") is not None:
        return document
    if not any(finding_named(str(shape["label"])) for shape in document["shapes"]):
        return document
    height, width = pictures.find(film).size
    return {**document, "imageHeight": height, "imageWidth": width}


def _film(document: Mapping[str, Any], film: str) -> OutlinedFilm:
    said = read_said(document.get("pedaxr"))
    flags = mapping(document.get("flags"))
    is_unsuitable = said.is_unsuitable or flags.get(_UNSUITABLE) is True
    ticked = [Drawn(name) for name, is_set in flags.items() if is_set is True and name != _UNSUITABLE]
    return film_of(film, [*_drawn(document, film), *ticked], said=replace(said, is_unsuitable=is_unsuitable))


def _drawn(document: Mapping[str, Any], film: str) -> Iterator[Drawn]:
    fill = filled if "pedaxr" in document else filled_if_meant  # ours are exact, specks in a corner too
    for number, shape in enumerate(document["shapes"], 1):
        label = str(shape["label"])
        if finding_named(label) is None:
            yield Drawn(label)
        else:
            size = checked_size(document.get("imageHeight"), document.get("imageWidth"), film)
            yield Drawn(label, partial(_mask, shape, size, fill), f"shape {number}")


def _mask(shape: Mapping[str, Any], size: tuple[int, int], fill: Fill) -> BoolArray:
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = str(shape.get("shape_type") or "polygon").casefold()
    if kind == "mask":
        return _placed(shape["mask"], points[0], size)
    if kind == "circle":
        centre, edge = points
        radius = math.dist(centre, edge)
        return fill([ellipse(centre, (radius, radius), 0.0).tolist()], size)
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind == "ellipse":
        points = [(float(x), float(y)) for x, y in shape_outlines({**shape}, points)[0]]
    elif kind not in _CORNERS:
        return np.zeros(size, bool)  # a point or a line outlines nothing
    return fill([points], size)


def _placed(encoded: str, corner: tuple[float, float], size: tuple[int, int]) -> BoolArray:
    """A PNG in base64, its corner at x, y of the film."""
    try:
        data = np.frombuffer(base64.b64decode(encoded, validate=True), np.uint8)
    except binascii.Error as err:
        raise ValueError("the mask is not base64") from err
    small = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    left, top = round(corner[0]), round(corner[1])
    whole = np.zeros(size, bool)
    if small is None or not (0 <= left < size[1] and 0 <= top < size[0]):
        raise ValueError("the mask is not a picture within the film")
    part = small[: size[0] - top, : size[1] - left] > 0
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


def write_labelme(
    name: str, size: tuple[int, int] | None, masks: Sequence[tuple[str, BoolArray]], said: dict[str, Any]
) -> bytes:
    """One film. What polygons cannot hold exactly is written as a mask, which LabelMe knows since 5.2."""
    shapes = [shape for finding, mask in masks for shape in _shapes(finding, mask)]
    document = {
        "version": "5.5.0",
        "flags": {_UNSUITABLE: bool(said["is_unsuitable"])},
        "shapes": shapes,
        "imagePath": f"{name}.png",
        "imageData": None,
        "imageHeight": size[0] if size else None,
        "imageWidth": size[1] if size else None,
        "pedaxr": said,
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _shapes(finding: str, mask: BoolArray) -> Iterator[Shape]:
    polygons = exact_polygons(mask)
    plain: Shape = {"label": finding, "group_id": None, "description": "", "flags": {}}
    if polygons is not None:
        for polygon in polygons:
            yield {**plain, "points": polygon, "shape_type": "polygon", "mask": None}
        return
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])
    part = mask[top : bottom + 1, left : right + 1].astype(np.uint8) * 255
    encoded = base64.b64encode(cv2.imencode(".png", part)[1].tobytes()).decode()
    corners = [[float(left), float(top)], [float(right), float(bottom)]]
    yield {**plain, "points": corners, "shape_type": "mask", "mask": encoded}
