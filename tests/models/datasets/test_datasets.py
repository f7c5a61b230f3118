"""Every layout ends as the same Film, and every row that does not says why."""

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr_models.datasets import DatasetError, Film, pixels, read_dataset, read_films
from pedaxr_models.datasets.fields import parse_age, parse_label, parse_outlines
from pedaxr_models.datasets.own_names import OwnNames
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.labels import FINDINGS, LABELS, NORMAL, TERMS, Finding, View
from pedaxr_models.phantom import make_film, sample_spec

SQUARE = "[[10, 10], [40, 10], [40, 40], [10, 40]]"


def png(path: Path, size: int = 64, grey: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size, size), grey, np.uint8))
    return path


def table(folder: Path, rows: list[dict[str, str]], *, encoding: str = "utf-8") -> Path:
    png(folder / "images" / "a.png")
    base = {"ImagePath": "images/a.png", "Point": SQUARE, "Class": "Constipation", "Age": "6"}
    base |= {"PatientName": "김민준", "Caption": "Stool."}
    rows = [base | row for row in rows]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / "data.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / "data.csv"


def only(path: Path) -> Film:
    read = read_dataset(path)
    assert read.rejections == ()
    return read.films[0]


@pytest.mark.parametrize(
    ("written", "months"),
    [
        ("3", 36),
        ("0", None),  # anywhere in the first year
        ("3세", 36),
        ("3 세", 36),
        ("5개월", 5),
        ("2세 5개월", 29),
        ("만 3세", 36),
        ("생후 5개월", 5),
        ("12일", 12 / 30.436875),
        ("2주", 14 / 30.436875),
        ("006Y", 72),
        ("003M", 3),
        ("010D", 10 / 30.436875),
        ("002W", 14 / 30.436875),
        ("5 months", 5),
        ("2 years old", 24),
        ("1.5", 18),
        ("", None),
        ("nan", None),
        ("None", None),
    ],
)
def test_every_spelling_of_an_age_is_months(written: str, months: float | None) -> None:
    assert parse_age(written) == (None if months is None else pytest.approx(months))


@pytest.mark.parametrize("written", ["old", "3 fortnights", "-2", "400세", "5세 6세", "3?", "1e3"])
def test_an_age_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(RowError):
        parse_age(written)


@pytest.mark.parametrize("label", LABELS)
def test_a_class_is_known_in_both_languages_and_any_case(label: str) -> None:
    term = TERMS[label]
    for written in (
        label,
        term.english,
        term.english.upper(),
        term.korean,
        f"3.{term.korean}",
        f" {term.english} ",
    ):
        assert parse_label(written) == label


def test_free_air_in_korean_is_distension_only_when_asked(tmp_path: Path) -> None:
    path = table(tmp_path, [{"Class": "기복증"}])
    as_written, as_asked = read_dataset(path), read_dataset(path, treat_as_distension=True)
    assert as_written.films[0].label == Finding.PNEUMOPERITONEUM
    assert "free air" in as_written.notes[0]
    assert as_asked.films[0].label == Finding.ABDOMINAL_DISTENSION
    assert as_asked.notes != as_written.notes
    assert read_dataset(table(tmp_path, [{}])).notes == ()


@pytest.mark.parametrize(
    ("point", "sizes"),
    [
        (SQUARE, [4]),
        ("[(10, 10), (40, 10), (40, 40)]", [3]),
        ("[[10.5, 10], [40, 10.25], [40, 40]]", [3]),
        (f"[{SQUARE}, [[1, 1], [5, 1], [5, 5]]]", [4, 3]),
        ("(((1, 1), (5, 1), (5, 5)), ((7, 7), (9, 7), (9, 9)))", [3, 3]),
        ("[1, 1, 5, 1, 5, 5]", [3]),
    ],
)
def test_outlines_in_json_or_python_are_polygons(tmp_path: Path, point: str, sizes: list[int]) -> None:
    film = only(table(tmp_path, [{"Point": point}]))
    polygons = film.polygons[Finding.CONSTIPATION]
    assert [len(polygon) for polygon in polygons] == sizes
    assert all(polygon.dtype == np.float32 for polygon in polygons)
    assert film.labelled_channels == {Finding.CONSTIPATION.value}


