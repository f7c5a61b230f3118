"""Each kind of shape is what it is; what cannot be an outline on the film is refused with its line."""

import base64
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr_models.datasets import read_dataset
from pedaxr_models.datasets.fields import parse_outlines
from pedaxr_models.datasets.film import BoolArray
from pedaxr_models.datasets.outline_areas import measure_areas
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.labels import Finding

FILM = 512
YY, XX = np.mgrid[:101, :101]
DISC = (YY - 50) ** 2 + (XX - 50) ** 2 <= 50**2
RING = DISC & ((YY - 50) ** 2 + (XX - 50) ** 2 >= 25**2)
TWO = DISC & (abs(XX - 50) > 10)


def png(mask: BoolArray) -> str:
    picture = io.BytesIO()
    Image.fromarray(mask).save(picture, "PNG")
    return base64.b64encode(picture.getvalue()).decode()


def film(folder: Path, name: str = "a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((FILM, FILM), 80, np.uint8)).save(folder / f"{name}.png")
    return folder


def labelled(folder: Path, **shape: object) -> Path:
    drawn = {"label": "constipation", "points": [[200, 200], [300, 300]], **shape}
    (film(folder) / "a.json").write_text(json.dumps({"version": "5.5.0", "shapes": [drawn]}))
    return folder


def drawn(folder: Path) -> BoolArray:
    """The film's outlines, filled as they are for training."""
    canvas = np.zeros((FILM, FILM), np.uint8)
    for piece in read_dataset(folder).films[0].polygons[Finding.CONSTIPATION]:
        cv2.fillPoly(canvas, [np.round(piece * 16).astype(np.int32)], 1, shift=4)
    return canvas > 0


@pytest.mark.parametrize("mask", [DISC, RING, TWO], ids=["disc", "ring", "two halves"])
def test_a_mask_is_the_mask_and_not_its_box(tmp_path: Path, mask: BoolArray) -> None:
    expected = np.zeros((FILM, FILM), bool)
    expected[200:301, 200:301] = mask
    found = drawn(labelled(tmp_path, shape_type="mask", mask=png(mask)))
    rim = int(
        sum(len(c) for c in cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0])
    )
    assert (found != expected).sum() <= rim  # the inner rim of a hole is drawn over
    assert (found[210:291, 210:291] != expected[210:291, 210:291]).sum() <= rim


def test_an_ellipse_and_a_circle_are_round(tmp_path: Path) -> None:
    assert drawn(labelled(tmp_path / "a", shape_type="ellipse")).sum() == pytest.approx(
        np.pi * 50**2, rel=0.04
    )
    tall = labelled(tmp_path / "b", shape_type="ellipse", points=[[200, 100], [240, 300]])
    assert drawn(tall).sum() == pytest.approx(np.pi * 20 * 100, rel=0.04)
    circle = labelled(tmp_path / "c", shape_type="circle", points=[[250, 250], [250, 300]])
    areas = measure_areas(read_dataset(circle).films)[Finding.CONSTIPATION]
    assert areas.mean / 100 * FILM**2 == pytest.approx(np.pi * 50**2, rel=0.04)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"shape_type": "mask"}, "holds no picture"),
        ({"shape_type": "mask", "mask": "no base64"}, "cannot be read"),
        ({"shape_type": "mask", "mask": base64.b64encode(b"GIF89a").decode()}, "cannot be read"),
        ({"shape_type": "mask", "mask": png(DISC[:50])}, "another size than its box"),
        ({"shape_type": "mask", "mask": png(np.zeros((101, 101), bool))}, "is empty"),
        ({"shape_type": "mask", "mask": png(DISC), "points": [[1, 1]]}, "has no box"),
        ({"shape_type": "cuboid"}, "a kind that is not read"),
        ({"shape_type": "ellipse", "points": [[1, 1], [2, 2], [3, 3]]}, "other than two points"),
        ({"shape_type": "polygon"}, "fewer than three points"),
        ({"shape_type": "linestrip", "points": [[1, 1], [90, 2], [3, 93]]}, "outlines nothing"),
        ({"shape_type": "line"}, "outlines nothing"),
        ({"shape_type": "point", "points": [[9, 9]]}, "outlines nothing"),
        ({"shape_type": "points", "points": [[1, 1], [90, 2], [3, 93]]}, "outlines nothing"),
        ({"shape_type": "rectangle", "points": [[1, 1]]}, "other than two points"),
        ({"shape_type": "circle", "points": [[200, 200], [200, 200]]}, "smaller than two pixels"),
        ({"shape_type": "circle", "points": [[20, 20], [200, 200]]}, "leaves the film"),
        ({"shape_type": "ellipse", "points": [[100, 100], [100, 200]]}, "smaller than two pixels"),
        ({"shape_type": "rectangle", "points": [[0.2, 0.2], [0.6, 0.7]]}, "shares of the picture"),
        ({"shape_type": "polygon", "points": [[0.2, 0.2], [0.6, 0.2], [0.6, 0.5]]}, "shares of the picture"),
    ],
)
def test_what_is_no_outline_is_refused_with_its_cause(
    tmp_path: Path, shape: dict[str, object], reason: str
) -> None:
    report = read_dataset(labelled(tmp_path, **shape))
    assert report.films == () and [reason in rejection.reason for rejection in report.rejections] == [True]


