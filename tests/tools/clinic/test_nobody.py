"""Films under a word that stands for nobody are not one child's, and are compared with no other's."""

from pathlib import Path

import pydicom
import pytest

from pedaxr.clinic import open_clinic
from pedaxr.clinic.import_film import clinic_to_fill, import_film
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import ImportFailed

from ..film_files import dicom_bytes
from .test_import_films import FULL, run

DATED = {"StudyDate": "2024-01-15", "Age": "4"}


@pytest.mark.parametrize("said", ["ANONYMOUS", "0", "unknown", "익명", "xxx"])
@pytest.mark.parametrize("column", ["PatientID", "PatientName"])
def test_two_rows_under_no_name_are_two_children(tmp_path: Path, column: str, said: str) -> None:
    rows = [DATED | {column: said}, DATED | {column: said, "StudyDate": "2024-02-01"}]
    assert run(tmp_path, tmp_path / "home", rows).patients == 2


@pytest.mark.parametrize("said", ["Baby", "신생아", "Baby Boy"])
def test_a_name_that_any_child_may_have_joins_no_films_without_an_id(tmp_path: Path, said: str) -> None:
    rows = [DATED | {"PatientName": said}, DATED | {"PatientName": said, "StudyDate": "2024-02-01"}]
    assert run(tmp_path, tmp_path / "home", rows).patients == 2


def test_somebody_s_films_are_one_child_s(tmp_path: Path) -> None:
    """Control; and with an id of their own, whatever the name says."""
    named = [DATED | {"PatientName": "김민준"}, DATED | {"PatientName": "김민준", "StudyDate": "2024-02-01"}]
    assert run(tmp_path, tmp_path / "home", named).patients == 1
    hidden = [FULL | {"PatientName": "Anonymous"}, FULL | {"PatientName": "익명", "StudyDate": "2024-02-01"}]
    assert run(tmp_path, tmp_path / "other", hidden).patients == 1


def de_identified(path: Path, number: int, **elements: object) -> None:
    path.write_bytes(dicom_bytes(height=40 + number))
    dataset = pydicom.dcmread(path)
    dataset.PatientID = dataset.PatientName = "ANONYMIZED"
    dataset.SOPInstanceUID = f"1.2.{number}"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def test_a_de_identified_header_joins_no_films_and_contradicts_no_table(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for number in range(3):
        de_identified(tmp_path / "films" / f"{number}.dcm", number)
    table = "ImagePath,Class,PatientID\n0.dcm,Normal,\n1.dcm,Normal,\n2.dcm,Normal,P7\n"
    (tmp_path / "films" / "films.csv").write_text(table)
    summary = import_films(tmp_path / "films", clinic_home=tmp_path / "home")
    assert (summary.imported, summary.patients) == (3, 3)
    assert not any("another patient" in note for note in summary.notes)
    (third,) = [
        s
        for s in map(open_clinic(tmp_path / "home").registry.study, summary.new_studies)
        if s.patient_id == "P7"
    ]
    assert third.patient_birth_date is not None, "what the header knows of the child is kept"


def test_a_film_that_comes_by_itself_keeps_no_other_s_place(tmp_path: Path) -> None:
    clinic = clinic_to_fill(tmp_path / "home")
    for number in range(2):
        de_identified(tmp_path / f"{number}.dcm", number)
        try:
            import_film(tmp_path / f"{number}.dcm", clinic=clinic)
        except ImportFailed:
            continue
    counts = clinic.registry.counts()
    assert counts["patients"] == counts["studies"]
