"""Outlines and decisions of other programs: every format there and back without loss, and into a clinic."""

import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate, annotations_of, merged
from pedaxr.clinic.exchange.into_clinic import ImportedAnnotations, import_annotations
from pedaxr.clinic.exchange.outlined import exact_polygons, filled, finding_named
from pedaxr.clinic.exchange.read import read_annotations
from pedaxr.clinic.export_annotations import export_annotations, mask_of, pixels_of, to_export
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets import read_dataset
from pedaxr_models.datasets.shapes import uncompressed
from pedaxr_models.labels import Finding

from ..conftest import phantom

AIR, STOOL, LEVELS = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION, Finding.AIR_FLUID_LEVEL
KINDS = ("coco", "labelme", "cvat", "masks", "csv")


def pieces(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Two pieces, one with two holes, a speck of one pixel and a line: not the same any way round."""
    pixels = np.zeros(size, np.uint8)
    cv2.ellipse(pixels, (180, 140), (90, 40), 20, 0, 360, 1, -1)
    cv2.circle(pixels, (160, 140), 9, 0, -1)
    cv2.circle(pixels, (215, 150), 5, 0, -1)
    pixels[300:310, 20:21] = 1
    pixels[5, size[1] - 1] = 1
    return pixels.astype(np.bool_)


def blob(size: tuple[int, int]) -> NDArray[np.bool_]:
    pixels = np.zeros(size, np.uint8)
    cv2.ellipse(pixels, (250, 330), (60, 80), 0, 0, 360, 1, -1)
    return pixels.astype(np.bool_)


@pytest.fixture
def annotated(film_clinic: Clinic) -> Clinic:
    """One film with outlines, an absence and a doubt; one with an absence alone; one unsuitable."""
    size = phantom("free air").pixels.shape
    findings = {
        AIR: AnnotatedFinding(decision="corrected", mask=mask_of(pieces(size))),
        LEVELS: AnnotatedFinding(decision="added", mask=mask_of(blob(size))),
        STOOL: AnnotatedFinding(decision="rejected"),
        Finding.PYLORIC_STENOSIS: AnnotatedFinding(decision="uncertain"),
    }
    save(film_clinic, "free air", NewAnnotation(based_on=0, model="m 1", findings=findings))
    absent = {STOOL: AnnotatedFinding(decision="rejected")}
    save(film_clinic, "normal", NewAnnotation(based_on=0, model="m 1", findings=absent))
    save(film_clinic, "pyloric", NewAnnotation(based_on=0, model="m 1", findings={}, is_unsuitable=True))
    return film_clinic


def save(clinic: Clinic, study_id: str, given: NewAnnotation) -> None:
    annotate(study_id, given, by="Dr Kim", clinic=clinic)


def exported(clinic: Clinic, kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.zip"
    path.write_bytes(export_annotations(to_export(clinic=clinic), kind, clinic=clinic))
    return path


def unpacked(path: Path) -> Path:
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("is_folder", [False, True], ids=["zip", "folder"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exported_is_read_back_to_the_pixel(
    annotated: Clinic, tmp_path: Path, kind: str, is_folder: bool
) -> None:
    path = exported(annotated, kind, tmp_path)
    found, films = read_annotations(unpacked(path) if is_folder else path)
    assert found == kind
    by_name = {film.name: film for film in films}
    film = by_name["free air"]
    size = phantom("free air").pixels.shape
    assert set(film.masks) == {AIR, LEVELS}
    assert np.array_equal(film.masks[AIR], pieces(size)) and np.array_equal(film.masks[LEVELS], blob(size))
    assert film.decisions[STOOL] == "rejected" == by_name["normal"].decisions[STOOL]
    assert not by_name["normal"].masks
    if kind == "csv":  # a table has no word for doubt or for an unsuitable film: they are unknown, left out
        assert Finding.PYLORIC_STENOSIS not in film.decisions and "pyloric" not in by_name
    else:
        assert film.decisions[Finding.PYLORIC_STENOSIS] == "uncertain" and by_name["pyloric"].is_unsuitable
        assert film.decisions[LEVELS] == "added" and film.decisions[AIR] == "corrected"


@pytest.mark.parametrize("kind", KINDS)
def test_an_import_into_another_clinic_gives_the_same_annotations(
    annotated: Clinic, tmp_path: Path, kind: str
) -> None:
    before = {one.study_id: one.findings for one in to_export(clinic=annotated)}
    path = exported(annotated, kind, tmp_path)
    other = emptied(annotated)
    done = imported(other, path)
    assert (done.kind, done.unused) == (kind, [])
    after = {one.study_id: one.findings for one in to_export(clinic=other)}
    assert after["free air"][AIR].mask == before["free air"][AIR].mask
    assert after["normal"] == before["normal"]
    if kind != "csv":
        assert after == before
    assert imported(other, path).films == 0, "the same import again changes nothing"


def emptied(clinic: Clinic) -> Clinic:
    """The same films without annotations, in another folder."""
    import shutil
    import sqlite3

    home = clinic.home.with_name("other")
    shutil.copytree(clinic.home, home, ignore=shutil.ignore_patterns("access.*"))  # in use
    with sqlite3.connect(home / "registry.sqlite3") as connection:
        connection.execute("DELETE FROM annotations")
    from pedaxr.clinic import open_clinic

    return open_clinic(home)


def imported(clinic: Clinic, path: Path, **options: Any) -> ImportedAnnotations:
    return import_annotations(path, by="Dr Lee", clinic=clinic, **options)


def test_an_import_adds_to_what_was_decided_and_takes_nothing_back(annotated: Clinic, tmp_path: Path) -> None:
    size = phantom("normal").pixels.shape
    document = coco("normal.png", size, [[40.0, 40.0, 90.0, 40.0, 90.0, 90.0, 40.0, 90.0]])
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert imported(annotated, tmp_path / "a.json").decisions == {"corrected": 1}
    current = merged(annotations_of("normal", clinic=annotated))
    assert current is not None and current.author == "Dr Lee" and current.version == 2
    assert current.findings[STOOL].decision == "rejected" and current.findings[AIR].mask is not None
    assert current.model == "imported (coco)"


def coco(
    file_name: str, size: tuple[int, ...], segmentation: Any, category: str = "Free air"
) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": file_name, "height": size[0], "width": size[1]}],
        "categories": [{"id": 3, "name": category}, {"id": 4, "name": "liver"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": segmentation},
            {"id": 2, "image_id": 7, "category_id": 4, "segmentation": [[0, 0, 9, 0, 9, 9]]},
        ],
    }


@pytest.mark.parametrize("said", [True, False], ids=["absent unless drawn", "unknown"])
def test_what_is_not_drawn_is_absent_only_where_that_is_said(
    film_clinic: Clinic, tmp_path: Path, said: bool
) -> None:
    size = phantom("free air").pixels.shape
    (tmp_path / "a.json").write_text(json.dumps(coco("films/free air.PNG", size, [[40, 40, 90, 40, 90, 90]])))
    imported(film_clinic, tmp_path / "a.json", absent_unless_drawn=said)
    current = merged(annotations_of("free air", clinic=film_clinic))
    assert current is not None
    assert {f for f, one in current.findings.items() if one.decision == "rejected"} == (
        set(Finding) - {AIR} if said else set()
    )


def test_labels_of_a_whole_image_are_read_as_what_is_known(film_clinic: Clinic, tmp_path: Path) -> None:
    document = coco("normal.png", (512, 512), [])
    document["annotations"] = []
    document["images"][0]["findings"] = {
        "pneumoperitoneum": "absent",
        "constipation": "uncertain",
        "air_fluid_level": "present",
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    done = imported(film_clinic, tmp_path / "a.json")
    assert done.decisions == {"rejected": 1, "uncertain": 1}
    assert "nobody outlined: 1" in done.notes[0]


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=40))
def test_compressed_run_lengths_are_those_of_coco(counts: list[int]) -> None:
    assert uncompressed(compressed(counts)) == counts


def compressed(counts: list[int]) -> str:
    """As COCO's own tools write them (maskApi.c, rleToString)."""
    text = ""
    for at, count in enumerate(counts):
        value = count - counts[at - 2] if at > 2 else count
        more = True
        while more:
            group, value = value & 0x1F, value >> 5
            more = value != -1 if group & 0x10 else value != 0
            text += chr((group | 0x20 if more else group) + 48)
    return text


def test_coco_with_compressed_runs_is_read(film_clinic: Clinic, tmp_path: Path) -> None:
    size = phantom("free air").pixels.shape
    counts = mask_of(pieces(size)).counts
    runs = {"size": list(size), "counts": compressed(counts)}
    (tmp_path / "a.json").write_text(json.dumps(coco("free air.png", size, runs)))
    imported(film_clinic, tmp_path / "a.json")
    current = merged(annotations_of("free air", clinic=film_clinic))
    assert current is not None and current.findings[AIR].mask is not None
    assert np.array_equal(pixels_of(current.findings[AIR].mask), pieces(size))


@settings(max_examples=60)
@given(st.data())
def test_polygons_that_are_called_exact_are(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    grown = cv2.GaussianBlur(rng.standard_normal((40, 50)).astype(np.float32), (0, 0), rng.uniform(0.6, 5))
    mask = grown > np.quantile(grown, rng.uniform(0.2, 0.95))
    polygons = exact_polygons(mask)
    assert polygons is None or np.array_equal(filled(polygons, (40, 50)), mask)


def test_a_hole_needs_no_second_format() -> None:
    """A ring of some width is one outline with a slit; a speck has no polygon."""
    ring = np.zeros((60, 60), np.uint8)
    cv2.circle(ring, (30, 30), 20, 1, -1)
    cv2.circle(ring, (30, 30), 8, 0, -1)
    polygons = exact_polygons(ring > 0)
    assert polygons is not None and len(polygons) == 1
    speck = np.zeros((9, 9), bool)
    speck[4, 4] = True
    assert exact_polygons(speck) is None and exact_polygons(np.zeros((9, 9), bool)) == []


@pytest.mark.timeout(60)
def test_a_mask_of_noise_has_no_polygons_and_costs_no_minutes() -> None:
    """Each hole looks for the nearest point of an outline that grows with it: ten minutes of 512 pixels."""
    assert exact_polygons(np.random.default_rng(0).random((512, 512)) > 0.8) is None


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("Free intraperitoneal air", AIR),
        ("pneumoperitoneum", AIR),
        ("free_air", AIR),
        ("기복증", AIR),
        ("Air-Fluid Level", LEVELS),
        ("변비", STOOL),
        ("kidney", None),
        ("normal", None),
        ("", None),
    ],
)
def test_labels_are_understood_as_people_write_them(text: str, finding: Finding | None) -> None:
    assert finding_named(text) == finding


