"""Solid organs: soft tissue that shows only because fat around them is darker."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import (
    ROWS,
    XX,
    YY,
    Field,
    Mask,
    N,
    ellipse,
    half_chord,
    polygon_distance,
    smoothstep,
    window_of,
)
from pedaxr_models.phantom.noise import fractal, texture


@dataclass(frozen=True)
class Organs:
    """Belly fat left between the organs (path length, pixels), the liver's silhouette, and the belly itself.

    Attributes:
        belly: (N, N) 0..1, inside the flank muscle and below the diaphragm.
    """

    fat: Field
    belly: Field
    liver_mask: Mask


def build_organs(a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> Organs:
    """Liver, spleen, kidneys and psoas, as a lack of belly fat with a darker rim of fat round each."""
    u = a.pitch
    belly = trunk.belly * smoothstep(0, 1.5 * u, YY - chest.dome_y)
    liver, liver_rim, liver_mask = _liver(a, chest, rng)
    spleen, spleen_rim = _spleen(a, trunk, chest)
    kidneys, kidney_rim = _kidneys(a, rng)
    psoas, psoas_rim = _psoas(a, trunk, rng)
    solid = liver * 0.8 + spleen * 0.7 + kidneys * 1.2 + psoas * 1.5 + chest.heart * 0.2
    rim = 0.7 * liver_rim + 0.6 * spleen_rim + kidney_rim + psoas_rim
    share = 0.18 + 0.15 * rng.random() * (1 - 0.6 * a.infancy)
    depth = trunk.inner_thickness * belly
    fat = _mottle(rng) * share * depth * 0.8 - solid * share * 2.4
    fat = np.clip(fat, 0, None) + rim * share * depth * rng.uniform(0.35, 0.9)
    return Organs(fat.astype(np.float32), belly.astype(np.float32), liver_mask & (chest.dome_y < YY))


def _mottle(rng: np.random.Generator) -> Field:
    """Belly fat about its mean: clutter at all scales, and winding folds between collapsed loops of bowel."""
    folds = np.exp(-((texture(rng, 8) / 0.22) ** 2)) + 0.7 * np.exp(-((texture(rng, 5) / 0.2) ** 2))
    shade = 0.8 + 0.40 * fractal(rng) + 0.12 * texture(rng, 3) + 0.36 * folds
    return np.asarray(np.clip(shade, 0.1, 2.6), np.float32)


_RIM_ENDS = 12  # so many widths from an organ its rim is 0 in single precision


def _rim(distance: Field, width: float = 2.0) -> Field:
    """A band of fat just outside an organ."""
    return np.asarray(np.exp(-(((distance - 0.8 * width) / width) ** 2)), np.float32)


def _liver(a: Anatomy, chest: Chest, rng: np.random.Generator) -> tuple[Field, Field, Mask]:
    u, h, y5 = a.pitch, a.half_width, a.l5_y
    right, left = chest.right_dome_y, chest.left_dome_y
    tip = rng.uniform(-0.7, 0.9) * u
    points = [
        (-0.93 * h, right + 1.2 * u),
        (-0.55 * h, right + 0.1 * u),
        (0.0, right + 0.75 * u),
        (0.35 * h, left + 1.2 * u),
        (0.05 * h, y5 - 5.0 * u),
        (-0.35 * h, y5 - 3.7 * u),
        (-0.70 * h, y5 - 2.4 * u + tip),
        (-0.90 * h, y5 - 2.7 * u + 0.5 * tip),
    ]
    thickness, rim, mask = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    found = polygon_distance([(x + a.centre_x, y) for x, y in points])
    if found is not None:
        window, distance = found
        thickness[window] = 2 * half_chord(distance, 0.38 * h)
        low = smoothstep(-0.15 * h, -0.45 * h, XX[window] - a.centre_x) * (YY[window] > a.level_y(4.5))
        rim[window] = _rim(distance, 1.8) * low
        mask[window] = distance < 0
    return thickness, rim, mask


def _spleen(a: Anatomy, trunk: Trunk, chest: Chest) -> tuple[Field, Field]:
    x, y = trunk.x - 0.76 * a.half_width, YY - (chest.left_dome_y + 2.3 * a.pitch)
    distance = ellipse(x * 0.9 + y * 0.25, y, 0.19 * a.half_width, 1.5 * a.pitch)
    return 2 * half_chord(distance, 0.17 * a.half_width), _rim(distance) * (x < 0) * (y > 0)


def _kidneys(a: Anatomy, rng: np.random.Generator) -> tuple[Field, Field]:
    total, rim = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32)
    for side, height in ((-1, 3.6), (1, 4.0)):
        cx = a.centre_x + side * rng.uniform(0.38, 0.45) * a.half_width
        cy = a.level_y(height + rng.uniform(-0.2, 0.2))
        tilt = side * rng.uniform(0.15, 0.3)
        wide, high = np.array([0.68, 1.35]) * rng.uniform(0.92, 1.1) * a.pitch
        strength = rng.uniform(0.3, 1.0)
        reach = high * (1 + _RIM_ENDS * 2.4 / wide)
        window = window_of(cx - reach, cx + reach, cy - reach, cy + reach)
        if window is None:
            continue
        x, y = XX[window] - cx, YY[window] - cy
        along, across = np.cos(tilt) * x + np.sin(tilt) * y, -np.sin(tilt) * x + np.cos(tilt) * y
        distance = ellipse(along, across, wide, high)
        total[window] += 2 * half_chord(distance, 0.6 * a.pitch)
        rim[window] += _rim(distance, 2.4) * strength
    return total, rim


def _psoas(a: Anatomy, trunk: Trunk, rng: np.random.Generator) -> tuple[Field, Field]:
    total, rim = np.zeros((N, N), np.float32), np.zeros((N, N), np.float32)
    lines = slice(max(0, int(a.level_y(5))), max(0, int(a.level_y(-2.6)) + 1))  # from end to end
    rows, middle = ROWS[lines], trunk.spine_x[lines, None]
    down = (rows - a.level_y(4.6)) / a.pitch
    width = (0.05 + 0.10 * np.clip(down / 4, 0, 1)) * a.half_width
    ends = smoothstep(a.level_y(5), a.level_y(4), rows) * smoothstep(a.level_y(-2.6), a.level_y(-1), rows)
    for side in (-1, 1):
        lean = (0.12 + rng.uniform(0.33, 0.39) * np.clip(down / 5.5, 0, 1.3)) * a.half_width
        across = (XX[lines] - middle - side * lean) * side
        distance = np.abs(across) - width
        total[lines] += 2 * half_chord(distance, 0.12 * a.half_width) * ends
        rim[lines] += _rim(distance, 1.6) * (across > 0) * ends * rng.uniform(0.3, 1.0)
    return total, rim
