"""Free gas: crescents under the domes when erect, a pale ellipse with doubled bowel walls when supine."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.labels import View
from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.chest import Chest
from pedaxr_models.phantom.contents import Contents
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
from pedaxr_models.phantom.noise import texture
from pedaxr_models.phantom.trunk import Trunk


@dataclass(frozen=True)
class FreeAir:
    """Path length of free gas, its geometric silhouette, and the widest gap under a dome (pixels, erect)."""

    gas: Field
    mask: Mask
    gap: float


def build_free_air(
    view: View,
    severity: float,
    a: Anatomy,
    trunk: Trunk,
    chest: Chest,
    contents: Contents,
    belly: Field,
    rng: np.random.Generator,
) -> FreeAir:
    """Free gas of one film; `severity` in 0..1 sets its amount."""
    if view is View.ERECT:
        return _crescents(severity, a, trunk, chest, rng)
    return _supine(severity, a, trunk, contents, belly, rng)


def _crescents(severity: float, a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> FreeAir:
    """The gap is nil medially and grows laterally; an even gap would be a flat-topped box."""
    h, u = a.half_width, a.pitch
    line = max(1.8, 2.2 / a.mm_per_px)  # the diaphragm itself stays visible above the gas
    top = chest.dome_y + line
    above = chest.recess(top, u)
    gas, mask = np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    gap = (0.18 + 0.82 * severity) * 1.5 * u
    for side in _sides(severity, rng):
        own = gap * (1.0 if side < 0 else rng.uniform(0.3, 1.0))
        lateral = np.clip((trunk.x * side - 0.07 * h) / (0.55 * h), 0, 1.6)
        low = top + own * lateral**0.75
        reach = smoothstep(0.06 * h, 0.10 * h, trunk.x * side) * coverage(chest.wall_distance + 3, 1.5)
        apex = chest.right_dome_y if side < 0 else chest.left_dome_y
        reach = reach * smoothstep(apex + 3.2 * u, apex + 1.5 * u, YY)
        mask |= (top - 0.5 < YY) & (low > YY) & (reach > 0.5)
        part = np.clip(above - chest.recess(low, u), 0, None) * reach * np.clip((low - top) / 1.2, 0, 1)
        gas = np.maximum(gas, part)
    return FreeAir(gas, mask & (gas > 1.0), gap)


def _sides(severity: float, rng: np.random.Generator) -> tuple[int, ...]:
    """Free gas lies on both sides or, when little, often only over the liver."""
    if rng.random() < 0.45 - 0.4 * severity:
        return (-1,) if rng.random() < 0.8 else (1,)
    return (-1, 1)


def _supine(
    severity: float, a: Anatomy, trunk: Trunk, contents: Contents, belly: Field, rng: np.random.Generator
) -> FreeAir:
    """Football ellipse, Rigler's double wall on some loops, falciform ligament; stronger looked like wire."""
    h, u = a.half_width, a.pitch
    width, height = (0.42 + 0.34 * severity) * h, (1.6 + 1.9 * severity) * u
    cy = a.level_y(3.4) + rng.uniform(-0.4, 0.4) * u
    x = trunk.x - rng.uniform(-0.15, 0.1) * h
    distance = ellipse(x, YY - cy, width, height) + 3.5 * texture(rng, 16)
    lens = half_chord(distance, width * 0.8) / (width * 0.8) * (0.18 + 0.26 * severity) * h * 0.8
    for layer in contents.layers:
        shown = smoothstep(-0.2, 0.6, np.sin(layer.owner * 2.4 + 0.5))
        wall = np.exp(-(((layer.first - layer.wall * 0.3) / (layer.wall * 0.7)) ** 2)) * shown
        lens = lens * (1 - 0.30 * wall) * (1 - 0.45 * smoothstep(1, -2, layer.first) * shown)
    bend = 0.03 * (YY - cy + 2 * u) - 4 * np.sin((YY - cy) / (1.7 * u))
    ligament = np.exp(-(((XX - (trunk.spine_x[:, None] - 0.16 * h + bend)) / 1.5) ** 2))
    ligament = ligament * ((cy - height < YY) & (cy - 0.1 * height > YY))
    gas = np.clip(lens * (1 - 0.28 * blur(ligament.astype(np.float32), 0.6)), 0, None) * belly
    edge = distance < -0.006 * width  # where the lens reaches about an eighth of its depth
    return FreeAir(gas.astype(np.float32), edge & (belly > 0.3), 0.0)
