"""One synthetic film, from specification to pixels, masks, outlines, facts and metadata."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.facts import FilmFacts
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure, View
from pedaxr_models.phantom import measure
from pedaxr_models.phantom.anatomy import Anatomy, sample_anatomy
from pedaxr_models.phantom.artefacts import Hardware, add_grid, build_hardware, collimator
from pedaxr_models.phantom.bone import BoneMap
from pedaxr_models.phantom.chest import Chest, build_chest
from pedaxr_models.phantom.contents import Contents, fill_gut
from pedaxr_models.phantom.free_air import FreeAir, build_free_air
from pedaxr_models.phantom.geometry import Field, Mask, N, coverage, smoothstep
from pedaxr_models.phantom.gut import Gut, build_gut
from pedaxr_models.phantom.levels import LEVEL_PITCHES, Gravity
from pedaxr_models.phantom.limbs import build_arms, build_femora
from pedaxr_models.phantom.markers import draw_markers
from pedaxr_models.phantom.measure import Landmarks, VisibleLevel
from pedaxr_models.phantom.metadata import sample_metadata
from pedaxr_models.phantom.organs import Organs, build_organs
from pedaxr_models.phantom.pelvis import build_pelvis
from pedaxr_models.phantom.plan import plan_gut
from pedaxr_models.phantom.pose import Pose, sample_pose
from pedaxr_models.phantom.processing import process
from pedaxr_models.phantom.projection import Materials, expose
from pedaxr_models.phantom.ranges import draw, ranges_of
from pedaxr_models.phantom.ribs import build_ribs
from pedaxr_models.phantom.spec import FilmSpec
from pedaxr_models.phantom.spine import Spine, build_spine
from pedaxr_models.phantom.trunk import Trunk, build_trunk
from pedaxr_models.segmentation.measures import measure_film, widest_circle

_ATTEMPTS = 6
_DILATED_PITCHES = 0.40  # loop radius from which a distended child's loops are outlined


@dataclass(frozen=True)
class PhantomFilm:
    """A film and everything known of it.

    Attributes:
        pixels: (512, 512) uint8, bone bright.
        pixel_spacing_mm: row, column, after zoom.
        masks: every channel of `CHANNELS`, (512, 512) bool, inside the exposed field.
        exposed: (512, 512) bool, what the shutters leave open.
        polygons: per present finding, pieces (n, 2) float32 of x, y in film pixels.
        measures: sizes in millimetres and counts, see `_measures`.
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


@dataclass(frozen=True)
class _Child:
    """One child in canvas coordinates, before exposure."""

    anatomy: Anatomy
    trunk: Trunk
    chest: Chest
    organs: Organs
    bones: BoneMap
    spine: Spine
    gut: Gut
    contents: Contents
    free_air: FreeAir | None
    hardware: Hardware
    pose: Pose


@dataclass(frozen=True)
class _View:
    """One child as the detector frames it, before exposure: all that can be said of the film."""

    child: _Child
    field: Field
    centre_x: float
    masks: dict[str, Mask]
    levels: list[VisibleLevel]
    facts: FilmFacts
    is_ambiguous: bool

    @property
    def half_width(self) -> float:
        """Of the trunk, film pixels."""
        return self.child.anatomy.half_width * self.child.pose.zoom


def make_film(spec: FilmSpec) -> PhantomFilm:
    """Make one film; drawn again when an intended finding falls outside the exposed field.

    Equal specs give equal bytes. A finding that stays invisible after several attempts is not claimed.
    """
    cv2.setNumThreads(1)
    wanted = {finding for finding, _ in spec.severity}
    view = _frame(spec)
    for attempt in range(1, _ATTEMPTS):
        if set(view.facts.present) == wanted and not view.is_ambiguous:
            break
        spec = replace(spec, attempt=attempt)
        view = _frame(spec)
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
        measures=_measures(view, spec, mm),
        metadata=sample_metadata(spec, facts.label),
        label=facts.label,
    )


def _frame(spec: FilmSpec) -> _View:
    r = ranges_of(spec.domain)
    child = _build_child(spec)
    pose = child.pose
    centre_x, _ = pose.point(child.anatomy.centre_x, 256)
    field = collimator(
        child.anatomy.half_width * pose.zoom, centre_x, spec.rng("collimator"), r, pose.reach()
    )
    exposed = field > 0.5
    masks = _film_masks(spec, child, exposed)
    levels = _visible_levels(child, exposed)
    landmarks = _landmarks(child)
    if Finding.AIR_FLUID_LEVEL not in measure.present_findings(masks, levels):
        masks[Finding.AIR_FLUID_LEVEL] = np.zeros((N, N), bool)
    tube = pose.warp_mask(child.hardware.gastric_tube) & exposed
    facts = measure.measure_facts(
        spec.view, masks, levels, landmarks, gastric_tube=bool(tube.sum() >= measure.MIN_REGION_PX)
    )
    is_ambiguous = measure.is_loaded_unnamed(masks, landmarks)
    for finding in FINDINGS:  # what is not claimed is not outlined
        if finding not in facts.present:
            masks[finding] = np.zeros((N, N), bool)
    return _View(child, field, centre_x, masks, levels, facts, is_ambiguous)


