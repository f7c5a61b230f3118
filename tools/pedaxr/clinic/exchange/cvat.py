"""CVAT for images 1.1: one XML file, polygons, boxes, ellipses and masks of each picture."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from xml.etree import ElementTree  # after the check for entities, which it would expand

import numpy as np
from numpy.typing import NDArray

from pedaxr.clinic.exchange.drawn import Drawn, ellipse, film_of
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    checked_size,
    filled_if_meant,
    read_or_told,
)
from pedaxr.clinic.exchange.said import Said, read_said
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import FINDINGS
from pedaxr_models.written.scripts import decoded_table

_SAID = "pedaxr"  # tag of a picture that holds what we say of it
Element = ElementTree.Element


def is_cvat(data: bytes) -> bool:
    """Whether an XML file is one."""
    return b"<annotations" in data[:4000].replace(b"\0", b"")  # noughts: of UTF-16


def read_cvat(data: bytes) -> Iterator[OutlinedFilm]:
    """One film for each picture. Raises InvalidRequest: it is damaged, or defines entities of its own."""
    bare = data.replace(b"\0", b"")
    if b"<!DOCTYPE" in bare or b"<!ENTITY" in bare:
        raise InvalidRequest("The CVAT file defines entities, which no annotation needs. Export it again.")
    try:
        for image in _root(data).iter("image"):
            yield read_or_told(stem(image.attrib["name"]), partial(_film, image))
    except (ElementTree.ParseError, KeyError, ValueError) as err:
        raise InvalidRequest(
            "The CVAT file is damaged: it must be 'CVAT for images 1.1' with a name, width and height for "
            "every picture."
        ) from err


def _root(data: bytes) -> Element:
    """Also of Korean encodings, which the parser does not know. Raises ParseError, ValueError."""
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError):
        read = decoded_table(data)
        if read is None:
            raise
        return ElementTree.fromstring(read[0].removeprefix("\ufeff"))


def _film(image: Element) -> OutlinedFilm:
    name = image.attrib["name"]
    size = checked_size(image.attrib["height"], image.attrib["width"], name)
    drawn = [
        Drawn(label, partial(_mask, shape, size), f"{shape.tag} {number}")
        for number, shape in enumerate(image, 1)
        if (label := shape.get("label", "")) != _SAID
    ]
    return film_of(stem(name), drawn, said=_said(image))


def _said(image: Element) -> Said:
    for tag in image.iter("tag"):
        if tag.get("label") == _SAID:
            try:
                return read_said(json.loads(tag.findtext("attribute") or "{}"))
            except ValueError:
                return Said()
    return Said()


def _mask(shape: Element, size: tuple[int, int]) -> BoolArray | None:
    if shape.tag == "mask":
        return _from_runs(shape, size)
    if shape.tag == "polygon":
        return filled_if_meant([[_numbers(pair, ",") for pair in shape.attrib["points"].split(";")]], size)
    if shape.tag == "box":
        x0, y0, x1, y1 = (float(shape.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        return filled_if_meant([_turned(corners, shape).tolist()], size)
    if shape.tag == "ellipse":
        x, y, rx, ry = (float(shape.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
        border = ellipse((x, y), (rx, ry), math.radians(float(shape.get("rotation", "0"))))
        return filled_if_meant([border.tolist()], size)
    return None


def _turned(border: NDArray[np.float64], shape: Element) -> NDArray[np.float64]:
    """Points (n, 2) turned about their middle, clockwise as seen, by the degrees that a shape may name."""
    angle = math.radians(float(shape.get("rotation", "0")))
    middle = (border.min(axis=0) + border.max(axis=0)) / 2
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((border - middle) @ turn + middle)


def _numbers(text: str, sign: str) -> list[float]:
    x, y = text.split(sign)
    return [float(x), float(y)]


def _from_runs(shape: Element, size: tuple[int, int]) -> BoolArray:
    """Run lengths along the rows of a box, outside first."""
    left, top, width, height = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
    counts = [int(count) for count in shape.attrib["rle"].split(",")]
    if min(left, top, min(counts)) < 0 or left + width > size[1] or top + height > size[0]:
        raise ValueError("the mask lies outside the film")
    if sum(counts) != width * height:
        raise ValueError("the run lengths do not fill their box")
    values = np.zeros(len(counts), np.bool_)
    values[1::2] = True
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = np.repeat(values, counts).reshape(height, width)
    return mask


def write_cvat(
    films: Sequence[tuple[str, tuple[int, int] | None, Sequence[tuple[str, BoolArray]], Mapping[str, Any]]],
) -> bytes:
    """All films in one file, outlines as masks: nothing is lost.

    A film whose size nobody knows, as nothing is outlined on it, is written as of one pixel.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    labels = ElementTree.SubElement(
        ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task"), "labels"
    )
    for name in (*(finding.value for finding in FINDINGS), _SAID):
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name
    for number, (name, size, masks, said) in enumerate(films):
        rows, columns = size or (1, 1)
        attributes = {"id": str(number), "name": f"{name}.png", "width": str(columns), "height": str(rows)}
        image = ElementTree.SubElement(root, "image", attributes)
        for finding, mask in masks:
            ElementTree.SubElement(image, "mask", _runs(finding, mask))
        tag = ElementTree.SubElement(image, "tag", {"label": _SAID, "source": "manual"})
        ElementTree.SubElement(tag, "attribute", {"name": "said"}).text = json.dumps(said, ensure_ascii=False)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _runs(finding: str, mask: BoolArray) -> dict[str, str]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    flat = part.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    counts = [0, *counts] if flat[0] else counts
    box = {"left": str(left), "top": str(top), "width": str(part.shape[1]), "height": str(part.shape[0])}
    return {"label": finding, "source": "manual", "occluded": "0", "rle": ", ".join(map(str, counts)), **box}
