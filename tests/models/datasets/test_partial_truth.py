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


def coco(tmp_path, segmentation, *, category=1, image=7, bom=""):
    picture(tmp_path / "x.png")
    document = {
        "categories": [{"id": 1, "name": "pneumoperitoneum"}, {"id": 2, "name": "kidney"}],
        "images": [{"id": 7, "file_name": "x.png", "height": 40, "width": 30}],
        "annotations": [
            {"image_id": image, "category_id": category, "iscrowd": 1, "segmentation": segmentation}
        ],
    }
    (tmp_path / "annotations.json").write_text(bom + json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "compressed"])
def test_run_lengths_of_a_crowd_are_outlines_too(tmp_path, is_packed):
    """They were left out without a word, and the finding with them."""
    mask = np.zeros((40, 30), bool)
    mask[10:20, 5:15], mask[14:16, 8:10] = True, False
    counts = [210, 10, *[30, 10] * 2, 30, 4, 2, 4, 30, 4, 2, 4, *[30, 10] * 5, 620]
    coco(tmp_path, {"size": [40, 30], "counts": packed(counts) if is_packed else counts}, bom="\ufeff")
    (film,) = read_partial(tmp_path)
    assert film.says(AIR) is Presence.PRESENT
    filled = np.zeros((40, 30), np.uint8)
    for outline in film.outlines["free_air"]:
        cv2.fillPoly(filled, [outline.astype(np.int32)], 1)
    assert (filled.astype(bool) != mask).sum() <= 12, "a hole's own border is filled"


def packed(counts):
    """As COCO's own tools write them."""
    text = ""
    for at, count in enumerate(counts):
        value, more = (count - counts[at - 2] if at > 2 else count), True
        while more:
            group, value = value & 0x1F, value >> 5
            more = value != (-1 if group & 0x10 else 0)
            text += chr((group | 0x20 if more else group) + 48)
    return text


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"segmentation": {"size": [40, 30], "counts": [5, 7]}}, "Annotation 1 of the COCO file is damaged"),
        ({"segmentation": [["a", 1, 2, 3]]}, "Annotation 1 of the COCO file is damaged"),
        ({"segmentation": [], "category": 9}, "names no image or category"),
        ({"segmentation": [], "image": 9}, "names no image or category"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_named(tmp_path, changes, cause):
    coco(tmp_path, **changes)
    with pytest.raises(ValueError, match=cause):
        read_partial(tmp_path)


def test_what_is_left_out_is_told(tmp_path, caplog):
    coco(tmp_path, [[2, 2, 9, 2, 9, 9]], category=2)
    drawn_film(tmp_path, "b")
    (tmp_path / "c.json").write_text(json.dumps({"shapes": [], "imagePath": "c.png"}))
    assert len(read_partial(tmp_path)) == 2
    assert "'kidney' (1)" in caplog.text and "c.json: not read" in caplog.text
    assert "pedaxr annotations convert" in caplog.text


def test_tables_of_a_windows_editor_begin_with_a_mark(tmp_path):
    picture(tmp_path / "x.png")
    (tmp_path / "index.csv").write_text("\ufefffile,pneumoperitoneum\nx.png,absent\n", encoding="utf-8")
    (film,) = read_partial(tmp_path)
    assert film.says(AIR) is Presence.ABSENT
