"""Vertebrae: a rounded box with end-plate ellipses, pedicle rings and a faint posterior arch."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import (
    XX,
    YY,
    Field,
    N,
    Window,
    coverage,
    ellipse,
    rounded_box,
    spline,
    window_of,
)

PITCHES = (1.0, 1.02, 1.0, 0.98, 0.95, 0.90, 0.86, 0.82, 0.79, 0.76, 0.74, 0.72, 0.70, 0.70)  # L5 up to T4
L2, T12 = 3, 5  # places in PITCHES, L5 = 0


@dataclass(frozen=True)
class Spine:
    """Rows of the vertebral centres from L5 up, and the width of the L2 body, canvas pixels."""

    rows: tuple[float, ...]
    l2_width: float


@dataclass(frozen=True)
class _Place:
    """Where one vertebra stands: local coordinates and size."""

    window: Window
    x: Field
    y: Field
    centre: tuple[float, float]
    cos: float
    sin: float
    width: float
    height: float

    def curve(self, points: list[tuple[float, float]]) -> Field:
        """Local points to a canvas spline."""
        p = np.asarray(points, float)
        xs = self.centre[0] + self.cos * p[:, 0] - self.sin * p[:, 1]
        ys = self.centre[1] + self.sin * p[:, 0] + self.cos * p[:, 1]
        return spline(np.stack([xs, ys], 1), 3.0)


def build_spine(a: Anatomy, trunk: Trunk, bones: BoneMap, rng: np.random.Generator) -> Spine:
    """All vertebrae from L5 up to the edge of the film."""
    rows, y = [], a.l5_y
    base = a.body_width * a.pitch
    for k, pitch in enumerate(PITCHES):
        rows.append(y)
        width, height = base * (1.06 - 0.028 * k), a.body_height * a.pitch * pitch
        slope = (trunk.spine_at(y + 5) - trunk.spine_at(y - 5)) / 10
        if y > -a.pitch:
            place = _place(trunk.spine_at(y) + rng.uniform(-0.4, 0.4), y, width, height, -slope)
            if place is not None:
                _draw(place, k, a, bones, rng)
        y -= a.pitch * (pitch + PITCHES[min(len(PITCHES) - 1, k + 1)]) / 2
    _column_mask(a, trunk, bones, base, rows[-1])
    return Spine(tuple(rows), base * (1.06 - 0.028 * L2))


def _column_mask(a: Anatomy, trunk: Trunk, bones: BoneMap, base: float, top: float) -> None:
    """The column with its discs, L5 up, as one silhouette."""
    above = (a.l5_y - YY) / a.pitch
    half = base * (1.06 - 0.028 * np.clip(above, 0, None)) / 2
    inside = (np.abs(XX - trunk.spine_x[:, None]) < half) & (a.l5_y + a.body_height * a.pitch / 2 > YY)
    bones.outline("spine", (slice(0, N), slice(0, N)), inside)


def _place(cx: float, cy: float, width: float, height: float, angle: float) -> _Place | None:
    window = window_of(cx - 1.3 * width, cx + 1.3 * width, cy - 1.3 * height, cy + 1.5 * height)
    if window is None:
        return None
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    dx, dy = XX[window] - cx, YY[window] - cy
    return _Place(window, cos * dx + sin * dy, -sin * dx + cos * dy, (cx, cy), cos, sin, width, height)


def _draw(p: _Place, level: int, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    distance = _body(p, a, bones, rng.uniform(0.03, 0.09))
    if level == L2:
        bones.outline("l2_body", p.window, distance < 0)
    _pedicles(p, a, bones)
    _arch(p, level, a, bones, rng)


def _body(p: _Place, a: Anatomy, bones: BoneMap, tilt_share: float) -> Field:
    o, mm = a.ossification, a.mm_per_px
    hw, hh = p.width / 2, p.height / 2
    across, down = np.clip(p.x / hw, -1, 1), np.clip(p.y / hh, -1, 1)
    waist = 0.10 * o + 0.02
    xs = p.x / (1 - waist * (1 - down**2))
    oval = np.clip((0.45 - o) / 0.15, 0, 1)  # end plates bulge in infants, are hollow later
    ys = p.y / (oval * (0.90 + 0.10 * (1 - across**2)) + (1 - oval) * (1 - 0.07 * o * (1 - across**2)))
    distance = rounded_box(xs, ys, hw, hh, (0.20 + 0.30 * (1 - o)) * hh + 1)
    cortex = max(0.55, 0.42 / mm)
    bones.plate(p.window, distance, 0.40 * hh + 1.5, 0.62 * p.width, cortex * 0.55, fill=0.27, rim=0.28)
    tilt = tilt_share * p.height  # the beam is oblique to the end plate: it shows as a thin ellipse
    within = coverage(np.abs(p.x) - hw * 0.97)
    for sign in (-1, 1):
        ring = np.hypot(p.x / (hw * 0.97), (p.y - sign * (hh - tilt * 0.6)) / (tilt + 0.7))
        edge = np.abs(ring - 1) * (tilt + 0.7)
        bones.cortical[p.window] += np.exp(-(edge**2)) * within * (1.6 / mm) * 0.85
    wall = np.exp(-(((distance + cortex) / 1.1) ** 2)) * (0.9 / mm)
    bones.cortical[p.window] += wall * coverage(np.abs(p.y) - hh)
    return distance


def _pedicles(p: _Place, a: Anatomy, bones: BoneMap) -> None:
    mm, infant = a.mm_per_px, a.is_infant
    offset = (0.47 if infant else 0.36) * p.width
    for sign in (-1, 1):
        ring = ellipse(
            p.x - sign * offset, p.y + 0.10 * p.height, 0.115 * p.width, (0.27 if infant else 0.25) * p.height
        )
        bones.cortical[p.window] += np.exp(-(((ring + 0.8) / 1.1) ** 2)) * ((1.3 if infant else 1.15) / mm)
        bones.trabecular[p.window] += coverage(ring) * (3.0 / mm) * (0.5 if infant else 0.15)


def _arch(p: _Place, level: int, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    """Laminae, articular pillars, transverse and spinous processes. Stronger pillars would fill the discs."""
    w, h, mm = p.width, p.height, a.mm_per_px
    gain = 0.55 + 0.45 * a.ossification
    for s in (-1, 1):
        lamina = [(s * 0.36 * w, -0.10 * h), (s * 0.27 * w, 0.28 * h), (s * 0.10 * w, 0.45 * h)]
        bones.tube(p.curve(lamina), max(1.5, 0.07 * w), 0.7, fill=0.2, strength=0.40 * gain)
        pillar = [
            (s * 0.34 * w, -0.75 * h),
            (s * 0.36 * w, -0.2 * h),
            (s * 0.30 * w, 0.30 * h),
            (s * 0.29 * w, 0.80 * h),
        ]
        bones.tube(p.curve(pillar), max(1.6, 0.08 * w), 0.8, fill=0.2, strength=0.30 * gain)
        if level < T12 + 1:
            reach = (0.50 + 0.28 * a.ossification) * w * rng.uniform(0.9, 1.05)
            tip = -0.16 * h - rng.uniform(0, 0.08) * h
            process = [(s * 0.40 * w, -0.10 * h), (s * 0.55 * w, -0.10 * h), (s * reach, tip)]
            bones.tube(p.curve(process), 0.055 * w + 0.4, 0.7, fill=0.2, strength=0.55 * gain)
    lower = 0.35 if a.is_infant else 0.45
    spinous = ellipse(p.x, p.y - lower * h, 0.055 * w + 0.6, (0.26 if level < T12 + 1 else 0.34) * h)
    bones.cortical[p.window] += np.exp(-(((spinous + 0.7) / 0.9) ** 2)) * (2.0 / mm) * gain
    bones.trabecular[p.window] += coverage(spinous) * (2.5 / mm) * 0.4 * gain