SHARES = "[[0.1,0.1],[0.5,0.1],[0.5,0.5],[0.1,0.5]]"
BOW_TIE = "[[10,10],[200,200],[200,10],[10,200]]"
STAR = str(
    [[float(256 + 200 * np.sin(t)), float(256 - 200 * np.cos(t))] for t in np.arange(5) * 4 * np.pi / 5]
)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (SHARES, "shares of the picture"),
        ("[[0,0],[1,0],[1,1],[0,1]]", "shares of the picture"),
        (f"[{SHARES},[[0.6,0.6],[0.9,0.6],[0.9,0.9]]]", "shares of the picture"),
        ("[[10,10],[11,10],[11,11]]", "smaller than two pixels"),
        ("[[10,10],[400,10.5],[200,10]]", "smaller than two pixels"),
        ("[[10,10],[200,200],[105,105]]", "smaller than two pixels"),
        (BOW_TIE, "crosses itself"),
        (STAR, "crosses itself"),
        ("[[10,10],[700,10],[700,90]]", "leaves the film"),
        ("[0.2, 0.2, 0.6, 0.2, 0.6, 0.5]", "shares of the picture"),
        ("[[-50,100],[300,100],[300,250]]", "leaves the film"),
        ("[[100,100],[200,200],[300,300]]", "smaller than two pixels"),
        ("[[NaN,1],[20,3],[4,50]]", "two finite numbers"),
        ("[[100,100,0],[300,100,0],[300,250,0]]", "two numbers"),
        ("[100, 100, 200, 150]", "fewer than three points"),
    ],
)
def test_a_polygon_that_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, point: str, reason: str
) -> None:
    (film(tmp_path) / "films.csv").write_text(f'ImagePath,Point,Class\na.png,"{point}",Constipation\n')
    report = read_dataset(tmp_path / "films.csv")
    assert [(rejection.line, reason in rejection.reason) for rejection in report.rejections] == [(2, True)]


PERCENT = "[[40.5,30.1],[62,30.5],[61.5,55],[40,54]]"


@pytest.mark.parametrize(("side", "is_refused"), [(2048, True), (1000, True), (512, False)])
def test_an_outline_in_percent_is_refused_on_a_film_where_it_can_only_be_that(
    tmp_path: Path, side: int, is_refused: bool
) -> None:
    """Labelling programs for the web write shares of a hundred; pixels of so small a corner show no belly."""
    Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "films.csv").write_text(f'ImagePath,Point,Class\na.png,"{PERCENT}",Constipation\n')
    refused = read_dataset(tmp_path / "films.csv").rejections
    assert ["in percent" in row.reason for row in refused] == ([True] if is_refused else [])


@pytest.mark.parametrize(
    "point",
    [
        "[[0,0],[400,0],[400,300]]",
        "[[10,10],[200,10],[200,200],[10,200],[10,10]]",
        "[[10,10],[200,10],[200,200],[12,200],[13,199],[12,201],[10,200]]",
        "[[10,10],[200,10],[200,200],[105,105],[10,200]]",
        "[[10,10],[200,10],[200,200],[10,200],[10,100],[60,100],[60,60],[60,100],[10,100]]",
    ],
    ids=["edge", "closed", "a hand's slip", "notch", "there and back"],
)
def test_outlines_as_hands_draw_them_are_kept(tmp_path: Path, point: str) -> None:
    (film(tmp_path) / "films.csv").write_text(f'ImagePath,Point,Class\na.png,"{point}",Constipation\n')
    assert read_dataset(tmp_path / "films.csv").rejections == ()


@pytest.mark.parametrize(
    "name", ["no_constipation", "constipation_excluded", "변비 없음", "constipational", "fullterm"]
)
def test_a_name_that_denies_or_only_contains_a_finding_is_none(tmp_path: Path, name: str) -> None:
    known = {"label": "ihps_1", "points": [[1, 1], [90, 2], [93, 93]]}
    unknown = {"label": name, "points": [[1, 1], [90, 2], [93, 93]]}
    (film(tmp_path) / "a.json").write_text(json.dumps({"shapes": [known, unknown]}))
    (read,) = read_dataset(tmp_path).films
    assert set(read.polygons) == {Finding.PYLORIC_STENOSIS}


