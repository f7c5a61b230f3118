"""Traps that hospitals' own files set: each quirk in a small fixture, and nothing skipped in silence."""

import csv
import json
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr_models.datasets import DatasetError, ReadReport, read_dataset, read_films
from pedaxr_models.datasets.fields import parse_date, parse_sex
from pedaxr_models.datasets.label_files import picture_size
from pedaxr_models.datasets.own_names import OwnNames
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.labels import NORMAL, Finding
from pedaxr_models.phantom import make_film, sample_spec

SQUARE = [[100, 100], [200, 100], [200, 200], [100, 200]]
FULL = {"label": "full", "points": [[0, 0], [512, 512]]}


def png(path: Path, size: tuple[int, int] = (512, 512)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".png", np.full(size, 80, np.uint8))[1]  # imwrite knows no Hangul on some systems
    path.write_bytes(bytes(encoded))
    return path


def label(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def table(folder: Path, rows: list[dict[str, str]]) -> Path:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / "data.csv"


def reasons(report: ReadReport) -> dict[str, str]:
    return {rejection.path: rejection.reason for rejection in report.rejections}


@pytest.mark.parametrize(
    "written",
    [
        "2021-03-04",
        "20210304",
        "2021.3.4",
        "2021. 3. 4.",
        "2021/03/04 10:22",
        "2021년 3월 4일",
        "20210304102233",
        "2021-03-04T10:22:33",
    ],
)
def test_every_spelling_of_a_date_is_that_day(written: str) -> None:
    assert parse_date(written) == "2021-03-04"


@pytest.mark.parametrize("written", ["2021114", "04.03.2021", "2021-02-30", "yesterday", "202103041"])
def test_a_date_that_may_be_another_day_is_refused(written: str) -> None:
    with pytest.raises(RowError):
        parse_date(written)


def test_sexes_are_read_in_both_languages() -> None:
    assert [parse_sex(word) for word in ("남", "남성", "여아", "여성", "girl", "M", "미상", "")] == [
        *("M", "M", "F", "F", "F", "M", None, None)
    ]


def test_a_row_is_called_by_its_first_line_though_cells_hold_line_breaks(tmp_path: Path) -> None:
    png(tmp_path / "a.png")
    rows = [
        {"ImagePath": "a.png", "Class": "Normal", "Caption": "One.\nTwo.\nThree."},
        {"ImagePath": "b.png", "Class": "Normal", "Caption": "Four.\nFive."},
    ]
    report = read_dataset(table(tmp_path, rows))
    assert report.lines == (2,) and [rejection.line for rejection in report.rejections] == [5]


def test_hangul_taken_apart_by_a_mac_is_the_same_name_and_class(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "사진/복부.png")
    png(tmp_path / apart)
    written = {"ImagePath": "사진/복부.png", "Class": unicodedata.normalize("NFD", "기복증")}
    report = read_dataset(table(tmp_path, [written, {"ImagePath": "사진/흉부.png", "Class": "정상"}]))
    assert [film.label for film in report.films] == [Finding.PNEUMOPERITONEUM]
    assert report.films[0].image_path.read_bytes() and "free air" in report.notes[0]
    assert [rejection.reason for rejection in report.rejections] == ["the file is missing"]


@pytest.mark.parametrize(("far", "is_kept"), [(518, True), (700, False), (-40, False)])
def test_an_outline_that_leaves_the_film_was_drawn_on_another(
    tmp_path: Path, far: int, is_kept: bool
) -> None:
    png(tmp_path / "a.png")
    point = json.dumps([[10, 10], [far, 10], [far, 40]])
    read = read_dataset(table(tmp_path, [{"ImagePath": "a.png", "Class": "변비", "Point": point}]))
    assert len(read.films) == is_kept
    assert all("enlarged" in rejection.reason for rejection in read.rejections)


def test_a_picture_s_size_is_that_of_the_upright_film(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (40, 20)).save(tmp_path / "b.jpg")
    assert picture_size(tmp_path / "a.jpg") == (20, 40)
    assert picture_size(tmp_path / "b.jpg") == (40, 20)


def test_pictures_that_no_row_names_are_counted_and_those_of_unusable_rows_are_not(tmp_path: Path) -> None:
    for name in "abcd":
        png(tmp_path / f"{name}.png")
    rows = [{"ImagePath": "a.png", "Class": "Normal"}, {"ImagePath": "b.png", "Class": "Measles"}]
    assert read_dataset(table(tmp_path, rows)).notes == (
        "Classes that are not known here: --label 'Measles'=FINDING would say what each means.",
        "Pictures next to the listed films that no row names, and that were not read: 2.",
    )


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("ImagePath,Class,class\na.png,Normal,Constipation\n")
    with pytest.raises(DatasetError, match="Class twice"):
        read_dataset(tmp_path / "x.csv")


def test_a_working_diagnosis_of_no_known_class_is_called_by_its_column(tmp_path: Path) -> None:
    png(tmp_path / "a.png")
    row = {"ImagePath": "a.png", "Class": "Normal", "WorkingDiagnosis": "r/o ileus"}
    assert "WorkingDiagnosis" in read_dataset(table(tmp_path, [row])).rejections[0].reason


def aihub_film(
    root: Path, name: str, *, images: str = "01.원천데이터", labels: str = "02.라벨링데이터"
) -> None:
    png(root / images / "TS_1.질환_4.변비" / f"{name}.png")
    shapes = [{"class": 4, "points": SQUARE}]
    label(
        root / labels / "TL_1.질환_4.변비" / f"{name}.json",
        {"patient": {"diagnosis": 4, "age": None}, "shapes": shapes},
    )


def test_instalments_of_a_split_are_read_together_wherever_they_were_unpacked(tmp_path: Path) -> None:
    split = tmp_path / "download" / "3.개방데이터" / "1.데이터" / "1.Training"
    aihub_film(split, "4_1")
    aihub_film(split, "4_2", images="01.원천데이터_add", labels="02.라벨링데이터_add")
    png(split / "01.원천데이터" / "TS_1.질환_4.변비" / "4_3.png")
    label(
        split / "02.라벨링데이터_add" / "TL_1.질환_4.변비" / "4_3.json",
        {"patient": {"diagnosis": 4}, "shapes": [{"class": 4, "points": SQUARE}]},
    )
    report = read_dataset(tmp_path)
    assert report.rejections == () and len(report.films) == 3
    assert {film.split for film in report.films} == {"train"}


def test_what_lies_outside_the_splits_or_is_still_packed_is_listed(tmp_path: Path) -> None:
    aihub_film(tmp_path / "Training", "4_1")
    png(tmp_path / "Validation" / "01.원천데이터" / "VS_2.정상" / "5_1.png")  # its labels were not fetched
    (tmp_path / "Validation" / "VL_2.정상.zip").write_bytes(b"PK")
    (tmp_path / "Training" / "01.원천데이터" / "TS_1.질환_4.변비" / "4_9.tif").write_bytes(b"II*\0")
    label(tmp_path / "stray.json", {})
    png(tmp_path / "__MACOSX" / "4_1.png")
    png(tmp_path / "Training" / "01.원천데이터" / "TS_1.질환_4.변비" / "._4_1.png")
    (tmp_path / "notes.txt").write_text("not a film")
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    report = read_dataset(tmp_path)
    assert report.layout == "aihub" and len(report.films) == 1
    assert {Path(path).name: reason.partition(";")[0] for path, reason in reasons(report).items()} == {
        "5_1.png": "the file lies outside the folders of films and labels",
        "VL_2.정상.zip": "the archive is not unpacked",
        "4_9.tif": "the picture is of a kind that is not read",
        "stray.json": "the file lies outside the folders of films and labels",
    }


@pytest.mark.parametrize(
    ("kind", "points", "area"),
    [
        ("rectangle", [[200, 150], [120, 80]], 80 * 70),
        ("circle", [[200, 200], [200, 240]], np.pi * 40**2),
        ("polygon", SQUARE, 100 * 100),
        (None, SQUARE, 100 * 100),
    ],
)
def test_every_kind_of_shape_with_an_area_is_an_outline(
    tmp_path: Path, kind: str | None, points: object, area: float
) -> None:
    aihub_film(tmp_path / "aihub" / "Training", "4_1")
    path = next(tmp_path.rglob("*.json"))
    label(
        path, json.loads(path.read_text()) | {"shapes": [{"class": 4, "points": points, "shape_type": kind}]}
    )
    png(tmp_path / "source" / "a.png")
    drawn = {"label": "constipation", "points": points, "shape_type": kind}
    label(tmp_path / "source" / "a.json", {"shapes": [FULL, drawn]})
    for folder in ("aihub", "source"):
        polygon = read_dataset(tmp_path / folder).films[0].polygons[Finding.CONSTIPATION][0]
        assert cv2.contourArea(polygon) == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize("kind", ["line", "linestrip", "point", "points"])
def test_a_shape_without_an_area_is_refused_for_a_finding_and_not_for_a_letter(
    tmp_path: Path, kind: str
) -> None:
    png(tmp_path / "a.png")
    png(tmp_path / "b.png")
    letter = {"label": "letter", "points": [[1, 1]], "shape_type": kind}
    line = {"label": "ihps", "points": SQUARE, "shape_type": kind}
    label(tmp_path / "a.json", {"shapes": [FULL, line]})
    label(tmp_path / "b.json", {"shapes": [FULL, letter, {"label": "testis_shield", "points": None}]})
    report = read_dataset(tmp_path)
    assert [film.image_path.name for film in report.films] == ["b.png"]
    assert "outlines nothing" in reasons(report)["a.json"]


def test_every_object_of_a_listed_shape_is_drawn_under_either_spelling(tmp_path: Path) -> None:
    png(tmp_path / "a.png")
    both = [{"label": "ihps", "points": None, "potins": SQUARE}, {"label": "constipation", "potins": SQUARE}]
    label(tmp_path / "a.json", {"shapes": [FULL, both]})
    film = read_dataset(tmp_path).films[0]
    assert set(film.polygons) == {Finding.PYLORIC_STENOSIS, Finding.CONSTIPATION}


def test_a_film_whose_findings_have_unknown_names_is_not_called_normal(tmp_path: Path) -> None:
    unknown = {"label": "intussusception", "points": SQUARE}
    known = {"label": "constipation", "points": SQUARE}
    for name, shapes in (("a", [unknown]), ("b", [unknown, known]), ("c", [])):
        png(tmp_path / f"{name}.png")
        label(tmp_path / f"{name}.json", {"shapes": [FULL, *shapes]})
    report = read_dataset(tmp_path)
    assert [(film.image_path.stem, film.label) for film in report.films] == [
        ("b", Finding.CONSTIPATION),
        ("c", NORMAL),
    ]
    assert "unknown name" in reasons(report)["a.json"]
    assert any("shapes of unknown names beside known ones: 1" in note for note in report.notes)


def test_korean_names_of_shapes_are_read_and_free_air_is_noted(tmp_path: Path) -> None:
    png(tmp_path / "a.png")
    label(tmp_path / "a.json", {"shapes": [FULL, {"label": "기복증_1", "points": SQUARE}]})
    plain, asked = read_dataset(tmp_path), read_dataset(tmp_path, treat_as_distension=True)
    assert [plain.films[0].label, asked.films[0].label] == ["pneumoperitoneum", "abdominal_distension"]
    assert "free air" in plain.notes[0] and "as asked" in asked.notes[0]


def test_a_drawing_on_an_enlarged_film_without_the_full_box_is_refused(tmp_path: Path) -> None:
    png(tmp_path / "a.png")
    far = [[900, 900], [1000, 900], [1000, 1000]]
    label(tmp_path / "a.json", {"shapes": [{"label": "constipation", "points": far}]})
    assert "enlarged" in reasons(read_dataset(tmp_path))["a.json"]


def test_dicom_films_without_an_ending_are_found_by_their_content(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.77", "IM0002"):
        (tmp_path / name).write_bytes(encode_dicom(make_film(sample_spec(0, 0))))
    (tmp_path / "README").write_text("not a film")
    for name in ("IM0001", "1.2.840.77"):
        label(tmp_path / f"{name}.json", {"shapes": [FULL, {"label": "ihps", "points": SQUARE}]})
    report = read_dataset(tmp_path)
    assert sorted(film.image_path.name for film in report.films) == ["1.2.840.77", "IM0001"]
    assert reasons(report) == {"IM0002": "the film has no label file"}


def test_those_who_train_are_told_of_every_row_that_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    png(tmp_path / "a.png")
    good, bad = {"ImagePath": "a.png", "Class": "기복증"}, {"ImagePath": "b.png", "Class": "Normal"}
    assert len(read_films(table(tmp_path, [good, bad]))) == 1
    assert "data.csv: line 3: b.png: the file is missing" in caplog.text
    assert "free air" in caplog.text and "1 films read, 1 rows not" in caplog.text
    caplog.clear()
    read_films(table(tmp_path, [good | {"Class": "Normal"}]))
    assert caplog.text == ""


def test_a_folder_of_films_alone_is_told_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no known layout"):
        read_dataset(tmp_path)
    png(tmp_path / "films" / "a.png")
    with pytest.raises(DatasetError, match="one row a film"):
        read_dataset(tmp_path)
    table(tmp_path, [{"ImagePath": "films/a.png", "Class": "Normal"}])
    assert len(read_dataset(tmp_path).films) == 1


@pytest.mark.parametrize("word", ["unknown", "Unknown ", "미상", "?", "n.a.", "ＵＮＫ", "알 수 없음"])
def test_a_cell_that_says_that_nothing_is_known_costs_no_film(tmp_path: Path, word: str) -> None:
    Image.new("L", (40, 20)).save(tmp_path / "a.png")
    columns = "ImagePath,Class,Age,PatientBirthDate,StudyDate,PixelSpacing,ViewPosition,Indication"
    (tmp_path / "films.csv").write_text(f"{columns}\na.png,Normal{f',{word}' * 6}\n", encoding="utf-8")
    report = read_dataset(tmp_path)
    assert not report.rejections
    meta = report.films[0].metadata
    assert (meta.age_months, meta.patient_birth_date, meta.study_date, meta.indication) == (None,) * 4


def test_a_sex_is_known_in_any_width_language_and_abbreviation() -> None:
    assert {parse_sex(word) for word in ("Ｍ", "m.", "Male (M)", "männlich", "garçon", "男")} == {"M"}
    assert {parse_sex(word) for word in ("F.", "Female (F)", "w", "weiblich", "fille", "女", "niña")} == {"F"}
    assert {parse_sex(word) for word in ("F/M", "X", "other")} == {"O"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("MRN", "PatientID"), ("환자번호", "PatientID"), ("DOB", "PatientBirthDate"), ("Gender", "PatientSex")],
)
def test_a_column_that_may_be_meant_and_is_not_used_is_told(tmp_path: Path, theirs: str, ours: str) -> None:
    Image.new("L", (40, 20)).save(tmp_path / "a.png")
    table = tmp_path / "films.csv"
    table.write_text(f"ImagePath,Class,{theirs}\na.png,Normal,20210304\n", encoding="utf-8")
    assert any(f"--map {ours}='{theirs}'" in note for note in read_dataset(table).notes)
    assert not any("not used" in note for note in read_dataset(table, names=OwnNames({ours: theirs})).notes)
    table.write_text(f"ImagePath,Class,{ours},{theirs},Kidney\na.png,Normal,,x,y\n", encoding="utf-8")
    assert not read_dataset(table).notes, "control: ours is there"
