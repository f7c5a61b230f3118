"""The stomach: a bag under the left dome that grows, droops and squeezes when its outlet is blocked."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
from pedaxr_models.phantom.geometry import Field, spline
from pedaxr_models.phantom.gut.lumen import Balls, tube_balls
from pedaxr_models.phantom.gut.plan import GutPlan
from pedaxr_models.phantom.noise import wander

Point = tuple[float, float]


@dataclass(frozen=True)
class Stomach:
    """Lumen of the stomach; `diameter` is that of its widest ball, pixels; `has_waves`: peristaltic rings."""

    balls: Balls
    diameter: float
    has_waves: bool = False


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
    usual = np.interp(share, [0, 0.3, 0.6, 0.85, 1], profile) * a.pitch
    radii: Field = np.asarray(usual * (1 + 0.03 * wander(rng, len(curve), 14)), np.float32)
    squeezes = plan.is_obstructed and rng.random() < 0.35
    balls = _caterpillar(curve, radii, rng) if squeezes else tube_balls(curve, radii)
    return Stomach(balls, float(2 * radii.max()), squeezes)


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


def _caterpillar(curve: Field, radii: Field, rng: np.random.Generator) -> Balls:
    """Two or three peristaltic rings on their way to the antrum: round bulges with notches between them.

    Balls so far apart that their union dips between them; a thinner tube through them sets the notch's depth.
    """
    quiet = int(rng.uniform(0.24, 0.36) * len(curve))
    core = np.where(np.arange(len(curve)) < quiet, 1.0, rng.uniform(0.58, 0.72))
    body = tube_balls(curve, (radii * core).astype(np.float32))
    bulges = [quiet - 1]
    while len(bulges) < 4:
        at = bulges[-1] + int(radii[bulges[-1]] * rng.uniform(0.95, 1.2))
        if at >= len(curve) - 1:
            break
        bulges.append(at)
    centres = np.concatenate([body.centres, curve[bulges]])
    sizes = np.concatenate([body.radii, radii[bulges] * 1.02]).astype(np.float32)
    return Balls(centres, sizes, np.zeros(len(sizes), np.int16))