def _build_child(spec: FilmSpec) -> _Child:
    r = ranges_of(spec.domain)
    plan = plan_gut(spec)
    a = sample_anatomy(spec.age_months, spec.rng("anatomy"), plan.widening, r)
    pose = sample_pose(a.infancy, spec.rng("pose"), r)
    trunk = build_trunk(a, spec.rng("trunk"), spec.rng("arms"))
    chest = build_chest(a, trunk, spec.rng("chest"))
    organs = build_organs(a, trunk, chest, spec.rng("organs"))
    bones = BoneMap()
    spine = build_spine(a, trunk, bones, spec.rng("spine"))
    build_ribs(a, trunk, spine, bones, spec.rng("ribs"))
    hips = build_pelvis(a, trunk, bones, spec.rng("pelvis"))
    build_femora(a, trunk, hips, bones, spec.rng("femora"))
    build_arms(a, trunk, bones, spec.rng("arm bones"))
    gut = build_gut(a, trunk, chest, plan, spec.rng("gut"))
    severity = dict(spec.severity)
    dilated = _DILATED_PITCHES * a.pitch if Finding.ABDOMINAL_DISTENSION in severity else None
    gravity = Gravity.of(spec.view, pose)
    contents = fill_gut(a, gut, plan, gravity, dilated, spec.rng("contents"))
    free_air = None
    if Finding.PNEUMOPERITONEUM in severity:
        amount = severity[Finding.PNEUMOPERITONEUM]
        rng = spec.rng("free air")
        free_air = build_free_air(gravity, amount, a, trunk, chest, contents, organs.belly, rng)
    hardware = build_hardware(a, trunk, chest, spec.rng("hardware"))
    return _Child(a, trunk, chest, organs, bones, spine, gut, contents, free_air, hardware, pose)


def _pixels(spec: FilmSpec, view: _View) -> NDArray[np.uint8]:
    """Expose, pose, develop and finish."""
    child, field = view.child, view.field
    r = ranges_of(spec.domain)
    materials = _materials(spec, child)
    exposure = expose(materials, child.anatomy.mm_per_px, spec.rng("exposure"), r)
    log_exposure = add_grid(child.pose.warp(exposure.film), spec.rng("grid"))
    anchor = (materials.body > 0.5 * np.percentile(materials.body, 90)) & (materials.lung_air < 1)
    anchor = child.pose.warp_mask(anchor) & (field > 0.9)
    film = process(log_exposure, child.pose.warp(exposure.tissue), anchor, spec.rng("processing"), r)
    film = film * field + (1 - field) * draw(spec.rng("shutter"), r.shutter_floor)
    film = draw_markers(film, spec.view, view.half_width, view.centre_x, spec.rng("marker"), r)
    return np.asarray(np.clip(film, 0, 1) * 255, np.uint8)


def _materials(spec: FilmSpec, child: _Child) -> Materials:
    a, trunk, contents = child.anatomy, child.trunk, child.contents
    rng = spec.rng("mineral")
    mineral = (0.62 + 0.38 * a.ossification) * rng.uniform(0.9, 1.15)
    cortical, trabecular = child.bones.finished(mineral, rng.uniform(0.85, 1.1), rng)
    room = 2 * trunk.half_depth * 0.62
    inside = coverage(np.abs(trunk.x) - (trunk.half_width - a.flank_px - 1), 1.5)
    inside = inside * smoothstep(-2, 3, (child.chest.dome_y - _rows()) * -1)
    gas = np.minimum(contents.gas, room * 0.8) * inside
    if child.free_air is not None:
        gas = np.minimum(gas + child.free_air.gas, room)
    fat = trunk.fat + child.organs.fat * (1 - contents.fluid)
    return Materials(
        body=trunk.thickness,
        fat=fat,
        cortical=cortical,
        trabecular=trabecular,
        gas=np.asarray(gas, np.float32),
        lung_air=child.chest.air,
        stool=contents.stool,
        metal=child.hardware.metal,
    )


def _rows() -> Field:
    return np.arange(N, dtype=np.float32)[:, None]


