"""What DX headers say by codes and in other tags than usual: view, position, part of the body, species."""

from pathlib import Path

import pytest
from pydicom import Dataset

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.raster import OTHER_PART, OTHER_SPECIES
from pedaxr_models.labels import View
from pedaxr_models.written.views import is_of_the_side

from .test_geometry import read
from .test_read import dicom


def code(value: str, meaning: str = "", **inside: object) -> Dataset:
    """An item of a sequence of codes."""
    item = Dataset()
    item.CodeValue, item.CodeMeaning, item.CodingSchemeDesignator = value, meaning, "SCT"
    for keyword, found in inside.items():
        setattr(item, keyword, found)
    return item


def lying(value: str, meaning: str = "") -> dict[str, object]:
    """Recumbent, and how."""
    how = [code(value, meaning)]
    return {
        "PatientOrientationCodeSequence": [
            code("102538003", "recumbent", PatientOrientationModifierCodeSequence=how)
        ]
    }


@pytest.mark.parametrize(
    ("said", "view"),
    [
        ({"PatientOrientationCodeSequence": [code("C86043", "aufrecht")]}, View.ERECT),
        ({"PatientOrientationCodeSequence": [code("F-10440")]}, View.ERECT),
        (lying("40199007"), View.SUPINE),
        (lying("F-10319"), View.LEFT_LATERAL_DECUBITUS),
        (lying("", "left lateral decubitus"), View.LEFT_LATERAL_DECUBITUS),
        (lying("102535000", "Decubitus"), None),
        (lying("1240000"), None),
        (lying("40199007") | {"SeriesDescription": "Abdomen erect"}, None),
        (lying("40199007") | {"StudyDescription": "Abdomen supine and erect"}, View.SUPINE),
        ({"PatientOrientationCodeSequence": [code("102538003", "recumbent")]}, None),
        ({"ProtocolName": "ABD LLD"}, View.LEFT_LATERAL_DECUBITUS),
        ({"ProtocolName": "Abdomen erect", "SeriesDescription": "Abdomen supine"}, None),
    ],
    ids=str,
)
def test_a_position_by_code_or_protocol_is_the_view(
    tmp_path: Path, said: dict[str, object], view: View | None
) -> None:
    assert read(tmp_path, dicom(**said)).metadata.view is view


@pytest.mark.parametrize(
    ("said", "is_lateral"),
    [
        ({"ViewCodeSequence": [code("399067008", "seitlich")]}, True),
        ({"ViewCodeSequence": [code("399173006")]}, True),
        ({"ViewCodeSequence": [code("R-10236")]}, True),
        ({"ViewCodeSequence": [code("", "left lateral")]}, True),
        ({"ViewCodeSequence": [code("399348003", "antero-posterior")]}, False),
        ({"ViewCodeSequence": [code("399067008")], "SeriesDescription": "Lt decubitus"}, False),
        ({"ViewCodeSequence": [code("399067008")]} | lying("102536004"), False),
        ({"ViewPosition": "LATERAL"}, True),
        ({"ViewPosition": "LLAT"}, True),
        ({"SeriesDescription": "Abdomen cross-table lateral"}, True),
        ({"ProtocolName": "복부 측면", "SpecificCharacterSet": "ISO_IR 192"}, True),
        ({"StudyDescription": "Abdomen lateral"}, False),
        ({"SeriesDescription": "Abdomen AP/lat"}, False),
    ],
    ids=str,
)
def test_a_lateral_view_by_code_or_description_is_from_the_side(
    tmp_path: Path, said: dict[str, object], is_lateral: bool
) -> None:
    assert read(tmp_path, dicom(**said)).stored.is_from_the_side is is_lateral


@pytest.mark.parametrize(
    "words",
    ["Abdomen", "bilateral", "Lt lateral", "left lateral decub", "L lat. decubitus", "LLD", "lat side up"],
)
def test_other_descriptions_name_no_lateral_view(words: str) -> None:
    assert not is_of_the_side(words)


@pytest.mark.parametrize(
    ("said", "is_other"),
    [
        ({"AnatomicRegionSequence": [code("51185008", "Chest")]}, True),
        ({"AnatomicRegionSequence": [code("85562004", "Hand")], "BodyPartExamined": ""}, True),
        ({"AnatomicRegionSequence": [code("818981001", "배")]}, False),
        ({"AnatomicRegionSequence": [code("1", "Abdomen and pelvis")]}, False),
        ({"AnatomicRegionSequence": [code("51185008", "Chest"), code("T-D4000")]}, False),
        ({"AnatomicRegionSequence": [code("51185008", "Chest")], "BodyPartExamined": "ABDOMEN"}, False),
        ({"AnatomicRegionSequence": [code("4711")]}, False),
        ({"AnatomicRegionSequence": []}, False),
    ],
    ids=str,
)
def test_the_part_of_the_body_may_be_a_code(tmp_path: Path, said: dict[str, object], is_other: bool) -> None:
    header = {"SpecificCharacterSet": "ISO_IR 192", "BodyPartExamined": "", **said}
    assert (OTHER_PART in read(tmp_path, dicom(**header)).notes) is is_other


@pytest.mark.parametrize(
    ("said", "is_animal"),
    [
        ({"PatientSpeciesCodeSequence": [code("448771007", "Canis lupus familiaris")]}, True),
        ({"PatientSpeciesCodeSequence": [code("337915000", "사람")]}, False),
        ({"PatientSpeciesCodeSequence": [code("1", "Homo sapiens")]}, False),
        ({"ResponsiblePersonRole": "OWNER"}, True),
        ({"ResponsiblePersonRole": "PARENT"}, False),
        ({"PatientSpeciesDescription": "Human", "ResponsiblePersonRole": "MOTHER"}, False),
    ],
    ids=str,
)
def test_an_animal_may_be_told_by_code_or_owner(
    tmp_path: Path, said: dict[str, object], is_animal: bool
) -> None:
    header = {"SpecificCharacterSet": "ISO_IR 192", **said}
    assert (OTHER_SPECIES in read(tmp_path, dicom(**header)).notes) is is_animal


@pytest.mark.parametrize("day", ["AcquisitionDate", "SeriesDate", "ContentDate"])
def test_a_study_without_a_date_has_that_of_its_film(tmp_path: Path, day: str) -> None:
    header = {"StudyDate": "", "PatientBirthDate": "20240101", "PatientAge": "", day: "20240301"}
    metadata = read(tmp_path, dicom(**header)).metadata
    assert (metadata.study_date, metadata.age_months) == ("2024-03-01", 2.0)
    assert read(tmp_path, dicom(**{**header, "StudyDate": "20240501"})).metadata.age_months == 4.0


@pytest.mark.parametrize("storage", ["2", "2.1", "4", "6.1", "128", "1.2"])
def test_a_file_without_a_modality_is_what_its_storage_class_says(tmp_path: Path, storage: str) -> None:
    uid = f"1.2.840.10008.5.1.4.1.1.{storage}"
    with pytest.raises(UnreadableImage, match="not of plain radiography"):
        read(tmp_path, dicom(Modality="", SOPClassUID=uid))
    assert read(tmp_path, dicom(Modality="", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")).notes is not None


def test_the_first_of_two_modalities_counts(tmp_path: Path) -> None:
    assert read(tmp_path, dicom(Modality=["DX", "CR"])).pixels.size
    with pytest.raises(UnreadableImage, match="not of plain radiography"):
        read(tmp_path, dicom(Modality=["CT", "CR"]))
