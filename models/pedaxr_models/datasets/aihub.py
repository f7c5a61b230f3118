"""The composite films of AI-Hub's paediatric abdominal set, in both spellings of its folders.

    Training/01.원천데이터/TS_1.질환_2.기복증/2_1872.png
    Training/02.라벨링데이터/TL_1.질환_2.기복증/2_1872.json
    Train/Source_Data/2.Pneumoperitoneum/2_1872.png
    Train/Labeling_Data/2.Pneumoperitoneum/2_1872.json

Downloads come in several instalments, so a split may have several folders of each kind, at any depth near the
top. The set may not be redistributed: this reader is for those who have it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedaxr_models.datasets import fields
from pedaxr_models.datasets import label_files as files
from pedaxr_models.datasets.film import Film, FilmMetadata, FloatArray
from pedaxr_models.datasets.read_report import (
    DISTENSION_NOTE,
    FREE_AIR_NOTE,
    ReadReport,
    Rejection,
    RowError,
)
from pedaxr_models.datasets.shapes import check_outline, shape_outlines
from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import NORMAL, Finding

_SPLITS = {"train": "train", "training": "train", "validate": "validation", "validation": "validation"}
_SPLITS |= {"val": "validation", "test": "test", "학습": "train", "검증": "validation", "시험": "test"}
_DEPTH = 4  # folders from the top of a download to its splits
_LABEL_FOLDERS = ("라벨링데이터", "labeling_data", "labelling_data", "label_data")
_IMAGE_FOLDERS = ("원천데이터", "source_data")
CLASSES: dict[int, str] = {
    1: Finding.PYLORIC_STENOSIS,
    2: Finding.PNEUMOPERITONEUM,
    3: Finding.AIR_FLUID_LEVEL,
    4: Finding.CONSTIPATION,
    5: NORMAL,
}
_FREE_AIR_CLASS = 2
_OWN = "pedaxr"  # what `write_aihub` adds; the set itself has no such key


@dataclass(frozen=True)
class _Part:
    """One split: its name, its label folders and its image folders."""

    split: str | None
    labels: list[Path]
    images: list[Path]


def is_aihub(folder: Path) -> bool:
    """Whether the folder, or one a few levels below, has the set's label and image folders."""
    return bool(_parts(folder))


def read_aihub(folder: Path, *, treat_as_distension: bool = False) -> ReadReport:
    """All films of the set; a label or image without its partner, or outside the splits, is a rejection."""
    films: list[Film] = []
    rejections: list[Rejection] = []
    seen: list[Path] = []
    met_free_air = False
    for part in _parts(folder):
        pictures = [path for place in part.images for path in files.pictures_below(place)]
        labels = [path for place in part.labels for path in files.files_below(place, (".json",))]
        seen += [*pictures, *labels]
        images = files.by_stem(pictures)
        for path in labels:
            try:
                image_path = _take(images, path)
                met_free_air |= fields.FREE_AIR_KOREAN in files.composed(path.parent.name)
                films.append(_film(path, image_path, part.split, treat_as_distension=treat_as_distension))
            except RowError as err:
                rejections.append(Rejection(None, files.relative(path, folder), str(err)))
        unlabelled = [path for paths in images.values() for path in paths]
        rejections += [
            Rejection(None, files.relative(p, folder), "the film has no label file") for p in unlabelled
        ]
    rejections += files.unused(folder, seen)
    note = DISTENSION_NOTE if treat_as_distension else FREE_AIR_NOTE
    lines = (None,) * len(films)
    return ReadReport("aihub", tuple(films), lines, tuple(rejections), (note,) if met_free_air else ())


def _parts(folder: Path, depth: int = _DEPTH) -> list[_Part]:
    """The splits at or below a folder; what lies below a split belongs to it."""
    labels, images = _named(folder, _LABEL_FOLDERS), _named(folder, _IMAGE_FOLDERS)
    if labels and images:
        return [_Part(_split(folder), labels, images)]
    if not depth:
        return []
    return [part for child in files.folders_in(folder) for part in _parts(child, depth - 1)]


def _split(folder: Path) -> str | None:
    """`Training`, `1.Training` and `학습` are the same."""
    return _SPLITS.get(re.sub(r"^[\d.\-_ ]+", "", files.composed(folder.name)).casefold())


