"""Where the bowel runs: colon frame and small-bowel loops as chains of balls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.body.anatomy import Anatomy
from pedaxr_models.phantom.body.chest import Chest
from pedaxr_models.phantom.body.trunk import Trunk
from pedaxr_models.phantom.geometry import Field, spline
from pedaxr_models.phantom.gut.lumen import Balls, tube_balls
from pedaxr_models.phantom.gut.plan import SEGMENTS, Content, GutPlan
from pedaxr_models.phantom.gut.stomach import Stomach, build_stomach
from pedaxr_models.phantom.noise import wander

_SEGMENT_WIDTH = {"ascending": 1.15, "transverse": 1.0, "descending": 0.85, "sigmoid": 0.85}
_CONTENTS = (Content.GAS, Content.STOOL, Content.EMPTY)


@dataclass(frozen=True)
class ColonSegment:
    """One stretch of colon; `content[k]` fills the balls whose part is k."""

    name: str
    balls: Balls
    content: tuple[Content, ...]
    diameter: float


@dataclass(frozen=True)
class Gut:
    """All lumens, canvas pixels."""

    stomach: Stomach
    colon: tuple[ColonSegment, ...]
    loops: tuple[Balls, ...]
    loop_radius: float


def build_gut(a: Anatomy, trunk: Trunk, chest: Chest, plan: GutPlan, rng: np.random.Generator) -> Gut:
    """Lay out the lumens of one child."""
    stomach = build_stomach(a, chest, plan, rng)
    colon = _colon(a, trunk, plan, rng)
    loops = tuple(_loops(a, plan, rng))
    return Gut(stomach, colon, loops, plan.loop_radius * a.pitch)


def _colon_curves(a: Anatomy, trunk: Trunk, radius: float, rng: np.random.Generator) -> dict[str, Field]:
    """Centre lines of the five segments, inside the flank muscle."""
    u, h, y5 = a.pitch, a.half_width, a.l5_y
    inner = trunk.half_width_at(a.level_y(2)) - a.flank_px

    def jitter(share: float) -> float:
        return float(rng.normal(0, share * u))

    left_x = -min(rng.uniform(0.62, 0.74) * h, inner - radius * 1.2)
    right_x = min(rng.uniform(0.66, 0.78) * h, inner - radius)
    caecum = (left_x + jitter(0.15) + 0.12 * h, y5 + 0.5 * u + jitter(0.2))
    # A flexure under a dome imitates free air: always possible on the left, rare (Chilaiditi) on the right.
    hepatic_rise = rng.uniform(4.8, 6.0) if rng.random() < 0.06 else 3.1
    hepatic = (left_x + jitter(0.1), y5 - hepatic_rise * u + jitter(0.3))
    splenic = (right_x + jitter(0.1), y5 - rng.uniform(4.0, 5.6) * u + jitter(0.2))
    sag = rng.uniform(0.2, 1.6) * u
    middle = (jitter(0.4), min(hepatic[1], splenic[1]) + 1.6 * u + sag)
    sigmoid_start = (right_x - 0.03 * h + jitter(0.1), y5 + 0.3 * u)
    sigmoid_end = (jitter(0.15), y5 + 2.0 * u)
    points = {
        "ascending": [
            caecum,
            (left_x + jitter(0.12), y5 - 0.6 * u),
            (left_x + jitter(0.12), y5 - 1.9 * u),
            hepatic,
        ],
        "transverse": [
            hepatic,
            (left_x * 0.55, hepatic[1] + 0.55 * u + sag * 0.5),
            middle,
            (right_x * 0.55, splenic[1] + 1.1 * u + sag * 0.5),
            (right_x * 0.9, splenic[1] + 0.1 * u),
        ],
        "descending": [
            splenic,
            (right_x + 0.03 * h + jitter(0.1), y5 - 2.8 * u),
            (right_x + jitter(0.1), y5 - 1.2 * u),
            sigmoid_start,
        ],
        "sigmoid": [
            sigmoid_start,
            (0.45 * h + jitter(0.2), y5 + 1.35 * u),
            (0.15 * h + jitter(0.4), y5 + 0.65 * u + jitter(0.3)),
            (-0.15 * h + jitter(0.3), y5 + 1.5 * u + jitter(0.2)),
            sigmoid_end,
        ],
        "rectum": [sigmoid_end, (0.03 * h, y5 + 2.6 * u), (jitter(0.06), y5 + 3.3 * u)],
    }
    return {name: spline([(a.centre_x + x, y) for x, y in p]) for name, p in points.items()}


def _colon(a: Anatomy, trunk: Trunk, plan: GutPlan, rng: np.random.Generator) -> tuple[ColonSegment, ...]:
    base = plan.colon_radius * a.pitch * (1.08 - 0.10 * a.infancy)
    curves = _colon_curves(a, trunk, base, rng)
    segments = []
    for number, name in enumerate(SEGMENTS):
        width = {**_SEGMENT_WIDTH, "rectum": plan.rectum_ratio}[name]
        pouch = 0.08 if name == "rectum" else rng.uniform(*((0.20, 0.36) if number < 2 else (0.10, 0.26)))
        balls = _haustra(curves[name], base * width, pouch, rng)
        parts = int(balls.part.max()) + 1
        content = _haustral_content(parts, plan.colon_content[name], rng)
        segments.append(ColonSegment(name, balls, content, 2 * base * width))
    return tuple(segments)


def _haustra(curve: Field, radius: float, pouch: float, rng: np.random.Generator) -> Balls:
    """Sacs of uneven size on alternating sides of a narrower core, as taeniae draw them together."""
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    centres, radii, part = [], [], []
    at, number = rng.uniform(0.2, 0.6) * radius, 0
    while at < len(curve) - 1:
        i = int(at)
        for side in (-1, 1):
            sac = radius * rng.uniform(0.78, 1.08) * (1 - 0.3 * pouch)
            shift = side * radius * pouch * rng.uniform(0.5, 1.0)
            place = int(np.clip(i + rng.uniform(-0.25, 0.25) * radius, 0, len(curve) - 1))
            centres.append(curve[place] + normal[place] * shift)
            radii.append(sac)
            part.append(number)
        at += radius * rng.uniform(0.95, 1.7)
        number += 1
    starts = np.linspace(0, len(curve), number + 1)[1:]
    for i in range(0, len(curve), max(2, int(radius * 0.22))):
        centres.append(curve[i])
        radii.append(radius * (1 - pouch) * (0.95 + 0.1 * rng.random()))
        part.append(int(min(number - 1, (starts <= i).sum())))
    return Balls(np.array(centres, np.float32), np.array(radii, np.float32), np.array(part, np.int16))


def _haustral_content(
    parts: int, p: tuple[float, float, float], rng: np.random.Generator
) -> tuple[Content, ...]:
    """Runs of like content: neighbours mostly hold the same."""
    out: list[Content] = []
    for _ in range(parts):
        if out and rng.random() < 0.6:
            out.append(out[-1])
        else:
            out.append(_CONTENTS[int(rng.choice(3, p=np.asarray(p) / sum(p)))])
    return tuple(out)


def _loops(a: Anatomy, plan: GutPlan, rng: np.random.Generator) -> list[Balls]:
    """Short curved loops, chained greedily through a blue-noise scatter of points."""
    radius = plan.loop_radius * a.pitch
    points = _scatter(a, plan, radius, rng)
    free = np.ones(len(points), bool)
    wide = plan.is_packed or plan.is_obstructed or plan.level_loops >= 3
    loops: list[Balls] = []
    if plan.level_loops >= 3 and rng.random() < 0.7:
        loops.append(_arch(a, points, free, radius, rng))
    for start in rng.permutation(len(points)):
        if len(loops) >= plan.loop_count:
            break
        if free[start]:
            chain = _chain(
                points, free, int(start), int(rng.integers(2, 6) if wide else rng.integers(1, 4)), radius
            )
            loops.append(_loop(a, points[chain], radius, rng))
    return loops


def _scatter(a: Anatomy, plan: GutPlan, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points about a loop's width apart, inside a superellipse of the belly; (n, 2) from the midline."""
    big = plan.is_packed or plan.level_loops >= 3
    top, bottom = (a.level_y(4.6), a.level_y(-1.4)) if big else (a.level_y(3.2), a.level_y(-1.6))
    h = a.half_width
    spread = 0.78 if plan.is_packed else 0.66 if big else 0.60
    snug = 1.6 if plan.is_packed else 1.75 - 0.28 * a.infancy  # infants' loops press each other into polygons
    apart = (snug * radius) ** 2
    tries = np.stack([rng.uniform(-spread, spread, 600) * h, rng.uniform(top, bottom, 600)], 1)
    inside = (tries[:, 0] / (0.82 * h)) ** 4 + (
        (tries[:, 1] - (top + bottom) / 2) / ((bottom - top) * 0.55)
    ) ** 4 < 1
    left, kept = tries[inside], []
    while len(left):
        kept.append(left[0])
        left = left[((left - left[0]) ** 2).sum(1) > apart]
    return np.array(kept).reshape(-1, 2)


