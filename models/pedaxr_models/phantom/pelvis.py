"""Pelvis, sacrum and upper femur; infants have separate bones joined by cartilage that does not show."""

import numpy as np

from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.bone import BoneMap
from pedaxr_models.phantom.geometry import (
    XX,
    YY,
    Field,
    ellipse,
    polygon_distance,
    rounded_box,
    smoothstep,
    spline,
    window_of,
)
from pedaxr_models.phantom.trunk import Trunk

Outline = tuple[tuple[float, float], ...]

# Outlines in units of the pelvic half-width, y down, patient's left side.
_ILIUM_INFANT: Outline = (
    (0.36, 0.12), (0.40, -0.12), (0.56, -0.30), (0.78, -0.36), (0.97, -0.20), (1.02, 0.05), (0.93, 0.28),
    (0.78, 0.48), (0.77, 0.64), (0.62, 0.72), (0.47, 0.68), (0.45, 0.56), (0.38, 0.44), (0.31, 0.32),
)  # fmt: skip
_ILIUM_CHILD: Outline = (
    (0.32, 0.02), (0.45, -0.22), (0.68, -0.33), (0.92, -0.22), (1.05, 0.04), (1.02, 0.26), (0.86, 0.46),
    (0.80, 0.60), (0.84, 0.74), (0.70, 0.86), (0.56, 0.82), (0.50, 0.66), (0.40, 0.52), (0.30, 0.42),
)  # fmt: skip
_SACRUM: Outline = (
    (-0.40, 0.02), (-0.18, -0.02), (0.0, 0.02), (0.18, -0.02), (0.40, 0.02), (0.37, 0.28), (0.27, 0.48),
    (0.17, 0.66), (0.09, 0.84), (0.0, 0.90), (-0.09, 0.84), (-0.17, 0.66), (-0.27, 0.48), (-0.37, 0.28),
)  # fmt: skip


class _Side:
    """Maps pelvic units to the canvas for one side of a slightly rotated pelvis."""

    def __init__(self, a: Anatomy, trunk: Trunk, side: int, rotation: float) -> None:
        self.side = side
        room = (trunk.half_width_at(a.l5_y + 0.1 * a.pitch) - a.fat_px - 3) / 1.09
        self.unit = min(a.pelvis_half_width, room)
        self.squash = 0.78 if a.is_infant else 0.92
        self.x0 = trunk.spine_at(a.l5_y)
        self.y0 = a.l5_y + 0.05 * a.pitch + (0.12 * a.pitch if a.is_infant else 0.0)
        self.turn = 1 + side * rotation

    def x(self, along: float) -> float:
        return self.x0 + self.side * along * self.unit * self.turn

    def y(self, down: float) -> float:
        return self.y0 + down * self.unit * self.squash

    def curve(self, *points: tuple[float, float]) -> Field:
        return spline([(self.x(px), self.y(py)) for px, py in points], 3.0)


def build_pelvis(a: Anatomy, trunk: Trunk, bones: BoneMap, rng: np.random.Generator) -> None:
    """Both sides and the sacrum."""
    rotation = rng.uniform(-0.06, 0.06)
    for side in (-1, 1):
        s = _Side(a, trunk, side, rotation)
        _ilium(s, a, bones, rng)
        if a.is_infant:
            _infant_side(s, a, trunk, bones)
        else:
            _child_side(s, a, bones, rng)
    middle = _Side(a, trunk, 1, 0.0)
    if a.is_infant:
        _infant_sacrum(middle, a, bones)
    else:
        _child_sacrum(middle, a, bones)
    for arm in trunk.arms:
        bones.tube(arm, 0.2 * a.pitch, 1.6, fill=0.2, strength=0.9)


