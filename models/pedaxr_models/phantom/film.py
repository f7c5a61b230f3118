"""One synthetic film, from specification to pixels, masks, outlines, facts and metadata."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import Finding
from pedaxr_models.phantom import measure
from pedaxr_models.phantom.body.skin_fold import build_skin_fold
from pedaxr_models.phantom.child import Child, build_child
from pedaxr_models.phantom.framing import Framed, frame_child
from pedaxr_models.phantom.geometry import YY, Field, Mask, blur, coverage, smoothstep
from pedaxr_models.phantom.gut.clutter import build_clutter
from pedaxr_models.phantom.lengths import measure_lengths
from pedaxr_models.phantom.metadata import sample_metadata
from pedaxr_models.phantom.noise import fractal, texture
from pedaxr_models.phantom.radiography.artefacts import add_grid
from pedaxr_models.phantom.radiography.markers import draw_markers
from pedaxr_models.phantom.radiography.processing import process
from pedaxr_models.phantom.radiography.projection import Materials, expose
from pedaxr_models.phantom.radiography.surround import lay_on_plate, surround
from pedaxr_models.phantom.ranges import Ranges, draw, ranges_of
from pedaxr_models.phantom.spec import FilmSpec

_ATTEMPTS = 6


@dataclass(frozen=True)
class PhantomFilm:
    """A film and everything known of it.

    Attributes:
        pixels: (512, 512) uint8, bone bright.
        pixel_spacing_mm: row, column, after zoom.
        masks: every channel of `CHANNELS`, (512, 512) bool, inside the exposed field.
        exposed: (512, 512) bool, what the shutters leave open.
        polygons: per present finding, pieces (n, 2) float32 of x, y in film pixels.
        measures: sizes in millimetres and counts, see `measure_lengths`.
        label: the most urgent visible finding, or normal.
    """

    spec: FilmSpec
    pixels: NDArray[np.uint8]
    pixel_spacing_mm: tuple[float, float]
    masks: dict[str, Mask]
    exposed: Mask
    polygons: dict[Finding, list[NDArray[np.float32]]]
    facts: FilmFacts
    measures: dict[str, float]
    metadata: FilmMetadata
    label: str


def make_film(spec: FilmSpec) -> PhantomFilm:
    """Make one film; drawn again when an intended finding falls outside the exposed field.

    Equal specs give equal bytes. A finding that stays invisible after several attempts is not claimed.
    """
    spec, view = frame_film(spec)
    mm = view.child.anatomy.mm_per_px / view.child.pose.zoom
    facts, masks = view.facts, view.masks
    return PhantomFilm(
        spec=spec,
        pixels=_pixels(spec, view),
        pixel_spacing_mm=(mm, mm),
        masks=masks,
        exposed=view.field > 0.5,
        polygons={finding: measure.polygons_of(masks[finding]) for finding in facts.present},
        facts=facts,
        measures=measure_lengths(view, mm),
        metadata=sample_metadata(spec, facts.label),
        label=facts.label,
    )


def frame_film(spec: FilmSpec) -> tuple[FilmSpec, Framed]:
    """A film as far as its truth goes, without pixels: the attempt that is kept, and the child as framed."""
    cv2.setNumThreads(1)
    wanted = {finding for finding, _ in spec.severity}
    view = frame_child(spec, build_child(spec))
    for attempt in range(1, _ATTEMPTS):
        if set(view.facts.present) == wanted and not view.is_ambiguous:
            break
        spec = replace(spec, attempt=attempt)
        view = frame_child(spec, build_child(spec))
    return spec, view


def _pixels(spec: FilmSpec, view: Framed) -> NDArray[np.uint8]:
    """Expose, pose, develop and finish."""
    child, field = view.child, view.field
    r = ranges_of(spec)
    materials = _materials(spec, child)
    exposure = expose(materials, child.anatomy.mm_per_px, spec.rng("exposure"), r)
    log_exposure = add_grid(child.pose.warp(exposure.film), spec.rng("grid"))
    anchor = (materials.body > 0.5 * np.percentile(materials.body, 90)) & (materials.lung_air < 1)
    anchor = child.pose.warp_mask(anchor) & (field > 0.9)
    film = process(log_exposure, child.pose.warp(exposure.tissue), anchor, spec.rng("processing"), r)
    film = film * field + (1 - field) * surround(spec.rng("shutter"), r)
    film = lay_on_plate(film, spec.rng("plate"), r)
    film = draw_markers(film, spec.view, view.half_width, view.centre_x, spec.rng("marker"), r)
    return np.asarray(np.clip(film, 0, 1) * 255, np.uint8)


def _materials(spec: FilmSpec, child: Child) -> Materials:
    a, trunk, contents = child.anatomy, child.trunk, child.contents
    rng = spec.rng("mineral")
    mineral = (0.62 + 0.38 * a.ossification) * rng.uniform(0.9, 1.15)
    cortical, trabecular = child.bones.finished(mineral, rng.uniform(0.85, 1.1), rng)
    room = 2 * trunk.half_depth * 0.62
    inside = coverage(np.abs(trunk.x) - (trunk.half_width - a.flank_px - 1), 1.5)
    inside = inside * smoothstep(-2, 3, (child.chest.dome_y - YY) * -1)
    r = ranges_of(spec)
    gas = contents.gas + build_clutter(trunk, spec.rng("clutter"), r)
    gas = np.minimum(gas, room * 0.8) * inside
    if child.free_air is not None:
        gas = np.minimum(gas + child.free_air.gas, room)
    fat = trunk.fat + child.organs.fat * (1 - contents.fluid)
    cortical, trabecular, fat = _softened(cortical, trabecular, fat, trunk.belly, spec.rng("softening"), r)
    return Materials(
        body=trunk.thickness + build_skin_fold(a, trunk, child.chest, spec.rng("skin fold")),
        fat=fat,
        cortical=cortical,
        trabecular=trabecular,
        gas=np.asarray(gas, np.float32),
        lung_air=_with_fine_vessels(child.chest.air, spec.rng("fine vessels"), r),
        stool=contents.stool,
        metal=child.hardware.metal,
    )


def _softened(
    cortical: Field, trabecular: Field, fat: Field, belly: Field, rng: np.random.Generator, r: Ranges
) -> tuple[Field, Field, Field]:
    """Bones without a ruled outline and of uneven density; soft tissue as cloudy as on real films."""
    uneven, softness = draw(rng, r.uneven), draw(rng, r.bone_blur_px)
    if uneven <= 0:
        return cortical, trabecular, fat
    cloudy = 1 + uneven * (0.22 * fractal(rng, 1.3) + 0.12 * texture(rng, 3.0))
    cortical = blur(cortical, softness) * np.clip(cloudy, 0.35, 1.8)
    trabecular = trabecular * np.clip(2 - cloudy, 0.4, 1.7)
    streaks = np.clip(fractal(rng, 1.4) + 0.5 * texture(rng, 5.0), -1.5, 2.5)
    return (
        cortical,
        trabecular,
        np.asarray(fat * np.clip(1 + 0.35 * uneven * streaks * belly, 0.2, 2.5), np.float32),
    )


def _with_fine_vessels(air: Field, rng: np.random.Generator, r: Ranges) -> Field:
    """Lung whose small vessels and crossing lines are seen down to the base, as on real films."""
    share = draw(rng, r.vessels)
    if share <= 0:
        return air
    net = np.zeros_like(air)
    for size in (2.5, 4.0, 7.0):
        lines = np.exp(-((texture(rng, size) / 0.22) ** 2)) * smoothstep(-0.6, 0.8, texture(rng, 3 * size))
        net += lines / 3
    cloudy = 0.5 + 0.5 * smoothstep(-1, 1, texture(rng, 45))
    return np.asarray(air * (1 - share * net * cloudy), np.float32)
