"""What all objects have in common: equipment, identifiers, and times that are the report's, not the export's.

Equal input gives equal bytes: what libraries fill in with the time of now or by chance is set here.
"""

from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict, TypeVar

from pydicom import Dataset

from pedaxr.dicom_objects.kinds import KINDS
from pedaxr_models.codes import Code

if TYPE_CHECKING:
    from pedaxr.dicom_objects.film_result import FilmResult

MAKER = "pedaxr"
CREATOR = "pedaxr^AI"
BODY_PART = "ABDOMEN"
_DATES = ("ContentDate", "InstanceCreationDate", "SeriesDate", "PresentationCreationDate")
_CAPTURED = ("DateOfSecondaryCapture", "TimeOfSecondaryCapture")

D = TypeVar("D", bound=Dataset)


class Identity(TypedDict):
    """Where an object belongs: its series, and itself."""

    series_instance_uid: str
    series_number: int
    sop_instance_uid: str
    instance_number: int


class Equipment(TypedDict):
    """What made an object (PS3.3 C.7.5.2)."""

    manufacturer: str
    manufacturer_model_name: str
    software_versions: str
    device_serial_number: str


def identity(result: "FilmResult", kind: str) -> Identity:
    """Of one kind of object of a version; viewers show one object of a series, so each has its own."""
    return {
        "series_instance_uid": result.uid(kind, "series"),
        "series_number": KINDS[kind].series_number,
        "sop_instance_uid": result.uid(kind),
        "instance_number": 1,
    }


def equipment(result: "FilmResult") -> Equipment:
    """pedaxr, its version, and the beginning of the weights' digest as the serial number."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": version("pedaxr"),
        "device_serial_number": result.weights_sha256[:12] or "0",
    }


def finish(dataset: D, result: "FilmResult", kind: str) -> D:
    """Times, equipment and description, in place."""
    set_times(dataset, result.at)
    made = equipment(result)
    dataset.Manufacturer = made["manufacturer"]
    dataset.ManufacturerModelName = made["manufacturer_model_name"]
    dataset.SoftwareVersions = made["software_versions"]
    dataset.DeviceSerialNumber = made["device_serial_number"]
    dataset.SeriesDescription = f"{KINDS[kind].title} ({result.said_by})"
    for keyword in ("SyntheticData", "TimezoneOffsetFromUTC"):
        if keyword in result.header:
            dataset[keyword] = result.header[keyword]
    return dataset


def set_times(dataset: Dataset, at: datetime) -> None:
    """What libraries fill in with the time of now."""
    day, clock = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    for keyword in _DATES:
        if keyword in dataset:
            setattr(dataset, keyword, day)
            setattr(dataset, keyword.replace("Date", "Time"), clock)
    if _CAPTURED[0] in dataset:
        dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = day, clock
    for item in dataset.get("ContributingEquipmentSequence", []):
        if "ContributionDateTime" in item:
            item.ContributionDateTime = at.strftime("%Y%m%d%H%M%S")


def coded(code: Code) -> Dataset:
    """An item of a code sequence (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item


def reference(header: Dataset, purpose: Code | None = None) -> Dataset:
    """An item that refers to the film (PS3.3 table 10-3)."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    if purpose is not None:
        item.PurposeOfReferenceCodeSequence = [coded(purpose)]
    return item
