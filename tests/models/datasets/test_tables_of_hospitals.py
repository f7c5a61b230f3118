"""Tables as hospitals export them: titles above the columns, merged cells, orders of dates, codes."""

from pathlib import Path

import pytest
from PIL import Image

from pedaxr_models.datasets import DatasetError, ReadReport, read_dataset
from pedaxr_models.datasets.fields import parse_sex
from pedaxr_models.datasets.own_names import OwnNames
from pedaxr_models.written.date_columns import with_years_first


def read(folder: Path, *lines: str) -> ReadReport:
    for number in range(9):
        Image.new("L", (40, 20)).save(folder / f"{number}.png")
    (folder / "films.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_dataset(folder)


@pytest.mark.parametrize(
    "above",
    [
        ("Kinderradiologie, Export vom 1. März",),
        ("Film,,Patient,", ""),
        ("Export;;;", "von;Dr. Kim;;", ""),
        ("=" * 40,),
    ],
    ids=["title", "groups of merged cells", "lines of a form", "rule"],
)
def test_what_stands_above_the_names_of_the_columns_is_passed_over(tmp_path: Path, above: tuple[str]) -> None:
    report = read(tmp_path, *above, "ImagePath;Class;PatientID;PixelSpacing", "0.png;Normal;P 1;0,14")
    assert [film.metadata.patient_id for film in report.films] == ["P 1"]
    assert report.films[0].pixel_spacing_mm == (0.14, 0.14)
    assert report.lines == (len(above) + 2,)
    assert any(note.startswith("Lines above the names of the columns") for note in report.notes)


def test_names_of_columns_are_found_where_they_are_mapped(tmp_path: Path) -> None:
    read(tmp_path, "ImagePath,Class", "0.png,Normal")
    (tmp_path / "films.csv").write_text("Export\nDatei,Befund\n0.png,Normal\n")
    films = read_dataset(tmp_path, names=OwnNames({"ImagePath": "Datei", "Class": "Befund"})).films
    assert [film.image_path.name for film in films] == ["0.png"]


def test_a_table_without_the_columns_is_told_of_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its first line was read as 2 columns"):
        read(tmp_path, "Datei,Befund", "0.png,Normal")


def test_a_table_that_begins_with_its_columns_gets_no_such_note(tmp_path: Path) -> None:
    assert not any("above" in note for note in read(tmp_path, "ImagePath,Class", "0.png,Normal").notes)


def test_rows_of_a_merged_cell_are_told_and_nobody_is_guessed(tmp_path: Path) -> None:
    report = read(
        tmp_path, "ImagePath,Class,PatientID,PatientName", "0.png,Normal,P1,김민준", "1.png,Normal,,",
        "2.png,Normal,P2,이서연", "Total,3,,",
    )  # fmt: skip
    assert [film.metadata.patient_id for film in report.films] == ["P1", None, "P2"]
    assert [note.split(": ")[1][:2] for note in report.notes if "merged cells" in note] == ["1."]


def test_a_table_that_names_no_child_at_all_has_no_merged_cells(tmp_path: Path) -> None:
    for columns, row in (
        ("ImagePath,Class", "{}.png,Normal"),
        ("ImagePath,Class,PatientID", "{}.png,Normal,"),
    ):
        report = read(tmp_path, columns, row.format(0), row.format(1))
        assert len(report.films) == 2 and not any("merged" in note for note in report.notes)


@pytest.mark.parametrize(
    ("written", "read_as", "is_told"),
    [
        (("04.03.2019", "13.04.2019", "25.04.2019"), ("2019-03-04", "2019-04-13", "2019-04-25"), True),
        (("4/3/2019", "4/13/2019 0:00", "4/25/2019"), ("2019-04-03", "2019-04-13 0:00", "2019-04-25"), True),
        (("04.03.2019", "13.04.2019", "2019-04-25"), ("04.03.2019", "13.04.2019", "2019-04-25"), False),
        (("04.03.2019", "13.04.2019", "04.25.2019"), ("04.03.2019", "13.04.2019", "04.25.2019"), False),
        (("04.03.2019", "05.06.2019", "07.08.2019"), ("04.03.2019", "05.06.2019", "07.08.2019"), False),
        (("13.04.2019", "14.04.2019", None), ("2019-04-13", "2019-04-14", None), False),
    ],
    ids=[
        "day first",
        "month first",
        "one alone may be a slip",
        "both orders",
        "none shows it",
        "none in doubt",
    ],
)
def test_a_column_shows_the_order_of_its_dates_or_they_stay_in_doubt(
    written: tuple[str | None, ...], read_as: tuple[str | None, ...], is_told: bool
) -> None:
    cells, note = with_years_first(written)
    assert tuple(cells) == read_as
    assert bool(note) is is_told


def test_dates_of_a_german_table_are_read_and_the_owner_is_told(tmp_path: Path) -> None:
    births = ("04.03.2019", "13.04.2019", "25.04.2019")
    rows = [f"{number}.png;Normal;{born};04.03.2021" for number, born in enumerate(births)]
    report = read(tmp_path, "ImagePath;Class;PatientBirthDate;StudyDate", *rows)
    assert not report.films  # of the column StudyDate nothing shows the order
    report = read(tmp_path, "ImagePath;Class;PatientBirthDate", *(row.rpartition(";")[0] for row in rows))
    assert report.films[0].metadata.patient_birth_date == "2019-03-04"
    assert any(note.startswith("PatientBirthDate: 1 dates were read day first") for note in report.notes)


def test_a_code_that_says_no_sex_is_none_and_is_told(tmp_path: Path) -> None:
    words = ("1", "U", "미상", "♂", "Knabe", "ذكر", "divers", "F/M")
    assert [parse_sex(word) for word in words] == [None, None, None, "M", "M", "M", "O", "O"]
    report = read(
        tmp_path, "ImagePath,Class,PatientSex,ViewPosition", "0.png,Normal,1,AP", "1.png,Normal,1,erect"
    )
    sex, view = (note for note in report.notes if " says " in note)
    assert sex.startswith("PatientSex says '1' (2)") and view.startswith("ViewPosition says 'AP' (1)")


def test_a_class_that_is_none_is_told_what_classes_there_are(tmp_path: Path) -> None:
    report = read(
        tmp_path,
        "ImagePath,Class",
        "0.png,Ileus",
        '1.png,"Constipation, Air-fluid level"',
        "2.png,Normal / Ileus",
    )
    none, several, odd = (row.reason for row in report.rejections)
    assert "Air-fluid level" in none and "Normal" in none and "Air-fluid level" in odd
    assert several.endswith("into the column Findings")


def test_ages_of_british_wards_are_read_and_a_spreadsheet_s_dates_are_named(tmp_path: Path) -> None:
    report = read(
        tmp_path, "ImagePath,Class,Age,AgeMonths", "0.png,Normal,3/12,", "1.png,Normal,2/52,",
        "2.png,Normal,1 3/12,", "3.png,Normal,,18/12", "4.png,Normal,12-Mar,", "5.png,Normal,,2026-03-12",
        "6.png,Normal,,about 3", "7.png,Normal,34/40,", "8.png,Normal,,7.5",
    )  # fmt: skip
    assert [round(film.metadata.age_months or -1, 2) for film in report.films] == [3, 0.46, 15, 18, 7.5]
    reasons = {rejection.line: rejection.reason for rejection in report.rejections}
    assert all("is a date, as spreadsheets make of 3/12" in reasons[line] for line in (6, 7))
    assert "format its column as text" in reasons[6] and "write it as 2Y, 5M or 12D" in reasons[6]
    assert "AgeMonths is not an age" in reasons[8] and "gestation" in reasons[9]


def test_a_table_of_columns_alone_is_told_so(tmp_path: Path) -> None:
    for lines in (["ImagePath,Class"], ["ImagePath,Class\u20280.png,Normal"]):
        with pytest.raises(DatasetError, match="no row of a film"):
            read(tmp_path, *lines)


def test_a_quotation_mark_that_is_not_closed_swallows_no_other_film(tmp_path: Path) -> None:
    header, rows = "ImagePath,Class,PatientName", ['0.png,Normal,"Kim', "1.png,Normal,Lee"]
    for more in ([], ['2.png,Normal,"Park', "3.png,Normal,Choi"]):
        with pytest.raises(DatasetError, match="line 2 is not closed"):
            read(tmp_path, header, *rows, *more)
    caption = '0.png,Normal,"a line, and\none, two, more\nKim ""Min"", 3"'
    assert len(read(tmp_path, header, caption, "1.png,Normal,Lee").films) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"ImagePath": "0.png", "Class": "Normal"}\n', "is JSON"),
        ('[{"ImagePath": "0.png"}]', "is JSON"),
        ("<table><tr><td>ImagePath</td></tr></table>", "web page"),
        ("<head><meta charset='euc-kr'></head><table>", "web page"),
    ],
    ids=["JSON lines", "JSON", "table of a web page", "its head"],
)
def test_what_is_called_a_table_and_is_none_is_called_what_it_is(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("encoding", "name", "said"),
    [("shift_jis", "山田", None), ("gb18030", "李娜王伟", "Chinese characters"), ("cp949", "김민준", "")],
)
def test_a_chinese_or_japanese_table_is_not_read_as_korean_unsaid(
    tmp_path: Path, encoding: str, name: str, said: str | None
) -> None:
    read(tmp_path, "ImagePath,Class", "0.png,Normal")
    (tmp_path / "films.csv").write_bytes(
        f"ImagePath,Class,PatientName\n0.png,Normal,{name}\n".encode(encoding)
    )
    if said is None:
        with pytest.raises(DatasetError, match="Save it as CSV UTF-8"):
            read_dataset(tmp_path)
    else:
        assert any("Chinese characters" in note for note in read_dataset(tmp_path).notes) is bool(said)


