"""Headers as hospitals write them: what cannot be written again is left out, whose film it is stays."""

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement

from pedaxr.dicom_objects.header import read_header
from pedaxr.errors import InvalidRequest, PedaxrError, UnreadableImage

from .conftest import film_of


def header_of(folder: Path, edit: Callable[[Dataset], None]) -> Dataset:
    path = folder / "film.dcm"
    path.write_bytes(film_of("plain", edit))
    return read_header(path)


def rewritten(folder: Path, keyword: str, value: bytes, **changes: object) -> Path:
    """A film with an element of any bytes, as no library would write it."""
    path = folder / "film.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(film_of("plain")))
        for name, changed in changes.items():
            setattr(dataset, name, changed)
        dataset[keyword] = DataElement(tag_for_keyword(keyword), "UN", value)
        dataset.save_as(path)
    return path


def test_what_is_missing_is_there_and_empty(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        del dataset.PatientBirthDate, dataset.AccessionNumber, dataset.StudyTime

    header = header_of(tmp_path, edit)
    assert (header.PatientBirthDate, header.AccessionNumber, header.StudyTime) == ("", "", "")
    assert header.PatientID == "P-1" and "PixelData" not in header


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", b"2019.13.41"),
        ("StudyTime", b"noon"),
        ("PatientSex", b"female person of 5 years"),
        ("PatientAge", b"five"),
    ],
)
def test_a_value_that_breaks_the_rules_is_not_handed_on(tmp_path: Path, keyword: str, value: bytes) -> None:
    header = read_header(rewritten(tmp_path, keyword, value))
    assert value.decode().strip() not in str(header.get(keyword, ""))
    assert header.PatientID == "P-1"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ISO_IR 192", "utf-8"),
        ("ISO_IR 100", "utf-8"),
        ("ISO_IR 100", "euc_kr"),
        ("", "euc_kr"),
        ("", "utf-8"),
    ],
)
def test_a_korean_name_stays_whatever_set_is_declared(tmp_path: Path, declared: str, encoding: str) -> None:
    name = "Yi^Seo-yeon=이^서연"
    path = rewritten(tmp_path, "PatientName", name.encode(encoding), SpecificCharacterSet=declared)
    header = read_header(path)
    assert str(header.PatientName) == name and header.SpecificCharacterSet == "ISO_IR 192"


def test_what_is_right_is_handed_on_as_it_is_written(tmp_path: Path) -> None:
    """Numbers too: without them a viewer shows the film in other greys than its own."""

    def edit(dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "-1", "4095", "US"
        dataset.WindowCenter, dataset.WindowWidth = ["2048", "1000"], ["4096.50", "500"]
        dataset.InstanceNumber, dataset.StudyDescription = "07", "Abdomen"

    header, written = header_of(tmp_path, edit), Dataset()
    edit(written)
    for element in written:
        assert header[element.tag].value == element.value, element.keyword
    assert header.ImagerPixelSpacing == dcmread(BytesIO(film_of("plain"))).ImagerPixelSpacing


def test_a_spacing_that_is_no_number_is_not_handed_on(tmp_path: Path) -> None:
    content = film_of("plain")
    spacing = "\\".join(str(mm) for mm in dcmread(BytesIO(content)).ImagerPixelSpacing).encode()
    assert content.count(spacing) == 2, "control: of the detector, and calibrated"
    (tmp_path / "film.dcm").write_bytes(content.replace(spacing, b"w" * len(spacing)))
    assert "ImagerPixelSpacing" not in read_header(tmp_path / "film.dcm")


def test_a_film_without_a_preamble_is_read_as_everywhere(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_bytes(film_of("plain")[132:])
    assert read_header(tmp_path / "film.dcm").PatientID == "P-1"


def test_a_film_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        read_header(tmp_path / "film.dcm")


def test_a_film_that_names_no_instance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="which instance"):
        header_of(tmp_path, lambda dataset: dataset.__delattr__("SeriesInstanceUID"))


@pytest.mark.parametrize("damage", [b"", b"DICM", b"\x89PNG\r\n\x1a\n" + b"\0" * 400, b"\0" * 4000])
def test_what_is_no_dicom_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "film.dcm").write_bytes(damage)
    with pytest.raises(PedaxrError):
        read_header(tmp_path / "film.dcm")


@pytest.mark.parametrize("length", [200, 300, 700])
def test_a_header_that_is_cut_off_is_an_error_that_names_nobody(tmp_path: Path, length: int) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(film_of("plain")[:length])
    with pytest.raises((InvalidRequest, UnreadableImage)) as caught:
        read_header(path)
    assert "서연" not in str(caught.value) and "P-1" not in str(caught.value)


def test_a_sequence_without_content_is_not_handed_on(tmp_path: Path) -> None:
    """dciodvfy: 0 items are an error wherever a sequence need not be there at all."""

    def edit(dataset: Dataset) -> None:
        dataset.ProcedureCodeSequence, dataset.RequestAttributesSequence = [], [Dataset()]
        kept = Dataset()
        kept.CodeValue, kept.CodingSchemeDesignator, kept.CodeMeaning = "818981001", "SCT", "Abdomen"
        dataset.AnatomicRegionSequence = [Dataset(), kept]

    header = header_of(tmp_path, edit)
    assert "ProcedureCodeSequence" not in header and "RequestAttributesSequence" not in header
    (kept,) = header.AnatomicRegionSequence
    assert kept.CodeMeaning == "Abdomen"


def test_several_values_where_one_may_be_are_not_handed_on(tmp_path: Path) -> None:
    header = header_of(tmp_path, lambda dataset: setattr(dataset, "StudyID", "A\\B"))
    assert header.StudyID == "" and header.PatientID == "P-1"
    several = header_of(tmp_path, lambda dataset: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY"]))
    assert list(several.ImageType) == ["ORIGINAL", "PRIMARY"], "control"
