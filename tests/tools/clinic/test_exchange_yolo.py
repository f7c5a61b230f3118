"""YOLO segmentation as Ultralytics, CVAT and Label Studio lay it out."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.clinic.exchange.outlined import OutlinedFilm
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

from .test_exchange import imported

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
OUTLINE = "0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6"
NAMES = {
    "data.yaml": "path: ../x\ntrain: images/train\nnc: 2\nnames: ['변비', 'Free Air']\n",
    "my set.yml": "\ufeffnames:\n  0: 변비\n  1: Free Air\n",
    "classes.txt": "변비\r\nFree Air\r\n\r\n",
    "obj.names": "변비\nFree Air\n",
    "notes.json": json.dumps({"categories": [{"id": 0, "name": "변비"}, {"id": 1, "name": "Free Air"}]}),
}


def lay_out(folder: Path, labels: dict[str, str], names: str = "data.yaml") -> None:
    (folder / "labels").mkdir(parents=True)
    (folder / "images").mkdir()
    for number, (film, text) in enumerate(labels.items()):
        Image.new("L", (300, 200), 10 * number).save(folder / "images" / f"{film}.png")
        (folder / "labels" / f"{film}.txt").write_text(text, encoding="utf-8")
    (folder / names).write_text(NAMES[names], encoding="utf-8")


def read(folder: Path) -> dict[str, OutlinedFilm]:
    kind, films = read_annotations(folder)
    assert kind == "yolo"
    return {film.name: film for film in films}


@pytest.mark.parametrize("names", NAMES)
def test_outlines_in_shares_are_of_the_picture_s_size_and_named_by_any_list(
    tmp_path: Path, names: str
) -> None:
    lay_out(tmp_path, {"아기 1": f"1 {OUTLINE}\n0 {OUTLINE}\n", "b": ""}, names)
    Image.new("L", (300, 200), 99).save(tmp_path / "images" / "c.jpg")  # no label file: nothing was found
    found = read(tmp_path)
    mask = found["아기 1"].masks[AIR]
    assert mask.shape == (200, 300) and mask[60, 100] and not mask[60, 20] and not mask[130, 100]
    assert set(found["아기 1"].masks) == {AIR, STOOL}
    assert found["b"].says_nothing and found["c"].says_nothing and found["c"].sha256


def test_pictures_of_one_name_in_two_splits_are_told_apart(tmp_path: Path) -> None:
    for split in ("train", "val"):
        lay_out(tmp_path / split, {"1": f"1 {OUTLINE}" if split == "train" else ""})
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / split / kind).rename(tmp_path / kind / split)
    Image.new("L", (300, 200), 77).save(tmp_path / "images" / "val" / "1.png")
    films = read_annotations(tmp_path)[1]
    assert sorted((len(film.masks), film.says_nothing) for film in films) == [(0, True), (1, False)]
    assert len({film.sha256 for film in films}) == 2


def test_a_picture_turned_by_exif_is_upright(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a": f"1 {OUTLINE}"})
    exif = Image.Exif()
    exif[0x0112] = 8
    (tmp_path / "images" / "a.png").unlink()
    Image.new("L", (300, 200)).save(tmp_path / "images" / "a.jpg", exif=exif)
    assert read(tmp_path)["a"].masks[AIR].shape == (300, 200)


FAULTS = {
    f"1 {OUTLINE}\n7 {OUTLINE}": "line 2 of labels/a.txt names class 7, .*2 classes",
    f"1 {OUTLINE}\n1 40 60 200 60 200 180": "line 2 of labels/a.txt: an outline leaves the picture",
    f"air {OUTLINE}": "line 1 of labels/a.txt is not a class and numbers",
    "1 0.1 0.2 0.5": "line 1 of labels/a.txt has fewer than three points",
    "1 0.1 nan 0.5 0.2 0.5 0.6": "line 1 of labels/a.txt: an outline leaves the picture",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_line_that_cannot_be_used_is_named_and_keeps_no_other_film_out(tmp_path: Path, text: str) -> None:
    lay_out(tmp_path, {"a": text, "b": f"1 {OUTLINE}"})
    found = read(tmp_path)
    assert AIR in found["b"].masks and re.search(FAULTS[text], found["a"].problem)


def test_a_box_outlines_nothing_and_a_program_s_certainty_is_no_point(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    source = tmp_path / "yolo"
    lay_out(source, {"normal": "1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2 0.91", "levels": f"1 {OUTLINE} 0.7"})
    (source / "images" / "normal.png").unlink()
    (source / "images" / "levels.png").unlink()
    done = imported(film_clinic, source, absent_unless_drawn=True)
    assert done.decisions == {"rejected": 3 + 4, "corrected": 1} and "nobody outlined: 1" in done.notes[0]
    assert AIR not in merged(annotations_of("normal", clinic=film_clinic)).findings  # type: ignore[union-attr]


def test_numbers_without_names_are_refused_with_what_to_add(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a": f"1 {OUTLINE}"})
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(InvalidRequest, match="YOLO label files have numbers for classes, and no data"):
        read_annotations(tmp_path)
    (tmp_path / "classes.txt").write_text("a\nb\n")
    (tmp_path / "data.yaml").write_text("names: [b, a]\n")
    with pytest.raises(InvalidRequest, match="differ"):
        read_annotations(tmp_path)


def test_a_label_file_without_its_picture_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a": f"1 {OUTLINE}", "b": f"1 {OUTLINE}"})
    (tmp_path / "images" / "a.png").unlink()
    found = read(tmp_path)
    assert "picture is not there" in found["a"].problem and not found["b"].problem


def test_other_texts_beside_pictures_are_not_taken_for_labels(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("A film of 2021, read by two.\n")
    (tmp_path / "README.txt").write_text("0 1 2 3 4 5 6\n")
    with pytest.raises(InvalidRequest, match="no annotations that are understood"):
        read_annotations(tmp_path)
