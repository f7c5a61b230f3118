"""Silhouettes and thicknesses on the film grid: every object is a signed distance plus a half-chord.

A voxel volume of the same sharpness would hold 33 million cells a film. Here an object is a signed distance
(< 0 inside, pixels) in the film plane, and a rule that gives its half-thickness along the beam. Path lengths
add. Arrays are (N, N) float32, rows then columns; points are (x, y).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pedaxr_models.phantom.interpolation import closed_curve, smooth_curve

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

N = 512
_AT_ONCE = 16  # segments of a curve: more fall out of the cache
YY, XX = (axis.astype(np.float32) for axis in np.mgrid[0:N, 0:N])
ROWS = YY[:, :1]  # for what depends on the row alone


def smoothstep(start: float, end: float, value: ArrayLike) -> Field:
    """0 at `start`, 1 at `end` (either order), with zero slope at both."""
    t = np.clip((np.asarray(value, np.float32) - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def coverage(distance: NDArray[np.floating], softness: float = 0.7) -> Field:
    """Share of a pixel inside a silhouette; 1 inside, 0 outside, linear over 2 x `softness` pixels."""
    return np.asarray(np.clip(0.5 - distance / (2 * softness), 0, 1), np.float32)


def half_chord(distance: Field, rounding: float) -> Field:
    """Half-thickness of a solid whose edge is rounded with radius `rounding` (pixels)."""
    q = np.clip(-distance, 0, rounding)
    return np.asarray(np.sqrt(q * (2 * rounding - q)), np.float32)


def falling(relative: NDArray[np.floating], steep: float, root: float) -> NDArray[np.floating]:
    """1 in the middle, 0 from `relative` 1 on: (1 - relative^steep)^root, computed only where it is not 0."""
    inside = relative < 1
    height = np.zeros_like(relative)
    height[inside] = (1 - relative[inside] ** steep) ** root
    return height


def window_of(x0: float, x1: float, y0: float, y1: float) -> Window | None:
    """Slices of the grid that hold a box; None when the box lies off the grid."""
    left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
    right, bottom = min(N, int(np.ceil(x1)) + 1), min(N, int(np.ceil(y1)) + 1)
    if right <= left or bottom <= top:
        return None
    return slice(top, bottom), slice(left, right)


def rounded_box(x: Field, y: Field, half_width: float, half_height: float, radius: float) -> Field:
    """Signed distance to a rounded rectangle centred at the origin."""
    qx, qy = np.abs(x) - half_width + radius, np.abs(y) - half_height + radius
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return np.asarray(outside + np.minimum(np.maximum(qx, qy), 0) - radius, np.float32)


def ellipse(x: Field, y: Field, a: float, b: float) -> Field:
    """Approximate signed distance to an axis-aligned ellipse centred at the origin."""
    return np.asarray((np.hypot(x / a, y / b) - 1) * min(a, b), np.float32)


def spline(points: ArrayLike, step: float = 1.0) -> Field:
    """Cubic curve through (n, d) points, sampled about every `step` pixels of its first two coordinates.

    Up to four points the not-a-knot spline is one polynomial, solved directly: most curves are that short.
    """
    p = np.asarray(points, float)
    lengths = np.maximum(1e-3, np.hypot(*np.diff(p[:, :2], axis=0).T))
    t = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.linspace(0, t[-1], max(4, int(t[-1] / step)))
    if len(p) <= 4:
        powers = np.arange(len(p))
        weights = np.linalg.solve((t / t[-1])[:, None] ** powers, p)
        return np.asarray((at / t[-1])[:, None] ** powers @ weights, np.float32)
    return np.asarray(smooth_curve(t, p)(at), np.float32)


class Tube(NamedTuple):
    """Distance to a curve inside a window: `arc` is the fractional index of the nearest curve sample."""

    window: Window
    distance: Field
    arc: Field

    def along(self, values: ArrayLike) -> Field:
        """A quantity given per curve sample, at each pixel's nearest point of the curve."""
        v = np.asarray(values, np.float32)
        return np.asarray(np.interp(self.arc, np.arange(len(v)), v), np.float32)


