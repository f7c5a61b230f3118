"""Label Studio: its JSON and its JSON-MIN; polygons, rectangles, ellipses, brush masks, choices.

Coordinates are in percent of the picture, whose size stands in each region.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from pedaxr.clinic.exchange.brush import from_brush
from pedaxr.clinic.exchange.drawn import Drawn, box, ellipse, filled_from_shares, film_of
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, checked_size, finding_named, read_or_told
from pedaxr.clinic.exchange.pictures import SUFFIXES, Pictures, before_upload
from pedaxr.errors import InvalidRequest

_OF_WORK = frozenset({"annotation_id", "annotator", "lead_time", "created_at", "updated_at"})
_NO_REGIONS = ("textarea", "rating", "number", "datetime", "taxonomy", "relation", "pairwise", "ranker")
_BARE = ("keypoint", "vector", "video")
_SIDES = ("x", "y", "width", "height", "radiusX", "radiusY")
_GEOMETRY = ("points", "x", "rle")


def is_label_studio(document: object) -> bool:
    """Whether a JSON document is an export of tasks, or one annotation as it is synchronised to a store."""
    if isinstance(document, dict):
        return isinstance(document.get("result"), list) and isinstance(document.get("task"), dict)
    first = document[0] if isinstance(document, list) and document else None
    if not isinstance(first, dict):
        return False
    is_task = isinstance(first.get("data"), dict) and bool({"annotations", "predictions"} & first.keys())
    return is_task or (bool(_OF_WORK & first.keys()) and any(map(_is_picture, first.values())))


def read_label_studio(document: Any, pictures: Pictures) -> Iterator[OutlinedFilm]:
    """One film for each annotation of each task; what nobody annotated is told."""
    alone = [] if isinstance(document, list) else [{"data": document["task"], "annotations": [document]}]
    tasks = document if isinstance(document, list) else alone
    for number, task in enumerate(tasks, 1):
        name = f"task {number}"
        try:
            task = _whole(task)
            name, sha256 = _named(task, pictures)
            annotations = _annotations(task)
        except InvalidRequest as err:
            yield OutlinedFilm(name=name, problem=str(err))
            continue
        for one in annotations:
            film = read_or_told(name, partial(_film, name, one, f"task {task.get('id', number)}"))
            yield replace(film, sha256=sha256)


def _whole(task: Any) -> dict[str, Any]:
    """A task of JSON-MIN, whose regions stand beside its data, as one of JSON."""
    if not isinstance(task, dict):
        raise InvalidRequest("it is no task of Label Studio. Export the tasks again, as JSON")
    if isinstance(task.get("data"), dict):
        inner = task["data"].get("data")
        return {**task, "data": inner} if isinstance(inner, dict) else task
    regions: list[Any] = []
    for name, value in task.items():
        if isinstance(value, list):
            regions += [{"type": name, **_split(one)} for one in value if isinstance(one, dict)]
        elif name not in _OF_WORK and not _is_picture(value) and isinstance(value, str):
            regions.append({"type": "choices", "value": {"choices": [value]}})
    return {"id": task.get("id"), "data": task, "annotations": [{"result": regions}]}


def _split(region: dict[str, Any]) -> dict[str, Any]:
    stated = ("original_width", "original_height", "image_rotation")
    return {"value": region, **{name: region[name] for name in stated if name in region}}


def _is_picture(value: Any) -> bool:
    return isinstance(value, str) and _path(value).lower().endswith(SUFFIXES)


def _path(address: str) -> str:
    """The path that an address names: of a local file behind `?d=`, of others without what follows it."""
    if not re.match(r"^(/|[a-z][a-z0-9+.-]+://)", address):
        return address
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path)


def _named(task: Mapping[str, Any], pictures: Pictures) -> tuple[str, str]:
    """The film's name and, where its picture lies in the source, its hash. Raises InvalidRequest."""
    written = next((_path(value) for value in task["data"].values() if _is_picture(value)), None)
    written = written or str(task.get("file_upload") or "")
    if not written:
        raise InvalidRequest("the task names no picture; import pictures as files, not as data in the task")
    names = before_upload(written)
    for name in names:
        if pictures.name_of(name, written):
            return name, pictures.find(name, written).sha256
    return next((name for name in names if pictures.elsewhere(name)), names[min(1, len(names) - 1)]), ""


def _annotations(task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What humans annotated; those called ground truth alone where there are some. Raises InvalidRequest."""
    listed = task.get("annotations")
    given = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)]
    done = [one for one in given if not one.get("was_cancelled")]
    if not done:
        cause = "it was skipped" if given else "nobody has annotated it yet"
        if not given and task.get("predictions"):
            cause = "only predictions of a program are there, which nobody has submitted"
        raise InvalidRequest(f"{cause}; its findings stay unknown")
    return [one for one in done if one.get("ground_truth")] or done


def _film(name: str, annotation: Mapping[str, Any], place: str) -> OutlinedFilm:
    listed = annotation.get("result")
    results = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, Mapping)]
    labelled = {one.get("id") for one in results if _labels(one) and one.get("id")}
    drawn: list[Drawn] = []
    for number, one in enumerate(results, 1):
        kind = str(one.get("type") or "")
        if kind.startswith(_NO_REGIONS) or (not _labels(one) and one.get("id") in labelled):
            continue
        where = f"region {number} of {place}"
        drawn += [Drawn(label, _fill(one, label, kind, name), where) for label in _labels(one) or [""]]
    return film_of(name, drawn)


def _labels(result: Mapping[str, Any]) -> list[str]:
    """`polygonlabels`, `brushlabels`, `labels`, `choices` and so on."""
    value = result.get("value")
    if not isinstance(value, Mapping):
        return []
    found = [one for key, one in value.items() if key == "choices" or str(key).endswith("labels")]
    return [str(label) for one in found if isinstance(one, list) for label in one]


def _fill(result: Mapping[str, Any], label: str, kind: str, name: str) -> Any:
    value = result.get("value")
    if kind.startswith(_BARE) or not isinstance(value, Mapping) or finding_named(label) is None:
        return None
    return partial(_mask, result, value, name) if any(key in value for key in _GEOMETRY) else None


def _mask(result: Mapping[str, Any], value: Mapping[str, Any], name: str) -> BoolArray:
    stated = {**value, **result}
    size = checked_size(stated.get("original_height"), stated.get("original_width"), name)
    if float(stated.get("image_rotation") or 0) % 360:
        raise InvalidRequest("the picture was turned in Label Studio; turn it back, or turn the film itself")
    if "rle" in value:
        return from_brush(value["rle"], size)
    geometry = value["points"] if "points" in value else [value.get(side) for side in _SIDES if side in value]
    if np.asarray(geometry, float).max(initial=0) <= 1:
        raise InvalidRequest(
            "an outline is drawn in shares of the picture (0 to 1): this format wants percent"
        )
    if "points" in value:
        return filled_from_shares((np.asarray(value["points"], float) / 100).tolist(), size)
    return filled_from_shares((_turned_shape(value, size) / (size[1], size[0])).tolist(), size)


def _turned_shape(value: Mapping[str, Any], size: tuple[int, int]) -> Any:
    """Points (n, 2) in pixels of a rectangle, turned about its first corner, or of an ellipse."""
    across, down = size[1] / 100, size[0] / 100
    x, y, angle = value["x"] * across, value["y"] * down, math.radians(float(value.get("rotation") or 0))
    if "radiusX" in value:
        return ellipse((x, y), (value["radiusX"] * across, value["radiusY"] * down), angle)
    corners = np.array(box(0, 0, value["width"] * across, value["height"] * down))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return corners @ turn + (x, y)
