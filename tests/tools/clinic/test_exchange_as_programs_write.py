"""Annotations as programs and hands write them beside the letter of a format: read as meant, or refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

from ..film_files import dicom_bytes

LEVEL = Finding.AIR_FLUID_LEVEL
SQUARE = [[100, 100], [300, 100], [300, 300], [100, 300]]
FLAT = [number for point in SQUARE for number in point]
INSIDE = 201 * 201


def area(folder: Path) -> int:
    """Pixels of the one outline on the one film of a source."""
    (film,) = read_annotations(folder)[1]
    assert film.problem == "" and film.name == "a"
    return int(film.masks[LEVEL].sum())


def coco(segmentation: Any, **more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 512, "height": 512}],
        "categories": [{"id": 1, "name": "공기액체층"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation}],
        **more,
    }


def labelme(kind: str | None, points: Any) -> dict[str, Any]:
    shape = {"label": LEVEL.value, "points": points, "shape_type": kind}
    return {"shapes": [shape], "imagePath": "a.png", "imageHeight": 512, "imageWidth": 512}


def studio(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    region = {"id": "r", "type": "polygonlabels", "original_width": 512, "original_height": 512}
    region["value"] = {**value, "polygonlabels": [LEVEL.value]}
    return [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": [region]}]}]


@pytest.mark.parametrize(
    "segmentation", [[FLAT], FLAT, [SQUARE], SQUARE, [[str(n) for n in FLAT]]], ids=lambda one: str(one)[:20]
)
def test_the_points_of_coco_may_be_written_in_every_usual_way(tmp_path: Path, segmentation: Any) -> None:
    (tmp_path / "c.json").write_text(json.dumps(coco(segmentation)))
    assert area(tmp_path) == INSIDE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_json_of_a_korean_windows_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "c.json").write_bytes(json.dumps(coco([FLAT]), ensure_ascii=False).encode(encoding))
    assert area(tmp_path) == INSIDE


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-16", "utf-16"), ("cp949", "euc-kr"), ("cp949", ""), ("utf-8", "UTF-8")]
)
def test_xml_of_cvat_that_was_saved_again_is_read(tmp_path: Path, encoding: str, declared: str) -> None:
    said = f' encoding="{declared}"' if declared else ""
    points = ";".join(f"{x},{y}" for x, y in SQUARE)
    image = (
        f'<image id="0" name="a.png" width="512" height="512"><polygon label="공기액체층" points="{points}"/>'
    )
    text = f'<?xml version="1.0"{said}?><annotations>{image}</image></annotations>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert area(tmp_path) == INSIDE
    hostile = text.replace("<annotations>", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations>")
    (tmp_path / "a.xml").write_bytes(hostile.encode(encoding))
    with pytest.raises(InvalidRequest, match="entities"):
        read_annotations(tmp_path)


@pytest.mark.parametrize(
    ("listed", "rows"),
    [
        (
            "images",
            [
                {"id": n, "file_name": f"{name}.png", "width": 9, "height": 9}
                for n, name in ((1, "a"), (1, "b"))
            ],
        ),
        ("categories", [{"id": 1, "name": "constipation"}, {"id": "1", "name": "normal"}]),
    ],
    ids=["images", "categories"],
)
def test_two_things_under_one_id_are_refused(tmp_path: Path, listed: str, rows: list[dict[str, Any]]) -> None:
    (tmp_path / "c.json").write_text(json.dumps(coco([FLAT], **{listed: rows})))
    with pytest.raises(InvalidRequest, match=f"Two {listed}.*same id"):
        read_annotations(tmp_path)


@pytest.mark.parametrize(
    "kind", ["polygon", "Polygon", None, "rectangle", "rotation", "oriented_rectangle", "quadrilateral"]
)
def test_every_shape_of_corners_is_an_outline(tmp_path: Path, kind: str | None) -> None:
    (tmp_path / "a.json").write_text(json.dumps(labelme(kind, SQUARE)))
    assert area(tmp_path) == INSIDE


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (coco([[float("nan"), *FLAT[1:]]]), "two finite numbers"),
        (labelme("polygon", [[100, float("inf")], *SQUARE[1:]]), "two finite numbers"),
        (studio({"points": [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6]]}), "wants percent"),
        (studio({"x": 0.2, "y": 0.2, "width": 0.4, "height": 0.4}), "wants percent"),
        ({"type": "FeatureCollection", "features": []}, "GeoJSON"),
        ([{"image_id": 1, "category_id": 1, "segmentation": [FLAT]}], "COCO results"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_cannot_be_meant_is_refused_by_its_cause(tmp_path: Path, document: Any, said: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(InvalidRequest, match=said):
        read_annotations(tmp_path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_lines_of_json_are_called_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(coco([FLAT])) + "\n")
    with pytest.raises(InvalidRequest, match="on each line"):
        read_annotations(tmp_path)


def test_an_inverted_mask_is_not_taken_for_the_whole_film(tmp_path: Path) -> None:
    mask = np.zeros((512, 512), np.uint8)
    mask[100:301, 100:301] = 255
    path = tmp_path / f"a_{LEVEL.value}.png"
    cv2.imwrite(str(path), mask)
    assert area(tmp_path) == INSIDE
    for wrong in (255 - mask, np.full_like(mask, 255)):
        cv2.imwrite(str(path), wrong)
        with pytest.raises(InvalidRequest, match="inverted"):
            read_annotations(tmp_path)
    cv2.imwrite(str(path.with_suffix(".jpg")), mask)
    path.unlink()
    with pytest.raises(InvalidRequest, match="JPEG"):
        read_annotations(tmp_path)


UPLOADED = "3f2a9c1d-a"


def shares() -> str:
    return " ".join(f"{x / 512:.6f} {y / 512:.6f}" for x, y in SQUARE)


def blank(path: Path) -> None:
    assert cv2.imwrite(str(path), np.zeros((512, 512), np.uint8))


@pytest.mark.parametrize("kind", ["coco", "yolo", "labelme"])
@pytest.mark.parametrize("beside", [True, False])
def test_a_film_is_known_by_its_name_before_it_was_uploaded(tmp_path: Path, kind: str, beside: bool) -> None:
    """Label Studio exports annotations alone; the films lie in the hospital under their own names."""
    source, films = tmp_path / "export", tmp_path / "films"
    source.mkdir(), films.mkdir()
    blank((source if beside else films) / "a.png")
    if kind == "coco":
        document = coco([FLAT])
        document["images"][0]["file_name"] = f"images\\1\\{UPLOADED}.png"
        (source / "result.json").write_text(json.dumps(document))
    elif kind == "labelme":
        document = labelme("polygon", SQUARE)
        (source / f"{UPLOADED}.json").write_text(json.dumps({**document, "imagePath": f"{UPLOADED}.png"}))
    else:
        (source / "labels").mkdir()
        (source / "labels" / f"{UPLOADED}.txt").write_text(f"0 {shares()}")
        (source / "classes.txt").write_text(LEVEL.value)
    found = read_annotations(source, lambda name: films / "a.png" if name == "a" and not beside else None)[1]
    named = [film for film in found if film.masks]
    assert [film.name for film in named] == ["a"] and int(named[0].masks[LEVEL].sum()) == INSIDE


def test_a_name_that_only_looks_uploaded_stays(tmp_path: Path) -> None:
    document = coco([FLAT])
    document["images"][0]["file_name"] = "20240101-a.png"
    (tmp_path / "c.json").write_text(json.dumps(document))
    assert [film.name for film in read_annotations(tmp_path)[1]] == ["20240101-a"]


def test_labelme_without_a_size_takes_that_of_its_picture(tmp_path: Path) -> None:
    document = labelme(None, SQUARE)
    del document["imageHeight"], document["imageWidth"]
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(InvalidRequest, match="its picture is not there"):
        read_annotations(tmp_path)
    blank(tmp_path / "a.png")
    assert area(tmp_path) == INSIDE


@pytest.mark.parametrize("number", ["0", "0.0", "0.000000000000000000e+00"])
def test_a_class_of_yolo_may_be_written_as_its_shares_are(tmp_path: Path, number: str) -> None:
    blank(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(f"{number} {shares()}")
    (tmp_path / "classes.txt").write_text(LEVEL.value)
    assert area(tmp_path) == INSIDE


@pytest.mark.parametrize("number", ["0.5", "-1", "nan", "x"])
def test_what_is_no_class_of_yolo_is_told(tmp_path: Path, number: str) -> None:
    (tmp_path / "labels").mkdir()
    blank(tmp_path / "a.png")
    (tmp_path / "labels" / "a.txt").write_text(f"{number} {shares()}")
    (tmp_path / "classes.txt").write_text(LEVEL.value)
    with pytest.raises(InvalidRequest, match="is not a class and numbers"):
        read_annotations(tmp_path)


def test_an_annotation_of_an_image_that_coco_does_not_list_is_named(tmp_path: Path) -> None:
    document = coco([FLAT])
    document["annotations"].append({**document["annotations"][0], "id": 2, "image_id": 77})
    (tmp_path / "c.json").write_text(json.dumps(document))
    with pytest.raises(InvalidRequest, match=r"Annotation 2 .* names the image '77'"):
        read_annotations(tmp_path)


def test_a_dicom_film_without_a_preamble_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(dicom_bytes(height=512, width=512)[132:])
    (tmp_path / "a.txt").write_text(f"0 {shares()}")
    (tmp_path / "classes.txt").write_text(LEVEL.value)
    assert area(tmp_path) == INSIDE
