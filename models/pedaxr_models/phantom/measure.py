"""Facts and measures, read off the finished film's visible pixels, never off the plan."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pedaxr_models.facts import (
    DistalGas,
    FilmFacts,
    FindingFact,
    Presence,
    Quadrant,
    Side,
)
from pedaxr_models.grades import distal_gas_of, limits_of, severity_of, stool_grade_of
from pedaxr_models.labels import FINDINGS, Finding, Structure, View
from pedaxr_models.phantom.geometry import Field, Mask
from pedaxr_models.segmentation.measures import colon_parts, widest_circle

MIN_REGION_PX = 30
MIN_LEVELS = 3
# Half the dead zone round a grade's threshold, as a share of it: a film in it is drawn again.
_DEAD_ZONE = dict.fromkeys(Finding, 0.03) | {
    Finding.PYLORIC_STENOSIS: 0.012,
    Finding.ABDOMINAL_DISTENSION: 0.015,
}
_LOADED = 12.0  # square pitches of stool in all from which a radiologist would speak of loading


@dataclass(frozen=True)
class VisibleLevel:
    """A gas-fluid level inside the exposed field: its ends, x, y in film pixels."""

    organ: str
    start: tuple[float, float]
    end: tuple[float, float]
    counts: bool
    loop: int = -1

    @property
    def length(self) -> float:
        """Film pixels."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


@dataclass(frozen=True)
class Landmarks:
    """Film pixels: spine column by row, and the row of the L3-L4 disc that divides the quadrants."""

    spine_x: Field
    quadrant_y: float
    pitch: float


def present_findings(masks: Mapping[str, Mask], levels: list[VisibleLevel]) -> frozenset[Finding]:
    """Findings with a visible region; levels need three that are long enough."""
    seen = {f for f in FINDINGS if masks[f].sum() >= MIN_REGION_PX}
    if sum(level.counts for level in levels) < MIN_LEVELS:
        seen.discard(Finding.AIR_FLUID_LEVEL)
    return frozenset(seen)


def extent(
    finding: Finding, masks: Mapping[str, Mask], levels: list[VisibleLevel], landmarks: Landmarks
) -> float:
    """How much of a finding is to be seen, in lumbar pitches, so that age and zoom cancel.

    Stenosis and distension: calibre of the stomach, and of the widest loop. Levels: their number.
    Constipation and free air: area of the stool, and of the gas.
    """
    square = landmarks.pitch**2
    if finding is Finding.PYLORIC_STENOSIS:
        return (widest_circle(masks[Structure.STOMACH]) or 0.0) / landmarks.pitch
    if finding is Finding.ABDOMINAL_DISTENSION:
        gas = masks[Structure.SMALL_BOWEL_GAS], masks[Structure.COLON] & ~masks[Structure.STOOL]
        return max(widest_circle(m) or 0.0 for m in gas) / landmarks.pitch
    if finding is Finding.AIR_FLUID_LEVEL:
        return float(sum(level.counts for level in levels))
    shown = Structure.STOOL if finding is Finding.CONSTIPATION else finding
    return float(masks[shown].sum()) / square


def is_loaded_unnamed(masks: Mapping[str, Mask], landmarks: Landmarks) -> bool:
    """Whether there is as much stool as in constipation on a film that is not to show it."""
    extent_of_stool = float(masks[Structure.STOOL].sum()) / landmarks.pitch**2
    return not masks[Finding.CONSTIPATION].any() and extent_of_stool >= _LOADED


def is_between_grades(finding: Finding, value: float, view: View) -> bool:
    """Whether an extent lies so near a threshold that two readers would grade it differently."""
    return any(abs(value / limit - 1) < _DEAD_ZONE[finding] for limit in limits_of(finding, view))


def measure_facts(
    view: View,
    masks: Mapping[str, Mask],
    levels: list[VisibleLevel],
    landmarks: Landmarks,
    *,
    gastric_tube: bool,
) -> FilmFacts:
    """All facts of one film."""
    seen = present_findings(masks, levels)
    facts = tuple(_finding_fact(f, f in seen, view, masks, levels, landmarks) for f in FINDINGS)
    return FilmFacts(
        view, facts, _distal_gas(masks, landmarks), _stool_burden(masks, landmarks), gastric_tube
    )