def _film_masks(spec: FilmSpec, child: _Child, exposed: Mask) -> dict[str, Mask]:
    """All channels on the finished film."""
    a, c = child.anatomy, child.contents
    cavity = (np.abs(child.trunk.x) < child.trunk.half_width - a.flank_px + 1) & (
        _rows() > child.chest.dome_y
    )
    empty = np.zeros((N, N), bool)
    findings = dict(spec.severity)
    canvas: dict[str, Mask] = dict.fromkeys(CHANNELS, empty)
    if Finding.PYLORIC_STENOSIS in findings:
        canvas[Finding.PYLORIC_STENOSIS] = c.stomach & cavity
    if Finding.AIR_FLUID_LEVEL in findings:
        canvas[Finding.AIR_FLUID_LEVEL] = c.level_loops & cavity
    if Finding.ABDOMINAL_DISTENSION in findings:
        canvas[Finding.ABDOMINAL_DISTENSION] = (
            measure.outline_round(c.dilated & cavity, 0.5 * a.pitch) & cavity
        )
    if Finding.CONSTIPATION in findings:
        frame = measure.outline_round(c.stool_mask & cavity, 0.7 * a.half_width)
        canvas[Finding.CONSTIPATION] = frame & cavity
    if child.free_air is not None:
        canvas[Finding.PNEUMOPERITONEUM] = child.free_air.mask
    bones = child.bones.masks
    canvas |= {
        Structure.LUNGS: child.chest.lung_mask,
        Structure.HEART: child.chest.heart_mask,
        Structure.LIVER: child.organs.liver_mask,
        Structure.SPINE: bones.get("spine", empty),
        Structure.L2_BODY: bones.get("l2_body", empty),
        Structure.RIBS: bones.get("ribs", empty),
        Structure.PELVIS: bones.get("pelvis", empty),
        Structure.STOMACH: c.stomach & cavity,
        Structure.COLON: c.colon & cavity,
        Structure.SMALL_BOWEL_GAS: c.small_bowel_gas & cavity,
        Structure.STOOL: c.stool_mask & cavity,
        Structure.DIAPHRAGM: child.chest.diaphragm_mask,
    }
    masks = {channel: child.pose.warp_mask(mask) & exposed for channel, mask in canvas.items()}
    return {channel: measure.drop_small(m) if channel in FINDINGS else m for channel, m in masks.items()}


def _visible_levels(child: _Child, exposed: Mask) -> list[VisibleLevel]:
    """Levels on the film, clipped to the exposed field; one cut short by the shutter counts less."""
    shortest = 0.75 * LEVEL_PITCHES * child.anatomy.pitch * child.pose.zoom
    visible = []
    for level in child.contents.levels:
        ends = np.array([child.pose.point(*level.start), child.pose.point(*level.end)])
        steps = int(np.hypot(*(ends[1] - ends[0]))) + 2
        points = ends[0] + np.linspace(0, 1, steps)[:, None] * (ends[1] - ends[0])
        places = np.round(points).astype(int)
        places_on_film = ((places >= 0) & (places < N)).all(1)
        kept = points[places_on_film][exposed[places[places_on_film, 1], places[places_on_film, 0]]]
        if len(kept) >= 5:
            start, end = (tuple(float(v) for v in kept[k]) for k in (0, -1))
            counts = level.counts and len(kept) >= shortest
            visible.append(
                VisibleLevel(level.organ, (start[0], start[1]), (end[0], end[1]), counts, level.loop)
            )
    return visible


def _landmarks(child: _Child) -> Landmarks:
    """Spine and the L3-L4 disc on the film (rotation is under six degrees: one column per row serves)."""
    rows = np.arange(0, N, 8, dtype=np.float32)
    points = np.array([child.pose.point(child.trunk.spine_at(float(y)), float(y)) for y in rows])
    spine_x = np.interp(np.arange(N), points[:, 1], points[:, 0]).astype(np.float32)
    disc = (child.spine.rows[1] + child.spine.rows[2]) / 2
    _, quadrant_y = child.pose.point(child.trunk.spine_at(disc), disc)
    return Landmarks(spine_x, quadrant_y, child.anatomy.pitch * child.pose.zoom)


def _measures(view: _View, spec: FilmSpec, mm: float) -> dict[str, float]:
    """Millimetres on the film, inside the exposed field; what cannot be measured there is left out."""
    child, masks, levels = view.child, view.masks, view.levels
    seen = measure_film(masks, spec.view)
    rectum = child.pose.warp_mask(child.contents.rectum) & masks[Structure.COLON]
    counted = [level for level in levels if level.counts]
    lengths = {
        "l2_width_mm": seen.l2_width,
        "stomach_max_diameter_mm": seen.stomach,
        "widest_loop_mm": seen.widest_loop,
        "widest_colon_mm": seen.widest_colon,
        "rectum_mm": widest_circle(rectum),
        "free_air_max_gap_mm": seen.free_air_gap,
        "level_height_difference_mm": _height_difference(counted, spec.view),
    }
    lengths |= {f"level_{i}_width_mm": level.length for i, level in enumerate(counted)}
    out = {"mm_per_px": mm, "level_count": float(len(counted))}
    out |= {name: length * mm for name, length in lengths.items() if length is not None}
    return {name: round(value, 4) for name, value in out.items()}


def _height_difference(levels: list[VisibleLevel], view: View) -> float | None:
    """Greatest difference in height of two levels of one loop, pixels: unequal levels suggest obstruction."""
    axis = 0 if view is View.LEFT_LATERAL_DECUBITUS else 1
    heights: dict[int, list[float]] = {}
    for level in levels:
        heights.setdefault(level.loop, []).append((level.start[axis] + level.end[axis]) / 2)
    spans = [max(h) - min(h) for h in heights.values() if len(h) > 1]
    return max(spans) if spans and max(spans) >= 3 else None
