"""What humans outlined as DICOM Segmentations for other programs: one for each film, naming no patient.

Objects of a report go to an archive under the child's name (`objects_of`); these are for training. They name
the film by its instance and hold, in a private element, what a segmentation has no word for: findings known
to be absent or uncertain, who decided, and when.
"""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import Dataset

from pedaxr.clinic.annotate import Annotation
from pedaxr.clinic.exchange.dicom_seg import write_private
from pedaxr.clinic.exchange.said import write_said
from pedaxr.clinic.export_annotations import pixels_of
from pedaxr.dicom_objects.files import encoded
from pedaxr.dicom_objects.film_result import DRAWN_BY
from pedaxr.dicom_objects.finish import MAKER, set_times
from pedaxr.dicom_objects.header import read_header
from pedaxr.dicom_objects.segmentation import ALGORITHM, complete, concept
from pedaxr.dicom_objects.uids import object_uid
from pedaxr.errors import InvalidRequest
from pedaxr_models.codes import AI_FAMILY, SEGMENTS
from pedaxr_models.labels import TERMS, Finding, sign

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

_OF_THE_PATIENT = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("ReferringPhysicianName", "StudyDate", "StudyTime"),
)
_LONGEST = 64  # characters of a DICOM name or label
_SERIES = 9011


def annotation_archive(annotations: Sequence[Annotation], *, clinic: "Clinic") -> tuple[bytes, list[str]]:
    """A ZIP archive with a DICOM file of each film on which something is outlined.

    Args:
        annotations: one of each film.
        clinic: that holds the films.

    Returns:
        The archive, and the studies that are not in it: films that are no DICOM files, or without an outline.
    """
    buffer, left_out = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in annotations:
            try:
                made = annotation_segmentation(one, clinic=clinic)
            except InvalidRequest:
                left_out.append(one.study_id)
                continue
            name = zipfile.ZipInfo(f"{one.study_id}.dcm", (1980, 1, 1, 0, 0, 0))
            archive.writestr(name, encoded(made), zipfile.ZIP_DEFLATED)
    return buffer.getvalue(), left_out


def annotation_segmentation(said: Annotation, *, clinic: "Clinic") -> Dataset:
    """The object of one film. The same annotation gives the same bytes.

    Raises:
        InvalidRequest: the film is no DICOM file, or nothing is outlined on it.
        UnreadableImage, StudyNotFound.
    """
    drawn = [] if said.is_unsuitable else [f for f, one in said.findings.items() if one.mask is not None]
    if not drawn:
        raise InvalidRequest("Nothing is outlined on this film, so there is no segmentation of it.")
    header = read_header(clinic.registry.study(said.study_id).image_path)
    for keyword in _OF_THE_PATIENT:
        setattr(header, keyword, "")
    masks = [pixels_of(one.mask) for f in drawn if (one := said.findings[f]).mask is not None]
    made = Segmentation(
        source_images=[header],
        pixel_array=np.stack(masks, axis=-1)[None],  # (1, H, W, segments)
        segmentation_type="BINARY",
        segment_descriptions=[_described(said, number, f) for number, f in enumerate(drawn, 1)],
        series_instance_uid=_uid(said, "series"),
        series_number=_SERIES,
        sop_instance_uid=_uid(said),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=version("pedaxr"),
        device_serial_number=said.annotation_id[:16],
        content_label="PEDAXR",
        content_description="Outlines decided on by a human",
        content_creator_name=re.sub(r"[\\^=]", " ", said.author)[: _LONGEST - 1] + "^",
        omit_empty_frames=False,
    )
    return _finished(made, said, header)


def _described(said: Annotation, number: int, finding: Finding) -> SegmentDescription:
    codes, drawn_by = SEGMENTS[finding], DRAWN_BY[said.findings[finding].decision]
    network = said.model[:_LONGEST] or "0"
    by_network = AlgorithmIdentificationSequence(ALGORITHM, concept(AI_FAMILY), network, source=MAKER)
    return SegmentDescription(
        segment_number=number,
        segment_label=sign(finding),
        segmented_property_category=concept(codes.category),
        segmented_property_type=concept(codes.type),
        algorithm_type=drawn_by,
        algorithm_identification=None if drawn_by == "MANUAL" else by_network,
        tracking_id=finding.value,
        tracking_uid=_uid(said, finding),
        anatomic_regions=[concept(codes.region)] if codes.region else None,
        display_color=CIELabColor.from_rgb(*TERMS[finding].colour),
    )


def _uid(said: Annotation, *parts: str) -> str:
    return object_uid("annotation", said.annotation_id, *parts)


def _finished(made: Dataset, said: Annotation, header: Dataset) -> Dataset:
    """Times of the annotation, not of the export, and what other programs need not understand."""
    complete(made, header, _uid(said, "dimensions"))
    made.SeriesDescription = "Outlines by a human (pedaxr)"
    set_times(made, said.created_at)
    write_private(made, json.dumps(write_said(said), ensure_ascii=False))
    return made