LABELME = {
    "shapes": [
        {"label": "constipation", "shape_type": "rectangle", "points": [[10, 20], [30, 50]]},
        {"label": "constipation", "shape_type": "circle", "points": [[100, 100], [110, 100]]},
        {"label": "constipation", "shape_type": "line", "points": [[0, 0], [400, 400]]},
    ],
    "imagePath": "..\\films\\normal.png",
    "imageHeight": 512,
    "imageWidth": 512,
}
CVAT = """<?xml version="1.0"?><annotations><version>1.1</version>
<image id="0" name="x/normal.png" width="512" height="512">
  <box label="Constipation" xtl="10" ytl="20" xbr="30" ybr="50"/>
  <ellipse label="Constipation" cx="100" cy="100" rx="10" ry="10"/>
  <polyline label="Constipation" points="0,0;400,400"/>
</image></annotations>"""


@pytest.mark.parametrize(("name", "text"), [("a.json", json.dumps(LABELME)), ("a.xml", CVAT)])
def test_boxes_and_circles_of_other_programs_are_outlines_and_lines_are_not(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    (film,) = read_annotations(tmp_path)[1]
    mask = film.masks[STOOL]
    assert film.name == "normal" and mask[20:51, 10:31].all()
    assert mask[100, 92] and mask[100, 109] and not mask[100, 115] and not mask[300, 300]
    assert mask.sum() == pytest.approx(21 * 31 + np.pi * 10.5**2, rel=0.05)


SHARES = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]
BEYOND = [[300, 300], [700, 300], [700, 400]]


