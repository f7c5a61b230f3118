"""One synthetic film, from specification to pixels, masks, outlines, facts and metadata."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.facts import FilmFacts
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure
from pedaxr_models.phantom import measure
from pedaxr_models.phantom.anatomy import Anatomy, sample_anatomy
from pedaxr_models.phantom.artefacts import Hardware, build_hardware, collimator, draw_marker
from pedaxr_models.phantom.bone import BoneMap
from pedaxr_models.phantom.chest import Chest, build_chest
from pedaxr_models.phantom.contents import Contents, Gravity, fill_gut
from pedaxr_models.phantom.free_air import FreeAir, build_free_air
from pedaxr_models.phantom.geometry import Field, Mask, N, coverage, smoothstep
from pedaxr_models.phantom.gut import Gut, build_gut
from pedaxr_models.phantom.measure import Landmarks, VisibleLevel
from pedaxr_models.phantom.metadata import sample_metadata
from pedaxr_models.phantom.organs import Organs, build_organs
from pedaxr_models.phantom.pelvis import build_pelvis
from pedaxr_models.phantom.plan import plan_gut
from pedaxr_models.phantom.pose import Pose, sample_pose
from pedaxr_models.phantom.processing import process
from pedaxr_models.phantom.projection import Materials, expose
from pedaxr_models.phantom.ribs import build_ribs
from pedaxr_models.phantom.spec import FilmSpec
from pedaxr_models.phantom.spine import Spine, build_spine
from pedaxr_models.phantom.trunk import Trunk, build_trunk

_ATTEMPTS = 6
_DILATED_PITCHES = 0.40  # loop radius from which a distended child's loops are outlined
_SEGMENT_GROUPS = (("ascending", "transverse"), ("descending",), ("sigmoid", "rectum"))


@dataclass(frozen=True)
class PhantomFilm:
    """A film and everything known of it.

    Attributes:
        pixels: (512, 512) uint8, bone bright.
        pixel_spacing_mm: row, column, after zoom.
        masks: every channel of `CHANNELS`, (512, 512) bool, inside the exposed field.
        polygons: per present finding, pieces (n, 2) float32 of x, y in film pixels.
        measures: sizes in millimetres and counts, see `_measures`.
        label: the most urgent visible finding, or normal.
    """

    spec: FilmSpec
    pixels: NDArray[np.uint8]
    pixel_spacing_mm: tuple[float, float]
    masks: dict[str, Mask]
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


def make_film(spec: FilmSpec) -> PhantomFilm:
    """Make one film; drawn again when an intended finding falls outside the exposed field.

    Equal specs give equal bytes. A finding that stays invisible after several attempts is not claimed.
    """
    cv2.setNumThreads(1)
    wanted = {finding for finding, _ in spec.severity}
    film = _make_once(spec)
    for attempt in range(1, _ATTEMPTS):
        if set(film.facts.present) == wanted:
            break
        film = _make_once(replace(spec, attempt=attempt))
    return film


def _make_once(spec: FilmSpec) -> PhantomFilm:
    child = _build_child(spec)
    a, pose = child.anatomy, child.pose
    centre_x, _ = pose.point(a.centre_x, 256)
    half_width = a.half_width * pose.zoom
    field = collimator(half_width, centre_x, spec.rng("collimator"))
    exposed = field > 0.5
    masks = _film_masks(spec, child, exposed)
    levels = _visible_levels(child, exposed)
    landmarks = _landmarks(child)
    if Finding.AIR_FLUID_LEVEL not in measure.present_findings(masks, levels):
        masks[Finding.AIR_FLUID_LEVEL] = np.zeros((N, N), bool)
    facts = measure.measure_facts(
        spec.view,
        dict(spec.severity),
        masks,
        levels,
        landmarks,
        stool_burden=_stool_burden(child.contents),
        gastric_tube=bool(
            (pose.warp_mask(child.hardware.gastric_tube) & exposed).sum() >= measure.MIN_REGION_PX
        ),
    )
    for finding in FINDINGS:  # what is not claimed is not outlined
        if finding not in facts.present:
            masks[finding] = np.zeros((N, N), bool)
    mm = a.mm_per_px / pose.zoom
    return PhantomFilm(
        spec=spec,
        pixels=_pixels(spec, child, field, half_width, centre_x),
        pixel_spacing_mm=(mm, mm),
        masks=masks,
        polygons={finding: measure.polygons_of(masks[finding]) for finding in facts.present},
        facts=facts,
        measures=_measures(child, masks, levels, mm),
        metadata=sample_metadata(spec, facts.label),
        label=facts.label,
    )


def _build_child(spec: FilmSpec) -> _Child:
    plan = plan_gut(spec)
    a = sample_anatomy(spec.age_months, spec.rng("anatomy"), plan.widening)
    pose = sample_pose(a.infancy, spec.rng("pose"))
    trunk = build_trunk(a, spec.rng("trunk"), spec.rng("arms"))
    chest = build_chest(a, trunk, spec.rng("chest"))
    organs = build_organs(a, trunk, chest, spec.rng("organs"))
    bones = BoneMap()
    spine = build_spine(a, trunk, bones, spec.rng("spine"))
    build_ribs(a, trunk, spine, bones, spec.rng("ribs"))
    build_pelvis(a, trunk, bones, spec.rng("pelvis"))
    gut = build_gut(a, trunk, chest, plan, spec.rng("gut"))
    severity = dict(spec.severity)
    dilated = _DILATED_PITCHES * a.pitch if Finding.ABDOMINAL_DISTENSION in severity else None
    gravity = Gravity(spec.view, pose.gravity_row())
    contents = fill_gut(a, gut, plan, gravity, dilated, spec.rng("contents"))
    free_air = None
    if Finding.PNEUMOPERITONEUM in severity:
        amount = severity[Finding.PNEUMOPERITONEUM]
        rng = spec.rng("free air")
        free_air = build_free_air(spec.view, amount, a, trunk, chest, contents, organs.belly, rng)
    hardware = build_hardware(a, trunk, chest, spec.rng("hardware"))
    return _Child(a, trunk, chest, organs, bones, spine, gut, contents, free_air, hardware, pose)


def _pixels(
    spec: FilmSpec, child: _Child, field: Field, half_width: float, centre_x: float
) -> NDArray[np.uint8]:
    """Expose, pose, develop and finish."""
    materials = _materials(spec, child)
    log_exposure = child.pose.warp(expose(materials, child.anatomy.mm_per_px, spec.rng("exposure")))
    anchor = (materials.body > 0.5 * np.percentile(materials.body, 90)) & (
        materials.gas + materials.lung_air < 1
    )
    anchor &= materials.metal < 0.1
    film = process(log_exposure, child.pose.warp_mask(anchor) & (field > 0.9), spec.rng("processing"))
    film = film * field + (1 - field) * spec.rng("shutter").uniform(0, 0.03)
    film = draw_marker(film, half_width, centre_x, spec.rng("marker"))
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
    """Levels on the film, clipped to the exposed field."""
    visible = []
    shortest = (
        0.75 * 0.8 * child.anatomy.pitch * child.pose.zoom
    )  # a level cut short by the shutter counts less
    for level in child.contents.levels:
        (x0, y0), (x1, y1) = child.pose.point(*level.start), child.pose.point(*level.end)
        xs = np.arange(np.ceil(max(0.0, min(x0, x1))), min(N - 1.0, max(x0, x1)) + 1).astype(int)
        y = round((y0 + y1) / 2)
        if not 0 <= y < N or not len(xs):
            continue
        xs = xs[exposed[y, xs]]
        if len(xs) >= 5:
            counts = level.counts and len(xs) >= shortest
            visible.append(VisibleLevel(level.organ, float(xs[0]), float(xs[-1] + 1), float(y), counts))
    return visible


def _landmarks(child: _Child) -> Landmarks:
    """Spine and the L3-L4 disc on the film (rotation is under six degrees: one column per row serves)."""
    rows = np.arange(0, N, 8, dtype=np.float32)
    points = np.array([child.pose.point(child.trunk.spine_at(float(y)), float(y)) for y in rows])
    spine_x = np.interp(np.arange(N), points[:, 1], points[:, 0]).astype(np.float32)
    disc = (child.spine.rows[1] + child.spine.rows[2]) / 2
    _, quadrant_y = child.pose.point(child.trunk.spine_at(disc), disc)
    return Landmarks(spine_x, quadrant_y, child.anatomy.pitch * child.pose.zoom)


def _stool_burden(contents: Contents) -> tuple[int, int, int]:
    """Right colon, left colon, rectosigmoid: 0 none, 1 under 40 % of haustra, 2 under 75 %, 3 packed."""
    scores = []
    for group in _SEGMENT_GROUPS:
        share = float(np.mean([contents.burden[name] for name in group]))
        scores.append(0 if share < 0.08 else 1 if share < 0.40 else 2 if share < 0.75 else 3)
    return scores[0], scores[1], scores[2]


def _measures(
    child: _Child, masks: dict[str, Mask], levels: list[VisibleLevel], mm: float
) -> dict[str, float]:
    """Millimetres on the film, inside the exposed field."""
    gas = masks[Structure.SMALL_BOWEL_GAS]
    counted = [level for level in levels if level.counts]
    out = {
        "mm_per_px": mm,
        "l2_width_mm": child.spine.l2_width * child.anatomy.mm_per_px,
        "stomach_max_diameter_mm": measure.longest_diameter_px(masks[Structure.STOMACH]) * mm,
        "widest_loop_mm": measure.longest_diameter_px(gas) * mm,
        "widest_colon_mm": measure.longest_diameter_px(masks[Structure.COLON]) * mm,
        "rectum_mm": child.gut.colon[-1].diameter * child.anatomy.mm_per_px,
        "level_count": float(len(counted)),
    }
    if masks[Finding.PNEUMOPERITONEUM].any():
        columns = masks[Finding.PNEUMOPERITONEUM].sum(0)
        out["free_air_max_gap_mm"] = float(columns.max()) * mm
    for i, level in enumerate(counted):
        out[f"level_{i}_width_mm"] = level.width * mm
        out[f"level_{i}_y_px"] = level.y
    return {name: round(value, 4) for name, value in out.items()}
