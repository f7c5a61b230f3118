"""Damaged and hostile exports: any part replaced by something else, or gone, is one message, never a bug."""

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest

OUTLINE = [[10, 20], [50, 20], [50, 60], [10, 60]]
SIZE = {"original_width": 300, "original_height": 200, "image_rotation": 0}
POLYGON = {"name": "polygon", "all_points_x": [40, 90, 90], "all_points_y": [140, 140, 190]}
ELLIPSE = {"name": "ellipse", "cx": 65, "cy": 165, "rx": 30, "ry": 10, "theta": 1}
REGIONS = [
    {"shape_attributes": POLYGON, "region_attributes": {"c": "free air", "d": {"x": True}}},
    {"shape_attributes": ELLIPSE, "region_attributes": {"c": "free air"}},
]
ENTRY = {"filename": "a.png", "size": 1, "regions": REGIONS, "file_attributes": {"diagnosis": "x"}}
RESULTS: list[dict[str, Any]] = [
    {"id": "r", "type": "polygonlabels", **SIZE, "value": {"points": OUTLINE, "polygonlabels": ["free air"]}},
    {"type": "brushlabels", **SIZE, "value": {"rle": [0, 1, 2, 3, 4, 5], "brushlabels": ["free air"]}},
    {"type": "choices", "value": {"choices": ["변비"]}},
]
TASK = {"data": {"image": "/data/upload/1/12345678-a.png"}, "annotations": [{"result": RESULTS}]}
DOCUMENTS: dict[str, Any] = {
    "VIA 2": {"_via_img_metadata": {"a.png1": ENTRY}},
    "VIA 3": {
        "project": {},
        "attribute": {"1": {"aname": "c", "options": {"0": "free air"}}},
        "file": {"1": {"fname": "a.png"}},
        "view": {"1": {"fid_list": [1]}},
        "metadata": {"m": {"vid": "1", "xy": [7, 40, 140, 90, 140, 90, 190], "av": {"1": "0"}}},
    },
    "Label Studio": [TASK],
    "JSON-MIN": [
        {"image": "a.png", "label": [{**SIZE, **RESULTS[0]["value"]}], "annotator": 1, "dx": "normal"}
    ],
    "COCO": {
        "images": [{"id": 7, "file_name": "a.png", "height": 200, "width": 300}],
        "categories": [{"id": 3, "name": "free air"}],
        "annotations": [
            {
                "image_id": 7,
                "category_id": 3,
                "iscrowd": 1,
                "segmentation": {"size": [200, 300], "counts": [60000]},
            }
        ],
    },
    "LabelMe": {
        "shapes": [{"label": "free air", "shape_type": "polygon", "points": OUTLINE}],
        "imagePath": "a.png",
        "imageHeight": 200,
        "imageWidth": 300,
        "flags": {"x": True},
    },
}
OTHERS = (None, True, "x", -1, 1e400, [], {}, [None], {"a": 1})


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inside: Any = document.items() if isinstance(document, dict) else ()
    for key, value in enumerate(document) if isinstance(document, list) else inside:
        yield from places(value, (*at, key))


def replaced(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    whole = copy.deepcopy(document)
    inside = whole
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return whole


@pytest.mark.parametrize("form", DOCUMENTS)
def test_an_export_with_any_part_replaced_is_read_or_refused(tmp_path: Path, form: str) -> None:
    Image.new("L", (300, 200)).save(tmp_path / "a.png")
    for at in places(DOCUMENTS[form]):
        for value in OTHERS:
            (tmp_path / "a.json").write_text(json.dumps(replaced(DOCUMENTS[form], at, value)))
            with suppress(InvalidRequest):
                read_annotations(tmp_path)


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../films.csv", "ImagePath,Class\na.png,Normal\n")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    with pytest.raises(InvalidRequest, match=r"outside|no annotations"):
        read_annotations(tmp_path / "a.zip")
    assert not (tmp_path.parent / "films.csv").exists()


@pytest.mark.parametrize("at", ["content", "directory", "end"])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_with_damaged_bytes_is_one_message(tmp_path: Path, at: str, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.json", json.dumps(DOCUMENTS["COCO"]) * 20)
    whole = buffer.getvalue()
    directory = whole.index(b"PK\1\2")
    damaged = {
        "content": whole[:45] + bytes(12) + whole[57:],
        "directory": whole[:directory] + bytes(12) + whole[directory + 12 :],
        "end": whole[: len(whole) // 2] + whole[-22:],
    }[at]
    (tmp_path / "a.zip").write_bytes(damaged)
    with pytest.raises(InvalidRequest, match=r"Pack it again|Copy it again|annotations"):
        read_annotations(tmp_path / "a.zip")