def _finding_fact(
    finding: Finding,
    is_present: bool,
    view: View,
    masks: Mapping[str, Mask],
    levels: list[VisibleLevel],
    landmarks: Landmarks,
) -> FindingFact:
    if not is_present:
        return FindingFact(
            finding, Presence.NOT_ASSESSED if _is_blind(finding, view, masks) else Presence.ABSENT
        )
    side, quadrants = locate(masks[finding], landmarks)
    count = sum(level.counts for level in levels) if finding is Finding.AIR_FLUID_LEVEL else None
    severity = severity_of(finding, extent(finding, masks, levels, landmarks), view)
    return FindingFact(finding, Presence.PRESENT, severity, side, quadrants, count)


def _stool_burden(masks: Mapping[str, Mask], landmarks: Landmarks) -> tuple[int, int, int] | None:
    """Right colon, left colon, rectosigmoid, 0 none to 3 packed; None where they cannot be told apart."""
    parts = colon_parts(masks[Structure.STOOL], masks[Structure.SPINE], masks[Structure.L2_BODY])
    if parts is None:
        return None
    right, left, low = (stool_grade_of(float(part.sum()) / landmarks.pitch**2) for part in parts)
    return right, left, low


def _is_blind(finding: Finding, view: View, masks: Mapping[str, Mask]) -> bool:
    """Whether the film cannot exclude a finding."""
    if finding is Finding.AIR_FLUID_LEVEL:
        return view is View.SUPINE
    if finding is Finding.PNEUMOPERITONEUM:
        return view is View.SUPINE or not masks[Structure.DIAPHRAGM].any()
    return False


def locate(region: Mask, landmarks: Landmarks) -> tuple[Side, tuple[Quadrant, ...]]:
    """Side (a side alone holds at least 80 %) and the quadrants with at least 20 % of a region each."""
    ys, xs = np.nonzero(region)
    left = xs > landmarks.spine_x[ys]  # the patient's left is the viewer's right
    upper = ys < landmarks.quadrant_y
    share = float(left.mean())
    side = Side.LEFT if share > 0.8 else Side.RIGHT if share < 0.2 else Side.BOTH
    cells = {
        Quadrant.RUQ: ~left & upper,
        Quadrant.LUQ: left & upper,
        Quadrant.RLQ: ~left & ~upper,
        Quadrant.LLQ: left & ~upper,
    }
    return side, tuple(q for q, cell in cells.items() if cell.mean() >= 0.2)


def _distal_gas(masks: Mapping[str, Mask], landmarks: Landmarks) -> DistalGas:
    """Gas beyond the stomach, as an area in square pitches."""
    gas = masks[Structure.SMALL_BOWEL_GAS] | (masks[Structure.COLON] & ~masks[Structure.STOOL])
    return distal_gas_of(float((gas & ~masks[Structure.STOMACH]).sum()) / landmarks.pitch**2)


def polygons_of(region: Mask) -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    """Outer outlines of the pieces of at least 30 pixels, each (n, 2) float32 of x, y."""
    found, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    large = [cv2.approxPolyDP(c, 1.2, True) for c in found if _filled_area(c) >= MIN_REGION_PX]
    kept = [c[:, 0].astype(np.float32) for c in large if len(c) >= 3]
    return sorted(kept, key=lambda c: -len(c))


def _filled_area(contour: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> float:
    """Pixels of a filled outline: its area, plus half its border (Pick's theorem)."""
    return float(cv2.contourArea(contour) + cv2.arcLength(contour, True) / 2 + 1)


def drop_small(region: Mask) -> Mask:
    """A region without pieces under 30 pixels."""
    if not region.any():
        return region
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= MIN_REGION_PX
    return np.asarray(keep[labels])


def outline_round(region: Mask, reach: float) -> Mask:
    """One outline round a scattered region: closing by a disc of `reach` pixels, holes filled."""
    if not region.any():
        return region
    pad = int(reach) + 2
    wide = np.pad(region, pad).astype(np.uint8)
    grown = (cv2.distanceTransform(1 - wide, cv2.DIST_L2, cv2.DIST_MASK_5) <= reach).astype(np.uint8)
    closed = (cv2.distanceTransform(grown, cv2.DIST_L2, cv2.DIST_MASK_5) > reach).astype(np.uint8)
    found, _ = cv2.findContours(closed | wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(closed)
    cv2.drawContours(filled, found, -1, 1, cv2.FILLED)
    return np.asarray(filled[pad:-pad, pad:-pad] > 0)
