"""A child as the detector frames it: masks, levels, landmarks and facts inside the exposed field."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.facts import FilmFacts
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure
from pedaxr_models.phantom import measure
from pedaxr_models.phantom.child import Child
from pedaxr_models.phantom.geometry import YY, Field, Mask, N
from pedaxr_models.phantom.gut.levels import LEVEL_PITCHES
from pedaxr_models.phantom.measure import Landmarks, VisibleLevel
from pedaxr_models.phantom.radiography.artefacts import collimator
from pedaxr_models.phantom.ranges import ranges_of
from pedaxr_models.phantom.spec import FilmSpec


@dataclass(frozen=True)
class Framed:
    """One child as the detector frames it, before exposure: all that can be said of the film."""

    child: Child
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


def frame_child(spec: FilmSpec, child: Child) -> Framed:
    """Put the shutters round a child and read off what they leave."""
    r = ranges_of(spec)
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
    is_ambiguous = measure.is_loaded_unnamed(masks, landmarks) or any(
        measure.is_between_grades(f, measure.extent(f, masks, levels, landmarks), spec.view)
        for f in facts.present
    )
    for finding in FINDINGS:  # what is not claimed is not outlined
        if finding not in facts.present:
            masks[finding] = np.zeros((N, N), bool)
    return Framed(child, field, centre_x, masks, levels, facts, is_ambiguous)


def cavity_of(child: Child) -> Mask:
    """The belly inside its muscle and below the diaphragm, canvas (N, N)."""
    wall = child.trunk.half_width - child.anatomy.flank_px + 1
    return np.asarray((np.abs(child.trunk.x) < wall) & (child.chest.dome_y < YY))


def finding_silhouettes(spec: FilmSpec, child: Child) -> dict[str, Mask]:
    """What each intended finding would be outlined as, canvas (N, N), before pose and shutters."""
    a, c, cavity = child.anatomy, child.contents, cavity_of(child)
    findings, found = dict(spec.severity), {}
    if Finding.PYLORIC_STENOSIS in findings:
        found[Finding.PYLORIC_STENOSIS.value] = c.stomach & cavity
    if Finding.AIR_FLUID_LEVEL in findings:
        found[Finding.AIR_FLUID_LEVEL.value] = c.level_loops & cavity
    if Finding.ABDOMINAL_DISTENSION in findings:
        loops = measure.outline_round(c.dilated & cavity, 0.5 * a.pitch)
        found[Finding.ABDOMINAL_DISTENSION.value] = loops & cavity
    if Finding.CONSTIPATION in findings:
        frame = measure.outline_round(c.stool_mask & cavity, 0.7 * a.half_width)
        found[Finding.CONSTIPATION.value] = frame & cavity
    if child.free_air is not None:
        found[Finding.PNEUMOPERITONEUM.value] = child.free_air.mask
    return found


def _film_masks(spec: FilmSpec, child: Child, exposed: Mask) -> dict[str, Mask]:
    """All channels on the finished film."""
    c, cavity, empty = child.contents, cavity_of(child), np.zeros((N, N), bool)
    canvas: dict[str, Mask] = dict.fromkeys(CHANNELS, empty) | finding_silhouettes(spec, child)
    bones = child.bones.masks
    canvas |= {
        Structure.LUNGS: child.chest.lung_mask,
        Structure.HEART: child.chest.heart_mask,
        Structure.LIVER: child.organs.liver_mask & cavity,
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


def _visible_levels(child: Child, exposed: Mask) -> list[VisibleLevel]:
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


def _landmarks(child: Child) -> Landmarks:
    """Spine and the L3-L4 disc on the film (rotation is under six degrees: one column per row serves)."""
    rows = np.arange(0, N, 8, dtype=np.float32)
    points = np.array([child.pose.point(child.trunk.spine_at(float(y)), float(y)) for y in rows])
    spine_x = np.interp(np.arange(N), points[:, 1], points[:, 0]).astype(np.float32)
    disc = (child.spine.rows[1] + child.spine.rows[2]) / 2
    _, quadrant_y = child.pose.point(child.trunk.spine_at(disc), disc)
    return Landmarks(spine_x, quadrant_y, child.anatomy.pitch * child.pose.zoom)
