"""VGG Image Annotator: the project, the exported JSON and the exported CSV of VIA 2, the project of VIA 3."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from pedaxr.clinic.exchange.drawn import Drawn, box, ellipse, film_of
from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    filled_if_meant,
    finding_named,
    read_or_told,
)
from pedaxr.clinic.exchange.pictures import Pictures
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets.tables import DELIMITERS
from pedaxr_models.written.scripts import decoded_table

_PROJECT = "_via_img_metadata"
_SHAPE, _LABELS, _OF_FILM = "region_shape_attributes", "region_attributes", "file_attributes"
_YES = frozenset({"1", "true", "yes", "y", "on", "x", "예"})
_UNSAID = ("caption", "public_domain", "image_url")  # attributes of a file that every VIA project has
_VIA_3 = {"project", "attribute", "file", "view", "metadata"}  # keys of its project
_SHAPES_3: dict[int, tuple[str, tuple[str, ...]]] = {  # by their numbers: name and what follows
    1: ("point", ("cx", "cy")),
    2: ("rect", ("x", "y", "width", "height")),
    3: ("circle", ("cx", "cy", "r")),
    4: ("ellipse", ("cx", "cy", "rx", "ry")),
    5: ("line", ()),
    6: ("polyline", ()),
}
_POLYGON_3 = 7
_Region = tuple[Any, Any, str]  # shape, attributes, and where it stands


def is_via(document: object) -> bool:
    """Whether a JSON document is one: a project, or its exported annotations."""
    if not isinstance(document, dict):
        return False
    if _PROJECT in document or document.keys() >= _VIA_3:
        return True
    first = next(iter(document.values()), None)
    return isinstance(first, dict) and {"filename", "regions"} <= first.keys()


def read_via(document: Mapping[str, Any], pictures: Pictures) -> Iterator[OutlinedFilm]:
    """One film for each of its files, with or without regions."""
    entries = _from_via_3(document) if document.keys() >= _VIA_3 else document.get(_PROJECT, document)
    for entry in entries.values() if isinstance(entries, Mapping) else ():
        name = _file_name(entry.get("filename", "")) if isinstance(entry, Mapping) else ""
        yield read_or_told(stem(name), partial(_entry, entry, name, pictures))


def _entry(entry: Mapping[str, Any], name: str, pictures: Pictures) -> OutlinedFilm:
    regions = entry.get("regions") or []
    listed = regions.values() if isinstance(regions, Mapping) else regions  # VIA 1 numbered them
    found = [
        (one.get("shape_attributes"), one.get("region_attributes"), f"region {number}")
        for number, one in enumerate(listed, 1)
    ]
    return _film(name, found, [entry.get(_OF_FILM)], pictures)


def _from_via_3(document: Mapping[str, Any]) -> dict[str, Any]:
    """The files of a project of VIA 3 as VIA 2 would list them."""
    entries: dict[str, Any] = {}
    try:
        for number, file in document["file"].items():
            entries[str(number)] = {"filename": file.get("fname") or file["src"], "regions": []}
        of_view = {view: str(shown["fid_list"][0]) for view, shown in document["view"].items()}
        for one in document["metadata"].values():
            entry, said = entries[of_view[str(one["vid"])]], _said_3(one["av"], document["attribute"])
            if one["xy"]:
                region = {"shape_attributes": _shape_3(one["xy"]), "region_attributes": said}
                entry["regions"].append(region)
            else:
                entry["file_attributes"] = {**entry.get("file_attributes", {}), **said}
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as err:
        raise InvalidRequest("The VIA 3 project is damaged, or of another form. Save it again.") from err
    return entries


def _shape_3(numbers: Sequence[float]) -> dict[str, Any]:
    kind, *rest = numbers
    if kind == _POLYGON_3:
        return {"name": "polygon", "all_points_x": rest[::2], "all_points_y": rest[1::2]}
    name, keys = _SHAPES_3.get(int(kind), ("of another kind", ()))
    return {"name": name, **dict(zip(keys, rest, strict=False))}


def _said_3(values: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by name; what was chosen from a list stands there by its key, several with commas."""
    said: dict[str, Any] = {}
    for key, value in values.items():
        attribute = attributes.get(key) or {}
        options = attribute.get("options") or {}
        chosen = {str(options.get(one, one)): True for one in str(value).split(",") if one}
        said[str(attribute.get("aname", key))] = chosen if options else str(value)
    return said


def is_via_csv(data: bytes) -> bool:
    """Whether a table is the CSV that VIA exports."""
    return _SHAPE in (_text(data) or "").partition("\n")[0]


