"""A disc of another hospital: DICOM files in deep folders, no table, and much beside them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from PIL import Image

from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import ImportFailed

from ..film_files import dicom_bytes

CHILDREN = (
    ("A 1", "Müller^Anna", "20190304"),
    ("A 1", "Müller^Anna", "20190304"),
    ("A2", "김^민준", "20200101"),
)


def disc(folder: Path) -> Path:
    images = folder / "DICOM" / "PA0" / "ST0"
    images.mkdir(parents=True)
    for number, (patient_id, name, born) in enumerate(CHILDREN):
        (images / f"IM{number}").write_bytes(dicom_bytes(width=60 + number))
        film = pydicom.dcmread(images / f"IM{number}")
        film.SpecificCharacterSet = "ISO_IR 192"
        film.PatientID, film.PatientName, film.PatientBirthDate = patient_id, name, born
        film.StudyDate, film.SeriesDescription = f"2023010{number + 1}", "Abdomen im Stehen"
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        film.save_as(images / f"IM{number}")
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (folder / "VIEWER.EXE").write_bytes(b"MZ")
    Image.new("L", (40, 20)).save(folder / "logo.png")
    return folder


def test_headers_say_whose_the_films_are_and_the_owner_is_told_what_nothing_says(tmp_path: Path) -> None:
    summary = import_films(disc(tmp_path / "disc"), clinic_home=tmp_path / "home")
    assert (summary.layout, summary.imported, summary.patients, summary.rejected) == ("dicom", 3, 2, [])
    assert summary.labels == {"unlabelled": 3} and summary.views == {"erect": 3}
    assert summary.notes[0].startswith("There is no table")
    assert summary.notes[1] == "Pictures without a DICOM header, of which nothing says whose they are: 1."
    (anna,) = find_patient("Anna Müller", clinic=tmp_path / "home").matches
    assert (anna.patient_id, len(anna.studies)) == ("A 1", 2)
    again = import_films(tmp_path / "disc", clinic_home=tmp_path / "home")
    assert (again.imported, again.already_there) == (0, 3)


def test_one_dicom_file_is_imported_alone(tmp_path: Path) -> None:
    film = disc(tmp_path / "disc") / "DICOM" / "PA0" / "ST0" / "IM2"
    assert import_films(film, clinic_home=tmp_path / "home").imported == 1
    assert find_patient("김민준", clinic=tmp_path / "home").status == "one_match"


def test_what_is_no_film_on_the_disc_is_listed_and_keeps_no_film_out(tmp_path: Path) -> None:
    folder = disc(tmp_path / "disc")
    report = folder / "DICOM" / "SR1"
    report.write_bytes((folder / "DICOM" / "PA0" / "ST0" / "IM0").read_bytes())
    other = pydicom.dcmread(report)
    other.Modality = "SR"
    other.save_as(report)
    summary = import_films(folder, clinic_home=tmp_path / "home")
    assert summary.imported == 3
    assert [(row.path, row.reason[:44]) for row in summary.rejected] == [
        (str(Path("DICOM/SR1")), "The DICOM file is not of plain radiography. ")
    ]


@pytest.mark.parametrize("table", ["films.csv", "list.tsv", "list.xlsx"])
def test_a_table_among_them_is_not_passed_over(tmp_path: Path, table: str) -> None:
    """It may say that a header names another child."""
    folder = disc(tmp_path / "disc")
    (folder / "DICOM" / table).write_text("Bild,Befund\n")
    with pytest.raises(ImportFailed):
        import_films(folder, clinic_home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_pictures_without_headers_still_need_a_table(tmp_path: Path) -> None:
    Image.new("L", (40, 20)).save(tmp_path / "a.png")
    for source in (tmp_path, tmp_path / "a.png"):
        with pytest.raises(ImportFailed, match="ImagePath"):
            import_films(source, clinic_home=tmp_path / "home")


def test_archives_on_the_disc_are_named(tmp_path: Path) -> None:
    folder = disc(tmp_path / "disc")
    (folder / "DICOM" / "more.zip").write_bytes(b"PK")
    summary = import_films(folder, clinic_home=tmp_path / "home")
    assert summary.imported == 3
    assert "Archives that are not unpacked and may hold films: 1 (DICOM/more.zip)." in summary.notes


def test_the_list_of_a_disc_alone_is_called_so(tmp_path: Path) -> None:
    folder = tmp_path / "disc"
    folder.mkdir()
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(900))
    with pytest.raises(ImportFailed, match=r"DICOMDIR, which only lists .* Copy the whole disc"):
        import_films(folder, clinic_home=tmp_path / "home")


@pytest.mark.parametrize("name", ["IM9", "IM9.dcm", "IM9.ima"])
@pytest.mark.parametrize("start", [128 + 4, 0], ids=["no preamble", "whole"])
def test_a_film_without_a_preamble_is_not_passed_over(tmp_path: Path, name: str, start: int) -> None:
    """As programs write them that keep what came over the network."""
    folder = disc(tmp_path / "disc")
    (folder / name).write_bytes(dicom_bytes(width=77)[start:])
    summary = import_films(folder, clinic_home=tmp_path / "home")
    assert (summary.imported, summary.rejected) == (4, [])


def test_what_may_not_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = disc(tmp_path / "disc")
    closed = folder / "DICOM" / "PA0" / "ST0" / "IM1"
    scan, allowed = os.scandir, os.access

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("PA9"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    (folder / "PA9").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and allowed(path, mode))
    summary = import_films(folder, clinic_home=tmp_path / "home")
    assert (
        "Files and folders that you are not permitted to open: 2 (DICOM/PA0/ST0/IM1, PA9)." in summary.notes
    )
