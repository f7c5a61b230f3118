"""VGG Image Annotator 2 as people export it: project, JSON, CSV, odd paths, names and shapes."""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
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
POLYGON = {"name": "polygon", "all_points_x": [40, 90, 90, 40], "all_points_y": [140, 140, 190, 190]}
SHAPES: dict[str, dict[str, Any]] = {
    "polygon": POLYGON,
    "rect": {"name": "rect", "x": 40, "y": 140, "width": 50, "height": 50},
    "circle": {"name": "circle", "cx": 65.5, "cy": 165.2, "r": 25},
    "ellipse": {"name": "ellipse", "cx": 65, "cy": 165, "rx": 30, "ry": 10, "theta": np.pi / 2},
}


def entry(name: str, *regions: tuple[dict[str, Any], dict[str, Any]], **of_file: Any) -> dict[str, Any]:
    listed = [{"shape_attributes": shape, "region_attributes": said} for shape, said in regions]
    return {"filename": name, "size": 1234, "regions": listed, "file_attributes": of_file}


def project(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "_via_settings": {"project": {"name": "소아 복부"}},
        "_via_img_metadata": {f"{one['filename']}{one['size']}": one for one in entries},
        "_via_attributes": {"region": {"class": {"type": "dropdown"}}, "file": {}},
        "_via_data_format_version": "2.0.10",
    }


def table(*entries: dict[str, Any], sign: str = ",") -> str:
    """As VIA exports it: one line a region, one without region for a film without any."""
    columns = ("filename", "file_size", "file_attributes", "region_count", "region_id")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sign, lineterminator="\n")
    writer.writerow((*columns, "region_shape_attributes", "region_attributes"))
    for one in entries:
        regions = one["regions"]
        for number, region in enumerate(regions or [{"shape_attributes": {}, "region_attributes": {}}]):
            parts = (json.dumps(region[key]) for key in ("shape_attributes", "region_attributes"))
            of_file = json.dumps(one["file_attributes"])
            writer.writerow((one["filename"], one["size"], of_file, len(regions), number, *parts))
    return text.getvalue()


def picture(path: Path, size: tuple[int, int] = (300, 200), grey: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


def read(folder: Path) -> dict[str, OutlinedFilm]:
    kind, films = read_annotations(folder)
    assert kind == "via"
    return {film.name: film for film in films}


@pytest.mark.parametrize("form", ["project", "annotations", "csv"])
@pytest.mark.parametrize("kind", SHAPES)
def test_every_form_and_shape_of_via_is_an_outline(tmp_path: Path, form: str, kind: str) -> None:
    picture(tmp_path / "아기 복부 01.png")
    one = entry("아기 복부 01.png", (SHAPES[kind], {"class": "Free Air"}))
    whole = project(one)
    if form == "csv":
        (tmp_path / "via_export_csv.csv").write_text("\ufeff" + table(one), encoding="utf-8")
    else:
        document = whole if form == "project" else whole["_via_img_metadata"]
        (tmp_path / "via.json").write_text("\ufeff" + json.dumps(document, ensure_ascii=False), "utf-8")
    film = read(tmp_path)["아기 복부 01"]
    mask = film.masks[AIR]
    assert mask.shape == (200, 300) and film.decisions == {AIR: "corrected"}
    assert mask[165, 65] and not mask[165, 120] and not mask[120, 65]
    height, width = np.ptp(np.flatnonzero(mask.any(axis=1))), np.ptp(np.flatnonzero(mask.any(axis=0)))
    expected = (60, 20) if kind == "ellipse" else (50, 50)  # a quarter turn sets it on end
    assert (height, width) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"label": "기복증"}, AIR),
        ({"side": "left", "소견": "PNEUMOPERITONEUM"}, AIR),
        ({"kind": {"Constipation": True, "Free air": False}}, STOOL),
        ({"constipation": "yes"}, STOOL),
        ({"class": " constipation "}, STOOL),
    ],
)
def test_the_name_of_a_region_may_stand_in_any_attribute(
    tmp_path: Path, said: dict[str, Any], finding: Finding
) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "v.json").write_text(json.dumps(project(entry("a.png", (POLYGON, said)))))
    assert set(read(tmp_path)["a"].masks) == {finding}


def test_windows_paths_addresses_and_hangul_taken_apart_find_the_picture(tmp_path: Path) -> None:
    mac = unicodedata.normalize("NFD", "복부 사진")
    picture(tmp_path / "films" / f"{mac}.PNG")
    picture(tmp_path / "films" / "b 2.png")
    said = {"class": "constipation"}
    names = ("C:\\Users\\xray\\films\\복부 사진.png", "https://pacs.example/x/b%202.png?v=1")
    (tmp_path / "v.json").write_text(json.dumps(project(*(entry(name, (POLYGON, said)) for name in names))))
    assert {name for name, film in read(tmp_path).items() if STOOL in film.masks} == {"복부 사진", "b 2"}


def test_a_picture_turned_by_exif_has_the_size_that_via_shows(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (200, 300), 90).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "v.json").write_text(json.dumps(project(entry("a.jpg", (POLYGON, {"c": "free air"})))))
    assert read(tmp_path)["a"].masks[AIR].shape == (200, 300)


NUMBERED = {
    "polygon": [7, 40, 140, 90, 140, 90, 190, 40, 190],
    "rect": [2, 40, 140, 50, 50],
    "circle": [3, 65.5, 165.2, 25],
    "ellipse": [4, 65, 165, 30, 10],
}


