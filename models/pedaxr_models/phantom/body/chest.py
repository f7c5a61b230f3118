"""Diaphragm, lungs, heart and lung vessels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import (
    XX,
    YY,
    Field,
    Mask,
    N,
    blur,
    coverage,
    ellipse,
    half_chord,
    smoothstep,
)
from pedaxr_models.phantom.noise import fractal, texture


@dataclass(frozen=True)
class Chest:
    """What lies above the belly.

    Attributes:
        dome_y: (N, N) row of the diaphragm in each column (constant down a column but for smoothing).
        right_dome_y, left_dome_y: apex rows.
        air: (N, N) path length of air in lung.
        heart: (N, N) path length of the heart.
        wall_distance: (N, N) signed distance to the inner chest wall.
        lung_mask, heart_mask, diaphragm_mask: silhouettes.
    """

    dome_y: Field
    right_dome_y: float
    left_dome_y: float
    air: Field
    heart: Field
    wall_distance: Field
    dome_depth: Field
    lung_mask: Mask
    heart_mask: Mask
    diaphragm_mask: Mask

    def recess(self, top: Field, pitch: float) -> Field:
        """Path length of the dome solid below the surface `top`: a square root, hence the sharp dome edge."""
        return np.asarray(self.dome_depth * np.sqrt(np.clip((YY - top) / (2.3 * pitch), 0, 1)), np.float32)


def dome_row(x: Field, side: int, apex_y: float, a: Anatomy, steepness: float = 1.0) -> Field:
    """Row of a hemidiaphragm: falls steeply to the costophrenic angle and hardly towards the spine."""
    centre, radius = side * 0.50 * a.half_width, 0.465 * a.half_width
    q = np.abs(x - centre) / radius
    fall = 0.16 * q**2
    outer = (x - centre) * side > 0
    fall[outer] = 1.15 * steepness * q[outer] ** 2.4
    return np.asarray(apex_y + 1.9 * a.pitch * fall, np.float32)


def build_chest(a: Anatomy, trunk: Trunk, rng: np.random.Generator) -> Chest:
    """Chest of one child; a distended belly lifts the domes."""
    u, h = a.pitch, a.half_width
    right = a.level_y(7.6) + a.inspiration * 0.8 * u - a.widening * 2.5 * u
    left = right + rng.uniform(0.15, 0.65) * u
    domes = [dome_row(trunk.x, s, y, a, rng.uniform(0.85, 1.15)) for s, y in ((-1, right), (1, left))]
    dome_y = blur(np.where(trunk.x < 0, domes[0], domes[1]), 2.5)
    inner = np.minimum(trunk.half_width - a.fat_px - 0.03 * h, trunk.half_width * 0.93)
    wall = np.abs(trunk.x) - inner
    depth = (2 * trunk.half_depth * 0.86 * np.ones((1, N), np.float32)).astype(np.float32)
    heart_sdf = _heart_distance(a, trunk, left, rng)
    heart = 2 * half_chord(heart_sdf, 0.36 * h) * 0.55
    cavity = coverage(wall, 1.0) * 2 * trunk.half_depth * 0.88
    cavity = cavity * np.sqrt(np.maximum(1 - (np.abs(trunk.x) / inner) ** 2.6, 0))
    middle = np.exp(-(((XX - trunk.spine_x[:, None]) / (0.17 * h)) ** 2))
    lung = np.clip(cavity * (1 - middle * rng.uniform(0.36, 0.5)) - heart * 0.9, 0, None)
    recess = depth * np.sqrt(np.clip((YY - dome_y) / (2.3 * u), 0, 1))
    lung = np.clip(lung - recess, 0, None)
    lung = lung * smoothstep(0, 6, lung)
    air = lung * rng.uniform(0.52, 0.66) * (1 + 0.06 * fractal(rng, 1.3) + 0.025 * texture(rng, 2.2))
    air = np.clip(air - 0.8 * _vessels(a, trunk, right, rng), 0, None)
    above = dome_y > YY
    heart_mask = (heart_sdf < 0) & above
    lung_mask = (wall < 0) & above & (middle < 0.45) & ~heart_mask
    band = (np.abs(YY - dome_y) <= 2.5) & (wall < -1) & (np.abs(trunk.x) > 0.12 * h)
    return Chest(
        dome_y=dome_y,
        right_dome_y=right,
        left_dome_y=left,
        air=air.astype(np.float32),
        heart=heart,
        wall_distance=wall.astype(np.float32),
        dome_depth=depth,
        lung_mask=lung_mask,
        heart_mask=heart_mask,
        diaphragm_mask=band,
    )


def _heart_distance(a: Anatomy, trunk: Trunk, left_dome: float, rng: np.random.Generator) -> Field:
    """Smooth union of two ellipses: ventricles to the patient's left, great vessels above."""
    h, u = a.half_width, a.pitch
    hx, hy = rng.uniform(0.16, 0.24) * h, left_dome - rng.uniform(0.9, 1.3) * u
    x, y = trunk.x - hx, YY - hy
    low = ellipse(x, y + 0.25 * x, 0.36 * h * (1 + 0.2 * a.infancy), 1.5 * u)
    high = ellipse(trunk.x - 0.02 * h, YY - (hy - 0.9 * u), 0.24 * h, 1.7 * u)
    heart = _joined(low, high, 10.0)
    if a.infancy > 0.2 and rng.random() < 0.8:  # the thymus widens the upper mediastinum of infants
        wide = rng.uniform(0.24, 0.36) * h
        thymus = ellipse(trunk.x - rng.uniform(-0.06, 0.06) * h, YY - (hy - 2.4 * u), wide, 1.9 * u)
        heart = _joined(thymus, heart, 5.0)
    return heart


