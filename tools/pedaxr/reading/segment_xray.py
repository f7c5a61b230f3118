"""Outline findings and structures on one film, measure and place them, and draw them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import audited
from pedaxr.clinic.provenance import Provenance, provenance
from pedaxr.reading import networks as models
from pedaxr.reading.notes import by_hand_flags, decided_by_hand, how_outlined, same_picture_flags, texts
from pedaxr.reading.overlay import LONG_EDGE, Caption, area_text, draw_overlay, write_picture
from pedaxr.reading.read_film import Reading, find_source, read_film
from pedaxr.registry.film_identity import film_identity
from pedaxr.registry.standing import signed_of
from pedaxr.stage_times import stage
from pedaxr.types import Certainty, FilmIdentity, Region, SegmentationResult, SignedReport
from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, Finding, View, sign_within
from pedaxr_models.runtime.threads import begin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pedaxr.clinic import ClinicLike
    from pedaxr.clinic.annotate import HumanDecision
    from pedaxr.radiograph.in_memory import FilmLike

    Course = NDArray[np.floating]  # (n, 2)

_THINNED = 4  # of the points of a tube's course before its end, one in so many is told
_WHAT_THIS_IS = "Not a medical device and not a diagnosis."
_next_step: ContextVar[Callable[[Reading], None] | None] = ContextVar("next_step", default=None)


@contextmanager
def followed_by(step: Callable[[Reading], None]) -> Iterator[None]:
    """In the block, `step` is called with every film that `segment_xray` has read, once no more than its
    picture is waited for.
    """
    token = _next_step.set(step)
    try:
        yield
    finally:
        _next_step.reset(token)


@audited
def segment_xray(
    study_id: str | None = None,
    *,
    file: "FilmLike | None" = None,
    overlay: bool = True,
    full_size: bool = False,
    overlay_folder: "str | Path | None" = None,
    clinic: "ClinicLike | None" = None,
) -> SegmentationResult:
    """Segment a registered study's film, or a PNG, JPEG or DICOM file, or a film in memory.

    Args:
        study_id: from find_patient. Either this or `file`.
        file: a film outside any registry: its path, the bytes of its file, a PIL image, a pydicom data set,
            or an array (H, W) or (H, W, 3 or 4), bone bright, of uint8, uint16 or floats from 0 to 1.
        overlay: draw and store the picture.
        full_size: let it show every pixel of the film; else it is at most 1,024 pixels long.
        overlay_folder: where to; by default the clinic's overlays, or the user's cache for a file.
        clinic: or its folder; by default the one of `open_clinic()`; a file needs none.

    Raises:
        InvalidRequest, StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    reading = read_film(find_source(study_id, file, clinic))
    trained, signed = provenance(reading.segmenter), _signed(reading)
    film = film_identity(reading.source.study, reading.metadata)
    folder = None if overlay_folder is None else Path(overlay_folder).expanduser()
    path = _overlay_path(reading, folder, full_size) if overlay else None
    drawing: Future[Course | None] | None = None
    if path is not None:
        left = reading.outlines.framing.towards_left
        caption = Caption(film, reading.in_doubt, signed, trained.statement, left)
        with stage("draw"):
            drawing = _begin_to_draw(reading, caption, full_size, path)
    result = _result(reading, film, signed, trained, path)
    if step := _next_step.get():  # not sooner: it would take the core from the picture that is waited for
        step(reading)
    return result if drawing is None else _with_tube(result, drawing)


def _signed(reading: Reading) -> SignedReport | None:
    """What a human signed of the film; of a file nobody did."""
    source = reading.source
    if source.study is None or source.clinic is None:
        return None
    return signed_of(source.clinic.registry.reports(source.study.study_id))


def _result(
    reading: Reading,
    film: FilmIdentity,
    signed: SignedReport | None,
    trained: Provenance,
    path: Path | None,
) -> SegmentationResult:
    decided, study = decided_by_hand(reading), reading.source.study
    critical = {} if reading.in_doubt else _critical(reading, signed, decided)
    outlined = [] if reading.in_doubt else [region.name for region in reading.findings]
    notes = [*same_picture_flags(reading), *by_hand_flags(decided, outlined), *texts(reading.notes)]
    told = summarise(
        reading.findings, reading.metadata.view, in_doubt=reading.in_doubt, trained=trained.short
    )
    return SegmentationResult(
        study_id=study.study_id if study else None,
        in_doubt=reading.in_doubt,
        image_sha256=reading.radiograph.sha256,
        width=reading.radiograph.width,
        height=reading.radiograph.height,
        pixel_spacing_mm=reading.pixel_spacing_mm,
        pixel_spacing_origin=reading.spacing.origin.value if reading.spacing else None,
        findings=reading.findings,
        structures=reading.structures,
        measures=reading.measures,
        quality_notes=notes,
        summary=told,
        towards_left=reading.outlines.framing.towards_left,
        overlay_path=str(path) if path is not None else None,
        model=reading.model_name,
        film=film,
        critical=list(critical),
        critical_certainty=critical,
        signed_report=signed,
        trained_on=trained.trained_on,
        data_statement=trained.statement,
    )