@pytest.mark.parametrize("kind", NUMBERED)
def test_a_project_of_via_3_is_read(tmp_path: Path, kind: str) -> None:
    picture(tmp_path / "films" / "a 1.png")
    attribute = {
        "aname": "소견",
        "anchor_id": "FILE1_Z0_XY1",
        "type": 4,
        "options": {"0": "변비", "1": "Free Air"},
    }
    seen = {"aname": "diagnosis", "anchor_id": "FILE1_Z0_XY0", "type": 1, "options": {}}
    document = {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
        "config": {},
        "attribute": {"1": attribute, "2": seen},
        "file": {
            "1": {"fid": 1, "fname": "C:\\films\\a 1.png", "type": 2, "loc": 1, "src": ""},
            "2": {"fid": 2, "fname": "b.png", "type": 2, "loc": 1, "src": ""},
        },
        "view": {"1": {"fid_list": [1]}, "2": {"fid_list": ["2"]}},
        "metadata": {
            "1_aa": {"vid": "1", "flg": 0, "z": [], "xy": NUMBERED[kind], "av": {"1": "0,1"}},
            "1_bb": {"vid": "1", "flg": 0, "z": [], "xy": [1, 5, 5], "av": {"1": "0"}},
            "2_cc": {"vid": "2", "flg": 0, "z": [], "xy": [], "av": {"2": "normal"}},
        },
    }
    (tmp_path / "v.json").write_text(json.dumps(document))
    found = read(tmp_path)
    assert set(found["a 1"].masks) == {AIR, STOOL} and found["a 1"].masks[AIR][165, 65]
    assert set(found["b"].decisions.values()) == {"rejected"}
    del document["file"]["2"]
    (tmp_path / "v.json").write_text(json.dumps(document))
    with pytest.raises(InvalidRequest, match="VIA 3 project is damaged"):
        read(tmp_path)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "beyond": ({**POLYGON, "all_points_x": [40, 900, 900, 40]}, "region 2: .*leaves the film"),
    "uneven": ({**POLYGON, "all_points_x": [40, 90]}, "region 2 is damaged"),
    "no points": ({"name": "polygon"}, "region 2 is damaged"),
    "of a new kind": ({"name": "spline"}, "region 2: a shape of a kind"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_region_that_cannot_be_used_is_named_and_keeps_no_other_film_out(
    tmp_path: Path, fault: str
) -> None:
    shape, cause = FAULTS[fault]
    said = {"class": "free air"}
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png", grey=20)
    films = entry("a.png", (POLYGON, said), (shape, said)), entry("b.png", (POLYGON, said))
    (tmp_path / "v.json").write_text(json.dumps(project(*films)))
    found = read(tmp_path)
    assert AIR in found["b"].masks
    assert re.search(cause, found["a"].problem)


def test_a_line_of_the_csv_that_cannot_be_used_is_named_by_its_number(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png", grey=20)
    said = {"class": "free air"}
    text = table(entry("a.png", (POLYGON, said), (POLYGON, said)), entry("b.png", (POLYGON, said)))
    lines = text.split("\n")
    lines[2] = lines[2].replace('""name""', '""na')
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = read(tmp_path)
    assert "line 3 of t.csv is damaged" in found["a"].problem and AIR in found["b"].masks


def test_a_semicolon_table_in_the_code_page_of_a_korean_windows_is_read(tmp_path: Path) -> None:
    """As Excel saves it again."""
    picture(tmp_path / "복부.png")
    one = entry("복부.png", (POLYGON, {"소견": "free air"}))
    text = table(one, sign=";").replace(
        json.dumps({"소견": "free air"}).replace('"', '""'), '{""소견"": ""변비""}'
    )
    (tmp_path / "t.csv").write_bytes(text.encode("cp949"))
    assert set(read(tmp_path)["복부"].masks) == {STOOL}


def test_what_is_not_outlined_not_named_or_not_understood_is_told(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    films = (
        entry("normal.png"),
        entry("levels.png", ({"name": "point", "cx": 5, "cy": 5}, {"class": "free air"})),
        entry("pyloric.png", (POLYGON, {}), (POLYGON, {"class": "kidney"})),
        entry("stranger.png", (POLYGON, {"class": "free air"})),
    )
    (tmp_path / "v.json").write_text(json.dumps(project(*films)))
    done = imported(film_clinic, tmp_path / "v.json", absent_unless_drawn=True)
    assert [one.film for one in done.unused] == ["stranger"] and "picture" in done.unused[0].reason
    notes = " ".join(done.notes)
    assert "nobody outlined: 1" in notes and "'(no name)'" in notes and "'kidney'" in notes
    assert len(merged(annotations_of("normal", clinic=film_clinic)).findings) == 5  # type: ignore[union-attr]
    assert merged(annotations_of("pyloric", clinic=film_clinic)) is None, "a region without a name may be any"


def test_the_film_of_the_clinic_gives_the_size_where_no_picture_lies_beside(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    (tmp_path / "v.json").write_text(
        json.dumps(project(entry("D:\\x\\Normal.png", (POLYGON, {"class": "변비"}))))
    )
    assert imported(film_clinic, tmp_path / "v.json").decisions == {"corrected": 1}


def test_a_film_that_its_file_attributes_call_normal_shows_no_finding(
    film_clinic: Clinic, tmp_path: Path
) -> None:
    one = entry("normal.png", caption="free air?", public_domain="no", diagnosis="정상")
    (tmp_path / "v.json").write_text(json.dumps(project(one)))
    assert imported(film_clinic, tmp_path / "v.json").decisions == {"rejected": 5}


def test_a_film_that_is_called_normal_and_outlined_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    one = entry("a.png", (POLYGON, {"class": "free air"}), diagnosis="normal")
    (tmp_path / "v.json").write_text(json.dumps(project(one)))
    with pytest.raises(InvalidRequest, match="a: it is labelled normal and pneumoperitoneum"):
        read_annotations(tmp_path)