def _ilium(s: _Side, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    outline = _ILIUM_INFANT if a.is_infant else _ILIUM_CHILD
    own = rng.normal(0, 0.012, (len(outline), 2))
    found = polygon_distance(
        [(s.x(px + dx), s.y(py + dy)) for (px, py), (dx, dy) in zip(outline, own, strict=True)]
    )
    if found is None:
        return
    window, distance = found
    lateral = np.abs(XX[window] - s.x0) / s.unit
    down = (YY[window] - s.y0) / s.unit
    joint = 5 * np.clip((0.55 - lateral) / 0.25, 0, 1)  # thicker at the sacroiliac joint and the acetabulum
    thickness = (9 + joint + 7 * smoothstep(0.45, 0.8, down)) * 0.0109 * s.unit
    bones.plate(window, distance, 5.5, thickness, 1.5, fill=0.42, rim=0.30)
    bones.cortical[window] += np.exp(-(((distance + 1.3) / 1.2) ** 2)) * thickness * 0.10
    bones.outline("pelvis", window, distance < 0)


def _infant_side(s: _Side, a: Anatomy, trunk: Trunk, bones: BoneMap) -> None:
    """Ischium and pubis apart, no femoral head yet, femur with a flared metaphysis."""
    pubis = s.curve((0.52, 0.96), (0.34, 1.00), (0.15, 1.07))
    radius = s.unit * np.interp(np.arange(len(pubis)), [0, len(pubis) / 2, len(pubis)], [0.062, 0.046, 0.055])
    bones.tube(pubis, radius, 1.0, fill=0.3, strength=0.8, name="pelvis")
    ischium = s.curve((0.55, 0.98), (0.50, 1.16), (0.38, 1.34))
    radius = s.unit * np.interp(
        np.arange(len(ischium)), [0, len(ischium) / 3, len(ischium)], [0.065, 0.085, 0.055]
    )
    bones.tube(ischium, radius, 1.0, fill=0.3, strength=0.8, name="pelvis")
    femur = trunk.thighs[0 if s.side < 0 else 1]
    place = np.arange(len(femur)) * 3.0
    shaft = s.unit * (0.068 + 0.05 * np.exp(-place / (0.12 * s.unit)))
    bones.tube(femur, shaft, 1.6, fill=0.25, strength=0.9)


def _child_side(s: _Side, a: Anatomy, bones: BoneMap, rng: np.random.Generator) -> None:
    """Pubis, ischium, teardrop, acetabular roof, femoral head with its growth plate, and femur."""
    o, v = a.ossification, s.unit
    gap = 0.05 * (1 - o)  # triradiate and ischiopubic cartilage
    pubis = s.curve((0.62 + gap, 0.88), (0.38, 0.93), (0.20, 1.02), (0.07, 1.10))
    width = (
        v
        * rng.uniform(0.9, 1.1)
        * np.interp(np.arange(len(pubis)), [0, len(pubis) * 0.5, len(pubis)], [0.075, 0.05, 0.068])
    )
    bones.tube(pubis, width, 1.2, fill=0.3, strength=0.75, name="pelvis")
    ischium = s.curve((0.68, 0.90 + gap), (0.61, 1.14), (0.51, 1.36), (0.42, 1.47))
    width = v * np.interp(np.arange(len(ischium)), [0, len(ischium) * 0.6, len(ischium)], [0.11, 0.075, 0.09])
    bones.tube(ischium, width, 1.3, depth=0.8, fill=0.3, strength=0.62, name="pelvis")
    ramus = s.curve((0.42, 1.48), (0.26, 1.38), (0.10, 1.17))
    bones.tube(ramus, 0.045 * v, 1.2, fill=0.3, strength=0.7, name="pelvis")
    teardrop = s.curve((0.545, 0.74), (0.525, 0.86), (0.545, 0.95), (0.575, 0.90), (0.585, 0.80))
    bones.tube(teardrop, 1.5, 1.4, strength=1.0)
    roof = s.curve((0.585, 0.80), (0.63, 0.72), (0.74, 0.675), (0.87, 0.71), (0.93, 0.775))
    bones.tube(roof, 1.9, 1.8, strength=1.3, name="pelvis")
    head = (0.10 + 0.060 * o) * v
    cx, cy = s.x(0.77 + 0.02 * (1 - o)), s.y(0.70) + head * (0.62 + 0.38 * o) + 0.03 * v
    window = window_of(cx - 60, cx + 60, cy - 60, cy + 60)
    if window is not None:
        x, y = XX[window] - cx, YY[window] - cy
        across, along = 0.9 * x + s.side * 0.43 * y, 0.9 * y - s.side * 0.43 * x
        distance = ellipse(across, along, head * 1.05, head * (0.62 + 0.38 * o))
        bones.plate(window, distance, head * 0.9, head * 1.6, 1.6, fill=0.40, rim=0.35)
    neck = cy / 1.0 + 0.75 * head
    femur = spline(
        [
            (cx + s.side * 0.07 * v, neck),
            (cx + s.side * 0.20 * v, neck + 0.11 * v),
            (cx + s.side * 0.31 * v, neck + 0.27 * v),
            (cx + s.side * 0.35 * v, neck + 0.60 * v),
            (cx + s.side * 0.30 * v, neck + 1.40 * v),
        ],
        3.0,
    )
    place = np.arange(len(femur)) * 3.0
    flare = 0.05 * np.exp(-((place / (0.07 * v)) ** 2)) + 0.045 * np.exp(
        -(((place - 0.32 * v) / (0.12 * v)) ** 2)
    )
    bones.tube(femur, v * (0.095 + flare), 2.0, depth=0.9, fill=0.3, strength=0.7)


def _child_sacrum(s: _Side, a: Anatomy, bones: BoneMap) -> None:
    """A plate with four pairs of foramina, disc remnants and a median crest."""
    v, mm, top = s.unit, a.mm_per_px, s.y0 + 0.42 * a.pitch
    found = polygon_distance([(s.x0 + px * v * 0.98, top + py * v * 0.82) for px, py in _SACRUM])
    if found is None:
        return
    window, distance = found
    x, y = XX[window] - s.x0, YY[window] - top
    thickness = 0.20 * v * (1 - 0.35 * np.clip(y / v, 0, 1))
    bones.plate(window, distance, 9, thickness, 1.2, fill=0.30, rim=0.18)
    bones.outline("pelvis", window, distance < 0)
    for k in range(4):
        row = (0.17 + 0.165 * k) * v * 0.82
        remnant = np.exp(-(((y - row + 0.06 * np.abs(x)) / 1.1) ** 2)) * np.exp(-((x / (0.17 * v)) ** 4))
        bones.cortical[window] += remnant * (0.55 / mm) * (1 - 0.15 * k)
        for side in (-1, 1):
            down = (y - row - 0.03 * v) / (0.042 * v)
            ring = np.hypot((x - side * (0.185 - 0.022 * k) * v) / (0.055 * v), down)
            bones.trabecular[window] *= 1 - 0.45 * smoothstep(1.25, 0.7, ring)
            arc = np.exp(-(((ring - 1.1) * 0.05 * v / 1.1) ** 2)) * smoothstep(0.3, -0.5, down)
            bones.cortical[window] += arc * (0.8 / mm)
    crest = np.exp(-((x / 1.6) ** 2)) * smoothstep(0.02 * v, 0.1 * v, y) * smoothstep(0.7 * v, 0.45 * v, y)
    bones.cortical[window] += crest * (0.7 / mm) * (0.5 + 0.5 * np.sin(y / (0.07 * v)))


def _infant_sacrum(s: _Side, a: Anatomy, bones: BoneMap) -> None:
    """Separate faint blocks with their lateral masses."""
    u, mm, o = a.pitch, a.mm_per_px, a.ossification
    base = a.body_width * u
    for k in range(5):
        width, cy = base * (1.12 - 0.17 * k), a.l5_y + u * (0.92 + 0.62 * k)
        window = window_of(s.x0 - 1.2 * width, s.x0 + 1.2 * width, cy - u, cy + u)
        if window is None:
            continue
        x, y = XX[window] - s.x0, YY[window] - cy
        block = rounded_box(x, y, 0.48 * width, u * (0.24 + 0.03 * o), 3)
        bones.plate(window, block, 5.0, width * 0.42 * (1 - 0.1 * k), 0.8, fill=0.14, rim=0.15)
        bones.cortical[window] += np.exp(-(((block + 1.0) / 1.3) ** 2)) * (0.22 / mm)
        bones.outline("pelvis", window, block < 0)
        for side in (-1, 1) if k < 4 else ():
            mass = rounded_box(x - side * 0.66 * width, y - 0.05 * u, 0.28 * width, 0.30 * u, 0.18 * u)
            bones.plate(window, mass, 4, width * 0.25 * (1 - 0.15 * k), 0.8, fill=0.16, rim=0.3)
            bones.outline("pelvis", window, mass < 0)
