"""What a PACS keeps of an object of ours: read back whole and compared, element by element.

A PACS may add elements, and may write the patient's and the study's data as it has them; whose object it is
and what it says must be as it was sent.
"""

import io
import struct
import warnings
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from pedaxr.clinic.identity import same_id
from pedaxr.dicom_objects.files import encoded
from pedaxr.errors import PacsError
from pedaxr.pacs import dimse
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.retrieve import Place, instance_at
from pedaxr.radiograph.file_headers import transfer_syntax

# Of the patient and the study: coerced to what the PACS has, by rights (PS3.4 annex B.4.1.3).
_ITS_OWN = frozenset(
    {"SpecificCharacterSet", "PatientName", "PatientID", "PatientSex", "PatientAge", "PatientComments"}
    | {"OtherPatientIDs", "IssuerOfPatientID", "AccessionNumber", "StudyID", "StudyDescription"}
    | {"StudyDate", "StudyTime", "ReferringPhysicianName", "InstitutionName", "TimezoneOffsetFromUTC"}
)
_DEFLATED = "1.2.840.10008.1.2.1.99"
_MOST_MORE = 2**20
_UNREADABLE = "What the PACS holds under the id of one of our objects cannot be read. Tell its administrator."


def read_back(node: PacsNode, ours: Dataset, *, home: Path) -> Dataset | None:
    """The object that the PACS holds under our object's id; None where it holds none.

    Args:
        node: the PACS.
        ours: the object as it was sent.
        home: of the clinic.

    Raises:
        PacsDown, PacsError, StorageError.
    """
    data = _instance(node, ours, home)
    if data is None:
        return None
    syntax, _ = transfer_syntax(data)
    most = 2 * len(ours.get("PixelData", b"") or b"") + len(ours.get("EncapsulatedDocument", b"") or b"")
    if syntax == _DEFLATED or len(data) > most + 8 * _MOST_MORE:
        raise PacsError(_UNREADABLE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dcmread(io.BytesIO(data))
    except (InvalidDicomError, BytesLengthException, ValueError, KeyError, EOFError, RecursionError) as err:
        raise PacsError(_UNREADABLE) from err
    except (AttributeError, TypeError, NotImplementedError, struct.error, OSError) as err:
        raise PacsError(_UNREADABLE) from err


def differences(ours: Dataset, theirs: Dataset) -> list[str]:
    """Keywords of the elements in which the two say different things; nothing of their values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's quote what they warn of
        return _differences(dcmread(io.BytesIO(encoded(ours))), theirs)


def _differences(ours: Dataset, theirs: Dataset) -> list[str]:
    told = []
    if not same_id(str(ours.PatientID), str(theirs.get("PatientID", ""))):
        told.append("PatientID")
    same_pixels = ours.file_meta.TransferSyntaxUID == theirs.file_meta.get("TransferSyntaxUID")
    for element in ours:
        name = element.keyword or str(element.tag)
        if name in _ITS_OWN or (name == "PixelData" and not same_pixels):
            continue
        try:
            is_same = element.tag in theirs and _value(theirs, element.tag) == element.value
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            is_same = False
        if not is_same and not (element.is_empty and _is_empty(theirs, element.tag)):
            told.append(name)
    return told


def _value(dataset: Dataset, tag: object) -> object:
    return dataset[tag].value


def _is_empty(dataset: Dataset, tag: object) -> bool:
    return tag not in dataset or bool(dataset[tag].is_empty)


def _instance(node: PacsNode, ours: Dataset, home: Path) -> bytes | None:
    place = Place(str(ours.StudyInstanceUID), str(ours.SeriesInstanceUID), str(ours.SOPInstanceUID))
    wanted = {
        "StudyInstanceUID": place.study_uid,
        "SeriesInstanceUID": place.series_uid,
        "SOPInstanceUID": place.sop_uid,
    }
    if node.web_url is None:
        with dimse.finding(node) as finder:  # a PACS may refuse to send what it has not, rather than say so
            if not finder.find("IMAGE", wanted):
                return None
    contexts = [(ours.SOPClassUID, [ours.file_meta.TransferSyntaxUID])]
    return instance_at(place, contexts, node=node, home=home)