def _with_tube(result: SegmentationResult, drawing: "Future[Course | None]") -> SegmentationResult:
    """The result once its picture is stored, with the course of the gastric tube that is drawn on it."""
    with stage("draw"):
        course = drawing.result()
    if course is None:
        return result
    kept = [*course[:-1:_THINNED].tolist(), course[-1].tolist()]
    return result.model_copy(update={"gastric_tube": [(round(x), round(y)) for x, y in kept]})


def _tube(reading: Reading) -> "Course | None":
    """Along which a gastric tube is seen, on the stored film; of a film in doubt none is looked for."""
    return None if reading.in_doubt else reading.outlines.tube_on_film(models.tube_finder())


def _begin_to_draw(
    reading: Reading, caption: Caption, full_size: bool, path: Path
) -> "Future[Course | None]":
    """Draw, encode, and wait for the disk, while the figures are made; the tube that is drawn, if any."""
    long_edge = None if full_size else LONG_EDGE
    film, findings, structures = reading.radiograph.pixels, reading.findings, reading.structures

    def draw() -> "Course | None":
        told = replace(caption, tube=_tube(reading))
        write_picture(draw_overlay(film, findings, structures, told, long_edge=long_edge), path)
        return told.tube

    return begin(draw)


def _critical(
    reading: Reading, signed: SignedReport | None, decided: "Sequence[HumanDecision]"
) -> dict[str, Certainty]:
    """Free air that the network or a human has outlined, unless whoever signed does not name it critical."""
    air = Finding.PNEUMOPERITONEUM
    if signed is not None and air not in signed.critical:
        return {}
    if any(region.name == air for region in reading.findings):
        return {air.value: "outlined"}
    return {air.value: "suspected"} if any(o.finding is air and o.is_drawn for o in decided) else {}


def summarise(
    findings: list[Region], view: View | None, *, in_doubt: str | None = None, trained: str = ""
) -> str:
    """One paragraph: what was outlined, what this view cannot show, what the tool is not.

    Of a film in doubt only why it gives no finding.
    """
    if in_doubt:
        return " ".join(filter(None, [in_doubt, trained, _WHAT_THIS_IS]))
    if findings:
        listed = "; ".join(_phrase(region) for region in findings)
        said = f"Outlined: {listed}."
    else:
        said = "No finding reached its threshold on this film; that does not exclude one."
    return " ".join(filter(None, [said, *view_limits(view), trained, _WHAT_THIS_IS]))


def view_limits(view: View | None) -> list[str]:
    """What cannot be judged on a film of that view."""
    if view is None:
        return ["The view is not known: air-fluid levels and free air cannot be excluded."]
    if view not in HORIZONTAL_BEAM_VIEWS:
        return ["Supine film: air-fluid levels are not assessed, and free air cannot be excluded."]
    return []


def _phrase(region: Region) -> str:
    """Such as: faecal loading (19.2 sq cm, 6% of the body; left lower quadrant; firmly outlined)."""
    place = place_text(region.quadrants) or "place not certain"
    size = f"{area_text(region)}, {region.share_of_body:.0%} of the body"
    return f"{sign_within(region.name)} ({size}; {place}; {how_outlined(region.confidence)} outlined)"


def place_text(quadrants: list[str]) -> str:
    """Quadrants as a phrase."""
    if len(quadrants) == 4:
        return "all four quadrants"
    return ", ".join(quadrants[:-1]) + (" and " if len(quadrants) > 1 else "") + "".join(quadrants[-1:])


def _overlay_path(reading: Reading, folder: Path | None, full_size: bool) -> Path:
    """Named by the digest of the film: names of files and studies may be those of patients."""
    source = reading.source
    if folder is None and source.clinic is not None:
        folder = source.clinic.overlays
    if folder is None:
        import platformdirs

        folder = platformdirs.user_cache_path("pedaxr") / "overlays"
    name = f"film-{reading.radiograph.sha256[:16]}"
    return folder / f"{name}{'-full' if full_size else ''}.png"
