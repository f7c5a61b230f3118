"""Sacrum: separate blocks in infants, later one plate with foramina."""

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.geometry import XX, YY, polygon_distance, rounded_box, smoothstep, window_of

# Outline in units of the pelvic half-width, y down.
_SACRUM = (
    (-0.40, 0.02), (-0.18, -0.02), (0.0, 0.02), (0.18, -0.02), (0.40, 0.02), (0.37, 0.28), (0.27, 0.48),
    (0.17, 0.66), (0.09, 0.84), (0.0, 0.90), (-0.09, 0.84), (-0.17, 0.66), (-0.27, 0.48), (-0.37, 0.28),
)  # fmt: skip


def build_sacrum(a: Anatomy, middle: tuple[float, float], unit: float, bones: BoneMap) -> None:
    """`middle` is the top of the sacrum in the midline, `unit` the pelvic half-width, canvas pixels."""
    if a.is_infant:
        _infant_sacrum(a, middle[0], bones)
    else:
        _child_sacrum(a, middle, unit, bones)


def _child_sacrum(a: Anatomy, middle: tuple[float, float], v: float, bones: BoneMap) -> None:
    """A plate with four pairs of foramina, disc remnants and a median crest."""
    mm, x0, top = a.mm_per_px, middle[0], middle[1] + 0.42 * a.pitch
    found = polygon_distance([(x0 + px * v * 0.98, top + py * v * 0.82) for px, py in _SACRUM])
    if found is None:
        return
    window, distance = found
    x, y = XX[window] - x0, YY[window] - top
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


def _infant_sacrum(a: Anatomy, x0: float, bones: BoneMap) -> None:
    """Separate faint blocks with their lateral masses."""
    u, mm, o = a.pitch, a.mm_per_px, a.ossification
    base = a.body_width * u
    for k in range(5):
        width, cy = base * (1.12 - 0.17 * k), a.l5_y + u * (0.92 + 0.62 * k)
        window = window_of(x0 - 1.2 * width, x0 + 1.2 * width, cy - u, cy + u)
        if window is None:
            continue
        x, y = XX[window] - x0, YY[window] - cy
        block = rounded_box(x, y, 0.48 * width, u * (0.24 + 0.03 * o), 3)
        bones.plate(window, block, 5.0, width * 0.42 * (1 - 0.1 * k), 0.8, fill=0.14, rim=0.15)
        bones.cortical[window] += np.exp(-(((block + 1.0) / 1.3) ** 2)) * (0.22 / mm)
        bones.outline("pelvis", window, block < 0)
        for side in (-1, 1) if k < 4 else ():
            mass = rounded_box(x - side * 0.66 * width, y - 0.05 * u, 0.28 * width, 0.30 * u, 0.18 * u)
            bones.plate(window, mass, 4, width * 0.25 * (1 - 0.15 * k), 0.8, fill=0.16, rim=0.3)
            bones.outline("pelvis", window, mass < 0)
