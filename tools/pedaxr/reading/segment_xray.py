"""Outline findings and structures on one film, measure and place them, and draw them."""

from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import audited
from pedaxr.reading.notes import texts
from pedaxr.reading.overlay import Caption, area_text, draw_overlay, write_picture
from pedaxr.reading.read_film import Reading, find_source, read_film
from pedaxr.types import Region, SegmentationResult
from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, View, sign_within

if TYPE_CHECKING:
    from PIL.Image import Image

    from pedaxr.clinic import Clinic

_WHAT_THIS_IS = "Trained on synthetic films; not a medical device and not a diagnosis."


@audited
def segment_xray(
    study_id: str | None = None,
    *,
    file: Path | None = None,
    overlay: bool = True,
    overlay_folder: Path | None = None,
    clinic: "Clinic | None" = None,
) -> SegmentationResult:
    """Segment a registered study's film, or a PNG, JPEG or DICOM file.

    Args:
        study_id: from find_patient. Either this or `file`.
        file: a film outside any registry.
        overlay: draw and store the picture.
        overlay_folder: where to; by default the clinic's overlays, or the user's cache for a file.
        clinic: by default the one of `open_clinic()`; a file needs none.

    Raises:
        InvalidRequest, StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    reading = read_film(find_source(study_id, file, clinic))
    path = _overlay_path(reading, overlay_folder) if overlay else None
    if path is not None:
        write_picture(_drawn(reading), path)
    return SegmentationResult(
        study_id=reading.source.study.study_id if reading.source.study else None,
        in_doubt=reading.in_doubt,
        image_sha256=reading.radiograph.sha256,
        width=reading.radiograph.width,
        height=reading.radiograph.height,
        pixel_spacing_mm=reading.pixel_spacing_mm,
        findings=reading.findings,
        structures=reading.structures,
        measures=reading.measures,
        quality_notes=texts(reading.notes),
        summary=summarise(reading.findings, reading.metadata.view, in_doubt=reading.in_doubt),
        overlay_path=str(path) if path is not None else None,
        model=reading.model_name,
    )


def summarise(findings: list[Region], view: View | None, *, in_doubt: str | None = None) -> str:
    """One paragraph: what was outlined, what this view cannot show, what the tool is not.

    Of a film in doubt only why it gives no finding.
    """
    if in_doubt:
        return f"{in_doubt} {_WHAT_THIS_IS}"
    if findings:
        listed = "; ".join(_phrase(region) for region in findings)
        said = f"Outlined: {listed}."
    else:
        said = "No finding reached its threshold on this film; that does not exclude one."
    return " ".join([said, *view_limits(view), _WHAT_THIS_IS])


def view_limits(view: View | None) -> list[str]:
    """What cannot be judged on a film of that view."""
    if view is None:
        return ["The view is not known: air-fluid levels and free air cannot be excluded."]
    if view not in HORIZONTAL_BEAM_VIEWS:
        return ["Supine film: air-fluid levels are not assessed, and free air cannot be excluded."]
    return []


def _phrase(region: Region) -> str:
    """Such as: faecal loading (19.2 sq cm, 6% of the body; left lower quadrant; confidence 0.93)."""
    place = place_text(region.quadrants) or "place not certain"
    size = f"{area_text(region)}, {region.share_of_body:.0%} of the body"
    return f"{sign_within(region.name)} ({size}; {place}; confidence {region.confidence:.2f})"


def place_text(quadrants: list[str]) -> str:
    """Quadrants as a phrase."""
    if len(quadrants) == 4:
        return "all four quadrants"
    return ", ".join(quadrants[:-1]) + (" and " if len(quadrants) > 1 else "") + "".join(quadrants[-1:])


def _drawn(reading: Reading) -> "Image":
    return draw_overlay(
        reading.radiograph.pixels,
        reading.findings,
        reading.structures,
        Caption(in_doubt=reading.in_doubt),
    )


def _overlay_path(reading: Reading, folder: Path | None) -> Path:
    """Named by the digest of the film: names of files and studies may be those of patients."""
    source = reading.source
    if folder is None and source.clinic is not None:
        folder = source.clinic.overlays
    if folder is None:
        import platformdirs

        folder = platformdirs.user_cache_path("pedaxr") / "overlays"
    name = f"film-{reading.radiograph.sha256[:16]}"
    return folder / f"{name}.png"
