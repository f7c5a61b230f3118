"""The diaphragm's domes on a film: traced along the edge between dark lung and bright belly."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.pasting.grey_curve import FloatImage, Mask

_REACH = 0.035  # of the body's width: how far a coarse outline may lie from the edge
_FEWEST = 0.07  # of the body's width: a shorter dome is not used


@dataclass(frozen=True)
class Dome:
    """The edge of one dome.

    Attributes:
        columns: (n,) int, pixel columns from left to right without gaps.
        rows: (n,) float32, the row of the edge in each.
        softness: sigma of the edge in pixels.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.float32]
    softness: float


def find_domes(film: FloatImage, structures: Mapping[str, Mask], width: float) -> list[Dome]:
    """Domes between the lungs and what lies below; empty where the film ends below them.

    Args:
        film: (H, W) grey, bone bright.
        structures: `lungs`, and `spine` to tell the sides apart when the lungs are one piece.
        width: of the body, pixels.
    """
    lungs = structures.get("lungs")
    if lungs is None or not lungs.any():
        return []
    smooth = cv2.GaussianBlur(film, (0, 0), max(1.0, 0.004 * width))
    slope = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    found = []
    for piece in _sides(lungs, structures.get("spine")):
        dome = _trace(smooth, slope, piece, width)
        if dome is not None:
            found.append(dome)
    return found


def _sides(lungs: Mask, spine: Mask | None) -> list[Mask]:
    """Left and right of the spine, each the largest piece of lung there."""
    columns = np.flatnonzero((spine if spine is not None and spine.any() else lungs).any(0))
    middle = int(columns.mean())
    sides = []
    for part in (slice(0, middle), slice(middle, lungs.shape[1])):
        half = np.zeros_like(lungs)
        half[:, part] = lungs[:, part]
        count, label, stats, _ = cv2.connectedComponentsWithStats(half.astype(np.uint8))
        if count > 1:
            sides.append(label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))
    return sides


def _trace(smooth: FloatImage, slope: FloatImage, lung: Mask, width: float) -> Dome | None:
    """Follow the steepest darkening upward near the lung's lower border, smoothly (dynamic programming)."""
    height = lung.shape[0]
    columns = np.flatnonzero(lung.any(0))
    coarse = height - 1 - lung[::-1, columns].argmax(0)
    reach = max(3, round(_REACH * width))
    keep = _under_the_lung(columns, coarse, width) & (coarse + 2 * reach < height) & (coarse > reach)
    columns, border = _longest_run(columns[keep], coarse[keep].astype(np.float32))
    coarse = border.round().astype(np.int64)
    if len(columns) < _FEWEST * width:
        return None
    offsets = np.arange(-reach, reach + 1)
    rows = coarse[:, None] + offsets
    gain = np.clip(slope[rows, columns[:, None]], 0, None)
    step = np.diff(coarse, prepend=coarse[:1])
    path = coarse + offsets[_best_path(gain / (gain.max() + 1e-6), step)]
    rows_found = cv2.GaussianBlur(path.astype(np.float32)[None], (0, 0), max(1.5, 0.008 * width))[0]
    return _accepted(smooth, slope, columns, rows_found, reach)


def _accepted(
    smooth: FloatImage, slope: FloatImage, columns: NDArray[np.int64], rows: NDArray[np.float32], reach: int
) -> Dome | None:
    """Only where it is darker above than below, as a lung is."""
    at = rows.round().astype(int)
    jump = smooth[np.minimum(at + reach, smooth.shape[0] - 1), columns] - smooth[at - reach, columns]
    clear = cv2.blur((jump > 0.03 * float(np.ptp(smooth))).astype(np.float32)[None], (9, 1))[0] > 0.5
    columns, rows = _longest_run(columns[clear], rows[clear])
    if len(columns) < 12:
        return None
    at = rows.round().astype(int)
    steep = np.maximum(slope[at, columns], 1e-3)
    rise = smooth[np.minimum(at + reach, smooth.shape[0] - 1), columns] - smooth[at - reach, columns]
    softness = float(np.median(np.clip(rise, 1e-3, None) / steep)) / 2.5
    return Dome(
        *_extended(columns, rows, smooth.shape), float(np.clip(softness, 0.7, 0.012 * smooth.shape[1]))
    )


def _extended(
    columns: NDArray[np.int64], rows: NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The dome a tenth further on either side, where heart or chest wall hide its edge."""
    more, n = len(columns) // 10, max(6, len(columns) // 8)
    left, right = (rows[n] - rows[0]) / n, (rows[-1] - rows[-n - 1]) / n
    before, after = np.arange(-more, 0), np.arange(1, more + 1)
    full = np.concatenate([columns[0] + before, columns, columns[-1] + after])
    edge = np.concatenate([rows[0] + left * before, rows, rows[-1] + right * after])
    inside = (full >= 0) & (full < shape[1])
    return full[inside], np.asarray(edge[inside], np.float32)


def _under_the_lung(columns: NDArray[np.int64], coarse: NDArray[np.int64], width: float) -> Mask:
    """Columns whose lower border is a dome, not the upright side of the lung."""
    if len(columns) < 5:
        return np.zeros(len(columns), bool)
    smooth = cv2.blur(coarse.astype(np.float32)[None], (5, 1))[0]
    return np.asarray(np.abs(np.gradient(smooth)) < 2.0) & (columns > 0.01 * width)


def _best_path(gain: FloatImage, step: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index per column (n,) of the path with most gain, that leaves its neighbour by at most two rows."""
    n, m = gain.shape
    total, back = gain[0].astype(np.float64), np.zeros((n, m), np.int64)
    shifts = np.arange(-2, 3)
    for i in range(1, n):
        moved = np.arange(m)[:, None] + shifts + int(step[i])
        cost = total[np.clip(moved, 0, m - 1)] - 0.06 * np.abs(shifts) - 9.0 * ((moved < 0) | (moved >= m))
        best = cost.argmax(1)
        back[i] = np.clip(moved[np.arange(m), best], 0, m - 1)
        total = cost[np.arange(m), best] + gain[i]
    path = np.empty(n, np.int64)
    path[-1] = int(total.argmax())
    for i in range(n - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def _longest_run(
    columns: NDArray[np.int64], values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The longest stretch of neighbouring columns (gaps of two pixels are none)."""
    if not len(columns):
        return columns, values
    pieces = np.split(np.arange(len(columns)), np.flatnonzero(np.diff(columns) > 2) + 1)
    longest = max(pieces, key=len)
    full = np.arange(columns[longest[0]], columns[longest[-1]] + 1)
    filled = np.interp(full, columns[longest], values[longest].astype(np.float64))
    return full, np.asarray(filled, np.float32)
