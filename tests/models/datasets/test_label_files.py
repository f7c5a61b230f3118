"""The two AI-Hub layouts, with the traps that public readers of them fell into."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr_models.datasets import DatasetError, read_dataset
from pedaxr_models.labels import FINDINGS, NORMAL, Finding

SQUARE = [[100, 100], [200, 100], [200, 200], [100, 200]]
KOREAN = {
    1: "1.질환_1.선천성유문협착증",
    2: "1.질환_2.기복증",
    3: "1.질환_3.공기액체음영",
    4: "1.질환_4.변비",
    5: "2.정상",
}
ENGLISH = {
    1: "1.Pyloric_Stenosis",
    2: "2.Pneumoperitoneum",
    3: "3.Air_Fluid_Level",
    4: "4.Constipation",
    5: "5.Normal",
}
LABELS = {1: "pyloric_stenosis", 2: "pneumoperitoneum", 3: "air_fluid_level", 4: "constipation", 5: NORMAL}


def png(path: Path, size: tuple[int, int] = (512, 512)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full(size, 80, np.uint8))


def label(path: Path, content: object, *, bom: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8-sig" if bom else "utf-8")


def shape(number: int, points: object = SQUARE) -> dict[str, object]:
    return {"class": number, "points": points}


def content(number: int, **changes: object) -> dict[str, Any]:
    shapes = [] if number == 5 else [shape(number), shape(number, [[1, 1], [9, 1], [9, 9]])]
    base = {"filename": "x.png", "imageWidth": 512, "imageHeight": 512, "caption": "AXR, erect.\\n"}
    return base | {"patient": {"diagnosis": number, "age": None}, "shapes": shapes} | changes


def korean_set(
    root: Path, *, split: str = "Training", letter: str = "T", nfd: bool = False, **changes: object
) -> Path:
    for number, name in KOREAN.items():
        folders = [f"01.원천데이터/{letter}S_{name}", f"02.라벨링데이터/{letter}L_{name}"]
        images, labels = (root / split / (unicodedata.normalize("NFD", f) if nfd else f) for f in folders)
        png(images / f"{number}_0003.png")
        label(labels / f"{number}_0003.json", content(number, **changes), bom=number % 2 == 0)
    return root


@pytest.mark.parametrize("nfd", [False, True], ids=["composed", "decomposed"])
def test_the_korean_layout_is_read_whole(tmp_path: Path, nfd: bool) -> None:
    korean_set(tmp_path / "set", nfd=nfd)
    korean_set(tmp_path / "set", split="Validation", letter="V", nfd=nfd)
    report = read_dataset(tmp_path / "set")
    assert (report.layout, report.rejections) == ("aihub", ())
    assert sorted(film.label or "" for film in report.films) == sorted([*LABELS.values()] * 2)
    assert {film.split for film in report.films} == {"train", "validation"}
    for film in report.films:
        assert sum(map(len, film.polygons.values())) == (0 if film.label == NORMAL else 2)
        assert (
            film.caption == "AXR, erect." and film.metadata.view is None and film.metadata.age_months is None
        )
        excluded = {finding.value for finding in FINDINGS}
        expected = frozenset(excluded if film.label == NORMAL else {str(film.label)})
        assert film.labelled_channels == expected


@pytest.mark.parametrize("split", ["Train", "Validate", "Test"])
def test_the_english_layout_is_read_whole(tmp_path: Path, split: str) -> None:
    for number, name in ENGLISH.items():
        png(tmp_path / split / "Source_Data" / name / f"{number}_1.png")
        age = {"diagnosis": str(number), "age": "5개월"}
        label(tmp_path / split / "Labeling_Data" / name / f"{number}_1.json", content(number, patient=age))
    report = read_dataset(tmp_path)
    assert (report.rejections, report.notes) == ((), ())
    assert sorted(film.label or "" for film in report.films) == sorted(LABELS.values())
    assert all(film.metadata.age_months == 5 for film in report.films)
    assert {film.split for film in report.films} == {
        {"Train": "train", "Validate": "validation", "Test": "test"}[split]
    }


def test_free_air_in_korean_is_noted_and_can_be_read_as_distension(tmp_path: Path) -> None:
    korean_set(tmp_path)
    plain, asked = read_dataset(tmp_path), read_dataset(tmp_path, treat_as_distension=True)
    assert "free air" in plain.notes[0]
    assert [film.label for film in asked.films if film.label not in {film.label for film in plain.films}] == [
        "abdominal_distension"
    ]
    film = next(film for film in asked.films if film.label == "abdominal_distension")
    assert list(film.polygons) == [Finding.ABDOMINAL_DISTENSION]


def test_outlines_follow_the_film_s_own_size(tmp_path: Path) -> None:
    folder = ENGLISH[4]
    png(tmp_path / "Train" / "Source_Data" / folder / "4_1.png", (1024, 256))
    label(tmp_path / "Train" / "Labeling_Data" / folder / "4_1.json", content(4))
    polygon = read_dataset(tmp_path).films[0].polygons[Finding.CONSTIPATION][0]
    assert polygon.tolist() == [[50, 200], [100, 200], [100, 400], [50, 400]]


def test_outlines_of_a_film_on_its_side_are_refused(tmp_path: Path) -> None:
    folder = ENGLISH[4]
    png(tmp_path / "Train" / "Source_Data" / folder / "4_1.png", (256, 512))
    turned = content(4, imageWidth=256, imageHeight=512)
    label(tmp_path / "Train" / "Labeling_Data" / folder / "4_1.json", turned)
    report = read_dataset(tmp_path)
    assert not report.films and "another shape" in report.rejections[0].reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patient": {"diagnosis": 3}}, "diagnosis"),
        ({"patient": {"diagnosis": "six"}}, "number"),
        ({"shapes": [shape(4), shape(9)]}, "shape has no class"),
        ({"shapes": [{"points": SQUARE}]}, "number"),
        ({"shapes": "none"}, "not a list"),
        ({"shapes": [shape(4, [[1, 1], [2, 2]])]}, "three points"),
        ({"shapes": [shape(4, None)]}, "list of points"),
        ({"patient": {"diagnosis": 4, "age": "unborn"}}, "age"),
    ],
)
def test_an_unusable_label_file_is_rejected(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    folder = ENGLISH[4]
    for name in ("4_1", "4_2"):
        png(tmp_path / "Train" / "Source_Data" / folder / f"{name}.png")
    label(tmp_path / "Train" / "Labeling_Data" / folder / "4_1.json", content(4))
    label(tmp_path / "Train" / "Labeling_Data" / folder / "4_2.json", content(4, **changes))
    report = read_dataset(tmp_path)
    assert len(report.films) == 1
    assert [rejection.path for rejection in report.rejections] == [f"Train/Labeling_Data/{folder}/4_2.json"]
    assert reason in report.rejections[0].reason


def test_partners_that_are_missing_are_rejected(tmp_path: Path) -> None:
    korean_set(tmp_path)
    images, labels = tmp_path / "Training" / "01.원천데이터", tmp_path / "Training" / "02.라벨링데이터"
    png(images / f"TS_{KOREAN[5]}" / "5_9.png")
    label(labels / f"TL_{KOREAN[4]}" / "4_9.json", content(4))
    (labels / f"TL_{KOREAN[3]}" / "3_0003.json").write_text("{broken")
    (labels / f"TL_{KOREAN[1]}" / "1_0003.json").write_text("[" * 100_000)
    report = read_dataset(tmp_path)
    assert len(report.films) == 3
    reasons = sorted(rejection.reason for rejection in report.rejections)
    assert reasons == sorted(
        ["the film has no label file", "the film is missing", *["the label file is not readable JSON"] * 2]
    )


def test_a_normal_film_with_an_outline_is_rejected(tmp_path: Path) -> None:
    png(tmp_path / "Train" / "Source_Data" / ENGLISH[5] / "5_1.png")
    label(tmp_path / "Train" / "Labeling_Data" / ENGLISH[5] / "5_1.json", content(5, shapes=[shape(4)]))
    assert "Normal but" in read_dataset(tmp_path).rejections[0].reason


def named(name: str, points: object) -> dict[str, object]:
    return {"label": name, "points": points}


FULL_BOX = named("full", [[0, 0], [512, 512]])


def source(folder: Path, shapes: Sequence[object], name: str = "a", **more: object) -> Path:
    png(folder / f"{name}.png")
    label(folder / f"{name}.json", {"shapes": shapes, **more})
    return folder


def test_shapes_are_read_in_each_of_their_forms(tmp_path: Path) -> None:
    shapes = [
        FULL_BOX,
        [{"label": "Constipation_1", "potins": SQUARE}],
        named("air_fluid_level", SQUARE),
        named("IHPS", [[200, 150], [120, 80]]),
        named("letter", [[5, 5], [1, 1]]),
        named("testis_shield", [[1, 1], [5, 5]]),
    ]
    report = read_dataset(source(tmp_path, shapes))
    assert (report.layout, report.rejections) == ("source_set", ())
    film = report.films[0]
    assert set(film.polygons) == {Finding.CONSTIPATION, Finding.AIR_FLUID_LEVEL, Finding.PYLORIC_STENOSIS}
    assert film.label == Finding.PYLORIC_STENOSIS
    box = film.polygons[Finding.PYLORIC_STENOSIS][0]
    assert sorted(map(tuple, box.tolist())) == [(120, 80), (120, 150), (200, 80), (200, 150)]


def test_a_drawing_on_an_enlarged_film_is_brought_back(tmp_path: Path) -> None:
    shapes = [
        named("full", [[1024, 2048], [0, 0]]),
        named("constipation", [[200, 400], [400, 400], [400, 800]]),
    ]
    film = read_dataset(source(tmp_path, shapes)).films[0]
    assert film.polygons[Finding.CONSTIPATION][0].tolist() == [[100, 100], [200, 100], [200, 200]]


def test_a_film_with_boxes_only_is_normal_and_one_with_nothing_is_not_used(tmp_path: Path) -> None:
    source(tmp_path, [FULL_BOX])
    report = read_dataset(source(tmp_path, [], name="b"))
    assert [film.label for film in report.films] == [NORMAL]
    assert [rejection.path for rejection in report.rejections] == ["b.json"]


def test_clinic_info_is_read_where_there_is_some(tmp_path: Path) -> None:
    info = {"acquisition_date": "20200131", "patientid": 77, "gender": "여", "age": "3세", "status": "erect"}
    info |= {"body_weight": "<10", "description": "복부 팽만_x000d_\\n R/O ileus", "height": None}
    source(tmp_path, [FULL_BOX], clinic_info=info)
    source(tmp_path, [FULL_BOX], name="b", clinic_info=None)
    report = read_dataset(tmp_path)
    with_info, without = report.films
    meta = with_info.metadata
    assert (meta.patient_id, meta.patient_sex, meta.age_months, meta.study_date) == (
        "77",
        "F",
        36,
        "2020-01-31",
    )
    assert meta.view is None and with_info.extra == {"body_weight": "<10", "status": "erect"}
    assert with_info.caption == "복부 팽만 R/O ileus"
    assert "unreliable" in report.notes[0]
    assert without.metadata.patient_id is None


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ([{"label": "constipation"}], "no points"),
        ([[]], "no label"),
        ([named("constipation", [[1, 1], [2, "x"]])], "two numbers"),
        ([named("constipation", [[1, 1]])], "three points"),
        ([named("constipation", [[1, 1], [2, 2], [3, float("inf")]])], "two finite numbers"),
    ],
)
def test_unusable_shapes_are_rejected(tmp_path: Path, shapes: list[object], reason: str) -> None:
    source(tmp_path, [FULL_BOX], name="ok")
    report = read_dataset(source(tmp_path, shapes))
    assert len(report.films) == 1 and reason in report.rejections[0].reason


def test_a_dicom_film_s_drawing_needs_a_stated_size(tmp_path: Path) -> None:
    for name, more in (("a", {}), ("b", {"imageWidth": 2048, "imageHeight": 2048})):
        (tmp_path / f"{name}.dcm").write_bytes(b"\x00" * 128 + b"DICM")
        label(tmp_path / f"{name}.json", {"shapes": [FULL_BOX, named("constipation", SQUARE)], **more})
    report = read_dataset(tmp_path)
    assert [film.image_path.name for film in report.films] == ["b.dcm"]
    assert "size" in report.rejections[0].reason


def test_a_film_of_the_source_set_without_label_file_is_listed(tmp_path: Path) -> None:
    source(tmp_path, [FULL_BOX])
    png(tmp_path / "unlabelled.png")
    report = read_dataset(tmp_path)
    assert len(report.films) == 1
    assert [(r.path, r.reason) for r in report.rejections] == [
        ("unlabelled.png", "the film has no label file")
    ]


def test_two_label_files_do_not_make_two_films(tmp_path: Path) -> None:
    source(tmp_path, [FULL_BOX])
    label(tmp_path / "copy" / "a.json", {"shapes": [FULL_BOX]})
    report = read_dataset(tmp_path)
    assert len(report.films) == 1
    assert "another label file" in report.rejections[0].reason


@pytest.mark.parametrize(
    ("label", "finding"),
    [
        ("Free Air", Finding.PNEUMOPERITONEUM),
        ("free_air_2", Finding.PNEUMOPERITONEUM),
        ("Abdominal distension", Finding.ABDOMINAL_DISTENSION),
        ("복부팽만", Finding.ABDOMINAL_DISTENSION),
        ("Pyloric stenosis", Finding.PYLORIC_STENOSIS),
        ("no free air", None),
    ],
)
def test_findings_are_known_as_everywhere_else(tmp_path: Path, label: str, finding: Finding | None) -> None:
    """A folder of LabelMe's had two of the five findings left out."""
    Image.new("L", (300, 200), 90).save(tmp_path / "a.png")
    shape = {"label": label, "shape_type": "polygon", "points": [[40, 40], [90, 40], [90, 90]]}
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [shape]}))
    report = read_dataset(tmp_path)
    if finding is None:
        assert "unknown name ('no_free_air')" in report.rejections[0].reason
        assert "annotations convert --label" in report.rejections[0].reason
    else:
        assert report.films[0].label == finding and set(report.films[0].polygons) == {finding}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "filename,file_size,region_shape_attributes\na.png,1,{}\n"),
        ("annotations.xml", "<?xml version='1.0'?>\n<annotations/>"),
        ("data.yaml", "names: [a]\n"),
        ("via.json", '{"_via_img_metadata": {}}'),
    ],
)
def test_the_export_of_an_annotation_tool_is_sent_to_the_command_that_reads_it(
    tmp_path: Path, name: str, text: str
) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match="pedaxr annotations convert"):
        read_dataset(tmp_path)
    if not name.endswith(".yaml"):
        with pytest.raises(DatasetError, match="pedaxr annotations convert"):
            read_dataset(tmp_path / name)