def _joined(first: Field, second: Field, radius: float) -> Field:
    """Smooth union of two silhouettes, their notch rounded to `radius` pixels."""
    blend = np.clip(0.5 + 0.5 * (second - first) / radius, 0, 1)
    return np.asarray(second * (1 - blend) + first * blend - radius * blend * (1 - blend), np.float32)


def _vessels(a: Anatomy, trunk: Trunk, right_dome: float, rng: np.random.Generator) -> Field:
    """Thickness of the lung vessels: a tapering, forking tree from each hilum, drawn at twice the size."""
    plate = np.zeros((2 * N, 2 * N), np.uint8)
    strokes: list[_Stroke] = []
    for side in (-1, 1):
        hilum = np.array([a.centre_x + side * 0.20 * a.half_width, right_dome - 2.4 * a.pitch])
        for angle in np.linspace(-1.3, 1.5, 9) + rng.uniform(-0.14, 0.14, 9):
            start = hilum + rng.normal(0, 0.12 * a.pitch, 2) + (0, 0.5 * a.pitch * np.sin(angle))
            _branch(strokes, start, angle, side, rng.uniform(1.5, 2.6), a.pitch, rng)
    strokes = [s for s in strokes if min(s.start[1], s.end[1]) > -8 and s.radius > 0.25]
    strokes.sort(key=lambda s: s.radius)
    ends = np.round(np.array([(s.start, s.end) for s in strokes]) * 32).astype(int)
    for stroke, (start, end) in zip(strokes, ends.tolist(), strict=True):
        shade = min(255, int(stroke.radius * 60))
        width = max(1, round(4 * stroke.radius))
        cv2.line(plate, start, end, shade, width, cv2.LINE_AA, shift=4)
    field = cv2.resize(plate, (N, N), interpolation=cv2.INTER_AREA).astype(np.float32) / 36
    return blur(field, 0.7)


@dataclass(frozen=True)
class _Stroke:
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    radius: float


def _branch(
    strokes: list[_Stroke],
    start: NDArray[np.float64],
    angle: float,
    side: int,
    radius: float,
    pitch: float,
    rng: np.random.Generator,
) -> None:
    """Add one vessel and, while thick enough, the two it forks into."""
    bend = rng.normal(0, 0.12)
    for _ in range(3):
        end = start + np.array([side * np.cos(angle), np.sin(angle)]) * pitch * 0.30 * rng.uniform(0.7, 1.2)
        strokes.append(_Stroke(start, end, radius))
        start, angle, radius = end, angle + bend, radius * 0.93
    if radius > 0.5:
        fork = rng.uniform(0.2, 0.45)
        for turn, share in ((-fork, rng.uniform(0.66, 0.86)), (fork, rng.uniform(0.5, 0.78))):
            _branch(strokes, start, angle + turn, side, radius * share, pitch, rng)
