"""Hip bones: the iliac fan, and the pubis and ischium round the obturator foramen, parted by cartilage.

Cartilage does not show: growth plates are cut out of one outline as dark lines, wide in infants.
"""

from collections.abc import Sequence

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.sacrum import build_sacrum
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import XX, YY, Field, polygon_distance, smoothstep, spline

Point = tuple[float, float]
Outline = tuple[Point, ...]

# Outlines in units of the pelvic half-width, y down, patient's left side.
_ILIUM_INFANT: Outline = (
    (0.33, 0.06), (0.39, -0.20), (0.60, -0.34), (0.85, -0.34), (1.03, -0.18), (1.06, 0.03), (0.99, 0.22),
    (0.92, 0.37), (0.95, 0.49), (0.85, 0.575), (0.68, 0.645), (0.51, 0.70), (0.43, 0.62), (0.45, 0.49),
    (0.42, 0.37), (0.35, 0.27),
)  # fmt: skip
_ILIUM_CHILD: Outline = (
    (0.32, 0.03), (0.44, -0.20), (0.66, -0.33), (0.90, -0.25), (1.05, 0.00), (1.04, 0.17), (0.96, 0.34),
    (0.92, 0.48), (0.95, 0.62), (0.86, 0.71), (0.72, 0.80), (0.56, 0.83), (0.47, 0.70), (0.44, 0.57),
    (0.39, 0.47), (0.31, 0.38),
)  # fmt: skip
_RING: Outline = (
    (0.58, 0.82), (0.44, 0.89), (0.27, 0.94), (0.11, 0.98), (0.045, 1.05), (0.05, 1.19), (0.12, 1.29),
    (0.24, 1.41), (0.37, 1.55), (0.52, 1.60), (0.65, 1.48), (0.70, 1.28), (0.73, 1.11), (0.75, 0.95),
    (0.71, 0.84),
)  # fmt: skip
_FORAMEN: Outline = (
    (0.52, 1.02), (0.36, 1.055), (0.23, 1.13), (0.22, 1.21), (0.33, 1.34), (0.43, 1.40), (0.50, 1.30),
    (0.56, 1.13),
)  # fmt: skip
_BRIM: Outline = ((0.35, 0.36), (0.44, 0.54), (0.51, 0.76), (0.42, 0.90), (0.24, 0.96))
_ILIOISCHIAL: Outline = ((0.48, 0.58), (0.55, 0.85), (0.575, 1.1), (0.52, 1.42))
_TEARDROP: Outline = ((0.545, 0.76), (0.53, 0.88), (0.55, 0.97), (0.585, 0.92), (0.59, 0.82))
_ROOF: Outline = ((0.58, 0.83), (0.62, 0.745), (0.74, 0.695), (0.86, 0.70), (0.95, 0.745))
_JOINT: Outline = ((0.41, 0.00), (0.37, 0.20), (0.325, 0.42))


class HipSide:
    """Maps pelvic units to the canvas for one side of a slightly turned pelvis, each side its own size."""

    def __init__(self, a: Anatomy, trunk: Trunk, side: int, turn: float, rng: np.random.Generator) -> None:
        self.side = side
        room = (trunk.half_width_at(a.l5_y + 0.1 * a.pitch) - a.fat_px - 3) / 1.09
        self.unit = min(a.pelvis_half_width, room) * rng.uniform(0.98, 1.02)
        self.squash = 0.80 if a.is_infant else 0.92
        self.x0 = trunk.spine_at(a.l5_y)
        self.y0 = a.l5_y + (0.17 if a.is_infant else 0.05) * a.pitch + rng.uniform(-0.06, 0.06) * a.pitch
        self.turn = turn  # above 1 the wing faces the beam; the obturator foramen then narrows

    def x(self, along: float, down: float = 0.0) -> float:
        """Column; the turn widens the wing, and narrows what lies below the acetabulum."""
        share = 1 - 2.2 * float(smoothstep(0.3, 1.0, down))
        return self.x0 + self.side * along * self.unit * (1 + (self.turn - 1) * share)

    def y(self, down: float) -> float:
        """Row."""
        return self.y0 + down * self.unit * self.squash

    def points(self, outline: Sequence[Point]) -> list[Point]:
        """An outline on the canvas."""
        return [(self.x(px, py), self.y(py)) for px, py in outline]

    def curve(self, outline: Sequence[Point]) -> Field:
        """A spline on the canvas."""
        return spline(self.points(outline), 3.0)


def build_pelvis(
    a: Anatomy, trunk: Trunk, bones: BoneMap, rng: np.random.Generator
) -> tuple[HipSide, HipSide]:
    """Both hip bones and the sacrum; returns the sides, right then left, for the femora."""
    turn = rng.uniform(-0.06, 0.06)
    right, left = (HipSide(a, trunk, side, 1 + side * turn, rng) for side in (-1, 1))
    for s in (right, left):
        _ilium(s, a, bones, rng)
        _ring(s, a, bones, rng)
        _lines(s, a, bones, rng)
    build_sacrum(a, (left.x0, a.l5_y + 0.05 * a.pitch), left.unit, bones)
    return right, left


