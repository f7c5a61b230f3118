"""The overlay picture as a Secondary Capture image (PS3.3 A.8.1), for viewers that show nothing else."""

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL.Image import Image
from pydicom import Dataset

from pedaxr.clinic.provenance import provenance
from pedaxr.dicom_objects.film_result import FilmResult, Segment
from pedaxr.dicom_objects.finish import BODY_PART, MAKER, finish, identity, reference
from pedaxr.reading.overlay import Caption, draw_overlay
from pedaxr.registry.standing import signed_summary
from pedaxr.types import Region
from pedaxr_models.codes import Code

_DERIVED = "Outlines burned in by pedaxr; research and teaching use, not a medical device"
_PURPOSE = Code("121322", "DCM", "Source image for image processing operation")


def overlay_capture(result: FilmResult) -> Dataset:
    """The object."""
    header = result.header
    made = SCImage.from_ref_dataset(
        header,
        np.asarray(overlay(result)),
        "RGB",
        8,
        coordinate_system="PATIENT",
        manufacturer=MAKER,
        patient_orientation=("L", "F"),
        **identity(result, "capture"),
    )
    made["PatientOrientation"].value = header.get("PatientOrientation") or ""  # as the film hangs
    made.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    made.DerivationDescription = _DERIVED
    made.BurnedInAnnotation, made.RecognizableVisualFeatures = "YES", "NO"
    made.BodyPartExamined = header.get("BodyPartExamined") or BODY_PART
    if header.get("Laterality"):
        made.Laterality = header.Laterality
    made.SourceImageSequence = [reference(header, _PURPOSE)]
    return finish(made, result, "capture")


def overlay(result: FilmResult) -> Image:
    """The film with what counts outlined, under the words of whoever signed."""
    reading, report = result.reading, result.report
    signed = signed_summary(report) if result.is_signed else None
    caption = Caption(
        report.film,
        report.in_doubt or reading.in_doubt,
        signed,
        provenance(reading.segmenter).statement,
        reading.outlines.framing.towards_left,
        _drawn_by(result),
    )
    findings = [_region(result, one) for one in result.findings]
    return draw_overlay(reading.radiograph.pixels, findings, reading.structures, caption)


def _drawn_by(result: FilmResult) -> str:
    """Whose outlines these are: the picture leaves without the report."""
    if any(one.drawn_by != "AUTOMATIC" for one in result.findings):
        return "Corrected by a human"
    return "Outlined by the network" if result.is_signed else "AI outlines, not verified"


def _region(result: FilmResult, segment: Segment) -> Region:
    """As it is drawn: of the network's own outline its region, of a human's the polygons of the mask."""
    if segment.drawn_by == "AUTOMATIC" and segment.region is not None:
        return segment.region
    polygons = [_points(one) for one in result.polygons(segment)]
    ys, xs = np.nonzero(segment.mask)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    return Region(
        name=segment.name,
        kind="finding",
        confidence=1.0,
        area_px=segment.area_px,
        area_mm2=result.area_mm2(segment),
        share_of_body=result.share_of_body(segment),
        bounding_box=box,
        polygons=polygons,
        quadrants=segment.region.quadrants if segment.region else [],
        side=segment.region.side if segment.region else None,
    )


def _points(polygon: NDArray[np.float64]) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in polygon - 0.5]
