"""Findings and measures as a DICOM Structured Report: TID 1500 (PS3.16) in Comprehensive 3D SR.

Each finding stands twice: with its outline as a polyline, which viewers draw, and with the segment of the
Segmentation, which holds its very pixels. Each length names the two points between which it was read. What is
absent or was not assessed is said, never left out.
"""

from collections.abc import Iterator

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CoordinatesForMeasurement,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageRegion,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegmentationFrame,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    SourceImageForSegmentation,
    TrackingIdentifier,
)
from highdicom.sr import Comprehensive3DSR as HighdicomReport
from pydicom import Dataset
from pydicom.sr.codedict import codes

from pedaxr.dicom_objects.film_result import FilmResult, Segment, presence_code
from pedaxr.dicom_objects.finish import MAKER, finish, identity
from pedaxr.dicom_objects.kinds import KINDS
from pedaxr.dicom_objects.segmentation import ALGORITHM, concept, segment_number, tracking_uid
from pedaxr.dicom_objects.signature import add_signature
from pedaxr.dicom_objects.uids import object_uid
from pedaxr_models.codes import (
    ABDOMEN,
    AI_FAMILY,
    AREA,
    CALIBRE,
    CERTAINTY,
    FINDING_CODES,
    LATERALITY,
    MM2,
    PERCENT,
    PRESENCE,
    QUADRANT_CODES,
    RADIOGRAPH,
    SEGMENTS,
    SIDE_CODES,
    Code,
    MeasureCodes,
    measure_codes,
    what_is_measured,
)

_ENGLISH = Code("en", "RFC5646", "English")
_REST = "not outlined or not assessed"
# Without these highdicom's Image Library cannot be written, and it is optional.
_FOR_LIBRARY = ("ImagerPixelSpacing", "PatientOrientation")

Groups = list[PlanarROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations]


def measurement_report(result: FilmResult) -> Dataset:
    """The object. It refers to the Segmentation of the same version, whether that is sent or not."""
    header = result.header
    can_list = all(header.get(keyword) for keyword in _FOR_LIBRARY)
    content = MeasurementReport(
        observation_context=device_context(result),
        procedure_reported=concept(RADIOGRAPH),
        imaging_measurements=_groups(result),
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(concept(_ENGLISH)),
        referenced_images=[header] if can_list else None,
    )
    made = HighdicomReport(
        evidence=[header, *_segmentation_reference(result)],
        content=content,
        manufacturer=MAKER,
        is_complete=True,
        is_final=result.is_signed,
        **identity(result, "sr"),
    )
    _drop_frame_numbers(made)
    add_signature(made, result, "sr")
    return finish(made, result, "sr")


def device_context(result: FilmResult) -> ObservationContext:
    """Who observed: a device, by the digest of its weights."""
    device = DeviceObserverIdentifyingAttributes(
        uid=object_uid("device", result.weights_sha256),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=result.report.model[:64],
        serial_number=result.weights_sha256[:12] or "0",
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=device
        )
    )


def _segmentation_reference(result: FilmResult) -> list[Dataset]:
    """What the evidence must name of the Segmentation, without making it."""
    if not result.segments:
        return []
    named = Dataset()
    identified = identity(result, "seg")
    named.SOPClassUID, named.SOPInstanceUID = KINDS["seg"].sop_class_uid, identified["sop_instance_uid"]
    named.StudyInstanceUID = result.header.StudyInstanceUID
    named.SeriesInstanceUID = identified["series_instance_uid"]
    return [named]


def _groups(result: FilmResult) -> Groups:
    groups: Groups = []
    for segment in result.findings:
        groups += _outlined(result, segment)
        groups.append(_segment_group(result, segment))
    groups += _calibres(result)
    rest = [finding for finding in result.report.findings if finding.finding not in _outlined_names(result)]
    if rest:
        said = [
            QualitativeEvaluation(concept(FINDING_CODES[one.finding]), concept(presence_code(one)))
            for one in rest
        ]
        groups.append(
            MeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(result, _REST),
                algorithm_id=_algorithm(result),
                qualitative_evaluations=said,
                source_images=[SourceImageForMeasurementGroup.from_source_image(result.header)],
            )
        )
    return groups


def _outlined_names(result: FilmResult) -> set[str]:
    return {segment.name for segment in result.findings}