def _chain(
    points: NDArray[np.float64], free: NDArray[np.bool_], start: int, length: int, radius: float
) -> list[int]:
    chain = [start]
    free[start] = False
    while len(chain) < length:
        step = points - points[chain[-1]]
        gap = np.where(free, np.hypot(step[:, 0], step[:, 1]), 1e9)
        if len(chain) > 1:
            before = points[chain[-1]] - points[chain[-2]]
            turn = step @ before / (gap * np.hypot(*before) + 1e-6)
            gap = np.where(turn < -0.2, 1e9, gap)
        nearest = int(gap.argmin())
        if gap[nearest] > 2.9 * radius:
            break
        chain.append(nearest)
        free[nearest] = False
    return chain


def _arch(
    a: Anatomy,
    points: NDArray[np.float64],
    free: NDArray[np.bool_],
    radius: float,
    rng: np.random.Generator,
) -> Balls:
    """An upturned U whose limbs are parts 0 and 1, in the place of the points it covers."""
    middle = points[int(rng.integers(len(points)))] if len(points) else np.array([0.0, a.level_y(1.5)])
    wide, high = radius * rng.uniform(1.25, 1.6), radius * rng.uniform(1.6, 2.6)
    shape = np.array([[-1.05, 0.9], [-1.0, 0.0], [-0.55, -0.75], [0.55, -0.75], [1.0, 0.0], [1.05, 0.9]])
    curve = spline(middle + shape * (wide, high)) + np.array([a.centre_x, 0], np.float32)
    gone = (np.abs(points[:, 0] - middle[0]) < 1.9 * wide) & (np.abs(points[:, 1] - middle[1]) < 1.3 * high)
    free[gone] = False
    radii = radius * 0.9 * (1 + 0.06 * wander(rng, len(curve), 8))
    balls = tube_balls(curve, radii.astype(np.float32))
    part = (np.arange(len(balls.radii)) >= len(balls.radii) / 2).astype(np.int16)
    return Balls(balls.centres, balls.radii, part)


def _loop(a: Anatomy, points: NDArray[np.float64], radius: float, rng: np.random.Generator) -> Balls:
    p = points + rng.normal(0, 0.12 * radius, points.shape)
    if len(p) == 1:
        p = np.concatenate([p, p + rng.normal(0, 0.5 * radius, (1, 2)) + 1])
    curve = spline(p) + np.array([a.centre_x, 0], np.float32)
    n = len(curve)
    r = radius * rng.uniform(0.8, 1.2) * (1 + 0.10 * wander(rng, n, 6))
    r = np.clip(r, 0.5 * radius, 1.45 * radius) * np.interp(
        np.arange(n), [0, 3, n - 4, n - 1], [0.85, 1, 1, 0.85]
    )
    return tube_balls(curve, r.astype(np.float32))
