"""Free gas: crescents under the domes, a stripe beside the liver, or a pale pool in front of the gut."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.labels import View
from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
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
from pedaxr_models.phantom.gut.contents import Contents
from pedaxr_models.phantom.gut.levels import Gravity
from pedaxr_models.phantom.noise import texture


@dataclass(frozen=True)
class FreeAir:
    """Path length of free gas (pixels) and its silhouette."""

    gas: Field
    mask: Mask


def build_free_air(
    gravity: Gravity,
    severity: float,
    a: Anatomy,
    trunk: Trunk,
    chest: Chest,
    contents: Contents,
    belly: Field,
    rng: np.random.Generator,
    size: float = 1.0,
) -> FreeAir:
    """Free gas of one film; `severity` in 0..1 sets its amount, `size` scales supine pools."""
    if gravity.view is View.ERECT:
        return _crescents(severity, a, trunk, chest, rng)
    if gravity.view is View.LEFT_LATERAL_DECUBITUS:
        return _stripe(severity, a, trunk, chest, gravity, rng)
    return _pool(severity, a, trunk, contents, belly, rng, size)


def _crescents(severity: float, a: Anatomy, trunk: Trunk, chest: Chest, rng: np.random.Generator) -> FreeAir:
    """The gap is nil medially and grows laterally; an even gap would be a flat-topped box."""
    h, u = a.half_width, a.pitch
    line = max(1.8, 2.2 / a.mm_per_px)  # the diaphragm itself stays visible above the gas
    top = chest.dome_y + line
    above = chest.recess(top, u)
    gas, mask = np.zeros((N, N), np.float32), np.zeros((N, N), bool)
    gap = (0.10 + 0.80 * severity**1.2) * 1.4 * u
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
    return FreeAir(gas, mask & (gas > 1.0))


def _sides(severity: float, rng: np.random.Generator) -> tuple[int, ...]:
    """Free gas lies on both sides or, when little, often only over the liver."""
    if rng.random() < 0.60 - 0.45 * severity:
        return (-1,) if rng.random() < 0.8 else (1,)
    return (-1, 1)


def _stripe(
    severity: float, a: Anatomy, trunk: Trunk, chest: Chest, gravity: Gravity, rng: np.random.Generator
) -> FreeAir:
    """On the left side gas rises to the right flank and lifts the liver off the abdominal wall.

    Its lower border is the falling liver, not a level; it tapers towards dome and iliac crest.
    """
    u, h = a.pitch, a.half_width
    inner = trunk.half_width - a.flank_px
    gap = (0.08 + 0.62 * severity**1.2) * 1.2 * u
    top, bottom = chest.right_dome_y + rng.uniform(0.4, 1.2) * u, a.level_y(rng.uniform(-0.4, 1.6))
    share = np.clip((YY - top) / (bottom - top), 0, 1)
    bulge = np.clip(4 * share * (1 - share), 0, 1) ** 0.7 * (1 + 0.10 * texture(rng, 16))
    depth = trunk.x + inner  # from the right abdominal wall inward
    gas = trunk.inner_thickness * coverage(depth - gap * bulge, 1.2) * coverage(-depth, 1.0)
    gas = gas * smoothstep(0.0, 0.2, share) * smoothstep(1.0, 0.8, share) * 0.66
    gas = gas * coverage(chest.dome_y + max(1.8, 2.2 / a.mm_per_px) - YY, 1.0) * (trunk.x < -0.2 * h)
    return FreeAir(np.asarray(gas, np.float32), np.asarray(gas > 1.0))


def _pool(
    severity: float,
    a: Anatomy,
    trunk: Trunk,
    contents: Contents,
    belly: Field,
    rng: np.random.Generator,
    size: float,
) -> FreeAir:
    """Football or gas round the liver, Rigler's double wall, falciform ligament; more looked like wire."""
    h, u = a.half_width, a.pitch
    distance, width = _outline(severity, a, trunk, rng, size)
    depth = (0.16 + 0.26 * severity) * h * 0.8
    steep = width * (0.45 + 0.30 * np.clip(texture(rng, 24), -1, 1))  # sharp here, fading there
    lens = half_chord(distance, width * 0.8) / (width * 0.8) * depth
    lens = lens * smoothstep(0, 1, 0.35 - distance / steep)
    shape = lens
    for layer in contents.layers:
        shown = smoothstep(-0.2, 0.6, np.sin(layer.owner * 2.4 + rng.uniform(0, 6)))
        wall = np.exp(-(((layer.first - layer.wall * 0.3) / (layer.wall * 0.7)) ** 2)) * shown
        lens = lens * (1 - 0.30 * wall) * (1 - 0.45 * smoothstep(1, -2, layer.first) * shown)
    if rng.random() < 0.6:
        lens = lens * (1 - 0.28 * _falciform(a, trunk, u, rng))
    gas = np.clip(lens, 0, None) * belly
    edge = shape > 0.12 * shape.max()
    return FreeAir(gas.astype(np.float32), edge & (belly > 0.3))


