"""Gut lumens as unions of balls that flatten against each other, as packed loops do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.geometry import Field, N, Window, window_of

_FAR = 99.0
_MARGIN = 5.0


@dataclass(frozen=True)
class Balls:
    """A lumen: centres (n, 2) and radii (n,) in pixels, and what each ball belongs to (haustrum number)."""

    centres: Field
    radii: Field
    part: NDArray[np.int16]


def ball_union(
    balls: Balls, margin: float = _MARGIN
) -> tuple[Window, Field, Field, NDArray[np.int16]] | None:
    """Window, squared half-chord (negative outside), radius and part of the winning ball per pixel.

    The power distance max(r^2 - |p - c|^2) leaves no seams in bent or lumpy tubes, as nearest points would.
    """
    reach = balls.radii + margin
    low, high = (balls.centres - reach[:, None]).min(0), (balls.centres + reach[:, None]).max(0)
    window = window_of(low[0], high[0], low[1], high[1])
    if window is None:
        return None
    top, left = window[0].start, window[1].start
    shape = (window[0].stop - top, window[1].stop - left)
    best = np.full(shape, -1e5, np.float32)
    winner = np.zeros(shape, np.int16)
    for i, ((cx, cy), r) in enumerate(zip(balls.centres - (left, top), reach, strict=True)):
        x0, x1 = max(0, int(cx - r)), min(shape[1], int(cx + r) + 2)
        y0, y1 = max(0, int(cy - r)), min(shape[0], int(cy + r) + 2)
        if x1 <= x0 or y1 <= y0:
            continue
        dx = np.arange(x0, x1, dtype=np.float32) - np.float32(cx)
        dy = np.arange(y0, y1, dtype=np.float32) - np.float32(cy)
        power = balls.radii[i] ** 2 - dx[None] ** 2 - dy[:, None] ** 2
        part = best[y0:y1, x0:x1]
        higher = power > part
        np.copyto(part, power, where=higher)
        np.copyto(winner[y0:y1, x0:x1], np.int16(i), where=higher)
    return window, best, balls.radii[winner], balls.part[winner]


class LumenLayer:
    """One depth layer of abutting lumens.

    `first` and `second` are the smallest and second smallest (distance to centre - radius) over all lumens;
    their half-difference is the distance to the wall shared by two neighbours.
    """

    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.first = np.full((N, N), _FAR, np.float32)
        self.second = np.full((N, N), _FAR, np.float32)
        self.radius = np.ones((N, N), np.float32)
        self.owner = np.full((N, N), -1, np.int16)
        self.part = np.zeros((N, N), np.int16)
        self.windows: list[Window | None] = []

    def add(self, balls: Balls) -> int:
        """Add one lumen; returns its number in `owner`."""
        number = len(self.windows)
        found = ball_union(balls)
        self.windows.append(found[0] if found else None)
        if found is None:
            return number
        window, power, radius, part = found
        distance = np.sqrt(np.maximum(radius**2 - power, 0)) - radius
        distance = np.where(power > -1e4, np.minimum(distance, _FAR), _FAR).astype(np.float32)
        nearer = distance < self.first[window]
        self.second[window] = np.where(nearer, self.first[window], np.minimum(self.second[window], distance))
        for target, value in ((self.first, distance), (self.radius, radius), (self.part, part)):
            np.copyto(target[window], value, where=nearer)
        self.owner[window][nearer] = number
        return number

    def distance(self) -> Field:
        """Signed distance to the lumens, walls taken off."""
        gap = (self.first - self.second) / 2
        return np.asarray(np.maximum(self.first, gap) + self.wall / 2, np.float32)

    def half_chord(self, distance: Field) -> Field:
        """Half-thickness of the lumens (pixels)."""
        d = np.clip(self.radius + distance, 0, None)
        return np.asarray(np.sqrt(np.maximum(self.radius**2 - d**2, 0)) * (distance < 0), np.float32)


def tube_balls(curve: Field, radii: Field, step: float = 2.5) -> Balls:
    """Balls along a curve sampled once a pixel."""
    every = max(1, round(min(step, float(radii.min()) * 0.3)))
    return Balls(curve[::every], radii[::every].astype(np.float32), np.zeros(len(curve[::every]), np.int16))
