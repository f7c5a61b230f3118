"""Tables as spreadsheets and people write them: read, or refused with the true cause."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import ImportSummary, import_films
from pedaxr.errors import ImportFailed, InvalidRequest, StudyNotFound
from pedaxr.registry import Patient
from pedaxr_models.datasets import DatasetError, read_dataset

HEADER = "ImagePath,Class,PatientID,PatientName,PatientBirthDate,StudyDate,Age,ViewPosition,PixelSpacing"


def films(folder: Path, count: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 255, (512, 512), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def imported(tmp_path: Path, *rows: str, header: str = HEADER) -> ImportSummary:
    folder = films(tmp_path / "data", len(rows))
    (folder / "films.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return import_films(folder, clinic_home=tmp_path / "home")


@pytest.mark.parametrize(
    ("delimiter", "first"),
    [
        (";", ""),
        ("\t", ""),
        ("|", ""),
        (",", "sep=,\n"),
        (";", "sep=;\n"),
        ("\t", "sep=\t\n"),
        (";", '"sep=;"\r\n'),
    ],
)
def test_cells_may_be_parted_by_anything_usual(tmp_path: Path, delimiter: str, first: str) -> None:
    folder = films(tmp_path, 1)
    rows = [HEADER.split(","), ["0.png", "Normal", "P1", "김, 민준", "2021-03-04", "", "", "", "0,4\\0,3"]]
    text = "\n".join(delimiter.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)
    (folder / "films.csv").write_text(f"{first}{text}\n", encoding="utf-8")
    report = read_dataset(folder)
    assert report.rejections == () and report.films[0].metadata.patient_name == "김, 민준"
    assert report.films[0].pixel_spacing_mm == (0.4, 0.3)
    assert report.lines == (3 if first else 2,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"<!DOCTYPE html><table>", "web page"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (bytes(range(128, 256)), "neither UTF-8 nor"),
        (
            b"picture;label\na.png;Normal\n",
            "no column ImagePath or Class; its first line was read as 2 columns",
        ),
    ],
    ids=["xlsx", "xls", "html", "empty", "blank", "noise", "other columns"],
)
def test_what_is_no_table_of_films_is_called_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "films.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=said):
        read_dataset(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949", "utf-16", "utf-16-le"])
def test_korean_names_survive_every_encoding(tmp_path: Path, encoding: str) -> None:
    folder = films(tmp_path, 1)
    (folder / "films.csv").write_bytes(
        "Image Path\tclass\tPatient_Name\n0.png\t정상\t김민준\n".encode(encoding)
    )
    assert read_dataset(folder).films[0].metadata.patient_name == "김민준"


def test_western_names_are_not_read_as_korean_and_the_owner_is_told(tmp_path: Path) -> None:
    folder = films(tmp_path, 1)
    (folder / "films.csv").write_bytes(
        "ImagePath,Class,PatientName\n0.png,Normal,Åsa Müller\n".encode("cp1252")
    )
    report = read_dataset(folder)
    assert report.films[0].metadata.patient_name == "Åsa Müller" and "Western" in report.notes[0]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("04.03.2021", "day and month cannot be told apart"),
        ("44259", "spreadsheet's day number"),
        ("2021-02-30", "not understood. Write it as 2021-03-04"),
    ],
)
def test_a_date_that_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, written: str, reason: str
) -> None:
    summary = imported(tmp_path, f"0.png,Normal,P1,김민준,{written},,,,")
    assert [row.line for row in summary.rejected] == [2] and reason in summary.rejected[0].reason


@pytest.mark.parametrize("placeholder", ["1900-01-01", "1800.01.01", "11111111", "1970-01-01", "9999-12-31"])
def test_a_placeholder_is_no_birth_date_and_the_stated_age_counts(tmp_path: Path, placeholder: str) -> None:
    summary = imported(tmp_path, f"0.png,Normal,P1,김민준,{placeholder},2024-03-01,2개월,,")
    assert summary.age_bands == {"infant, 1 to 11 months": 1} and any(
        "stands for none" in n for n in summary.notes
    )
    patient = open_clinic(tmp_path / "home").registry.patient("P1")
    assert patient.patient_birth_date is None


def test_a_birth_date_that_makes_an_infant_an_adult_is_not_used(tmp_path: Path) -> None:
    summary = imported(tmp_path, "0.png,Normal,P1,김민준,1981-06-02,2024-03-01,2개월,,")  # the mother's
    assert summary.age_bands == {"infant, 1 to 11 months": 1}
    assert any("makes an adult" in note for note in summary.notes)


def test_an_epoch_that_the_stated_age_confirms_is_a_birth_date(tmp_path: Path) -> None:
    imported(tmp_path, "0.png,Normal,P1,김민준,1980-01-01,1985-03-01,5,,")
    assert open_clinic(tmp_path / "home").registry.studies("P1")[0].age_months == 62.0


@pytest.mark.parametrize("stated", ["0", "0세", "000Y", "<1y"])
def test_zero_years_are_no_newborn(tmp_path: Path, stated: str) -> None:
    summary = imported(tmp_path, f"0.png,Normal,P1,김민준,,,{stated},,")
    assert summary.age_bands == {"age unknown": 1} and any("0 years" in note for note in summary.notes)


@pytest.mark.parametrize(
    "view", ["right lateral decubitus", "우측와위", "supine and erect", "semi-erect", "측와위"]
)
def test_a_view_that_is_another_or_several_is_unknown(tmp_path: Path, view: str) -> None:
    assert imported(tmp_path, f"0.png,Normal,P1,김민준,,,,{view},").views == {"unknown": 1}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("P1", "김민준"), ("P1", "김 민준")),
        (("P1", "김민준"), ("P1", "Kim Minjun")),
        (("P1", "김민준"), ("p1", unicodedata.normalize("NFD", "김민준"))),
        (("123456", "Ｋｉｍ Ｍｉｎｊｕｎ"), ("123456.0", "Kim Min-Jun")),
        (("００１", "김민준"), ("001", "김민준님")),
        (("", "김민준"), ("", "김 민준")),
    ],
    ids=["space", "script", "case and jamo", "spreadsheet and width", "width and title", "without an id"],
)
def test_one_child_in_two_spellings_is_one_patient(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    summary = imported(
        tmp_path, *(f"{n}.png,Normal,{p},{name},,,3,," for n, (p, name) in enumerate((first, second)))
    )
    assert (summary.imported, summary.patients, summary.rejected) == (2, 1, [])


@pytest.mark.parametrize("other", ["이서연", "김민준아기", "김민", "Kim Seoyeon"])
def test_another_name_under_the_same_id_is_still_refused(tmp_path: Path, other: str) -> None:
    summary = imported(tmp_path, "0.png,Normal,P1,김민준,,,3,,", f"1.png,Normal,P1,{other},,,3,,")
    assert [row.line for row in summary.rejected] == [3]


@pytest.mark.parametrize("odd", ["P" * 65, "P\u200b1", "P\u202e1", "\u3164"])
def test_an_id_that_would_have_to_be_cut_is_refused_with_its_line(tmp_path: Path, odd: str) -> None:
    summary = imported(tmp_path, f"0.png,Normal,{odd},김민준,,,3,,", "1.png,Normal,P1,김민준,,,3,,")
    assert (summary.imported, [row.line for row in summary.rejected]) == (1, [2])
    assert "patient id" in summary.rejected[0].reason and odd not in summary.rejected[0].reason
    registry = open_clinic(tmp_path / "home").registry
    with pytest.raises(InvalidRequest, match="patient id"):
        registry.add([Patient(odd, "김민준")], [])


def test_an_id_is_found_in_any_case_width_and_spacing(tmp_path: Path) -> None:
    imported(tmp_path, "0.png,Normal,Ab-001,김민준,,,3,,")
    clinic = open_clinic(tmp_path / "home")
    study_id = find_patient("AB-001", clinic=clinic).matches[0].studies[0].study_id
    for written in (study_id.lower(), f" {study_id} ", study_id.replace("-", "－")):
        assert clinic.registry.study(written).study_id == study_id
    assert clinic.registry.patient("ａｂ－００１").patient_id == "Ab-001"
    with pytest.raises(StudyNotFound):
        clinic.registry.study(study_id[:-1])


def test_two_ids_that_differ_in_case_alone_are_never_chosen_between(tmp_path: Path) -> None:
    imported(tmp_path, "0.png,Normal,P1,김민준,,,3,,")
    registry = open_clinic(tmp_path / "home").registry
    registry.add([Patient("ab", "이서연"), Patient("AB", "박지호")], [])
    assert registry.patient("ab").patient_name == "이서연"
    with pytest.raises(Exception, match="No patient"):
        registry.patient("aB")


def test_a_table_that_cannot_be_read_makes_no_clinic(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_bytes(b"PK\x03\x04")
    with pytest.raises(ImportFailed, match="Excel"):
        import_films(tmp_path, clinic_home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("short", ["1.23457E+08", "1,2E+11", "1E8"])
def test_an_id_that_a_spreadsheet_shortened_is_refused_with_what_to_do(tmp_path: Path, short: str) -> None:
    summary = imported(tmp_path, f'0.png,Normal,"{short}",김민준,,,3,,')
    assert [row.line for row in summary.rejected] == [2] and "format its column" in summary.rejected[0].reason


TABBED = (
    "ImagePath\tClass\tPatientName\tPatientID\tCaption\tPixelSpacing\n"
    '0.png\tNormal\t김민준\t0012\t"one\ntwo"\t0,4\n1.png\t정상\t이서연\t13\tx\t0,4\\0,3\n'
)
COMMAS = TABBED.replace("0,4\\0,3", '"0,4\\0,3"').replace("0,4\n", '"0,4"\n').replace("\t", ",")
AS_SAVED = {
    "tabs with a byte order mark": ("\ufeff" + TABBED).encode(),
    "tabs in UTF-16": TABBED.encode("utf-16"),
    "big-endian without a mark": TABBED.encode("utf-16-be"),
    "commas in UTF-16": COMMAS.encode("utf-16-le"),
    "semicolons in code page 949": TABBED.replace("\t", ";").encode("cp949"),
    "lines of Windows": TABBED.replace("\n", "\r\n").encode(),
    "lines of an old Mac": TABBED.replace("one\ntwo", "one two").replace("\n", "\r").encode(),
    "a comma behind each line": "".join(
        f"{line},\n" for line in COMMAS.replace("one\ntwo", "one two").splitlines()
    ).encode(),
    "blank lines around": f"\n\n{COMMAS}\n\n".encode(),
    "a hard space in the header": COMMAS.replace("PatientName", "Patient\u00a0Name").encode(),
    "noughts at its end": COMMAS.encode() + b"\0\0\0",
    "ids protected from numbers": COMMAS.replace("0012", '"=""0012"""').encode(),
    "ids marked as text": COMMAS.replace("0012", "'0012").encode(),
    "everything in quotes": COMMAS.replace("ImagePath", '"ImagePath"').replace("0012", '"0012"').encode(),
}


