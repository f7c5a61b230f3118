"""Annotations as other programs write them: odd shapes, masks and names, one bad film among many."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.clinic.exchange.into_clinic import import_annotations
from pedaxr.clinic.exchange.outlined import OutlinedFilm, filled
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets import read_dataset
from pedaxr_models.labels import Finding

from ..conftest import phantom
from .test_exchange import blob, coco, compressed, imported, mask_of, pieces

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
SQUARE = [40.0, 40.0, 90.0, 40.0, 90.0, 90.0, 40.0, 90.0]


def labelme(*shapes: dict[str, Any], name: str = "normal.png") -> str:
    return json.dumps({"shapes": shapes, "imagePath": name, "imageHeight": 512, "imageWidth": 512})


def shape(kind: str, *points: tuple[float, float], label: str = "free air") -> dict[str, Any]:
    return {"label": label, "shape_type": kind, "points": points}


def cvat(*inside: str, name: str = "normal.png") -> str:
    image = f'<image id="0" name="{name}" width="512" height="512">{"".join(inside)}</image>'
    return f"<annotations><version>1.1</version>{image}</annotations>"


def read(tmp_path: Path, name: str, text: str) -> OutlinedFilm:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_annotations(tmp_path / name)[1][0]


def boxed() -> str:
    document = coco("normal.png", (512, 512), [])
    document["annotations"][0]["bbox"] = [40, 40, 50, 50]
    return json.dumps(document)


MARKED = {
    "a point (LabelMe)": ("a.json", labelme(shape("point", (50, 50)))),
    "a line (LabelMe)": ("a.json", labelme(shape("linestrip", (50, 50), (90, 90), (70, 20)))),
    "two points of a polygon (LabelMe)": ("a.json", labelme(shape("polygon", (50, 50), (90, 90)))),
    "a polyline (CVAT)": ("a.xml", cvat('<polyline label="Free air" points="0,0;9,9;4,2"/>')),
    "points (CVAT)": ("a.xml", cvat('<points label="Free air" points="50,50" occluded="1"/>')),
    "a tag (CVAT)": ("a.xml", cvat('<tag label="pneumoperitoneum" source="manual"/>')),
    "a box without outline (COCO)": ("a.json", boxed()),
    "two points of a polygon (COCO)": ("a.json", json.dumps(coco("normal.png", (512, 512), [[4, 4, 9, 9]]))),
}


@pytest.mark.parametrize("how", MARKED)
def test_what_is_marked_and_not_outlined_is_never_absent(
    film_clinic: Clinic, tmp_path: Path, how: str
) -> None:
    """Somebody has seen it: `--absent-unless-drawn` must not teach the contrary."""
    name, text = MARKED[how]
    (tmp_path / name).write_text(text)
    done = imported(film_clinic, tmp_path / name, absent_unless_drawn=True)
    current = merged(annotations_of("normal", clinic=film_clinic))
    assert current is not None and AIR not in current.findings
    assert current.findings[STOOL].decision == "rejected", "control"
    assert "nobody outlined: 1" in done.notes[0]


CALLED_NORMAL = {
    "labelme": ("a.json", labelme(shape("point", (5, 5), label="Normal"))),
    "cvat": ("a.xml", cvat('<tag label="normal"/>')),
    "coco": ("a.json", json.dumps(coco("normal.png", (512, 512), [], "Normal"))),
}


@pytest.mark.parametrize("kind", CALLED_NORMAL)
def test_a_film_that_a_label_calls_normal_shows_no_finding(tmp_path: Path, kind: str) -> None:
    film = read(tmp_path, *CALLED_NORMAL[kind])
    assert film.decisions == dict.fromkeys(Finding, "rejected") and not film.without_outline


@pytest.mark.parametrize("kind", ["labelme", "coco", "cvat"])
def test_an_outline_that_crosses_itself_is_filled_as_other_programs_fill_it(
    tmp_path: Path, kind: str
) -> None:
    """A star of one line: its middle is outside, as in LabelMe, which draws with Pillow."""
    star = [(256 + 200 * np.sin(4 * np.pi * k / 5), 256 - 200 * np.cos(4 * np.pi * k / 5)) for k in range(5)]
    flat = [float(value) for corner in star for value in corner]
    text = {
        "labelme": labelme(shape("polygon", *star)),
        "coco": json.dumps(coco("normal.png", (512, 512), [flat])),
        "cvat": cvat(
            f'<polygon label="Free air" occluded="1" points="{";".join(f"{x},{y}" for x, y in star)}"/>'
        ),
    }[kind]
    found = read(tmp_path, "a.xml" if kind == "cvat" else "a.json", text).masks[AIR]
    picture = Image.new("1", (512, 512))
    ImageDraw.Draw(picture).polygon(star, fill=1, outline=1)
    expected = np.asarray(picture)
    both = np.count_nonzero(found & expected) * 2 / (np.count_nonzero(found) + np.count_nonzero(expected))
    assert both > 0.98 and not found[256, 256] and not expected[256, 256]


def test_run_lengths_say_their_own_size(tmp_path: Path) -> None:
    """COCO results often name no height and width of the image; counts plain and compressed."""
    counts = mask_of(pieces((512, 512))).counts
    for given in (counts, compressed(counts), [float(count) for count in counts]):
        document = coco("normal.png", (512, 512), {"size": [512, 512], "counts": given})
        del document["images"][0]["height"], document["images"][0]["width"]
        document["annotations"].pop()
        found = read(tmp_path, "a.json", json.dumps(document))
        assert np.array_equal(found.masks[AIR], pieces((512, 512)))


def test_a_box_is_turned_as_cvat_turns_it(tmp_path: Path) -> None:
    """Clockwise about its middle, by degrees; an upright one of that shape is the control."""
    box = '<box label="Free air" occluded="1" xtl="100" ytl="200" xbr="300" ybr="220" rotation="{}"/>'
    upright, turned = (
        read(tmp_path, "a.xml", cvat(box.format(angle))).masks[AIR] for angle in ("0.0", "30.0")
    )
    assert upright[210, 110] and not turned[210, 110]
    assert turned[210 - 45, 200 - 78] and turned[210 + 45, 200 + 78], "its left end went up"


def bad(kind: str) -> dict[str, str]:
    """Two films, of which the one is damaged."""
    if kind == "coco":
        document = coco("normal.png", (512, 512), [SQUARE])
        document["images"].append({"id": 8, "file_name": "free air.png", "height": 512, "width": 512})
        runs = {"size": [512, 512], "counts": [5, 7]}
        document["annotations"].append({"id": 3, "image_id": 8, "category_id": 3, "segmentation": runs})
        return {"a.json": json.dumps(document)}
    if kind == "labelme":
        good = labelme(shape("polygon", (40, 40), (90, 40), (90, 90)))
        return {
            "a.json": good,
            "b.json": labelme({"label": "free air", "points": [[1]]}, name="free air.png"),
        }
    good = cvat('<box label="Free air" xtl="40" ytl="40" xbr="90" ybr="90"/>')
    outline = '<polygon label="Free air" points="1"/>'
    film = f'<image id="1" name="free air.png" width="512" height="512">{outline}</image>'
    return {"a.xml": good.replace("</annotations>", f"{film}</annotations>")}


@pytest.mark.parametrize("kind", ["coco", "labelme", "cvat"])
def test_one_damaged_film_keeps_no_other_out(film_clinic: Clinic, tmp_path: Path, kind: str) -> None:
    for name, text in bad(kind).items():
        (tmp_path / name).write_text(text)
    done = imported(film_clinic, tmp_path)
    assert (done.kind, done.films) == (kind, 1)
    assert [one.film for one in done.unused] == ["free air"] and "damaged" in done.unused[0].reason


def test_where_every_film_is_damaged_the_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(labelme({"label": "free air", "points": [[1]]}))
    with pytest.raises(InvalidRequest, match=r"normal: .*damaged"):
        read_annotations(tmp_path / "a.json")


def transparent() -> np.ndarray:
    """White everywhere, seen where it was painted."""
    drawn = np.full((512, 512, 4), 255, np.uint8)
    drawn[..., 3] = blob((512, 512)).astype(np.uint8) * 255
    return drawn


MASKS = {
    "0 and 1": blob((512, 512)).astype(np.uint8),
    "0 and 100": blob((512, 512)).astype(np.uint8) * 100,
    "16 bits": blob((512, 512)).astype(np.uint16) * 65535,
    "colour": np.dstack([blob((512, 512)).astype(np.uint8) * value for value in (0, 0, 200)]),
    "transparent": transparent(),
    "soft edges": cv2.GaussianBlur(blob((512, 512)).astype(np.uint8) * 255, (5, 5), 0),
}


@pytest.mark.parametrize("how", MASKS)
def test_a_mask_is_what_is_painted_in_any_depth_and_colour(tmp_path: Path, how: str) -> None:
    cv2.imwrite(str(tmp_path / "normal_변비.png"), MASKS[how])
    (film,) = read_annotations(tmp_path)[1]
    wrong = np.count_nonzero(film.masks[STOOL] ^ blob((512, 512)))
    assert film.name == "normal" and wrong <= (20 if how == "soft edges" else 0)


def test_a_film_named_after_a_finding_is_no_mask(film_clinic: Clinic, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "normal_constipation.png"), phantom("normal").pixels)
    with pytest.raises(InvalidRequest, match="many greys"):
        imported(film_clinic, tmp_path)


def test_a_mask_of_another_size_is_told_and_not_stretched(film_clinic: Clinic, tmp_path: Path) -> None:
    for size, film in (((256, 256), "normal"), ((512, 511), "free air")):
        mask = np.zeros(size, np.uint8)
        mask[9:-9, 9:-9] = 255
        cv2.imwrite(str(tmp_path / f"{film}_constipation.png"), mask)
    done = imported(film_clinic, tmp_path)
    assert done.films == 0 and [one.film for one in done.unused] == ["free air", "normal"]
    assert all("size, 512 x 512" in one.reason for one in done.unused)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("kind", ["labelme", "cvat", "coco", "masks"])
def test_korean_file_names_are_found_however_they_are_spelled(
    film_clinic: Clinic, tmp_path: Path, form: Any, kind: str
) -> None:
    """A Mac takes Hangul apart; the film in the registry is put together."""
    import sqlite3

    film_clinic.registry.study("normal").image_path.rename(film_clinic.home / "films" / "복부 (1).png")
    with sqlite3.connect(film_clinic.registry.path) as connection:
        connection.execute("UPDATE studies SET image_path = 'films/복부 (1).png' WHERE study_id = 'normal'")
    name = unicodedata.normalize(form, "자료/복부 (1).PNG")
    (tmp_path / "in").mkdir()
    if kind == "masks":
        picture = tmp_path / "in" / (unicodedata.normalize(form, "복부 (1)_기복증") + ".png")
        picture.write_bytes(cv2.imencode(".png", blob((512, 512)).astype(np.uint8) * 255)[1].tobytes())
    else:
        text = {
            "labelme": labelme(shape("polygon", (40, 40), (90, 40), (90, 90), label="기복증"), name=name),
            "cvat": cvat('<box label="기복증" xtl="40" ytl="40" xbr="90" ybr="90"/>', name=name),
            "coco": json.dumps(coco(name, (512, 512), [SQUARE], "기복증")),
        }[kind]
        (tmp_path / "in" / ("a.xml" if kind == "cvat" else "a.json")).write_text(text, encoding="utf-8")
    done = imported(film_clinic, tmp_path / "in")
    assert (done.kind, done.films, done.unused) == (kind, 1, [])


def test_overlapping_outlines_of_one_finding_are_one_region() -> None:
    """Two polygons that overlap leave no hole, unlike one that crosses itself."""
    two = filled(
        [[[10, 10], [60, 10], [60, 60], [10, 60]], [[40, 40], [90, 40], [90, 90], [40, 90]]], (100, 100)
    )
    assert two[50, 50] and two[20, 20] and two[80, 80] and not two[20, 80]


def test_the_coco_file_of_synthetic_films_is_read_without_loss(tmp_path: Path) -> None:
    """`pedaxr films` writes one beside its pictures: every outline of the table, to the pixel."""
    from pedaxr_models.phantom.dataset.write import write_dataset

    write_dataset(tmp_path / "d", count=6, seed=0, processes=1)
    told = {film.image_path.stem: film.polygons for film in read_dataset(tmp_path / "d").films}
    (tmp_path / "d" / "films.csv").unlink()
    kind, films = read_annotations(tmp_path / "d")
    assert kind == "coco" and len(films) == 6 and all(film.sha256 for film in films)
    assert sum(len(film.masks) for film in films) == sum(map(len, told.values())) > 2
    for film in films:
        for finding, mask in film.masks.items():
            outlines = [piece.tolist() for piece in told[film.name][finding]]
            assert np.array_equal(mask, filled(outlines, (512, 512)))


@pytest.mark.parametrize(
    ("label", "is_near"),
    [
        ("Pneumoperitonium", True),
        ("possible free air", True),
        ("constipaton", True),
        ("폐", False),
        ("PNP", True),
        ("Livers", False),
    ],
)
@pytest.mark.parametrize("kind", ["labelme", "coco", "cvat"])
def test_a_label_that_is_not_understood_is_told_and_makes_no_finding_absent_that_it_may_mean(
    film_clinic: Clinic, tmp_path: Path, kind: str, label: str, is_near: bool
) -> None:
    corners = ((40.0, 40.0), (90.0, 40.0), (90.0, 90.0))
    text = {
        "labelme": labelme(shape("polygon", *corners, label=label)),
        "coco": json.dumps(coco("normal.png", (512, 512), [SQUARE], category=label)),
        "cvat": cvat(f'<polygon label="{label}" points="40,40;90,40;90,90"/>'),
    }[kind]
    (tmp_path / ("a.xml" if kind == "cvat" else "a.json")).write_text(text)
    done = imported(film_clinic, tmp_path, absent_unless_drawn=True)
    assert done.films == (0 if is_near else 1)
    assert any(label in note and "name no finding here" in note for note in done.notes)


@pytest.mark.parametrize("ids", [("7", 3), (7, "3"), ("7", "3")])
def test_ids_of_coco_are_the_same_as_numbers_and_as_text(tmp_path: Path, ids: tuple[object, object]) -> None:
    document = coco("normal.png", (512, 512), [SQUARE])
    document["annotations"][0] |= {"image_id": ids[0], "category_id": ids[1]}
    assert read(tmp_path, "a.json", json.dumps(document)).masks


@pytest.mark.parametrize(
    ("lost", "why"),
    [({"image_id": 8}, "names the image '8'"), ({"category_id": 9}, "names the category '9'")],
)
def test_an_annotation_of_no_image_or_category_is_not_dropped(
    tmp_path: Path, lost: dict[str, int], why: str
) -> None:
    document = coco("normal.png", (512, 512), [SQUARE])
    document["annotations"][0] |= lost
    with pytest.raises(InvalidRequest, match=why):
        read(tmp_path, "a.json", json.dumps(document))


def test_run_lengths_of_a_film_on_its_side_are_refused(tmp_path: Path) -> None:
    """They fill as many pixels, in stripes."""
    runs = {"counts": [100, 50, 2250], "size": [40, 60]}
    assert read(tmp_path, "a.json", json.dumps(coco("normal.png", (40, 60), runs))).masks
    runs["size"] = [60, 40]
    with pytest.raises(InvalidRequest, match="the height comes first"):
        read(tmp_path, "a.json", json.dumps(coco("normal.png", (40, 60), runs)))


@pytest.mark.parametrize("size", [("512", "512"), (512.0, 512.0)])
def test_a_film_s_size_may_be_written_as_text(tmp_path: Path, size: tuple[object, object]) -> None:
    document = json.loads(labelme(shape("polygon", (40, 40), (90, 40), (90, 90))))
    document["imageHeight"], document["imageWidth"] = size
    assert read(tmp_path, "a.json", json.dumps(document)).masks


def test_a_film_that_an_import_named_anew_is_known_by_the_picture_beside(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    film = film_clinic.registry.study("normal")
    (tmp_path / "a.json").write_text(json.dumps(coco("hospital 1.png", (512, 512), [SQUARE])))
    alone = imported(film_clinic, tmp_path)
    assert alone.films == 0 and "put the very picture beside" in alone.unused[0].reason
    (tmp_path / "hospital 1.png").write_bytes(film.image_path.read_bytes())
    assert imported(film_clinic, tmp_path).films == 1


@pytest.mark.parametrize("name", ["claude", "ChatGPT", "anonymous", "user1"])
def test_a_program_answers_for_no_outlines(film_clinic: Clinic, tmp_path: Path, name: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(coco("normal.png", (512, 512), [SQUARE])))
    done = import_annotations(tmp_path, by=name, clinic=film_clinic)
    assert done.films == 0 and "a person's" in done.unused[0].reason
    assert not annotations_of("normal", clinic=film_clinic)


FLAGGED = json.dumps({**json.loads(labelme()), "flags": {"Normal": True, "blurred": False}})
NORMALS = {
    "a tag (CVAT)": ("a.xml", cvat('<tag label="정상" source="manual"/>')),
    "a flag (LabelMe)": ("a.json", FLAGGED),
}


@pytest.mark.parametrize("how", NORMALS)
def test_a_film_that_is_called_normal_as_a_whole_shows_no_finding(
    film_clinic: Clinic, tmp_path: Path, how: str
) -> None:
    name, text = NORMALS[how]
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert imported(film_clinic, tmp_path / name).decisions == {"rejected": 5}


def test_an_outline_without_a_name_may_be_any_finding(film_clinic: Clinic, tmp_path: Path) -> None:
    corners = ((50, 50), (90, 50), (90, 90))
    (tmp_path / "a.json").write_text(labelme(shape("polygon", *corners, label="")))
    done = imported(film_clinic, tmp_path / "a.json", absent_unless_drawn=True)
    assert done.films == 0 and "1 ('(no name)')" in done.notes[0]


@pytest.mark.parametrize("said", [True, False], ids=["absent unless drawn", "unknown"])
def test_films_on_which_nothing_is_drawn_are_counted(film_clinic: Clinic, tmp_path: Path, said: bool) -> None:
    (tmp_path / "a.json").write_text(labelme())
    done = imported(film_clinic, tmp_path / "a.json", absent_unless_drawn=said)
    assert "nothing is drawn: 1" in done.notes[0] and ("--absent" in done.notes[0]) is not said
