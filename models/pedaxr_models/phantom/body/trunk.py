"""The body outline: how thick the child is at every pixel, and how much of it is fat."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.geometry import (
    ROWS,
    XX,
    YY,
    Field,
    N,
    blur,
    coverage,
    falling,
    smoothstep,
    spline,
    tube,
)
from pedaxr_models.phantom.interpolation import monotone_curve
from pedaxr_models.phantom.noise import fractal, texture, wander

_ROWS = np.arange(N)
_WIDTH_INFANT = np.array([0.92, 0.94, 1.02, 1.05, 1.0, 0.99, 1.02, 1.02])
_WIDTH_CHILD = np.array([1.04, 1.00, 0.96, 0.86, 0.97, 1.10, 1.18, 1.2])
_DEPTH = np.array([0.90, 0.95, 1.0, 0.97, 0.95, 0.93, 0.88, 0.88])
_BULGE_WIDTH = np.array([0, 0.35, 0.8, 1, 0.8, 0.3, 0, 0])
_BULGE_DEPTH = np.array([0.2, 0.3, 1, 1.3, 1, 0.4, 0, 0])


@dataclass(frozen=True)
class Trunk:
    """Outline and soft-tissue thickness, pixels.

    Attributes:
        x: (N, N) column measured from the (slightly bent) midline, patient's left positive.
        half_width, half_depth: (N, 1) profiles of the trunk.
        spine_x: (N,) column of the spine.
        thickness, fat: (N, N) path length of the whole body and of fat outside the belly.
        belly: (N, N) soft 0..1 silhouette inside the flank muscle (not yet cut at the diaphragm).
        inner_thickness: (N, N) path length inside the subcutaneous fat.
        thighs: centre lines of the infant's thighs, right then left.
        arms: centre lines of the arms lying in the field, if any.
    """

    x: Field
    half_width: Field
    half_depth: Field
    spine_x: Field
    thickness: Field
    fat: Field
    belly: Field
    inner_thickness: Field
    thighs: tuple[Field, ...]
    arms: tuple[Field, ...]

    def half_width_at(self, y: float) -> float:
        """Half-width of the trunk at a row."""
        return float(self.half_width[int(np.clip(y, 0, N - 1)), 0])

    def spine_at(self, y: float) -> float:
        """Column of the spine at a row; rows off the canvas are clamped."""
        return float(self.spine_x[int(np.clip(y, 0, N - 1))])


def build_trunk(a: Anatomy, rng: np.random.Generator, arms_rng: np.random.Generator) -> Trunk:
    """Trunk, thighs and arms of one child."""
    half_width, half_depth = _profiles(a, rng)
    bend = wander(rng, N, 60)[:, None]
    x = XX - a.centre_x + bend
    body = 2 * half_depth * falling(np.abs(x) / half_width, 2.5, 1 / 2.2)
    thighs = _thigh_lines(a, rng) if a.is_infant else ()
    legs = _thigh_thickness(thighs, rng.uniform(1.75, 2.15) * a.pitch)
    body = _join_legs(a, x, body, legs)
    inner = 2 * (half_depth - a.fat_px * 1.1) * falling(np.abs(x) / (half_width - a.fat_px), 2.5, 1 / 2.2)
    fat = np.clip(body - inner, 0, None) * 0.85 * (legs <= 0) + 0.12 * legs
    fat = fat + _flank_stripe(a, x, half_width, half_depth, rng.uniform(0.4, 1.3))
    streaks = 0.5 * fractal(rng, 1.3) + 0.5 * texture(rng, 2.5)  # fat between muscle bundles
    fat = fat + np.clip(0.035 + 0.015 * streaks, 0, 0.1) * body
    arm_lines = _arm_lines(a, arms_rng) if arms_rng.random() < 0.30 else ()
    body = body + _arm_thickness(a, arm_lines)
    sway = rng.uniform(-3, 3) * (1.6 - 0.9 * a.infancy)
    spine_x = a.centre_x + sway * np.sin((_ROWS - a.l5_y) / (4.5 * a.pitch) + rng.uniform(0, 6))
    return Trunk(
        x=x.astype(np.float32),
        half_width=half_width,
        half_depth=half_depth,
        spine_x=spine_x.astype(np.float32),
        thickness=body.astype(np.float32),
        fat=fat.astype(np.float32),
        belly=coverage(np.abs(x) - (half_width - a.flank_px), 2.0),
        inner_thickness=np.clip(inner, 0, None).astype(np.float32),
        thighs=thighs,
        arms=arm_lines,
    )


def _profiles(a: Anatomy, rng: np.random.Generator) -> tuple[Field, Field]:
    """Half-width and half-depth per row, (N, 1). Depth is separate: tied to width it bleaches the pelvis."""
    u, y5, t10 = a.pitch, a.l5_y, a.level_y(7)
    knots = [-200, t10 - 1.2 * u, t10 + 2 * u, y5 - 2.3 * u, y5 - 0.3 * u, y5 + 1.6 * u, y5 + 4 * u, 900]
    width = a.infancy * _WIDTH_INFANT + (1 - a.infancy) * _WIDTH_CHILD
    belly = a.widening + rng.triangular(-0.07, 0.0, 0.12)  # flat to pot-bellied, whatever the label
    width = width * (1 + rng.normal(0, 0.012, 8)) * (1 + belly * _BULGE_WIDTH)
    depth = _DEPTH * (1 + rng.normal(0, 0.015, 8)) * (1 + belly * _BULGE_DEPTH)
    half_width = monotone_curve(knots, width)(_ROWS) * a.half_width
    half_depth = monotone_curve(knots, depth)(_ROWS) * a.half_width * a.depth_ratio
    return half_width.astype(np.float32)[:, None], half_depth.astype(np.float32)[:, None]


def _thigh_lines(a: Anatomy, rng: np.random.Generator) -> tuple[Field, ...]:
    """Frog-leg thighs."""
    h, u, y = a.half_width, a.pitch, a.l5_y
    lines = []
    spread = rng.uniform(-0.5, 1.2)
    for side in (-1, 1):
        knee = y + (4.3 + spread + rng.uniform(-0.4, 0.4)) * u
        middle = y + (3.5 + rng.uniform(-0.2, 0.3)) * u
        points = [(0.60 * h, y + 3.0 * u), (1.05 * h, middle), (2.0 * h, knee)]
        lines.append(spline([(a.centre_x + side * px, py) for px, py in points], 3.0))
    return tuple(lines)


def _thigh_thickness(lines: tuple[Field, ...], radius: float) -> Field:
    legs = np.zeros((N, N), np.float32)
    for line in lines:
        t = tube(line[::4], radius)
        if t is not None:
            thickness = 1.9 * np.sqrt(np.maximum(radius**2 - t.distance**2, 0))
            legs[t.window] = np.maximum(legs[t.window], thickness)
    return legs


def _join_legs(a: Anatomy, x: Field, body: Field, legs: Field) -> Field:
    """Smooth maximum of trunk and thighs; the perineum still reaches the lower edge of the field."""
    if not legs.any():
        return body
    end = a.l5_y + 6.8 * a.pitch + 0.8 * a.pitch * (np.abs(x) / a.half_width) ** 2
    body = body * np.sqrt(np.clip((end - YY) / (1.6 * a.pitch), 0, 1))
    k = 0.18 * a.half_width
    blend = np.clip(k - np.abs(body - legs), 0, k) / k
    return np.asarray(np.maximum(body, legs) + 0.25 * blend**2 * k * (np.minimum(body, legs) > 0), np.float32)


def _flank_stripe(a: Anatomy, x: Field, half_width: Field, half_depth: Field, strength: float) -> Field:
    """Properitoneal fat: the dark line along the flank."""
    line = np.exp(-(((half_width - a.flank_px - np.abs(x)) / 1.4) ** 2))
    ends = smoothstep(a.level_y(5), a.level_y(3), ROWS) * smoothstep(a.level_y(-0.3), a.level_y(0.8), ROWS)
    return np.asarray(line * ends * half_depth * 0.30 * strength, np.float32)


def _arm_lines(a: Anatomy, rng: np.random.Generator) -> tuple[Field, ...]:
    h = a.half_width
    lines = []
    for side in (-1, 1):
        if rng.random() < 0.25:
            continue
        points = [
            (1.2 * h, -80.0),
            ((1.36 + rng.uniform(0, 0.15)) * h, 60.0),
            ((1.42 + rng.uniform(0, 0.2)) * h, 190 + rng.uniform(-40, 40)),
            ((1.35 + rng.uniform(-0.1, 0.35)) * h, 380.0),
            ((1.3 + rng.uniform(-0.1, 0.3)) * h, 600.0),
        ]
        lines.append(spline([(a.centre_x + side * px, py) for px, py in points], 3.0))
    return tuple(lines)


def _arm_thickness(a: Anatomy, lines: tuple[Field, ...]) -> Field:
    arms = np.zeros((N, N), np.float32)
    for line in lines:
        radius = 0.6 * a.pitch * np.linspace(1.15, 0.8, len(line[::3]))
        t = tube(line[::3], 0.7 * a.pitch)
        if t is not None:
            arms[t.window] = 2 * np.sqrt(np.maximum(t.along(radius) ** 2 - t.distance**2, 0))
    return blur(arms, 0.8)