@pytest.mark.parametrize("kind", ["labelme", "cvat", "coco"])
@pytest.mark.parametrize(
    ("points", "cause"),
    [(SHARES, "shares of the picture"), (BEYOND, "leaves the film")],
)
def test_an_outline_that_is_not_in_pixels_is_refused_here_as_by_a_training(
    tmp_path: Path, kind: str, points: list[list[float]], cause: str
) -> None:
    shape = {"label": "constipation", "shape_type": "polygon", "points": points}
    pairs = ";".join(f"{x},{y}" for x, y in points)
    texts = {
        "labelme": json.dumps({**LABELME, "shapes": [shape]}),
        "cvat": '<annotations><image id="0" name="normal.png" width="512" height="512">'
        f'<polygon label="Constipation" points="{pairs}"/></image></annotations>',
        "coco": json.dumps(coco("normal.png", (512, 512), [[n for pair in points for n in pair]])),
    }
    (tmp_path / ("a.xml" if kind == "cvat" else "a.json")).write_text(texts[kind])
    with pytest.raises(InvalidRequest, match=f"normal: (shape|polygon|annotation) 1: an outline .*{cause}"):
        read_annotations(tmp_path)


def test_an_ellipse_is_round(tmp_path: Path) -> None:
    ellipse = {"label": "constipation", "shape_type": "ellipse", "points": [[100, 100], [140, 180]]}
    (tmp_path / "a.json").write_text(json.dumps({**LABELME, "shapes": [ellipse]}))
    mask = read_annotations(tmp_path)[1][0].masks[STOOL]
    assert mask.sum() == pytest.approx(np.pi * 20 * 40, rel=0.05) and not mask[102, 102]


