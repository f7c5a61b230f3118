"""The hospital films behind AI-Hub's set ("NIA_x-ray_v3"): a picture and a labelme-like JSON each.

Traps met in it: a shape is an object, or a list of some with "points" spelled "potins"; labels are recognised
by what they contain; coordinates may belong to an enlarged copy of the film, which the box called "full"
gives away; `clinic_info` may be absent or null, and its `status` is not to be relied on.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pedaxr_models.datasets import fields
from pedaxr_models.datasets import label_files as files
from pedaxr_models.datasets.film import Film, FilmMetadata, FloatArray
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.datasets.read_report import (
    DISTENSION_NOTE,
    FREE_AIR_NOTE,
    ReadReport,
    Rejection,
    RowError,
)
from pedaxr_models.datasets.shapes import check_outline, shape_outlines
from pedaxr_models.labels import NORMAL, URGENCY, Finding
from pedaxr_models.written.plain import plain

_FINDING_LABELS = {
    "pneumoperitoneum": Finding.PNEUMOPERITONEUM,
    "air_fluid_level": Finding.AIR_FLUID_LEVEL,
    "constipation": Finding.CONSTIPATION,
    "ihps": Finding.PYLORIC_STENOSIS,
    "공기액체": Finding.AIR_FLUID_LEVEL,
    "변비": Finding.CONSTIPATION,
    "유문협착": Finding.PYLORIC_STENOSIS,
    fields.FREE_AIR_KOREAN: Finding.PNEUMOPERITONEUM,
}
_FULL = "full"
_NO_FINDINGS = (_FULL, "abdomen", "letter", "testis_shield")
_DENIAL = re.compile(
    r"(?<![a-z])(?:no|not|non|without|negative|excluded|ruled?_out|r/o)(?![a-z])|없음|아님|배제"
)
_MOST_NAMED = 5  # unknown names in a message
_SAMPLE = 50  # label files that are looked into to recognise the layout
_Shape = tuple[str, FloatArray]
_VIEW_NOTE = (
    "The field status (supine or erect) of these data is unreliable; it is kept but not used as the view."
)


def is_source_set(folder: Path) -> bool:
    """Whether some label file below the folder lists shapes."""
    for path in files.files_below(folder, (".json",))[:_SAMPLE]:
        try:
            if "shapes" in files.read_label(path):
                return True
        except RowError:
            continue
    return False


def read_source_set(folder: Path, *, treat_as_distension: bool = False) -> ReadReport:
    """All films with a label file; a film without one, or an unusable label file, is a rejection."""
    found = files.pictures_below(folder)
    labels = files.files_below(folder, (".json",))
    pictures = files.by_stem(found)
    drawings: list[_Drawing] = []
    rejections: list[Rejection] = []
    for path in labels:
        try:
            drawings.append(_drawing(files.read_label(path), pictures, path, treat_as_distension))
        except RowError as err:
            rejections.append(Rejection(None, files.relative(path, folder), str(err)))
    rejections += [
        Rejection(None, files.relative(path, folder), "the film has no label file")
        for paths in pictures.values()
        for path in paths
    ]
    rejections += files.unused(folder, [*found, *labels])
    films = tuple(drawing.film for drawing in drawings)
    notes = tuple(_notes(drawings, treat_as_distension))
    return ReadReport("source_set", films, (None,) * len(films), tuple(rejections), notes)


@dataclass(frozen=True)
class _Drawing:
    """A film and what its owner should know of the way it was read."""

    film: Film
    has_korean_free_air: bool
    unknown_names: tuple[str, ...]


def _notes(drawings: list[_Drawing], treat_as_distension: bool) -> Iterator[str]:
    if any(drawing.has_korean_free_air for drawing in drawings):
        yield DISTENSION_NOTE if treat_as_distension else FREE_AIR_NOTE
    if any("status" in drawing.film.extra for drawing in drawings):
        yield _VIEW_NOTE
    if unknown := sum(bool(drawing.unknown_names) for drawing in drawings):
        names = _shown(sorted({name for drawing in drawings for name in drawing.unknown_names}))
        yield (
            f"Films with shapes of unknown names beside known ones: {unknown} ({names}). These shapes were "
            "left out."
        )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(repr(plain(name)[:40]) for name in names[:_MOST_NAMED]) + more


def _picture(pictures: dict[str, list[Path]], label_path: Path) -> Path:
    """Remove and return the picture of the label file's name, the one next to it first."""
    candidates = pictures[files.composed(label_path.stem)]
    beside = [path for path in candidates if path.parent == label_path.parent] or candidates
    if len(beside) != 1:
        raise RowError(
            "the film is missing, or another label file has taken it"
            if not beside
            else "several films have the name of the label file"
        )
    candidates.remove(beside[0])
    return beside[0]


def _drawing(
    label_file: dict[str, Any], pictures: dict[str, list[Path]], path: Path, treat_as_distension: bool
) -> _Drawing:
    image_path = _picture(pictures, path)
    shapes = [part for shape in files.shapes_of(label_file) for part in _shapes(shape)]
    if not shapes:
        raise RowError("nothing is drawn, so the film may not have been looked at")
    fit = _fit(shapes, image_path, label_file)
    polygons: dict[Finding, list[FloatArray]] = {}
    for name, points in shapes:
        if (finding := _finding(name, is_distension=treat_as_distension)) is not None:
            fitted = np.asarray(points * fit, np.float32)
            check_outline(fitted, files.picture_size(image_path) or files.stated_size(label_file))
            polygons.setdefault(finding, []).append(fitted)
    unknown = tuple(sorted({name for name, _ in shapes if _is_unknown(name)}))
    if unknown and not polygons:
        raise RowError(
            f"every finding has an unknown name ({_shown(unknown)}), so the film cannot be called normal; "
            "`pedaxr annotations convert --label THEIRS=OURS` says what names mean"
        )
    return _Drawing(_film(label_file, image_path, polygons), _names_korean_free_air(shapes), unknown)


