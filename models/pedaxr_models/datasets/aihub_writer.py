"""Write films in the layout of AI-Hub's composite set, so that programs for that set can be tried on them."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pedaxr_models.datasets.aihub import CLASSES
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.label_files import picture_size
from pedaxr_models.datasets.read_report import DatasetError, Rejection
from pedaxr_models.labels import NORMAL

_NUMBERS = {name: number for number, name in CLASSES.items()}
_KOREAN = {
    1: "1.질환_1.선천성유문협착증",
    2: "1.질환_2.기복증",
    3: "1.질환_3.공기액체음영",
    4: "1.질환_4.변비",
    5: "2.정상",
}
_ENGLISH = {
    1: "1.Pyloric_Stenosis",
    2: "2.Pneumoperitoneum",
    3: "3.Air_Fluid_Level",
    4: "4.Constipation",
    5: "5.Normal",
}
_KOREAN_SPLITS = {"train": ("Training", "T"), "validation": ("Validation", "V"), "test": ("Test", "T")}
_ENGLISH_SPLITS = {"train": "Train", "validation": "Validate", "test": "Test"}


def write_aihub(folder: Path, films: Iterable[Film], *, korean: bool = False) -> list[Rejection]:
    """Copy films and write a label file each; returns those that the layout has no class for.

    The layout knows no abdominal distension, so films that show it are left out, never renamed. What the set
    does not state (facts, patient, dates) stands under a key of our own, `pedaxr`, which others ignore.

    Args:
        folder: new or empty.
        films: PNG or JPEG files; a film without split goes to train.
        korean: the Korean folder names and a byte order mark, instead of the English ones.

    Raises:
        DatasetError: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError(f"{folder.name} is not empty. Choose a new folder.")
    rejections = []
    for number, film in enumerate(films):
        named = film.label in _NUMBERS and all(finding in _NUMBERS for finding in film.polygons)
        size = picture_size(film.image_path)
        if not named or size is None:
            reason = "the film is DICOM" if named else "the layout has no class for abdominal distension"
            rejections.append(Rejection(None, film.image_path.name, reason))
            continue
        image, label = _places(folder, film, number, korean=korean)
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(film.image_path, image)
        text = json.dumps(_label_file(film, image, size), ensure_ascii=False)
        label.write_text(text, encoding="utf-8-sig" if korean else "utf-8")
    return rejections


def _places(folder: Path, film: Film, number: int, *, korean: bool) -> tuple[Path, Path]:
    """Where the picture and its label file go."""
    kind, split = _NUMBERS[film.label or NORMAL], film.split or "train"
    name = f"{kind}_{number:04d}"
    suffix = film.image_path.suffix.lower()
    if korean:
        place, letter = _KOREAN_SPLITS[split]
        images = folder / place / "01.원천데이터" / f"{letter}S_{_KOREAN[kind]}"
        labels = folder / place / "02.라벨링데이터" / f"{letter}L_{_KOREAN[kind]}"
    else:
        images = folder / _ENGLISH_SPLITS[split] / "Source_Data" / _ENGLISH[kind]
        labels = folder / _ENGLISH_SPLITS[split] / "Labeling_Data" / _ENGLISH[kind]
    return images / f"{name}{suffix}", labels / f"{name}.json"


def _label_file(film: Film, image: Path, size: tuple[float, float]) -> dict[str, Any]:
    kind = _NUMBERS[film.label or NORMAL]
    m = film.metadata
    own = {
        "facts": film.facts.to_json() if film.facts else None,
        "view": m.view.value if m.view else None,
        "patient_id": m.patient_id,
        "patient_name": m.patient_name,
        "patient_birth_date": m.patient_birth_date,
        "study_date": m.study_date,
        "pixel_spacing_mm": film.pixel_spacing_mm,
    }
    return {
        "filename": image.name,
        "imagePath": _KOREAN[kind].replace("_", "/"),
        "imageWidth": int(size[0]),
        "imageHeight": int(size[1]),
        "caption": film.caption,
        "patient": {
            "diagnosis": kind,
            "age": None if m.age_months is None else f"{m.age_months}개월",
            "gender": m.patient_sex,
        },
        "shapes": [
            {"class": _NUMBERS[finding], "points": [[float(x), float(y)] for x, y in piece]}
            for finding, pieces in film.polygons.items()
            for piece in pieces
        ],
        "pedaxr": {key: value for key, value in own.items() if value is not None},
    }
