"""Where tubes and lines run in a child: courses to draw on films, by the landmarks that a film is known by.

Points are x, y in pixels of the 512 frame; lengths scale with the child. The courses are those that
radiology texts name for a gastric tube that lies well, and for what is taken for one: leads, umbilical and
central lines, ventriculoperitoneal shunts, tracheal tubes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.geometry import N, spline

Curve = NDArray[np.float32]  # (n, 2)
_STEP = 3.0


@dataclass(frozen=True)
class Torso:
    """What a course is laid out by.

    Attributes:
        spine: (512,) column of the spine's middle at each row.
        dome: row of the top of the belly.
        floor: row of its lowest part.
        half_width: of the trunk.
    """

    spine: NDArray[np.float32]
    dome: float
    floor: float
    half_width: float

    @property
    def height(self) -> float:
        """Of the belly."""
        return self.floor - self.dome

    def at(self, row: float) -> float:
        """Column of the spine."""
        return float(self.spine[int(np.clip(row, 0, N - 1))])


def gastric_tube(torso: Torso, rng: np.random.Generator) -> Curve:
    """Down beside the spine, through the diaphragm and to the left; some turn back, a few go on."""
    top, dome, tall, wide = -20.0, torso.dome, torso.height, torso.half_width
    side = rng.uniform(-0.04, 0.1) * wide
    tip = torso.at(dome) + rng.uniform(0.08, 0.6) * wide, dome + rng.uniform(0.12, 0.48) * tall
    points = [(torso.at(row) + side + rng.normal(0, 0.02) * wide, row) for row in _rows(top, dome)]
    points.append((torso.at(dome) + rng.uniform(0.0, 0.2) * wide, dome + rng.uniform(0.02, 0.12) * tall))
    points.append(tip)
    kind = rng.random()
    if kind < 0.2:  # curls in the stomach
        points.append((tip[0] - rng.uniform(0.05, 0.3) * wide, tip[1] + rng.uniform(0.0, 0.14) * tall))
    elif kind < 0.3:  # on towards the pylorus and the duodenum
        points.append(
            (torso.at(dome) - rng.uniform(0.0, 0.3) * wide, tip[1] + rng.uniform(0.02, 0.15) * tall)
        )
    elif kind < 0.37:  # turned back on itself
        points.append((tip[0] + rng.uniform(0.02, 0.15) * wide, tip[1] - rng.uniform(0.05, 0.2) * tall))
    elif kind < 0.45:  # only just through the diaphragm
        points = points[:-1]
    return spline(points, _STEP)


def lead(torso: Torso, rng: np.random.Generator) -> Curve:
    """From an edge of the film to somewhere on the child."""
    angle = rng.uniform(0, 2 * np.pi)
    start = N / 2 + 0.75 * N * np.array([np.cos(angle), np.sin(angle)])
    end = np.array(
        [
            torso.at(torso.dome) + rng.uniform(-1.1, 1.1) * torso.half_width,
            rng.uniform(torso.dome - 0.6 * torso.height, torso.floor),
        ]
    )
    bends = [start + (end - start) * share + rng.normal(0, 0.12 * N, 2) for share in (0.35, 0.7)]
    return spline([start, *bends, end], _STEP)


def umbilical_line(torso: Torso, rng: np.random.Generator) -> Curve:
    """A vein's goes straight up to the liver and the heart, an artery's first down to the pelvis."""
    navel_row = torso.dome + rng.uniform(0.55, 0.8) * torso.height
    spine, wide, tall = torso.at(navel_row), torso.half_width, torso.height
    navel = (spine + rng.uniform(-0.12, 0.12) * wide, navel_row)
    top = torso.dome + rng.uniform(-0.5, 0.25) * tall
    outside = (
        navel[0] + rng.uniform(-0.9, 0.9) * wide,
        min(N - 1.0, navel_row + rng.uniform(0.0, 0.5) * tall),
    )
    points = [outside, navel]
    if rng.random() < 0.5:
        points.append((spine + rng.choice([-1, 1]) * rng.uniform(0.1, 0.3) * wide, navel_row + 0.22 * tall))
        points.append((spine + rng.uniform(0.0, 0.12) * wide, navel_row - 0.05 * tall))
    else:
        points.append((spine - rng.uniform(0.02, 0.2) * wide, navel_row - 0.3 * tall))
    points.append((torso.at(top) + rng.uniform(-0.08, 0.12) * wide, top))
    return spline(points, _STEP)


def shunt(torso: Torso, rng: np.random.Generator) -> Curve:
    """From the chest wall beside the spine down into the belly, where it lies in a loop."""
    side = rng.choice([-1.0, 1.0], p=[0.75, 0.25]) * rng.uniform(0.25, 0.75) * torso.half_width
    rows = [-20.0, torso.dome, torso.dome + rng.uniform(0.25, 0.5) * torso.height]
    points = [(torso.at(row) + side * rng.uniform(0.85, 1.1), row) for row in rows]
    for _ in range(rng.integers(1, 4)):
        row = torso.dome + rng.uniform(0.3, 0.95) * torso.height
        points.append((torso.at(row) + rng.uniform(-0.7, 0.7) * torso.half_width, row))
    return spline(points, _STEP)


def chest_line(torso: Torso, rng: np.random.Generator) -> Curve:
    """A tracheal tube or a central line: from above, and ends well above the diaphragm."""
    end = torso.dome - rng.uniform(0.3, 0.9) * torso.height
    start = (torso.at(end) + rng.uniform(-0.7, 0.7) * torso.half_width, -20.0)
    bend = (torso.at(end) + rng.uniform(-0.25, 0.15) * torso.half_width, end - 0.25 * torso.height)
    return spline([start, bend, (torso.at(end) + rng.uniform(-0.12, 0.08) * torso.half_width, end)], _STEP)


# What is drawn on a film besides tubes, and how often.
LINES: tuple[tuple[float, Callable[[Torso, np.random.Generator], Curve]], ...] = (
    (0.5, lead),
    (0.3, lead),
    (0.15, umbilical_line),
    (0.1, shunt),
    (0.12, chest_line),
)


def _rows(top: float, dome: float) -> NDArray[np.float64]:
    """Of the points between the upper edge and the diaphragm."""
    return np.linspace(top, max(dome - 12, top + 12), 3)
