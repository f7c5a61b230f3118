"""The stomach: a bag under the left dome that grows, droops and squeezes when its outlet is blocked."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.anatomy import Anatomy
from pedaxr_models.phantom.chest import Chest
from pedaxr_models.phantom.geometry import XX, YY, Field, Window, smoothstep, spline
from pedaxr_models.phantom.lumen import Balls, tube_balls
from pedaxr_models.phantom.noise import wander
from pedaxr_models.phantom.plan import GutPlan

Point = tuple[float, float]


@dataclass(frozen=True)
class Wave:
    """A peristaltic ring: the two discs, (x, y, radius) in canvas pixels, that press the walls in.

    A union of balls swallows narrow dips, so rings are pressed into it.
    """

    discs: tuple[tuple[float, float, float], ...]

    def narrow(self, half: Field, window: Window) -> Field:
        """Half-chords (window) pressed in by the ring."""
        for x, y, radius in self.discs:
            away = np.hypot(XX[window] - x, YY[window] - y) - radius
            half = half * smoothstep(-1, 0.6 * radius, away)
        return np.asarray(np.where(half > 0.5, half, 0), np.float32)


@dataclass(frozen=True)
class Stomach:
    """Lumen of the stomach; `diameter` is that of its widest ball, pixels."""

    balls: Balls
    diameter: float
    waves: tuple[Wave, ...] = ()


def build_stomach(a: Anatomy, chest: Chest, plan: GutPlan, rng: np.random.Generator) -> Stomach:
    """Fundus under the left dome, body, antrum; an obstructed antrum crosses the spine."""
    fundus = (
        rng.uniform(0.44, 0.56) * a.half_width,
        chest.left_dome_y + (0.95 * plan.stomach_scale + 0.25) * a.pitch,
    )
    shape = _obstructed(a, plan, fundus, rng) if plan.is_obstructed else _usual(a, plan, fundus, rng)
    points, profile = shape
    curve = spline([(a.centre_x + x, y) for x, y in points])
    share = np.linspace(0, 1, len(curve))
    radii = np.interp(share, [0, 0.3, 0.6, 0.85, 1], profile) * a.pitch
    radii = radii * (1 + 0.03 * wander(rng, len(curve), 14))
    waves = _waves(curve, radii.astype(np.float32), rng) if plan.is_obstructed and rng.random() < 0.35 else ()
    return Stomach(tube_balls(curve, radii.astype(np.float32)), float(2 * radii.max()), waves)


def _usual(a: Anatomy, plan: GutPlan, fundus: Point, rng: np.random.Generator) -> tuple[list[Point], Field]:
    u, h, scale = a.pitch, a.half_width, plan.stomach_scale
    x, y = fundus
    points = [
        (x, y),
        (x + 0.06 * h, y + 1.2 * u * scale),
        (x - 0.12 * h * scale, y + 2.3 * u * scale),
        (0.08 * h - 0.10 * h * scale, y + 3.0 * u * scale),
        (-0.24 * h, y + rng.uniform(2.4, 2.8) * u * scale),
    ]
    return points, np.array([1.0, 1.02, 0.82, 0.62, 0.38], np.float32) * 0.92 * scale


def _obstructed(
    a: Anatomy, plan: GutPlan, fundus: Point, rng: np.random.Generator
) -> tuple[list[Point], Field]:
    """From a steer's horn across the belly to a J that hangs low, with a wide or a narrow antrum."""
    u, h, scale = a.pitch, a.half_width, plan.stomach_scale
    size, hang = min(scale, 1.0), rng.uniform(-0.9, 1.1)  # -1 lies across, 1 hangs
    x, y = fundus
    reach = rng.uniform(0.30, 0.55)
    points = [
        (x + 0.02 * h, y),
        (x + (-0.06 + 0.08 * hang) * h, y + (1.1 + 0.25 * hang) * u),
        (x - (0.32 - 0.14 * hang) * h, y + (2.2 + 0.55 * hang) * u * size),
        (rng.uniform(-0.14, 0.02) * h, y + (2.8 + 0.75 * hang) * u * size),
        (-reach * h * size, y + (2.45 + 0.30 * hang + rng.uniform(-0.2, 0.3)) * u * size),
    ]
    profile = np.array([1.33, 1.42, 1.26, rng.uniform(0.85, 1.15), rng.uniform(0.45, 0.80)], np.float32)
    return points, profile * 0.96 * scale * rng.uniform(0.86, 1.03)


def _waves(curve: Field, radii: Field, rng: np.random.Generator) -> tuple[Wave, ...]:
    """Two or three rings on their way to the antrum: the caterpillar sign."""
    places = np.linspace(0.36, 0.82, int(rng.integers(2, 4))) + rng.uniform(-0.04, 0.04)
    tangent = np.gradient(curve, axis=0)
    waves = []
    for place in places:
        i = int(place * (len(curve) - 1))
        along = tangent[i] / (np.hypot(*tangent[i]) + 1e-6)
        normal = np.array([-along[1], along[0]])
        size = radii[i] * rng.uniform(0.22, 0.34)
        offset = radii[i] * (1 - rng.uniform(0.14, 0.30)) + size
        centres = (curve[i] + side * normal * offset for side in (-1, 1))
        waves.append(Wave(tuple((float(x), float(y), float(size)) for x, y in centres)))
    return tuple(waves)