@pytest.mark.parametrize(
    "written",
    [
        "변비?",
        "Constipation？",
        "변비(-)",
        "constipation ( \u2212 )",
        "free air +/-",
        "기복증 ±",
        "변비 -",
        "-변비",
    ],
)
def test_a_class_that_a_sign_doubts_or_denies_is_no_label(tmp_path: Path, written: str) -> None:
    report = read(tmp_path, "ImagePath,Class", f"0.png,{written}", "1.png,변비(+)", "2.png,Air-fluid level")
    assert [film.label for film in report.films] == ["constipation", "air_fluid_level"]
    assert [("sign" in one.reason, one.line) for one in report.rejections] == [(True, 2)]


@pytest.mark.parametrize("said", ["#REF!", "상동", "Err:502"])
def test_a_formula_that_failed_is_no_id_that_children_share(tmp_path: Path, said: str) -> None:
    for name in "ab":
        Image.new("L", (40, 30), "gray").save(tmp_path / f"{name}.png")
    rows = f"ImagePath,Class,PatientID\na.png,Normal,{said}\nb.png,Normal,{said}\n"
    (tmp_path / "films.csv").write_text(rows, encoding="utf-8")
    assert [film.metadata.patient_id for film in read_dataset(tmp_path).films] == [None, None]
