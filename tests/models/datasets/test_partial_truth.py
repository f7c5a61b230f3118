import json

import cv2
import numpy as np
import pytest

from pedaxr_models.datasets.partial_truth import Presence, read_partial
from pedaxr_models.labels import FINDINGS, Finding

AIR = Finding.PNEUMOPERITONEUM


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 30), 120, np.uint8))


def drawn_film(folder, name="a", **changes):
    picture(folder / f"{name}.png")
    said = {f.value: "absent" for f in FINDINGS} | {AIR.value: "present"}
    data = {
        "id": name,
        "size": [30, 40],
        "findings": said,
        "polygons": {"body": [[[1, 1], [28, 1], [28, 38]]], "free_air": [[[5, 5], [9, 5], [9, 9]]]},
        "suitable": True,
        "suitable_reason": "frontal abdominal film",
    } | changes
    (folder / f"{name}.json").write_text(json.dumps(data))


def test_a_drawn_film_tells_its_outlines_and_what_is_absent(tmp_path):
    drawn_film(tmp_path / "abdomen")
    (film,) = read_partial(tmp_path)
    assert film.is_abdomen and film.suitable and film.reason == "frontal abdominal film"
    assert film.says(AIR) is Presence.PRESENT and film.says(Finding.CONSTIPATION) is Presence.ABSENT
    assert film.outlines["free_air"][0].shape == (3, 2) and "lungs" not in film.outlines


def test_a_picture_of_another_kind_shows_no_finding(tmp_path):
    picture(tmp_path / "chest_1.jpg")
    (tmp_path / "index.csv").write_text("file,kind,source,source_id\nchest_1.jpg,chest,somebody,c1\n")
    (film,) = read_partial(tmp_path)
    assert film.kind == "chest" and not film.is_abdomen and film.suitable is False
    assert set(film.findings.values()) == {Presence.ABSENT} and film.id == "c1"


def test_a_row_of_findings_leaves_what_it_does_not_name_unknown(tmp_path):
    picture(tmp_path / "x.png")
    (tmp_path / "index.csv").write_text("file,pneumoperitoneum,constipation\nx.png,uncertain,\n")
    (film,) = read_partial(tmp_path)
    assert film.says(AIR) is Presence.UNCERTAIN and film.says(Finding.CONSTIPATION) is None


def test_coco_with_image_level_labels(tmp_path):
    picture(tmp_path / "x.png")
    picture(tmp_path / "y.png")
    coco = {
        "categories": [{"id": 1, "name": "pneumoperitoneum"}, {"id": 2, "name": "lungs"}],
        "images": [
            {"id": 7, "file_name": "x.png", "findings": {"constipation": "absent"}, "child": "c"},
            {"id": 8, "file_name": "y.png", "kind": "bone"},
        ],
        "annotations": [
            {"image_id": 7, "category_id": 1, "segmentation": [[2, 2, 9, 2, 9, 9]]},
            {"image_id": 7, "category_id": 2, "segmentation": [[2, 12, 9, 12, 9, 19]]},
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    drawn, other = read_partial(tmp_path)
    assert drawn.says(AIR) is Presence.PRESENT and drawn.says(Finding.CONSTIPATION) is Presence.ABSENT
    assert set(drawn.outlines) == {"free_air", "lungs"} and drawn.child == "c"
    assert other.kind == "bone" and other.says(AIR) is Presence.ABSENT


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"findings": {"pneumoperitoneum": "perhaps"}}, "present, absent or uncertain"),
        ({"findings": {"fracture": "absent"}}, "present, absent or uncertain"),
        ({"polygons": {"spleen": []}}, "outlines spleen"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, changes, message):
    drawn_film(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        read_partial(tmp_path)


def test_a_missing_picture_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no film with partial truth"):
        read_partial(tmp_path)
    drawn_film(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(ValueError, match=r"picture 'a' is missing"):
        read_partial(tmp_path)