@pytest.mark.parametrize(
    "cell",
    [
        '{"size":[512,512],"counts":[51300,200,210644]}',
        '{"size":[512,512],"counts":"PPYo0"}',
        "0 0.2 0.2 0.6 0.2 0.6 0.5 0.2 0.5",
        "100,100 300,100 300,250",
        "POLYGON ((100 100, 300 100, 300 250, 100 100))",
        "[[100,5;100,5];[300,5;100,5];[300,5;250,5]]",
    ],
    ids=["run lengths", "packed run lengths", "YOLO", "SVG", "WKT", "decimal commas"],
)
def test_an_outline_in_another_notation_is_refused_and_never_taken_for_its_box(
    tmp_path: Path, cell: str
) -> None:
    escaped = cell.replace('"', '""')
    (film(tmp_path) / "films.csv").write_text(f'ImagePath,Point,Class\na.png,"{escaped}",Constipation\n')
    report = read_dataset(tmp_path / "films.csv")
    assert report.films == () and [row.line for row in report.rejections] == [2]
    assert "outline" in report.rejections[0].reason


def drawn_on(folder: Path, stated: tuple[int, int], turned: bool = False) -> Path:
    """A film of 256 x 128 with one outline, whose label file states a picture of that width and height."""
    folder.mkdir(exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.full((256, 128) if turned else (128, 256), 80, np.uint8)
    Image.fromarray(stored).save(folder / "a.png", exif=exif if turned else None)
    points = [[20, 20], [100, 20], [100, 60], [20, 60]]
    one = {"label": "constipation", "points": points, "shape_type": "polygon"}
    width, height = stated
    label = {"shapes": [one], "imageWidth": width, "imageHeight": height}
    (folder / "a.json").write_text(json.dumps(label))
    return folder


@pytest.mark.parametrize("turned", [False, True], ids=["as stored", "turned by EXIF"])
def test_an_outline_is_of_the_picture_that_it_was_drawn_on(tmp_path: Path, turned: bool) -> None:
    for stated, factor in (((256, 128), 1.0), ((512, 256), 0.5), ((128, 64), 2.0)):
        (found,) = read_dataset(drawn_on(tmp_path, stated, turned)).films[0].polygons[Finding.CONSTIPATION]
        assert found.max(axis=0).tolist() == [100 * factor, 60 * factor]


@pytest.mark.parametrize("stated", [(128, 256), (256, 256), (256, 100)])
@pytest.mark.parametrize("turned", [False, True], ids=["as stored", "turned by EXIF"])
def test_an_outline_on_a_picture_of_another_shape_is_refused(
    tmp_path: Path, stated: tuple[int, int], turned: bool
) -> None:
    report = read_dataset(drawn_on(tmp_path, stated, turned))
    assert not report.films and "another shape" in report.rejections[0].reason


@pytest.mark.parametrize(
    ("inner", "is_inside"),
    [([[140, 140], [160, 140], [160, 160]], True), ([[140, 140], [260, 140], [260, 160]], False)],
)
def test_an_outline_inside_another_is_filled_and_that_is_told(
    tmp_path: Path, inner: list[list[int]], is_inside: bool
) -> None:
    """Some programs write holes so, others write parts."""
    outer = [[100, 100], [200, 100], [200, 200], [100, 200]]
    film(tmp_path)
    cell = json.dumps([outer, inner]).replace('"', '""')
    (tmp_path / "films.csv").write_text(f'ImagePath,Class,Point\na.png,Constipation,"{cell}"\n')
    assert any("inside another" in note for note in read_dataset(tmp_path).notes) is is_inside


TRIANGLE = [[120, 80], [180, 90], [150, 140]]


@pytest.mark.parametrize(
    "text",
    [
        str([(np.float64(x), np.float64(y)) for x, y in TRIANGLE]),
        str([[np.int64(x), np.float32(y)] for x, y in TRIANGLE]),
        repr(np.array(TRIANGLE)),
        repr(np.array(TRIANGLE, np.float32)),
        str(np.array(TRIANGLE)),
        str(np.array(TRIANGLE, float)),
        str([np.array(TRIANGLE, float)]),
        str(np.array(TRIANGLE, float).ravel()),
    ],
)
def test_an_outline_as_numpy_prints_it_is_read(text: str) -> None:
    (polygon,) = parse_outlines(text)
    assert polygon.tolist() == TRIANGLE


@pytest.mark.parametrize(
    "text",
    [
        str(np.zeros((2000, 2))),
        repr(np.zeros((2000, 2))),
        "np.exp(1)",
        "array(open('x'))",
        "[[1 2 3] [4 5 6]]",
        "[[nan 1.] [2. 3.] [4. 5.]]",
    ],
)
def test_what_numpy_left_out_is_no_outline(text: str) -> None:
    with pytest.raises(RowError):
        parse_outlines(text)
