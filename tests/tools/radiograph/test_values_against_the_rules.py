"""Elements with words for codes, with several values for one, or of a VR that is not theirs."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import ExplicitVRLittleEndian

from .test_character_sets import read, with_bytes
from .test_read import dicom


@pytest.mark.parametrize(
    ("written", "sex"),
    [("남", "M"), ("여자", "F"), ("Female", "F"), ("male", "M"), ("W", "F"), ("O", "O"), ("1", None)],
)
def test_a_sex_in_words_is_read_as_in_a_table(tmp_path: Path, written: str, sex: str | None) -> None:
    film = read(tmp_path, with_bytes("PatientSex", written.encode(), "ISO_IR 192"))
    assert film.metadata.patient_sex == sex


@pytest.mark.parametrize("written", ["F\\M", "M/F", "남\\여", "male, female"])
def test_two_sexes_are_none_and_that_is_told(tmp_path: Path, written: str) -> None:
    """They became another sex, which contradicts whatever the clinic knows."""
    film = read(tmp_path, with_bytes("PatientSex", written.encode(), "ISO_IR 192"))
    assert film.metadata.patient_sex is None
    assert any("two sexes" in note for note in film.notes)


@pytest.mark.parametrize("written", ["M\\M", "여/F", "O", "F ", "kadın", "Weibl."])
def test_one_sex_written_twice_or_otherwise_is_not_two(tmp_path: Path, written: str) -> None:
    film = read(tmp_path, with_bytes("PatientSex", written.encode(), "ISO_IR 192"))
    assert film.metadata.patient_sex is not None
    assert not any("two sexes" in note for note in film.notes)


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber"])
@pytest.mark.parametrize("written", ["WARD\\0123", "0123\\0124\\0125", "\\0123"])
def test_a_backslash_in_an_id_stays_a_part_of_it(tmp_path: Path, keyword: str, written: str) -> None:
    """It came as a list, which was registered as Python prints one."""
    film = read(tmp_path, with_bytes(keyword, written.encode()))
    known = film.metadata.patient_id if keyword == "PatientID" else film.metadata.accession_number
    assert known == written


def test_a_name_of_two_values_is_no_python_list(tmp_path: Path) -> None:
    name = read(tmp_path, with_bytes("PatientName", b"KIM^MINJUN\\LEE^A")).metadata.patient_name
    assert name is not None and "[" not in name and "'" not in name


@pytest.mark.parametrize("vr", ["OB", "UN", "SQ"])
def test_an_id_of_another_vr_is_its_text_or_none(tmp_path: Path, vr: str) -> None:
    film = pydicom.dcmread(io.BytesIO(dicom(ExplicitVRLittleEndian)))
    film[0x00100020] = DataElement(0x00100020, vr, [Dataset()] if vr == "SQ" else b"P-77")
    buffer = io.BytesIO()
    film.save_as(buffer)
    assert read(tmp_path, buffer.getvalue()).metadata.patient_id == (None if vr == "SQ" else "P-77")


@pytest.mark.filterwarnings("ignore:Invalid value")  # pydicom's, of the stand-in
@pytest.mark.parametrize("written", ["02/01/2024", "20241301", "99.99.99"])
@pytest.mark.parametrize("keyword", ["StudyDate", "PatientBirthDate"])
def test_a_date_that_is_not_used_is_told(tmp_path: Path, keyword: str, written: str) -> None:
    film = read(tmp_path, with_bytes(keyword, written.encode()))
    known = film.metadata.study_date if keyword == "StudyDate" else film.metadata.patient_birth_date
    assert known is None
    assert any("A date of the header is none" in note for note in film.notes)
    assert not any(written in note for note in film.notes)


@pytest.mark.filterwarnings("ignore:Invalid value")
def test_a_study_date_that_is_none_leaves_the_day_of_the_film(tmp_path: Path) -> None:
    film = pydicom.dcmread(io.BytesIO(with_bytes("StudyDate", b"02/01/2024")))
    film.AcquisitionDate = "20240102"
    buffer = io.BytesIO()
    film.save_as(buffer)
    assert read(tmp_path, buffer.getvalue()).metadata.study_date == "2024-01-02"