def _film(label_file: dict[str, Any], image_path: Path, polygons: dict[Finding, list[FloatArray]]) -> Film:
    label = next((finding.value for finding in URGENCY if finding in polygons), NORMAL)
    clinic_info = files.mapping(label_file.get("clinic_info"))
    return Film(
        image_path=image_path,
        label=label,
        polygons=polygons,
        labelled_channels=files.labelled_channels(label, polygons),
        caption=files.without_marks(files.text_of(clinic_info.get("description"))),
        metadata=_metadata(clinic_info),
        extra=_extra(clinic_info),
    )


def _shapes(shape: Any) -> list[_Shape]:
    """What is drawn in one entry of the list: an object, or a list of them."""
    parts = [part for part in shape if part is not None] if isinstance(shape, list) else [shape]
    if not parts:
        raise RowError("a shape has no label or no points")
    return [shape for part in parts for shape in _shape(files.mapping(part))]


def _shape(found: dict[str, Any]) -> list[_Shape]:
    """Name and outlines (n, 2) of a shape in any of its forms; of letters and shields the name alone."""
    label, points = found.get("label"), found.get("points") or found.get("potins")
    if not isinstance(label, str):
        raise RowError("a shape has no label or no points")
    name = files.composed(label).casefold().replace(" ", "_").replace("-", "_")
    if _finding(name) is None and not _says(_FULL, name):
        return [(name, np.zeros((0, 2), np.float32))]
    if not isinstance(points, list):
        raise RowError("a shape has no label or no points")
    if len(points) == 2 and (_says(_FULL, name) or not found.get("shape_type")):  # opposite corners of a box
        found = {**found, "shape_type": "rectangle"}
    return [(name, outline) for outline in shape_outlines(found, points)]


def _finding(name: str, *, is_distension: bool = False) -> Finding | None:
    """The finding that a name says by whole words, perhaps numbered, and does not deny."""
    if is_distension and _says(fields.FREE_AIR_KOREAN, name):
        return Finding.ABDOMINAL_DISTENSION
    said = next((finding for key, finding in _FINDING_LABELS.items() if _says(key, name)), None)
    label = _label(name)
    return said or (Finding(label) if label not in (None, NORMAL) else None)


def _label(name: str) -> str | None:
    """The class that a whole name says, perhaps numbered, as people call it in a tool of their own."""
    try:
        return fields.parse_label(re.sub(r"[_\d]+$", "", name).replace("_", " "))
    except RowError:
        return None


def _says(word: str, name: str) -> bool:
    """Whether a name holds the word: `ihps_1` holds ihps, `no_ihps` does not."""
    if _DENIAL.search(name):
        return False
    return re.search(rf"(?<![a-z]){word}s?(?![a-z])" if word.isascii() else word, name) is not None


def _names_korean_free_air(shapes: list[_Shape]) -> bool:
    return any(_says(fields.FREE_AIR_KOREAN, name) for name, _ in shapes)


def _is_unknown(name: str) -> bool:
    return (
        _finding(name) is None and _label(name) is None and not any(_says(key, name) for key in _NO_FINDINGS)
    )


def _fit(shapes: list[_Shape], image_path: Path, label_file: dict[str, Any]) -> FloatArray:
    """Factors for x and y that bring the drawing on to the film.

    One unless the full box exceeds the film, or without such a box the picture stated is of another size.
    """
    far_corners = [points.max(axis=0) for name, points in shapes if _says(_FULL, name)]
    if not far_corners:
        stated, shown = files.stated_size(label_file), files.picture_size(image_path)
        return files.enlargement(stated, shown) if stated and shown else np.ones(2, np.float32)
    size = files.picture_size(image_path) or files.stated_size(label_file) or _decoded_size(image_path)
    film, drawn = np.array(size, np.float32), np.max(far_corners, axis=0)
    exceeds = bool((drawn > film + 1).any())
    return np.asarray(film / drawn if exceeds else np.ones(2), np.float32)


def _decoded_size(image_path: Path) -> tuple[float, float]:
    """Width and height of a DICOM film whose label file does not state them."""
    try:
        height, width = read_pixels(image_path).shape
    except ValueError as err:
        raise RowError("the size of the film is not stated, so the drawing cannot be fitted to it") from err
    return float(width), float(height)


def _metadata(clinic_info: dict[str, Any]) -> FilmMetadata:
    return FilmMetadata(
        patient_id=fields.somebody(files.text_of(clinic_info.get("patientid"))),
        patient_sex=fields.parse_sex(files.text_of(clinic_info.get("gender"))),
        study_date=fields.parse_date(files.text_of(clinic_info.get("acquisition_date"))),
        age_months=fields.parse_age(files.text_of(clinic_info.get("age"))),
    )


def _extra(clinic_info: dict[str, Any]) -> dict[str, str]:
    """What has no place of its own, as written: body_weight may hold < or >."""
    keys = ("height", "wt_group", "body_weight", "type", "status")
    found = {key: files.text_of(clinic_info.get(key)) for key in keys}
    return {key: text for key, text in found.items() if text is not None}