def _outline(
    severity: float, a: Anatomy, trunk: Trunk, rng: np.random.Generator, size: float
) -> tuple[Field, float]:
    """Signed distance to the pool's border, and its half-width: several overlapping collections.

    They lie in front of liver and bowel, over the liver's slanting lower edge, or as a wedge in the pouch
    under it; bowel dents them, so that no border is an ellipse.
    """
    h, u = a.half_width, a.pitch
    width, height = (0.32 + 0.34 * severity) * h * size, (1.1 + 1.9 * severity) * u * size
    x0, y0, slant = rng.uniform(-0.15, 0.1) * h, a.level_y(3.4) + rng.uniform(-0.5, 0.7) * u, 0.0
    if rng.random() < 0.4:  # over the liver, slanting down to the flank
        width, height = 0.8 * width, 0.8 * height
        x0, y0, slant = -0.40 * h, a.level_y(4.6), rng.uniform(0.25, 0.6)
    x, y = trunk.x - x0, YY - y0
    distance = ellipse(x, y + slant * x, 0.86 * width, 0.86 * height)
    for _ in range(int(rng.integers(2, 5))):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 0.8)
        dx, dy = x - far * width * np.cos(angle), y + slant * x - far * height * np.sin(angle)
        lean, size = rng.uniform(-0.5, 0.5), rng.uniform(0.40, 0.62)
        piece = ellipse(dx + lean * dy, dy, size * width, size * height * rng.uniform(0.7, 1.3))
        distance = np.minimum(distance, piece)
    if rng.random() < 0.3:
        distance = np.minimum(distance, _wedge(a, trunk, 0.5 + 0.5 * severity, rng))
    uneven = 5.0 * texture(rng, 16) + 2.2 * texture(rng, 7)
    return np.asarray(distance + uneven * (0.7 + 0.6 * severity), np.float32), width


def _wedge(a: Anatomy, trunk: Trunk, size: float, rng: np.random.Generator) -> Field:
    """Signed distance to a triangle of gas in the hepatorenal pouch, its point towards the spine."""
    x = trunk.x + rng.uniform(0.50, 0.62) * a.half_width
    y = YY - a.level_y(rng.uniform(2.9, 3.5))
    long, upper, lower = size * a.pitch, rng.uniform(0.15, 0.45), rng.uniform(0.45, 0.7)
    sides = (-x - 0.5 * long, upper * x - y - 0.5 * long, y + lower * x - 0.5 * long)
    return np.asarray(np.maximum.reduce(sides), np.float32)


def _falciform(a: Anatomy, trunk: Trunk, u: float, rng: np.random.Generator) -> Field:
    """The ligament from liver to navel, a faint curved line just right of the spine."""
    start = a.level_y(rng.uniform(5.4, 6.2))
    bend = 0.03 * (YY - start) - 4 * np.sin((YY - start) / (1.7 * u) + rng.uniform(0, 1.5))
    line = np.exp(-(((XX - (trunk.spine_x[:, None] - 0.16 * a.half_width + bend)) / 1.5) ** 2))
    line = line * ((start < YY) & (start + 3.2 * u > YY))
    return blur(line.astype(np.float32), 0.6)