@given(st.lists(st.lists(st.tuples(st.integers(0, 512), st.integers(0, 512)), min_size=3), min_size=1))
def test_outlines_survive_json_and_python(polygons: list[list[tuple[int, int]]]) -> None:
    for text in (json.dumps(polygons), repr(polygons)):
        read = parse_outlines(text)
        assert [polygon.tolist() for polygon in read] == [[list(point) for point in one] for one in polygons]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"Class": "Measles"}, "class"),
        ({"Class": ""}, "class is empty"),
        ({"ImagePath": "images/none.png"}, "missing"),
        ({"ImagePath": ""}, "path"),
        ({"ImagePath": "../secret.png"}, "leaves"),
        ({"ImagePath": "/etc/hostname"}, "leaves"),
        ({"ImagePath": "x" * 5000}, "not a file name|missing"),
        ({"Point": "[[1, 1], [2, 2]]"}, "three points"),
        ({"Point": "[[1, 1], [2, 2], [3]]"}, "two"),
        ({"Point": "__import__('os').remove('x')"}, "neither JSON nor"),
        ({"Point": "[" * 100_000}, "neither JSON nor"),
        ({"Point": "[[1, 1], [2, 2], [3, NaN]]"}, "finite"),
        ({"Point": "7"}, "list"),
        ({"Class": "Normal"}, "Normal but"),
        ({"Age": "unborn"}, "age"),
        ({"AgeMonths": "inf"}, "AgeMonths"),
        ({"PatientBirthDate": "2020-02-30"}, "date"),
        ({"Split": "holdout"}, "split"),
        ({"Facts": '{"view": "sideways"}'}, "Facts"),
        ({"PixelSpacing": "[0, 0]"}, "spacing"),
    ],
)
def test_an_unusable_row_is_rejected_with_its_line(tmp_path: Path, row: dict[str, str], reason: str) -> None:
    read = read_dataset(table(tmp_path, [{}, row]))
    assert len(read.films) == 1
    assert read.rejections[0].line == 3
    assert read.rejections[0].path == row.get("ImagePath", "images/a.png")
    assert any(part in read.rejections[0].reason for part in reason.split("|"))


def test_a_film_on_two_lines_is_read_once_and_the_second_line_is_listed(tmp_path: Path) -> None:
    read = read_dataset(table(tmp_path, [{}, {"Class": "Normal", "Point": ""}]))
    assert [film.label for film in read.films] == [Finding.CONSTIPATION]
    assert read.rejections[0].line == 3 and "on line 2 already" in read.rejections[0].reason


def test_a_row_with_too_few_cells_is_rejected(tmp_path: Path) -> None:
    path = table(tmp_path, [{}])
    path.write_text(path.read_text() + "images/a.png,[]\n\n")
    read = read_dataset(path)
    assert len(read.films) == 1 and "2 cells instead of 6" in read.rejections[0].reason


def test_a_normal_film_has_no_outline_and_excludes_every_finding(tmp_path: Path) -> None:
    for point in ("", "[]", "nan"):
        film = only(table(tmp_path, [{"Class": "정상", "Point": point}]))
        assert (film.label, film.polygons) == (NORMAL, {})
        assert film.labelled_channels == {finding.value for finding in FINDINGS}


def test_a_finding_without_outline_labels_no_channel(tmp_path: Path) -> None:
    film = only(table(tmp_path, [{"Point": ""}]))
    assert (film.label, film.polygons, film.labelled_channels) == (Finding.CONSTIPATION, {}, frozenset())