def test_masks_named_after_film_and_finding_need_no_table(film_clinic: Clinic, tmp_path: Path) -> None:
    size = phantom("normal").pixels.shape
    cv2.imwrite(str(tmp_path / "normal_constipation.png"), blob(size).astype(np.uint8))  # 0 and 1
    cv2.imwrite(str(tmp_path / "holiday.png"), np.zeros((5, 5), np.uint8))
    done = imported(film_clinic, tmp_path)
    assert (done.kind, done.films, done.decisions) == ("masks", 1, {"corrected": 1})


def test_a_table_of_films_trains_as_it_is(annotated: Clinic, tmp_path: Path) -> None:
    """What is known of each film is known to the training, too: the partial truth survives."""
    folder = unpacked(exported(annotated, "csv", tmp_path))
    report = read_dataset(folder)
    assert not report.rejections
    films = {film.image_path.stem: film for film in report.films}
    assert films["free air"].labelled_channels == {f.value for f in (AIR, LEVELS, STOOL)}
    assert films["normal"].labelled_channels == {STOOL.value} and films["normal"].label is None
    text = (folder / "films.csv").read_text()
    assert "Demo" not in text and "P3" not in text, "no child is named"


@pytest.mark.parametrize("wrong", ["size", "film", "damaged"])
def test_what_does_not_fit_is_told_film_by_film(film_clinic: Clinic, tmp_path: Path, wrong: str) -> None:
    size = (100, 100) if wrong == "size" else phantom("normal").pixels.shape
    document = coco("stranger.png" if wrong == "film" else "normal.png", size, [[4, 4, 9, 4, 9, 9]])
    text = json.dumps(document)
    (tmp_path / "a.json").write_text(text[:-20] if wrong == "damaged" else text)
    if wrong == "damaged":
        with pytest.raises(InvalidRequest, match="not JSON"):
            imported(film_clinic, tmp_path / "a.json")
        return
    done = imported(film_clinic, tmp_path / "a.json")
    assert done.films == 0 and len(done.unused) == 1
    assert ("100" in done.unused[0].reason or "size" in done.unused[0].reason) if wrong == "size" else True


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><annotations><image/></annotations>", "entities"),
        ("a.xml", b"<annotations><image name='a'/></annotations>", "damaged"),
        ("a.json", b'{"images": [{"id": 1}], "categories": [], "annotations": []}', "COCO"),
        ("a.txt", b"nothing", "no annotations"),
        ("a.dcm", b"\0" * 128 + b"DICM" + b"junk", "damaged DICOM"),
        ("a.json", b'{"shapes": [{"label": "constipation"}]}', "LabelMe|size"),
    ],
)
def test_files_that_are_damaged_or_hostile_are_one_message(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidRequest, match=said):
        read_annotations(tmp_path / name)


def test_a_row_that_cannot_be_used_does_not_keep_the_others_out(film_clinic: Clinic, tmp_path: Path) -> None:
    study = film_clinic.registry.study("free air")
    (tmp_path / "a.png").write_bytes(study.image_path.read_bytes())
    point = json.dumps([[40, 40], [90, 40], [90, 90], [40, 90]])
    (tmp_path / "t.csv").write_text(
        f"ImagePath;Point;Class\na.png;{point};free air\nmissing.png;{point};free air\n"
    )
    done = imported(film_clinic, tmp_path / "t.csv")
    assert (done.kind, done.films) == ("csv", 1), "found by its bytes, whatever its name"
    assert [(one.film, one.reason) for one in done.unused] == [("missing.png", "the file is missing")]