def tube(curve: Field, reach: float) -> Tube | None:
    """Distance to a polyline (n, 2) for pixels within `reach` (1e3 elsewhere); None when off the grid."""
    low, high = curve.min(0) - reach - 2, curve.max(0) + reach + 2
    window = window_of(low[0], high[0], low[1], high[1])
    if window is None:
        return None
    top, left = window[0].start, window[1].start
    shape = (window[0].stop - top, window[1].stop - left)
    best, arc = np.full(shape, 1e6, np.float32), np.zeros(shape, np.float32)
    ends = curve - (left, top)
    for first in range(0, len(ends) - 1, _AT_ONCE):
        _nearer_segments(best, arc, ends[first : first + _AT_ONCE + 1], first, reach)
    return Tube(window, np.sqrt(best), arc)


def _nearer_segments(best: Field, arc: Field, ends: NDArray[np.floating], first: int, reach: float) -> None:
    """Lower `best` (squared distance) and set `arc` where a segment between two `ends` is nearer.

    Each counts in a box of `reach` round it; all boxes are computed in one array.
    """
    a, b = ends[:-1], ends[1:]
    low = np.maximum((np.minimum(a, b) - reach - 1).astype(int), 0)
    high = np.minimum((np.maximum(a, b) + reach + 2).astype(int), best.shape[::-1])
    width, height = np.maximum((high - low).max(0), 0)
    dx = (low[:, :1] + np.arange(width) - a[:, :1])[:, None]
    dy = (low[:, 1:] + np.arange(height) - a[:, 1:])[:, :, None]
    ex, ey = (b - a).T[:, :, None, None]
    t = dx * ex + dy * ey
    t /= np.maximum(ex * ex + ey * ey, 1e-6)
    np.clip(t, 0, 1, out=t)
    d2 = (dx - t * ex) ** 2 + (dy - t * ey) ** 2
    t += np.arange(first, first + len(a))[:, None, None]
    for (x0, y0), (x1, y1), near, at in zip(low.tolist(), high.tolist(), d2, t, strict=True):
        if x1 > x0 and y1 > y0:
            part, near, at = best[y0:y1, x0:x1], near[: y1 - y0, : x1 - x0], at[: y1 - y0, : x1 - x0]
            nearer = near < part
            np.copyto(part, near, where=nearer)
            np.copyto(arc[y0:y1, x0:x1], at, where=nearer)


def polygon_distance(points: ArrayLike, margin: float = 5.0) -> tuple[Window, Field] | None:
    """Signed distance to a smooth closed curve through (n, 2) points, by a distance transform at 3x."""
    p = np.asarray(points, float)
    closed = np.concatenate([p, p[:1]])
    t = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    outline = closed_curve(t, closed)(np.linspace(0, t[-1], 160))
    low, high = outline.min(0) - margin, outline.max(0) + margin
    window = window_of(low[0], high[0], low[1], high[1])
    if window is None:
        return None
    top, left = window[0].start, window[1].start
    height, width = window[0].stop - top, window[1].stop - left
    fine = np.zeros((height * 3, width * 3), np.uint8)
    corners = np.round((outline - (left, top) + 0.5) * 3 * 16 - 8).astype(np.int32)
    cv2.fillPoly(fine, [corners], 1, shift=4)
    outside = cv2.distanceTransform(1 - fine, cv2.DIST_L2, cv2.DIST_MASK_5)
    inside = cv2.distanceTransform(fine, cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = cv2.resize((outside - inside) / 3, (width, height), interpolation=cv2.INTER_AREA)
    return window, distance.astype(np.float32)


def blur(field: NDArray[np.floating], sigma: float) -> Field:
    """Gaussian blur; large kernels run on a quarter-size grid (no visible difference, ten times faster)."""
    if sigma < 8:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)
    small = cv2.resize(field, (N // 4, N // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (N, N), interpolation=cv2.INTER_LINEAR), np.float32)
