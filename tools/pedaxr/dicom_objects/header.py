"""The header of a film, clean enough to be copied into other objects.

Films are not trusted and headers of real ones break rules: what cannot be written again is left out, so that
an object of ours is right even where the film is not.
"""

import warnings
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.config import RAISE
from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import validate_value

from pedaxr.errors import InvalidRequest, UnreadableImage
from pedaxr.radiograph.character_sets import header_text, mend_decimal_commas
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr_models.datasets.pixels import is_dicom

_FILMS = {
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
}
# Present in every object, empty where nobody knows (PS3.3 C.7.1.1, C.7.2.1: type 2).
_TYPE_2 = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0028)
_NUMBERS = {"DS", "IS"}
_TEXTS = {"PN", "LO", "SH", "ST", "LT", "UC", "UT"}


def read_header(path: Path) -> Dataset:
    """The film's header without pixels: valid, in UTF-8, with every attribute of type 2.

    Raises:
        InvalidRequest: the film is no DICOM file, or does not say which instance it is.
        UnreadableImage: the header is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise UnreadableImage("The film file cannot be opened. Check its path and permissions.") from err
    if not is_dicom(content):
        raise InvalidRequest(
            "The film is not a DICOM file, so no DICOM object can refer to it. Import the original from the "
            "archive."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the wild break many small rules
            return _clean(dcmread(BytesIO(content), stop_before_pixels=True, force=True))
    except (*DECODER_ERRORS, BytesLengthException, InvalidDicomError) as err:
        raise UnreadableImage("The film's DICOM header is damaged. Export the film again.") from err


def _clean(read: Dataset) -> Dataset:
    mend_decimal_commas(read)
    header, tags = Dataset(), list(read.keys())
    texts = {tag: header_text(read, keyword_for_tag(tag)) for tag in tags if _is_text(tag)}
    for tag in tags:
        if tag.group in _GROUPS and (element := _valid(read, tag, texts.get(tag))) is not None:
            header.add(element)
    for keyword in _TYPE_2:
        if keyword not in header:
            setattr(header, keyword, "")
    header.SpecificCharacterSet = "ISO_IR 192"
    if header.get("SOPClassUID") not in _FILMS or not all(header.get(keyword) for keyword in _NEEDED):
        raise InvalidRequest(
            "The film's header does not say, by valid UIDs, which instance of an archive it is, so no object "
            "can refer to it. Have the archive correct it, and import the film again."
        )
    return header


def _is_text(tag: BaseTag) -> bool:
    """By the dictionary: an element that was looked at is decoded as declared, and the bytes are gone."""
    return dictionary_has_tag(tag) and dictionary_VR(tag) in _TEXTS


def _valid(read: Dataset, tag: BaseTag, text: str | None) -> DataElement | None:
    """The element as it may be written again; None where its value breaks the rules of its type."""
    try:
        element = read[tag]
        if element.VR == "SQ":
            items = [item for item in map(_valid_item, element.value) if item]
            return DataElement(tag, "SQ", items) if items else None  # an empty one says nothing
        if element.VM > 1 and dictionary_has_tag(tag) and dictionary_VM(tag) == "1":
            return None
        value = element.value if text is None or element.VM > 1 else text
        for one in value if element.VM > 1 else [value]:
            # A number is held against the rules as it is written: pydicom refuses its own classes of them.
            validate_value(element.VR, str(one) if element.VR in _NUMBERS else one, RAISE)
        return DataElement(tag, element.VR, value)
    except (*DECODER_ERRORS, BytesLengthException):
        return None


def _valid_item(item: Dataset) -> Dataset:
    item.decode()
    kept = Dataset()
    for tag in list(item.keys()):
        if (element := _valid(item, tag, None)) is not None:
            kept.add(element)
    return kept
