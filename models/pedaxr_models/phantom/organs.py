"""Solid organs: soft tissue that shows only because fat around them is darker."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.chest import Chest
from pedaxr_models.phantom.geometry import (
    XX,
    YY,
    Field,
    Mask,
    N,
    ellipse,
    half_chord,
    polygon_distance,
    smoothstep,
)
from pedaxr_models.phantom.noise import texture
from pedaxr_models.phantom.trunk import Trunk


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
    """Liver, spleen, kidneys and psoas, as a lack of belly fat."""
    u, h = a.pitch, a.half_width
    belly = trunk.belly * smoothstep(0, 1.5 * u, YY - chest.dome_y)
    liver, liver_mask = _liver(a, chest, rng)
    spleen_x, spleen_y = trunk.x - 0.76 * h, YY - (chest.left_dome_y + 2.3 * u)
    spleen = 2 * half_chord(ellipse(spleen_x * 0.9 + spleen_y * 0.25, spleen_y, 0.19 * h, 1.5 * u), 0.17 * h)
    solid = liver * 0.8 + spleen * 0.6 + _kidneys(a, rng) * 0.9 + _psoas(a, trunk) * 0.95 + chest.heart * 0.2
    share = 0.15 + 0.12 * rng.random() * (1 - 0.6 * a.infancy)
    grain = np.clip(1 + 0.18 * texture(rng, 22) + 0.16 * texture(rng, 9) + 0.07 * texture(rng, 4), 0.3, 1.8)
    fat = np.clip(grain * share * trunk.inner_thickness * 0.8 * belly - solid * share * 2.4, 0, None)
    return Organs(fat.astype(np.float32), belly.astype(np.float32), liver_mask & (chest.dome_y < YY))


def _liver(a: Anatomy, chest: Chest, rng: np.random.Generator) -> tuple[Field, Mask]:
    u, h, y5 = a.pitch, a.half_width, a.l5_y
    right, left = chest.right_dome_y, chest.left_dome_y
    tip = rng.uniform(-0.5, 0.6) * u
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
    thickness, mask = np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    found = polygon_distance([(x + a.centre_x, y) for x, y in points])
    if found is not None:
        thickness[found[0]] = 2 * half_chord(found[1], 0.38 * h)
        mask[found[0]] = found[1] < 0
    return thickness, mask


def _kidneys(a: Anatomy, rng: np.random.Generator) -> Field:
    total = np.zeros((N, N), np.float32)
    for side, height in ((-1, 3.6), (1, 4.0)):
        x = XX - (a.centre_x + side * rng.uniform(0.38, 0.45) * a.half_width)
        y = YY - a.level_y(height + rng.uniform(-0.2, 0.2))
        tilt = side * rng.uniform(0.15, 0.3)
        along, across = np.cos(tilt) * x + np.sin(tilt) * y, -np.sin(tilt) * x + np.cos(tilt) * y
        total += 2 * half_chord(ellipse(along, across, 0.68 * a.pitch, 1.35 * a.pitch), 0.6 * a.pitch)
    return total


def _psoas(a: Anatomy, trunk: Trunk) -> Field:
    total = np.zeros((N, N), np.float32)
    down = (YY - a.level_y(4.6)) / a.pitch
    width = (0.05 + 0.10 * np.clip(down / 4, 0, 1)) * a.half_width
    ends = smoothstep(a.level_y(5), a.level_y(4), YY) * smoothstep(a.level_y(-2.6), a.level_y(-1), YY)
    for side in (-1, 1):
        centre = trunk.spine_x[:, None] + side * (0.12 + 0.36 * np.clip(down / 5.5, 0, 1.3)) * a.half_width
        total += 2 * half_chord(np.abs(XX - centre) - width, 0.12 * a.half_width) * ends
    return total