def _outlined(
    result: FilmResult, segment: Segment
) -> Iterator[PlanarROIMeasurementsAndQualitativeEvaluations]:
    """The largest piece of a finding as a polyline, with what is measured and said of the whole."""
    for polygon in result.polygons(segment)[:1]:
        yield PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(result, segment.name),
            referenced_region=ImageRegion(
                graphic_type="POLYLINE",
                graphic_data=np.concatenate([polygon, polygon[:1]]),
                source_image=SourceImageForRegion.from_source_image(result.header),
            ),
            finding_type=concept(FINDING_CODES[segment.name]),
            finding_category=concept(SEGMENTS[segment.name].category),
            algorithm_id=_algorithm(result),
            finding_sites=_sites(segment),
            measurements=_of_outline(result, segment),
            qualitative_evaluations=_said(result, segment),
        )


def _segment_group(result: FilmResult, segment: Segment) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    number = segment_number(result, segment)
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(result, f"{segment.name} segment"),
        referenced_segment=ReferencedSegmentationFrame(
            sop_class_uid=KINDS["seg"].sop_class_uid,
            sop_instance_uid=identity(result, "seg")["sop_instance_uid"],
            frame_number=number,
            segment_number=number,
            source_image=SourceImageForSegmentation.from_source_image(result.header),
        ),
        finding_type=concept(FINDING_CODES[segment.name]),
        finding_category=concept(SEGMENTS[segment.name].category),
        algorithm_id=_algorithm(result),
        finding_sites=_sites(segment),
        measurements=_of_outline(result, segment),
    )


def _of_outline(result: FilmResult, segment: Segment) -> list[Measurement]:
    measured = []
    if segment.region is not None:
        share = round(100 * segment.region.confidence, 1)
        measured.append(Measurement(name=concept(CERTAINTY), value=share, unit=concept(PERCENT)))
    if (area := result.area_mm2(segment)) is not None:
        measured.append(Measurement(name=concept(AREA), value=area, unit=concept(MM2)))
    return measured


def _said(result: FilmResult, segment: Segment) -> list[QualitativeEvaluation]:
    finding = next(one for one in result.report.findings if one.finding == segment.name)
    said = [QualitativeEvaluation(concept(PRESENCE), concept(presence_code(finding)))]
    if segment.region is not None and segment.region.side is not None:
        side = SIDE_CODES[segment.region.side.value]
        said.append(QualitativeEvaluation(concept(LATERALITY), concept(side)))
    return said


def _sites(segment: Segment) -> list[FindingSite]:
    quadrants = segment.region.quadrants if segment.region else []
    places = [QUADRANT_CODES[name] for name in quadrants] or [ABDOMEN]
    return [FindingSite(concept(place)) for place in places]


def _calibres(result: FilmResult) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """One group for each thing measured, so that a viewer draws one line for each."""
    grouped: dict[str, list[tuple[str, float, MeasureCodes]]] = {}
    for key, value in result.report.measures.items():
        if (how := measure_codes(key)) is not None:
            grouped.setdefault(what_is_measured(key), []).append((key, value, how))
    for name, figures in grouped.items():
        site = FindingSite(concept(figures[0][2].site))
        yield MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(result, name),
            finding_type=concept(CALIBRE if name in result.calipers else figures[0][2].name),
            algorithm_id=_algorithm(result),
            finding_sites=[site],
            measurements=[_figure(result, name, value, how) for _, value, how in figures],
            source_images=[SourceImageForMeasurementGroup.from_source_image(result.header)],
        )


def _figure(result: FilmResult, name: str, value: float, how: MeasureCodes) -> Measurement:
    """A figure, and where it has one the line on the film along which it was read."""
    caliper = result.calipers.get(name)
    line = None
    if caliper is not None:
        line = CoordinatesForMeasurement(
            graphic_type="POLYLINE",
            graphic_data=np.array([caliper.start, caliper.end]) + 0.5,
            source_image=SourceImageForRegion.from_source_image(result.header),
        )
    return Measurement(
        name=concept(how.name),
        value=value,
        unit=concept(how.unit),
        referenced_coordinates=[line] if line is not None else None,
    )


def _tracking(result: FilmResult, name: str) -> TrackingIdentifier:
    return TrackingIdentifier(uid=tracking_uid(result, name), identifier=name)


def _algorithm(result: FilmResult) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=ALGORITHM,
        version=result.weights_sha256[:12] or "0",
        parameters=[f"model: {result.report.model}"],
        family=concept(AI_FAMILY),
        manufacturer=MAKER,
    )


def _drop_frame_numbers(dataset: Dataset) -> None:
    """Of a segment either its number or its frame may be named, not both (PS3.3 table 10-3)."""
    for element in dataset:
        if element.VR != "SQ":
            continue
        for item in element.value:
            if "ReferencedSegmentNumber" in item and "ReferencedFrameNumber" in item:
                del item.ReferencedFrameNumber
            _drop_frame_numbers(item)
