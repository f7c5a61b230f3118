"""Cubic curves through given points: smooth, closed, or without overshoot.

SciPy has them as well; it is 140 MB that making a film does without. A test compares both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CubicCurve:
    """A curve of cubic pieces that is told by its values and slopes at the knots.

    Attributes:
        knots: (n,), rising.
        values, slopes: (n,) or (n, d).
        is_closed: whether it repeats beyond its ends; otherwise the end pieces go on.
    """

    knots: FloatArray
    values: FloatArray
    slopes: FloatArray
    is_closed: bool = False

    def __call__(self, at: ArrayLike) -> FloatArray:
        """Values at the places `at`, (m,) or (m, d)."""
        x, n = np.asarray(at, float), len(self.knots)
        first = self.knots[0]
        if self.is_closed:
            x = first + (x - first) % (self.knots[-1] - first)
        piece = np.clip(np.searchsorted(self.knots, x, "right") - 1, 0, n - 2)
        step = _upright(x - self.knots[piece], self.values.ndim)
        c0, c1, c2, c3 = (c[piece] for c in self._coefficients())
        square = step * step
        return np.asarray(c0 + c1 * step + c2 * square + c3 * (square * step))

    def _coefficients(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Of each piece, the constant first."""
        width = _upright(np.diff(self.knots), self.values.ndim)
        chord = np.diff(self.values, axis=0) / width
        before, after = self.slopes[:-1], self.slopes[1:]
        bend = (before + after - 2 * chord) / width
        return self.values[:-1], before, (chord - before) / width - bend, bend / width


def smooth_curve(knots: ArrayLike, values: ArrayLike) -> CubicCurve:
    """Twice continuously differentiable, the first two and the last two pieces one cubic (de Boor, 1978).

    Args:
        knots: (n,), rising, n at least 4.
        values: (n,) or (n, d).
    """
    x, y = np.asarray(knots, float), np.asarray(values, float)
    h, n = np.diff(x), len(x)
    chord = np.diff(y, axis=0) / _upright(h, y.ndim)
    system, right = np.zeros((n, n)), np.zeros_like(y)
    _fill_inner(system, right, h, chord)
    for row, inner, outer, far in ((0, 1, 0, 2), (n - 1, n - 3, n - 2, n - 3)):
        reach = abs(x[far] - x[row])
        system[row, row], system[row, row + (1 if row == 0 else -1)] = h[inner], reach
        near = (h[outer] + 2 * reach) * h[inner] * chord[outer]
        right[row] = (near + h[outer] ** 2 * chord[inner]) / reach
    return CubicCurve(x, y, np.linalg.solve(system, right))


def closed_curve(knots: ArrayLike, values: ArrayLike) -> CubicCurve:
    """Twice continuously differentiable all the way round; the last value is the first one again.

    Args:
        knots: (n,), rising, n at least 4.
        values: (n,) or (n, d).
    """
    x, y = np.asarray(knots, float), np.asarray(values, float)
    h, n = np.diff(x), len(x) - 1
    chord = np.diff(y, axis=0) / _upright(h, y.ndim)
    system, right = np.zeros((n, n)), np.zeros_like(y[:-1])
    _fill_inner(system, right, h, chord)
    for row in (0, n - 1):
        before, after = (row - 1) % n, row
        system[row, (row - 1) % n] += h[after]
        system[row, row] += 2 * (h[before] + h[after])
        system[row, (row + 1) % n] += h[before]
        right[row] = 3 * (h[after] * chord[before] + h[before] * chord[after])
    slopes = np.linalg.solve(system, right)
    return CubicCurve(x, y, np.concatenate([slopes, slopes[:1]]), is_closed=True)


def monotone_curve(knots: ArrayLike, values: ArrayLike) -> CubicCurve:
    """Once continuously differentiable, rising where the values rise (Fritsch and Butland, 1984).

    Args:
        knots: (n,), rising, n at least 3.
        values: (n,).
    """
    x, y = np.asarray(knots, float), np.asarray(values, float)
    h = np.diff(x)
    chord = np.diff(y) / h
    turns = (np.sign(chord[1:]) != np.sign(chord[:-1])) | (chord[1:] == 0) | (chord[:-1] == 0)
    first, second = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (first / chord[:-1] + second / chord[1:]) / (first + second)
        inner = np.where(turns, 0.0, 1.0 / mean)
    ends = [_end_slope(h[a], h[b], chord[a], chord[b]) for a, b in ((0, 1), (-1, -2))]
    return CubicCurve(x, y, np.concatenate([ends[:1], inner, ends[1:]]))


def _fill_inner(system: FloatArray, right: FloatArray, h: FloatArray, chord: FloatArray) -> None:
    """Equations of the inner knots: no jump of the second derivative."""
    row = np.arange(1, len(system) - 1)
    before, after = h[row - 1], h[row]
    system[row, row - 1], system[row, row], system[row, row + 1] = after, 2 * (before + after), before
    before, after = _upright(before, chord.ndim), _upright(after, chord.ndim)
    right[row] = 3 * (after * chord[row - 1] + before * chord[row])


def _end_slope(near: float, far: float, chord: float, next_chord: float) -> float:
    """Of the parabola through three points, without turning back or overshooting."""
    slope = ((2 * near + far) * chord - near * next_chord) / (near + far)
    if np.sign(slope) != np.sign(chord):
        return 0.0
    if np.sign(chord) != np.sign(next_chord) and abs(slope) > 3 * abs(chord):
        return 3 * chord
    return slope


def _upright(steps: FloatArray, dimensions: int) -> FloatArray:
    """(m,) as (m, 1) where values are (n, d)."""
    return steps[:, None] if dimensions > 1 else steps