@pytest.mark.parametrize("content", AS_SAVED.values(), ids=AS_SAVED.keys())
def test_a_table_is_the_same_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    (films(tmp_path) / "films.csv").write_bytes(content)
    report = read_dataset(tmp_path)
    assert report.rejections == ()
    said = [(f.metadata.patient_name, f.metadata.patient_id, f.pixel_spacing_mm) for f in report.films]
    assert said == [("김민준", "0012", (0.4, 0.4)), ("이서연", "13", (0.4, 0.3))]
    assert report.films[0].caption.split() == ["one", "two"]


def test_a_row_of_too_many_cells_says_why_and_one_of_too_few_does_not(tmp_path: Path) -> None:
    table = "ImagePath,Class,Point\n0.png,Constipation,[[1,2],[30,40],[50,6]]\n1.png,Normal\n"
    (films(tmp_path) / "films.csv").write_text(table)
    many, few = (row.reason for row in read_dataset(tmp_path).rejections)
    assert "8 cells instead of 3; put a cell that holds commas" in many and few.endswith("instead of 3")


@pytest.mark.parametrize("cut", [b"\x1f\x8b", b"%PDF-1.7", b"\x89PNG\r\n", b"SQLite format 3\0"])
def test_a_file_of_another_kind_is_called_by_its_kind(tmp_path: Path, cut: bytes) -> None:
    (tmp_path / "films.csv").write_bytes(cut + b"rest")
    with pytest.raises(DatasetError, match=r"is compressed|is a PDF|is a picture|is a database"):
        read_dataset(tmp_path)


def test_dates_in_the_future_are_said(tmp_path: Path) -> None:
    summary = imported(
        tmp_path, "0.png,Normal,P1,김민준,2098-01-01,,,,", "1.png,Normal,P2,이서연,2021-03-04,2097-01-01,,,"
    )
    assert summary.imported == 2
    for what in ("birth", "study"):
        assert f"1 film had a {what} date in the future: check it." in summary.notes