def _jittered(outline: Outline, size: float, rng: np.random.Generator) -> list[Point]:
    own = rng.normal(0, size, (len(outline), 2))
    return [(x + dx, y + dy) for (x, y), (dx, dy) in zip(outline, own, strict=True)]


def _ilium(s: HipSide, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    outline = _ILIUM_INFANT if a.is_infant else _ILIUM_CHILD
    found = polygon_distance(s.points(_jittered(outline, 0.010, rng)))
    if found is None:
        return
    window, distance = found
    lateral = np.abs(XX[window] - s.x0) / s.unit
    down = (YY[window] - s.y0) / (s.unit * s.squash)
    joint = 6 * np.clip((0.58 - lateral) / 0.25, 0, 1)  # thicker at the sacroiliac joint and the acetabulum
    crest = 2.5 * smoothstep(16, 4, -distance)
    thickness = (7.5 + joint + crest + 9 * smoothstep(0.30, 0.62, down)) * 0.0109 * s.unit
    bones.plate(window, distance, 5.5, thickness, 1.5, fill=0.42, rim=0.30)
    bones.cortical[window] += np.exp(-(((distance + 1.3) / 1.2) ** 2)) * thickness * 0.10
    bones.outline("pelvis", window, distance < 0)


def _ring(s: HipSide, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    """Pubis and ischium with the obturator foramen, cut by the triradiate and the ischiopubic cartilage."""
    found = polygon_distance(s.points(_jittered(_RING, 0.008, rng)))
    hole = polygon_distance(s.points(_jittered(_FORAMEN, 0.008, rng)), margin=0.5 * s.unit)
    if found is None or hole is None:
        return
    window, distance = found
    down, along = (YY[window] - s.y0) / (s.unit * s.squash), np.abs(XX[window] - s.x0) / s.unit
    foramen = np.full_like(distance, 99.0)
    _paste(foramen, window, hole)
    distance = np.maximum(distance, -foramen - (0.022 * s.unit if a.is_infant else 0))
    young = float(np.clip(1 - a.ossification, 0, 1))
    gap = s.unit * (0.006 + 0.048 * young**2) * (a.ossification < 0.95)
    for px, py, nx, ny in ((0.27, 1.38, 0.62, 0.78), (0.63, 0.94, 0.81, 0.58)):
        offset = np.abs((along - px) * nx + (down - py) * ny) * s.unit * 0.92
        near = np.hypot(along - px, down - py) < 0.20
        distance = np.where(near, np.maximum(distance, gap - offset), distance)
    if a.is_infant:  # the inner ends are still cartilage
        distance = np.maximum(distance, (0.10 - along) * s.unit)
    thickness = (0.10 + 0.06 * smoothstep(0.35, 0.62, along)) * s.unit
    bones.plate(window, distance, 0.055 * s.unit, thickness, 1.4, fill=0.50, rim=0.40)
    bones.cortical[window] += np.exp(-(((distance + 1.2) / 1.1) ** 2)) * thickness * 0.10
    bones.outline("pelvis", window, distance < 0)


def _paste(target: Field, window: tuple[slice, slice], found: tuple[tuple[slice, slice], Field]) -> None:
    """Copy a field on its own window into a field on another."""
    (rows, columns), values = found
    y0, y1 = max(rows.start, window[0].start), min(rows.stop, window[0].stop)
    x0, x1 = max(columns.start, window[1].start), min(columns.stop, window[1].stop)
    if y1 > y0 and x1 > x0:
        inner = values[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start]
        target[y0 - window[0].start : y1 - window[0].start, x0 - window[1].start : x1 - window[1].start] = (
            inner
        )


def _lines(s: HipSide, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    """Where the beam grazes bone: sacroiliac joint, pelvic brim, and from 14 months on the acetabulum."""
    o = a.ossification
    joint = s.curve([(px + rng.uniform(-0.01, 0.01), py) for px, py in _JOINT])
    bones.tube(joint, 1.4, 1.3, strength=0.5 + 0.4 * o)
    bones.tube(joint + np.array([s.side * 0.045 * s.unit, 0], np.float32), 1.3, 1.2, strength=0.4 + 0.3 * o)
    if a.is_infant:
        return
    bones.tube(s.curve(_BRIM), 1.5, 1.4, strength=0.8 * o)
    bones.tube(s.curve(_ILIOISCHIAL), 1.4, 1.3, strength=0.55 * o)
    bones.tube(s.curve(_TEARDROP), 1.5, 1.4, strength=1.0)
    bones.tube(s.curve(_ROOF), 1.9, 1.8, strength=1.3)