def _named(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [
        child
        for child in files.folders_in(folder)
        if any(name in files.composed(child.name).casefold() for name in names)
    ]


def _take(images: dict[str, list[Path]], label_path: Path) -> Path:
    """Remove and return the film of a label file: of that name, in the folder of the same class."""
    candidates = images.get(files.composed(label_path.stem), [])
    same_class = [path for path in candidates if _class_name(path.parent) == _class_name(label_path.parent)]
    if len(same_class) != 1:
        raise RowError(
            "the film is missing" if not candidates else "the film is in another class's folder or twice"
        )
    candidates.remove(same_class[0])
    return same_class[0]


def _class_name(folder: Path) -> str:
    """`TS_1.질환_2.기복증` and `2.기복증` both name the class after their last point."""
    return files.composed(folder.name).rsplit(".", 1)[-1].casefold()


def _film(path: Path, image_path: Path, split: str | None, *, treat_as_distension: bool) -> Film:
    label_file = files.read_label(path)
    patient = files.mapping(label_file.get("patient"))
    classes = _class_table(path, treat_as_distension=treat_as_distension)
    label = _label(path, patient, classes, treat_as_distension=treat_as_distension)
    polygons = _polygons(label_file, image_path, classes)
    if label == NORMAL and polygons:
        raise RowError("the class is Normal but an outline is drawn")
    own = files.mapping(label_file.get(_OWN))
    return Film(
        image_path=image_path,
        label=label,
        polygons=polygons,
        labelled_channels=files.labelled_channels(label, polygons),
        caption=files.without_marks(files.text_of(label_file.get("caption"))),
        metadata=_metadata(patient, own),
        facts=_facts(own),
        pixel_spacing_mm=fields.parse_spacing(
            str(own["pixel_spacing_mm"]) if "pixel_spacing_mm" in own else None
        ),
        split=split,
    )


def _metadata(patient: dict[str, Any], own: dict[str, Any]) -> FilmMetadata:
    def text(key: str) -> str | None:
        return files.text_of(own.get(key))

    return FilmMetadata(
        patient_id=fields.somebody(text("patient_id")),
        patient_name=fields.somebody(text("patient_name")),
        patient_sex=fields.parse_sex(files.text_of(patient.get("gender"))),
        patient_birth_date=fields.parse_date(text("patient_birth_date")),
        study_date=fields.parse_date(text("study_date")),
        age_months=fields.parse_age(files.text_of(patient.get("age"))),
        view=fields.parse_view(text("view")),
    )


def _facts(own: dict[str, Any]) -> FilmFacts | None:
    if "facts" not in own:
        return None
    try:
        return FilmFacts.from_json(own["facts"])
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise RowError("the facts in the label file are not those of a film") from err


def _class_table(path: Path, *, treat_as_distension: bool) -> dict[int, str]:
    if treat_as_distension and _class_name(path.parent) == fields.FREE_AIR_KOREAN:
        return CLASSES | {_FREE_AIR_CLASS: Finding.ABDOMINAL_DISTENSION}
    return CLASSES


def _label(path: Path, patient: dict[str, Any], classes: dict[int, str], *, treat_as_distension: bool) -> str:
    """The class of the folder, which the diagnosis in the file must not contradict."""
    label = fields.parse_label(_class_name(path.parent), treat_as_distension=treat_as_distension)
    diagnosis = files.text_of(patient.get("diagnosis"))
    if diagnosis is not None and classes.get(_class_id(diagnosis)) != label:
        raise RowError("the diagnosis in the label file is not the class of the folder")
    return label


def _class_id(text: str | None) -> int:
    try:
        return int(float(text or ""))
    except (ValueError, OverflowError) as err:
        raise RowError("a class is not a number from 1 to 5") from err


def _polygons(
    label_file: dict[str, Any], image_path: Path, classes: dict[int, str]
) -> dict[Finding, list[FloatArray]]:
    """Every shape, not only the first, on the film's own pixels."""
    film = files.picture_size(image_path)
    drawn_on = files.stated_size(label_file) or film
    polygons: dict[Finding, list[FloatArray]] = {}
    for shape in map(files.mapping, files.shapes_of(label_file)):
        name = classes.get(_class_id(files.text_of(shape.get("class"))), NORMAL)
        if name == NORMAL:
            raise RowError("a shape has no class from 1 to 4")
        for polygon in shape_outlines(shape, shape.get("points")):
            fitted = files.rescaled(polygon, drawn_on, film) if drawn_on and film else polygon
            check_outline(fitted, film or drawn_on)
            polygons.setdefault(Finding(name), []).append(fitted)
    return polygons
