"""The outlines as a Grayscale Softcopy Presentation State (PS3.3 A.33): lines and words over the film."""

import numpy as np
from highdicom import PresentationLUTTransformation
from highdicom.color import CIELabColor
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from pydicom import Dataset

from pedaxr.dicom_objects.film_result import FilmResult, Segment
from pedaxr.dicom_objects.finish import BODY_PART, CREATOR, equipment, finish, identity
from pedaxr.dicom_objects.segmentation import content_description, tracking_uid
from pedaxr_models.labels import TERMS, sign

_LAYER = "PEDAXR"


def presentation_state(result: FilmResult) -> Dataset | None:
    """The object; None of a film on which no finding is outlined."""
    if not result.findings:
        return None
    colour = TERMS[result.findings[0].name].colour
    said = content_description(result)
    layer = GraphicLayer(_LAYER, 1, said, display_color=CIELabColor.from_rgb(*colour))
    header = result.header
    # MONOCHROME1 stores bone dark: without the inversion a viewer would show it so.
    shape = "INVERSE" if header.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
    annotation = GraphicAnnotation(
        [header],
        layer,
        graphic_objects=[line for one in result.findings for line in _lines(result, one)],
        text_objects=[_words(result, one) for one in result.findings],
    )
    made = GrayscaleSoftcopyPresentationState(
        [header],
        content_label=_LAYER,
        content_description=said,
        graphic_layers=[layer],
        graphic_annotations=[annotation],
        content_creator_name=CREATOR,
        presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
        **identity(result, "gsps"),
        **equipment(result),
    )
    made.BodyPartExamined = header.get("BodyPartExamined") or BODY_PART
    if header.get("Laterality"):
        made.Laterality = header.Laterality
    return finish(made, result, "gsps")


def _lines(result: FilmResult, segment: Segment) -> list[GraphicObject]:
    return [
        GraphicObject(
            "POLYLINE",
            np.concatenate([polygon, polygon[:1]]),
            units="PIXEL",
            tracking_id=segment.name,
            tracking_uid=tracking_uid(result, segment.name),
        )
        for polygon in result.polygons(segment)
    ]


def _words(result: FilmResult, segment: Segment) -> TextObject:
    """Whose outline it is and of what, at its upper left corner."""
    ys, xs = np.nonzero(segment.mask)
    by_network = segment.region if segment.drawn_by == "AUTOMATIC" else None
    by = f"AI {by_network.confidence:.0%}" if by_network else "human"
    return TextObject(
        f"{sign(segment.name)} ({by})",
        units="PIXEL",
        anchor_point=(float(xs.min()) + 0.5, float(ys.min()) + 0.5),
        anchor_point_visible=False,
    )
