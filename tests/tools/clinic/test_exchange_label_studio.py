"""Label Studio as people export it: JSON and JSON-MIN, percent, uploads, brushes, several annotators."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.clinic.exchange.brush import from_brush
from pedaxr.clinic.exchange.outlined import OutlinedFilm
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

from .test_exchange import imported

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
SQUARE = [[10, 20], [50, 20], [50, 60], [10, 60]]


def region(
    kind: str, label: str = "Free Air", size: tuple[int, int] = (300, 200), **value: Any
) -> dict[str, Any]:
    return {
        "id": f"r{len(value)}{kind}",
        "type": f"{kind}labels",
        "from_name": "label",
        "to_name": "image",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {**value, **({f"{kind}labels": [label]} if label else {})},
    }


def task(image: str, *results: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """One annotation; None instead of regions for none."""
    done = (
        []
        if results == (None,)
        else [{"id": 5, "completed_by": 1, "was_cancelled": False, "result": results}]
    )
    return {"id": 17, "data": {"image": image}, "annotations": done, **({"predictions": []} | more)}


def read(folder: Path, *tasks: dict[str, Any], minimal: bool = False) -> dict[str, OutlinedFilm]:
    document = [minimised(one) for one in tasks] if minimal else list(tasks)
    (folder / "project-1.json").write_text("\ufeff" + json.dumps(document, ensure_ascii=False), "utf-8")
    kind, films = read_annotations(folder)
    assert kind == "label-studio"
    return {film.name: film for film in films}


def minimised(one: dict[str, Any]) -> dict[str, Any]:
    """As JSON-MIN puts the regions beside the data."""
    regions = [
        {**r["value"], "original_width": r["original_width"], "original_height": r["original_height"]}
        for r in one["annotations"][0]["result"]
    ]
    return {
        "image": one["data"]["image"],
        "id": one["id"],
        "label": regions,
        "annotator": 1,
        "lead_time": 3.2,
    }


def brushed(mask: NDArray[np.bool_]) -> list[int]:
    """As Label Studio packs what was painted: RGBA, some values as they are, the rest in runs."""
    values = np.repeat(mask.ravel().astype(np.uint8) * 255, 4)
    bits = f"{values.size:032b}" + f"{7:05b}" + "".join(f"{length:04b}" for length in (2, 3, 8, 15))
    bits += "0" + "00" + f"{3:03b}" + "".join(f"{value:08b}" for value in values[:4])
    edges = np.flatnonzero(np.diff(values[4:])) + 5
    for start, end in zip([4, *edges], [*edges, values.size], strict=True):
        for at in range(start, end, 2**16):
            bits += "1" + "11" + f"{min(end - at, 2**16) - 1:016b}" + f"{values[start]:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def painted() -> NDArray[np.bool_]:
    mask = np.zeros((200, 300), np.uint8)
    cv2.ellipse(mask, (100, 80), (70, 40), 20, 0, 360, 1, -1)
    cv2.circle(mask, (100, 80), 9, 0, -1)
    return mask > 0


@pytest.mark.parametrize("minimal", [False, True], ids=["JSON", "JSON-MIN"])
@pytest.mark.parametrize(
    ("drawn", "inside", "outside"),
    [
        (region("polygon", points=SQUARE, closed=True), (60, 100), (60, 200)),
        (region("rectangle", x=10, y=20, width=40, height=40, rotation=0), (60, 100), (60, 200)),
        (region("rectangle", x=10, y=20, width=40, height=10, rotation=90), (150, 15), (45, 100)),
        (region("ellipse", x=50, y=50, radiusX=10, radiusY=40, rotation=90), (100, 225), (170, 150)),
        (region("brush", format="rle", rle=brushed(painted())), (80, 60), (80, 100)),
    ],
    ids=["polygon", "rectangle", "turned rectangle", "turned ellipse", "brush"],
)
def test_every_shape_in_percent_is_an_outline_of_the_film_s_size(
    tmp_path: Path, drawn: dict[str, Any], inside: tuple[int, int], outside: tuple[int, int], minimal: bool
) -> None:
    mask = read(tmp_path, task("/data/upload/3/1a2b3c4d-S-1.png", drawn), minimal=minimal)["S-1"].masks[AIR]
    assert mask.shape == (200, 300) and mask[inside] and not mask[outside]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 20))
def test_what_a_brush_painted_is_read_to_the_pixel(seed: int, rows: int, columns: int) -> None:
    mask = np.random.default_rng(seed).random((rows, columns)) > 0.6
    assert np.array_equal(from_brush(brushed(mask), (rows, columns)), mask)
    for damaged in (brushed(mask)[:-3], brushed(mask)[:5], []):
        with pytest.raises(ValueError, match="brush"):
            from_brush(damaged, (rows, columns))


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/1/1a2b3c4d-아기_복부_1.png",
        "/data/local-files/?d=films%2F아기 복부 1.png",
        "s3://bucket/a/아기%20복부%201.png",
        "https://host/아기%20복부%201.png?X-Amz-Signature=1",
        "D:\\films\\아기 복부 1.PNG",
    ],
)
def test_the_picture_is_found_whatever_the_address(tmp_path: Path, address: str) -> None:
    (tmp_path / "films").mkdir()
    Image.new("L", (300, 200)).save(tmp_path / "films" / "아기 복부 1.png")
    film = read(tmp_path, task(address, region("polygon", points=SQUARE)))["아기 복부 1"]
    assert film.sha256 and AIR in film.masks


UNUSED = {
    "nobody has annotated it yet": task("b.png", None),
    "it was skipped": {**task("b.png"), "annotations": [{"was_cancelled": True, "result": []}]},
    "only predictions": {
        **task("b.png", None),
        "predictions": [{"result": [region("polygon", points=SQUARE)]}],
    },
    "names no picture": task("no picture", region("polygon", points=SQUARE)),
    "region 2 of task 17: an outline leaves the picture": task(
        "b.png", region("polygon", points=SQUARE), region("polygon", points=[[10, 10], [400, 10], [400, 300]])
    ),
    "region 1 of task 17 is damaged": task("b.png", region("brush", format="rle", rle=[0, 1, 2])),
    "region 1 of task 17: the picture was turned": task(
        "b.png", {**region("polygon", points=SQUARE), "image_rotation": 90}
    ),
}


@pytest.mark.parametrize("cause", UNUSED)
def test_a_task_that_cannot_be_used_is_told_and_keeps_no_other_out(tmp_path: Path, cause: str) -> None:
    found = read(tmp_path, task("a.png", region("polygon", points=SQUARE)), UNUSED[cause])
    other = next(film for name, film in found.items() if name != "a")
    assert AIR in found["a"].masks and cause in other.problem, other.problem


def test_a_choice_normal_is_absence_and_a_choice_of_a_finding_has_no_outline(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    def chosen(label: str) -> dict[str, Any]:
        return {"type": "choices", "from_name": "dx", "value": {"choices": [label]}}

    tasks = (task("normal.png", chosen("Normal")), task("levels.png", chosen("기복증")), task("pyloric.png"))
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    done = imported(film_clinic, tmp_path / "a.json")
    assert done.decisions == {"rejected": 5} and merged(annotations_of("levels", clinic=film_clinic)) is None
    assert "nothing is drawn: 1" in done.notes[0] and "nobody outlined: 1" in done.notes[1]


def test_a_region_without_a_label_is_told_and_its_pair_with_one_is_read_once(tmp_path: Path) -> None:
    bare = {**region("polygon", "", points=SQUARE), "type": "polygon"}
    labels = {**region("polygon", "", points=SQUARE), "type": "labels"}
    labels["value"] = {**labels["value"], "labels": ["Constipation"]}
    found = read(tmp_path, task("a.png", bare, labels), task("b.png", bare))
    assert set(found["a"].masks) == {STOOL} and found["a"].unknown_labels == ()
    assert found["b"].unknown_labels == ("(no name)",)


def test_of_two_annotators_who_differ_none_is_chosen_but_the_ground_truth_is(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    size = (512, 512)
    one, other = (region("polygon", size=size, points=[[x, 20], [50, 20], [50, 60]]) for x in (10, 30))
    both = task("normal.png", one)
    both["annotations"].append({"id": 6, "result": [other]})
    (tmp_path / "a.json").write_text(json.dumps([both]))
    assert "differently" in imported(film_clinic, tmp_path / "a.json").unused[0].reason
    both["annotations"][1]["ground_truth"] = True
    (tmp_path / "a.json").write_text(json.dumps([both]))
    assert imported(film_clinic, tmp_path / "a.json").decisions == {"corrected": 1}


def test_one_annotation_as_it_is_synchronised_to_a_store_is_read(tmp_path: Path) -> None:
    one = {
        "id": 5,
        "result": [region("polygon", points=SQUARE)],
        "task": {"id": 3, "data": {"xray": "a.png"}},
    }
    (tmp_path / "5.json").write_text(json.dumps(one))
    assert AIR in read_annotations(tmp_path)[1][0].masks


def test_an_export_without_a_usable_task_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="a: nobody has annotated it yet"):
        read(tmp_path, task("a.png", None))