def read_via_csv(data: bytes, file: str, pictures: Pictures) -> Iterator[OutlinedFilm]:
    """One film for each that a row names. Raises InvalidRequest: the table is not as VIA writes it."""
    text = (_text(data) or "").removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = next(
        (sign for sign in DELIMITERS if _SHAPE in next(csv.reader([first], delimiter=sign))), ","
    )
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows.fieldnames = [name.strip().lstrip("#") for name in rows.fieldnames or []]
    if "filename" not in rows.fieldnames:
        raise InvalidRequest(f"{file[:80]} has no column filename. Export it from VIA again, as CSV.")
    regions: dict[tuple[str, str], list[_Region]] = {}
    of_films: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        key = _file_name(row["filename"] or ""), row.get("file_size") or ""
        place = f"line {rows.line_num} of {file[-60:]}"
        of_films.setdefault(key, []).append(_cell(row.get(_OF_FILM)))
        regions.setdefault(key, []).append((_cell(row.get(_SHAPE)), _cell(row.get(_LABELS)), place))
    for key, found in regions.items():
        drawn = [one for one in found if one[0] != {}]  # a film without a region has one empty row
        yield read_or_told(stem(key[0]), partial(_film, key[0], drawn, of_films[key], pictures))


def _text(data: bytes) -> str | None:
    read = decoded_table(data)
    return read[0] if read else None


def _cell(text: str | None) -> Any:
    """Its JSON; None where it is damaged, which whoever needs it reports."""
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None


def _film(name: str, regions: Sequence[_Region], of_film: Sequence[Any], pictures: Pictures) -> OutlinedFilm:
    drawn = [Drawn(label) for said in of_film for label in _labels_of_film(said)]
    named = [(shape, label, place) for shape, said, place in regions for label in _labels(said)]
    picture = pictures.find(name) if any(finding_named(label) for _, label, _ in named) else None
    for shape, label, place in named:
        is_bare = isinstance(shape, Mapping) and shape.get("name") in _BARE
        fill = None if is_bare or picture is None else partial(_mask, shape, picture.size)
        drawn.append(Drawn(label, fill, place))
    return film_of(stem(name), drawn, sha256=picture.sha256 if picture else "")


_BARE = ("point", "polyline", "line")


def _mask(shape: Mapping[str, Any], size: tuple[int, int]) -> BoolArray:
    kind = shape["name"]
    if kind == "polygon":
        pairs = zip(shape["all_points_x"], shape["all_points_y"], strict=True)
        return filled_if_meant([[[float(x), float(y)] for x, y in pairs]], size)
    if kind == "rect":
        x, y, width, height = (float(shape[side]) for side in ("x", "y", "width", "height"))
        return filled_if_meant([box(x, y, width, height)], size)
    if kind not in ("circle", "ellipse"):
        raise InvalidRequest(
            "a shape of a kind that is not read; draw it as polygon, rect, circle or ellipse"
        )
    radii = (shape["r"], shape["r"]) if kind == "circle" else (shape["rx"], shape["ry"])
    middle = float(shape["cx"]), float(shape["cy"])
    border = ellipse(middle, (float(radii[0]), float(radii[1])), float(shape.get("theta") or 0))
    return filled_if_meant([border.tolist()], size)


def _labels(said: Any) -> list[str]:
    """What the attributes of a region call it: those that name a finding, or all, or one empty text.

    An attribute is a text, a choice, or boxes to tick (`{"Free air": true}`), under any name.
    """
    if not isinstance(said, Mapping):
        return [""]
    written = [label for name, value in said.items() for label in _values(str(name), value)]
    return [label for label in written if finding_named(label)] or written or [""]


def _labels_of_film(said: Any) -> list[str]:
    """What the attributes of a file say that it shows; captions and addresses say nothing here."""
    if not isinstance(said, Mapping):
        return []
    return [
        label
        for name, value in said.items()
        if name not in _UNSAID
        for label in _values(str(name), value)
        if finding_named(label) or _is_class(str(name))
    ]


def _is_class(name: str) -> bool:
    return name.casefold() in ("class", "label", "finding", "findings", "diagnosis", "진단", "소견", "클래스")


def _values(name: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(one) for one, is_ticked in value.items() if is_ticked]
    text = str(value if value is not None else "").strip()
    if text.casefold() in _YES:
        return [name]
    return [text] if text else []


def _file_name(written: Any) -> str:
    """A name or path; of an address its last part, without what follows a question mark."""
    text = str(written).strip()
    return unquote(urlsplit(text).path) if text.startswith(("http://", "https://", "file://")) else text
