"""DICOM Segmentation objects (PS3.3 A.51) of a film: binary, fractional or a label map."""

import io
import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pedaxr.clinic.annotate import Decision
from pedaxr.clinic.exchange.files import Files
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, checked_size, decided, finding_named
from pedaxr.clinic.exchange.said import Said, read_said
from pedaxr.errors import InvalidRequest
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr.text import printable
from pedaxr_models.labels import Finding

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
_FILMS = ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7")  # CR, DX and so on; secondary captures
# What a segment is by its codes, where its label says nothing: type, and the region it lies in.
_BY_CODES: dict[tuple[str, str], Finding] = {
    ("25322007", "69695003"): Finding.PYLORIC_STENOSIS,
    ("112104", ""): Finding.AIR_FLUID_LEVEL,
    ("25322007", "113276009"): Finding.ABDOMINAL_DISTENSION,
    ("39477002", ""): Finding.CONSTIPATION,
    ("74947009", "83670000"): Finding.PNEUMOPERITONEUM,
}

# What a segment of ours says by who drew it; those of other programs count as corrected by whoever imports.
_OURS = "pedaxr"
_DECISIONS: dict[str, Decision] = {"AUTOMATIC": "accepted", "SEMIAUTOMATIC": "corrected", "MANUAL": "added"}
_GROUP, _CREATOR = 0x0071, "PEDAXR ANNOTATION"  # a private element: decisions that a segmentation cannot hold


def is_dicom(data: bytes) -> bool:
    """Whether a file is a DICOM file."""
    return data[128:132] == b"DICM"


def dicom_objects(files: Files) -> list[str]:
    """DICOM files, without the films that segmentations lie beside; all, where there is no segmentation."""
    found = {name: _sop_class(data) for name in files if is_dicom(data := files[name])}
    if not {SEGMENTATION_STORAGE, LABEL_MAP_STORAGE} & set(found.values()):
        return list(found)
    return [name for name, sop_class in found.items() if not sop_class.startswith(_FILMS)]


def _sop_class(data: bytes) -> str:
    return str(header_of(data).get("SOPClassUID", ""))


def header_of(data: bytes) -> "Dataset":
    """What a DICOM file's header says that it is; nothing where it is damaged."""
    import pydicom

    tags = ["SOPClassUID", "SOPInstanceUID"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=tags)
    except DECODER_ERRORS:  # whoever reads the file says what is wrong
        return pydicom.Dataset()


def read_dicom_seg(data: bytes, name: str) -> OutlinedFilm:
    """The film that the object refers to. Raises InvalidRequest: it is not a segmentation of one film."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files in the wild break many small rules
            seg = pydicom.dcmread(io.BytesIO(data))
            if seg.SOPClassUID not in (SEGMENTATION_STORAGE, LABEL_MAP_STORAGE):
                raise InvalidRequest(f"{name[:80]} is a DICOM object of another kind, not a segmentation.")
            return _film(seg, name)
    except InvalidRequest:
        raise
    except Exception as err:
        raise InvalidRequest(f"{name[:80]} is a damaged DICOM segmentation. Export it again.") from err


def write_private(seg: "Dataset", said: str) -> None:
    """Put what `said.write_said` gives, as JSON, into a segmentation."""
    seg.private_block(_GROUP, _CREATOR, create=True).add_new(0x01, "UT", said)


def _film(seg: "Dataset", name: str) -> OutlinedFilm:
    masks, said = _masks(seg, name), _said(seg)
    creator = printable(str(seg.get("ContentCreatorName") or ""), 100).replace("^", " ").strip()
    ours = _by_algorithm(seg) if seg.get("Manufacturer") == _OURS else {}
    known = {finding: decision for finding, decision in ours.items() if finding in masks}
    return OutlinedFilm(
        name=_source(seg),
        masks=masks,
        decisions=decided(masks, {**known, **said.decisions}),
        is_unsuitable=said.is_unsuitable,
        sha256=said.sha256,
        sop_instance_uid=_source(seg),
        author=said.author or creator,
    )


def _said(seg: "Dataset") -> Said:
    try:
        return read_said(json.loads(seg.private_block(_GROUP, _CREATOR)[0x01].value))
    except (KeyError, ValueError, TypeError):
        return Said()


def _by_algorithm(seg: "Dataset") -> dict[Finding, Decision]:
    found = ((_finding(one), _DECISIONS.get(str(one.SegmentAlgorithmType))) for one in seg.SegmentSequence)
    return {finding: decision for finding, decision in found if finding is not None and decision is not None}


def _masks(seg: "Dataset", name: str) -> dict[Finding, BoolArray]:
    size = checked_size(int(seg.Rows), int(seg.Columns), name)
    finding_of = {int(one.SegmentNumber): _finding(one) for one in seg.SegmentSequence}
    frames = np.asarray(seg.pixel_array).reshape(-1, *size)
    if seg.SegmentationType == "LABELMAP":  # each pixel is of one segment, by its number
        labelled = {finding: (frames == n).any(axis=0) for n, finding in finding_of.items() if finding}
        return {finding: mask for finding, mask in labelled.items() if mask.any()}
    if seg.SegmentationType == "FRACTIONAL":
        frames = frames >= int(seg.MaximumFractionalValue) / 2
    masks: dict[Finding, BoolArray] = {}
    shared: Any = (seg.get("SharedFunctionalGroupsSequence") or [None])[0]
    for frame, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        of = group if "SegmentIdentificationSequence" in group else shared  # where all are of one segment
        number = int(of.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        finding, mask = finding_of.get(number), np.asarray(frame > 0)
        if finding is not None and mask.any():
            masks[finding] = masks[finding] | mask if finding in masks else mask
    return masks


def _finding(segment: "Dataset") -> Finding | None:
    for text in (segment.get("TrackingID"), segment.get("SegmentLabel"), segment.get("SegmentDescription")):
        if text and (finding := finding_named(text)) is not None:
            return finding
    kind, region = (
        _code(segment, "SegmentedPropertyTypeCodeSequence"),
        _code(segment, "AnatomicRegionSequence"),
    )
    return _BY_CODES.get((kind, region)) or _BY_CODES.get((kind, ""))


def _code(segment: "Dataset", keyword: str) -> str:
    items: Any = segment.get(keyword)
    return str(items[0].get("CodeValue", "")) if items else ""


def _source(seg: "Dataset") -> str:
    """The one SOP Instance UID that the object refers to. Raises InvalidRequest: several, or none."""
    found = {
        str(image.ReferencedSOPInstanceUID)
        for series in seg.get("ReferencedSeriesSequence") or []
        for image in series.get("ReferencedInstanceSequence") or []
    }
    found |= {
        str(source.ReferencedSOPInstanceUID)
        for group in seg.PerFrameFunctionalGroupsSequence
        for derivation in group.get("DerivationImageSequence") or []
        for source in derivation.get("SourceImageSequence") or []
    }
    if len(found) != 1:
        raise InvalidRequest("The DICOM segmentation does not refer to exactly one film.")
    return found.pop()