def test_column_order_and_case_are_free_and_extra_columns_are_kept(tmp_path: Path) -> None:
    png(tmp_path / "b.png")
    (tmp_path / "x.csv").write_text("Ward,CLASS, point ,imagepath\n7B,변비,[],b.png\n", encoding="utf-8")
    film = only(tmp_path / "x.csv")
    assert (film.label, film.extra) == (Finding.CONSTIPATION, {"Ward": "7B"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_korean_tables_are_read_in_each_usual_encoding(tmp_path: Path, encoding: str) -> None:
    film = only(table(tmp_path, [{"Class": "변비", "Caption": "대변이 많다."}], encoding=encoding))
    assert (film.metadata.patient_name, film.caption) == ("김민준", "대변이 많다.")


def test_our_own_columns_are_read(tmp_path: Path) -> None:
    findings = {"constipation": [json.loads(SQUARE)], "pneumoperitoneum": []}
    extra = {
        "PatientID": "P1",
        "PatientSex": "여",
        "PatientBirthDate": "20200131",
        "StudyDate": "2024-02-29",
        "AgeMonths": "48.97",
        "ViewPosition": "Erect AP",
        "PixelSpacing": "[0.4, 0.5]",
        "Indication": "pain",
        "WorkingDiagnosis": "Normal",
        "Split": "Test",
        "Findings": json.dumps(findings),
    }
    film = only(table(tmp_path, [extra]))
    meta = film.metadata
    assert (meta.patient_id, meta.patient_sex, meta.view) == ("P1", "F", View.ERECT)
    assert (meta.patient_birth_date, meta.study_date, meta.age_months) == ("2020-01-31", "2024-02-29", 48.97)
    assert (meta.working_diagnosis, film.split, film.pixel_spacing_mm) == (NORMAL, "test", (0.4, 0.5))
    assert list(film.polygons) == [Finding.CONSTIPATION]
    assert film.labelled_channels == {finding.value for finding in FINDINGS}


def test_the_csv_that_the_docs_show_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my.csv").write_text(shown)
    png(tmp_path / "films" / "0001.png", size=256)
    (tmp_path / "films" / "0002.dcm").write_bytes(encode_dicom(make_film(sample_spec(0, 0))))
    read = read_dataset(tmp_path / "my.csv")
    assert [film.label for film in read.films] == [Finding.CONSTIPATION, NORMAL]
    assert list(read.films[0].polygons) == [Finding.CONSTIPATION]
    assert read.rejections == ()


def test_a_csv_of_another_shape_is_refused_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        DatasetError, match=r"needs ImagePath and Class, and Point for outlines.*Rename columns"
    ):
        read_dataset(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_bytes(b"\xff\xfe\x00\x80\xff")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_dataset(tmp_path / "y.csv")
    with pytest.raises(DatasetError, match=r"no films\.csv"):
        read_films(tmp_path)
    with pytest.raises(DatasetError, match="no none"):
        read_films(tmp_path / "none")


@pytest.mark.parametrize(("bits", "largest"), [(8, 255), (12, 4095), (16, 65535)])
def test_grey_values_fill_the_range_that_their_bits_give(tmp_path: Path, bits: int, largest: int) -> None:
    values = np.array([[0, largest // 2, largest]], np.uint16 if bits > 8 else np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), values)
    assert read_pixels(tmp_path / "a.png") == pytest.approx(np.array([[0, 0.5, 1]]), abs=0.01)


def test_dicom_films_are_read_where_a_reader_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(sample_spec(0, 0))
    (tmp_path / "a.dcm").write_bytes(encode_dicom(film))
    assert np.array_equal(np.rint(read_pixels(tmp_path / "a.dcm") * 255), film.pixels)
    pixels._dicom_reader.cache_clear()
    monkeypatch.setattr(pixels, "entry_points", lambda **_: ())
    with pytest.raises(ValueError, match="pip install pedaxr"):
        read_pixels(tmp_path / "a.dcm")
    pixels._dicom_reader.cache_clear()


def test_a_damaged_dicom_film_is_a_value_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(40))
    with pytest.raises(ValueError, match=r"a\.dcm"):
        read_pixels(tmp_path / "a.dcm")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_of_other_names_are_mapped(tmp_path: Path, delimiter: str) -> None:
    """As a hospital's table calls them; a column of our name may mean something else."""
    Image.new("L", (64, 64), 90).save(tmp_path / "a.png")
    header = delimiter.join(("파일", "진단", "Class", "Note"))
    row = delimiter.join(("a.png", "변비", "3rd grade", "x"))
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    report = read_dataset(tmp_path / "t.csv", names=OwnNames({"image path": "파일", "Class": "진단"}))
    (film,) = report.films
    assert film.label == "constipation" and film.extra["Note"] == "x"
    assert film.extra["Class (not mapped)"] == "3rd grade"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"ImagePath": "datei"}, "no column 'datei'.*'file'"),
        ({"Picture": "file"}, "'Picture' is not a column here"),
    ],
)
def test_a_mapping_that_does_not_fit_names_what_there_is(
    tmp_path: Path, columns: dict[str, str], said: str
) -> None:
    (tmp_path / "t.csv").write_text("file,Class\na.png,Normal\n")
    with pytest.raises(DatasetError, match=said):
        read_dataset(tmp_path / "t.csv", names=OwnNames(columns))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"Class": "Apendicitis\x07"}, "the class 'Apendicitis' is none of the known ones"),
        ({"Split": "holdout"}, "the split 'holdout' is not train"),
        ({"PixelSpacing": "0.4 by 0.4"}, "the pixel spacing '0.4 by 0.4' is not"),
        ({"Known": "constipation kidney"}, "the Known column names 'kidney'"),
    ],
)
def test_a_value_that_is_not_understood_is_quoted_without_what_a_terminal_obeys(
    tmp_path: Path, cells: dict[str, str], said: str
) -> None:
    Image.new("L", (64, 64), 90).save(tmp_path / "a.png")
    row = {"ImagePath": "a.png", "Class": "Normal", **cells}
    (tmp_path / "t.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    (rejected,) = read_dataset(tmp_path / "t.csv").rejections
    assert said in rejected.reason
