"""The outlines as a DICOM Segmentation (PS3.3 A.51): one binary frame for each finding and structure."""

import numpy as np
from highdicom import AlgorithmIdentificationSequence, PixelMeasuresSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation as HighdicomSegmentation
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom import Dataset

from pedaxr.dicom_objects.film_result import FilmResult, Segment
from pedaxr.dicom_objects.finish import BODY_PART, CREATOR, MAKER, equipment, finish, identity
from pedaxr_models.codes import AI_FAMILY, SEGMENTS, Code
from pedaxr_models.labels import TERMS, sign

ALGORITHM = "pedaxr-segmentation"


def segmentation(result: FilmResult) -> Dataset | None:
    """The object; None of a film on which nothing is outlined that counts."""
    if not result.segments:
        return None
    stack = np.stack([one.mask for one in result.segments], axis=-1)[None]  # (1, H, W, segments)
    made = HighdicomSegmentation(
        source_images=[result.header],
        pixel_array=stack,
        segmentation_type="BINARY",
        segment_descriptions=[_described(result, i, one) for i, one in enumerate(result.segments, 1)],
        content_label="PEDAXR",
        content_description=content_description(result),
        content_creator_name=CREATOR,
        pixel_measures=_pixel_measures(result),
        omit_empty_frames=False,
        **identity(result, "seg"),
        **equipment(result),
    )
    return _finished(made, result)


def content_description(result: FilmResult) -> str:
    """Who answers for the outlines."""
    return "Outlines of the signed report" if result.is_signed else "AI outlines, not verified"


def concept(code: Code) -> CodedConcept:
    """A code of ours as highdicom has it."""
    return CodedConcept(code.value, code.scheme, code.meaning)


def segment_number(result: FilmResult, segment: Segment) -> int:
    """Of a segment within the object, from 1."""
    return result.segments.index(segment) + 1


def tracking_uid(result: FilmResult, name: str) -> str:
    """Of one outline or measure in all objects of a version."""
    return result.uid("track", name)


def _described(result: FilmResult, number: int, segment: Segment) -> SegmentDescription:
    codes = SEGMENTS[segment.name]
    by_hand = segment.drawn_by == "MANUAL"
    return SegmentDescription(
        segment_number=number,
        segment_label=sign(segment.name),
        segmented_property_category=concept(codes.category),
        segmented_property_type=concept(codes.type),
        algorithm_type=segment.drawn_by,
        algorithm_identification=None if by_hand else _algorithm(result),
        tracking_id=segment.name,
        tracking_uid=tracking_uid(result, segment.name),
        anatomic_regions=[concept(codes.region)] if codes.region else None,
        display_color=CIELabColor.from_rgb(*TERMS[segment.name].colour),
    )


def _algorithm(result: FilmResult) -> AlgorithmIdentificationSequence:
    version = result.weights_sha256[:12] or "0"
    return AlgorithmIdentificationSequence(ALGORITHM, concept(AI_FAMILY), version, source=MAKER)


def _pixel_measures(result: FilmResult) -> PixelMeasuresSequence | None:
    """Readers want a thickness, which a film does not have: 1 mm, nominal."""
    spacing = result.reading.pixel_spacing_mm
    return PixelMeasuresSequence(pixel_spacing=spacing, slice_thickness=1.0) if spacing else None


def _finished(made: Dataset, result: FilmResult) -> Dataset:
    complete(made, result.header, result.uid("seg", "dimensions"))
    return finish(made, result, "seg")


def complete(made: Dataset, header: Dataset, dimensions: str) -> None:
    """What viewers and validators want of a segmentation of a film beyond what highdicom writes, in place.

    Args:
        made: the segmentation.
        header: of the film.
        dimensions: UID of the organisation of its frames, which highdicom draws by chance.
    """
    shared = made.SharedFunctionalGroupsSequence[0]
    if "PixelMeasuresSequence" not in shared:  # viewers look into it without asking
        shared.PixelMeasuresSequence = [Dataset()]
        shared.PixelMeasuresSequence[0].SliceThickness = 1
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    made.PatientOrientation = header.get("PatientOrientation") or ""
    made.BodyPartExamined = header.get("BodyPartExamined") or BODY_PART
